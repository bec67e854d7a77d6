"""What a link does to packets: latency, loss, and a rate that is policed or shaped.

Nothing is stored here: a shaped packet gets a delay and is held by who sends it, so the queue
is bounded by refusing what would wait too long.
"""

import random

from probe.lab.actions import Limit
from probe.lab.line_spec import LineSpec
from probe.net.bucket import TokenBucket

__all__ = ["BURST_S", "LineLink", "Policer", "Shaper"]

BURST_S = 0.5
"""What the bucket of a policer holds, in seconds of its rate."""

FULL_PACKET = 1500
"""Bytes; a bucket or queue smaller than one packet would let none pass, ever."""


class Policer:
    """A token bucket: what is above the rate is dropped (RFC 2475's policing)."""

    def __init__(self, rate: float, burst: float) -> None:
        """Let ``rate`` bytes a second pass, and ``burst`` bytes at once."""
        self._bucket = TokenBucket(rate, max(burst, 2 * FULL_PACKET))

    def delay(self, size: int, at_s: float) -> float | None:
        """Return 0, or ``None`` for a packet that is dropped."""
        return 0.0 if self._bucket.take(size, at_s) else None


class Shaper:
    """A queue before a wire of some rate; full, it drops what comes (drop-tail)."""

    def __init__(self, rate: float, queue_s: float) -> None:
        """Send ``rate`` bytes a second; hold what takes ``queue_s`` to send, or two packets."""
        self._rate = rate
        self._longest = max(queue_s, 2 * FULL_PACKET / rate)
        self._free_s = float("-inf")  # when the wire has sent all that was accepted

    def delay(self, size: int, at_s: float) -> float | None:
        """Return how long a packet waits and is being sent, ``None`` when the queue is full."""
        waits = max(0.0, self._free_s - at_s)
        if waits > self._longest:
            return None
        self._free_s = at_s + waits + size / self._rate
        return self._free_s - at_s


class LineLink:
    """The line between the home router and the provider, both directions."""

    def __init__(self, spec: LineSpec, rng: random.Random) -> None:
        """Be as good or bad as ``spec``; ``rng`` says which packets are lost."""
        self._rng = rng
        self._loss = spec.loss
        self._latency_s = spec.latency_ms / 1000
        self._up = _meter(spec.up_kbit, spec)
        self._down = _meter(spec.down_kbit, spec)
        self._mtu = spec.mtu
        self._perfect = not (
            spec.loss or spec.latency_ms or self._up or self._down or self._mtu is not None
        )

    def up(self, size: int, at_s: float) -> float | None:
        """Return how long a packet of the line takes to the provider, ``None`` if it is lost."""
        return 0.0 if self._perfect else self._delay(self._up, size, at_s)

    def down(self, size: int, at_s: float) -> float | None:
        """Return how long a packet to the line takes from the provider, ``None`` if lost.

        What is longer than the link's MTU is lost without an error: a path MTU black hole.
        """
        if self._mtu is not None and size > self._mtu:
            return None
        return 0.0 if self._perfect else self._delay(self._down, size, at_s)

    def _delay(self, meter: Shaper | Policer | None, size: int, at_s: float) -> float | None:
        queued = 0.0 if meter is None else meter.delay(size, at_s)
        if queued is None or (self._loss and self._rng.random() < self._loss):
            return None
        return queued + self._latency_s


def _meter(kbit: float | None, spec: LineSpec) -> Shaper | Policer | None:
    if kbit is None:
        return None
    rate = kbit * 125
    if spec.limit is Limit.POLICED:
        return Policer(rate, rate * BURST_S)
    return Shaper(rate, spec.queue_ms / 1000)
