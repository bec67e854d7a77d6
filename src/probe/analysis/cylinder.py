"""The scan for hours of some days on which more looks failed than elsewhere.

Kulldorff's scan statistic ("A spatial scan statistic", Commun. Statist. 26, 1997) with cylinders
of days times an arc of the day, for looks that are good or bad. Its null turns each day by an
angle of its own, which keeps what happens within a day together: permuting single looks would
take any cluster of outages for a pattern.
"""

import math
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray

__all__ = ["BINS", "Cylinder", "Grid", "grid_of", "scan", "significance", "stands_out"]

BINS = 48
ROTATIONS = 199
EXCEEDANCES = 8
_WIDTHS = (4, 6, 8, 12, 16, 20, 24, 28)  # bins: 2 to 14 hours
_STEP = 2  # arcs begin on even bins
_SPANS = (5, 7, 10, 14, 21, 28, 42, 60)  # days


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Looks and failed looks in half hours of each local day; rows are consecutive days.

    Row ``i`` is day ``first_day + i``; days are cut at ``boundary`` (bins after midnight), so
    that bin 0 of a row is that of the boundary.
    """

    first_day: int
    boundary: int
    looks: FloatArray
    bad: FloatArray


@dataclass(frozen=True, slots=True)
class Cylinder:
    """Rows ``first`` to ``last`` (exclusive), bins ``start`` to ``start + width``, circular."""

    score: float
    first: int
    last: int
    start: int
    width: int


def grid_of(minute: FloatArray, bad: FloatArray, weight: FloatArray) -> Grid:
    """Count looks at local minutes since 1970; days are cut where the fewest looks failed."""
    place = np.floor(minute / (1440 / BINS)).astype(np.int64)
    profile = np.bincount(place % BINS, weights=bad * weight, minlength=BINS)
    around = sum(np.roll(profile, k) for k in range(-2, 3))
    boundary = int(np.argmin(around))
    moved = place - boundary
    first = int(moved.min() // BINS)
    cell = moved - first * BINS
    rows = int(cell.max() // BINS) + 1
    looks = np.bincount(cell, weights=weight, minlength=rows * BINS)
    failed = np.bincount(cell, weights=bad * weight, minlength=rows * BINS)
    return Grid(
        first_day=first,
        boundary=boundary,
        looks=np.asarray(looks.reshape(rows, BINS), dtype=np.float64),
        bad=np.asarray(failed.reshape(rows, BINS), dtype=np.float64),
    )


def stands_out(grid: Grid, *, share: float, least: float) -> bool:
    """Return whether in some arc of five days ``share`` of the looks failed, and ``least`` looks.

    What does not is not worth a scan.
    """
    if grid.looks.shape[0] < _SPANS[0]:
        return False
    n, c = _arcs(grid.looks), _arcs(grid.bad)
    looks, bad = n[_SPANS[0] :] - n[: -_SPANS[0]], c[_SPANS[0] :] - c[: -_SPANS[0]]
    return bool(((bad >= least) & (bad >= share * looks)).any())


def scan(grid: Grid) -> Cylinder | None:
    """Return the cylinder with the largest likelihood ratio; ``None`` with too few days."""
    spans = _spans(grid.looks.shape[0])
    if not spans.size:
        return None
    score = _scores(grid.looks, grid.bad, spans)
    best = int(np.argmax(score))
    _, arc = divmod(best, score.shape[1])
    width, start = divmod(arc, BINS // _STEP)
    first, last = _days_of(grid, arc)
    return Cylinder(float(score.flat[best]), first, last, start * _STEP, _WIDTHS[width])


def _days_of(grid: Grid, arc: int) -> tuple[int, int]:
    """Return the first and last + 1 row at which this arc stands out most, of all choices.

    The score that is tested stays that of the coarse choice, which the null has as well.
    """
    rows = grid.looks.shape[0]
    first, last = np.triu_indices(rows + 1, k=_SPANS[0])
    keep = last - first <= _SPANS[-1]
    spans = np.stack([first[keep], last[keep]], axis=1)
    n, c = _arcs(grid.looks)[:, [arc]], _arcs(grid.bad)[:, [arc]]
    score = _ratios(n, c, spans, float(grid.looks.sum()), float(grid.bad.sum()))
    best = spans[int(np.argmax(score[:, 0]))]
    return int(best[0]), int(best[1])


def significance(grid: Grid, found: Cylinder, generator: np.random.Generator) -> float:
    """Return the chance of a score as large when every day is turned by an angle of its own.

    Besag and Clifford: it stops at eight exceedances.
    """
    spans = _spans(grid.looks.shape[0])
    rows = grid.looks.shape[0]
    exceeded = 0
    for done in range(1, ROTATIONS + 1):
        angle = generator.integers(0, BINS, size=(rows, 1))
        turn = (np.arange(BINS)[None, :] + angle) % BINS
        looks = np.take_along_axis(grid.looks, turn, axis=1)
        bad = np.take_along_axis(grid.bad, turn, axis=1)
        exceeded += float(_scores(looks, bad, spans).max()) >= found.score
        if exceeded >= EXCEEDANCES:
            return exceeded / done
    return (exceeded + 1) / (ROTATIONS + 1)


def _spans(rows: int) -> IntArray:
    spans = [
        (first, min(first + length, rows))
        for length in _SPANS
        if length <= rows or length == _SPANS[0]
        for first in range(0, max(1, rows - length + 1), max(1, length // 5))
        if rows >= _SPANS[0]
    ]
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _arcs(counts: FloatArray) -> FloatArray:
    """Return the running total over days of every arc: shape (days + 1, widths * starts)."""
    doubled = np.concatenate([np.zeros((counts.shape[0], 1)), counts, counts], axis=1)
    total = np.cumsum(doubled, axis=1)
    starts = np.arange(0, BINS, _STEP)
    arcs = [total[:, starts + width] - total[:, starts] for width in _WIDTHS]
    rows = np.concatenate([np.zeros((1, len(_WIDTHS) * starts.size)), np.hstack(arcs)])
    return np.asarray(np.cumsum(rows, axis=0), dtype=np.float64)


def _scores(looks: FloatArray, bad: FloatArray, spans: IntArray) -> FloatArray:
    """Return the log likelihood ratio of every cylinder; 0 where fewer failed than elsewhere."""
    arcs = _arcs(looks), _arcs(bad)
    return _ratios(*arcs, spans, float(looks.sum()), float(bad.sum()))


def _ratios(
    n_arcs: FloatArray,
    c_arcs: FloatArray,
    spans: IntArray,
    whole_n: float,
    whole_c: float,
) -> FloatArray:
    n = n_arcs[spans[:, 1]] - n_arcs[spans[:, 0]]
    c = c_arcs[spans[:, 1]] - c_arcs[spans[:, 0]]
    outer_n, outer_c = np.maximum(whole_n - n, 0.0), np.maximum(whole_c - c, 0.0)
    more = c * outer_n > outer_c * n
    inside, outside = _likelihood(c[more], n[more]), _likelihood(outer_c[more], outer_n[more])
    scores = np.zeros(n.shape)
    scores[more] = inside + outside - _binomial(whole_c, whole_n)
    return scores


def _likelihood(c: FloatArray, n: FloatArray) -> FloatArray:
    share = np.clip(c / np.maximum(n, 1e-9), 1e-9, 1 - 1e-9)
    return np.asarray(c * np.log(share) + (n - c) * np.log1p(-share), dtype=np.float64)


def _binomial(c: float, n: float) -> float:
    share = min(1 - 1e-9, max(1e-9, c / max(n, 1e-9)))
    return c * math.log(share) + (n - c) * math.log1p(-share)
