"""How well a token bucket explains when a transfer lost packets, for many rates and depths at once.

A bucket of ``rate`` and ``depth`` is run over what came. Two things are asked of it. It was never
overdrawn: what passed had been in it. And it was empty at losses and, after Flach and others ("An
Internet-Wide Analysis of Traffic Policing", SIGCOMM 2016), at no other time: the chance that a loss
came where it did, and at none of the marks since the loss before it, is the partial likelihood of
Cox ("Regression models and life-tables", JRSS B 34, 1972) with the fill of the bucket as covariate.
So losses count by what their places say, and how often a sender loses need not be known.

What the bucket held at first is not known either. It is summed over: a full one, as buckets are
that nobody used (RFC 2697, section 3), fills spread evenly over the depth, and those that are empty
at one of the first pauses.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe.analysis.arrays import FloatArray
from probe.analysis.policed_arrivals import Arrivals

__all__ = ["depths_if_full", "evidence"]

_Fills: TypeAlias = NDArray[np.float32]
"""Bytes in thousands of buckets, to a tenth of a byte: twice as fast as to the last digit."""

_BY_CHANCE = 0.05
"""How often a pause is no loss at the policer, and may find the bucket at any fill."""

_UNEXPLAINED = 0.03
"""How often no bucket explains a transfer (a busy machine, a radio): it says nothing, then."""

_MARK = 4096.0  # a loss lies somewhere between two marks
_PACKET = 1448.0
_DRIFT = 0.1
"""What fills are off by, of what came since the last loss: packets that were sent again."""

_OVERDRAWN = 2000.0
_FULL = 0.3
_FILLS = 4
_FIRSTS = 3


def depths_if_full(seen: Sequence[Arrivals], rates: FloatArray) -> FloatArray:
    """Return for each rate the depth that a bucket has that was full, and empty at first losses."""
    firsts = [(one, int(one.losses[0])) for one in seen if one.losses.size]
    came = np.median([one.before + one.size[:first].sum() for one, first in firsts])
    spent_s = np.median([one.spent_s[:first].sum() for one, first in firsts])
    return np.asarray(np.maximum(came + _MARK / 2 - rates * spent_s, 2 * _MARK))


def evidence(one: Arrivals, rate: FloatArray, depth: FloatArray) -> FloatArray:
    """Return the log likelihood of each rate (bytes/s) and depth (bytes), broadcast together.

    0 is what a bucket says that explains nothing: losses at any of the marks alike.
    """
    rate, depth = np.broadcast_arrays(rate, depth)
    held, weight = _at_first(one, rate, depth)
    fills = (held, rate[..., None], depth[..., None])
    log = _run(one, *(values.astype(np.float32) for values in fills)).astype(np.float64)
    most = log.max(axis=-1, keepdims=True)
    explained = np.log((np.exp(log - most) * weight).sum(axis=-1)) + most[..., 0]
    explained += math.log(1 - _UNEXPLAINED)
    return np.asarray(np.logaddexp(explained, math.log(_UNEXPLAINED)), dtype=np.float64)


def _at_first(one: Arrivals, rate: FloatArray, depth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what the bucket may have held at the first mark, and the weight of each.

    The fill that is empty at a given pause stands for those within a mark and a packet of it.
    """
    spread = [(place + 0.5) / _FILLS * depth - one.before for place in range(_FILLS)]
    pauses = one.losses[:_FIRSTS].tolist()
    tuned = []
    for pause in pauses:
        came, spent_s = float(one.size[:pause].sum()), float(one.spent_s[:pause].sum())
        tuned.append(np.clip(came + _MARK / 2 - rate * spent_s, 0.0, depth))
    near = np.minimum(0.5, (_MARK + _PACKET) / depth) if pauses else np.zeros_like(depth)
    weights = [(1 - _FULL - near) / _FILLS] * _FILLS + [near / max(1, len(pauses))] * len(pauses)
    fills = [*spread, *tuned, depth - one.before]
    weights.append(np.full_like(depth, _FULL))
    return np.maximum(np.stack(fills, axis=-1), 0.0), np.stack(weights, axis=-1)


def _run(one: Arrivals, held: _Fills, rate: _Fills, depth: _Fills) -> _Fills:
    """Return the log likelihood of each fill at first, over that of losses at any mark alike.

    A step of more than a mark waited behind a hole, and had passed before: it never found the
    bucket fuller than it was meanwhile.
    """
    log, risk, since, at_risk = np.zeros_like(held), np.zeros_like(held), 0.0, 0
    lost, steady = set(one.losses.tolist()), set(one.steady.tolist())
    first, last = min(lost, default=one.size.size), max(lost, default=-1)
    steps = zip(one.size.tolist(), one.spent_s.tolist(), strict=True)
    for mark, (size, spent_s) in enumerate(steps):
        if mark <= last:
            hazard = _hazard(held, depth, since)
            risk += hazard
            at_risk += 1
        if mark in steady:
            log += np.log(_hazard(held, depth, since))
        if mark in lost:
            log += np.log(hazard / risk * at_risk)
            risk, since, at_risk = np.zeros_like(held), 0.0, 0
        waited = max(0.0, size - _MARK)
        held += rate * spent_s - waited
        np.minimum(held, depth, out=held)
        held -= size - waited
        log += np.minimum(held, 0.0) / _OVERDRAWN
        np.maximum(held, 0.0, out=held)
        since += size if mark >= first else 0.0
    if one.size.size in steady:
        log += np.log(_hazard(held, depth, since))
    return log


def _hazard(held: _Fills, depth: _Fills, since: float) -> _Fills:
    """Return how likely a loss is while the bucket holds so much, as a share of an empty one's."""
    off = _PACKET + _DRIFT * np.minimum(depth, since)
    empty = held - _MARK
    np.maximum(empty, 0.0, out=empty)
    empty /= -off
    np.exp(empty, out=empty)
    empty *= 1 - _BY_CHANCE
    empty += _BY_CHANCE
    return empty
