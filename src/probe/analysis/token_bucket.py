"""What a policer lets through, from when bytes came while it dropped what was above its rate.

TCP does not reach what a policer leaves it: it waits for what was lost, and a bucket that is full
meanwhile takes nothing in. So the mean is below the rate, by a fifth or more where the limit is
not far below what the path gives. But each loss says that the bucket was empty then (Flach and
others, "An Internet-Wide Analysis of Traffic Policing", SIGCOMM 2016, who take the goodput between
first and last loss and ask whether a bucket of that rate is empty at losses and at no other time).
Here a rate and a depth are looked for with which a bucket is empty at all losses of all transfers
together, and never overdrawn: also where it ran over in between, and goodput alone falls short.

Losses are seen at the receiver as pauses of a round trip or more. Several rates often explain
them about as well: what lies between is the interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray
from probe.model.goodput import Speed

__all__ = ["WHOLE_PACKETS", "Level", "policed_level"]

WHOLE_PACKETS = 1_500 / 1_448
"""A limit counts packets whole, a transfer what is in them: IPv4, TCP and its timestamps are 52."""

_LEAST_MARKS = 8
_PAUSE_RTT = 0.85
_PAUSE_MARKS = 2.5
_APART = 2
_FIRST_WINDOW = 16_384.0  # ten segments (RFC 6928): a round trip follows in any case
_FIRSTS = 4
_LAST = 3
_LEAST_LOSSES = 2
_MOST_TRANSFERS = 24
_BELOW, _ABOVE, _RATES = 0.7, 5.0, 60
_SHALLOW, _DEEP, _DEPTHS = 8192.0, 2.0**20, 18
_STEP = 4096.0
_OVERDRAWN = 4000.0
_ALIKE = 0.03
_POSSIBLE = 0.6
_UNLIKE = 0.75
_FINE = 1.03
_VAGUE = 1.5
_UPPER_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Level:
    """Bytes a second, with an interval for the truth; ``fitted`` is whether losses told it."""

    rate: float
    low: float
    high: float
    fitted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Arrivals:
    """One transfer: bytes and seconds from each mark to the next, and marks before a loss.

    ``fastest`` is the rate of the round trip before each of the last losses: the bucket's rate,
    and what was in it.
    """

    size: FloatArray
    spent_s: FloatArray
    losses: IntArray
    fastest: tuple[float, ...]

    @classmethod
    def of(cls, speed: Speed) -> "_Arrivals | None":
        if len(speed.marks) < _LEAST_MARKS or not speed.rtt_s:
            return None
        came, at_s = np.array(speed.marks, dtype=np.float64).T
        size, spent_s = np.diff(came), np.diff(at_s)
        pause_s = max(_PAUSE_RTT * speed.rtt_s, _PAUSE_MARKS * float(np.median(spent_s)))
        pauses = np.flatnonzero((spent_s >= pause_s) & (came[:-1] > _FIRST_WINDOW))
        losses = _first_of_each(pauses)
        return cls(size, spent_s, losses, _fastest(came, at_s, losses, speed.rtt_s))


def _first_of_each(pauses: IntArray) -> IntArray:
    """Return pauses that do not follow on another: after a timeout a packet or two come alone."""
    alone = np.diff(pauses, prepend=-_APART - 1) > _APART
    return pauses[alone]


def _fastest(
    came: FloatArray, at_s: FloatArray, losses: IntArray, rtt_s: float
) -> tuple[float, ...]:
    rates = []
    for end in losses.tolist()[-_LAST:]:
        start = int(np.searchsorted(at_s, at_s[end] - rtt_s))
        if start < end and at_s[end] > at_s[start]:
            rates.append(float((came[end] - came[start]) / (at_s[end] - at_s[start])))
    return tuple(rates)


def policed_level(speeds: Sequence[Speed], usual: Level) -> Level:
    """Return the rate of the policer that these transfers met; ``usual`` is what they came to.

    Without losses enough to tell, ``usual`` stays, with a wider interval: up to what came in the
    last round trip before a loss.
    """
    seen = [one for speed in _some(speeds) if (one := _Arrivals.of(speed)) is not None]
    told = [one for one in seen if one.losses.size > 1]
    many = sum(one.losses.size - 1 for one in told)
    if many >= _LEAST_LOSSES:
        rates = np.geomspace(_BELOW * usual.rate, _ABOVE * usual.rate, _RATES)
        misfit = _misfit(told, rates) / many
        if misfit.min() < _UNLIKE:
            return _likely(rates, misfit, max(_ALIKE, _POSSIBLE / math.sqrt(many)), usual.rate)
    fastest = [rate for one in seen for rate in one.fastest]
    most = float(np.quantile(fastest, _UPPER_SHARE)) if fastest else usual.high
    return Level(usual.rate, usual.low, max(usual.high, most))


def _likely(rates: FloatArray, misfit: FloatArray, within: float, usual: float) -> Level:
    """Return the middle of the rates that fit best, and those that are possible.

    A sender that waits for each bucketful fits any rate that fills it in time: where the best
    differ by half, the one nearest to what came is taken, and the interval says the rest. What came
    above it may have been a full bucket's, or the fit is low: the interval reaches that as well.
    """
    alike = rates[misfit <= misfit.min() + _ALIKE]
    possible = rates[misfit <= misfit.min() + within]
    least, most = float(alike[0]), float(alike[-1])
    middle = math.sqrt(least * most) if most < _VAGUE * least else min(max(usual, least), most)
    low, high = float(possible[0]) / _FINE, float(possible[-1]) * _FINE * WHOLE_PACKETS
    return Level(middle, low, max(high, usual), fitted=True)


def _some(speeds: Sequence[Speed]) -> Sequence[Speed]:
    """Return some of them, evenly over all: more say nothing new."""
    if len(speeds) <= _MOST_TRANSFERS:
        return speeds
    places = np.linspace(0, len(speeds) - 1, _MOST_TRANSFERS).round().astype(np.int64)
    return [speeds[place] for place in places.tolist()]


def _misfit(transfers: Sequence[_Arrivals], rates: FloatArray) -> FloatArray:
    """Return for each rate, at the depth that suits it best, how ill losses fit an empty bucket.

    A transfer that no bucket explains counts as losses that fit not at all, and no more.
    """
    depths = np.geomspace(_SHALLOW, _DEEP, _DEPTHS)
    total = np.zeros((rates.size, depths.size))
    for one in transfers:
        firsts = range(min(_FIRSTS, one.losses.size - 1))
        tried = [first + _held(one, first, rates[:, None], depths[None, :]) for first in firsts]
        total += np.minimum(np.minimum.reduce(tried), one.losses.size - 1)
    return np.asarray(total.min(axis=1), dtype=np.float64)


def _held(one: _Arrivals, first: int, rate: FloatArray, depth: FloatArray) -> FloatArray:
    """Return what a bucket held at losses that should find it empty, and what it was overdrawn by.

    Of each loss it is a share: of the depth, or of what had come since the last one, if that is
    less. Loss number ``first`` only says when it was empty first; pauses before are no losses: a
    sender's first windows come a round trip apart. For each of those the caller counts one.
    """
    held = depth + 0.0 * rate
    total, since = np.zeros_like(held), 0.0
    begins, lost = int(one.losses[first]), set(one.losses[first + 1 :].tolist())
    for mark, (size, spent_s) in enumerate(zip(one.size, one.spent_s, strict=True)):
        if mark == begins:
            held, since = np.zeros_like(held), 0.0
        elif mark in lost:
            share = held / np.minimum(depth - _STEP, max(since, _STEP))
            total += np.minimum(1.0, share)
            since = 0.0
        held = np.minimum(depth, held + rate * spent_s) - size
        total += np.maximum(-held, 0.0) / _OVERDRAWN
        held, since = np.maximum(held, 0.0), since + size
    return total
