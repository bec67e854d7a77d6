"""Whether intervals come back at the same time of day more often than chance would have it.

Two numbers: T, the largest count of distinct days, within any 28, on which some interval overlaps
a template interval by a circular intersection over union of at least 0.6; and S, the score of
``alignment``, which also asks how well they fit and how close together the days are. A recurrence
needs T; its chance is that of S.

The null turns each day by its own random angle: what happens within a day stays together, its
number and lengths stay, and only the clock phase is lost. An angle is drawn in proportion to
how often the hours it leads to were observed, so that a host that is on only in the evening
does not make evening troubles look regular.

Sequential Monte Carlo p-values: Besag and Clifford, Biometrika 78 (1991). False discovery
rate: Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.alignment import IOU, SPANS_DAYS, STEP, Arcs, Pairs, day_cost
from probe.analysis.arrays import BoolArray, FloatArray
from probe.analysis.wallclock import DAY_MIN

__all__ = ["Arcs", "Recurrence", "benjamini_hochberg", "matches", "p_value", "strongest"]

ROTATIONS = 999
EXCEEDANCES = 8
LEAST_DAYS = 3
BOUND_ENOUGH = 1e-3
"""A bound on p below this is as good as any number of rotations, and takes none."""
SMALLEST_P = 1e-6
"""No smaller p is said: the model of the null is not known that well."""

_BATCH = 37
_BATCH_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The strongest recurrence: its days (T), its score (S, in tenths of a nat), the template."""

    days: int
    score: int
    template: int


def matches(
    start: float, length: float, arcs: Arcs, *, least: float = IOU
) -> tuple[BoolArray, FloatArray]:
    """Return which arcs match a window, and how well (circular intersection over union)."""
    shift = (arcs.start - start + DAY_MIN / 2) % DAY_MIN - DAY_MIN / 2
    iou = _iou(shift, np.full(len(arcs), length), arcs.length)
    return iou >= least, iou


def _iou(shift: FloatArray, mine: FloatArray, other: FloatArray) -> FloatArray:
    """Return the overlap of arcs whose starts differ by ``shift`` (-720..720 minutes)."""
    near = np.minimum(np.minimum(mine, other), np.minimum(mine - shift, other + shift))
    turned = shift - np.copysign(DAY_MIN, shift)
    far = np.minimum(np.minimum(mine, other), np.minimum(mine - turned, other + turned))
    shared = np.minimum(np.maximum(near, 0) + np.maximum(far, 0), np.minimum(mine, other))
    union = np.minimum(mine + other - shared, DAY_MIN)
    return np.asarray(np.minimum(shared / union, 1.0), dtype=np.float64)


def strongest(arcs: Arcs, *, least_days: int = LEAST_DAYS) -> Recurrence | None:
    """Return the strongest daily recurrence of ``arcs``, ``None`` below ``least_days`` days."""
    if len(arcs) < least_days:
        return None
    pairs = Pairs.of(arcs)
    days = int(pairs.days(arcs.start).max())
    if days < least_days:
        return None
    scores = pairs.scores(arcs.start[:, None], least_days=least_days)[:, 0]
    template = int(np.argmax(scores))
    return Recurrence(days=days, score=int(scores[template]), template=template)


