"""Which rounds of a pair were slow, against its own earlier rounds, one after the other.

The baseline is the last forty rounds that were not slow, at a time when few around them were:
a throttling that lasts never becomes its own measure, however long, and neither does the part of
its rounds that is only just not slow. A pair that was slow from its first round on has nothing to
be compared with, and says nothing.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray

__all__ = ["BASELINE", "DELTA", "LEAST_BASELINE", "OwnPast", "own_past"]

BASELINE = 40
LEAST_BASELINE = 20
DELTA = math.log(2)
"""Slower than twice is slow: what paths and servers do by themselves stays below, mostly."""

_SPREADS = 2.5
_LOW_QUANTILE = 0.1587  # one standard deviation below the median of a normal distribution
_AROUND = 10
_FEW = 2
_CLEANINGS = 5


@dataclass(frozen=True, slots=True, eq=False)
class OwnPast:
    """For each round: whether it was slow (``None`` cannot say), and what it was compared with.

    ``centre`` is the median of the baseline, NaN where there is none; ``pools`` are its rounds.
    """

    bad: tuple[bool | None, ...]
    centre: FloatArray
    pools: tuple[tuple[int, ...], ...]

    def before(self, place: int) -> IntArray:
        """Return the baseline rounds of round ``place`` that came before it."""
        return np.array([one for one in self.pools[place] if one < place], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Limit:
    """The median of a baseline, and the value above which a round is slow.

    Its spread is taken from the lower side: what is slow in it lies above.
    """

    centre: float
    above: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "_Limit":
        ordered = sorted(values)
        centre = _quantile(ordered, 0.5)
        if not math.isfinite(centre):
            return cls(centre, math.inf)
        spread = centre - _quantile(ordered, _LOW_QUANTILE)
        return cls(centre, centre + max(DELTA, _SPREADS * spread))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of what is in order, between its neighbours in proportion."""
    place = share * (len(ordered) - 1)
    low = ordered[math.floor(place)]
    high = ordered[math.ceil(place)]
    return low if low == high else low + (high - low) * (place - math.floor(place))


def own_past(slow: FloatArray) -> OwnPast:
    """Judge each round of ``slow`` (log ratios, larger is slower, NaN cannot say)."""
    known = np.flatnonzero(~np.isnan(slow)).tolist()
    values: list[float] = slow.tolist()
    bad: list[bool | None] = [None] * slow.size
    centre = np.full(slow.size, np.nan)
    pools: list[tuple[int, ...]] = [()] * slow.size
    if len(known) < LEAST_BASELINE:
        return OwnPast(tuple(bad), centre, tuple(pools))
    pool = deque(_cleaned(values, known[:BASELINE]), maxlen=BASELINE)
    limit, shown = _Limit.of([values[one] for one in pool]), tuple(pool)
    for number, place in enumerate(known):
        bad[place] = values[place] > limit.above
        centre[place], pools[place] = limit.centre, shown
        if number >= BASELINE and (fit := _admitted(bad, known, number)) is not None:
            pool.append(fit)
            limit, shown = _Limit.of([values[one] for one in pool]), tuple(pool)
    return OwnPast(tuple(bad), centre, tuple(pools))


def _cleaned(slow: Sequence[float], first: Sequence[int]) -> list[int]:
    """Return the first rounds without those that are slow beside the rest of them."""
    kept = list(first)
    for _ in range(_CLEANINGS):
        limit = _Limit.of([slow[place] for place in kept])
        left = [place for place in kept if slow[place] <= limit.above]
        if len(left) == len(kept) or len(left) < LEAST_BASELINE // 2:
            break
        kept = left
    return kept


def _admitted(bad: Sequence[bool | None], known: Sequence[int], number: int) -> int | None:
    """Return the round half of ``_AROUND`` back, if it and nearly all around it were not slow."""
    fit = known[number - _AROUND // 2]
    around = known[number - _AROUND : number + 1]
    calm = sum(bool(bad[place]) for place in around) <= _FEW
    return fit if calm and number - _AROUND // 2 >= BASELINE and not bad[fit] else None
