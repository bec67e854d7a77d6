"""The samples of a series that say something, as arrays."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe.analysis.spacing import spacing_s
from probe.model.timeline import Series

__all__ = ["BoolArray", "Evidence", "FloatArray", "IntArray", "evidence_of"]

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]

BURST_EFFECTIVE = 2.0
"""Retests of one change are correlated: however many there are, they count as two samples."""

MAX_WEIGHT = 10.0
"""No single sample outweighs ten."""

_BURST_WITHIN_S = 600.0
_BURST_SHARE = 1 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Samples with a value, in time order; absences are not in here.

    ``time_s`` is UTC epoch seconds, ``weight`` the effective weight (bursts capped),
    ``control_bad`` the share of failed controls (NaN: none measured), ``index`` the place of
    each in ``Series.samples``, ``spacing_s`` the median distance.
    """

    time_s: FloatArray
    bad: BoolArray
    weight: FloatArray
    control_bad: FloatArray
    index: IntArray
    spacing_s: float

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.time_s.size)


def evidence_of(series: Series) -> Evidence:
    """Return the samples of ``series`` that carry a value and a positive weight, sorted."""
    rows = [
        (s.time.timestamp(), s.bad, min(s.weight, MAX_WEIGHT), s.control_bad, i, s.burst)
        for i, s in enumerate(series.samples)
        if s.bad is not None and s.weight > 0
    ]
    rows.sort(key=lambda row: row[0])
    times = [row[0] for row in rows]
    spacing = spacing_s(times)
    return Evidence(
        time_s=np.array(times, dtype=np.float64),
        bad=np.array([row[1] for row in rows], dtype=np.bool_),
        weight=_capped(
            np.array(times, dtype=np.float64),
            np.array([row[2] for row in rows], dtype=np.float64),
            np.array([row[5] for row in rows], dtype=np.bool_),
            spacing,
        ),
        control_bad=np.array(
            [np.nan if row[3] is None else row[3] for row in rows], dtype=np.float64
        ),
        index=np.array([row[4] for row in rows], dtype=np.int64),
        spacing_s=spacing,
    )


def _capped(time_s: FloatArray, weight: FloatArray, burst: BoolArray, spacing: float) -> FloatArray:
    """Scale the weights of each burst down so that it counts as two samples at most.

    A burst is a run whose members are marked as retests, or follow each other within a third
    of the usual spacing and ten minutes.
    """
    if time_s.size < 3:
        return weight
    near = np.diff(time_s) < min(_BURST_WITHIN_S, _BURST_SHARE * spacing)
    joined = np.concatenate(([False], near | (burst[1:] & (np.diff(time_s) <= _BURST_WITHIN_S))))
    cluster = np.cumsum(~joined) - 1
    total = np.bincount(cluster, weights=weight)
    scale = np.minimum(1.0, BURST_EFFECTIVE / np.maximum(total, BURST_EFFECTIVE))
    many = np.bincount(cluster) > 2
    return np.asarray(weight * np.where(many, scale, 1.0)[cluster], dtype=np.float64)
