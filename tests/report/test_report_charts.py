"""Charts: what is drawn is what the values say, in the page's dress, and names stay text."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.report.charts.chart import Box, Chart, boxes_chart, used_marks
from probe.report.charts.counts import LAYER_MARKS, control_chart, matrix_chart, stack_chart
from probe.report.charts.engine import draw
from probe.report.charts.every import charts_of
from probe.report.charts.files import png_file, svg_file
from probe.report.charts.heat import heat_chart
from probe.report.charts.spans import calendar_chart, lanes_chart, onset_chart, onsets
from probe.report.data import (
    LINE_SUBJECT,
    Bar,
    Cell,
    DayMix,
    DayRow,
    DaySeen,
    Heatmap,
    Lane,
    Mark,
    Pair,
    Period,
    ReportData,
)
from probe.report.mechanisms import layer_of
from probe.report.phrases import day_words
from probe.report.tongue import speaking

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CELLS = st.builds(Cell, mark=st.sampled_from(Mark), carried=st.booleans())
HOSTILE = "</text><script>alert(1)</script>\u202e{a|x}\"'"


def heatmap(*days: tuple[Cell, ...], name: str = "S") -> Heatmap:
    """Return a heatmap of these days."""
    rows = (
        DayRow(date=(date(2026, 5, 1) + timedelta(days=n)).isoformat(), weekday=1, cells=cells)
        for n, cells in enumerate(days)
    )
    return Heatmap(subject="s", name=name, network="", tz="UTC", days=tuple(rows))


def boxes_of(chart: Chart) -> list[dict[str, Any]]:
    """Return the rectangles of a chart of boxes."""
    return list(chart.option["series"][0]["boxes"])


def letters_of(chart: Chart) -> list[dict[str, Any]]:
    """Return its letters."""
    return list(chart.option["series"][1]["boxes"])


def bar(mark: Mark, first: float, last: float, **kwargs: Any) -> Bar:
    """Return a bar between two days after the start, with edges known to the moment."""
    start, end = START + first * DAY, START + last * DAY
    sharp = {"start_earliest": start, "start_latest": start, "end_earliest": end}
    return Bar(mark=mark, start=start, end=end, **{**sharp, "end_latest": end, **kwargs})


def lane(*bars: Bar, name: str = "S", subject: str = "s") -> Lane:
    """Return a lane."""
    return Lane(subject=subject, name=name, network="", bars=bars)


PERIOD = Period(start=START, end=START + 2 * DAY)


@settings(max_examples=30)
@given(st.lists(CELLS, min_size=24, max_size=24))
def test_the_boxes_of_a_day_are_the_day(cells: list[Cell]) -> None:
    """They fill it without hole or overlap; each run of a lettered mark has one letter."""
    chart = heat_chart(heatmap(tuple(cells)))
    boxes = sorted(boxes_of(chart), key=lambda box: box["x0"])
    assert (boxes[0]["x0"], boxes[-1]["x1"]) == (0, 24)
    assert all(before["x1"] == after["x0"] for before, after in pairwise(boxes))
    for box in boxes:
        inside = cells[box["x0"] : box["x1"]]
        assert len({(cell.mark, cell.carried) for cell in inside}) == 1
        assert (box["opacity"] < 1) is inside[0].carried
    runs = 1 + sum(a.mark is not b.mark for a, b in pairwise(cells))
    plain = (Mark.FINE, Mark.NO_DATA)
    starts = [n for n in range(24) if n == 0 or cells[n].mark is not cells[n - 1].mark]
    assert len(starts) == runs
    assert len(letters_of(chart)) == sum(cells[n].mark not in plain for n in starts)
    for letter in letters_of(chart):
        hour = int(letter["x0"])
        assert letter["text"]
        assert cells[hour].mark not in plain


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


def test_long_periods_get_low_rows_and_no_letters() -> None:
    """A year must not be a page of twenty thousand pixels."""
    day = (Cell(mark=Mark.CUT),) * 24
    short, long = heat_chart(heatmap(*[day] * 14)), heat_chart(heatmap(*[day] * 84))
    assert long.height / 84 < short.height / 14 / 1.5
    assert letters_of(short)
    assert not letters_of(long)


def test_bars_stay_inside_the_period_and_show_their_doubt() -> None:
    """What reaches beyond is cut at the edges; a hidden edge has no pale end, another has one."""
    seen = bar(Mark.CUT, -1, 1, end_latest=START + 5 * DAY)
    hidden = msgspec.structs.replace(seen, end_hidden=True)
    chart = lanes_chart([lane(seen), lane(hidden)], PERIOD, "UTC")
    drawn = [box for box in boxes_of(chart) if "cut" in box["fill"]]
    assert [(box["row"], box["x0"], box["x1"]) for box in drawn] == [
        (0, 0, 0.5),
        (0, 0.5, 1),
        (1, 0, 0.5),
    ]
    assert drawn[1]["thick"] < drawn[0]["thick"]
    assert drawn[1]["opacity"] < 1


def test_the_order_of_onsets_is_of_the_service_not_of_the_line() -> None:
    """A gap or a line that is off does not begin an outage anew; a look that worked does."""
    lasting = lane(
        bar(Mark.CUT, 0.1, 0.5), bar(Mark.LINE_OFF, 0.5, 0.8), bar(Mark.CUT, 0.8, 2), name="L"
    )
    again = lane(bar(Mark.CUT, 0.05, 0.3), bar(Mark.FINE, 0.3, 1), bar(Mark.CUT, 1, 2), name="A")
    line = lane(bar(Mark.LINE_OFF, 0.5, 0.8), name=LINE_SUBJECT, subject=LINE_SUBJECT)
    fine = lane(bar(Mark.FINE, 0, 2), name="F")
    found = {one.name: bar.start for one, bar in onsets([lasting, again, line, fine])}
    assert found == {
        "L": START + 0.1 * DAY,
        "A": START + 1 * DAY,
        LINE_SUBJECT: START + 0.5 * DAY,
    }
    chart = onset_chart([again, lasting], PERIOD, "UTC")
    assert list(chart.option["yAxis"]["named"].values()) == ["L", "A"]


def test_the_legend_always_tells_the_three_apart() -> None:
    """Fine, offline and no data are explained even where one of them did not happen."""
    assert {Mark.FINE, Mark.LINE_OFF, Mark.NO_DATA} <= set(used_marks((), ()))


def test_coverage_is_apart_from_result() -> None:
    """A day without a round is dotted, a full one is full, whatever came of it."""
    days = [
        DaySeen(date="2026-05-01", hours=24, hours_seen=24),
        DaySeen(date="2026-05-02", hours=24, hours_seen=6),
        DaySeen(date="2026-06-01", hours=24, hours_seen=0),
    ]
    chart = calendar_chart(days)
    seen = [box for box in boxes_of(chart) if "fine" in box["fill"]]
    assert [box["row"] for box in seen] == [0, 0]
    assert seen[0]["thick"] == pytest.approx(4 * seen[1]["thick"])
    assert len(boxes_of(chart)) == 5


def test_counts_are_stacked_by_layer() -> None:
    """Each layer that failed has a series with its counts, in a pattern of its own."""
    days = [
        DayMix(date="2026-05-01", layers=(("dns", 2), ("tls", 3)), failed_share=0.5),
        DayMix(date="2026-05-02", layers=(("tls", 1),), failed_share=0.1, control_share=0.0),
        DayMix(date="2026-05-03"),
    ]
    series = stack_chart(days).option["series"]
    assert [one["data"] for one in series] == [[2, 0, 0], [3, 1, 0]]
    assert len({one["itemStyle"]["color"] for one in series}) == 2
    assert len(set(LAYER_MARKS.values())) == len(LAYER_MARKS)
    service, hosts = control_chart(days).option["series"]
    assert (service["data"], hosts["data"]) == ([50.0, 10.0, None], [None, 0.0, None])
    assert service["lineStyle"]["type"] != hosts["lineStyle"]["type"]


def test_the_matrix_has_a_box_for_each_pair() -> None:
    """Row by service, column by network."""
    pairs = [
        Pair(subject="a", name="A", network="N1", mark=Mark.CUT),
        Pair(subject="a", name="A", network="N2", mark=Mark.FINE),
        Pair(subject="b", name="B", network="N2", mark=Mark.REFUSED),
    ]
    places = [(box["row"], int(box["x0"])) for box in boxes_of(matrix_chart(pairs))]
    assert places == [(0, 0), (0, 1), (1, 1)]


def test_a_drawing_takes_its_dress_from_the_page(fortnight: ReportData) -> None:
    """No colour, style, class, identifier or address of its own; its axis never turns."""
    for chart in charts_of(fortnight):
        svg = str(draw(chart))
        assert svg.count("<svg") == 1
        assert 'direction="ltr"' in svg
        assert not re.search(r"style|<script|https?:|\bid=|xmlns|href", svg), chart.name
        assert svg.count("class=") == 1
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
        assert all(re.fullmatch(r"none|var\(--[\w-]+\)|url\(#p-\w+\)", one) for one in colours)
        ElementTree.fromstring(svg)


def test_the_same_values_give_the_same_drawing(fortnight: ReportData) -> None:
    """A report can be made again, to the byte."""
    for chart in charts_of(fortnight):
        assert draw(chart) == draw(msgspec.structs.replace(chart, title=chart.title))


def test_strangers_names_are_text_in_a_drawing() -> None:
    """They cannot close an element, turn what follows, or become rich text."""
    day = (Cell(mark=Mark.CUT),) * 24
    for chart in (
        heat_chart(heatmap(day, name=HOSTILE)),
        lanes_chart([lane(bar(Mark.CUT, 0, 1), name=HOSTILE)], PERIOD, "UTC"),
        matrix_chart([Pair(subject="a", name=HOSTILE, network=HOSTILE, mark=Mark.CUT)]),
    ):
        for svg in (str(draw(chart)), svg_file(chart)):
            assert "<script" not in svg
            assert "\u202e" not in svg
            ElementTree.fromstring(svg)


def test_numbers_in_a_name_are_not_rounded() -> None:
    """Places of a drawing are; an address or a version that somebody reads is not."""
    chart = boxes_chart(
        "x", "t", [], rows=["185.220.101.1 v2.125"], span=(0, 1), ticks={0.5: "0.125"}, names_px=300
    )
    drawn = draw(chart)
    assert ">185.220.101.1 v2.125<" in drawn
    assert ">0.125<" in drawn
    assert not re.search(r'<[^>]*[" ]\d+\.\d\d[^>]*>', drawn.partition(">")[2])


def test_files_stand_alone() -> None:
    """SVG brings colours for light and dark, patterns, title and ground; PNG is a picture."""
    chart = lanes_chart([lane(bar(Mark.CUT, 0, 1))], PERIOD, "UTC")
    svg = svg_file(chart)
    root = ElementTree.fromstring(svg)
    names = set(re.findall(r"var\(--([\w-]+)\)", svg))
    assert names
    assert all(f"--{name}:#" in svg for name in names)
    patterns = {one.get("id") for one in root.iter("{http://www.w3.org/2000/svg}pattern")}
    assert set(re.findall(r"url\(#([\w-]+)\)", svg)) <= patterns
    assert "prefers-color-scheme:dark" in svg
    assert png_file(chart).startswith(b"\x89PNG\r\n")


def test_axes_speak_the_language() -> None:
    """Digits and names are the language's; the axis still runs from left to right."""
    day = (Cell(mark=Mark.CUT),) * 24
    with speaking("fa"):
        svg = str(draw(heat_chart(heatmap(day))))
    assert "۰۳" in svg
    assert "مه" in svg
    assert svg.index("۰۳") < svg.index("۲۱")


def test_a_long_name_is_cut_where_it_would_leave_the_drawing() -> None:
    """An ellipsis says so."""
    box = Box(mark=Mark.CUT, x0=0, x1=1, row=0)
    chart = boxes_chart("n", "t", [box], rows=["x" * 200], span=(0, 1), ticks={})
    (name,) = chart.option["yAxis"]["named"].values()
    assert name.endswith("…")
    assert len(name) < 20


def test_every_chart_has_a_name_of_its_own(fortnight: ReportData) -> None:
    """Files do not overwrite each other, and their names are plain."""
    names = [chart.name for chart in charts_of(fortnight)]
    assert len(names) == len(set(names)) > 8
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


@pytest.mark.parametrize(
    ("mechanism", "layer"),
    [
        ("tls.reset.sni", "tls"),
        ("quic.timeout", "udp"),
        ("listing.removed", "server"),
        ("down", "other"),
        (None, "other"),
    ],
)
def test_failures_are_counted_by_layer(mechanism: str | None, layer: str) -> None:
    """QUIC is of the packets; what a store leaves out is a refusal like any other."""
    assert layer_of(mechanism) == layer
    assert layer in LAYER_MARKS
