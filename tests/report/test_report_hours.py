"""Local hours are whole in every zone, also when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.report.hours import HourGrid, floor_hour

ZONES = [
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Yangon",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/St_Johns",
    "Pacific/Chatham",
    "UTC",
]


@pytest.mark.parametrize("tz", ZONES)
def test_the_hours_of_a_year_leave_no_hole(tz: str) -> None:
    """Every hour begins where the one before it ends."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    grid = HourGrid(start, start + timedelta(days=365), tz)
    assert grid.hours[0].start <= start
    assert grid.hours[-1].end >= start + timedelta(days=365)
    for before, after in zip(grid.hours, grid.hours[1:], strict=False):
        assert before.end == after.start


def test_a_jumped_hour_is_absent_and_a_repeated_one_is_long() -> None:
    """Havana 2026: 8 March has no hour 0 to 1, 1 November has hour 0 twice."""
    start = datetime(2026, 3, 8, 12, tzinfo=UTC)
    spring = HourGrid(start, start + timedelta(hours=1), "America/Havana")
    assert len(spring.hours) == 23
    assert spring.clock_changes == {"2026-03-08"}
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    autumn = HourGrid(start, start + timedelta(hours=1), "America/Havana")
    assert len(autumn.hours) == 24
    assert autumn.hours[0].end - autumn.hours[0].start == timedelta(hours=2)
    assert autumn.clock_changes == {"2026-11-01"}


def test_an_unknown_zone_is_taken_as_utc() -> None:
    """A hostile or outdated zone name draws a page all the same."""
    at = datetime(2026, 1, 1, 5, 30, tzinfo=UTC)
    assert floor_hour(at, "../etc/passwd") == datetime(2026, 1, 1, 5, tzinfo=UTC)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
def test_the_floor_is_within_the_hour(at: datetime, tz: str) -> None:
    """The start of the local hour lies at most an hour back, and is its own floor."""
    floor = floor_hour(at, tz)
    assert timedelta(0) <= at - floor < timedelta(hours=1)
    assert floor_hour(floor, tz) == floor
