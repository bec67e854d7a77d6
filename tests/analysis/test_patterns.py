"""The search on lines of known truth: windows where there are some, silence where not."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from simulated_lines import Curfew, Line, Noise, absent, sampled

from probe.analysis.explain import explain
from probe.analysis.patterns import find, shortfalls
from probe.model.codec import decode, encode
from probe.model.event import Event, EventKind, Label, Reach, Scope
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

CLEAN = Noise(false_bad=0.0, false_good=0.0, outages_a_day=0.0, missing=0.0)
WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


def events(*series: Series, seed: int = 1) -> tuple[Event, ...]:
    return find(series, rng=random.Random(seed), names={"whatsapp": "WhatsApp"})


def windows(*series: Series, seed: int = 1) -> list[Event]:
    return [event for event in events(*series, seed=seed) if event.kind in WINDOWS]


def the_window(series: Series) -> Event:
    (event,) = windows(series)
    assert event.window is not None
    return event


def near(event: Event, start: int, end: int, *, within: float) -> bool:
    assert event.window is not None
    return (
        abs(event.window.start_minute - start) <= within
        and abs(event.window.end_minute - end) <= within
    )


def demo_line() -> Series:
    """Fourteen days of rounds 60 to 120 minutes apart, a cut from 16:00 to midnight."""
    line = Line(days=14, cadence_min=(60, 120), curfews=[Curfew(960, 1440)], noise=CLEAN)
    series = sampled(line, 3)
    fifth = datetime(2022, 3, 5, tzinfo=ZoneInfo("Asia/Tehran"))
    ninth = datetime(2022, 3, 9, 18, tzinfo=ZoneInfo("Asia/Tehran"))
    series = absent(series, lambda s: fifth <= s.time < fifth + timedelta(days=1), Absence.INVALID)
    return absent(series, lambda s: ninth <= s.time < ninth + timedelta(hours=3), Absence.INVALID)


def test_the_daily_cut_of_the_demo_is_one_established_window() -> None:
    """Sparse jittered rounds, one day and one evening invalid: 16:00 to 23:59 all the same."""
    event = the_window(demo_line())
    assert event.window is not None
    assert event.kind is EventKind.DAILY_WINDOW
    assert event.label is Label.ESTABLISHED
    assert near(event, 960, 1440, within=30)
    assert event.window.snapped == (960, 1440)
    assert event.window.days.observable <= 13
    assert event.window.days.supported >= event.window.days.observable - 1
    assert event.p is not None
    assert event.p <= 0.01
    assert event.scope is Scope.THIS_LINE
    assert event.score is None
    assert len(events(demo_line())) == 1
    assert event.sentence.startswith(
        "WhatsApp was unreachable on this line daily from about 16:00 to 23:59 (Asia/Tehran) on 1"
    )


def test_a_noisy_curfew_is_found_with_its_dates() -> None:
    """Fifteen of sixty days, a tenth of the days skipped, 30 % of looks missing."""
    line = Line(tz="Asia/Kolkata", curfews=[Curfew(1140, 1320, first_day=20, days=15, skip=0.1)])
    event = the_window(sampled(line, 5))
    assert event.window is not None
    assert near(event, 1140, 1320, within=12)
    assert event.window.first_day >= "2022-03-21"
    assert event.window.last_day <= "2022-04-05"
    assert event.window.start_interval[0] <= 1140 <= event.window.start_interval[1]
    assert event.mechanisms[0][0] == "tcp.timeout"


def test_a_window_over_midnight_is_one_window() -> None:
    """22:00 to 06:00 runs into the next day: its end minute is 1800."""
    line = Line(tz="Asia/Yangon", days=20, curfews=[Curfew(1320, 1800)], noise=CLEAN)
    event = the_window(sampled(line, 2))
    assert near(event, 1320, 1800, within=8)
    assert "22:00 to 06:00 the next day" in event.sentence


def test_two_windows_a_day_are_two_events() -> None:
    """Exam mornings and evenings, each with its own hours."""
    line = Line(
        tz="Africa/Algiers",
        days=20,
        curfews=[Curfew(480, 600), Curfew(840, 960)],
        noise=Noise(false_bad=0.01, false_good=0.01, outages_a_day=0.0, missing=0.1),
    )
    found = windows(sampled(line, 4))
    found.sort(key=lambda event: event.window.start_minute if event.window else 0)
    assert len(found) == 2
    assert near(found[0], 480, 600, within=10)
    assert near(found[1], 840, 960, within=10)


def test_fridays_only_is_a_weekly_window() -> None:
    """Eight Friday mornings and none elsewhere."""
    line = Line(
        tz="Asia/Tehran",
        days=56,
        start=datetime(2022, 4, 4, tzinfo=UTC),
        curfews=[Curfew(360, 720, weekdays=(5,))],
        noise=CLEAN,
    )
    event = the_window(sampled(line, 6))
    assert event.window is not None
    assert event.kind is EventKind.WEEKLY_WINDOW
    assert event.window.weekdays == (5,)
    assert event.window.days.supported == event.window.days.total == 8
    assert "every Friday" in event.sentence


def test_exam_dates_that_nobody_gave_are_inferred() -> None:
    """Mornings of exams, on no rhythm: the window names the dates on which it was, and no other."""
    sat = (11, 12, 14, 17, 18, 22, 23, 26, 28, 30)
    exams = [Curfew(240, 480, first_day=day, days=1) for day in sat]
    noise = Noise(outages_a_day=0.1, missing=0.1)
    line = Line(tz="Asia/Damascus", days=45, curfews=exams, noise=noise)
    event = the_window(sampled(line, 11))
    dates = [(line.start + timedelta(days=day)).date().isoformat() for day in sat]
    assert event.window is not None
    assert event.window.supports == tuple(dates)
    assert event.window.weekdays == ()
    assert len(event.window.against) == 10
    assert near(event, 240, 480, within=10)
    assert f"on {len(dates)} of 20 observable days" in event.sentence
    assert "(2022-03-12 to 2022-03-13, 2022-03-15, 2022-03-18" in " ".join(explain(event))


def test_two_lone_mornings_are_no_exam_dates() -> None:
    """Two dates on which it happened to fail at the same hour are not inferred to be anything."""
    exams = [Curfew(240, 480, first_day=day, days=1) for day in (11, 26)]
    line = Line(tz="Asia/Damascus", days=45, curfews=exams, noise=CLEAN)
    assert windows(sampled(line, 11)) == []


def iran_2022() -> Series:
    """Mobile, 16:00-24:00 daily 21 Sep - 3 Oct 2022 and on 8, 12 and 15 October."""
    tehran = ZoneInfo("Asia/Tehran")
    days = [datetime(2022, 9, 21) + timedelta(days=i) for i in range(13)]
    days += [datetime(2022, 10, day) for day in (8, 12, 15)]
    cuts = [
        (
            day.replace(hour=16, tzinfo=tehran).astimezone(UTC),
            (day + timedelta(days=1)).replace(tzinfo=tehran).astimezone(UTC),
        )
        for day in days
    ]
    rng = random.Random(8)
    first = datetime(2022, 9, 12, tzinfo=UTC)
    looks = [first + timedelta(minutes=30 * i + rng.uniform(0, 30)) for i in range(48 * 40)]
    samples = tuple(Sample(time=at, bad=any(a <= at < b for a, b in cuts)) for at in looks)
    key = SeriesKey(vantage="v", network="AS44244/mobile", subject="whatsapp")
    return Series(key=key, tz="Asia/Tehran", samples=samples)


def test_the_iranian_curfew_of_2022_keeps_the_wall_clock() -> None:
    """Clocks went back in the first night; folded on UTC the window would be an hour off."""
    event = the_window(iran_2022())
    assert event.window is not None
    assert event.tz == "Asia/Tehran"
    assert event.window.snapped == (960, 1440)
    assert near(event, 960, 1440, within=8)
    assert event.window.first_day == "2022-09-21"
    assert event.window.last_day == "2022-10-15"
    assert event.window.days.supported == 16


def test_a_window_that_follows_utc_is_said_to() -> None:
    """Across a clock change, what stays put in UTC is folded on UTC."""
    line = Line(
        tz="UTC",
        days=24,
        start=datetime(2022, 10, 18, tzinfo=UTC),
        curfews=[Curfew(1020, 1200)],
        noise=CLEAN,
    )
    series = msgspec.structs.replace(sampled(line, 3), tz="Europe/Berlin")
    event = the_window(series)
    assert event.tz == "UTC"
    assert near(event, 1020, 1200, within=8)


def test_a_block_that_stays_is_one_event_and_no_window() -> None:
    """Also when the host sleeps every night: nobody saw it end."""
    whole = sampled(Line(days=20, block_from_day=0, noise=CLEAN), 1)
    (event,) = events(whole)
    assert event.kind is EventKind.OUTAGE
    assert event.start.censored
    assert event.end is not None
    assert event.end.censored
    nightly = Noise(
        false_bad=0.0, false_good=0.0, outages_a_day=0.0, missing=0.0, off_hours=(23, 7)
    )
    (onset,) = events(sampled(Line(days=20, block_from_day=8.5, noise=nightly), 1))
    assert onset.kind is EventKind.ONSET
    assert onset.end is None
    assert onset.unseen_s > 11 * 8 * 3600
    assert "still was at the last look" in onset.sentence


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("quiet", Noise()),
        ("many random outages", Noise(outages_a_day=1.0)),
        ("host off at night", Noise(off_hours=(23, 7), outages_a_day=0.3)),
        ("host on in the evening only", Noise(off_hours=(23, 17), outages_a_day=0.3)),
        ("router reboots at 04:00", Noise(reboot=240)),
        ("evening congestion", Noise(congestion=0.25)),
        ("bad evening congestion, controls too", Noise(congestion=0.6, controls=3)),
        ("dreadful evening congestion, controls too", Noise(congestion=0.8, controls=3)),
    ],
)
@pytest.mark.parametrize("cadence", [15.0, 30.0])
def test_silent_without_a_window(name: str, noise: Noise, cadence: float) -> None:
    """Nothing that nobody ordered comes out as a daily window."""
    found = [
        event.sentence
        for seed in (11, 12)[: 1 if cadence < 20 else 2]
        for event in windows(sampled(Line(cadence_min=(cadence, cadence), noise=noise), seed))
    ]
    assert not found, name


def test_controls_decide_what_a_window_is_called() -> None:
    """Controls good: aimed at the subject. All bad: the line. Some bad: not claimed at all."""

    def with_controls(share: float) -> Series:
        plain = sampled(Line(days=14, curfews=[Curfew(960, 1200)], noise=CLEAN), 1)
        samples = tuple(
            msgspec.structs.replace(s, control_bad=share if s.bad else 0.0) for s in plain.samples
        )
        return msgspec.structs.replace(plain, samples=samples)

    assert the_window(with_controls(0.1)).reach is Reach.TARGETED
    assert the_window(with_controls(1.0)).reach is Reach.TOTAL
    assert windows(with_controls(0.5)) == []


def test_a_line_cut_every_evening_is_a_window_of_the_line() -> None:
    """``upstream`` and ``intl`` are series like any other, and are worded as the line's."""
    line = Line(days=14, curfews=[Curfew(1200, 1380)], noise=CLEAN, subject="line")
    upstream = the_window(sampled(msgspec_line(line, Signal.UPSTREAM), 1))
    assert upstream.reach is Reach.TOTAL
    assert upstream.sentence.startswith("Nothing at all was reachable on this line daily")
    intl = the_window(sampled(msgspec_line(line, Signal.INTL), 1))
    assert intl.reach is Reach.DOMESTIC_ONLY
    assert "prepaid balance" in intl.sentence
    assert "national" not in intl.sentence


