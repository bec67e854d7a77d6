"""Numbers of others along the same time as the lanes: one line each, broken where nothing came."""

import math
from itertools import pairwise
from statistics import median
from typing import Any

from probe.report.charts.chart import Chart, upright, value_axis
from probe.report.charts.spans import day_ticks, share_of
from probe.report.data import Numbers, Period
from probe.report.tongue import num

__all__ = ["overlay_chart"]

_STEPS = 4
_BROKEN = 3
"""So many usual distances without a point are a gap, which no line crosses."""

_THOUSANDS = ("", "k", "M", "G", "T")


def overlay_chart(
    one: Numbers, period: Period, tz: str, *, number: int = 1, narrow: bool = False
) -> Chart:
    """Return a line over the period, with days at upright lines as the lanes have them."""
    ticks, lines = day_ticks(period, tz, narrow=narrow)
    low, high = _bounds([value for _time, value in one.points])
    base = f"overlay-{number:02d}"
    drawn: dict[str, Any] = {
        "type": "line",
        "symbol": "circle",
        "symbolSize": 3,
        "connectNulls": False,
        "silent": True,
        "color": "var(--ink)",
        "itemStyle": {"color": "var(--ink)"},
        "lineStyle": {"color": "var(--ink)", "width": 1.5},
        "data": _line(one, period, high),
        "markLine": upright(lines),
    }
    return Chart(
        name=f"{base}-narrow" if narrow else base,
        title=f"{one.name} ({one.unit}; {tz})",
        width=380 if narrow else 960,
        height=150,
        option={
            "animation": False,
            "grid": {"left": 118 if narrow else 190, "right": 10, "top": 30, "bottom": 8},
            "xAxis": value_axis((0, 1), ticks, size=12),
            "yAxis": {
                "type": "value",
                "min": -_STEPS if low < 0 else 0,
                "max": _STEPS,
                "interval": 2,
                "named": {
                    str(place): _short(high * place / _STEPS)
                    for place in range(-_STEPS, _STEPS + 1)
                },
                "axisLabel": {"color": "var(--soft)", "fontSize": 12},
                "axisLine": {"show": False},
                "axisTick": {"show": False},
                "splitLine": {"lineStyle": {"color": "var(--hair)"}},
            },
            "series": [drawn],
        },
    )


def _line(one: Numbers, period: Period, high: float) -> list[list[float | None]]:
    """Return the points in shares of the axes, with an empty one in each gap."""
    placed = [[share_of(time, period), _STEPS * value / high] for time, value in one.points]
    apart = [late[0] - early[0] for early, late in pairwise(placed)]
    usual = median(apart) if apart else 0.0
    found: list[list[float | None]] = []
    for place, (x, y) in enumerate(placed):
        if place and apart[place - 1] > _BROKEN * usual:
            found.append([x - apart[place - 1] / 2, None])
        found.append([x, round(y, 5)])
    return found


def _bounds(values: list[float]) -> tuple[float, float]:
    """Return the least value, and a round number that none is further from zero than."""
    most = max((abs(value) for value in values), default=0.0) or 1.0
    power = 10.0 ** math.floor(math.log10(most))
    high = next((step * power for step in (1, 2, 4, 6, 8) if step * power >= most), 10 * power)
    return min(values, default=0.0), high


def _short(value: float) -> str:
    """Return a number as an axis has room for: 250 k for 250,000."""
    size = abs(value)
    power = min(int(math.log10(size) // 3), len(_THOUSANDS) - 1) if size >= 1_000 else 0
    text = num(value / 1_000**power, ".3g" if power or size < 1_000 else "")
    return f"{text} {_THOUSANDS[power]}" if power else text
