"""What every chart is made of: an ECharts option, boxes of marks, axes with names on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from probe.report.data import Heatmap, Lane, Mark
from probe.report.words import MARKS

__all__ = [
    "Box",
    "Chart",
    "box_series",
    "boxes_chart",
    "fill_of",
    "ink_of",
    "row_axis",
    "upright",
    "used_marks",
]

_INKS = {
    Mark.PART: "cut",
    Mark.LINE_OFF: "line",
    Mark.OWN_FAULT: "own",
}
_UNLETTERED = frozenset({Mark.FINE, Mark.NO_DATA})


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart before it is drawn; sizes in CSS pixels at its natural scale."""

    name: str  # of a file: latin letters, digits and hyphens
    title: str
    width: int
    height: int
    option: Mapping[str, Any]


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A rectangle from ``x0`` to ``x1`` on the axis, in row ``row``; ``thick`` is its share."""

    mark: Mark
    x0: float
    x1: float
    row: int
    thick: float = 0.86
    opacity: float = 1.0
    lettered: bool = False
    at: float | None = None  # where the letter stands, else in the middle


def fill_of(mark: Mark) -> str:
    """Return the page's pattern or colour of a mark."""
    return "var(--fine)" if mark is Mark.FINE else f"url(#p-{mark.value})"


def ink_of(mark: Mark) -> str:
    """Return the page's colour for letters on a mark."""
    if mark is Mark.NO_HOUR:
        return "var(--soft)"
    return f"var(--{_INKS.get(mark, mark.value)}-ink)"


def box_series(boxes: Sequence[Box], *, letter_px: int = 11) -> list[dict[str, Any]]:
    """Return the boxes as one series of ECharts, and their letters as another on top."""
    rectangles = [
        {
            "x0": box.x0,
            "x1": box.x1,
            "row": box.row,
            "thick": box.thick,
            "fill": fill_of(box.mark),
            "opacity": box.opacity,
        }
        for box in boxes
    ]
    letters = [
        {
            "x0": (box.x0 + box.x1) / 2 if box.at is None else box.at,
            "row": box.row,
            "text": MARKS[box.mark][0],
            "ink": ink_of(box.mark),
            "size": letter_px,
        }
        for box in boxes
        if box.lettered and box.mark not in _UNLETTERED
    ]
    common = {"type": "custom", "silent": True, "clip": False}
    return [
        {**common, "item": "boxes", "boxes": rectangles},
        {**common, "item": "letters", "boxes": letters},
    ]


def row_axis(names: Sequence[str], *, width: int, every: int = 1, size: int = 12) -> dict[str, Any]:
    """Return the axis of the rows, the first on top."""
    return {
        "type": "category",
        "data": [str(place) for place in range(len(names))],
        "named": {str(place): _cut(name, width, size) for place, name in enumerate(names)},
        "inverse": True,
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "axisLabel": {
            "color": "var(--soft)",
            "fontSize": size,
            "interval": every - 1,
            "margin": 8,
        },
    }


def _cut(name: str, width: int, size: int) -> str:
    """Return a name that fits: letters are taken to be half as wide as they are high."""
    most = max(int(width / (0.52 * size)), 4)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def used_marks(heatmaps: Sequence[Heatmap], lanes: Sequence[Lane]) -> tuple[Mark, ...]:
    """Return the marks that a legend must explain; the three that matter most always."""
    used = {Mark.FINE, Mark.CUT, Mark.LINE_OFF, Mark.NO_DATA}
    used |= {cell.mark for heatmap in heatmaps for day in heatmap.days for cell in day.cells}
    used |= {bar.mark for lane in lanes for bar in lane.bars}
    return tuple(mark for mark in Mark if mark in used)


def value_axis(span: tuple[float, float], ticks: Mapping[float, str], *, size: int) -> Any:
    """Return the axis along the boxes; ``ticks`` are where it is marked, and with what."""
    places = list(ticks)
    return {
        "type": "value",
        "min": span[0],
        "max": span[1],
        "position": "top",
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "named": {_key(place): label for place, label in ticks.items()},
        "axisLabel": {
            "customValues": places,
            "color": "var(--soft)",
            "fontSize": size,
            "hideOverlap": False,
            "margin": 6,
        },
    }


def _key(place: float) -> str:
    return str(int(place)) if float(place).is_integer() else repr(place)


def upright(places: Iterable[float]) -> dict[str, Any]:
    """Return upright lines at these places of the axis, as a ``markLine``."""
    return {
        "symbol": "none",
        "silent": True,
        "animation": False,
        "label": {"show": False},
        "lineStyle": {"color": "var(--faint)", "type": "solid", "width": 1},
        "data": [{"xAxis": place} for place in places],
    }


def boxes_chart(
    name: str,
    title: str,
    boxes: Iterable[Box],
    *,
    rows: Sequence[str],
    span: tuple[float, float],
    ticks: Mapping[float, str],
    lines: Iterable[float] = (),
    width: int = 430,
    names_px: int = 84,
    row_px: int = 20,
    every: int = 1,
    size: int = 12,
) -> Chart:
    """Return a chart of boxes in named rows along one axis, with upright ``lines`` behind them."""
    top = 26
    grid = {"left": names_px, "right": 10, "top": top, "bottom": 2}
    series = box_series(list(boxes), letter_px=max(min(row_px - 8, 11), 7))
    series[0]["markLine"] = upright(lines)
    return Chart(
        name=name,
        title=title,
        width=width,
        height=top + 2 + row_px * max(len(rows), 1),
        option={
            "animation": False,
            "grid": grid,
            "xAxis": value_axis(span, ticks, size=size),
            "yAxis": row_axis(rows, width=names_px - 8, every=every, size=size),
            "series": series,
        },
    )