def msgspec_line(line: Line, signal: Signal) -> Line:
    return Line(
        days=line.days,
        curfews=line.curfews,
        noise=line.noise,
        subject=line.subject,
        signal=signal,
    )


def test_single_outages_are_events_with_their_brackets() -> None:
    """Two cuts at different hours: two outages, each with its ends, and no window."""
    line = Line(
        days=10,
        tz="UTC",
        curfews=[Curfew(600, 840, first_day=2, days=1), Curfew(200, 320, first_day=6, days=1)],
        noise=CLEAN,
    )
    first, second = events(sampled(line, 1))
    assert {first.kind, second.kind} == {EventKind.OUTAGE}
    assert first.label is Label.ESTABLISHED
    truth = datetime(2022, 3, 3, 10, tzinfo=UTC)
    assert first.start.earliest - timedelta(minutes=15) <= truth
    assert truth <= first.start.latest + timedelta(minutes=15)
    assert first.end is not None
    assert not first.end.censored


def test_an_outage_of_minutes_is_suspected_and_says_why() -> None:
    """A short one is told; a line's own trouble is as short, so it is not called established."""
    cut = Curfew(600, 640, first_day=2, days=1)
    (found,) = events(
        sampled(Line(days=10, tz="UTC", cadence_min=(5.0, 5.0), curfews=[cut], noise=CLEAN), 1)
    )
    assert found.label is Label.SUSPECTED
    assert "(suspected: it lasted less than an hour)" in found.sentence


