"""UTC instants folded to the local wall clock: day numbers and minutes of the day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray
from probe.analysis.zones import Offsets

__all__ = ["DAY_MIN", "Fold", "day_iso", "quietest_minute"]

DAY_MIN = 1440.0
_BINS = 48


@dataclass(frozen=True, slots=True)
class Fold:
    """A way to read instants as local minutes since 1970-01-01T00:00 of the wall clock.

    ``utc`` says that one fixed offset is used throughout: the window follows UTC.
    """

    offsets: Offsets
    utc: bool = False

    def minutes(self, time_s: FloatArray) -> FloatArray:
        """Return the local minutes of UTC epoch seconds."""
        starts = np.array(self.offsets.starts_s, dtype=np.float64)
        place = np.maximum(np.searchsorted(starts, time_s, side="right") - 1, 0)
        shift = np.array(self.offsets.seconds, dtype=np.float64)[place]
        return np.asarray((time_s + shift) / 60, dtype=np.float64)

    def instant(self, minutes: float) -> datetime:
        """Return the UTC instant of local minutes; of an hour that happens twice, the first."""
        guess = minutes * 60 - self.offsets.at(minutes * 60)
        time_s = minutes * 60 - self.offsets.at(guess)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_s)


def day_iso(day: int) -> str:
    """Return the ISO date of a day number since 1970-01-01."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def quietest_minute(start_min: FloatArray, length_min: FloatArray) -> float:
    """Return the local minute at which the fewest intervals are under way.

    Days are cut there, so that a window over midnight is one piece. Among equals, the one
    farthest from any interval, then the earliest, is taken.
    """
    size = DAY_MIN / _BINS
    centre = (np.arange(_BINS) + 0.5) * size
    since = (centre[:, None] - start_min[None, :]) % DAY_MIN
    busy = (since < length_min[None, :]).sum(axis=1)
    to_next = DAY_MIN - since.max(axis=1, initial=0.0)
    from_last = (since - length_min[None, :]).min(axis=1, initial=DAY_MIN)
    clear = np.minimum(to_next, np.abs(from_last))
    order = np.lexsort((np.arange(_BINS), -clear, busy))
    return float(order[0] * size)


def day_numbers(local_min: FloatArray, boundary: float) -> IntArray:
    """Return the day that each local minute belongs to when days are cut at ``boundary``."""
    return np.floor((local_min - boundary) / DAY_MIN).astype(np.int64)
