"""How well arcs of different days lie on each other, for many rotations at once.

An arc that fits a template says the more, the less likely so good a fit is by chance: of all
angles, those with a fit as good take up a share of the circle, and ln(1 / share) is its score.
Arcs count that overlap by 0.6 (circular intersection over union), the best of each day. The
statistic S of a template is the sum over a span of 7, 14 or 28 days that holds it, less a
quarter for each day of the span; the largest counts, of spans with enough days.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe.analysis.arrays import FloatArray, IntArray
from probe.analysis.wallclock import DAY_MIN

__all__ = ["IOU", "SPANS_DAYS", "SPAN_DAYS", "STEP", "Arcs", "Pairs", "day_cost"]

IOU = 0.6
SPAN_DAYS = 28
SPANS_DAYS = (7, 14, 28)
STEP = 0.1
"""Scores are whole numbers of tenths of a nat."""

SHARPEST_MIN = 15.0
"""No fit counts as better than this: edges are not known to the minute."""

_DAY_COST = 0.25
_TICKS = 65_536 / DAY_MIN
_DAYS_BIT = 11  # a sum holds the days above this bit and the score below: 28 * 46 < 2 ** 11
_FINE = 6

Ticks: TypeAlias = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """Intervals on the clock: day number, start and length in local minutes, sorted by day."""

    day: IntArray
    start: FloatArray
    length: FloatArray

    def __len__(self) -> int:
        """Return the number of intervals."""
        return int(self.day.size)


def day_cost(days: int) -> int:
    """Return what a span of so many days costs, in steps."""
    return round(_DAY_COST * (days - 1) / STEP)


def _table() -> NDArray[np.uint16]:
    """Return one day and its score, by the share of the circle (in 1024 parts) of as good fits."""
    share = (np.arange(1 << (16 - _FINE)) + 0.5) / (1 << (16 - _FINE))
    least = SHARPEST_MIN / DAY_MIN
    score = np.rint(-np.log(np.maximum(share, least)) / STEP)
    return np.asarray(score.astype(np.int64) + (1 << _DAYS_BIT), dtype=np.uint16)


_WORTH = _table()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs (template, other) that could match at some angle, by template and day.

    ``low`` and ``width`` are the arc of start differences at which they do, in ticks: a day has
    65,536 of them (1.3 s each), so that differences wrap at midnight by themselves, without the
    division that would take most of the time. ``least`` is the share of the circle over which a
    fit is at its best, since the shorter arc lies within the longer one.
    """

    template: IntArray
    other: IntArray
    low: Ticks
    width: Ticks
    least: Ticks
    group: IntArray  # start of each (template, day) group
    own: IntArray  # the pairs of a template with itself, which are worth a day and no score
    span_first: IntArray  # first and last + 1 group of each span that holds the template
    span_last: IntArray
    span_cost: IntArray
    template_spans: IntArray  # start of each template's spans

    @classmethod
    def of(cls, arcs: Arcs) -> "Pairs":
        """Build the band of pairs within 28 days whose lengths allow a match."""
        first = np.searchsorted(arcs.day, arcs.day - SPAN_DAYS + 1, side="left")
        last = np.searchsorted(arcs.day, arcs.day + SPAN_DAYS - 1, side="right")
        counts = last - first
        template = np.repeat(np.arange(len(arcs)), counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        other = np.repeat(first, counts) + within
        mine, its = arcs.length[template], arcs.length[other]
        need = IOU * (mine + its) / (1 + IOU)
        apart = arcs.day[template] != arcs.day[other]  # what turns together proves nothing
        keep = (apart & (need <= np.minimum(mine, its))) | (template == other)
        template, other, mine, its, need = (a[keep] for a in (template, other, mine, its, need))
        always = (mine + its - DAY_MIN) >= IOU * DAY_MIN
        day = arcs.day[other]
        new = (template[1:] != template[:-1]) | (day[1:] != day[:-1])
        group = np.flatnonzero(np.concatenate(([True], new)))
        spans = _spans(template[group], (day - arcs.day[template])[group])
        return cls(
            template=template,
            other=other,
            low=_ticks(np.where(always, 0.0, need - its)),
            width=_capped(np.where(always, DAY_MIN, mine + its - 2 * need)),
            least=_capped(np.where(always, DAY_MIN, np.abs(mine - its))),
            group=group,
            own=np.flatnonzero(template == other),
            span_first=spans[0],
            span_last=spans[1],
            span_cost=spans[2],
            template_spans=spans[3],
        )

    def days(self, start: FloatArray) -> IntArray:
        """Return T of every template: the most days that match within 28, starts as they are."""
        _, days = self._sums(start[:, None])
        return np.maximum.reduceat(days[:, 0], self.template_spans)

    def scores(self, start: FloatArray, *, least_days: int) -> IntArray:
        """Return S of every template in steps, -1 without a span of ``least_days`` days.

        ``start`` has the shape (arcs, rotations).
        """
        total, days = self._sums(start)
        kept = np.where(days >= least_days, np.maximum(total - self.span_cost[:, None], 0), -1)
        return np.asarray(np.maximum.reduceat(kept, self.template_spans, axis=0), dtype=np.int64)

    def _sums(self, start: FloatArray) -> tuple[IntArray, IntArray]:
        """Return the score and the number of days of every span."""
        ticks = _ticks(start)
        turned = ticks[self.other]
        turned -= ticks[self.template]
        turned -= self.low[:, None]
        hit = turned <= self.width[:, None]
        turned -= (self.width // 2)[:, None]
        away = np.abs(turned.view(np.int16)).view(np.uint16)
        np.minimum(away, 0x7FFF, out=away)
        away <<= 1
        np.maximum(away, self.least[:, None], out=away)
        away >>= _FINE
        worth = _WORTH[away]
        worth[self.own] = 1 << _DAYS_BIT
        worth *= hit
        if self.group.size < self.template.size:
            worth = np.maximum.reduceat(worth, self.group, axis=0)
        # a sum over a span is below 65,536, so that one that wraps has the right differences
        total = np.zeros((worth.shape[0] + 1, worth.shape[1]), dtype=np.uint16)
        np.cumsum(worth, axis=0, dtype=np.uint16, out=total[1:])
        sums = total[self.span_last] - total[self.span_first]
        score = (sums & ((1 << _DAYS_BIT) - 1)).astype(np.int64)
        return score, (sums >> _DAYS_BIT).astype(np.int64)


def _ticks(minutes: FloatArray) -> Ticks:
    """Return minutes as ticks that wrap at midnight."""
    return np.asarray(np.rint(minutes * _TICKS).astype(np.int64) & 0xFFFF, dtype=np.uint16)


def _capped(minutes: FloatArray) -> Ticks:
    """Return lengths of at most a day as ticks."""
    return np.asarray(np.minimum(np.rint(minutes * _TICKS), 0xFFFF), dtype=np.uint16)


def _spans(template: IntArray, away: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return first and last + 1 group of each span, its cost, and where each template's begin.

    Groups are sorted by template, then day; ``away`` is days from the template. A span begins
    with a group at or before the template's day, and holds the template.
    """
    position = template * (4 * SPAN_DAYS) + away
    parts = []
    for days in SPANS_DAYS:
        first = np.flatnonzero((away <= 0) & (away > -days))
        last = np.searchsorted(position, position[first] + days, side="left")
        parts.append((first, last, np.full(first.size, day_cost(days)), template[first]))
    first, last, cost, owner = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    order = np.argsort(owner, kind="stable")
    owner = owner[order]
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    return first[order], last[order], cost[order], starts
