"""A limit told from a crowd: one level, abrupt edges, and the round trip beside them.

Congestion comes and goes with the load: its rates scatter, its edges take hours, and its queues
lengthen the round trip. A limit is set at once and gives one level. Each votes for, against, or
not at all: a limit by queueing lengthens the round trip as well, a policed transfer scatters, and
of a few rounds a day no edge is seen. Edges that are seen to take hours are no limit's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.slowness import Slowness
from probe.model.throttle import Shape

__all__ = ["Character", "character"]

FLAT_CV, UNEVEN_CV = 0.15, 0.25
JERKY = 0.35
SMOOTH = 0.2
_RTT_UP = 1.5
_RTT_UP_S = 0.015
_ABRUPT, _GRADUAL = 0.65, 0.4
_EDGE_ROUNDS = 3
_EDGE_WITHIN_S = 5400.0
_EDGES_BEFORE_S = 3 * 86_400.0
_LEAST = 5
_MAD = 1.4826
_FROZEN_MOSTLY = 2 / 3
_FROZEN_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class Character:
    """What slow rounds look like; ``None`` was not to be seen."""

    flat: bool | None = None
    abrupt: bool | None = None
    rtt_up: bool | None = None
    jerks: float | None = None
    frozen_at: tuple[int, int] | None = None
    level: float | None = None  # bytes/s

    @property
    def votes(self) -> int:
        """Return votes for a limit less those for a crowd, of three."""
        marks = (self.flat, self.abrupt, None if self.rtt_up is None else not self.rtt_up)
        return sum(0 if mark is None else 1 if mark else -1 for mark in marks)

    @property
    def limit(self) -> bool:
        """Whether it looks like a limit rather than like a crowd."""
        return self.frozen_at is not None or (self.votes > 0 and self.abrupt is not False)

    @property
    def shape(self) -> Shape:
        """Return how the bytes came, where there is one level."""
        if self.frozen_at is not None:
            return Shape.FROZEN
        if not self.flat or self.jerks is None:
            return Shape.UNKNOWN
        if self.jerks >= JERKY:
            return Shape.POLICED
        return Shape.SHAPED if self.jerks <= SMOOTH else Shape.UNKNOWN


def character(
    rounds: Slowness,
    slow: BoolArray,
    base: IntArray,
    bad: Sequence[bool | None],
    *,
    alone: bool,
) -> Character:
    """Return what the rounds ``slow`` look like beside the baseline rounds ``base``.

    ``bad`` says of every round whether it was slow: edges lie where that changes. ``alone`` is
    for a target beside its controls: what lies before both is no part of it.
    """
    moving = slow & np.isfinite(rounds.slow) & (rounds.rate > 0)
    return Character(
        flat=_flat(rounds.rate[moving]),
        abrupt=_abrupt(rounds, slow, base, bad),
        rtt_up=_rtt_up(rounds, slow, base, alone=alone),
        jerks=_median(rounds.jerks[moving]),
        frozen_at=_frozen_at(rounds, slow),
        level=_median(rounds.rate[moving]),
    )


def _median(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else None


def _flat(rates: FloatArray) -> bool | None:
    """Return whether the rates keep to one level, by the median deviation of their logarithms.

    In between (loss makes a policed transfer miss its level) is neither.
    """
    if rates.size < _LEAST:
        return None
    logs = np.log(rates)
    scatter = float(_MAD * np.median(np.abs(logs - np.median(logs))))
    return True if scatter <= FLAT_CV else False if scatter > UNEVEN_CV else None


def _rtt_up(rounds: Slowness, slow: BoolArray, base: IntArray, *, alone: bool) -> bool | None:
    """Return whether its round trips grew by half and 15 ms.

    ``alone`` takes off by how much the other side's grew: a queue before both slows both.
    """
    now, before = _median(rounds.rtt_s[slow]), _median(rounds.rtt_s[base])
    if now is None or before is None or before <= 0:
        return None
    there, earlier = _median(rounds.beside_rtt_s[slow]), _median(rounds.beside_rtt_s[base])
    if alone and there is not None and earlier is not None:
        now -= max(0.0, there - earlier)
    return now / before >= _RTT_UP and now - before >= _RTT_UP_S


def _abrupt(
    rounds: Slowness, slow: BoolArray, base: IntArray, bad: Sequence[bool | None]
) -> bool | None:
    """Return whether most of the change lies between neighbouring rounds at its edges.

    The median over all edges from three days before on, start and end alike, that were seen with
    rounds close by on both sides: the step at the edge as a share of the whole change.
    """
    since_s = float(rounds.time_s[slow].min(initial=math.inf)) - _EDGES_BEFORE_S
    known = np.array(
        [i for i, one in enumerate(bad) if one is not None and rounds.time_s[i] >= since_s],
        dtype=np.int64,
    )
    inside = rounds.slow[slow]
    if not base.size or not inside.size:
        return None
    centre = float(np.median(rounds.slow[base]))
    whole = float(np.median(inside)) - centre
    if not math.isfinite(whole) or whole <= 0:
        return None
    flags = np.array([bool(bad[i]) for i in known.tolist()])
    times, values = rounds.time_s[known], rounds.slow[known]
    steps = [
        step / whole
        for edge in (np.flatnonzero(flags[1:] != flags[:-1]) + 1).tolist()
        if (step := _step(flags, times, values, edge)) is not None
    ]
    if not steps:
        return None
    share = float(np.median(steps))
    return True if share >= _ABRUPT else False if share <= _GRADUAL else None


def _step(flags: BoolArray, times: FloatArray, values: FloatArray, edge: int) -> float | None:
    """Return the height of one edge, ``None`` where too few rounds of one kind lie beside it."""
    sides = (slice(max(0, edge - _EDGE_ROUNDS), edge), slice(edge, edge + _EDGE_ROUNDS))
    heights = []
    for side in sides:
        same = np.unique(flags[side]).size == 1
        near = float(np.max(np.abs(times[side] - times[edge]))) <= _EDGE_WITHIN_S
        if flags[side].size < _EDGE_ROUNDS or not same or not near:
            return None
        heights.append(float(np.median(values[side])))
    height = abs(heights[1] - heights[0])
    return height if math.isfinite(height) else None


def _frozen_at(rounds: Slowness, slow: BoolArray) -> tuple[int, int] | None:
    """Return the usual least and most bytes after which it froze, if it does so each time.

    Two thirds of the slow rounds stalled, and half of these at places that are close together:
    what stalls of a bad radio come anywhere in a transfer.
    """
    places = rounds.frozen[slow]
    known = places[~np.isnan(places)]
    if known.size < _LEAST or known.size < _FROZEN_MOSTLY * places.size:
        return None
    low, middle, high = (float(x) for x in np.percentile(known, [10, 50, 90]))
    return (round(low), round(high)) if high - low <= _FROZEN_SPREAD * middle else None
