"""What one hour of a heatmap shows, and that no-data, offline and fine never mix."""

from datetime import UTC, datetime, timedelta

from probe.analysis.timeline import intervals
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal
from probe.report.data import DayRow, Mark
from probe.report.hours import HourGrid
from probe.report.marks import Row, bars_of, day_rows

DAY = datetime(2026, 5, 1, tzinfo=UTC)
GRID = HourGrid(DAY, DAY + timedelta(days=1), "UTC")


def one(*samples: tuple[float, bool | None], locus: str = "network") -> Series:
    """Return a series of (hour, bad)."""
    return Series(
        key=SeriesKey(subject="s", locus=locus),
        tz="UTC",
        samples=tuple(
            Sample(
                time=DAY + timedelta(hours=hour),
                bad=bad,
                mechanism="server.geoblock" if bad and locus == "server" else None,
                absence=Absence.INVALID if bad is None else None,
            )
            for hour, bad in samples
        ),
    )


def upstream(*hours: float) -> Series:
    """Return the line's series, bad at those hours."""
    return Series(
        key=SeriesKey(subject="line", signal=Signal.UPSTREAM),
        tz="UTC",
        samples=tuple(Sample(time=DAY + timedelta(hours=hour), bad=True) for hour in hours),
    )


def row(*own: Series, line: tuple[Series, ...] = ()) -> Row:
    """Return a row with its intervals."""
    return Row(own=own, line=line, intervals={s.key: intervals(s) for s in (*own, *line)})


def day(found: Row) -> DayRow:
    """Return the only day."""
    return day_rows(found, GRID)[0]


def test_an_hour_that_nobody_looked_at_is_no_data() -> None:
    """Silence before, after and far between looks is never shown as fine."""
    cells = day(row(one((2.5, False), (20.5, False)))).cells
    assert cells[2].mark is Mark.FINE
    assert {cells[hour].mark for hour in (0, 1, 3, 10, 19, 21, 23)} == {Mark.NO_DATA}


def test_an_hour_between_two_looks_that_agree_is_carried() -> None:
    """It takes their mark and says that it was not looked at."""
    cells = day(row(one((2.5, False), (4.5, False), (6.5, False)))).cells
    assert cells[3].mark is Mark.FINE
    assert cells[3].carried
    assert not cells[2].carried


def test_an_hour_with_both_results_is_both() -> None:
    """One failure and one success in an hour are neither a cut nor fine."""
    cell = day(row(one((5.1, True), (5.9, False)))).cells[5]
    assert (cell.mark, cell.looks, cell.bad) == (Mark.PART, 2, 1)


def test_who_decides_the_mark() -> None:
    """The network's cut, the service's refusal and an unknown failure look different."""
    for locus, mark in (
        ("network", Mark.CUT),
        ("server", Mark.REFUSED),
        ("unknown", Mark.FAILED),
        ("local", Mark.OWN_FAULT),
    ):
        assert day(row(one((5.5, True), locus=locus))).cells[5].mark is mark


def test_a_service_that_is_down_does_not_refuse() -> None:
    """Locus server with another mechanism than a refusal is the service's own trouble."""
    looks = (Sample(time=DAY + timedelta(hours=5.5), bad=True, mechanism="down"),)
    series = Series(key=SeriesKey(subject="s", locus="server"), tz="UTC", samples=looks)
    assert day(row(series)).cells[5].mark is Mark.DOWN


def test_weak_signs_are_not_drawn_as_a_cut() -> None:
    """A chart hedges as a headline does: it failed, and by whom was not shown."""
    series = one((5.5, True))
    hedged = Row(own=(series,), line=(), intervals={}, hedged=True)
    assert day(hedged).cells[5].mark is Mark.FAILED


def test_an_offline_line_is_not_a_blocked_service() -> None:
    """A round under the gate gives the service no evidence, and the hour says offline."""
    cells = day(row(one((5.5, None)), line=(upstream(5.5),))).cells
    assert cells[5].mark is Mark.LINE_OFF


def test_a_line_that_was_up_says_nothing_about_a_service() -> None:
    """The line's good rounds never make a service's hour fine."""
    up = Series(
        key=SeriesKey(subject="line", signal=Signal.UPSTREAM),
        tz="UTC",
        samples=tuple(Sample(time=DAY + timedelta(hours=h + 0.5), bad=False) for h in range(24)),
    )
    assert {cell.mark for cell in day(row(line=(up,))).cells} == {Mark.NO_DATA}


def test_a_refusal_shows_through_the_networks_good() -> None:
    """A refused service has a good network series and a bad server series: it is refused."""
    found = row(one((5.5, False)), one((5.5, True), locus="server"))
    assert day(found).cells[5].mark is Mark.REFUSED


def test_a_jumped_hour_is_marked_as_such() -> None:
    """An hour that no clock showed is not "no data"."""
    start = datetime(2026, 3, 8, 12, tzinfo=UTC)
    grid = HourGrid(start, start + timedelta(hours=1), "America/Havana")
    rows = day_rows(row(), grid)
    assert rows[0].cells[0].mark is Mark.NO_HOUR
    assert rows[0].clock_change


def test_bars_keep_their_uncertain_edges() -> None:
    """The bar of a cut begins somewhere after the last good look and at the first bad one."""
    looks = [(h + 0.5, 8 <= h < 16) for h in range(24)]
    bars = [bar for bar in bars_of(row(one(*looks))) if bar.mark is Mark.CUT]
    assert len(bars) == 1
    assert bars[0].start_earliest == DAY + timedelta(hours=7.5)
    assert bars[0].start_latest == DAY + timedelta(hours=8.5)