def p_value(
    arcs: Arcs,
    found: Recurrence,
    exposure: FloatArray,
    generator: np.random.Generator,
    *,
    least_days: int = LEAST_DAYS,
) -> tuple[float, int]:
    """Return the chance of a recurrence as strong when days are turned, and the turns made.

    ``exposure`` says, for equal bins of the local day, how much was observed in each. Where a
    bound already says that it is less than one in a thousand, that bound is returned, and nothing
    is turned. Else 999 turns are made; it stops at eight exceedances, so that what is plainly
    chance costs little.
    """
    rotate = _Rotations(arcs, exposure)
    bound = max(SMALLEST_P, _bound(arcs, found.score, rotate))
    if bound <= BOUND_ENOUGH:
        return bound, 0
    pairs = Pairs.of(arcs)
    batch = max(1, min(_BATCH, _BATCH_PAIRS // pairs.template.size))
    exceeded = done = 0
    while done < ROTATIONS:
        size = min(batch, ROTATIONS - done)
        start = (arcs.start[:, None] + rotate.draw(generator, size)) % DAY_MIN
        tops = pairs.scores(start, least_days=least_days).max(axis=0)
        above = np.flatnonzero(tops >= found.score)
        if exceeded + above.size >= EXCEEDANCES:
            done += int(above[EXCEEDANCES - exceeded - 1]) + 1
            return EXCEEDANCES / done, done
        exceeded += above.size
        done += size
    return min(bound, (exceeded + 1) / (ROTATIONS + 1)), done


def _bound(arcs: Arcs, score: int, rotate: "_Rotations") -> float:
    """Return a bound on the chance that any template reaches ``score``, by the union of all.

    On a day that is turned, the share of the circle with as good a fit is uniform for one arc,
    and at least uniform divided by m w for m arcs whose angles are at most w times as likely as
    uniform ones. So a day's score is at most exponential plus ln(m w), and a span's sum is at
    most a gamma variable of as many days, plus these. Templates times spans bound the choice.
    """
    days, counts = np.unique(arcs.day, return_counts=True)
    extra = np.log(np.maximum(counts * rotate.density, 1.0))
    sums = np.concatenate(([0.0], np.cumsum(extra)))
    total = 0.0
    for span in SPANS_DAYS:
        last = np.searchsorted(days, days + span, side="left")
        many = int((last - np.arange(days.size)).max())
        most = float((sums[last] - sums[:-1]).max())
        rounded = many * STEP / 2  # what whole tenths may have added
        reach = score * STEP + day_cost(span) * STEP - most - rounded
        total += len(arcs) * min(span, days.size) * _gamma_tail(many - 1, reach)
    return min(1.0, total)


def _gamma_tail(shape: int, at: float) -> float:
    """Return P(X > at) of a sum of ``shape`` exponential variables."""
    if at <= 0 or shape <= 0:
        return 0.0 if shape <= 0 < at else 1.0
    term = tail = math.exp(-at)
    for i in range(1, shape):
        term *= at / i
        tail += term
    return min(1.0, tail)


class _Rotations:
    """Random angles, one a day, drawn in proportion to the exposure of where they lead.

    ``density`` is, for each day, how much likelier than a uniform one its likeliest angle is.
    """

    def __init__(self, arcs: Arcs, exposure: FloatArray) -> None:
        self._days, self._day_of = np.unique(arcs.day, return_inverse=True)
        bins = exposure.size
        self._bin = DAY_MIN / bins
        around = (np.roll(exposure, 1) + exposure + np.roll(exposure, -1)) / 3
        around = around / max(float(around.max()), 1e-9)
        shifted = (arcs.start[:, None] / self._bin + np.arange(bins)[None, :]).astype(
            np.int64
        ) % bins
        weight = np.zeros((self._days.size, bins))
        np.add.at(weight, self._day_of, around[shifted])
        weight = np.maximum(weight, 1e-6)
        weight /= weight.sum(axis=1, keepdims=True)
        self.density: FloatArray = np.asarray(weight.max(axis=1) * bins, dtype=np.float64)
        self._cumulated = np.cumsum(weight, axis=1)

    def draw(self, generator: np.random.Generator, size: int) -> FloatArray:
        """Return angles in minutes, of shape (arcs, size)."""
        wish = generator.random((self._days.size, size))
        place = (wish[:, :, None] > self._cumulated[:, None, :]).sum(axis=2)
        angle = (place + generator.random((self._days.size, size)) - 0.5) * self._bin
        return np.asarray(angle[self._day_of], dtype=np.float64)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the q-value of each p-value (its smallest false discovery rate)."""
    size = len(p_values)
    order = sorted(range(size), key=lambda i: p_values[i])
    q_values = [1.0] * size
    least = 1.0
    for rank in range(size, 0, -1):
        place = order[rank - 1]
        least = min(least, p_values[place] * size / rank)
        q_values[place] = least
    return tuple(q_values)
