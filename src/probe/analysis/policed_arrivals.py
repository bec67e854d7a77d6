"""What a receiver sees of a transfer that loses packets: steps, pauses, and paces that do not grow.

A loss is seen as a pause of a round trip or more, since what comes behind it waits. A pace that
stays for many round trips says as much without one: a sender that loses nothing sends more from
round trip to round trip (RFC 5681), unless it has learnt what passes (BBR takes a policer's rate:
Cardwell and others, "BBR congestion control", IETF draft, section on long-term bandwidth).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.model.goodput import Speed

__all__ = ["Arrivals"]

_LEAST_MARKS = 8
_PAUSE_RTT = 0.85
_PAUSE_MARKS = 2.5
_APART = 2
_FIRST_WINDOW = 16_384.0  # ten segments (RFC 6928): a round trip follows in any case
_STEADY_MARKS, _STEADY_RTT = 8, 6.0
_GROWS = 1.15


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """One transfer: bytes and seconds from each mark to the next.

    ``before`` are the bytes at the first mark. ``losses`` are the places of marks before a loss,
    ``steady`` those at the end of a pace that did not grow; ``busy`` is the rate in bytes/s
    without the pauses.
    """

    before: float
    size: FloatArray
    spent_s: FloatArray
    losses: IntArray
    steady: IntArray
    busy: float

    @property
    def since_loss(self) -> float:
        """Return bytes/s from the first loss to the end: what Flach and others take, and a floor.

        The bucket was empty at the loss, and may have run over since. Without a loss it is 0.
        """
        if not self.losses.size:
            return 0.0
        first = int(self.losses[0])
        spent_s = float(self.spent_s[first:].sum())
        return float(self.size[first:].sum()) / spent_s

    @classmethod
    def of(cls, speed: Speed) -> "Arrivals | None":
        """Return what is to be seen of a transfer; nothing without marks and a round trip."""
        if len(speed.marks) < _LEAST_MARKS or not speed.rtt_s:
            return None
        came, at_s = np.array(speed.marks, dtype=np.float64).T
        size, spent_s = np.diff(came), np.diff(at_s)
        pause_s = max(_PAUSE_RTT * speed.rtt_s, _PAUSE_MARKS * float(np.median(spent_s)))
        paused = (spent_s >= pause_s) & (came[:-1] > _FIRST_WINDOW)
        busy_s = float(spent_s[~paused].sum())
        return cls(
            before=float(came[0]),
            size=size,
            spent_s=spent_s,
            losses=_first_of_each(np.flatnonzero(paused)),
            steady=_steady(came, at_s, paused, speed.rtt_s),
            busy=float(came[-1] - came[0]) / busy_s if busy_s > 0 else 0.0,
        )


def _first_of_each(pauses: IntArray) -> IntArray:
    """Return pauses that do not follow on another: after a timeout a packet or two come alone."""
    alone = np.diff(pauses, prepend=-_APART - 1) > _APART
    return pauses[alone]


def _steady(came: FloatArray, at_s: FloatArray, paused: BoolArray, rtt_s: float) -> IntArray:
    """Return the ends of stretches after a loss, six round trips long, without loss or growth."""
    ends = [*np.flatnonzero(paused).tolist(), at_s.size - 1]
    found = [
        end
        for before, end in pairwise(ends)
        if end - before > _STEADY_MARKS
        and at_s[end] - at_s[before + 1] >= _STEADY_RTT * rtt_s
        and not _grows(came[before + 1 : end + 1], at_s[before + 1 : end + 1])
    ]
    return np.array(found, dtype=np.int64)


def _grows(came: FloatArray, at_s: FloatArray) -> bool:
    """Return whether the second half of these bytes came faster than the first."""
    middle = int(np.searchsorted(came, (came[0] + came[-1]) / 2))
    first_s, second_s = at_s[middle] - at_s[0], at_s[-1] - at_s[middle]
    first, second = came[middle] - came[0], came[-1] - came[middle]
    return bool(second * first_s > _GROWS * first * second_s)
