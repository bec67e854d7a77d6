"""Whether a window is kept to some days of the week.

Support is permuted over the days of each whole week; the statistic is the unevenness of the
weekdays' counts. At least four weeks and four hits are needed: four hits on one weekday and
none elsewhere have a chance of (1/7)^3.
"""

import numpy as np

from probe.analysis.evidence import BoolArray, IntArray

__all__ = ["on_weekdays", "weekdays_of"]

_LEAST_WEEKS = 4
_LEAST_HITS = 4
_PERMUTATIONS = 999
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
    observed = _unevenness(weekday, hit)
    exceeded = 0
    for _ in range(_PERMUTATIONS):
        shuffled = hit[np.lexsort((generator.random(days.size), week))]
        exceeded += _unevenness(weekday, shuffled) >= observed
    if (exceeded + 1) / (_PERMUTATIONS + 1) > _ALPHA:
        return ()
    seen = np.bincount(weekday, minlength=7)
    hits = np.bincount(weekday[hit], minlength=7)
    share = hits / np.maximum(seen, 1)
    kept = tuple(int(day) + 1 for day in np.flatnonzero(share >= _KEPT))
    return kept if len(kept) < 7 else ()


def on_weekdays(day: int, weekdays: tuple[int, ...]) -> bool:
    """Return whether day number ``day`` is one of the ISO ``weekdays``; () is every day."""
    return not weekdays or (day + _EPOCH_WEEKDAY) % 7 + 1 in weekdays


def _unevenness(weekday: IntArray, hit: BoolArray) -> int:
    counts = np.bincount(weekday[hit], minlength=7)
    return int((counts**2).sum())
