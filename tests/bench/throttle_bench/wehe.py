"""Wehe's rule on the same pairs, for comparison.

Li and others, "A large-scale analysis of deployed traffic differentiation practices", SIGCOMM
2019, and its later program: the throughput samples of two replays differ by the test of
Kolmogorov and Smirnov (here p < 0.01), and their means by half of the larger. Wehe plays both from
one server of its own; where a pair's servers differ, the rule is used beyond what it was made for.
"""

from itertools import pairwise

import numpy as np
from scipy.stats import ks_2samp

from probe.model.goodput import Pair, Speed

__all__ = ["differs"]

_P = 0.01
_SHARE = 0.5
_SLICE = 8  # marks: 32 KiB


def differs(pairs: tuple[Pair, ...]) -> bool:
    """Return whether the target is slower than its controls by the rule."""
    target = _samples([pair.target for pair in pairs])
    controls = _samples([speed for pair in pairs for speed in pair.controls])
    if target.size < 2 or controls.size < 2:
        return False
    slow, fast = float(target.mean()), float(controls.mean())
    return fast > slow and (fast - slow) / fast >= _SHARE and ks_2samp(target, controls).pvalue < _P


def _samples(speeds: list[Speed]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rates = []
    for speed in speeds:
        cuts = speed.marks[::_SLICE]
        for (a, a_s), (b, b_s) in pairwise(cuts):
            if b_s > a_s:
                rates.append((b - a) / (b_s - a_s))
    return np.array(rates, dtype=np.float64)
