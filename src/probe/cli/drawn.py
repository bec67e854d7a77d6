"""A timeline drawn in a terminal: hours against days, and lanes; 80 columns, colour or none.

Every hour and every stretch has a letter of its own, the same as in the report, so that nothing
is said by colour alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from probe.analysis.columns import Columns, columns_of
from probe.model.timeline import Interval, IntervalState, Series, SeriesKey, Signal
from probe.model.times import instant
from probe.report.data import Bar, DayRow, Mark, Period
from probe.report.hours import HourGrid, zone
from probe.report.marks import Row, bars_of, day_rows
from probe.report.phrases import day_name, offset
from probe.report.text import clean
from probe.report.words import MARKS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["draw_timeline"]

_STYLES: dict[Mark, str] = {
    Mark.FINE: "green",
    Mark.CUT: "bold white on red",
    Mark.PART: "black on bright_yellow",
    Mark.REFUSED: "black on yellow",
    Mark.FAILED: "bold white on magenta",
    Mark.DOWN: "black on white",
    Mark.LINE_OFF: "bold reverse",
    Mark.DOMESTIC: "bold white on blue",
    Mark.OWN_FAULT: "reverse dim",
    Mark.UNCLEAR: "dim",
    Mark.NO_DATA: "",
    Mark.NO_HOUR: "dim",
    Mark.SLOW: "black on bright_magenta",
}
_LABEL = 14
_LEAST = 40
_MOST_DAYS = 31
_MOST_MAPS = 12
_BAD = frozenset({Mark.CUT, Mark.PART, Mark.REFUSED, Mark.FAILED, Mark.DOWN, Mark.SLOW})


def draw_timeline(
    series: Sequence[Series], names: Mapping[str, str], console: "Console", *, width: int
) -> None:
    """Draw heatmaps of what failed at all (the last 31 days), then a lane for everything.

    ``width`` are the columns that there are; the drawing needs 40.
    """
    from probe.analysis.timeline import intervals

    if not series:
        return
    found = {one.key: intervals(one) for one in series}
    rows = _rows(series, found)
    period = _period(series)
    tz = series[0].tz
    fine = "─" if (console.encoding or "").lower().startswith("utf") else "-"
    signs = {mark: MARKS[mark][0] or fine for mark in Mark} | {Mark.NO_DATA: " "}
    several = len({network for _subject, network, _row in rows}) > 1
    drawn = 0
    for subject, network, row in rows:
        if drawn < _MOST_MAPS and _failed(row) and (subject != "line" or _timed(row)):
            drawn += 1
            name = _name(subject, network, names, row, several=several)
            _heatmap(console, name, row, tz, signs)
    _lanes(console, rows, names, period, tz, max(width, _LEAST), signs, several=several)
    console.print(_legend(signs, rows))


def _rows(
    series: Sequence[Series], found: Mapping[SeriesKey, Sequence[Interval]]
) -> list[tuple[str, str, Row]]:
    """Return one row for each subject on each network, those of the line beneath it.

    Timed transfers have one where they were slow for a stretch.
    """
    own: dict[tuple[str, str], list[Series]] = {}
    line: dict[str, list[Series]] = {}
    for one in series:
        if one.key.signal is Signal.TARGETED:
            own.setdefault((one.key.subject, one.key.network), []).append(one)
        elif one.key.signal is not Signal.GOODPUT:
            line.setdefault(one.key.network, []).append(one)
    rows = [
        ("line", network, Row(own=tuple(mine), line=(), intervals=found))
        for network, mine in sorted(line.items())
    ]
    rows += [
        (
            subject,
            network,
            Row(own=tuple(mine), line=tuple(line.get(network, ())), intervals=found),
        )
        for (subject, network), mine in sorted(own.items())
    ]
    return rows + [
        (one.key.subject, one.key.network, Row(own=(one,), line=(), intervals=found))
        for one in series
        if one.key.signal is Signal.GOODPUT and _slowed(found[one.key])
    ]


def _slowed(intervals: Sequence[Interval]) -> bool:
    return any(interval.state is IntervalState.BAD for interval in intervals)


def _own(row: Row) -> list[Columns]:
    """Return the subject's own series that have a sample, as arrays."""
    return [columns for one in row.own if len(columns := columns_of(one))]


def _failed(row: Row) -> bool:
    return any((one.bad == 1).any() for one in _own(row))


def _period(series: Sequence[Series]) -> Period:
    times = [sample.time for one in series for sample in one.samples]
    start = min(times, default=datetime(1970, 1, 1, tzinfo=UTC))
    end = max(times, default=start)
    return Period(start=start, end=max(end, start + timedelta(hours=1)))


def _timed(row: Row) -> bool:
    return any(one.key.signal is Signal.GOODPUT for one in row.own)


