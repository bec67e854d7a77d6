"""How far apart samples are, which are one burst, and from when on silence is a gap."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BURST_EFFECTIVE",
    "BURST_LASTS_S",
    "BURST_SHARE",
    "BURST_WITHIN_S",
    "SILENCE_FACTOR",
    "SILENCE_MIN_S",
    "silence_s",
    "spacing_s",
]

BURST_EFFECTIVE = 2.0
"""Retests of one change are correlated: however many there are, they count as two samples."""

BURST_WITHIN_S = 600.0
"""A retest that follows within this belongs to the burst of the look before it."""

BURST_SHARE = 1 / 3
"""So does any look that follows within this share of the usual spacing."""

BURST_LASTS_S = 660.0
"""How long a burst lasts: looks after 2, 5 and 9 minutes, give or take a fifth. What comes later
begins another one."""


SILENCE_MIN_S = 3 * 3600.0
SILENCE_FACTOR = 3.0
_TOGETHER_S = 1.0


def spacing_s(times_s: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the median distance of sorted times, in seconds; 0 with fewer than two.

    Times within a second of each other are one look (two endpoints of a round).
    """
    gaps = np.diff(np.asarray(times_s, dtype=np.float64))
    gaps = gaps[gaps > _TOGETHER_S]
    return float(np.median(gaps)) if gaps.size else 0.0


def silence_s(spacing: float) -> float:
    """Return how long nothing may be heard before it is a gap: 3 spacings, at least 3 hours.

    Jitter over a whole interval makes two spacings normal; three with nothing is unlikely to
    be chance. The floor keeps a lost round or two at a fast cadence from tearing a timeline.
    """
    return max(SILENCE_MIN_S, SILENCE_FACTOR * spacing)