def test_one_seed_says_one_thing_whatever_else_is_searched() -> None:
    """The same data give the same events; another series does not change a p-value."""
    mine = sampled(Line(days=20, curfews=[Curfew(960, 1200)]), 5)
    other = sampled(Line(days=20, subject="signal"), 6)
    alone, beside = windows(mine)[0], windows(other, mine)[0]
    assert alone.p == beside.p
    assert events(mine) == events(mine)


def test_more_series_raise_the_bar() -> None:
    """The q-value grows with the number of series that were searched on a vantage."""
    mine = sampled(Line(days=14, curfews=[Curfew(960, 1200)], noise=CLEAN), 5)
    others = [sampled(Line(days=14, subject=f"s{i}", noise=CLEAN), 50 + i) for i in range(9)]
    alone, beside = windows(mine)[0], windows(mine, *others)[0]
    assert alone.q == alone.p
    assert alone.p is not None
    assert beside.q == pytest.approx(10 * alone.p)


@pytest.mark.parametrize(
    "series",
    [
        Series(key=SeriesKey(subject="none"), tz="UTC", samples=()),
        Series(
            key=SeriesKey(subject="one"),
            tz="UTC",
            samples=(Sample(time=datetime(2022, 1, 1, tzinfo=UTC), bad=True),),
        ),
        Series(
            key=SeriesKey(subject="gaps"),
            tz="UTC",
            samples=tuple(
                Sample(
                    time=datetime(2022, 1, 1, tzinfo=UTC) + timedelta(hours=i),
                    bad=None,
                    absence=Absence.INVALID,
                )
                for i in range(500)
            ),
        ),
        sampled(Line(days=30, cadence_min=(300, 400), curfews=[Curfew(960, 1440)]), 1),
    ],
    ids=["no sample", "one sample", "only gaps", "too sparse"],
)
def test_too_little_data_is_said_and_never_a_window(series: Series) -> None:
    """What is missing is named."""
    assert windows(series) == []
    ((key, needs),) = shortfalls([series])
    assert key == series.key
    assert needs.startswith("needs ")


