"""The rate of a policer from the pauses of what it let through."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paired_transfers import speed
from policed_transfers import RTT_S, policed

from probe.analysis.limit_level import limit_level
from probe.analysis.policed_arrivals import Arrivals
from probe.analysis.slowness import steady_rate
from probe.analysis.token_bucket import Level, policed_level
from probe.model.goodput import Speed
from probe.model.throttle import Shape

RATE = 300_000.0


def ten(depth: float, *, rate: float = RATE) -> list[Speed]:
    return [policed(rate, depth, seed=seed) for seed in range(10)]


def usual(speeds: list[Speed]) -> Level:
    rates = [steady_rate(one) for one in speeds]
    return Level(float(np.median(rates)), min(rates), max(rates))


@pytest.mark.parametrize("depth", [10_000.0, 16_000.0, 24_000.0])
def test_the_rate_is_found_that_goodput_misses(depth: float) -> None:
    """Buckets that run over while TCP waits: it reaches less than was left to it."""
    speeds = ten(depth)
    before = usual(speeds)
    found = policed_level(speeds, before)
    assert before.rate < 0.95 * RATE
    assert found.fitted
    assert found.rate == pytest.approx(RATE, rel=0.15)
    assert abs(found.rate - RATE) < RATE - before.rate
    assert found.low <= RATE <= found.high


def test_more_losses_tell_more() -> None:
    """The interval of ten transfers is narrower than that of two."""
    speeds = ten(16_000.0)
    two, all_of_them = (policed_level(some, usual(speeds)) for some in (speeds[:2], speeds))
    assert two.fitted
    assert all_of_them.high / all_of_them.low < two.high / two.low


def test_one_loss_a_transfer_leaves_a_range() -> None:
    """Losses at about the same place fix depth and rate together only: the interval says so."""
    speeds = [policed(RATE, 48_000.0, size=128 * 1024, seed=seed) for seed in range(6)]
    cut = [_up_to_the_second_pause(one) for one in speeds]
    came = usual(cut).rate
    found = policed_level(cut, usual(cut))
    since_loss = [one.since_loss for each in cut if (one := Arrivals.of(each)) is not None]
    assert not found.fitted
    assert found.low <= float(np.median(since_loss))
    assert found.low <= min(RATE, came)
    assert found.high >= max(RATE, came)


def test_after_a_timeout_the_level_is_not_what_came() -> None:
    """Half of the time was waited, with the bucket running over: the rate is twice what came."""
    speeds = [_waited(one) for one in ten(12_000.0)]
    came, found = usual(speeds), policed_level(speeds, usual(speeds))
    assert came.rate < 0.7 * RATE
    assert found.rate == pytest.approx(RATE, rel=0.15)
    assert found.low <= RATE <= found.high


def _waited(whole: Speed) -> Speed:
    """Return the same transfer with 0.5 s more at each pause."""
    times = np.array(whole.marks)[:, 1]
    paused = np.diff(times, prepend=times[0]) > 0.85 * RTT_S
    late = times + 0.5 * np.cumsum(paused)
    marks = tuple((size, at) for (size, _), at in zip(whole.marks, late.tolist(), strict=True))
    return Speed(rate=whole.rate, received=whole.received, rtt_s=RTT_S, marks=marks)


def _up_to_the_second_pause(whole: Speed) -> Speed:
    times = np.array(whole.marks)[:, 1]
    pauses = np.flatnonzero(np.diff(times) > 0.85 * RTT_S)
    return Speed(
        rate=whole.rate,
        received=whole.received,
        rtt_s=whole.rtt_s,
        marks=whole.marks[: pauses[1] if pauses.size > 1 else None],
    )


@pytest.mark.parametrize("marks", [3, 8])
def test_first_windows_a_round_trip_apart_are_no_losses(marks: int) -> None:
    """What a sender sends at first comes in flights; the bucket is full meanwhile.

    The first is of ten segments, mostly (RFC 6928), or of more.
    """
    speeds = [_in_flights(one, marks) for one in ten(64_000.0)]
    found = policed_level(speeds, usual(speeds))
    assert found.fitted
    assert found.rate == pytest.approx(RATE, rel=0.15)
    assert found.low <= RATE <= found.high


def _in_flights(whole: Speed, marks: int) -> Speed:
    """Return the same transfer with a pause after its first marks."""
    later = tuple((size, at_s + RTT_S * (size > marks * 4096)) for size, at_s in whole.marks)
    return Speed(rate=whole.rate, received=whole.received, rtt_s=RTT_S, marks=later)


def test_a_transfer_that_no_bucket_explains_spoils_no_other() -> None:
    """Pauses of a busy machine in three of ten: overdrawn by far, they count as not explained."""
    rng = np.random.default_rng(5)
    speeds = [*ten(16_000.0)[:7], *(_interrupted(rng) for _ in range(3))]
    found = policed_level(speeds, usual(ten(16_000.0)))
    assert found.fitted
    assert found.rate == pytest.approx(RATE, rel=0.15)


def _interrupted(rng: np.random.Generator) -> Speed:
    """Return a transfer ten times as fast, with three pauses."""
    steps = np.full(127, 4096 / (10 * RATE))
    steps[[20, 60, 100]] += rng.uniform(0.06, 0.2, 3)
    times = np.cumsum(np.append(0.0, steps)).tolist()
    marks = tuple((4096 * (i + 1), at_s) for i, at_s in enumerate(times))
    return Speed(rate=RATE, received=524_288, rtt_s=RTT_S, marks=marks)


def test_packets_that_come_alone_after_a_timeout_are_no_loss() -> None:
    """A pause, one mark, a pause: one loss, not two that a bucket could never explain."""
    plain = policed(RATE, 16_000.0)
    times = np.array(plain.marks)[:, 1]
    at = int(np.flatnonzero(np.diff(times) > 0.85 * RTT_S)[1]) + 1
    late = times + np.where(np.arange(times.size) > at, 1.3 * RTT_S, 0.0)
    torn = Speed(
        rate=plain.rate,
        received=plain.received,
        rtt_s=RTT_S,
        marks=tuple((size, float(t)) for (size, _), t in zip(plain.marks, late, strict=True)),
    )
    speeds = [torn, *ten(16_000.0)[1:]]
    assert policed_level(speeds, usual(speeds)).rate == pytest.approx(RATE, rel=0.15)


@pytest.mark.parametrize(
    "bare",
    [
        speed(RATE),
        Speed(rate=RATE, received=9, rtt_s=None, marks=policed(RATE, 16_000.0).marks),
        Speed(rate=RATE, received=9, rtt_s=0.05, marks=((4096, 0.0), (8192, 0.1))),
    ],
    ids=["no pause", "no round trip", "two marks"],
)
def test_what_tells_nothing_changes_nothing(bare: Speed) -> None:
    """A smooth transfer, one without its round trip, one with too few marks: as it was."""
    before = Level(RATE, 0.9 * RATE, 1.1 * RATE)
    assert policed_level([bare] * 10, before) == before


def test_pauses_that_no_bucket_explains_are_not_used() -> None:
    """A radio's pauses come at any time: with the bucket full as well as empty."""
    rng = np.random.default_rng(3)
    speeds = []
    for _ in range(10):
        steps = np.repeat(4096 / rng.uniform(0.2 * RATE, 3 * RATE, 16), 8)[:127]
        steps[rng.choice(127, 5, replace=False)] += rng.uniform(0.1, 2.0, 5)
        marks = tuple(
            (4096 * (i + 1), float(t)) for i, t in enumerate(np.cumsum(np.append(0.0, steps)))
        )
        speeds.append(Speed(rate=RATE / 3, received=524_288, rtt_s=0.05, marks=marks))
    before = usual(speeds)
    found = policed_level(speeds, before)
    assert (found.fitted, found.rate) == (False, before.rate)


