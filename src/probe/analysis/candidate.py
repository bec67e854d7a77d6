"""The daily or weekly window that a series' episodes speak for most, before anything is claimed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.episodes import Episode
from probe.analysis.recurrence import Arcs, Recurrence, matches, p_value, strongest
from probe.analysis.study import Study, exposure
from probe.analysis.wallclock import DAY_MIN, Fold, day_numbers, quietest_minute

__all__ = ["Candidate", "candidate", "fit_for_windows"]

SHORTEST_S = 45 * 60.0
LONGEST_S = 20 * 3600.0
LEAST_DAYS = 3
LEAST_WEEKS = 4
_LINK_DAYS = 10
_LINK_GAPS = 3.0
_CLEARLY = 0.02
_SURELY = 0.01
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_FAR_WEEKS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A window in minutes of its local day, and the episodes that match it.

    Day ``d`` stands for the local minutes from ``d * 1440 + boundary`` on; ``start`` lies
    within a day of ``boundary``. ``p`` is corrected for having tried two folds.
    """

    fold: Fold
    boundary: float
    start: float
    length: float
    days: IntArray  # of the matching episodes, sorted, distinct
    episodes: tuple[Episode, ...]  # one for each of ``days``
    overlap: float
    p: float
    counted: int  # T: the days within 28 that the test counted


@dataclass(frozen=True, slots=True, eq=False)
class _Folded:
    """Episodes on the clock in one order of days; ``weekly`` follows each weekday by itself."""

    fold: Fold
    boundary: float
    arcs: Arcs
    episodes: tuple[Episode, ...]
    found: Recurrence
    weekly: IntArray | None = None  # the order in which weekdays follow each other

    def chance(self, study: Study, generator: np.random.Generator) -> float:
        """Return the chance of what was found."""
        seen = exposure(study.evidence, self.fold)
        if self.weekly is None:
            return p_value(self.arcs, self.found, seen, generator)[0]
        arcs = _by_weekday(self.arcs, self.weekly)
        return p_value(arcs, self.found, seen, generator, least_days=LEAST_WEEKS)[0]


def fit_for_windows(episodes: Iterable[Episode]) -> list[Episode]:
    """Return the episodes that may belong to a window: 45 min to 20 h, one edge seen at least."""
    return [e for e in episodes if SHORTEST_S <= e.length_s <= LONGEST_S and e.edged]


def candidate(
    study: Study, left: Sequence[Episode], generator: np.random.Generator
) -> Candidate | None:
    """Return the strongest daily or weekly recurrence among the episodes ``left``, if any.

    Only episodes of 45 minutes to 20 hours with at least one edge that was seen take part.
    Where the clocks changed while it recurred, UTC is tried beside the wall clock, and is
    taken when it aligns more days, or as many clearly better. Where some weekday has four, each
    weekday is followed by itself as well, and taken when that is less likely by chance. ``p`` is
    multiplied by the number of ways that were tried.
    """
    fit = fit_for_windows(left)
    if len(fit) < LEAST_DAYS:
        return None
    daily, tried = _daily(study, fit)
    weekly = _weekly(study.folds()[0], fit)
    if daily is None and weekly is None:
        return None
    tried += weekly is not None
    options = [one for one in (daily, weekly) if one is not None]
    chances: list[float] = []
    for one in options:
        chances.append(one.chance(study, generator))
        if chances[-1] * tried <= _SURELY:
            break
    best = int(np.argmin(chances))
    return replace(_build(study, options[best]), p=min(1.0, chances[best] * tried))


def _daily(study: Study, fit: Sequence[Episode]) -> tuple[_Folded | None, int]:
    """Return the strongest daily recurrence, and how many clocks were tried for it."""
    tried = [found for fold in study.folds() if (found := _fold(fold, fit)) is not None]
    built = [(_build(study, one), one) for one in tried]
    built = [pair for pair in built if not pair[0].fold.utc or _crosses_change(study, pair[0])]
    if not built:
        return None, 0
    best = 1 if len(built) > 1 and _clearly_better(built[1][0], built[0][0]) else 0
    return built[best][1], len(built)


def _weekly(fold: Fold, fit: Sequence[Episode]) -> _Folded | None:
    """Return the strongest recurrence on one weekday, ``None`` below four weeks."""
    if len(fit) < LEAST_WEEKS:
        return None
    boundary, arcs, episodes = _on_clock(fold, fit)
    order = np.lexsort((arcs.day, (arcs.day + _EPOCH_WEEKDAY) % 7))
    found = strongest(_by_weekday(arcs, order), least_days=LEAST_WEEKS)
    if found is None:
        return None
    placed = replace(found, template=int(order[found.template]))
    return _Folded(fold, boundary, arcs, episodes, placed, weekly=order)


