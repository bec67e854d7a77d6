"""Recursions that are walked in stretches against going through from one value to the next."""

from collections.abc import Sequence

import numpy as np
import pytest

from probe.analysis.arrays import FloatArray
from probe.analysis.chained import Step, chained


def filtered(value: FloatArray, *given: FloatArray) -> FloatArray:
    """Return what a filter that forgets says next."""
    share, new = given
    return np.asarray(value * share + new)


def clipped(value: FloatArray, *given: FloatArray) -> FloatArray:
    """Return a sum that is kept between two bounds."""
    low, new = given
    return np.asarray(np.minimum(np.maximum(value + new, low), 5.0))


def summed(value: FloatArray, *given: FloatArray) -> FloatArray:
    """Return a sum, which forgets nothing."""
    return np.asarray(value + given[1])


def in_one_walk(step: Step, first: float, given: Sequence[FloatArray]) -> FloatArray:
    """Return the values one after the other."""
    values = [np.array([first])]
    for i in range(given[0].size):
        values.append(step(values[-1], *(one[i : i + 1] for one in given)))
    return np.concatenate(values)


@pytest.mark.parametrize("step", [filtered, clipped, summed])
def test_stretches_give_bit_by_bit_what_one_walk_gives(step: Step) -> None:
    """Whatever the recursion remembers, and however long its chains are, no bit differs."""
    draw = np.random.default_rng(5)
    given = [
        (draw.uniform(-0.9, 0.9, size), draw.normal(0, 1, size))
        for size in (0, 1, 23, 24, 25, 400, 48, 0)
    ]
    firsts = draw.normal(0, 3, len(given)).tolist()
    found = chained(step, firsts, given)
    for first, arrays, mine in zip(firsts, given, found, strict=True):
        assert np.array_equal(mine, in_one_walk(step, first, arrays))


def test_nothing_to_walk() -> None:
    """No chain gives none; chains of no step are their starts."""
    nothing = (np.zeros(0), np.zeros(0))
    assert chained(filtered, [], []) == []
    assert [one.tolist() for one in chained(filtered, [2.0, 3.0], [nothing] * 2)] == [[2.0], [3.0]]
