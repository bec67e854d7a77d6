"""When an event was, and what a series says of those hours."""

from datetime import UTC, datetime, timedelta

import numpy as np

from probe.analysis.evidence import evidence_of
from probe.analysis.spans import Stretches, last_look, look_at, overlap, spans_of, vote, votes
from probe.model.event import Days, Event, EventKind, Instant, Label, Window
from probe.model.timeline import Sample, Series, SeriesKey

START = datetime(2022, 9, 20, tzinfo=UTC)
H = 3600.0


def series(bad_hours: tuple[int, ...], hours: int = 96, *, without: tuple[int, ...] = ()) -> Series:
    samples = tuple(
        Sample(time=START + timedelta(minutes=15 * i), bad=i // 4 in bad_hours)
        for i in range(4 * hours)
        if i // 4 not in without
    )
    return Series(key=SeriesKey(subject="s"), tz="UTC", samples=samples)


def at(hour: float) -> float:
    return START.timestamp() + hour * H


def event(window: Window | None, *, tz: str = "UTC", end: datetime | None = START) -> Event:
    instant = Instant(at=START, earliest=START, latest=START)
    ends = None if end is None else Instant(at=end, earliest=end, latest=end)
    return Event(
        kind=EventKind.DAILY_WINDOW,
        series="s",
        vantage="v",
        network="n",
        label=Label.SUSPECTED,
        start=instant,
        end=ends,
        tz=tz,
        window=window,
    )


def test_a_window_covers_its_hours_on_each_day_that_speaks_for_it() -> None:
    """Local minutes of the zone, across the night in which clocks go back in Tehran."""
    window = Window(
        start_minute=960,
        end_minute=1440,
        start_interval=(960.0, 960.0),
        end_interval=(1440.0, 1440.0),
        first_day="2022-09-21",
        last_day="2022-09-22",
        days=Days(supported=2, observable=2, total=2),
        supports=("2022-09-21", "2022-09-22"),
    )
    first, second = spans_of(event(window, tz="Asia/Tehran"))
    assert datetime.fromtimestamp(first[0], UTC) == datetime(2022, 9, 21, 11, 30, tzinfo=UTC)
    assert first[1] - first[0] == 9 * H
    assert datetime.fromtimestamp(second[0], UTC) == datetime(2022, 9, 22, 12, 30, tzinfo=UTC)
    assert second[1] - second[0] == 8 * H


def test_what_goes_on_ends_with_the_last_look() -> None:
    """Without one it is taken to last an hour."""
    onset = event(None, end=None)
    assert spans_of(onset) == ((at(0), at(1)),)
    now = last_look([evidence_of(series(())), evidence_of(series((), hours=2))])
    assert now == START + timedelta(hours=95, minutes=45)
    assert spans_of(onset, now=now) == ((at(0), at(95.75)),)
    assert last_look([]) is None


def test_a_span_is_seen_with_half_of_the_usual_looks_and_bad_with_three_quarters() -> None:
    """Neither good nor bad where too little was seen."""
    evidence = evidence_of(series((10, 11, 12, 13), without=(20, 21, 22)))
    assert look_at(evidence, (at(10), at(14))) is True
    assert look_at(evidence, (at(11), at(17))) is False
    assert look_at(evidence, (at(30), at(34))) is False
    assert look_at(evidence, (at(20), at(24))) is None
    assert look_at(evidence, (at(200), at(204))) is None


def test_of_several_spans_two_must_have_been_seen() -> None:
    """One day of three says nothing; of a single outage one is all there is."""
    evidence = evidence_of(series((10, 11, 34, 35)))
    assert vote(evidence, [(at(10), at(12)), (at(34), at(36))]).shares is True
    assert vote(evidence, [(at(10), at(12)), (at(50), at(52)), (at(60), at(62))]).shares is False
    assert vote(evidence, [(at(10), at(12)), (at(500), at(502))]).shares is None
    assert vote(evidence, [(at(10), at(12))]).shares is True
    assert vote(evidence, []).shares is None


def test_many_events_are_voted_on_as_each_alone() -> None:
    """The arrays give what single votes give."""
    rng = np.random.default_rng(2)
    evidence = evidence_of(series(tuple(rng.integers(0, 96, 30).tolist())))
    events = [
        [
            (at(a), at(a + w))
            for a, w in zip(rng.uniform(0, 110, n), rng.uniform(1, 9, n), strict=True)
        ]
        for n in (1, 3, 2, 1, 7)
    ]
    bad, seen = votes(evidence, Stretches.of(events))
    for place, spans in enumerate(events):
        alone = vote(evidence, spans)
        assert (alone.bad, alone.seen) == (bad[place], seen[place])


def test_overlap_is_of_times() -> None:
    """Shared over united."""
    assert overlap([(0, 10)], [(0, 10)]) == 1.0
    assert overlap([(0, 10)], [(5, 15)]) == 5 / 15
    assert overlap([(0, 10), (20, 30)], [(20, 30)]) == 0.5
    assert overlap([], []) == 0.0
