"""Two samples compared by ranks: chances, shifts, and intervals of medians."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.ranks import larger, median_interval, shift

VALUES = st.lists(st.integers(-50, 50), min_size=5, max_size=12)


def exact(high: list[float], low: list[float]) -> float:
    """Return the share of all splits with ranks at least as high, ties counted half."""
    both = high + low

    def above(chosen: tuple[int, ...]) -> float:
        rest = [both[i] for i in range(len(both)) if i not in chosen]
        return sum((both[i] > v) + 0.5 * (both[i] == v) for i in chosen for v in rest)

    seen = above(tuple(range(len(high))))
    splits = list(combinations(range(len(both)), len(high)))
    return sum(above(split) >= seen for split in splits) / len(splits)


@pytest.mark.parametrize("seed", range(4))
def test_the_chance_is_that_of_all_splits(seed: int) -> None:
    """The normal approximation lies within two points of counting every split, ties and all."""
    rng = np.random.default_rng(seed)
    high, low = np.round(rng.normal(0.7, 1, 5), 1), np.round(rng.normal(0, 1, 8), 1)
    assert larger(high, low) == pytest.approx(exact(high.tolist(), low.tolist()), abs=0.02)


def test_a_sample_is_not_larger_than_itself() -> None:
    """Equal samples give half, and all ties say nothing."""
    values = np.arange(10.0)
    assert larger(values, values) == pytest.approx(0.5, abs=0.02)
    assert larger(np.ones(5), np.ones(9)) == 1.0
    assert larger(np.zeros(0), values) == 1.0


def test_infinities_rank_above_all_and_tie_with_each_other() -> None:
    """Transfers that stalled are the worst, whatever their number would be."""
    low = np.append(np.arange(20.0), math.inf)
    stalled = larger(np.full(8, math.inf), low)
    assert stalled < 1e-3
    assert stalled == larger(np.full(8, math.inf), np.append(np.arange(20.0), math.inf))
    assert larger(np.full(8, 100.0), low) > stalled


@given(VALUES, VALUES)
@settings(max_examples=40)
def test_above_all_others_is_sure_and_exchanging_turns_it_round(
    high: list[int], low: list[int]
) -> None:
    """Five values above five others are no chance, whatever they are; two chances make one."""
    a, b = np.array(high, dtype=np.float64), np.array(low, dtype=np.float64)
    assert larger(a + 200, b) <= 0.01
    assert larger(a - 200, b) >= 0.99
    assert larger(a, b) + larger(b, a) >= 0.999


def test_the_shift_is_the_median_of_all_differences() -> None:
    """Of two known samples, with an interval around it that grows with their scatter."""
    found = shift(np.array([4.0, 5.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    assert found.at == 3.0
    assert (found.low, found.high) == (1.0, 5.0)
    many = shift(np.arange(40.0) % 5 + 10, np.arange(60.0) % 5)
    assert many.low <= 10.0 <= many.high
    assert many.high - many.low <= 2


def test_a_shift_with_stalls_has_no_upper_end() -> None:
    """Most of them stalled: infinite, above something that is known."""
    found = shift(np.array([math.inf] * 7 + [2.0] * 3), np.arange(20.0) / 20)
    assert found.at == math.inf
    assert found.high == math.inf
    assert math.isfinite(found.low)
    with pytest.raises(ValueError, match="two samples"):
        shift(np.zeros(0), np.zeros(3))


@pytest.mark.parametrize(("size", "kept"), [(5, None), (6, (0.0, 5.0)), (10, (1.0, 8.0))])
def test_the_interval_of_a_median_is_by_order(size: int, kept: tuple[float, float] | None) -> None:
    """Below six values none holds it 95 times in 100; of ten the second to the ninth do."""
    assert median_interval(np.arange(float(size))) == kept


def test_the_interval_of_a_median_holds_it_95_times_in_100() -> None:
    """Over many draws of a lopsided distribution."""
    rng = np.random.default_rng(5)
    draws = rng.exponential(1.0, (2000, 12))
    ends = [median_interval(row) for row in draws]
    held = [e is not None and e[0] <= math.log(2) <= e[1] for e in ends]
    assert 0.95 <= np.mean(held) <= 0.985


def test_the_interval_of_a_shift_holds_it_95_times_in_100() -> None:
    """Ten values against forty that are 1.4 lower, over many draws of a lopsided distribution."""
    rng = np.random.default_rng(8)
    draws = [shift(rng.gumbel(1.4, 0.4, 10), rng.gumbel(0, 0.4, 40)) for _ in range(600)]
    assert 0.92 <= np.mean([one.low <= 1.4 <= one.high for one in draws]) <= 0.98
