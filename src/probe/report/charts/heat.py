"""Hour of day against day: the looks of one service on one network, in one zone."""

from collections.abc import Sequence

from probe.report.charts.chart import Box, Chart, boxes_chart
from probe.report.data import Cell, DayRow, Heatmap
from probe.report.phrases import day_name, subject_name
from probe.report.tongue import _, digits

__all__ = ["heat_chart"]

_FULL_ROWS = 45
_CARRIED = 0.5


def heat_chart(heatmap: Heatmap, offset: str = "") -> Chart:
    """Return the heatmap as a chart; long periods get low rows, no letters and weekly names.

    A strong box was looked at, a pale one lies between two looks that agree. The zone is
    printed on it; ``±`` stands at a day on which the clocks changed.
    """
    few = len(heatmap.days) <= _FULL_ROWS
    boxes = [box for row, day in enumerate(heatmap.days) for box in _boxes(day, row, lettered=few)]
    boxes.sort(key=lambda box: (box.mark.value, box.opacity))  # like boxes become one path
    name = subject_name(heatmap.name)
    name = f"{name}: {_('timed transfers')}" if heatmap.timed else name
    title = _("{name}: hour of day in {zone}", name=name, zone=heatmap.tz)
    return boxes_chart(
        f"hours-{heatmap.subject}-timed" if heatmap.timed else f"hours-{heatmap.subject}",
        f"{title} {offset}".strip(),
        boxes,
        rows=[day_name(day.date) + (" ±" if day.clock_change else "") for day in heatmap.days],
        span=(0, 24),
        ticks={hour: digits(f"{hour:02d}") for hour in range(0, 25, 3)},
        lines=range(0, 25, 3),
        width=446,
        names_px=112,
        row_px=20 if few else 9,
        every=1 if few else 7,
    )


def _boxes(day: DayRow, row: int, *, lettered: bool) -> list[Box]:
    """Return one box for each run of hours of one mark and kind; one letter a run of a mark."""
    boxes = []
    for start, end in _stretches([cell.mark for cell in day.cells]):
        letter = _middle(day.cells, start, end) if lettered else None
        for first, last in _stretches([cell.carried for cell in day.cells[start:end]]):
            from_, to = start + first, start + last
            carried = day.cells[from_].carried
            boxes.append(
                Box(
                    mark=day.cells[from_].mark,
                    x0=from_,
                    x1=to,
                    row=row,
                    opacity=_CARRIED if carried else 1.0,
                    lettered=letter is not None and from_ <= letter < to,
                    at=None if letter is None else letter + 0.5,
                )
            )
    return boxes


def _middle(cells: Sequence[Cell], start: int, end: int) -> int:
    """Return the hour that carries a run's letter: the looked-at one nearest to its middle."""
    centre = (start + end - 1) / 2
    hours = [hour for hour in range(start, end) if not cells[hour].carried]
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
