"""Downloads of what is on the screen: rows as CSV or JSON, charts as SVG or PNG."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from probe.errors import InputError
from probe.model.codec import encode
from probe.report import phrases
from probe.report.charts.chart import Chart
from probe.report.charts.counts import control_chart, matrix_chart, stack_chart
from probe.report.charts.files import png_file, svg_file
from probe.report.charts.goodput import goodput_chart
from probe.report.charts.heat import heat_chart
from probe.report.charts.overlay import overlay_chart
from probe.report.charts.spans import calendar_chart, lanes_chart, onset_chart
from probe.report.compare import Comparison
from probe.report.data import ReportData
from probe.report.tongue import speaking
from probe.web.asked import Asked
from probe.web.desk import Desk
from probe.web.lists import listed
from probe.web.tables import (
    comparison_rows,
    csv_text,
    day_rows,
    entry_rows,
    event_rows,
    goodput_rows,
    hour_rows,
    interval_rows,
    overlay_rows,
    round_rows,
    service_rows,
)

__all__ = ["File", "download"]

_MOST = 100_000
_OF_REPORT: dict[str, Callable[[ReportData], Sequence[Mapping[str, Any]]]] = {
    "services": service_rows,
    "intervals": interval_rows,
    "events": event_rows,
    "hours": hour_rows,
    "days": day_rows,
    "goodput": goodput_rows,
    "overlays": overlay_rows,
}
_MISSING = {
    "hours": "nothing failed, so there is no heatmap",
    "goodput": "no transfer was timed in this time",
    "overlays": "no numbers of others are about this place and time",
}
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
}


class File(msgspec.Struct, frozen=True):
    """What is sent to be kept: its name, media type and bytes."""

    name: str
    media_type: str
    body: bytes


def download(desk: Desk, asked: Asked, what: str, ending: str) -> File | None:
    """Return the download of that name, ``None`` when there is none.

    Raises:
        InputError: a filter that is wrong, or a picture without what draws it.

    """
    if ending in ("csv", "json"):
        rows = _rows(desk, asked, what)
        if rows is None:
            return None
        body = csv_text(rows).encode() if ending == "csv" else encode(rows) + b"\n"
    elif ending in ("svg", "png"):
        with speaking(asked.lang):
            chart = _chart(desk, asked, what)
            if chart is None:
                return None
            body = svg_file(chart).encode() if ending == "svg" else png_file(chart)
    else:
        return None
    return File(f"probe-{what}.{ending}", _TYPES[ending], body)


def _rows(desk: Desk, asked: Asked, what: str) -> Sequence[Mapping[str, Any]] | None:
    if what in _OF_REPORT:
        return _OF_REPORT[what](desk.report(asked))
    if what == "measurements":
        return entry_rows(listed(desk, asked, limit=_MOST))
    if what == "rounds":
        return round_rows(desk.rounds(asked))
    if what == "compare":
        return comparison_rows(desk.comparison(asked))
    if what.startswith("measurement-"):
        return _one(desk, what)
    return None


def _one(desk: Desk, what: str) -> Sequence[Mapping[str, Any]] | None:
    numbers = what.split("-")[1:]
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        return None
    record = desk.store().record(*map(int, numbers))
    return None if record is None else [msgspec.to_builtins(record, builtin_types=())]


def _chart(desk: Desk, asked: Asked, what: str) -> Chart | None:
    if what == "matrix" and not asked.service:
        comparison: Comparison = desk.comparison(asked)
        return matrix_chart(comparison.pairs)
    data = desk.report(asked)
    kind, place = _numbered(what)
    if kind in ("hours", "goodput", "overlays"):
        return _one_of(data, kind, place)
    several = len(data.place.networks) > 1
    made: dict[str, Callable[[], Chart]] = {
        "lanes": lambda: lanes_chart(data.lanes, data.period, data.place.tz, several=several),
        "onsets": lambda: onset_chart(data.lanes, data.period, data.place.tz),
        "coverage": lambda: calendar_chart(data.calendar),
        "mechanisms": lambda: stack_chart(data.mix),
        "control": lambda: control_chart(data.mix),
    }
    return made[what]() if what in made else None


def _numbered(what: str) -> tuple[str, int]:
    """Return what is asked for, and which of several: ``hours-2`` is the second heatmap shown."""
    kind, dash, number = what.rpartition("-")
    if not dash or not (number.isascii() and number.isdecimal()) or len(number) > 4:
        return what, 0
    return kind, int(number) - 1


def _one_of(data: ReportData, kind: str, place: int) -> Chart | None:
    """Return one chart of a kind that there may be several of; the first is there or is missed."""
    period, tz = data.period, data.place.tz
    made: dict[str, Sequence[Callable[[], Chart]]] = {
        "hours": [partial(heat_chart, one, phrases.offsets(data)) for one in data.heatmaps],
        "goodput": [
            partial(goodput_chart, one, period, tz, number=number)
            for number, one in enumerate(data.goodputs, 1)
        ],
        "overlays": [
            partial(overlay_chart, one, period, tz, number=number)
            for number, one in enumerate(data.overlays, 1)
        ],
    }
    if place == 0 and not made[kind]:
        raise InputError(_MISSING[kind], field="service")
    return made[kind][place]() if 0 <= place < len(made[kind]) else None