def _by_weekday(arcs: Arcs, order: IntArray) -> Arcs:
    """Return the arcs with weeks for days, each weekday so far off that none meets another."""
    week, weekday = np.divmod(arcs.day[order] + _EPOCH_WEEKDAY, 7)
    return Arcs(weekday * _FAR_WEEKS + week, arcs.start[order], arcs.length[order])


def _crosses_change(study: Study, found: Candidate) -> bool:
    """Return whether the clocks were changed while the window recurred: else the folds agree."""
    first, last = found.episodes[0].start_s, found.episodes[-1].end_s
    return any(first < change < last for change in study.offsets.starts_s[1:])


def _clearly_better(utc: Candidate, wall: Candidate) -> bool:
    if utc.counted != wall.counted:
        return utc.counted > wall.counted
    return utc.overlap > wall.overlap + _CLEARLY


def _on_clock(fold: Fold, fit: Sequence[Episode]) -> tuple[float, Arcs, tuple[Episode, ...]]:
    """Return where days are cut, and the episodes as arcs by day."""
    start = fold.minutes(np.array([e.start_s for e in fit]))
    length = np.array([e.length_s / 60 for e in fit])
    boundary = quietest_minute(start % DAY_MIN, length)
    day = day_numbers(start, boundary)
    order = np.argsort(day, kind="stable")
    arcs = Arcs(day[order], start[order] % DAY_MIN, length[order])
    return boundary, arcs, tuple(fit[int(i)] for i in order)


def _fold(fold: Fold, fit: Sequence[Episode]) -> _Folded | None:
    boundary, arcs, episodes = _on_clock(fold, fit)
    found = strongest(arcs, least_days=LEAST_DAYS)
    if found is None:
        return None
    return _Folded(fold, boundary, arcs, episodes, found)


def _build(study: Study, one: _Folded) -> Candidate:
    """Refine the template to the middle of what matches it, and follow it over the series."""
    arcs, place = one.arcs, one.found.template
    start, length = float(arcs.start[place]), float(arcs.length[place])
    hit, _ = matches(start, length, arcs)
    near = hit & (np.abs(arcs.day - arcs.day[place]) < (28 if one.weekly is None else 7 * 28))
    if one.weekly is not None:
        near &= (arcs.day - arcs.day[place]) % 7 == 0
    shift = (arcs.start[near] - start + DAY_MIN / 2) % DAY_MIN - DAY_MIN / 2
    first = start + float(np.median(shift))
    length = float(np.median(start + shift + arcs.length[near])) - first
    first = (first - one.boundary) % DAY_MIN + one.boundary
    hit, iou = matches(first % DAY_MIN, length, arcs)
    if not hit[place]:
        hit[place] = True
    if one.weekly is not None:
        hit &= (arcs.day - arcs.day[place]) % 7 == 0
    rows = _best_of_day(arcs, hit, iou)
    rows = rows[_regime(arcs.day[rows], int(arcs.day[place]), _seen_days(study, one))]
    return Candidate(
        fold=one.fold,
        boundary=one.boundary,
        start=first,
        length=length,
        days=arcs.day[rows],
        episodes=tuple(one.episodes[int(i)] for i in rows),
        overlap=float(iou[rows].mean()),
        p=1.0,
        counted=one.found.days,
    )


def _best_of_day(arcs: Arcs, hit: BoolArray, iou: FloatArray) -> IntArray:
    """Return, for each day with a match, the place of its best match, by day."""
    best: dict[int, int] = {}
    for i in np.flatnonzero(hit).tolist():
        day = int(arcs.day[i])
        if day not in best or iou[i] > iou[best[day]]:
            best[day] = i
    return np.array([best[day] for day in sorted(best)], dtype=np.int64)


def _seen_days(study: Study, one: _Folded) -> IntArray:
    """Return the days with any evidence."""
    return np.unique(day_numbers(one.fold.minutes(study.evidence.time_s), one.boundary))


def _regime(days: IntArray, around: int, seen: IntArray) -> BoolArray:
    """Return which days form one regime with day ``around``.

    The chain breaks where more observed days than ten, or three usual steps, pass without.
    """
    steps = np.searchsorted(seen, days[1:]) - np.searchsorted(seen, days[:-1])
    if not steps.size:
        return np.ones(days.size, dtype=np.bool_)
    limit = max(_LINK_DAYS, _LINK_GAPS * float(np.median(steps)))
    chain = np.concatenate(([0], np.cumsum(steps > limit)))
    return np.asarray(chain == chain[int(np.searchsorted(days, around))], dtype=np.bool_)
