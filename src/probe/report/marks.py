"""From series and intervals to what a chart shows: the hours of a heatmap, the bars of a lane.

One row stands for one subject (a service, or the line itself) on one network. Its series are
split by locus; here they are laid over each other again, and over the state of the line.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from probe.analysis.arrays import BoolArray, IntArray, greatest
from probe.analysis.columns import (
    ABSENCES,
    NONE,
    Columns,
    SeriesLike,
    absence_code,
    columns_of,
)
from probe.model.timeline import (
    Absence,
    Bracket,
    Interval,
    IntervalState,
    SeriesKey,
    Signal,
)
from probe.report.data import Bar, Cell, DayRow, Mark
from probe.report.hours import HourGrid

__all__ = ["Row", "bad_mark", "bars_of", "day_rows", "last_mark"]

_CARRY = timedelta(hours=3)
"""Looks further apart than this say nothing about the hours between them, on this page."""

_LOCUS = {"network": Mark.CUT, "server": Mark.REFUSED, "local": Mark.OWN_FAULT}

_ABSENCE = {
    Absence.NOT_SCHEDULED: Mark.NO_DATA,
    Absence.HOST_OFF: Mark.NO_DATA,
    Absence.OFFLINE_LOCAL: Mark.OWN_FAULT,
    Absence.INVALID: Mark.UNCLEAR,
    Absence.INCONCLUSIVE: Mark.UNCLEAR,
}

_NOBODY = [absence_code(Absence.NOT_SCHEDULED), absence_code(Absence.HOST_OFF)]

_RISING = (
    Mark.NO_DATA,
    Mark.UNCLEAR,
    Mark.OWN_FAULT,
    Mark.FINE,
    Mark.DOMESTIC,
    Mark.SLOW,
    Mark.LINE_OFF,
    Mark.DOWN,
    Mark.REFUSED,
    Mark.FAILED,
    Mark.CUT,
)
"""Which of several marks of one moment is shown, the last of them: what was seen beats what was
not."""

_PLACE = {mark: place for place, mark in enumerate(_RISING)}

_BAD = frozenset({Mark.CUT, Mark.FAILED, Mark.REFUSED, Mark.DOWN})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The series of one subject on one network, and those of the line beneath it."""

    own: tuple[SeriesLike, ...]
    line: tuple[SeriesLike, ...]
    intervals: Mapping[SeriesKey, Sequence[Interval]]
    hedged: bool = False  # only weak signs: what failed is drawn without saying by whom

    def series(self) -> Iterator[tuple[SeriesKey, bool]]:
        """Yield the keys of the line's series and of the subject's own, and whether they are."""
        yield from ((one.key, False) for one in self.line)
        yield from ((one.key, True) for one in self.own)

    def columns(self) -> Iterator[tuple[Columns, bool]]:
        """Yield the line's series and the subject's own, and whether they are its own."""
        yield from ((columns_of(one), False) for one in self.line)
        yield from ((columns_of(one), True) for one in self.own)


def bad_mark(key: SeriesKey, mechanism: str | None, *, hedged: bool = False) -> Mark:
    """Return what a bad sample of that series is shown as."""
    if key.signal is Signal.GOODPUT:
        return Mark.SLOW
    if key.signal is Signal.UPSTREAM:
        return Mark.LINE_OFF
    if key.signal is Signal.INTL:
        return Mark.DOMESTIC
    if (mechanism or "").split(".")[0] == "down":
        return Mark.DOWN
    if key.locus == "server" and not (mechanism or "").startswith("server.geoblock"):
        return Mark.DOWN
    mark = _LOCUS.get(key.locus, Mark.FAILED)
    return Mark.FAILED if hedged and mark is not Mark.OWN_FAULT else mark


def last_mark(own: Sequence[SeriesLike], *, hedged: bool = False) -> Mark:
    """Return what the newest proving look of a subject's series showed; bad before good."""
    series = [columns_of(one) for one in own]
    newest: tuple[int, int, Mark] | None = None
    for one in series:
        proven = np.flatnonzero(one.bad != NONE)
        if not proven.size:
            continue
        last = int(one.time_us[proven].max())
        there = proven[one.time_us[proven] == last]
        place = int(there[np.argmax(one.bad[there])])
        bad = int(one.bad[place])
        if newest is None or (last, bad) > newest[:2]:
            mark = bad_mark(one.key, _mechanism(one, place), hedged=hedged) if bad else Mark.FINE
            newest = (last, bad, mark)
    if newest is not None:
        return newest[2]
    return Mark.UNCLEAR if any(_taken(one).any() for one in series) else Mark.NO_DATA


def _mechanism(series: Columns, place: int) -> str | None:
    code = int(series.mechanism[place])
    return None if code == NONE else series.names[code]


def _taken(series: Columns) -> BoolArray:
    """Return at which samples somebody looked."""
    return ~np.isin(series.absence, _NOBODY)


def _sample_marks(row: Row, series: Columns, *, own: bool) -> IntArray:
    """Return the mark of each sample, as its place in ``_RISING``."""
    # That the line was up says nothing about a service that was not looked at.
    fine = Mark.FINE if own else Mark.NO_DATA
    absent = np.array([_PLACE[_ABSENCE[one]] for one in ABSENCES] + [_PLACE[Mark.UNCLEAR]])
    failed = [bad_mark(series.key, name, hedged=row.hedged) for name in (*series.names, None)]
    bad = np.array([_PLACE[mark] for mark in failed])
    nothing = np.where(series.bad == NONE, absent[series.absence], _PLACE[fine])
    return np.where(series.bad == 1, bad[series.mechanism], nothing)


