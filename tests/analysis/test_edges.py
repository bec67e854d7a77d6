"""Edges of a window, from the samples around them."""

import math

import numpy as np
import pytest

from probe.analysis.arrays import FloatArray
from probe.analysis.edges import edge_likelihood, estimate, is_jittered

BAD, GOOD = math.log(0.92 / 0.03), math.log(0.08 / 0.97)
GRID = np.arange(885.0, 1036.0)


def days(
    rng: np.random.Generator, edge: float, count: int, *, sigma: float = 4.0, step: float = 15.0
) -> list[tuple[FloatArray, FloatArray]]:
    """Return samples of ``count`` days around a start at ``edge``."""
    found = []
    for _ in range(count):
        mine = edge + rng.normal(0, sigma)
        minute = np.arange(885, 1036, step) + rng.uniform(0, step)
        bad = (minute >= mine) != (rng.random(minute.size) < 0.03)
        found.append((minute, np.where(bad, BAD, GOOD).astype(np.float64)))
    return found


def test_the_likelihood_is_the_sum_of_the_samples_inside() -> None:
    """For a start, samples at or after the edge count as inside; for an end, those before."""
    day = (np.array([10.0, 20.0]), np.array([-1.0, 3.0]))
    grid = np.array([5.0, 10.0, 15.0, 25.0])
    assert edge_likelihood(grid, [day], start=True).tolist() == [[2.0, 2.0, 3.0, 0.0]]
    assert edge_likelihood(grid, [day], start=False).tolist() == [[0.0, 0.0, -1.0, 2.0]]


def test_an_edge_on_the_hour_is_found_and_its_interval_holds_it() -> None:
    """Raw within minutes, snapped exactly."""
    edge = estimate(GRID, days(np.random.default_rng(1), 960, 14), start=True)
    assert abs(edge.minute - 960) <= 6
    assert edge.low <= 960 <= edge.high
    assert edge.high - edge.low < 40
    assert edge.snapped == 960


def test_an_odd_edge_is_not_dragged_to_the_hour() -> None:
    """Much evidence for 16:17 is stronger than the prior of the full hour."""
    sharp = days(np.random.default_rng(2), 977, 40, sigma=1.0, step=5.0)
    edge = estimate(GRID, sharp, start=True)
    assert abs(edge.minute - 977) <= 2
    assert edge.snapped is not None
    assert abs(edge.snapped - 977) <= 3


def test_fixed_phase_sampling_is_never_snapped() -> None:
    """With looks at :05, :20, ... a round minute would be an artefact of the schedule."""
    edge = estimate(GRID, days(np.random.default_rng(1), 960, 14), start=True, fixed_min=15.0)
    assert edge.snapped is None


def test_a_few_days_at_another_hour_do_not_move_the_edge() -> None:
    """One regime, two edges: the commoner one is reported."""
    rng = np.random.default_rng(5)
    mixed = days(rng, 960, 20) + days(rng, 910, 4)
    assert abs(estimate(GRID, mixed, start=True).minute - 960) <= 6


def test_without_samples_near_the_edge_the_interval_is_most_of_the_grid() -> None:
    """No evidence is a wide interval, not a guess."""
    nothing = [(np.zeros(0), np.zeros(0))] * 5
    edge = estimate(GRID, nothing, start=True)
    assert edge.high - edge.low > 0.75 * (GRID[-1] - GRID[0])


@pytest.mark.slow
def test_intervals_of_95_percent_hold_the_edge_that_often() -> None:
    """Coverage over 200 simulated windows is between 90 and 100 %."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        true = float(rng.uniform(930, 990))
        edge = estimate(GRID, days(rng, true, 12, step=30.0), start=True)
        held += edge.low <= true <= edge.high
    assert 180 <= held <= 200


def test_jitter_is_told_from_a_cron_schedule() -> None:
    """Every 15, 30 or 60 minutes on the minute is fixed; uniform jitter is not."""
    rng = np.random.default_rng(9)
    for step in (900.0, 1800.0, 3600.0):
        fixed = np.arange(0, 86_400 * 3, step) + 300 + rng.normal(0, 3, int(86_400 * 3 / step))
        assert not is_jittered(fixed, step)
        loose = np.arange(0, 86_400 * 3, step) + rng.uniform(0, step, int(86_400 * 3 / step))
        assert is_jittered(loose, step)
