"""Whether a window is kept to some days of the week.

Support is permuted over the days of each whole week; the statistic is the unevenness of the
weekdays' counts. At least four weeks and four hits are needed: four hits on one weekday and
none elsewhere have a chance of (1/7)^3.
"""

import numpy as np

from probe.analysis.arrays import BoolArray, IntArray

__all__ = ["on_weekdays", "weekdays_of"]

_LEAST_WEEKS = 4
_LEAST_HITS = 4
_PERMUTATIONS = 999
_BATCH = 111
_ALPHA = 0.01
_KEPT = 0.5
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


def weekdays_of(
    supports: IntArray, against: IntArray, generator: np.random.Generator
) -> tuple[int, ...]:
    """Return the ISO weekdays that a window keeps to, or () when it is not shown to.

    Days are numbers since 1970-01-01; days in neither array were not observable.
    """
    days = np.concatenate([supports, against])
    hit = np.concatenate([np.ones(supports.size, np.bool_), np.zeros(against.size, np.bool_)])
    order = np.argsort(days, kind="stable")
    days, hit = days[order], hit[order]
    week = (days + _EPOCH_WEEKDAY) // 7
    weekday = (days + _EPOCH_WEEKDAY) % 7
    if np.unique(week).size < _LEAST_WEEKS or supports.size < _LEAST_HITS or hit.all():
        return ()
    if _chance(week, weekday, hit, generator) > _ALPHA:
        return ()
    seen = np.bincount(weekday, minlength=7)
    hits = np.bincount(weekday[hit], minlength=7)
    share = hits / np.maximum(seen, 1)
    kept = tuple(int(day) + 1 for day in np.flatnonzero(share >= _KEPT))
    return kept if len(kept) < 7 else ()


def on_weekdays(day: int, weekdays: tuple[int, ...]) -> bool:
    """Return whether day number ``day`` is one of the ISO ``weekdays``; () is every day."""
    return not weekdays or (day + _EPOCH_WEEKDAY) % 7 + 1 in weekdays


def _chance(
    week: IntArray, weekday: IntArray, hit: BoolArray, generator: np.random.Generator
) -> float:
    """Return the chance of counts as uneven, support being permuted within each whole week."""
    observed = int(_unevenness(weekday, hit[None, :])[0])
    exceeded = 0
    for done in range(0, _PERMUTATIONS, _BATCH):
        turns = min(_BATCH, _PERMUTATIONS - done)
        order = np.argsort(week + generator.random((turns, week.size)), axis=1)
        exceeded += int(np.count_nonzero(_unevenness(weekday, hit[order]) >= observed))
    return (exceeded + 1) / (_PERMUTATIONS + 1)


def _unevenness(weekday: IntArray, hit: BoolArray) -> IntArray:
    """Return the sum of squares of the weekdays' counts, for each row of ``hit``."""
    counts = np.stack([np.count_nonzero(hit[:, weekday == day], axis=1) for day in range(7)])
    return np.asarray((counts**2).sum(axis=0), dtype=np.int64)
