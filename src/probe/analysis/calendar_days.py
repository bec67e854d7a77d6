"""Dates given beforehand (exams, anniversaries, a directive) against the days around them.

Of all hours at which trouble recurs, those are sought that keep to the listed dates. The null
exchanges listed and other days of the same weekday within four weeks, so that what happens every
Monday is nothing special on an exam's Monday; the largest excess over all hours is the
statistic, so that having searched costs what it should.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.candidate import LONGEST_S, SHORTEST_S, Candidate
from probe.analysis.claims import window_event
from probe.analysis.episodes import Episode
from probe.analysis.judgement import solid
from probe.analysis.recurrence import Arcs, benjamini_hochberg, matches
from probe.analysis.search import ALPHA, FALSE_DISCOVERY, Search
from probe.analysis.spans import look_at
from probe.analysis.study import Study
from probe.analysis.wallclock import DAY_MIN, day_iso
from probe.analysis.window import Measured, measure_window
from probe.analysis.wording_calendar import calendar_sentence
from probe.model.event import Calendar, Days, Event, EventKind, Label, Window

__all__ = ["DayList", "calendar_events"]

AROUND_DAYS = 28
PERMUTATIONS = 1999
LEAST_HITS = 2
KEPT = 0.5
ESTABLISHED_HITS = 5
_PASSES = 3
_TEMPLATES = 64
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


@dataclass(frozen=True, slots=True)
class DayList:
    """A named list of local dates (days since 1970-01-01), perhaps with announced minutes."""

    name: str
    days: tuple[int, ...]
    hours: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Hours that keep to the listed dates, and the chance of that."""

    candidate: Candidate
    gone: frozenset[Episode]


@dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    study: Study
    given: DayList
    found: _Found
    measured: Measured


def calendar_events(
    searches: Sequence[Search], lists: Sequence[DayList], *, names: Mapping[str, str]
) -> tuple[Event, ...]:
    """Return the windows that keep to given dates; all tests share one false-discovery rate."""
    tested = [one for given in lists for search in searches for one in _windows(search, given)]
    tried = max(len(tested), len(lists) * len(searches))
    q_values = benjamini_hochberg(
        [one.found.candidate.p for one in tested] + [1.0] * (tried - len(tested))
    )
    return tuple(
        _event(one, q, names.get(one.study.series.key.subject, one.study.series.key.subject))
        for one, q in zip(tested, q_values, strict=False)
        if q <= FALSE_DISCOVERY
    )


def _windows(search: Search, given: DayList) -> list[_Tested]:
    """Search one series for windows on the listed dates, three times at most."""
    study = search.study
    left = [e for e in study.episodes if SHORTEST_S <= e.length_s <= LONGEST_S and e.edged]
    tested: list[_Tested] = []
    for _ in range(_PASSES):
        found = _strongest(study, given, left, search.generator)
        if found is None or found.candidate.p > ALPHA:
            break
        measured = measure_window(study, found.candidate, search.generator)
        if solid(study, measured):
            tested.append(_Tested(study, given, found, measured))
        left = [episode for episode in left if episode not in found.gone]
    return tested


def _strongest(
    study: Study, given: DayList, left: Sequence[Episode], generator: np.random.Generator
) -> _Found | None:
    """Return the hours whose trouble exceeds most what the other days lead to expect."""
    pool, listed = _pool(study, given)
    if int(listed.sum()) < LEAST_HITS or not len(left):
        return None
    fold = study.folds()[0]
    minute = fold.minutes(np.array([e.start_s for e in left]))
    length = np.array([e.length_s / 60 for e in left])
    day = np.floor(minute / DAY_MIN).astype(np.int64)
    near = np.isin(day, pool)
    if not near.any():
        return None
    arcs = Arcs(day[near], minute[near] % DAY_MIN, length[near])
    mine = [left[int(i)] for i in np.flatnonzero(near)]
    own = np.flatnonzero(np.isin(arcs.day, pool[listed]))[:_TEMPLATES]
    if not own.size:
        return None
    hits = _hits(arcs, own, pool)
    score, null = _excess(hits, pool, listed, generator)
    best = int(np.argmax(score))
    p = (1 + int((null >= score[best] - 1e-9).sum())) / (PERMUTATIONS + 1)
    start, its = float(arcs.start[own[best]]), float(arcs.length[own[best]])
    hit, iou = matches(start, its, arcs)
    chosen = hit & np.isin(arcs.day, pool[listed])
    if np.unique(arcs.day[chosen]).size < LEAST_HITS:
        return None
    rows = _one_a_day(arcs.day, chosen, iou)
    shift = (arcs.start[rows] - start + DAY_MIN / 2) % DAY_MIN - DAY_MIN / 2
    first = start + float(np.median(shift))
    candidate = Candidate(
        fold=fold,
        boundary=0.0,
        start=first % DAY_MIN,
        length=float(np.median(shift + start + arcs.length[rows])) - first,
        days=arcs.day[rows],
        episodes=tuple(mine[int(i)] for i in rows),
        overlap=float(iou[rows].mean()),
        p=p,
        counted=rows.size,
    )
    return _Found(candidate, frozenset(mine[int(i)] for i in np.flatnonzero(hit)))