def _name(subject: str, network: str, names: Mapping[str, str], row: Row, *, several: bool) -> str:
    name = "this line" if subject == "line" else clean(names.get(subject, subject), 60)
    name = f"{name} (timed)" if _timed(row) else name
    return f"{name} · {network}" if several and network else name


def _heatmap(console: "Console", name: str, row: Row, tz: str, signs: Mapping[Mark, str]) -> None:
    times = [one.time_us for one in _own(row)]
    last = instant(max(int(some.max()) for some in times))
    first = instant(min(int(some.min()) for some in times))
    first = max(first, last - timedelta(days=_MOST_DAYS - 1))
    grid = HourGrid(first, last + timedelta(minutes=1), tz)
    from rich.text import Text

    console.print(Text(f"{name}: hour of day in {tz} ({offset(last, tz)})", style="bold"))
    hours = "".join(f"{hour:<6}" for hour in ("00", "03", "06", "09", "12", "15", "18", "21"))
    console.print(Text(" " * _LABEL + hours.rstrip(), style="dim"))
    for day in day_rows(row, grid):
        console.print(_day(day, signs))
    console.print()


def _day(day: DayRow, signs: Mapping[Mark, str]) -> "Text":
    """Return a day as two columns an hour; what nobody looked at itself is in small letters."""
    from rich.text import Text

    label = day_name(day.date) + (" ±" if day.clock_change else "")
    text = Text(f"{label:<{_LABEL}}")
    for cell in day.cells:
        sign = signs[cell.mark]
        shown = sign.lower() if cell.carried else sign
        style = _STYLES[cell.mark] + (" dim" if cell.carried else "")
        text.append(shown * 2 if cell.mark is Mark.FINE else f"{shown} ", style=style)
    return text


def _lanes(
    console: "Console",
    rows: Sequence[tuple[str, str, Row]],
    names: Mapping[str, str],
    period: Period,
    tz: str,
    width: int,
    signs: Mapping[Mark, str],
    *,
    several: bool,
) -> None:
    from rich.text import Text

    columns = width - _LABEL - 1
    console.print(Text(_axis(period, tz, columns), style="dim"))
    for subject, network, row in rows:
        name = _name(subject, network, names, row, several=several)
        short = name if len(name) < _LABEL else f"{name[: _LABEL - 2]}…"
        text = Text(f"{short:<{_LABEL}}")
        for mark in _lane(bars_of(row), period, columns):
            text.append(signs[mark], style=_STYLES[mark])
        console.print(text)


def _axis(period: Period, tz: str, columns: int) -> str:
    """Return the dates above the lanes, as many as there is room for."""
    line = [" "] * (columns + _LABEL)
    step = (period.end - period.start) / max(columns // 12, 1)
    for number in range(max(columns // 12, 1)):
        local = (period.start + step * number).astimezone(zone(tz))
        label = f"|{local:%m-%d %H}h" if step < timedelta(days=2) else f"|{local:%m-%d}"
        at = _LABEL + round(number * columns / max(columns // 12, 1))
        line[at : at + len(label)] = label
    return "".join(line)[: columns + _LABEL].rstrip()


def _lane(bars: Sequence[Bar], period: Period, columns: int) -> Iterator[Mark]:
    """Yield one mark a column: what failed shows however short it was, else the longest."""
    length = (period.end - period.start) / columns
    for column in range(columns):
        start = period.start + length * column
        shares: dict[Mark, timedelta] = {}
        for bar in bars:
            inside = min(bar.end, start + length) - max(bar.start, start)
            if inside > timedelta(0):
                shares[bar.mark] = shares.get(bar.mark, timedelta(0)) + inside
        bad = {mark: share for mark, share in shares.items() if mark in _BAD}
        chosen = bad or {mark: share for mark, share in shares.items() if mark is not Mark.NO_DATA}
        line = {mark for mark in (Mark.LINE_OFF, Mark.DOMESTIC) if mark in shares}
        if line and not bad:
            yield min(line)
        else:
            yield max(chosen, key=lambda mark: chosen[mark]) if chosen else Mark.NO_DATA


def _legend(signs: Mapping[Mark, str], rows: Sequence[tuple[str, str, Row]]) -> "Text":
    from rich.text import Text

    used = {bar.mark for _subject, _network, row in rows for bar in bars_of(row)}
    used |= {Mark.FINE, Mark.CUT, Mark.LINE_OFF}
    text = Text()
    for mark in Mark:
        if mark in used and mark is not Mark.NO_DATA:
            text.append(signs[mark], style=_STYLES[mark])
            text.append(f" {MARKS[mark][1]}  ")
    text.append("blank: no data; small letters: between two looks that agree")
    return text
