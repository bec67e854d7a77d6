"""Local clocks for the generator: minutes of the day at an instant, instants of a local minute.

The generator stands by itself: nothing here, nor in ``families``, ``worlds`` and ``cells``, uses
the detector's code, so that an error of its clock cannot cancel one of the detector's.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Floats", "Spans", "at_local", "inside", "joined", "local_minutes", "weekday"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Spans = NDArray[np.float64]
"""Rows of (begin, end), UTC epoch seconds, sorted and apart."""


def at_local(day: date, minute: float, tz: str) -> float:
    """Return the UTC epoch second of a local minute of ``day``; 1440 is the next midnight."""
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    return local.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC).timestamp()


@lru_cache(maxsize=256)
def _offsets(tz: str, first_s: int, hours: int) -> Floats:
    where = ZoneInfo(tz)
    moments = (datetime.fromtimestamp(first_s + 900 * k, UTC) for k in range(4 * hours + 1))
    return np.array(
        [(m.astimezone(where).utcoffset() or timedelta()).total_seconds() for m in moments]
    )


def _local(time_s: Floats, tz: str) -> Floats:
    if not time_s.size:
        return time_s
    first = int(time_s.min() // 900 * 900)
    hours = int((time_s.max() - first) // 3600) + 1
    shift = _offsets(tz, first, hours)[((time_s - first) // 900).astype(np.int64)]
    return np.asarray(time_s + shift, dtype=np.float64)


def local_minutes(time_s: Floats, tz: str) -> Floats:
    """Return the local minute of the day of each instant."""
    return np.asarray(_local(time_s, tz) % 86_400 / 60, dtype=np.float64)


def weekday(time_s: Floats, tz: str) -> NDArray[np.int64]:
    """Return the local ISO weekday (1 is Monday) of each instant."""
    return np.asarray((_local(time_s, tz) // 86_400 + 3) % 7 + 1, dtype=np.int64)


def joined(spans: Spans) -> Spans:
    """Return the spans sorted, with those that overlap made one."""
    rows = spans.reshape(-1, 2)
    rows = rows[rows[:, 0] < rows[:, 1]]
    kept: list[list[float]] = []
    for begin, end in rows[np.argsort(rows[:, 0])].tolist():
        if kept and begin <= kept[-1][1]:
            kept[-1][1] = max(kept[-1][1], end)
        else:
            kept.append([begin, end])
    return np.array(kept, dtype=np.float64).reshape(-1, 2)


def inside(time_s: Floats, spans: Spans) -> Flags:
    """Return which instants lie in any of the spans (sorted and apart; ends exclusive)."""
    if not spans.size:
        return np.zeros(time_s.size, dtype=np.bool_)
    place = np.searchsorted(spans[:, 0], time_s, side="right") - 1
    return np.asarray((place >= 0) & (time_s < spans[np.maximum(place, 0), 1]), dtype=np.bool_)