def _pool(study: Study, given: DayList) -> tuple[IntArray, BoolArray]:
    """Return the observed days within four weeks of a listed one, and which of them are listed."""
    minutes = study.folds()[0].minutes(study.evidence.time_s)
    seen = np.unique(np.floor(minutes / DAY_MIN).astype(np.int64))
    listed = np.array(sorted(given.days), dtype=np.int64)
    if not seen.size or not listed.size:
        return seen[:0], np.zeros(0, dtype=np.bool_)
    place = np.clip(np.searchsorted(listed, seen), 0, listed.size - 1)
    before = listed[np.maximum(place - 1, 0)]
    away = np.minimum(np.abs(listed[place] - seen), np.abs(seen - before))
    pool = seen[away <= AROUND_DAYS]
    return pool, np.isin(pool, listed)


def _hits(arcs: Arcs, templates: IntArray, pool: IntArray) -> FloatArray:
    """Return, for each template and day of the pool, 1 where some trouble matches it."""
    hits = np.zeros((templates.size, pool.size))
    column = np.searchsorted(pool, arcs.day)
    for row, place in enumerate(templates.tolist()):
        hit, _ = matches(float(arcs.start[place]), float(arcs.length[place]), arcs)
        hits[row, column[hit]] = 1.0
    return hits


def _excess(
    hits: FloatArray, pool: IntArray, listed: BoolArray, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return each template's hits on listed days above expectation, and the null's largest."""
    weekday = (pool + _EPOCH_WEEKDAY) % 7
    expected = np.zeros(pool.size)
    for one in range(7):
        mine = weekday == one
        if mine.any():
            expected[mine] = listed[mine].mean()
    score = hits @ (listed - expected)
    order = np.argsort(weekday, kind="stable")
    null = np.empty(PERMUTATIONS)
    labels = listed[order].astype(np.float64)
    base = hits[:, order] @ expected[order]
    for turn in range(PERMUTATIONS):
        shuffled = np.lexsort((generator.random(pool.size), weekday[order]))
        null[turn] = float((hits[:, order] @ labels[shuffled] - base).max())
    return np.asarray(score, dtype=np.float64), null


def _one_a_day(day: IntArray, chosen: BoolArray, iou: FloatArray) -> IntArray:
    best: dict[int, int] = {}
    for i in np.flatnonzero(chosen).tolist():
        if int(day[i]) not in best or iou[i] > iou[best[int(day[i])]]:
            best[int(day[i])] = i
    return np.array([best[one] for one in sorted(best)], dtype=np.int64)


def _event(one: _Tested, q: float, name: str) -> Event:
    """Make the event of a window on given dates: its days are the listed ones."""
    plain = window_event(one.study, one.found.candidate, one.measured, q, name)
    window = plain.window
    if window is None:
        return plain
    pool, listed = _pool(one.study, one.given)
    said = {int(day): _said(one, window, int(day)) for day in pool}
    supports = [int(d) for d in pool[listed] if said[int(d)]]
    against = [int(d) for d in pool[listed] if said[int(d)] is False]
    others = [answer for d in pool[~listed] if (answer := said[int(d)]) is not None]
    first, last = min(one.given.days), max(one.given.days)
    dated = msgspec.structs.replace(
        window,
        weekdays=(),
        first_day=day_iso(supports[0]) if supports else window.first_day,
        last_day=day_iso(supports[-1]) if supports else window.last_day,
        days=Days(
            supported=len(supports),
            observable=len(supports) + len(against),
            total=len(one.given.days),
        ),
        supports=tuple(day_iso(day) for day in supports),
        against=tuple(day_iso(day) for day in against),
    )
    calendar = Calendar(
        name=one.given.name,
        listed=len(one.given.days),
        hits=(len(supports), len(supports) + len(against)),
        others=(sum(others), len(others)),
        announced=one.given.hours,
        before_share=_share(one, window, [int(d) for d in pool if d < first]),
        during_share=_share(one, window, [int(d) for d in pool[listed]]),
        after_share=_share(one, window, [int(d) for d in pool if d > last]),
    )
    event = msgspec.structs.replace(
        plain,
        kind=EventKind.CALENDAR_WINDOW,
        label=Label.ESTABLISHED if len(supports) >= ESTABLISHED_HITS else Label.SUSPECTED,
        window=dated,
        calendar=calendar,
    )
    return msgspec.structs.replace(event, sentence=calendar_sentence(event, name))


def _span(one: _Tested, window: Window, day: int) -> tuple[float, float]:
    fold = one.found.candidate.fold
    begin, end = (day * DAY_MIN + m for m in (window.start_minute, window.end_minute))
    return fold.instant(begin).timestamp(), fold.instant(end).timestamp()


def _said(one: _Tested, window: Window, day: int) -> bool | None:
    return look_at(one.study.evidence, _span(one, window, day))


def _share(one: _Tested, window: Window, days: Sequence[int]) -> float | None:
    """Return the share of failed looks in the window's hours of these days."""
    evidence = one.study.evidence
    parts = []
    for day in days:
        first, last = np.searchsorted(evidence.time_s, _span(one, window, day))
        parts.append(evidence.bad[int(first) : int(last)])
    looks = np.concatenate(parts) if parts else np.zeros(0)
    return round(float(looks.mean()), 4) if looks.size else None
