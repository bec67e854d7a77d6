"""Transfers as numbers: rates without their beginning, jerks, and what says nothing."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired_transfers import MARK, SINCE, marks_of, speed, stalled

from probe.analysis.slowness import Slowness, jerkiness, of_line, of_pairs, steady_rate
from probe.model.goodput import Pair, Speed


def ratio(target: Speed, *controls: Speed) -> float:
    pair = Pair(time=SINCE, tz="UTC", target=target, controls=controls)
    return float(of_pairs([pair]).slow[0])


def late(rate: float) -> Speed:
    return Speed(rate=rate, censored=True, received=100_000, rtt_s=0.05)


def test_a_full_bucket_does_not_count_as_speed() -> None:
    """The rate is that of the second half: what a bucket let through at once is in the first."""
    burst = tuple(((i + 1) * MARK, i * 1e-4) for i in range(8))
    rest = tuple(((9 + i) * MARK, 1.0 + i) for i in range(24))
    found = steady_rate(Speed(rate=9e9, received=32 * MARK, marks=burst + rest))
    assert found == pytest.approx(MARK, rel=0.01)


def test_what_waited_behind_a_hole_makes_no_speed() -> None:
    """The second half comes at once: at most twice the rate of all is taken."""
    half = tuple(((i + 1) * MARK, 0.1 * i) for i in range(16))
    rest = tuple(((17 + i) * MARK, 1.5 + 1e-4 * i) for i in range(16))
    found = steady_rate(Speed(rate=9e9, received=32 * MARK, marks=half + rest))
    assert found == pytest.approx(2 * 31 * MARK / 1.5, rel=0.01)


def test_without_marks_the_mean_is_the_rate() -> None:
    """Three marks are too few to leave any out; marks at one instant are no rate."""
    assert steady_rate(Speed(rate=5.0)) == 5.0
    assert steady_rate(Speed(rate=5.0, marks=((1, 0.0), (2, 1.0), (3, 2.0)))) == 5.0
    assert steady_rate(Speed(rate=5.0, marks=tuple((i, 0.0) for i in range(1, 9)))) == 5.0
    assert steady_rate(Speed(rate=None)) == 0.0
    assert steady_rate(Speed(rate=5.0, marks=((9, 9.0), (1, 1.0), (2, 2.0), (3, 3.0)))) == 5.0


def test_jerks_are_told_from_a_steady_stream() -> None:
    """Even marks give none, heaps of four far more; few marks cannot say."""
    even, heaps = speed(1e5), speed(1e5, jerky=True)
    assert jerkiness(even) == pytest.approx(0.0, abs=1e-9)
    assert (jerkiness(heaps) or 0.0) > 1.0
    assert jerkiness(Speed(rate=1e5, marks=marks_of(1e5, size=7 * MARK))) is None


def test_marks_far_apart_hide_jerks() -> None:
    """Sixteen KiB at 17 kB/s take longer than the wait for what was lost: even is no evidence."""
    marks = marks_of(17e3)
    assert jerkiness(Speed(rate=17e3, marks=marks)) == pytest.approx(0.0, abs=1e-9)
    assert jerkiness(Speed(rate=17e3, marks=marks[3::4])) is None
    assert jerkiness(Speed(rate=1e5, marks=marks_of(1e5)[3::4])) == pytest.approx(0.0, abs=1e-9)


def test_a_last_mark_of_a_few_bytes_makes_no_jerk() -> None:
    """Steps weigh by their bytes."""
    marks = marks_of(1e5)
    last = (marks[-1][0] + 5, marks[-1][1])
    assert (jerkiness(Speed(rate=1e5, marks=(*marks, last))) or 0.0) < 0.05


def test_a_round_is_the_log_of_controls_by_target() -> None:
    """Of two controls the middle of their logarithms: 1 and 4 against 1 is a factor of two."""
    assert ratio(speed(1e5), speed(1e5), speed(4e5)) == pytest.approx(math.log(2))


def test_a_stall_is_worst_and_a_deadline_keeps_its_rate() -> None:
    """Nothing for five seconds is infinite; cut off by its deadline it was as slow as it was."""
    assert ratio(stalled(20_000), speed(1e6)) == math.inf
    assert ratio(late(1e4), speed(1e5)) == pytest.approx(math.log(10))


@pytest.mark.parametrize(
    ("target", "controls"),
    [
        (Speed(rate=None), (speed(1e6),)),
        (speed(1e6), (Speed(rate=None),)),
        (speed(1e6), ()),
        (late(1e4), (late(1e5),)),
        (stalled(20_000), (stalled(30_000), late(1e4))),
    ],
)
def test_what_cannot_be_compared_says_nothing(target: Speed, controls: tuple[Speed, ...]) -> None:
    """Nothing came, no control, or both were cut off: neither slow nor usual."""
    assert math.isnan(ratio(target, *controls))


def test_one_control_that_is_cut_off_does_not_hide_the_others() -> None:
    """It ranks last, and the middle one speaks."""
    assert ratio(speed(1e5), late(1e3), speed(1e5), speed(2e5)) == pytest.approx(0.0)


MARKS = st.lists(st.tuples(st.integers(0, 10**7), st.floats(0, 100)), max_size=12).map(tuple)
SPEEDS = st.builds(
    Speed,
    rate=st.one_of(st.none(), st.floats(0, 1e9)),
    censored=st.booleans(),
    stalled_at=st.one_of(st.none(), st.integers(0, 10**6)),
    rtt_s=st.one_of(st.none(), st.floats(0, 10)),
    marks=MARKS,
)


@settings(max_examples=60)
@given(SPEEDS, st.lists(SPEEDS, max_size=3).map(tuple))
def test_whatever_came_is_a_number_or_unknown(target: Speed, controls: tuple[Speed, ...]) -> None:
    """Marks out of order, at one instant, or none: no error, and infinite only by a stall."""
    rounds = of_pairs([Pair(time=SINCE, tz="UTC", target=target, controls=controls)])
    assert len(rounds) == 1
    assert not math.isinf(rounds.slow[0]) or target.stalled_at is not None
    assert math.isnan(rounds.jerks[0]) or rounds.jerks[0] >= 0


def test_the_line_is_its_controls() -> None:
    """Slower is larger, the target stands beside, and rounds are in order of time."""
    pairs = [
        Pair(time=SINCE.replace(hour=hour), tz="UTC", target=speed(2e5), controls=(speed(rate),))
        for hour, rate in ((5, 1e5), (3, 4e5))
    ]
    line = of_line(pairs)
    assert isinstance(line, Slowness)
    assert len(line) == 2
    assert line.slow[1] - line.slow[0] == pytest.approx(math.log(4))
    assert line.rate[0] == pytest.approx(4e5)
    assert line.beside[0] == pytest.approx(-math.log(2e5))
