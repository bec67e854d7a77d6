"""Times and lists are written as people write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_fixtures import TZ, window_event

from probe.report.mechanisms import how
from probe.report.phrases import (
    clock_minute,
    duration,
    moment,
    names,
    offset,
    weekdays,
    window_hours,
)
from probe.report.words import MARKS


def test_midnight_at_the_end_is_one_minute_to() -> None:
    """1440 prints 23:59 as an end and 00:00 as a start; beyond it is the next day."""
    assert clock_minute(1440, end=True) == "23:59"
    assert clock_minute(0) == "00:00"
    assert clock_minute(1500, end=True) == "01:00 the next day"
    assert window_hours(window_event("x")) == ("16:00", "23:59")


def test_moment_and_offset_are_in_the_zone() -> None:
    """Half-hour zones are printed as they are."""
    at = datetime(2026, 5, 5, 12, 30, tzinfo=UTC)
    assert moment(at, TZ, year=True) == "Tue 5 May 2026, 16:00"
    assert offset(at, TZ) == "UTC+03:30"
    assert offset(at, "America/St_Johns") == "UTC-02:30"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "under a minute"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (23 * 3_600, "23 hours"),
        (36 * 3_600, "2 days"),
        (86_400, "24 hours"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """One unit, rounded."""
    assert duration(seconds) == text


@given(st.lists(st.sampled_from(["A", "B"]), min_size=1, max_size=30))
def test_a_list_of_names_is_never_endless(many: list[str]) -> None:
    """At most six parts, and the rest is counted."""
    text = names(many)
    assert text.count("\u2068") <= 6
    if len(many) > 6:
        assert text.endswith(f"and {len(many) - 5} more")


def test_days_of_a_window() -> None:
    """A daily window without weekdays is every day."""
    assert weekdays(window_event("x")) == "every day"


def test_each_mark_has_its_own_letter() -> None:
    """Letters carry the legend where colour cannot."""
    letters = [letter for letter, _, _ in MARKS.values()]
    assert len(set(letters)) == len(letters)


def test_an_unknown_mechanism_falls_back_to_its_parent() -> None:
    """A rule newer than the words is still worded, less exactly."""
    assert how("tls.reset.something_new") == how("tls.reset") != how("tls")
    assert how("quantum.fog") == how(None) == "how was not shown"


def test_every_rule_has_words() -> None:
    """Each mechanism that a rule can name is worded itself, not only its parent."""
    from probe.analysis.rules import RULES
    from probe.report.mechanisms import mechanisms

    assert {rule.mechanism for rule in RULES} <= mechanisms()
