"""The samples of a series that say something, as arrays."""

from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import BoolArray, Codes, FloatArray
from probe.analysis.columns import NONE, SeriesLike, columns_of
from probe.analysis.spacing import (
    BURST_EFFECTIVE,
    BURST_LASTS_S,
    BURST_SHARE,
    BURST_WITHIN_S,
    spacing_s,
)

__all__ = ["Evidence", "evidence_of"]

MAX_WEIGHT = 10.0
"""No single sample outweighs ten."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Samples with a value, in time order; absences are not in here.

    ``time_s`` is UTC epoch seconds, ``weight`` the effective weight (bursts capped),
    ``control_bad`` the share of failed controls (NaN: none measured), ``mechanism`` the place of
    each one's mechanism in ``names`` (-1: none), ``spacing_s`` the median distance. This is all
    that is kept of a series while many are searched: 35 bytes a sample.
    """

    time_s: FloatArray
    bad: BoolArray
    weight: FloatArray
    control_bad: FloatArray
    mechanism: Codes
    names: tuple[str, ...]
    spacing_s: float

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.time_s.size)

    def mechanisms(self, which: slice | BoolArray) -> tuple[tuple[str, int], ...]:
        """Return how often each mechanism was seen among these bad samples, commonest first."""
        codes = self.mechanism[which][self.bad[which]]
        counts = np.bincount(codes[codes >= 0], minlength=len(self.names)).tolist()
        seen = [(name, count) for name, count in zip(self.names, counts, strict=True) if count]
        return tuple(sorted(seen, key=lambda item: (-item[1], item[0])))


def evidence_of(series: SeriesLike) -> Evidence:
    """Return the samples of ``series`` that carry a value and a positive weight, sorted."""
    columns = columns_of(series)
    kept = columns.where((columns.bad != NONE) & (columns.weight > 0))
    if (np.diff(kept.time_us) < 0).any():
        kept = kept.where(np.argsort(kept.time_us, kind="stable"))
    times = kept.time_us / 1e6
    spacing = spacing_s(times)
    mechanism, names = _numbered(kept.mechanism, kept.names)
    return Evidence(
        time_s=times,
        bad=kept.bad == 1,
        weight=_capped(times, np.minimum(kept.weight, MAX_WEIGHT), kept.burst, spacing),
        control_bad=kept.control_bad,
        mechanism=mechanism,
        names=names,
        spacing_s=spacing,
    )


def _numbered(codes: Codes, names: tuple[str, ...]) -> tuple[Codes, tuple[str, ...]]:
    """Return the codes of names in the order in which they come, and these names."""
    seen, first = np.unique(codes, return_index=True)
    order = [int(code) for _, code in sorted(zip(first, seen, strict=True)) if code != NONE]
    numbers = np.full(len(names) + 1, NONE, dtype=np.int16)  # the last is that of no name
    numbers[order] = np.arange(len(order))
    return numbers[codes], tuple(names[code] for code in order)


def _capped(time_s: FloatArray, weight: FloatArray, burst: BoolArray, spacing: float) -> FloatArray:
    """Scale the weights of each burst down so that it counts as two samples at most.

    A burst is a run whose members are marked as retests, or follow each other within a third
    of the usual spacing and ten minutes; after eleven minutes another one begins.
    """
    if time_s.size < 3:
        return weight
    near = np.diff(time_s) < min(BURST_WITHIN_S, BURST_SHARE * spacing)
    joined = np.concatenate(([False], near | (burst[1:] & (np.diff(time_s) <= BURST_WITHIN_S))))
    cluster = np.cumsum(~_parted(time_s, joined)) - 1
    total = np.bincount(cluster, weights=weight)
    scale = np.minimum(1.0, BURST_EFFECTIVE / np.maximum(total, BURST_EFFECTIVE))
    many = np.bincount(cluster) > 2
    return np.asarray(weight * np.where(many, scale, 1.0)[cluster], dtype=np.float64)


def _parted(time_s: FloatArray, joined: BoolArray) -> BoolArray:
    """Begin another burst where one has lasted its time."""
    starts = np.flatnonzero(~joined)
    ends = np.append(starts[1:], time_s.size)
    long = time_s[ends - 1] - time_s[starts] >= BURST_LASTS_S
    parted = joined.copy()
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        began = time_s[start]
        for place in range(start, end):
            if time_s[place] - began >= BURST_LASTS_S:
                began = time_s[place]
                parted[place] = False
    return parted
