"""Weekdays, score and words."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from probe.analysis.arrays import IntArray
from probe.analysis.score import score_of, wording
from probe.analysis.weekly import on_weekdays, weekdays_of
from probe.analysis.wording import clock, window_hours
from probe.model.event import Days, Event, EventKind, Instant, Label, Scope, Window

MONDAY = 4  # 1970-01-05


def days(*numbers: int) -> IntArray:
    return np.array(sorted(numbers), dtype=np.int64)


def test_four_fridays_in_four_weeks_are_weekly() -> None:
    """And their weekday is named by its ISO number."""
    span = range(MONDAY, MONDAY + 28)
    fridays = [day for day in span if on_weekdays(day, (5,))]
    others = [day for day in span if day not in fridays]
    assert len(fridays) == 4
    assert weekdays_of(days(*fridays), days(*others), np.random.default_rng(1)) == (5,)


def test_three_fridays_or_scattered_days_are_not() -> None:
    """Too few weeks, or no preference, is every day."""
    span = list(range(MONDAY, MONDAY + 21))
    fridays = [day for day in span if on_weekdays(day, (5,))]
    rest = [day for day in span if day not in fridays]
    assert weekdays_of(days(*fridays), days(*rest), np.random.default_rng(1)) == ()
    month = list(range(MONDAY, MONDAY + 42))
    some = [day for i, day in enumerate(month) if i % 2 == 0]
    others = [day for day in month if day not in some]
    assert weekdays_of(days(*some), days(*others), np.random.default_rng(1)) == ()


def event(scope: Scope, **more: object) -> Event:
    at = datetime(2022, 3, 1, 12, 30, tzinfo=UTC)
    instant = Instant(at=at, earliest=at, latest=at)
    window = Window(
        start_minute=958,
        end_minute=1438,
        start_interval=(950.0, 966.0),
        end_interval=(1430.0, 1445.0),
        snapped=(960, 1440),
        first_day="2022-03-01",
        last_day="2022-03-14",
        days=Days(supported=12, observable=13, total=14),
    )
    values: dict[str, object] = {
        "kind": EventKind.DAILY_WINDOW,
        "series": "s",
        "vantage": "v",
        "network": "n",
        "label": Label.ESTABLISHED,
        "start": instant,
        "end": Instant(at=at + timedelta(days=13), earliest=at, latest=at),
        "tz": "UTC",
        "window": window,
        "p": 0.001,
        "scope": scope,
    }
    return Event(**(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", [Scope.THIS_LINE, Scope.ONE_AS])
def test_one_line_or_one_as_has_no_score(scope: Scope) -> None:
    """Below several AS nothing is said of intent."""
    assert score_of(event(scope)) is None
    assert "cannot tell" in wording(None)


def test_the_score_is_the_sum_of_its_terms_and_is_worded_with_care() -> None:
    """Prior, hour, recurrence (at most 50), signals and length; never more than consistent."""
    score = score_of(event(Scope.SEVERAL_AS, p=1e-9), signals=3)
    assert score is not None
    assert score.log_odds == pytest.approx(
        -1.4 + math.log(3.1) + math.log(50) + math.log(1.75) + math.log(2)
    )
    assert {term.name for term in score.contributions} >= {"prior", "recurs"}
    assert wording(score) == "consistent with a deliberate restriction"
    weak = score_of(event(Scope.SEVERAL_AS, kind=EventKind.OUTAGE, window=None, end=None))
    assert weak is not None
    assert wording(weak) == "does not point to a deliberate restriction"


def test_a_start_that_is_not_known_well_is_not_on_the_hour() -> None:
    """A bracket of hours holds a full hour whatever happened; so does a wide interval."""
    at = datetime(2022, 3, 1, 12, 10, tzinfo=UTC)
    for before, named in ((12, True), (40, False)):
        low = at - timedelta(minutes=before)
        start = Instant(at=at, earliest=low, latest=at + timedelta(minutes=5))
        outage = event(Scope.SEVERAL_AS, kind=EventKind.OUTAGE, window=None, end=None, start=start)
        score = score_of(outage)
        assert score is not None
        assert ("starts on the hour" in {term.name for term in score.contributions}) is named
    window = event(Scope.NATIONAL).window
    assert window is not None
    wide = msgspec.structs.replace(window, start_interval=(930.0, 975.0))
    score = score_of(event(Scope.NATIONAL, window=wide))
    assert score is not None
    assert "starts on the hour" not in {term.name for term in score.contributions}


def test_a_weak_recurrence_adds_little() -> None:
    """The Bayes factor bound of p = 0.01 is about 8, not 100."""
    score = score_of(event(Scope.NATIONAL, p=0.01))
    assert score is not None
    term = next(t for t in score.contributions if t.name == "recurs")
    assert math.exp(term.log_odds) == pytest.approx(7.99, abs=0.02)


@pytest.mark.parametrize(
    ("minute", "text"), [(0, "00:00"), (540, "09:00"), (1440, "23:59"), (1800, "06:00")]
)
def test_midnight_at_the_end_of_a_day_is_printed_2359(minute: int, text: str) -> None:
    """1440 is end-exclusive; more than 1440 is the next day."""
    assert clock(minute) == text


def test_hours_of_a_window_are_the_snapped_ones_where_there_are_some() -> None:
    """The raw ones stay in the event."""
    window = event(Scope.THIS_LINE).window
    assert window is not None
    assert window_hours(window) == "16:00 to 23:59"