def test_a_queue_needs_no_bucket() -> None:
    """A shaped limit lets its rate through: the median is the level, whatever else was lost."""
    rates = np.full(10, RATE)
    level = limit_level(rates, ten(16_000.0), Shape.SHAPED)
    assert level is not None
    assert (level.rate, level.fitted) == (RATE, False)
    assert level.low < 0.92 * RATE
    assert RATE < level.high < 1.05 * RATE


def test_below_six_rounds_there_is_no_interval() -> None:
    """Order statistics of five hold the median less than 19 times in 20; of none there is none."""
    few = limit_level(np.full(5, RATE), ten(16_000.0)[:5], Shape.POLICED)
    assert few is not None
    assert few.rate == RATE
    assert math.isnan(few.low)
    assert math.isnan(few.high)
    assert limit_level(np.zeros(0), [], Shape.POLICED) is None


@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.floats(0, 30)), max_size=40),
    st.floats(1e-4, 10),
)
def test_any_marks_give_a_level(steps: list[tuple[int, float]], rtt_s: float) -> None:
    """Marks are the network's: whatever their sizes and times, ends lie in order."""
    sizes = np.cumsum([size for size, _ in steps]).tolist()
    times = np.cumsum([late for _, late in steps]).tolist()
    one = Speed(rate=RATE, rtt_s=rtt_s, marks=tuple(zip(sizes, times, strict=True)))
    found = policed_level([one] * 3, Level(RATE, 0.9 * RATE, 1.1 * RATE))
    assert 0 < found.low <= found.rate <= found.high
    assert math.isfinite(found.high)
