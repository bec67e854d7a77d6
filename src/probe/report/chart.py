"""Geometry of the charts: where each rectangle of a heatmap or a lane stands; no markup.

Lengths along the time axis are per cent of the chart's width, so that a chart fits any screen
without a script and without stretching its patterns; heights are CSS pixels.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from probe.report.data import Bar, DayRow, Heatmap, Lane, Mark, Period
from probe.report.hours import floor_hour, zone
from probe.report.phrases import day_name, moment
from probe.report.words import MARKS

__all__ = [
    "Box",
    "HeatRow",
    "Run",
    "Tick",
    "day_ticks",
    "heat_rows",
    "hour_ticks",
    "lane_boxes",
    "row_height",
    "used_marks",
]

_HOURS = 24
_FULL_ROWS = 45
_LAST_LABEL = 92.0  # per cent; a label further right would leave the page
_BAD = frozenset({Mark.CUT, Mark.REFUSED, Mark.FAILED, Mark.DOWN, Mark.LINE_OFF, Mark.DOMESTIC})
_LETTERED = frozenset(MARKS) - {Mark.FINE, Mark.NO_DATA}


class Box(NamedTuple):
    """A rectangle: ``x`` and ``width`` in per cent."""

    mark: Mark
    x: float
    width: float
    carried: bool = False
    before: float = 0.0  # per cent of uncertainty left of x
    after: float = 0.0  # and right of x + width
    title: str = ""


class Run(NamedTuple):
    """Hours of one mark: looked at, and carried between looks; ``letter`` stands in the middle."""

    mark: Mark
    middle: float
    letter: str
    title: str
    boxes: tuple[Box, ...]


class HeatRow(NamedTuple):
    """One day of a heatmap."""

    y: int
    label: str
    weekend: bool
    clock_change: bool
    runs: tuple[Run, ...]


class Tick(NamedTuple):
    """A mark on a time axis."""

    x: float
    label: str


def row_height(heatmap: Heatmap) -> int:
    """Return the height of one day: less for long periods."""
    return 20 if len(heatmap.days) <= _FULL_ROWS else 9


def hour_ticks() -> tuple[Tick, ...]:
    """Return a tick at every third hour."""
    return tuple(Tick(hour / _HOURS * 100, f"{hour:02d}") for hour in range(0, _HOURS + 1, 3))


def heat_rows(heatmap: Heatmap) -> tuple[HeatRow, ...]:
    """Return the rows of a heatmap, top to bottom; like neighbours are one box."""
    height = row_height(heatmap)
    every = 1 if len(heatmap.days) <= _FULL_ROWS else 7
    return tuple(
        HeatRow(
            y=position * height,
            label=day_name(day.date) if position % every == 0 else "",
            weekend=day.weekday in (6, 7),
            clock_change=day.clock_change,
            runs=_runs(day, lettered=every == 1),
        )
        for position, day in enumerate(heatmap.days)
    )


def _runs(day: DayRow, *, lettered: bool) -> tuple[Run, ...]:
    runs = []
    for start, end in _stretches([cell.mark for cell in day.cells]):
        mark = day.cells[start].mark
        parts = _stretches([cell.carried for cell in day.cells[start:end]])
        runs.append(
            Run(
                mark=mark,
                middle=(_middle(day, start, end) + 0.5) / _HOURS * 100,
                letter=MARKS[mark][0] if lettered and mark in _LETTERED else "",
                title=_run_title(day, start, end),
                boxes=tuple(
                    Box(
                        mark=mark,
                        x=(start + first) / _HOURS * 100,
                        width=(last - first) / _HOURS * 100,
                        carried=day.cells[start + first].carried,
                    )
                    for first, last in parts
                ),
            )
        )
    return tuple(runs)


def _middle(day: DayRow, start: int, end: int) -> int:
    """Return the hour that carries a run's letter: the looked-at one nearest to its middle."""
    centre = (start + end - 1) / 2
    hours = [hour for hour in range(start, end) if not day.cells[hour].carried]
    return min(hours or range(start, end), key=lambda hour: abs(hour - centre))


def _stretches(values: Sequence[object]) -> list[tuple[int, int]]:
    """Return (start, end) of each run of equal values."""
    found = []
    start = 0
    for place in range(1, len(values) + 1):
        if place == len(values) or values[place] != values[start]:
            found.append((start, place))
            start = place
    return found


def _run_title(day: DayRow, start: int, end: int) -> str:
    mark = day.cells[start].mark
    looks = sum(cell.looks for cell in day.cells[start:end])
    seen = f" ({looks} {'look' if looks == 1 else 'looks'})" if looks else ""
    return f"{day_name(day.date)}, {start:02d}:00–{end:02d}:00: {MARKS[mark][1]}{seen}"


def _share(time: datetime, period: Period) -> float:
    whole = (period.end - period.start).total_seconds() or 1.0
    part = (time - period.start).total_seconds() / whole
    return min(max(part, 0.0), 1.0) * 100


def lane_boxes(lane: Lane, period: Period, tz: str) -> tuple[Box, ...]:
    """Return the boxes of a lane, those below first; uncertain edges stand beside them."""
    boxes = (_lane_box(bar, period, tz) for bar in lane.bars)
    return tuple(box for box in boxes if box.width > 0)


def _lane_box(bar: Bar, period: Period, tz: str) -> Box:
    start, end = _share(bar.start, period), _share(bar.end, period)
    bad = bar.mark in _BAD
    what = MARKS[bar.mark][1]
    return Box(
        mark=bar.mark,
        x=start,
        width=max(end - start, 0.0),
        before=max(start - _share(bar.start_earliest, period), 0.0)
        if bad and not bar.start_hidden
        else 0.0,
        after=max(_share(bar.end_latest, period) - end, 0.0) if bad and not bar.end_hidden else 0.0,
        title=f"{moment(bar.start, tz)} – {moment(bar.end, tz)}: {what}",
    )


def day_ticks(period: Period, tz: str) -> tuple[Tick, ...]:
    """Return ticks at local midnights, at most seven of them labelled."""
    days = max((period.end - period.start).days, 1)
    every = max(1, -(-days // 7))
    ticks: list[Tick] = []
    at = floor_hour(period.start, tz)
    while at <= period.end:
        local = at.astimezone(zone(tz))
        if local.hour == 0 and at >= period.start:
            share = _share(at, period)
            shown = len(ticks) % every == 0 and share < _LAST_LABEL
            label = day_name(local.date().isoformat())[4:] if shown else ""
            ticks.append(Tick(share, label))
            at += timedelta(hours=22)
        else:
            at += timedelta(hours=1)
    return tuple(ticks)


def used_marks(heatmaps: tuple[Heatmap, ...], lanes: tuple[Lane, ...]) -> tuple[Mark, ...]:
    """Return the marks that a legend must explain; the three that matter most always."""
    used = {Mark.FINE, Mark.CUT, Mark.LINE_OFF, Mark.NO_DATA}
    used |= {cell.mark for heatmap in heatmaps for day in heatmap.days for cell in day.cells}
    used |= {bar.mark for lane in lanes for bar in lane.bars}
    return tuple(mark for mark in Mark if mark in used)
