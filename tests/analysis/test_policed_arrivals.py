"""What is seen of a transfer that loses packets: pauses, steady paces, a rate without waits."""

import numpy as np
import pytest

from probe.analysis.policed_arrivals import Arrivals
from probe.model.goodput import Speed

RTT_S = 0.05
STEP = 4096


def seen(steps_s: list[float], *, rtt_s: float | None = RTT_S) -> Arrivals | None:
    """Return the arrivals of marks that many seconds apart, 4 KiB each."""
    times = np.cumsum([0.0, *steps_s]).tolist()
    marks = tuple((STEP * (place + 1), at_s) for place, at_s in enumerate(times))
    return Arrivals.of(Speed(rate=1.0, rtt_s=rtt_s, marks=marks))


def of(steps_s: list[float]) -> Arrivals:
    found = seen(steps_s)
    assert found is not None
    return found


def test_a_pause_of_a_round_trip_is_a_loss() -> None:
    """Not a shorter one, nor one after the first window."""
    steps = [0.005] * 40
    steps[1], steps[10], steps[20] = 0.1, 0.03, 0.05
    assert of(steps).losses.tolist() == [20]


def test_packets_that_come_alone_are_of_the_same_loss() -> None:
    """A pause within two marks of another is its second half."""
    steps = [0.005] * 40
    steps[10] = steps[12] = steps[30] = 0.1
    assert of(steps).losses.tolist() == [10, 30]


def test_where_marks_are_slow_a_pause_is_longer() -> None:
    """At a low rate each mark comes a round trip after the last: none of these is a loss."""
    steps = [0.2] * 30
    steps[15] = 0.7
    assert of(steps).losses.tolist() == [15]


@pytest.mark.parametrize(
    ("pace", "ends"),
    [
        (lambda place: 0.02, [40]),
        (lambda place: 0.04 * 0.95**place, []),
        (lambda place: 0.005, []),
    ],
    ids=["steady", "growing", "shorter than six round trips"],
)
def test_a_pace_that_stays_six_round_trips_is_steady(pace: object, ends: list[int]) -> None:
    """After a loss, and without growth; before the first loss a path may be what limits."""
    assert callable(pace)
    steps = [0.005] * 10 + [0.1] + [pace(place) for place in range(29)]
    assert of(steps).steady.tolist() == ends
    assert of([0.02] * 40).steady.size == 0


def test_the_busy_rate_leaves_pauses_out() -> None:
    """And nothing else."""
    steps = [0.01] * 20
    steps[10] = 1.0
    assert of(steps).busy == pytest.approx(20 * STEP / 0.19)


def test_what_came_since_the_first_loss_counts_its_wait() -> None:
    """From the mark before it to the end; without a loss there is none."""
    steps = [0.001] * 20 + [0.2] + [0.01] * 20
    assert of(steps).since_loss == pytest.approx(21 * STEP / 0.4)
    assert of([0.01] * 20).since_loss == 0


def test_without_marks_or_a_round_trip_nothing_is_seen() -> None:
    """Eight marks are the least."""
    assert seen([0.01] * 6) is None
    assert seen([0.01] * 20, rtt_s=None) is None
    assert seen([0.01] * 7) is not None
