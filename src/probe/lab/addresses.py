"""Addresses for the lab's hosts: they look public, belong to nobody here, and are never dialled.

Each is derived from a name by SHA-256, so that two processes agree without talking. The blocks
are public by the registries (so that the catalog's checks accept them) but not used on the
open Internet: 33/8 and 29/8 are legacy allocations of the US DoD that carry no public service,
3ffe::/16 is the 6bone block that IANA took back in 2006 (RFC 3701). The address map sends
every one of them to a loopback port before any socket is opened, and ``PROBE_NET=loopback``
forbids anything else.
"""

import hashlib
import ipaddress
from collections.abc import Collection

__all__ = ["ABROAD", "V4_BLOCKS", "V6_BLOCKS", "AddressBook"]

ABROAD = "XA"
"""The country of the uncensored vantage; no country has that code (ISO 3166, user-assigned)."""

V4_BLOCKS = {True: ipaddress.IPv4Network("33.0.0.0/8"), False: ipaddress.IPv4Network("29.0.0.0/8")}
V6_BLOCKS = {
    True: ipaddress.IPv6Network("3ffe:a::/32"),
    False: ipaddress.IPv6Network("3ffe:b::/32"),
}
"""Blocks by whether they lie abroad."""


class AddressBook:
    """Hands out addresses; the same names in the same order get the same addresses."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        """Leave out the addresses that are ``taken`` already."""
        self._taken = set(taken)

    def v4(self, label: str, *, foreign: bool) -> str:
        """Return an IPv4 address for ``label`` outside or inside the country."""
        return self._pick(label, 4, V4_BLOCKS[foreign])

    def v6(self, label: str, *, foreign: bool) -> str:
        """Return an IPv6 address for ``label`` outside or inside the country."""
        return self._pick(label, 6, V6_BLOCKS[foreign])

    def _pick(
        self, label: str, family: int, block: ipaddress.IPv4Network | ipaddress.IPv6Network
    ) -> str:
        for attempt in range(1000):
            digest = hashlib.sha256(f"{label}/{family}/{attempt}".encode()).digest()
            offset = int.from_bytes(digest[:8], "big") % block.num_addresses
            address = str(block[offset])
            if offset % 256 not in (0, 255) and address not in self._taken:
                self._taken.add(address)
                return address
        raise RuntimeError(f"no free address for {label}")