def _looks(row: Row) -> tuple[IntArray, IntArray]:
    """Return the moments of all looks, and the strongest mark of each, as places in ``_RISING``.

    Series of several loci share their moments.
    """
    marked = [
        (series.time_us, _sample_marks(row, series, own=own)) for series, own in row.columns()
    ]
    if not marked:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    times, marks = map(np.concatenate, zip(*marked, strict=True))
    return greatest(times, marks)


def _cell(marks: Mapping[Mark, int]) -> Cell:
    looks = sum(count for mark, count in marks.items() if mark is not Mark.NO_DATA)
    bad = sum(marks[mark] for mark in _BAD)
    if bad and marks[Mark.FINE]:
        return Cell(mark=Mark.PART, looks=looks, bad=bad)
    if slow := marks[Mark.SLOW]:  # one slow transfer among usual ones makes no slow hour
        most = Mark.SLOW if slow > marks[Mark.FINE] else Mark.FINE
        return Cell(mark=most, looks=looks, bad=slow)
    strongest = max((mark for mark in marks if marks[mark]), key=_PLACE.__getitem__)
    return Cell(mark=strongest, looks=looks, bad=bad)


def _interval_mark(row: Row, key: SeriesKey, interval: Interval, *, own: bool) -> Mark | None:
    if interval.state is IntervalState.BAD:
        mechanism = interval.mechanisms[0][0] if interval.mechanisms else None
        return bad_mark(key, mechanism, hedged=row.hedged)
    if interval.state is IntervalState.OK:
        return Mark.FINE if own else None
    mark = _ABSENCE.get(interval.absence or Absence.INVALID, Mark.UNCLEAR)
    return mark if own else None


def _carried(row: Row, grid: HourGrid) -> dict[int, Mark]:
    """Return marks of hours between two looks that agree, by the intervals around them."""
    carried = np.full(len(grid.hours), _PLACE[Mark.NO_DATA])
    for series, own in row.columns():
        proven = grid.between(series.time_us[series.bad != NONE], _CARRY)
        taken = grid.between(series.time_us[_taken(series)], _CARRY)
        for interval in row.intervals.get(series.key, ()):
            mark = _interval_mark(row, series.key, interval, own=own)
            if mark is None:
                continue
            hours = grid.within(interval.start.at, interval.end.at)
            near = (taken if interval.state is IntervalState.GAP else proven)[
                hours.start : hours.stop
            ]
            mine = carried[hours.start : hours.stop]
            mine[near & (_PLACE[mark] >= mine)] = _PLACE[mark]
    there = np.flatnonzero(carried != _PLACE[Mark.NO_DATA])
    return {place: _RISING[carried[place]] for place in there.tolist()}


def _seen(row: Row, grid: HourGrid) -> dict[tuple[str, int], Cell]:
    """Return the hours with looks as cells that show them."""
    moments, marks = _looks(row)
    position = grid.indices(moments)
    kept = (position >= 0) & (marks != _PLACE[Mark.NO_DATA])
    counts = np.zeros((len(grid.hours), len(_RISING)), dtype=np.int64)
    np.add.at(counts, (position[kept], marks[kept]), 1)
    seen: dict[tuple[str, int], IntArray] = {}
    for place in np.flatnonzero(counts.any(axis=1)).tolist():
        hour = grid.hours[place]  # one that came twice may lie in two places
        key = (hour.day, hour.hour)
        seen[key] = seen[key] + counts[place] if key in seen else counts[place]
    cells: dict[bytes, Cell] = {}
    for count in seen.values():
        if count.tobytes() not in cells:
            cells[count.tobytes()] = _cell(dict(zip(_RISING, count.tolist(), strict=True)))
    return {key: cells[count.tobytes()] for key, count in seen.items()}


def day_rows(row: Row, grid: HourGrid) -> tuple[DayRow, ...]:
    """Return the hours of every day of the grid as cells.

    An hour with looks shows them; an hour without shows what the interval around it says, marked
    as carried; an hour with neither is ``no_data``, and one that no clock showed is ``no_hour``.
    """
    cells = {
        (grid.hours[position].day, grid.hours[position].hour): Cell(mark=mark, carried=True)
        for position, mark in _carried(row, grid).items()
    }
    cells.update(_seen(row, grid))
    shown = {(hour.day, hour.hour) for hour in grid.hours}
    changes = grid.clock_changes
    nobody, missing = Cell(mark=Mark.NO_DATA), Cell(mark=Mark.NO_HOUR)
    return tuple(
        DayRow(
            date=day,
            weekday=datetime.fromisoformat(day).isoweekday(),
            cells=tuple(
                cells.get((day, hour), nobody if (day, hour) in shown else missing)
                for hour in range(24)
            ),
            clock_change=day in changes,
        )
        for day in grid.days
    )


def bars_of(row: Row) -> tuple[Bar, ...]:
    """Return the bars of a lane, weakest first, so that what was seen lies on top."""
    bars = []
    for key, own in row.series():
        for interval in row.intervals.get(key, ()):
            mark = _interval_mark(row, key, interval, own=own)
            if mark is not None:
                bars.append(_bar(interval, mark))
    return tuple(sorted(bars, key=lambda bar: (_PLACE[bar.mark], bar.start)))


def _bar(interval: Interval, mark: Mark) -> Bar:
    start: Bracket = interval.start
    end: Bracket = interval.end
    return Bar(
        mark=mark,
        start=start.at,
        start_earliest=start.earliest,
        start_latest=start.latest,
        end=end.at,
        end_earliest=end.earliest,
        end_latest=end.latest,
        start_hidden=start.censored,
        end_hidden=end.censored,
        mechanism=interval.mechanisms[0][0] if interval.mechanisms else None,
        samples=interval.samples,
    )
