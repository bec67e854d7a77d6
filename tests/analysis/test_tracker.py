"""Series under watch: added day by day, they give the events of all at once, at a day's cost."""

import random
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from simulated_lines import Curfew, Line, Noise, sampled

from probe.analysis.candidate import Candidate, candidate
from probe.analysis.episodes import Episode
from probe.analysis.growing import Growing
from probe.analysis.study import Study, study
from probe.analysis.survey import survey
from probe.analysis.timeline import DEFAULT
from probe.analysis.tracker import Tracker
from probe.analysis.window import Measured, measure_window
from probe.errors import InputError
from probe.model.event import Event
from probe.model.timeline import Absence, Sample, Series

SEED = random.Random(3).getrandbits(64)


def parted(series: Series, days: int) -> list[Series]:
    """Return the series in pieces of so many days."""
    pieces: list[list[Sample]] = [[]]
    until = series.samples[0].time + timedelta(days=days)
    for sample in series.samples:
        while sample.time >= until:
            pieces.append([])
            until += timedelta(days=days)
        pieces[-1].append(sample)
    return [msgspec.structs.replace(series, samples=tuple(piece)) for piece in pieces]


def tracked(series: list[Series], days: int) -> tuple[Event, ...]:
    tracker = Tracker(seed=SEED)
    for pieces in zip(*(parted(one, days) for one in series), strict=True):
        tracker.extend(pieces)
        tracker.events()
    return tracker.events()


def plain(events: tuple[Event, ...]) -> list[tuple[object, ...]]:
    """Return what must not depend on how the looks came."""
    return [
        (
            event.kind,
            event.series,
            event.start.at,
            event.end.at if event.end else None,
            event.samples,
            event.bad_samples,
            event.window and (event.window.start_minute, event.window.end_minute),
            event.window and event.window.supports,
            event.company,
        )
        for event in events
    ]


def lines() -> list[Series]:
    noise = Noise(outages_a_day=0.3, controls=3)
    curfew = Curfew(960, 1200, first_day=8, days=12)
    made = [
        sampled(Line(days=28, cadence_min=(30, 30), curfews=c, noise=noise, subject=name), n)
        for n, (name, c) in enumerate((("whatsapp", [curfew]), ("signal", [])))
    ]
    off = Noise(off_hours=(23, 7), outages_a_day=0.2)
    stays = sampled(
        Line(days=28, cadence_min=(30, 30), noise=off, subject="tor", block_from_day=11.3), 5
    )
    return [*made, stays]


@pytest.mark.parametrize("days", [1, 5])
def test_day_by_day_gives_what_all_at_once_gives(days: int) -> None:
    """Windows, outages, a block that stays over nights without looks: the same events."""
    series = lines()
    whole = survey(series, rng=random.Random(3))
    assert plain(tracked(series, days)) == plain(whole)
    assert {str(event.kind) for event in whole} == {"daily_window", "outage", "onset"}


def test_noise_moves_no_window_of_a_watch() -> None:
    """The days and hours of all at once, to two minutes: a part learns no error rate of its own."""
    line = Line(
        days=50,
        cadence_min=(30, 30),
        curfews=[Curfew(960, 1200, first_day=4, days=10)],
        noise=Noise(outages_a_day=0.4, controls=3),
        subject="a",
    )
    made = [sampled(line, 20)]
    (found,) = [event.window for event in tracked(made, 1) if event.window]
    (whole,) = [event.window for event in survey(made, rng=random.Random(3)) if event.window]
    assert found.supports == whole.supports
    assert abs(found.start_minute - whole.start_minute) <= 2
    assert abs(found.end_minute - whole.end_minute) <= 2


def test_absences_come_out_as_they_are_said() -> None:
    """A silence with its reason, parted in the middle, is the gap that it is at once."""
    series = lines()[0]
    quiet = tuple(
        msgspec.structs.replace(s, bad=None, absence=Absence.INVALID)
        if 9 <= (s.time - series.samples[0].time).days < 11
        else s
        for s in series.samples
    )
    one = msgspec.structs.replace(series, samples=quiet)
    pieces = parted(one, 1)
    growing = Growing(pieces[0], DEFAULT)
    for piece in pieces[1:]:
        growing.extend(piece.samples)

    def brackets(episodes: tuple[Episode, ...]) -> list[object]:
        return [(e.start, e.end, e.samples, e.bad_samples, e.from_start, e.open) for e in episodes]

    assert brackets(growing.study.episodes) == brackets(study(one, DEFAULT).episodes)


def test_what_only_goes_on_well_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day without a new outage costs no rotation: the search of the days before stands."""
    clean = Noise(false_bad=0.0, false_good=0.0, outages_a_day=0.0, missing=0.0)
    line = Line(days=24, cadence_min=(30, 30), curfews=[Curfew(960, 1200, days=12)], noise=clean)
    pieces = parted(sampled(line, 1), 12)
    tracker = Tracker(seed=SEED)
    tracker.extend([pieces[0]])
    (window,) = [event for event in tracker.events() if event.window]
    asked: list[int] = []

    def counted(
        study: Study, left: Sequence[Episode], generator: np.random.Generator
    ) -> Candidate | None:
        asked.append(len(left))
        return candidate(study, left, generator)

    monkeypatch.setattr("probe.analysis.search.candidate", counted)
    tracker.extend([pieces[1]])
    (again,) = [event for event in tracker.events() if event.window]
    assert asked == []
    assert again.window is not None
    assert window.window is not None
    assert again.window.supports == window.window.supports


def test_a_window_that_is_over_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new outage makes the series be searched again; the window of weeks ago stands as it was."""
    clean = Noise(false_bad=0.0, false_good=0.0, outages_a_day=0.0, missing=0.0)
    curfews = [Curfew(960, 1200, first_day=2, days=12), Curfew(200, 400, first_day=25, days=1)]
    line = Line(days=28, cadence_min=(30, 30), curfews=curfews, noise=clean)
    whole = sampled(line, 1)
    first, second = parted(whole, 20)
    tracker = Tracker(seed=SEED)
    tracker.extend([first])
    (before,) = [event for event in tracker.events() if event.window]
    measured: list[Candidate] = []

    def counted(study: Study, found: Candidate, generator: np.random.Generator) -> Measured:
        measured.append(found)
        return measure_window(study, found, generator)

    monkeypatch.setattr("probe.analysis.search.measure_window", counted)
    tracker.extend([second])
    events = tracker.events()
    assert measured == []
    assert [event.window for event in events if event.window] == [before.window]
    assert len(events) == 2
    assert plain(events) == plain(survey([whole], rng=random.Random(3)))


def test_the_rest_that_is_cut_again_stays_small() -> None:
    """After a month a few days are cut again, not the month."""
    growing = Growing(parted(lines()[1], 1)[0], DEFAULT)
    for piece in parted(lines()[1], 1)[1:]:
        growing.extend(piece.samples)
    assert growing.rest_days <= 6


def test_looks_that_come_late_are_refused() -> None:
    """What is settled would have to be opened: said, never taken in silence."""
    first, second, *_ = parted(lines()[0], 7)
    growing = Growing(second, DEFAULT)
    with pytest.raises(InputError, match="not after the last look"):
        growing.extend(first.samples)


def test_no_series_is_no_event() -> None:
    """Nothing given, nothing said."""
    tracker = Tracker(seed=1)
    tracker.extend([])
    assert tracker.events() == ()
