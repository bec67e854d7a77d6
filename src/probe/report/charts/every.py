"""All charts of one report, for files."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from probe.report import phrases
from probe.report.charts.chart import Chart
from probe.report.charts.counts import control_chart, matrix_chart, stack_chart
from probe.report.charts.goodput import goodput_chart
from probe.report.charts.heat import heat_chart
from probe.report.charts.overlay import overlay_chart
from probe.report.charts.spans import calendar_chart, lanes_chart, onset_chart, onsets
from probe.report.data import ReportData

__all__ = ["charts_of"]

_OTHERS = re.compile(r"[^a-z0-9]+")


def charts_of(data: ReportData) -> Iterator[Chart]:
    """Yield every chart that the report draws, each with a name of its own fit for a file."""
    offset = phrases.offsets(data)
    several = len(data.place.networks) > 1
    for number, heatmap in enumerate(data.heatmaps, 1):
        yield _named(heat_chart(heatmap, offset), f"{number:02d}")
    if data.lanes:
        yield lanes_chart(data.lanes, data.period, data.place.tz, several=several)
        if onsets(data.lanes):
            yield onset_chart(data.lanes, data.period, data.place.tz)
    for number, one in enumerate(data.goodputs, 1):
        yield goodput_chart(one, data.period, data.place.tz, number=number)
    for number, beside in enumerate(data.overlays, 1):
        yield overlay_chart(beside, data.period, data.place.tz, number=number)
    if data.calendar:
        yield calendar_chart(data.calendar)
    if any(day.layers for day in data.mix):
        yield stack_chart(data.mix)
        yield control_chart(data.mix)
    if several and data.matrix:
        yield matrix_chart(data.matrix)


def _named(chart: Chart, number: str) -> Chart:
    """Return the chart with a name of latin letters only: a service's may be anything."""
    plain = _OTHERS.sub("-", chart.name.lower()).strip("-")[:60]
    return replace(chart, name=f"{plain}-{number}")
