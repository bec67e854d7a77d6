"""Leaky blocking: hours at which a part fails, by the cylinder scan, and never called a cut."""

import random

import msgspec
import numpy as np
import pytest
from simulated_lines import Curfew, Line, Noise, sampled

from probe.analysis.cylinder import BINS, Grid, grid_of, scan, significance
from probe.analysis.explain import explain
from probe.analysis.survey import survey
from probe.model.codec import decode, encode
from probe.model.event import Event, EventKind, Label, Reach, Scope
from probe.model.timeline import Series

EVENING = Curfew(1080, 1380, first_day=10, days=25, edge_sigma=4)


def leaky(share: float, *, controls: int = 3, seed: int = 5, **more: float) -> Series:
    noise = Noise(false_good=1 - share, controls=controls, **more)  # type: ignore[arg-type]
    return sampled(Line(days=45, cadence_min=(15, 15), curfews=(EVENING,), noise=noise), seed)


def degraded(*series: Series) -> list[Event]:
    events = survey(series, rng=random.Random(1))
    return [event for event in events if event.kind is EventKind.DEGRADED_WINDOW]


@pytest.mark.parametrize("share", [0.5, 0.65])
def test_a_leaky_window_is_degraded_hours_with_its_share(share: float) -> None:
    """Neither an outage nor a daily window; the sentence gives the share and says no cut."""
    (event,) = degraded(leaky(share))
    window = event.window
    assert window is not None
    assert abs(window.start_minute - 1080) <= 20
    assert abs(window.end_minute - 1380) <= 20
    assert window.start_interval[0] <= 1080 + 10
    assert window.bad_share == pytest.approx(share, abs=0.12)
    assert window.snapped is None
    assert event.label is Label.ESTABLISHED
    assert event.reach is Reach.TARGETED
    assert event.scope is Scope.THIS_LINE
    assert event.p is not None
    assert event.p <= 0.01
    assert f"{window.bad_share:.0%} of {event.samples} looks failed" in event.sentence
    assert "this is no cut" in event.sentence
    assert "was unreachable" not in event.sentence
    assert decode(encode(event), Event) == event
    assert any("they are not rounded" in line for line in explain(event))


def test_without_controls_nothing_is_claimed() -> None:
    """A crowded line fails in part as well; without controls the two look the same."""
    assert degraded(leaky(0.5, controls=0)) == []


def test_controls_that_fail_with_it_are_congestion() -> None:
    """The share of failed controls is what congestion leaves."""
    series = leaky(0.5)
    samples = tuple(
        msgspec.structs.replace(s, control_bad=0.3 if s.bad else 0.0) for s in series.samples
    )
    assert degraded(msgspec.structs.replace(series, samples=samples)) == []


def test_a_solid_window_stays_a_daily_window() -> None:
    """The scan is the second chance only."""
    events = survey([leaky(0.97)], rng=random.Random(1))
    assert [e.kind for e in events if e.window is not None] == [EventKind.DAILY_WINDOW]


def test_runs_of_bad_looks_inside_are_no_outages_of_their_own() -> None:
    """What the degraded hours explain is not told twice."""
    events = survey([leaky(0.65, outages_a_day=0.0, false_bad=0.01)], rng=random.Random(1))
    assert sum(event.kind is EventKind.DEGRADED_WINDOW for event in events) == 1
    assert len(events) <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "noise",
    [
        Noise(controls=3),
        Noise(controls=3, outages_a_day=1.0),
        Noise(controls=3, congestion=0.5),
        Noise(controls=3, off_hours=(23, 17), outages_a_day=0.3),
    ],
    ids=["quiet", "outages", "congestion", "evening host"],
)
def test_the_scan_is_silent_without_leaky_hours(noise: Noise) -> None:
    """Outages, and evenings on which the controls fail as well."""
    line = Line(days=45, cadence_min=(15, 15), noise=noise)
    assert [e.sentence for seed in (1, 2, 3) for e in degraded(sampled(line, seed))] == []


def grid(rows: int, rng: np.random.Generator, rate: float) -> Grid:
    looks = np.full((rows, BINS), 2.0)
    return Grid(0, 0, looks, rng.binomial(2, rate, (rows, BINS)).astype(np.float64))


def test_the_scan_finds_the_days_and_the_arc() -> None:
    """Ten days, six hours from bin 30 on, half of the looks bad."""
    rng = np.random.default_rng(1)
    made = grid(40, rng, 0.03)
    made.bad[12:22, 30:42] = rng.binomial(2, 0.5, (10, 12))
    found = scan(made)
    assert found is not None
    assert (found.first, found.last) == pytest.approx((12, 22), abs=1)
    assert (found.start, found.width) == (30, 12)
    assert significance(made, found, rng) == 1 / 200


def test_clusters_within_days_are_no_pattern_under_rotation() -> None:
    """Hours of trouble at another time each day: unlikely for single looks, not for turned days."""
    rng = np.random.default_rng(3)
    small = 0
    for _ in range(20):
        made = grid(20, rng, 0.02)
        for day in range(20):
            at = int(rng.integers(0, BINS))
            made.bad[day, (at + np.arange(8)) % BINS] = 1.0
        found = scan(made)
        assert found is not None
        small += significance(made, found, rng) <= 0.05
    assert small <= 3


def test_too_few_days_are_not_scanned() -> None:
    """Less than five."""
    assert scan(grid(4, np.random.default_rng(1), 0.5)) is None


def test_days_are_cut_where_the_least_fails() -> None:
    """Trouble over midnight stays in one row."""
    minute = np.array([1440.0 * d + m for d in range(6) for m in range(0, 1440, 30)])
    bad = ((minute % 1440 >= 1320) | (minute % 1440 < 240)).astype(np.float64)
    made = grid_of(minute, bad, np.ones(minute.size))
    cut = made.boundary * 30
    assert 240 <= cut < 1320
    assert made.bad.sum() == bad.sum()
    assert made.looks.sum() == minute.size
