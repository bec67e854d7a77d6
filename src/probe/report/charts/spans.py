"""Along the whole period: lanes with uncertain edges, the order of onsets, and the days seen."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from probe.report.charts.chart import Box, Chart, boxes_chart
from probe.report.data import LINE_SUBJECT, Bar, DaySeen, Lane, Mark, Period
from probe.report.hours import floor_hour, zone
from probe.report.phrases import day_name, month_name, network_name, subject_name
from probe.report.tongue import _, digits, num

__all__ = ["calendar_chart", "day_ticks", "lanes_chart", "onset_chart", "onsets", "share_of"]

_BAD = frozenset({Mark.CUT, Mark.REFUSED, Mark.FAILED, Mark.DOWN, Mark.LINE_OFF, Mark.DOMESTIC})
_OF_LINE = frozenset({Mark.LINE_OFF, Mark.DOMESTIC})
_THIN, _THICK = 0.34, 0.8
_UNSURE = 0.45
_LETTERED_SHARE = 0.02
"""A bar shorter than this share of the period has no room for its letter."""


def lanes_chart(
    lanes: Sequence[Lane], period: Period, tz: str, *, narrow: bool = False, several: bool = False
) -> Chart:
    """Return one lane a subject; thin, pale ends say that the change lies somewhere in there."""
    boxes = [
        box
        for row, lane in enumerate(lanes)
        for bar in lane.bars
        for box in _bar(bar, row, period, _LETTERED_SHARE * (3 if narrow else 1))
    ]
    names = [
        f"{subject_name(lane.name)} · {network_name(lane.network)}"
        if several
        else subject_name(lane.name)
        for lane in lanes
    ]
    return _over_time("lanes", _("The whole period side by side"), boxes, names, period, tz, narrow)


def onset_chart(lanes: Sequence[Lane], period: Period, tz: str, *, narrow: bool = False) -> Chart:
    """Return when the last failing stretch of each lane began, the first on top."""
    begun = sorted(
        ((bar.start, lane.name, lane.network, bar) for lane, bar in onsets(lanes)),
        key=lambda one: one[:3],
    )
    boxes = []
    for row, (_start, _name, _network, bar) in enumerate(begun):
        low = share_of(bar.start_earliest, period)
        high = max(share_of(bar.start_latest, period), low + 0.004)
        if bar.start_hidden:
            boxes.append(_box(bar.mark, 0.0, high, row, _THIN, _UNSURE))
        boxes.append(_box(bar.mark, low, high, row, _THICK, 1.0))
    several = len({network for _start, _name, network, _bar in begun}) > 1
    names = [
        f"{subject_name(name)} · {network_name(network)}" if several else subject_name(name)
        for _start, name, network, _bar in begun
    ]
    return _over_time("onsets", _("Which began first"), boxes, names, period, tz, narrow)


def onsets(lanes: Sequence[Lane]) -> list[tuple[Lane, Bar]]:
    """Return each lane with its last failing stretch, if it has one, as one bar.

    As in the event detector, failures with nothing but gaps between them are one stretch; what
    the whole line could not reach says nothing about the service.
    """
    found = []
    for lane in lanes:
        line = lane.subject == LINE_SUBJECT
        marks = _OF_LINE if line else _BAD - _OF_LINE
        bars = sorted(lane.bars, key=lambda bar: bar.start)
        bad = [bar for bar in bars if bar.mark in marks]
        if not bad:
            continue
        fine = [bar.start for bar in bars if bar.mark is Mark.FINE and bar.start < bad[-1].start]
        first = next(bar for bar in bad if not fine or bar.start >= fine[-1])
        found.append((lane, replace(bad[-1], **_start_of(first))))
    return found


def _start_of(bar: Bar) -> dict[str, Any]:
    names = ("start", "start_earliest", "start_latest", "start_hidden")
    return {name: getattr(bar, name) for name in names}


def _bar(bar: Bar, row: int, period: Period, least: float) -> list[Box]:
    start, end = share_of(bar.start, period), share_of(bar.end, period)
    if end <= start or bar.mark is Mark.NO_DATA:
        return []
    boxes = [_box(bar.mark, start, end, row, _THICK, 1.0, lettered=end - start > least)]
    if bar.mark not in _BAD:
        return boxes
    before, after = share_of(bar.start_earliest, period), share_of(bar.end_latest, period)
    if not bar.start_hidden and before < start:
        boxes.append(_box(bar.mark, before, start, row, _THIN, _UNSURE))
    if not bar.end_hidden and after > end:
        boxes.append(_box(bar.mark, end, after, row, _THIN, _UNSURE))
    return boxes


def _box(
    mark: Mark,
    x0: float,
    x1: float,
    row: int,
    thick: float,
    opacity: float,
    *,
    lettered: bool = False,
) -> Box:
    return Box(mark=mark, x0=x0, x1=x1, row=row, thick=thick, opacity=opacity, lettered=lettered)


def _over_time(
    name: str,
    title: str,
    boxes: Sequence[Box],
    rows: Sequence[str],
    period: Period,
    tz: str,
    narrow: bool,
) -> Chart:
    ground = [_box(Mark.NO_DATA, 0.0, 1.0, row, _THICK, 1.0) for row in range(len(rows))]
    ticks, lines = day_ticks(period, tz, narrow=narrow)
    return boxes_chart(
        f"{name}-narrow" if narrow else name,
        f"{title} ({tz})",
        [*ground, *boxes],
        rows=rows,
        span=(0, 1),
        ticks=ticks,
        lines=lines,
        width=380 if narrow else 960,
        names_px=118 if narrow else 190,
        row_px=24,
        size=12,
    )


def day_ticks(
    period: Period, tz: str, *, narrow: bool = False
) -> tuple[dict[float, str], list[float]]:
    """Return which local midnights are named along a period, and where lines stand.

    Places are shares of the period.
    """
    found = _midnights(period, tz)
    every = max(1, -(-len(found) // (3 if narrow else 7)))
    ticks = {
        share: digits(day_name(day).split(" ", 1)[1])
        for place, (share, day) in enumerate(found)
        if place % every == 0 and share < (0.9 if narrow else 0.97)
    }
    return ticks, [share for share, _day in found] if len(found) < 60 else list(ticks)


def share_of(time: datetime, period: Period) -> float:
    """Return where in the period a time lies, 0 to 1."""
    whole = (period.end - period.start).total_seconds() or 1.0
    return round(min(max((time - period.start).total_seconds() / whole, 0.0), 1.0), 6)


def _midnights(period: Period, tz: str) -> list[tuple[float, str]]:
    """Return the local midnights of the period as shares of it, with their dates."""
    found: list[tuple[float, str]] = []
    at = floor_hour(period.start, tz)
    while at <= period.end:
        local = at.astimezone(zone(tz))
        if local.hour == 0 and at >= period.start:
            found.append((share_of(at, period), local.date().isoformat()))
            at += timedelta(hours=22)
        else:
            at += timedelta(hours=1)
    return found


def calendar_chart(days: Sequence[DaySeen]) -> Chart:
    """Return how much of each day was looked at: a month a row, apart from any result."""
    months = list(dict.fromkeys(day.date[:7] for day in days))
    boxes = []
    for day in days:
        at = date.fromisoformat(day.date)
        row = months.index(day.date[:7])
        seen = day.hours_seen / max(day.hours, 1)
        boxes.append(Box(mark=Mark.NO_DATA, x0=at.day - 0.46, x1=at.day + 0.46, row=row))
        if seen:
            boxes.append(
                Box(
                    mark=Mark.FINE,
                    x0=at.day - 0.46,
                    x1=at.day + 0.46,
                    row=row,
                    thick=0.86 * max(seen, 0.08),
                )
            )
    return boxes_chart(
        "coverage",
        _("How much of each day was looked at"),
        boxes,
        rows=[f"{month_name(int(month[5:]))} {digits(month[:4])}" for month in months],
        span=(0.4, 31.6),
        ticks={day: num(day) for day in (1, 5, 10, 15, 20, 25, 31)},
        width=520,
        row_px=26,
        names_px=104,
    )
