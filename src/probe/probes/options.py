"""How one measurement departs from the plain first look."""

from dataclasses import dataclass
from enum import Enum

from probe.model.measurement import DnsEngine, Variant
from probe.probes.transfer import Transfer

__all__ = ["PLAIN", "UNSET", "ProbeOptions", "Unset"]


class Unset(Enum):
    """The type of ``UNSET``: the endpoint's own SNI, where ``None`` means to send none."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """Options of one measurement.

    ``addresses`` skip DNS and are dialled as they are (where the dial policy allows).
    ``families`` are measured apart, one after the other. ``engines`` are all asked; the first
    with an address that may be dialled says where to go. ``resolver`` is asked by the engines
    UDP, TCP and DoT instead of the configured one; ``doh_url`` by the engine DoH, at
    ``doh_addresses`` if given, else at what the system resolver says of its host.
    ``max_addresses`` are tried in turn until one passes. ``keep_listening`` waits for a second,
    different UDP answer while the rest goes on. ``random_payload`` puts bytes of the same size
    and entropy in the place of a protocol's own; ``over_tcp`` dials the port over TCP instead.
    ``storefront`` (ISO 3166 alpha-2) is asked for
    where the endpoint's path has ``{country}``; without one it is the line's own country.
    ``transfer`` times one in the place of what the kind measures.
    """

    variant: Variant = Variant.MAIN
    addresses: tuple[str, ...] = ()
    sni: str | Unset | None = UNSET
    families: tuple[int, ...] = (4,)
    engines: tuple[DnsEngine, ...] = (DnsEngine.SYSTEM, DnsEngine.UDP)
    resolver: str | None = None
    doh_url: str | None = None
    doh_addresses: tuple[str, ...] = ()
    max_addresses: int = 1
    keep_listening: bool = True
    random_payload: bool = False
    over_tcp: bool = False
    storefront: str | None = None
    transfer: Transfer | None = None


PLAIN = ProbeOptions()
"""A first look."""
