"""Residual blocking: after a censor was triggered, the same destination rests.

Some censors keep cutting everything between two hosts for 60 to 180 s after one bad name, for
any source port. Whoever tests again within that time confirms the first trigger by itself. So
one destination is tested by one measurement at a time, and after a failure that followed a
ClientHello or a request it rests for 120 s, unless a neutral name got through to it meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from probe.analysis.udp_facts import speaks_udp
from probe.clock import Clock
from probe.model.measurement import (
    ExchangeStep,
    HttpStep,
    Measurement,
    TcpStep,
    TlsStep,
    UdpStep,
    Variant,
)
from probe.model.target import Endpoint
from probe.schedule.delays import Delays

__all__ = ["REST_S", "Lane", "Lanes", "answered_at_all", "is_trigger"]

REST_S = 120.0
"""facts: at least 120 s between a sensitive trigger and the next test to one (address, port)."""


_SPEAKS = (TlsStep, HttpStep, ExchangeStep)
_NAMED_IN_QUIC = ("quic", "quic-ping")


def is_trigger(measurement: Measurement) -> bool:
    """Return whether it failed after it had shown a name (in QUIC, too), or its protocol."""
    last = measurement.steps[-1] if measurement.steps else None
    if isinstance(last, UdpStep):
        return last.protocol in _NAMED_IN_QUIC and last.failure is not None
    return isinstance(last, _SPEAKS) and last.failure is not None


def answered_at_all(measurement: Measurement) -> bool:
    """Return whether a TLS peer answered: bytes came, be it a handshake or an alert."""
    return any(
        s.bytes_received > 0
        if isinstance(s, TlsStep)
        else isinstance(s, UdpStep) and s.protocol == "quic" and s.received > 0
        for s in measurement.steps
    )


@dataclass(slots=True)
class Lane:
    """One destination: who tests it now, and until when it rests."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at_s: float = float("-inf")


class Lanes:
    """All destinations of one round: hosts before their addresses are known, addresses after."""

    def __init__(self, clock: Clock, delays: Delays) -> None:
        """Keep what waiting needs; lanes are made when they are first used."""
        self._clock = clock
        self._delays = delays
        self._lanes: dict[str, Lane] = {}

    @staticmethod
    def key(endpoint: Endpoint, addresses: Sequence[str] = ()) -> str:
        """Return the destination of a look: its first pinned address, else its host, and port.

        UDP and TCP are two ways there, each with a memory of its own.
        """
        carrier = "/udp" if speaks_udp(endpoint) else ""
        return f"{addresses[0] if addresses else endpoint.host}|{endpoint.port}{carrier}"

    def free_at_s(self, key: str) -> float:
        """Return until when ``key`` rests on the monotonic clock; minus infinity: it does not."""
        lane = self._lanes.get(key)
        return float("-inf") if lane is None else lane.free_at_s

    def rests(self, key: str) -> bool:
        """Return whether a test of ``key`` would have to wait now."""
        return self.free_at_s(key) > self._clock.monotonic_s()

    @asynccontextmanager
    async def turn(self, key: str, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for the destination to be free and rested, then hold it.

        A neutral name is ``urgent``: it does not wait for the rest, since it is what shows
        whether there is anything to rest from.

        The rest is waited for outside the lock: a virtual clock moves only when all tasks
        wait in ``Delays``, and one that waits in a lock would hold it up for ever.
        """
        while True:
            lane = self._lanes.setdefault(key, Lane())
            if not urgent:
                await self._delays.until(lane.free_at_s)
            async with lane.turn:
                rested = urgent or lane.free_at_s <= self._clock.monotonic_s()
                if rested and self._lanes[key] is lane:
                    yield
                    return

    def note(self, key: str, endpoint: Endpoint, measurement: Measurement) -> None:
        """Let a destination rest after a trigger; let it go when a neutral name passed.

        The address that was dialled becomes the same destination as the host that led there:
        other names may lead to it too.
        """
        for step in measurement.steps:
            if isinstance(step, TcpStep | UdpStep) and endpoint.private is None:
                self._join(key, self.key(endpoint, (step.address,)))
        lane = self._lanes[key]
        if measurement.variant is Variant.NEUTRAL_SNI:
            if answered_at_all(measurement):
                lane.free_at_s = float("-inf")
        elif is_trigger(measurement):
            lane.free_at_s = self._clock.monotonic_s() + REST_S

    def _join(self, key: str, other: str) -> None:
        """Make two names of one destination share a lane: the one that rests longer."""
        one = self._lanes.setdefault(key, Lane())
        two = self._lanes.setdefault(other, one)
        if two is not one:
            kept, gone = (one, two) if one.free_at_s >= two.free_at_s else (two, one)
            for name, lane in self._lanes.items():
                if lane is gone:
                    self._lanes[name] = kept
