"""What a look that times a transfer is told: how much, which way, and from whom."""

from collections.abc import Callable
from dataclasses import dataclass, field

from probe.model.goodput import Direction, Transport

__all__ = ["BYTES_PATH", "HAS_OBJECT", "MAX_WANTED", "MIN_WANTED", "OwnServer", "Transfer"]

MIN_WANTED, MAX_WANTED = 65_536, 524_288
"""Bytes of one transfer: less says little of a rate, more costs a volunteer money."""

BYTES_PATH = "/bytes"
"""Of a server of one's own: it takes what is posted here, and below it gives so many bytes."""

HAS_OBJECT = (200, 206)
"""The statuses of an answer that carries the object, or the part that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """A server of one's own (``probe control serve --throughput``).

    ``key_of`` reads the key of a certificate (DER); only one of ``keys`` is believed.
    """

    address: str
    port: int
    token: str = field(repr=False)
    keys: frozenset[str]
    key_of: Callable[[bytes], str | None] = field(repr=False)

    def is_it(self, chain: tuple[bytes, ...]) -> bool:
        """Return whether a chain is the server's."""
        key = self.key_of(chain[0]) if chain else None
        return key is not None and key in self.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One transfer: ``wanted`` bytes; without a ``server`` of one's own, the endpoint's object."""

    wanted: int
    direction: Direction = Direction.DOWNLOAD
    transport: Transport = Transport.TCP
    server: OwnServer | None = None
