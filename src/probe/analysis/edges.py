"""When exactly a window begins and ends: a likelihood on a grid of one minute.

Each supporting day has an edge of its own, e; the window has an edge g, around which the
days' edges scatter by sigma: e ~ 0.9 N(g, sigma) + 0.1 uniform, so that a few days that end
at another hour do not pull the rest. A day's samples give L(e), the samples after e counted
as inside; days are independent, and sigma is summed out over a small grid. The interval holds
the middle 95 % of the posterior of g, widened by a factor found by simulation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import FloatArray

__all__ = ["Edge", "edge_likelihood", "estimate", "snapped_minute"]

WIDEN = 0.8
"""So that raw intervals hold the truth 95 times in 100, by simulations of four kinds of noise whose
seeds are not those of the benchmark. It is below 1, since the scatter of days is part of the model.
"""

_SIGMAS = (1.0, 4.0, 10.0, 20.0, 40.0)
_STRAY = 0.1
_ON_HOUR, _ON_HALF = 0.70, 0.14
_TAIL = 0.025
_AT_ONCE = 1_000_000  # multiplications in one product: no library starts threads for so few


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge in local minutes: median, 95 % interval, and its best round minute."""

    minute: float
    low: float
    high: float
    snapped: int | None
    log_likelihood: float


def edge_likelihood(
    grid: FloatArray, days: Sequence[tuple[FloatArray, FloatArray]], *, start: bool
) -> FloatArray:
    """Return ln L(day's samples | edge of that day), one row a day, one column a grid minute.

    Each day is (minutes relative to the window's frame, log ratios bad against up). For a
    start, samples at or after the edge are inside; for an end, those before it.
    """
    rows = np.zeros((len(days), grid.size))
    for row, (minute, ratio) in enumerate(days):
        order = np.argsort(minute, kind="stable")
        total = np.concatenate(([0.0], np.cumsum(ratio[order])))
        before = total[np.searchsorted(minute[order], grid, side="left")]
        rows[row] = total[-1] - before if start else before
    return rows


def _posterior(grid: FloatArray, rows: FloatArray) -> tuple[FloatArray, float]:
    """Return ln posterior of the common edge (flat prior), and ln of the evidence."""
    scale = rows.max(axis=1, keepdims=True)
    chance = np.exp(rows - scale)
    by_sigma = []
    apart = grid[:, None] - grid[None, :]
    for sigma in _SIGMAS:
        kernel = np.exp(-0.5 * (apart / sigma) ** 2)
        kernel = (1 - _STRAY) * kernel / kernel.sum(axis=0) + _STRAY / grid.size
        by_sigma.append(np.log(_times(chance, kernel)).sum(axis=0))
    joint = np.stack(by_sigma)
    total = np.logaddexp.reduce(joint, axis=0)
    evidence = float(np.log(np.exp(total - total.max()).sum()) + total.max() + scale.sum())
    return np.asarray(total, dtype=np.float64), evidence


def _times(days: FloatArray, kernel: FloatArray) -> FloatArray:
    """Return the matrix product, some rows at a time.

    All at once it is large enough for the linear algebra library to start threads, which wait
    for each other longer than they compute: ten times as long on a machine that is busy.
    """
    rows = max(1, _AT_ONCE // kernel.size)
    parts = [days[row : row + rows] @ kernel for row in range(0, len(days), rows)]
    return np.concatenate(parts)


def estimate(
    grid: FloatArray,
    days: Sequence[tuple[FloatArray, FloatArray]],
    *,
    start: bool,
    fixed_min: float | None = None,
) -> Edge:
    """Return the window's edge; ``grid`` is in minutes of the window's first local day.

    ``fixed_min`` is the spacing of samples at fixed minutes of the hour, ``None`` for jittered
    ones. Each of the former may stand for a slot of that length, so the interval is widened by
    half of it, and no round minute (weights .70 for the hour, .14 for the half hour) is given,
    since it would be their artefact.
    """
    log_post, evidence = _posterior(grid, edge_likelihood(grid, days, start=start))
    chance = np.exp(log_post - log_post.max())
    cumulated = np.cumsum(chance / chance.sum())
    low, middle, high = (_quantile(grid, cumulated, q) for q in (_TAIL, 0.5, 1 - _TAIL))
    half = 0.5  # a grid minute stands for the minute around it
    slot = (fixed_min or 0.0) / 2
    return Edge(
        minute=middle,
        low=max(float(grid[0]), middle - WIDEN * (middle - low + half) - slot),
        high=min(float(grid[-1]), middle + WIDEN * (high - middle + half) + slot),
        snapped=snapped_minute(grid, log_post) if fixed_min is None else None,
        log_likelihood=evidence,
    )


def _quantile(grid: FloatArray, cumulated: FloatArray, q: float) -> float:
    return float(grid[min(int(np.searchsorted(cumulated, q)), grid.size - 1)])


def snapped_minute(grid: FloatArray, log_post: FloatArray) -> int:
    """Return the likeliest minute when orders are given for full and half hours."""
    minute = np.mod(np.rint(grid), 60)
    rest = (1 - _ON_HOUR - _ON_HALF) / 58
    prior = np.where(minute == 0, _ON_HOUR, np.where(minute == 30, _ON_HALF, rest))
    return round(float(grid[int(np.argmax(log_post + np.log(prior)))]))


def is_jittered(time_s: FloatArray, spacing: float) -> bool:
    """Return whether sampling times are spread over their interval rather than at fixed minutes.

    The times are folded on the spacing (at most an hour); fixed minutes give a resultant
    length near 1, and multiples of it (every 30 minutes folded on an hour) are caught by
    folding on the quarter hour too.
    """
    if time_s.size < 8:
        return True
    for period in {min(3600.0, max(60.0, spacing)), 3600.0, 1800.0, 900.0}:
        phase = 2 * math.pi * time_s / period
        length = math.hypot(float(np.cos(phase).mean()), float(np.sin(phase).mean()))
        if length > 0.8:
            return False
    return True
