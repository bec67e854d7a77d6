"""How fast something came beside its controls: points in time on a logarithmic axis."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from probe.report.charts.chart import Chart, upright, value_axis
from probe.report.charts.spans import day_ticks, share_of
from probe.report.data import Goodput, Period
from probe.report.hours import floor_hour, zone
from probe.report.phrases import hour_of
from probe.report.slow_words import axis_rate, timed_name
from probe.report.tongue import _

__all__ = ["goodput_chart"]

_SHORT = timedelta(days=3)
_HOURS = 6
_LEFT, _RIGHT, _BOTTOM = 84, 14, 8
_TOP, _TOP_NARROW = 58, 82  # a narrow legend takes two lines


def goodput_chart(
    one: Goodput, period: Period, tz: str, *, number: int = 1, narrow: bool = False
) -> Chart:
    """Return rates in time: circles for usual rounds, triangles for slow ones, hollow controls.

    The level is a line with its interval as a band. Days begin at upright lines, in the zone.
    """
    ticks, lines = _ticks(period, tz, narrow=narrow)
    usual = [(share_of(p.time, period), p.kbps) for p in one.points if not p.slow and p.kbps]
    slow = [(share_of(p.time, period), p.kbps) for p in one.points if p.slow and p.kbps]
    controls = [(share_of(p.time, period), p.control_kbps) for p in one.points if p.control_kbps]
    series = [
        _points(_("controls"), "emptyRect", 5, "var(--soft)", controls),
        _points(_("usual"), "circle", 6, "var(--fine-ink)", usual),
        _points(_("slow"), "triangle", 9, "var(--slow)", slow),
        *_levels(one, period),
    ]
    series[0]["markLine"] = upright(lines)
    rates = [rate for _share, rate in (*usual, *slow, *controls)]
    top = _TOP_NARROW if narrow else _TOP
    base = f"goodput-{number:02d}"
    return Chart(
        name=f"{base}-narrow" if narrow else base,
        title=_("{name}: goodput against control ({zone})", name=timed_name(one), zone=tz),
        width=380 if narrow else 960,
        height=242 + top,
        option={
            "animation": False,
            "grid": {"left": _LEFT, "right": _RIGHT, "top": top, "bottom": _BOTTOM},
            "legend": {
                "top": 0,
                "left": 0,
                "itemWidth": 14,
                "itemHeight": 11,
                "itemGap": 16,
                "textStyle": {"color": "var(--soft)", "fontSize": 12},
            },
            "xAxis": value_axis((0, 1), ticks, size=12),
            "yAxis": _rates(rates, [level.kbps for level in one.levels]),
            "series": [drawn for drawn in series if drawn["data"]],
        },
    )


def _ticks(period: Period, tz: str, *, narrow: bool) -> tuple[dict[float, str], list[float]]:
    """Return where days begin along the axis, and in a short period hours as well."""
    ticks, lines = day_ticks(period, tz, narrow=narrow)
    if period.end - period.start > _SHORT:
        return ticks, lines
    at, hours = floor_hour(period.start, tz), {}
    while at <= period.end:
        local = at.astimezone(zone(tz))
        share = share_of(at, period)
        if at >= period.start and local.hour % _HOURS == 0 and local.hour:
            hours[share] = hour_of(local.hour)
        at += timedelta(hours=1)
    return {**hours, **ticks}, lines


def _points(
    name: str, symbol: str, size: int, color: str, points: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    hollow = symbol.startswith("empty")
    style: dict[str, Any] = {"color": color}
    if hollow:
        symbol = symbol.removeprefix("empty").lower()
        style = {"color": "var(--panel)", "borderColor": color, "borderWidth": 1}
    return {
        "type": "scatter",
        "name": name,
        "symbol": symbol,
        "symbolSize": size,
        "silent": True,
        "itemStyle": style,
        "data": [list(point) for point in points],
    }


def _levels(one: Goodput, period: Period) -> list[dict[str, Any]]:
    """Return the levels: each a line over its time, with a band as wide as its interval."""
    return [
        {
            "type": "line",
            "name": _("level while slow (95 %)"),
            "symbol": "none",
            "silent": True,
            "color": "var(--slow)",
            "lineStyle": {"color": "var(--slow)", "width": 2},
            "data": [
                [share_of(level.start, period), level.kbps],
                [share_of(level.end, period), level.kbps],
            ],
            "markArea": {
                "silent": True,
                "itemStyle": {"color": "var(--slow)", "opacity": 0.2},
                "data": [
                    [
                        {"xAxis": share_of(level.start, period), "yAxis": level.low},
                        {"xAxis": share_of(level.end, period), "yAxis": level.high},
                    ]
                ],
            },
        }
        for level in one.levels
    ]


def _rates(rates: Sequence[float], levels: Sequence[float]) -> Mapping[str, Any]:
    """Return a logarithmic axis of whole powers of ten around all rates, with units on it."""
    known = [rate for rate in (*rates, *levels) if rate > 0] or [1.0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    high = max(high, low + 1)
    return {
        "type": "log",
        "min": 10**low if low >= 0 else float(10**low),
        "max": 10**high if high >= 0 else float(10**high),
        "named": {_number(power): axis_rate(10.0**power) for power in range(low, high + 1)},
        "axisLabel": {"color": "var(--soft)", "fontSize": 12},
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "splitLine": {"lineStyle": {"color": "var(--hair)"}},
    }


def _number(power: int) -> str:
    return str(10**power) if power >= 0 else repr(10.0**power)
