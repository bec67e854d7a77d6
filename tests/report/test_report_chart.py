"""Geometry: what is drawn is what the values say, inside the drawing, in order."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.report.chart import day_ticks, heat_rows, lane_boxes, row_height, used_marks
from probe.report.data import Bar, Cell, DayRow, Heatmap, Lane, Mark, Period, ReportData
from probe.report.phrases import day_words

START = datetime(2026, 5, 1, tzinfo=UTC)
CELLS = st.builds(Cell, mark=st.sampled_from(Mark), carried=st.booleans())


def heatmap(*days: tuple[Cell, ...]) -> Heatmap:
    """Return a heatmap of these days."""
    rows = (
        DayRow(date=(date(2026, 5, 1) + timedelta(days=n)).isoformat(), weekday=1, cells=cells)
        for n, cells in enumerate(days)
    )
    return Heatmap(subject="s", name="S", network="", tz="UTC", days=tuple(rows))


@settings(max_examples=30)
@given(st.lists(CELLS, min_size=24, max_size=24))
def test_the_boxes_of_a_day_are_the_day(cells: list[Cell]) -> None:
    """They fill it without hole or overlap, each hour has its own mark, each run one letter."""
    row = heat_rows(heatmap(tuple(cells)))[0]
    boxes = [box for run in row.runs for box in run.boxes]
    reached = 0.0
    for box in boxes:
        assert abs(box.x - reached) < 1e-9
        reached = box.x + box.width
        first, last = round(box.x * 24 / 100), round((box.x + box.width) * 24 / 100)
        assert {(c.mark, c.carried) for c in cells[first:last]} == {(box.mark, box.carried)}
    assert abs(reached - 100) < 1e-9
    for run in row.runs:
        start, end = run.boxes[0].x, run.boxes[-1].x + run.boxes[-1].width
        assert start < run.middle < end


@settings(max_examples=30)
@given(st.lists(CELLS, min_size=24, max_size=24))
def test_the_words_of_a_day_name_every_hour(cells: list[Cell]) -> None:
    """The table alternative covers 00:00 to 24:00 without a hole."""
    text = day_words(heatmap(tuple(cells)).days[0])
    assert text.startswith("00:00–")
    parts = [part.split(" ")[0].split("–") for part in text.split("; ")]
    assert parts[-1][1] == "24:00"
    for before, after in pairwise(parts):
        assert before[1] == after[0]


def test_long_periods_get_low_rows_and_weekly_labels() -> None:
    """A year must not be a page of twenty thousand pixels."""
    day = (Cell(mark=Mark.FINE),) * 24
    short, long = heatmap(*[day] * 14), heatmap(*[day] * 28 * 3)
    assert row_height(long) < row_height(short)
    assert sum(bool(row.label) for row in heat_rows(long)) == 12
    assert not any(run.letter for row in heat_rows(long) for run in row.runs)


def test_bars_stay_inside_the_period() -> None:
    """What reaches beyond the period is cut at its edges; a hidden edge has no whisker."""
    period = Period(start=START, end=START + timedelta(days=2))
    day = timedelta(days=1)
    seen = Bar(
        mark=Mark.CUT,
        start=START - day,
        start_earliest=START - 2 * day,
        start_latest=START,
        end=START + day,
        end_earliest=START + day,
        end_latest=START + 5 * day,
    )
    hidden = msgspec.structs.replace(seen, end_hidden=True)
    boxes = lane_boxes(Lane(subject="s", name="S", network="", bars=(seen, hidden)), period, "UTC")
    assert [(box.x, box.width) for box in boxes] == [(0, 50), (0, 50)]
    assert [(box.before, box.after) for box in boxes] == [(0, 50), (0, 0)]


def test_ticks_are_local_midnights_and_few_labels(fortnight: ReportData) -> None:
    """Fourteen midnights, at most eight of them labelled, none beyond the right edge."""
    ticks = day_ticks(fortnight.period, fortnight.place.tz)
    assert len(ticks) in (14, 15)
    labels = [tick for tick in ticks if tick.label]
    assert 4 <= len(labels) <= 8
    assert all(tick.x < 92 for tick in labels)


def test_the_legend_always_tells_the_three_apart() -> None:
    """Fine, offline and no data are explained even where one of them did not happen."""
    marks = used_marks((), ())
    assert {Mark.FINE, Mark.LINE_OFF, Mark.NO_DATA} <= set(marks)
