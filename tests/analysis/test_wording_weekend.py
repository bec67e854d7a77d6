"""A window's weekdays beside the weekend of the country, where it is known."""

import random
from datetime import UTC, datetime

import pytest
from simulated_lines import Curfew, Line, Noise, sampled

from probe.analysis.survey import Known, survey
from probe.analysis.wording_weekend import Weekend, weekend_sentence
from probe.export.known import known_of
from probe.model.event import Days, Event, EventKind, Instant, Label, Window

WEEKENDS = {
    "IR": Weekend("Iran", (5,)),
    "YE": Weekend("Yemen", (5, 6)),
    "VE": Weekend("Venezuela", (6, 7)),
}
AT = datetime(2022, 4, 8, tzinfo=UTC)


def event(tz: str, weekdays: tuple[int, ...]) -> Event:
    """Return a window on these weekdays."""
    instant = Instant(at=AT, earliest=AT, latest=AT)
    window = Window(
        start_minute=360,
        end_minute=720,
        start_interval=(355, 365),
        end_interval=(715, 725),
        weekdays=weekdays,
        first_day="2022-04-08",
        last_day="2022-05-27",
        days=Days(supported=8, observable=8, total=8),
    )
    return Event(
        kind=EventKind.WEEKLY_WINDOW,
        series="app",
        vantage="v",
        network="n",
        label=Label.ESTABLISHED,
        start=instant,
        end=instant,
        tz=tz,
        window=window,
        samples=9,
        bad_samples=9,
    )


@pytest.mark.parametrize(
    ("tz", "weekdays", "said"),
    [
        ("Asia/Tehran", (5,), "Friday is the weekend in Iran (Unicode CLDR)."),
        ("Asia/Aden", (5, 6), "Friday and Saturday are the weekend in Yemen (Unicode CLDR)."),
        (
            "Asia/Aden",
            (5,),
            (
                "Friday and Saturday are the weekend in Yemen (Unicode CLDR), of which it keeps to "
                "a part."
            ),
        ),
        (
            "America/Caracas",
            (1, 2),
            (
                "Saturday and Sunday are the weekend in Venezuela (Unicode CLDR): it keeps to "
                "working days."
            ),
        ),
        ("America/Caracas", (5, 6), ""),
        ("Asia/Tehran", (), ""),
        ("Asia/Dhaka", (5,), ""),
        ("UTC", (7,), ""),
    ],
)
def test_weekdays_are_set_beside_the_weekend(tz: str, weekdays: tuple[int, ...], said: str) -> None:
    """The same days, a part, working days; nothing where it is mixed, daily, or not known."""
    assert weekend_sentence(event(tz, weekdays), WEEKENDS) == said


def test_the_sentence_of_a_weekly_window_says_it() -> None:
    """Friday mornings in Iran, with the country rules that come with the program."""
    line = Line(
        tz="Asia/Tehran",
        days=56,
        start=datetime(2022, 4, 4, tzinfo=UTC),
        curfews=[Curfew(360, 720, weekdays=(5,))],
        noise=Noise(outages_a_day=0.0, missing=0.1),
    )
    series = sampled(line, 6)
    for known, said in ((known_of({}, {}), True), (Known(), False)):
        (found,) = [e for e in survey([series], rng=random.Random(1), known=known) if e.window]
        assert "every Friday" in found.sentence
        assert ("Friday is the weekend in Iran" in found.sentence) is said
