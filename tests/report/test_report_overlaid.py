"""Numbers of others: which are drawn beside a timeline, as which points, and for whom."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from probe.model.timeline import Overlay
from probe.report.build import build
from probe.report.charts.engine import draw
from probe.report.charts.every import charts_of
from probe.report.charts.overlay import overlay_chart
from probe.report.data import Method, Numbers, Period, ReportData
from probe.report.html import render
from probe.report.overlaid import MOST, overlaid

START = datetime(2026, 5, 1, tzinfo=UTC)
WEEK = Period(start=START, end=START + timedelta(days=7))
BGP = Overlay(
    name="BGP",
    unit="prefixes",
    source="ali-home.csv",
    country="IR",
    points=tuple((START + timedelta(hours=h), 400.0 - h, 1.0) for h in range(-5, 24 * 7 + 5)),
)


def chosen(
    *overlays: Overlay, private: bool = True, networks: tuple[str, ...] = ("AS64500/fixed",)
) -> tuple[Numbers, ...]:
    return overlaid(overlays, WEEK, country="IR", networks=networks, private=private)[0]


def report(*, private: bool, overlays: tuple[Overlay, ...] = (BGP,)) -> ReportData:
    """Return a report of nothing but these numbers."""
    return build(
        title="A week",
        generated=WEEK.end,
        period=WEEK,
        country="IR",
        tz="Asia/Tehran",
        method=Method(probe_version="0.1.0"),
        private=private,
        overlays=overlays,
    )


def test_only_the_points_of_the_period_are_drawn() -> None:
    """Its start is in it, its end is not."""
    (one,) = chosen(BGP)
    assert one.points[0] == (START, 400.0)
    assert one.points[-1] == (WEEK.end - timedelta(hours=1), 400.0 - 167)
    assert chosen(replace(BGP, points=BGP.points[:5])) == ()


def test_numbers_of_another_country_are_of_another_line() -> None:
    """Those of no country are of any."""
    assert chosen(replace(BGP, country="TR")) == ()
    assert [one.country for one in chosen(replace(BGP, country="ZZ"))] == ["ZZ"]


def test_a_network_is_named_to_its_owner_only() -> None:
    """Out of a file about many, the one that is drawn would name the network of the line."""
    mine, other = replace(BGP, network="AS64500"), replace(BGP, network="AS64511")
    assert [one.network for one in chosen(mine, other)] == ["AS64500"]
    assert chosen(mine, other, private=False) == ()


def test_the_name_of_a_file_is_not_published() -> None:
    """Whoever keeps it may have named it after themselves."""
    assert "ali-home.csv" in render(report(private=True))
    published = render(report(private=False))
    assert "ali-home.csv" not in published
    assert "BGP" in published


def test_many_points_become_means_of_whole_hours() -> None:
    """Weighted: a share of three measurements counts three times one of a single."""
    points = tuple(
        (START + timedelta(minutes=5 * n), float(n % 2), 1.0 + 2 * (n % 2)) for n in range(2000)
    )
    (one,) = chosen(replace(BGP, points=points))
    assert one.grain_s == 3_600
    assert len(one.points) == 167
    assert one.points[0] == (START, 0.75)


def test_no_more_are_drawn_than_a_page_holds() -> None:
    """How many there are is said."""
    many = [replace(BGP, name=str(n)) for n in range(MOST + 3)]
    drawn, more = overlaid(many, WEEK, country="IR", networks=(), private=True)
    assert (len(drawn), more) == (MOST, 3)
    assert "12 of 15 are drawn." in render(report(private=True, overlays=tuple(many)))


@pytest.mark.parametrize(
    ("most", "labels"),
    [(400.0, ["400", "200", "0"]), (250_000.0, ["400 k", "200 k"]), (0.03, ["0.04", "0.02"])],
)
def test_the_axis_ends_at_a_round_number(most: float, labels: list[str]) -> None:
    """The line never leaves the chart, and thousands are short."""
    one = Numbers(name="x", unit="u", points=((START, 0.0), (START + timedelta(days=1), most)))
    drawn = draw(overlay_chart(one, WEEK, "UTC"))
    for label in labels:
        assert f">{label}</text>" in drawn


def test_a_gap_breaks_the_line() -> None:
    """Nobody counted there: no line is drawn across, and none where nothing is missing."""
    hours = [*range(24), *range(96, 120)]
    points = tuple((START + timedelta(hours=h), 5.0) for h in hours)
    one = Numbers(name="x", unit="u", points=points)
    data = overlay_chart(one, WEEK, "UTC").option["series"][0]["data"]
    assert [y is None for _x, y in data].count(True) == 1
    assert data[24][1] is None
    negative = replace(one, points=tuple((time, -value) for time, value in points))
    assert overlay_chart(negative, WEEK, "UTC").option["yAxis"]["min"] < 0


def test_each_has_a_table_and_a_file() -> None:
    """As every chart: the points as a table, the drawing among those for files."""
    data = report(private=True)
    page = render(data)
    assert "Numbers of others" in page
    assert '<td class="num">400</td>' in page
    assert "overlay-01" in [chart.name for chart in charts_of(data)]
    assert "Numbers of others" not in render(report(private=True, overlays=()))
