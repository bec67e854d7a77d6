"""From series and intervals to what a chart shows: the hours of a heatmap, the bars of a lane.

One row stands for one subject (a service, or the line itself) on one network. Its series are
split by locus; here they are laid over each other again, and over the state of the line.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from probe.model.timeline import (
    Absence,
    Bracket,
    Interval,
    IntervalState,
    Sample,
    Series,
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

_NOBODY = (Absence.NOT_SCHEDULED, Absence.HOST_OFF)

_STRENGTH = {
    Mark.CUT: 10,
    Mark.FAILED: 9,
    Mark.REFUSED: 8,
    Mark.DOWN: 7,
    Mark.SLOW: 6,
    Mark.LINE_OFF: 6,
    Mark.DOMESTIC: 5,
    Mark.FINE: 4,
    Mark.OWN_FAULT: 3,
    Mark.UNCLEAR: 2,
    Mark.NO_DATA: 1,
}
"""Which of several marks of one moment is shown: what was seen beats what was not."""

_BAD = frozenset({Mark.CUT, Mark.FAILED, Mark.REFUSED, Mark.DOWN})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The series of one subject on one network, and those of the line beneath it."""

    own: tuple[Series, ...]
    line: tuple[Series, ...]
    intervals: Mapping[SeriesKey, Sequence[Interval]]
    hedged: bool = False  # only weak signs: what failed is drawn without saying by whom

    def series(self) -> tuple[Series, ...]:
        """Return the line's series and the subject's own."""
        return (*self.line, *self.own)


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


def last_mark(own: Sequence[Series], *, hedged: bool = False) -> Mark:
    """Return what the newest proving look of a subject's series showed; bad before good."""
    proven = [
        (sample.time, bool(sample.bad), series.key, sample)
        for series in own
        for sample in series.samples
        if sample.bad is not None
    ]
    if not proven:
        looked = any(s.absence not in _NOBODY for one in own for s in one.samples)
        return Mark.UNCLEAR if looked else Mark.NO_DATA
    _time, bad, key, sample = max(proven, key=lambda one: one[:2])
    return bad_mark(key, sample.mechanism, hedged=hedged) if bad else Mark.FINE


def _sample_mark(row: Row, series: Series, sample: Sample) -> Mark:
    if sample.bad:
        return bad_mark(series.key, sample.mechanism, hedged=row.hedged)
    if sample.bad is False:
        # That the line was up says nothing about a service that was not looked at.
        return Mark.FINE if series in row.own else Mark.NO_DATA
    return _ABSENCE[sample.absence] if sample.absence else Mark.UNCLEAR


def _looks(row: Row) -> dict[datetime, Mark]:
    """Return the strongest mark of each moment: series of several loci share their moments."""
    looks: dict[datetime, Mark] = {}
    for series in row.series():
        for sample in series.samples:
            mark = _sample_mark(row, series, sample)
            held = looks.get(sample.time, Mark.NO_DATA)
            looks[sample.time] = max(held, mark, key=_STRENGTH.__getitem__)
    return looks


def _cell(marks: Counter[Mark]) -> Cell:
    looks = sum(count for mark, count in marks.items() if mark is not Mark.NO_DATA)
    bad = sum(marks[mark] for mark in _BAD)
    if bad and marks[Mark.FINE]:
        return Cell(mark=Mark.PART, looks=looks, bad=bad)
    if slow := marks[Mark.SLOW]:  # one slow transfer among usual ones makes no slow hour
        most = Mark.SLOW if slow > marks[Mark.FINE] else Mark.FINE
        return Cell(mark=most, looks=looks, bad=slow)
    strongest = max(marks, key=_STRENGTH.__getitem__)
    return Cell(mark=strongest, looks=looks, bad=bad)


def _interval_mark(row: Row, series: Series, interval: Interval) -> Mark | None:
    own = series in row.own
    if interval.state is IntervalState.BAD:
        mechanism = interval.mechanisms[0][0] if interval.mechanisms else None
        return bad_mark(series.key, mechanism, hedged=row.hedged)
    if interval.state is IntervalState.OK:
        return Mark.FINE if own else None
    mark = _ABSENCE.get(interval.absence or Absence.INVALID, Mark.UNCLEAR)
    return mark if own else None


def _carried(row: Row, grid: HourGrid) -> dict[int, Mark]:
    """Return marks of hours between two looks that agree, by the intervals around them."""
    carried: dict[int, Mark] = {}
    for series in row.series():
        proven = [sample.time for sample in series.samples if sample.bad is not None]
        taken = [s.time for s in series.samples if s.absence not in _NOBODY]
        for interval in row.intervals.get(series.key, ()):
            mark = _interval_mark(row, series, interval)
            if mark is None:
                continue
            for position in grid.within(interval.start.at, interval.end.at):
                hour = grid.hours[position]
                times = taken if interval.state is IntervalState.GAP else proven
                held = carried.get(position, Mark.NO_DATA)
                if _near(times, hour.start, hour.end) and _STRENGTH[mark] >= _STRENGTH[held]:
                    carried[position] = mark
    return carried


def _near(times: Sequence[datetime], start: datetime, end: datetime) -> bool:
    position = bisect_left(times, start)
    if position == 0 or position == len(times):
        return False
    return times[position] - times[position - 1] <= _CARRY and times[position] >= end


def day_rows(row: Row, grid: HourGrid) -> tuple[DayRow, ...]:
    """Return the hours of every day of the grid as cells.

    An hour with looks shows them; an hour without shows what the interval around it says, marked
    as carried; an hour with neither is ``no_data``, and one that no clock showed is ``no_hour``.
    """
    seen: dict[tuple[str, int], Counter[Mark]] = {}
    for time, mark in _looks(row).items():
        position = grid.index(time)
        if position is not None and mark is not Mark.NO_DATA:
            hour = grid.hours[position]
            seen.setdefault((hour.day, hour.hour), Counter())[mark] += 1
    cells = {
        (grid.hours[position].day, grid.hours[position].hour): Cell(mark=mark, carried=True)
        for position, mark in _carried(row, grid).items()
        if mark is not Mark.NO_DATA
    }
    cells.update({key: _cell(marks) for key, marks in seen.items()})
    shown = {(hour.day, hour.hour) for hour in grid.hours}
    changes = grid.clock_changes()
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
    for series in row.series():
        for interval in row.intervals.get(series.key, ()):
            mark = _interval_mark(row, series, interval)
            if mark is not None:
                bars.append(_bar(interval, mark))
    return tuple(sorted(bars, key=lambda bar: (_STRENGTH[bar.mark], bar.start)))


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
