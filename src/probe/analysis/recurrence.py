"""Whether intervals come back at the same time of day more often than chance would have it.

The statistic T is the largest count of distinct days, within any 28 days, on which some
interval overlaps a template interval by a circular intersection-over-union of at least 0.6.
The null turns each day by its own random angle: what happens within a day stays together, its
number and lengths stay, and only the clock phase is lost. An angle is drawn in proportion to
how often the hours it leads to were observed, so that a host that is on only in the evening
does not make evening troubles look regular.

Sequential Monte Carlo p-values: Besag and Clifford, Biometrika 78 (1991). False discovery
rate: Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.evidence import BoolArray, FloatArray, IntArray
from probe.analysis.wallclock import DAY_MIN

__all__ = ["Arcs", "Recurrence", "benjamini_hochberg", "matches", "p_value", "strongest"]

IOU = 0.6
SPAN_DAYS = 28
ROTATIONS = 999
EXCEEDANCES = 8

_BATCH = 37
_BATCH_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """Intervals on the clock: day number, start and length in local minutes, sorted by day."""

    day: IntArray
    start: FloatArray
    length: FloatArray

    def __len__(self) -> int:
        """Return the number of intervals."""
        return int(self.day.size)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The strongest recurrence: its days, its score (days and tie-break), the template."""

    days: int
    score: float
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


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs (template, other) that could match at some angle, by template and day.

    ``low`` and ``width`` are the arc of start differences at which they do.
    """

    template: IntArray
    other: IntArray
    low: FloatArray
    width: FloatArray
    group: IntArray  # start of each (template, day) group
    span_first: IntArray  # first and last + 1 group of each span of 28 days with a template
    span_last: IntArray
    template_spans: IntArray  # start of each template's spans

    def count(self, start: FloatArray) -> IntArray:
        """Return T of every template, for starts of shape (arcs, rotations)."""
        turned = (start[self.other] - start[self.template] - self.low[:, None]) % DAY_MIN
        hit = turned <= self.width[:, None]
        days = np.logical_or.reduceat(hit, self.group, axis=0)
        total = np.zeros((days.shape[0] + 1, days.shape[1]), dtype=np.int32)
        np.cumsum(days, axis=0, dtype=np.int32, out=total[1:])
        counts = total[self.span_last] - total[self.span_first]
        return np.asarray(np.maximum.reduceat(counts, self.template_spans, axis=0), dtype=np.int64)


def _pairs(arcs: Arcs) -> _Pairs:
    """Build the band of pairs within 28 days whose lengths allow a match."""
    first = np.searchsorted(arcs.day, arcs.day - SPAN_DAYS + 1, side="left")
    last = np.searchsorted(arcs.day, arcs.day + SPAN_DAYS - 1, side="right")
    counts = last - first
    template = np.repeat(np.arange(len(arcs)), counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    other = np.repeat(first, counts) + within
    mine, its = arcs.length[template], arcs.length[other]
    need = IOU * (mine + its) / (1 + IOU)
    can = need <= np.minimum(mine, its)
    own = template == other
    keep = can | own
    template, other, mine, its, need = (a[keep] for a in (template, other, mine, its, need))
    always = (mine + its - DAY_MIN) >= IOU * DAY_MIN
    low = np.where(always, 0.0, -(its - need))
    width = np.where(always, DAY_MIN, mine + its - 2 * need)
    day = arcs.day[other]
    new = (template[1:] != template[:-1]) | (day[1:] != day[:-1])
    group = np.flatnonzero(np.concatenate(([True], new)))
    spans = _spans(template[group], (day - arcs.day[template])[group])
    return _Pairs(
        template=template,
        other=other,
        low=low,
        width=width,
        group=group,
        span_first=spans[0],
        span_last=spans[1],
        template_spans=spans[2],
    )


def _spans(template: IntArray, away: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return first and last + 1 group of each 28 days around a template, and where each begins.

    Groups are sorted by template, then day; ``away`` is days from the template. A span begins
    with a group at or before the template's day, and so holds the template.
    """
    wide = 4 * SPAN_DAYS
    position = template * wide + away
    first = np.flatnonzero(away <= 0)
    last = np.searchsorted(position, position[first] + SPAN_DAYS, side="left")
    owner = template[first]
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    return first, last, starts


def _sharpness(arcs: Arcs, start: FloatArray, template: int) -> float:
    """Return the mean overlap of what matches a template within 28 days: the tie-break."""
    near = np.abs(arcs.day - arcs.day[template]) < SPAN_DAYS
    turned = Arcs(arcs.day[near], start[near], arcs.length[near])
    hit, iou = matches(float(start[template]), float(arcs.length[template]), turned)
    return float(iou[hit].mean()) / 2 if hit.any() else 0.0


def _best(arcs: Arcs, start: FloatArray, counts: IntArray) -> tuple[float, int]:
    """Return T plus its tie-break, and the template that has it."""
    top = np.flatnonzero(counts == counts.max())[:64]
    scored = [(_sharpness(arcs, start, int(i)), int(i)) for i in top]
    score, place = max(scored, key=lambda item: (item[0], -item[1]))
    return float(counts.max()) + score, place


def strongest(arcs: Arcs, *, least_days: int = 3) -> Recurrence | None:
    """Return the strongest daily recurrence of ``arcs``, ``None`` below ``least_days`` days."""
    if len(arcs) < least_days:
        return None
    counts = _pairs(arcs).count(arcs.start[:, None])[:, 0]
    if int(counts.max()) < least_days:
        return None
    score, template = _best(arcs, arcs.start, counts)
    return Recurrence(days=int(counts.max()), score=score, template=template)


def p_value(
    arcs: Arcs, found: Recurrence, exposure: FloatArray, generator: np.random.Generator
) -> tuple[float, int]:
    """Return the chance of a recurrence as strong when days are turned, and the turns made.

    ``exposure`` says, for equal bins of the local day, how much was observed in each. It stops
    at eight exceedances, so that what is plainly chance costs little; the least p is 1/1000.
    """
    pairs = _pairs(arcs)
    score = found.score
    rotate = _Rotations(arcs, exposure)
    observed = int(score)
    batch = max(1, min(_BATCH, _BATCH_PAIRS // pairs.template.size))
    exceeded = done = 0
    while done < ROTATIONS:
        size = min(batch, ROTATIONS - done)
        start = (arcs.start[:, None] + rotate.draw(generator, size)) % DAY_MIN
        counts = pairs.count(start)
        tops = counts.max(axis=0)
        for column in range(size):
            done += 1
            if tops[column] > observed or (
                tops[column] == observed
                and _best(arcs, start[:, column], counts[:, column])[0] >= score
            ):
                exceeded += 1
            if exceeded >= EXCEEDANCES:
                return exceeded / done, done
    return (exceeded + 1) / (ROTATIONS + 1), done


class _Rotations:
    """Random angles, one a day, drawn in proportion to the exposure of where they lead."""

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
        self._cumulated = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)

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
