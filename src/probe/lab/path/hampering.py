"""What slows a connection down, thins it out or lets it die in the middle.

All act on the packets of one connection without reading them, a throttle and a loss on those of
the server, of the client, or of each by itself. A frozen answer is
counted in bytes from the first request on (inside TLS: from the client's first record of
application data), or in packets from the server's SYN/ACK on, as the machines of some
countries do it. When a flow is frozen nothing passes any more, in either direction.
"""

import random
from typing import Protocol

from probe.lab.actions import Action, Limit, Way
from probe.lab.path.links import BURST_S, Policer, Shaper
from probe.lab.path.outcome import DROP, PASS, Outcome
from probe.lab.path.packets import Packet
from probe.lab.rules import What

__all__ = ["Freeze", "Hampering", "Throttle", "hampering"]

QUEUE_S = 10.0
"""What a shaped connection may have waiting at most."""

_APPLICATION_DATA = 23
_RECORD_TYPES = range(20, 24)


class Hampering(Protocol):
    """Acts on the packets of one connection."""

    def from_client(self, packet: Packet, at_s: float) -> Outcome:
        """Return what becomes of a packet of the client."""
        ...

    def from_server(self, packet: Packet, at_s: float) -> Outcome:
        """Return what becomes of a packet of the server."""
        ...


class Throttle:
    """Holds one side to a rate, or each; what is above it waits or is dropped."""

    def __init__(self, rate: int, limit: Limit, way: Way = Way.DOWN) -> None:
        """Let ``rate`` bytes a second pass."""
        self._up = _meter(rate, limit) if way is not Way.DOWN else None
        self._down = _meter(rate, limit) if way is not Way.UP else None

    def from_client(self, packet: Packet, at_s: float) -> Outcome:
        """Delay or drop what is above the rate of uploads."""
        return _metered(self._up, packet, at_s)

    def from_server(self, packet: Packet, at_s: float) -> Outcome:
        """Delay or drop what is above the rate of downloads."""
        return _metered(self._down, packet, at_s)


def _meter(rate: int, limit: Limit) -> Policer | Shaper:
    if limit is Limit.POLICED:
        return Policer(rate, rate * BURST_S)
    return Shaper(rate, QUEUE_S)


def _metered(meter: Policer | Shaper | None, packet: Packet, at_s: float) -> Outcome:
    if meter is None:
        return PASS
    delay = meter.delay(len(packet.raw), at_s)
    if delay is None:
        return DROP
    return Outcome(forward=True, delay_s=delay) if delay else PASS


class Loss:
    """Loses a share of the packets of one side, or of each."""

    def __init__(self, share: float, way: Way, rng: random.Random) -> None:
        """Throw ``rng`` for each packet."""
        self._share = share
        self._way = way
        self._rng = rng

    def from_client(self, packet: Packet, at_s: float) -> Outcome:
        """Lose some of the client's."""
        del packet, at_s
        return self._thrown(spared=Way.DOWN)

    def from_server(self, packet: Packet, at_s: float) -> Outcome:
        """Lose some of the server's."""
        del packet, at_s
        return self._thrown(spared=Way.UP)

    def _thrown(self, *, spared: Way) -> Outcome:
        if self._way is spared:
            return PASS
        return DROP if self._rng.random() < self._share else PASS


class Freeze:
    """Stops everything after so many bytes or packets of the server."""

    def __init__(
        self, most_bytes: int, most_packets: int | None, *, started: bool, packets: int = 0
    ) -> None:
        """Count ``most_bytes`` once ``started``, or ``most_packets``, of which some were seen."""
        self._bytes_left = most_bytes
        self._packets_left = None if most_packets is None else most_packets - packets
        self._started = started
        self._frozen = False

    def from_client(self, packet: Packet, at_s: float) -> Outcome:
        """See whether the client asks for something by now."""
        del at_s
        if self._frozen:
            return DROP
        if not self._started and packet.payload_length:
            self._started = _has_application_data(packet.payload)
        return PASS

    def from_server(self, packet: Packet, at_s: float) -> Outcome:
        """Count; the packet that would exceed what is left is the first to vanish."""
        del at_s
        if not self._frozen:
            self._frozen = self._exceeded(packet)
        return DROP if self._frozen else PASS

    def _exceeded(self, packet: Packet) -> bool:
        if self._packets_left is not None:
            self._packets_left -= 1
            return self._packets_left < 0
        if self._started:
            self._bytes_left -= packet.payload_length
        return self._bytes_left < 0


def hampering(what: What, *, readable: bool, packets: int) -> Hampering:
    """Return what ``what`` does to a connection on which ``packets`` came from the server.

    ``readable`` is whether the first request is out already, in the clear.
    """
    if what.action is Action.THROTTLE:
        return Throttle(what.rate, what.limit, what.way)
    return Freeze(what.bytes, what.packets, started=readable, packets=packets)


def _has_application_data(payload: bytes) -> bool:
    """Return whether a TLS record of application data starts in this segment (RFC 8446 5.1)."""
    at = 0
    while at + 5 <= len(payload) and payload[at] in _RECORD_TYPES and payload[at + 1] == 3:
        if payload[at] == _APPLICATION_DATA:
            return True
        at += 5 + int.from_bytes(payload[at + 3 : at + 5], "big")
    return False
