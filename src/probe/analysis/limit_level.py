"""The level of a limit: what slow rounds came to, or what a policer must have let through."""

from collections.abc import Sequence

import numpy as np

from probe.analysis.arrays import FloatArray
from probe.analysis.ranks import median_interval
from probe.analysis.token_bucket import WHOLE_PACKETS, Level, policed_level
from probe.model.goodput import Speed
from probe.model.throttle import Shape

__all__ = ["limit_level"]

_HELD = 1.1
"""A bucket that fills while a sender waits lets more through for a while than its rate."""

_DROPS = frozenset({Shape.POLICED, Shape.UNKNOWN})


def limit_level(rates: FloatArray, transfers: Sequence[Speed], shape: Shape) -> Level | None:
    """Return bytes/s with an interval that holds the truth 9 times in 10 at least.

    ``rates`` are those of the slow rounds, ``transfers`` what they were taken from. A queue lets
    its rate through: the median is the level. Of a policer the median falls short, and what is
    known of each loss is used. Below six rounds the ends of the interval are not a number; without
    a round nothing is returned.
    """
    if not rates.size:
        return None
    middle = float(np.median(rates))
    interval = median_interval(rates)
    if interval is None:
        return Level(middle, float("nan"), float("nan"))
    seen = Level(middle, interval[0] / _HELD, interval[1] * WHOLE_PACKETS)
    return policed_level(transfers, seen) if shape in _DROPS else seen
