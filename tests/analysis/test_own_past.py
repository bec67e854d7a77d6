"""Which rounds are slow against their own past, and what never becomes part of it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.own_past import BASELINE, LEAST_BASELINE, own_past

NOISE = 0.15


def series(
    *parts: tuple[int, float], seed: int = 3
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return so many rounds at each log slowness, with noise."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(level, NOISE, count) for count, level in parts])


def share(bad: tuple[bool | None, ...]) -> float:
    return sum(bool(one) for one in bad) / len(bad)


def test_four_times_slower_is_slow_from_its_first_round() -> None:
    """And what is usual is not."""
    past = own_past(series((60, 0.0), (20, math.log(4))))
    assert share(past.bad[:60]) <= 0.05
    assert share(past.bad[60:]) >= 0.95


def test_a_pair_that_scatters_is_given_room() -> None:
    """Where rounds vary by a factor of two by themselves, twice is nothing; ten times still is."""
    usual = np.random.default_rng(4).normal(0, 0.7, 400)
    assert share(own_past(usual).bad) <= 0.03
    assert share(own_past(np.append(usual, usual[:50] + math.log(30))).bad[400:]) >= 0.9


def test_a_throttling_that_lasts_never_becomes_its_own_measure() -> None:
    """After two thousand rounds it is compared with the rounds before it."""
    past = own_past(series((60, 0.0), (2000, math.log(4))))
    assert share(past.bad[-100:]) >= 0.95
    assert max(past.pools[-1]) < 60
    assert past.centre[-1] == pytest.approx(0.0, abs=0.1)


def test_what_only_just_looks_usual_does_not_creep_in() -> None:
    """At two and a half times many rounds fall below the limit; none is taken for a baseline."""
    past = own_past(series((60, 0.0), (1000, math.log(2.5))))
    assert max(past.pools[-1]) <= 65


def test_the_baseline_follows_what_is_not_slow() -> None:
    """A pair that got faster for good is measured by that; forty rounds are kept."""
    past = own_past(series((60, 0.0), (200, -1.0)))
    assert past.centre[-1] == pytest.approx(-1.0, abs=0.1)
    assert len(past.pools[-1]) == BASELINE
    assert min(past.pools[-1]) >= 60


def test_a_pair_that_was_always_slow_says_nothing() -> None:
    """However slow: there is no other time to compare with."""
    assert share(own_past(series((300, 5.0))).bad) <= 0.05


def test_a_third_of_slow_rounds_at_the_beginning_is_seen() -> None:
    """A daily window that was there before the first round: eight hours of each day."""
    day = ((16, 0.0), (8, math.log(4)))
    past = own_past(series(*(day * 5)))
    slow = [past.bad[i] for i in range(120) if i % 24 >= 16]
    usual = [past.bad[i] for i in range(120) if i % 24 < 16]
    assert share(tuple(slow)) >= 0.9
    assert share(tuple(usual)) <= 0.05


def test_too_few_rounds_and_unknown_ones_say_nothing() -> None:
    """Below twenty there is no baseline; a round that is not known is neither."""
    assert set(own_past(series((LEAST_BASELINE - 1, 0.0))).bad) == {None}
    values = series((60, 0.0))
    values[50] = math.nan
    values[55] = math.inf
    past = own_past(values)
    assert past.bad[50] is None
    assert past.bad[55] is True


@settings(max_examples=40)
@given(st.lists(st.one_of(st.floats(-5, 5), st.just(math.nan), st.just(math.inf)), max_size=60))
def test_any_rounds_are_judged_by_others_of_theirs(values: list[float]) -> None:
    """Each known round has a word once there are twenty; baselines are finite and known."""
    slow = np.array(values, dtype=np.float64)
    past = own_past(slow)
    assert len(past.bad) == slow.size
    known = int((~np.isnan(slow)).sum())
    for place, bad in enumerate(past.bad):
        assert (bad is None) == (bool(np.isnan(slow[place])) or known < LEAST_BASELINE)
        assert not np.isnan(slow[list(past.pools[place])]).any()


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(-20, 20))
def test_only_differences_count(seed: int, by: float) -> None:
    """The same rounds on another level are judged alike."""
    slow = series((50, 0.0), (30, 1.2), (30, 0.0), seed=seed)
    assert own_past(slow).bad == own_past(np.round(slow + by, 9) - by + by).bad
