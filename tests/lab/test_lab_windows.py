"""When a rule of the lab holds."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.windows import WEEKDAYS, When, compile_window

TEHRAN = ZoneInfo("Asia/Tehran")


def at(text: str, zone: str = "Asia/Tehran") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("daily", "clock", "inside"),
    [
        ("16:00-23:59", "15:59", False),
        ("16:00-23:59", "16:00", True),
        ("16:00-23:59", "23:59", True),
        ("16:00-24:00", "00:00", False),
        ("22:00-06:00", "21:59", False),
        ("22:00-06:00", "23:30", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
    ],
)
def test_daily_window_is_local_and_end_exclusive(daily: str, clock: str, inside: bool) -> None:
    """16:00-23:59 ends at midnight; a window may run past midnight; clocks are the zone's."""
    window = compile_window(When(daily=daily), "Asia/Tehran")
    assert window.covers(at(f"2026-03-05 {clock}")) is inside


def test_weekday_is_that_of_the_windows_start() -> None:
    """A Friday-night window is still Friday's at three in the morning of Saturday."""
    window = compile_window(When(daily="22:00-06:00", days=("fri",)), "UTC")
    assert window.covers(at("2026-03-06 23:00", "UTC"))
    assert window.covers(at("2026-03-07 03:00", "UTC"))
    assert not window.covers(at("2026-03-06 03:00", "UTC"))
    assert not window.covers(at("2026-03-07 23:00", "UTC"))


def test_since_and_until_are_wall_clock_of_the_zone() -> None:
    """A one-off cut is given in local time, its end excluded."""
    when = When(since=datetime(2026, 3, 11, 9), until=datetime(2026, 3, 11, 17))
    window = compile_window(when, "Asia/Tehran")
    assert not window.covers(at("2026-03-11 08:59"))
    assert window.covers(at("2026-03-11 09:00"))
    assert not window.covers(at("2026-03-11 17:00"))


def test_a_window_keeps_its_wall_clock_over_a_change_of_offset() -> None:
    """Berlin's 16:00 stays 16:00 when summer time begins (29 March 2026)."""
    window = compile_window(When(daily="16:00-17:00"), "Europe/Berlin")
    assert window.covers(datetime(2026, 3, 28, 15, 30, tzinfo=UTC))
    assert not window.covers(datetime(2026, 3, 29, 15, 30, tzinfo=UTC))
    assert window.covers(datetime(2026, 3, 29, 14, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (When(daily="16-23"), "no daily window"),
        (When(daily="16:00-24:30"), "does not exist"),
        (When(daily="16:70-17:00"), "does not exist"),
        (When(daily="16:00-16:00"), "same minute"),
        (When(days=("friday",)), "no weekday"),
        (When(zone="Mars/Olympus"), "no IANA time zone"),
        (When(zone="../etc/passwd"), "no IANA time zone"),
    ],
)
def test_an_impossible_window_is_refused(when: When, said: str) -> None:
    """A window that cannot be is an error, never an empty one."""
    with pytest.raises(ValueError, match=said):
        compile_window(when, "UTC")


def test_until_before_since_is_refused() -> None:
    """A span that ends before it starts is an error."""
    when = When(since=datetime(2026, 3, 2), until=datetime(2026, 3, 1))
    with pytest.raises(ValueError, match="not after"):
        compile_window(when, "UTC")


@given(
    start=st.integers(0, 1439),
    length=st.integers(1, 1380),
    minute=st.integers(0, 2 * 1440 - 1),
)
def test_a_daily_window_covers_exactly_its_minutes(start: int, length: int, minute: int) -> None:
    """Membership is the same as counting minutes from the start, modulo a day."""
    end = (start + length) % 1440
    if end in (start, 1439):
        return
    text = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    window = compile_window(When(daily=text), "UTC")
    now = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minute)
    assert window.covers(now) is ((minute - start) % 1440 < length)


def test_weekdays_are_named_in_the_order_of_datetime() -> None:
    """``WEEKDAYS`` indexes agree with ``datetime.weekday``."""
    assert WEEKDAYS[datetime(2026, 3, 2, tzinfo=UTC).weekday()] == "mon"
