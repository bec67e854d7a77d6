"""Pairs of transfers as numbers in time: how slow, at which rate, and how the bytes came.

``slow`` is a log ratio, larger is slower: of a pair ln(controls / target), of the line itself
-ln(controls). A transfer that stalled ranks worst, as infinity; one that its deadline cut off
has shown its rate, and ranks by it. Where nothing came at all nothing is said: that is a failure,
which other series tell of, and no slowness.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from statistics import median

import numpy as np

from probe.analysis.arrays import FloatArray
from probe.model.goodput import Pair, Speed

__all__ = ["Slowness", "jerkiness", "of_line", "of_pairs", "steady_rate"]

_LEAST_MARKS = 4
_STEADY_FROM = 0.5
_HIDES_S = 0.4
_AT_ONCE = 2.0
_NOTHING = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Slowness:
    """Rounds in time order, one place each in every array; NaN is "not known".

    ``rate`` (bytes/s), ``rtt_s``, ``jerks`` and ``frozen`` (bytes after which it stalled) are
    those of what may be slow; ``beside`` is how slow the other side of the pair was, and
    ``beside_rtt_s`` its round trip.
    """

    time_s: FloatArray
    slow: FloatArray
    rate: FloatArray
    rtt_s: FloatArray
    jerks: FloatArray
    frozen: FloatArray
    beside: FloatArray
    beside_rtt_s: FloatArray

    def __len__(self) -> int:
        """Return the number of rounds."""
        return int(self.time_s.size)


@dataclass(frozen=True, slots=True)
class _Side:
    """Some transfers of one round taken together: the median of each quantity."""

    log_rate: float
    rtt_s: float
    jerks: float
    frozen: float
    censored: bool


def of_pairs(pairs: Sequence[Pair]) -> Slowness:
    """Return the slowness of the target against its controls."""
    return _gathered(pairs, line=False)


def of_line(pairs: Sequence[Pair]) -> Slowness:
    """Return the slowness of the controls by themselves; the target stands beside them."""
    return _gathered(pairs, line=True)


def _gathered(pairs: Sequence[Pair], *, line: bool) -> Slowness:
    rows = [_round(pair, line=line) for pair in sorted(pairs, key=lambda pair: pair.time)]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(fields(Slowness)))
    return Slowness(*(np.ascontiguousarray(column) for column in table.T))


def _round(pair: Pair, *, line: bool) -> tuple[float, ...]:
    target, controls = _side((pair.target,)), _side(pair.controls)
    mine, other = (controls, target) if line else (target, controls)
    slow = -mine.log_rate if line else _ratio(target, controls)
    return (
        pair.time.timestamp(),
        slow,
        math.exp(mine.log_rate),
        mine.rtt_s,
        mine.jerks,
        mine.frozen,
        -other.log_rate,
        other.rtt_s,
    )


def _ratio(target: _Side, controls: _Side) -> float:
    """Return ln(controls / target); a stall of the target alone is infinite.

    Where the controls were cut off as well, they might have been as slow as the target: nothing
    is known. Where only they were, the bound is taken, which does not make the target slower.
    """
    if math.isnan(controls.log_rate) or (target.censored and controls.censored):
        return _NOTHING
    if not math.isnan(target.frozen):
        return math.inf
    return controls.log_rate - target.log_rate


def _side(speeds: Sequence[Speed]) -> _Side:
    """Take the transfers that brought anything: the median of their log rates, cut off ones last.

    It is cut off itself where all those in the middle are.
    """
    seen = [speed for speed in speeds if speed.rate is not None and speed.rate > 0]
    if not seen:
        return _Side(_NOTHING, _NOTHING, _NOTHING, _NOTHING, censored=False)
    ordered = sorted((not speed.censored, steady_rate(speed)) for speed in seen)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    frozen = [s.stalled_at for s in seen if s.stalled_at is not None]
    return _Side(
        log_rate=sum(math.log(rate) for _, rate in middle) / len(middle),
        rtt_s=_median([s.rtt_s for s in seen]),
        jerks=_median([jerkiness(s) for s in seen]),
        frozen=float(median(frozen)) if 2 * len(frozen) > len(seen) else _NOTHING,
        censored=not any(whole for whole, _ in middle),
    )


def _median(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return median(known) if known else _NOTHING


def steady_rate(speed: Speed) -> float:
    """Return bytes/s over the second half of what came, where marks were taken; else the mean.

    The first half holds slow start, and what a full bucket lets through. A second half that is more
    than twice as fast as all of it came at once, having waited for what was lost: twice is taken.
    Without a rate it is 0.
    """
    mean = speed.rate or 0.0
    if len(speed.marks) < _LEAST_MARKS:
        return mean
    end, end_s = speed.marks[-1]
    least = _STEADY_FROM * end
    start, start_s = next(mark for mark in speed.marks if mark[0] >= least)
    whole, whole_s = end - speed.marks[0][0], end_s - speed.marks[0][1]
    if min(end - start, end_s - start_s, whole, whole_s) <= 0:
        return mean
    return min(_AT_ONCE * whole / whole_s, (end - start) / (end_s - start_s))


def jerkiness(speed: Speed) -> float | None:
    """Return how unevenly the second half came: the coefficient of variation of time by bytes.

    0 is a steady stream; a transfer that waits for what was lost and then gets a heap is near 1.
    Marks that lie further apart in time than such a wait hide it: then nothing is known.
    """
    if len(speed.marks) < 2 * _LEAST_MARKS:
        return None
    least = _STEADY_FROM * speed.marks[-1][0]
    half = [mark for mark in speed.marks if mark[0] >= least]
    steps = [(b - a, b_s - a_s) for (a, a_s), (b, b_s) in pairwise(half) if b > a]
    whole, whole_s = sum([size for size, _ in steps]), sum([spent for _, spent in steps])
    if len(steps) < _LEAST_MARKS - 1 or not 0 < whole_s / len(steps) <= _HIDES_S:
        return None
    pace = whole_s / whole
    spread = sum([size * (spent / size - pace) ** 2 for size, spent in steps]) / whole
    return math.sqrt(spread) / pace
