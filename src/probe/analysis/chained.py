"""A recursion over long arrays, many stretches at a time: what one value after another gives."""

from collections.abc import Callable, Sequence

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray

__all__ = ["Step", "chained"]

_LENGTH = 24
"""Values of a stretch: enough for a filter to forget where it came from."""

Step = Callable[..., FloatArray]


def chained(
    step: Step, firsts: Sequence[float], given: Sequence[Sequence[FloatArray]]
) -> list[FloatArray]:
    """Return, for each start, x with x[0] = start and x[i + 1] = step(x[i], *(g[i] for g in its)).

    ``given`` has the arrays of each chain, all of a chain of one length. ``step`` takes and
    returns arrays, element by element. The chains are cut into stretches that are walked side by
    side. Each begins with a guess, then again with what the stretch before it ended with, until
    every one began with that: then x is bit by bit what going through in one walk gives. A
    recursion that forgets where it came from, as filters do, needs few rounds; at worst there are
    as many as stretches.
    """
    if not given:
        return []
    sizes = [arrays[0].size for arrays in given]
    counts = [-(-size // _LENGTH) for size in sizes]
    ends = np.cumsum([0, *counts])
    laid = [_laid(one, counts) for one in zip(*given, strict=True)]
    long = [place for place, count in enumerate(counts) if count]
    found = _walked(step, laid, ends[long], np.array([firsts[place] for place in long]))
    return [
        np.concatenate(([first], found[:, a:b].T.reshape(-1)[:size]))
        for first, size, a, b in zip(firsts, sizes, ends[:-1], ends[1:], strict=True)
    ]


def _walked(
    step: Step, laid: Sequence[FloatArray], heads: IntArray, firsts: FloatArray
) -> FloatArray:
    """Walk the stretches (one a column) from what those before them end with."""
    many = laid[0].shape[1]
    found = np.empty((_LENGTH, many), dtype=np.float64)
    start = np.ones(many, dtype=np.float64)
    start[heads] = firsts
    stale = np.arange(many)
    while stale.size:
        at = start[stale]
        mine = laid if stale.size == many else [one[:, stale] for one in laid]
        for row in range(_LENGTH):
            at = step(at, *(one[row] for one in mine))
            found[row, stale] = at
        begun = np.concatenate(([1.0], found[-1, :-1]))
        begun[heads] = firsts
        stale = np.flatnonzero(begun != start)
        start = begun
    return found


def _laid(arrays: Sequence[FloatArray], counts: Sequence[int]) -> FloatArray:
    """Return arrays one after the other with a column a stretch, each filled up with its last."""
    parts = [
        part
        for one, count in zip(arrays, counts, strict=True)
        if count
        for part in (one, np.full(_LENGTH * count - one.size, one[-1]))
    ]
    filled = np.concatenate(parts) if parts else np.zeros(0)
    return np.ascontiguousarray(filled.reshape(-1, _LENGTH).T)
