"""Where the middlebox stands: its three sides, the addresses behind them, the hops it plays."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from probe.lab.addresses import AddressBook

__all__ = ["DOMESTIC_HOPS", "Hop", "Plumbing", "Sent", "Side", "packed", "standard_hops"]

DOMESTIC_HOPS = 2
"""How many of the hops lie on the way to a server inside the country."""


class Side(StrEnum):
    """Where a packet comes from or goes to."""

    LINE = "line"  # the measured line, behind a home router
    ABROAD = "abroad"  # the uncensored vantage
    INTERNET = "internet"  # the servers


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet to put on a wire, ``after_s`` seconds from now; equal times keep their order."""

    packet: bytes
    to: Side
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hop:
    """A router on the way; ``asn`` is whose it is."""

    address_v4: str
    address_v6: str
    asn: int
    foreign: bool

    def address(self, family: int) -> bytes:
        """Return its address, packed."""
        return packed(self.address_v4 if family == 4 else self.address_v6)


@dataclass(frozen=True)
class Plumbing:
    """Addresses of the clients, and the hops from the second on (the first is the home router).

    ``line_public_v4`` takes the place of ``line_v4`` on the way out (1:1); IPv6 is not
    translated. Packets to anything else belong to the INTERNET side.
    """

    line_v4: str
    line_public_v4: str
    line_v6: str
    abroad_v4: str
    abroad_v6: str
    hops: tuple[Hop, ...]


def packed(address: str) -> bytes:
    """Return the bytes of an address."""
    return ipaddress.ip_address(address).packed


def standard_hops() -> tuple[Hop, ...]:
    """Return hops 2 and 3 of the provider, 4 the border, 5 and 6 the transit abroad."""
    book = AddressBook()
    places = (("provider edge", 64500), ("provider core", 64500), ("border", 64500))
    beyond = (("transit", 64510), ("transit core", 64510))
    return tuple(
        Hop(book.v4(name, foreign=foreign), book.v6(name, foreign=foreign), asn, foreign)
        for foreign, hops in ((False, places), (True, beyond))
        for name, asn in hops
    )
