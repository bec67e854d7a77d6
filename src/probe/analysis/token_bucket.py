"""What a policer lets through, from when bytes came while it dropped what was above its rate.

TCP does not reach what a policer leaves it: it waits for what was lost, and a bucket that is full
meanwhile takes nothing in. So the mean is below the rate, by a fifth or more where the limit is
not far below what the path gives. But each loss says that the bucket was empty then. Here rates
and depths are weighed by how well such a bucket explains the losses of all transfers together
(``bucket_fit``), all depths alike on a logarithmic scale: what remains likely of the rate is the
level, with its interval, also where a bucket ran over in between, and goodput falls short.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import FloatArray
from probe.analysis.bucket_fit import depths_if_full, evidence
from probe.analysis.policed_arrivals import Arrivals
from probe.model.goodput import Speed

__all__ = ["WHOLE_PACKETS", "Level", "policed_level"]

WHOLE_PACKETS = 1_500 / 1_448
"""A limit counts packets whole, a transfer what is in them: IPv4, TCP and its timestamps are 52."""

_LEAST_LOSSES = 2
_MOST_TRANSFERS = 24
_BELOW, _ABOVE, _RATES = 0.6, 5.0, 50
_SHALLOW, _DEEP, _DEEPER = 8192.0, 2.0**24, 4 / 3
_FAR = 0.2
_TAIL = 0.02
_FINE = 1.045  # from one rate that is tried to the next
_TELLING = 3.0
_VAGUE = 2.0


@dataclass(frozen=True, slots=True)
class Level:
    """Bytes a second, with an interval for the truth; ``fitted`` is whether losses told it."""

    rate: float
    low: float
    high: float
    fitted: bool = False


def policed_level(speeds: Sequence[Speed], usual: Level) -> Level:
    """Return the rate of the policer that these transfers met; ``usual`` is what they came to.

    Without losses that a bucket explains, ``usual`` stays. Where they leave rates that differ by
    more than twice, that one is said which is nearest to what came, and the interval tells the
    rest; it is not ``fitted`` then.
    """
    seen = [one for speed in _some(speeds) if (one := Arrivals.of(speed)) is not None]
    if sum(one.losses.size for one in seen) < _LEAST_LOSSES:
        return usual
    rates = np.geomspace(_BELOW * usual.rate, _ABOVE * usual.rate, _RATES)
    depth = np.column_stack((np.tile(_depths(seen), (rates.size, 1)), depths_if_full(seen, rates)))
    log = np.zeros_like(depth)
    for one in seen:
        log += evidence(one, rates[:, None], depth)
    if log.max() < _TELLING:
        return usual
    busy = max(usual.rate, float(np.median([one.busy for one in seen])))
    least = float(np.median([one.since_loss for one in seen if one.losses.size]))
    return _likely(rates, log + _before(rates, usual.rate, busy)[:, None], usual.rate, least)


def _depths(seen: Sequence[Arrivals]) -> FloatArray:
    """Return depths in bytes, up to that of a bucket which nothing that came would have emptied."""
    most = max(one.before + float(one.size.sum()) for one in seen)
    times = min(max(most, 2 * _SHALLOW), _DEEP) / _SHALLOW
    steps = np.arange(math.ceil(math.log(times, _DEEPER)) + 1)
    return np.asarray(_SHALLOW * _DEEPER**steps, dtype=np.float64)


def _before(rates: FloatArray, usual: float, busy: float) -> FloatArray:
    """Return the log weight of rates before losses are looked at.

    The rate of a policer lies between what came and what came while nothing was waited for, or
    not far from these: all alike between, and Cauchy's tails outside, which give way to losses.
    """
    log = np.log(rates)
    outside = np.maximum(math.log(usual) - log, log - math.log(busy))
    return np.asarray(-np.log1p((np.maximum(outside, 0.0) / _FAR) ** 2), dtype=np.float64)


def _likely(rates: FloatArray, log: FloatArray, usual: float, least: float) -> Level:
    """Return the median of what is likely of the rate, and all but its tails.

    What came above it may have been a full bucket's, or the fit is low: the interval reaches that
    as well. Where losses do not tell, it also reaches ``least``, what came since they began.
    """
    chance = np.exp(log - log.max()).sum(axis=1)
    below = (np.cumsum(chance) - chance / 2) / chance.sum()
    ends = np.interp([_TAIL, 0.5, 1 - _TAIL], below, np.log(rates))
    low, middle, high = np.exp(ends).tolist()
    told = high < _VAGUE * low
    return Level(
        middle if told else min(max(usual, low), high),
        low / _FINE if told else min(low / _FINE, least),
        max(high * _FINE * WHOLE_PACKETS, usual),
        fitted=told,
    )


def _some(speeds: Sequence[Speed]) -> Sequence[Speed]:
    """Return some of them, evenly over all: more say nothing new."""
    if len(speeds) <= _MOST_TRANSFERS:
        return speeds
    places = np.linspace(0, len(speeds) - 1, _MOST_TRANSFERS).round().astype(np.int64)
    return [speeds[place] for place in places.tolist()]