def test_every_event_can_be_explained_and_survives_json() -> None:
    """Each line of an explanation is a sentence; the event round-trips."""
    line = Line(days=40, curfews=[Curfew(960, 1200, days=20)], noise=Noise(outages_a_day=0.3))
    found = events(sampled(line, 9))
    assert {event.kind for event in found} >= {EventKind.DAILY_WINDOW, EventKind.OUTAGE}
    for event in found:
        assert decode(encode(event), Event) == event
        lines = explain(event)
        assert lines
        assert all(text.endswith(".") for text in lines)
        assert "consistent with" not in " ".join(lines)


@pytest.mark.slow
def test_recall_and_false_alarms_over_forty_lines_each() -> None:
    """At 15 and 30 minutes: nine of ten curfews found, at most one false window in forty lines."""
    for cadence in (15.0, 30.0):
        found = false = 0
        for seed in range(40):
            rng = random.Random(1000 + seed)
            start, length = 30 * rng.randrange(48), 30 * rng.randrange(4, 21)
            days = rng.randrange(7, 22)
            curfew = Curfew(
                start, start + length, first_day=rng.randrange(2, 36), days=days, skip=0.15
            )
            spacing = (cadence, cadence)
            cut = sampled(Line(tz="Asia/Yangon", cadence_min=spacing, curfews=[curfew]), seed)
            found += any(near_circular(event, start, length) for event in windows(cut))
            quiet = Line(tz="Asia/Yangon", cadence_min=spacing, noise=Noise(outages_a_day=0.5))
            false += len(windows(sampled(quiet, 5000 + seed)))
        assert found >= 36
        assert false <= 1


def near_circular(event: Event, start: int, length: int) -> bool:
    assert event.window is not None
    apart = (event.window.start_minute - start + 720) % 1440 - 720
    mine = event.window.end_minute - event.window.start_minute
    return abs(apart) <= 45 and abs(mine - length) <= 60
