"""Charts of counts: mechanisms day by day, failures against the controls, networks by services."""

from collections.abc import Sequence
from typing import Any

from probe.report.charts.chart import Box, Chart, boxes_chart, fill_of
from probe.report.data import DayMix, Mark, Pair
from probe.report.mechanisms import layer_name
from probe.report.phrases import day_name, network_name
from probe.report.tongue import _, digits

__all__ = ["LAYER_MARKS", "control_chart", "matrix_chart", "stack_chart"]

LAYER_MARKS = {
    "dns": Mark.DOMESTIC,
    "tcp": Mark.LINE_OFF,
    "tls": Mark.CUT,
    "exchange": Mark.DOWN,
    "udp": Mark.OWN_FAULT,
    "http": Mark.FAILED,
    "server": Mark.REFUSED,
    "other": Mark.UNCLEAR,
}
"""Layer of a mechanism -> the mark whose pattern it borrows."""


def stack_chart(days: Sequence[DayMix], *, width: int = 520) -> Chart:
    """Return how many looks failed on each day, by the layer that they failed in."""
    layers = [layer for layer in LAYER_MARKS if any(day.count(layer) for day in days)]
    series: list[dict[str, Any]] = [
        {
            "type": "bar",
            "stack": "all",
            "name": layer_name(layer),
            "barCategoryGap": "18%",
            "itemStyle": {"color": fill_of(LAYER_MARKS[layer])},
            "data": [day.count(layer) for day in days],
        }
        for layer in layers
    ]
    return _by_day("mechanisms", _("Failed looks a day, by layer"), days, series, width)


def control_chart(days: Sequence[DayMix], *, width: int = 520) -> Chart:
    """Return the share of looks that failed each day beside that of the neutral hosts."""
    series: list[dict[str, Any]] = [
        _line(_("this service"), "var(--cut)", "solid", [day.failed_share for day in days]),
        _line(_("neutral hosts"), "var(--ink)", "dashed", [day.control_share for day in days]),
    ]
    return _by_day(
        "control",
        _("Share that failed: service and neutral hosts"),
        days,
        series,
        width,
        share=True,
    )


def _line(name: str, color: str, dash: str, values: Sequence[float | None]) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "symbol": "circle" if dash == "solid" else "emptyRect",
        "symbolSize": 6,
        "connectNulls": False,
        "color": color,
        "itemStyle": {"color": color},
        "lineStyle": {"color": color, "type": dash, "width": 2},
        "data": [None if value is None else round(100 * value, 1) for value in values],
    }


def _by_day(
    name: str,
    title: str,
    days: Sequence[DayMix],
    series: list[dict[str, Any]],
    width: int,
    *,
    share: bool = False,
) -> Chart:
    label = {"color": "var(--soft)", "fontSize": 12}
    quiet = {"show": False}
    value: dict[str, Any] = {
        "type": "value",
        "minInterval": 1,
        "splitNumber": 4,
        "axisLabel": dict(label),
        "splitLine": {"lineStyle": {"color": "var(--hair)"}},
        "named": {str(n): digits(str(n)) for n in range(101)},
    }
    if share:
        value |= {"min": 0, "max": 100, "interval": 25}
        value["named"] = {str(n): digits(f"{n} %") for n in range(101)}
    else:
        highest = max((sum(count for _layer, count in day.layers) for day in days), default=1)
        value["named"] = {str(n): digits(str(n)) for n in range(highest * 2 + 2)}
    return Chart(
        name=name,
        title=title,
        width=width,
        height=230,
        option={
            "animation": False,
            "grid": {"left": 52, "right": 12, "top": 34, "bottom": 26},
            "legend": {
                "top": 0,
                "left": 0,
                "itemWidth": 18,
                "itemHeight": 11,
                "textStyle": {"color": "var(--soft)", "fontSize": 12},
            },
            "xAxis": {
                "type": "category",
                "data": [str(place) for place in range(len(days))],
                "named": {
                    str(place): day_name(day.date).split(" ", 1)[1]
                    for place, day in enumerate(days)
                },
                "axisLabel": {**label, "hideOverlap": True},
                "axisTick": quiet,
                "axisLine": {"lineStyle": {"color": "var(--faint)"}},
            },
            "yAxis": value,
            "series": series,
        },
    )


def matrix_chart(pairs: Sequence[Pair], *, names_px: int = 170) -> Chart:
    """Return what each network shows of each service at its last proving look."""
    networks = list(dict.fromkeys(pair.network for pair in pairs))
    subjects = list(dict.fromkeys(pair.name for pair in pairs))
    boxes = [
        Box(
            mark=pair.mark,
            x0=networks.index(pair.network) + 0.03,
            x1=networks.index(pair.network) + 0.97,
            row=subjects.index(pair.name),
            lettered=True,
        )
        for pair in pairs
    ]
    return boxes_chart(
        "matrix",
        _("Services by network"),
        boxes,
        rows=subjects,
        span=(0, max(len(networks), 1)),
        ticks={place + 0.5: network_name(name) for place, name in enumerate(networks)},
        width=names_px + 30 + 130 * max(len(networks), 1),
        names_px=names_px,
        row_px=24,
    )
