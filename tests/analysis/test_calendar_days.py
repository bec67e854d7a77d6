"""Dates given beforehand against the days around them."""

import random
from datetime import date

import pytest
from simulated_lines import Curfew, Line, Noise, sampled

from probe.analysis.calendar_days import DayList
from probe.analysis.explain import explain
from probe.analysis.survey import Known, survey
from probe.model.codec import decode, encode
from probe.model.event import Event, EventKind, Label, Scope
from probe.model.timeline import Series

FIRST = (date(2022, 3, 1) - date(1970, 1, 1)).days
EXAMS = (10, 11, 12, 15, 16, 17)
NOISE = Noise(false_bad=0.02, false_good=0.02, outages_a_day=0.1, missing=0.1)


def line(*curfews: Curfew, seed: int = 1, noise: Noise = NOISE) -> Series:
    return sampled(
        Line(days=40, cadence_min=(15, 15), tz="Africa/Algiers", curfews=curfews, noise=noise),
        seed,
    )


def on(days: tuple[int, ...], start: float = 480, end: float = 600) -> tuple[Curfew, ...]:
    return tuple(Curfew(start, end, first_day=day, days=1) for day in days)


def listed(
    days: tuple[int, ...], name: str = "exams", hours: tuple[int, int] | None = None
) -> DayList:
    return DayList(name, tuple(FIRST + day for day in days), hours)


def dated(series: Series, *lists: DayList) -> list[Event]:
    events = survey([series], rng=random.Random(1), known=Known(dates=lists))
    return [event for event in events if event.kind is EventKind.CALENDAR_WINDOW]


def test_cuts_on_the_listed_days_are_found_beside_the_days_around() -> None:
    """Six exam mornings: all of them, and none of the others."""
    (event,) = dated(line(*on(EXAMS)), listed(EXAMS, hours=(480, 600)))
    assert event.calendar is not None
    assert event.window is not None
    assert event.calendar.hits[0] >= 5
    assert event.calendar.hits[1] == 6
    assert event.calendar.others[0] <= 1
    assert event.calendar.others[1] >= 25
    assert abs(event.window.start_minute - 480) <= 12
    assert abs(event.window.end_minute - 600) <= 12
    assert event.calendar.before_share is not None
    assert event.calendar.during_share is not None
    assert event.calendar.before_share < 0.2 < 0.8 < event.calendar.during_share
    assert event.label is Label.ESTABLISHED
    assert event.scope is Scope.THIS_LINE
    assert "of the list 'exams'" in event.sentence
    assert "Announced were 08:00 to 10:00: it began" in event.sentence
    assert "does not say who did it" in event.sentence
    assert decode(encode(event), Event) == event
    assert any("exchanged for others of the same weekday" in text for text in explain(event))


def test_two_cuts_on_each_day_are_two_windows() -> None:
    """Morning and afternoon papers; only hours that overlap the announced ones are compared."""
    both = (*on(EXAMS), *on(EXAMS, 840, 960))
    found = dated(line(*both), listed(EXAMS, hours=(480, 600)))
    assert len(found) == 2
    assert sum("none of these hours" in event.sentence for event in found) == 1


def test_a_directive_is_a_range_and_is_seen_before_during_and_after() -> None:
    """Ten nights of an order: what failed before it, under it, after it."""
    days = tuple(range(15, 25))
    (event,) = dated(line(*on(days, 1200, 1320)), listed(days, "directive"))
    calendar = event.calendar
    assert calendar is not None
    assert calendar.before_share is not None
    assert calendar.during_share is not None
    assert calendar.after_share is not None
    assert calendar.before_share < 0.15
    assert calendar.during_share > 0.8
    assert calendar.after_share < 0.15


def test_a_day_that_was_cut_for_a_part_of_the_hours_is_not_said_to_have_mostly_worked() -> None:
    """Two nights of ten ended early: they do not fill the hours, and most of their looks failed."""
    whole, early = tuple(range(15, 23)), (23, 24)
    cuts = (*on(whole, 1080, 1320), *on(early, 1080, 1240))
    (event,) = dated(line(*cuts), listed((*whole, *early), "directive"))
    assert event.window is not None
    assert len(event.window.against) == 2
    (against,) = (text for text in explain(event) if text.startswith("Against it"))
    assert "on 2 days it was looked at in these hours and worked, all the time or a part" in against


@pytest.mark.parametrize("seed", range(2))
def test_other_days_or_every_day_do_not_keep_to_the_list(seed: int) -> None:
    """Cuts elsewhere, a daily curfew, random outages: the list explains none of them."""
    assert dated(line(*on((3, 4, 20, 21)), seed=seed), listed(EXAMS)) == []
    assert dated(line(Curfew(480, 600), seed=seed), listed(EXAMS)) == []
    noisy = Noise(outages_a_day=1.0)
    assert dated(line(seed=seed, noise=noisy), listed(EXAMS)) == []


def test_what_happens_every_monday_is_nothing_special_on_a_monday_of_the_list() -> None:
    """The null exchanges days of the same weekday only."""
    mondays = tuple(
        day for day in range(40) if date.fromordinal(FIRST + day + 719163).weekday() == 0
    )
    assert len(mondays) >= 5
    assert dated(line(*on(mondays)), listed(mondays[1:4])) == []


def test_a_list_outside_of_the_observed_time_is_silent() -> None:
    """No listed day was observed; one is too few."""
    assert dated(line(*on(EXAMS)), listed((400, 401))) == []
    assert dated(line(*on((10,))), listed((10,))) == []
