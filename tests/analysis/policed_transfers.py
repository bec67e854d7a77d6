"""Transfers through a token bucket, made by hand: windows, drops, and a wait for each loss."""

from collections.abc import Iterator

import numpy as np

from probe.model.goodput import Speed

__all__ = ["RTT_S", "policed"]

RTT_S = 0.06
_PACKET = 1448.0
_MARK = 4096


def policed(rate: float, depth: float, *, size: int = 512 * 1024, seed: int = 1) -> Speed:
    """Return a download through a bucket of ``depth`` bytes that fills with ``rate`` bytes/s.

    A window a round trip, halved after a drop and a packet more else; a drop costs a round trip.
    """
    rng = np.random.default_rng(seed)
    curve = list(_curve(rate, depth * rng.uniform(0.5, 1.0), depth, size, rng))
    came, at_s = np.array(curve).T
    marks = np.arange(_MARK, size + 1, _MARK)
    times = np.interp(marks, came, at_s)
    times -= times[0]
    moved = size - _MARK
    return Speed(
        rate=moved / float(times[-1]),
        received=size,
        rtt_s=RTT_S,
        marks=tuple(zip(marks.tolist(), times.tolist(), strict=True)),
    )


def _curve(
    rate: float, held: float, depth: float, size: int, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Yield (bytes, seconds) at the beginning and end of what came of each window."""
    window, doubles, came, at_s = 10 * _PACKET, True, 0.0, 0.0
    while came < size:
        rtt_s = RTT_S * rng.uniform(0.95, 1.1)
        offered = min(window, size - came + 1)
        through = min(offered, held + rate * rtt_s)
        yield came + 1e-6, at_s
        held = min(depth, held + rate * rtt_s - through)
        came, at_s = came + through, at_s + rtt_s
        yield came, at_s
        if through < offered:
            window, doubles = max(2 * _PACKET, window / 2), False
            held, at_s = min(depth, held + rate * rtt_s), at_s + rtt_s
        else:
            window = 2 * window if doubles else window + _PACKET
