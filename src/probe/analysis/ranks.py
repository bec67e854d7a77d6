"""Two samples compared by ranks: is one larger, by how much, and where is a median.

Nothing is assumed of the values but their order, so that a transfer that did not end may enter as
infinity. Mann and Whitney, "On a test of whether one of two random variables is stochastically
larger than the other", Annals of Mathematical Statistics 18 (1947); the shift with its interval
after Hodges and Lehmann (1963) and Moses, as in Hollander and Wolfe, "Nonparametric Statistical
Methods", section 4; the interval of a median by order statistics (David and Nagaraja, section 7.1).
"""

import math
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import FloatArray

__all__ = ["Shift", "larger", "median_interval", "shift"]

_Z95 = 1.959964
_HALF_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much one sample lies above another, with a 95 % interval; infinite where unknown."""

    at: float
    low: float
    high: float


def larger(high: FloatArray, low: FloatArray) -> float:
    """Return the chance of ranks like these if ``high`` were not larger than ``low``.

    One-sided, by the normal approximation with a correction for ties and for continuity; 1 where
    one of them is empty. Infinities are ties of each other. No value may be NaN.
    """
    n, m = high.size, low.size
    if not n or not m:
        return 1.0
    ranks, ties = _ranks(np.concatenate((high, low)))
    above = float(ranks[:n].sum()) - n * (n + 1) / 2
    size = n + m
    variance = n * m / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 0:
        return 1.0
    z = (above - n * m / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def _ranks(values: FloatArray) -> tuple[FloatArray, float]:
    """Return mid-ranks from 1 on, and the sum of t^3 - t over groups of t ties."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    middle = last - (count - 1) / 2
    ties = float((count.astype(np.float64) ** 3 - count).sum())
    return np.asarray(middle[place], dtype=np.float64), ties


def shift(high: FloatArray, low: FloatArray) -> Shift:
    """Return by how much ``high`` lies above ``low``: the median of all differences.

    Raises:
        ValueError: when one of them is empty.

    """
    n, m = high.size, low.size
    if not n or not m:
        raise ValueError("a shift needs two samples")
    with np.errstate(invalid="ignore"):
        apart = (high[:, None] - low[None, :]).ravel()
    apart = np.sort(np.where(np.isnan(apart), 0.0, apart))  # infinity less infinity: a tie
    spread = _Z95 * math.sqrt(n * m * (n + m + 1) / 12)
    first = max(0, math.floor(n * m / 2 - spread))
    return Shift(
        at=_middle(apart), low=float(apart[first]), high=float(apart[apart.size - 1 - first])
    )


def _middle(ordered: FloatArray) -> float:
    low, high = float(ordered[(ordered.size - 1) // 2]), float(ordered[ordered.size // 2])
    return low if low == high else (low + high) / 2


def median_interval(values: FloatArray) -> tuple[float, float] | None:
    """Return an interval that holds the median 95 times in 100 at least; ``None`` below six.

    From the k-th smallest to the k-th largest, k the largest with a binomial tail below 2.5 %.
    """
    size, tail, k = values.size, 0.0, 0
    while k < size:
        tail += math.comb(size, k) / 2**size
        if tail > _HALF_TAIL:
            break
        k += 1
    if k == 0:
        return None
    ordered = np.sort(values)
    return float(ordered[k - 1]), float(ordered[size - k])
