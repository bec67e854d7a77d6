"""The local hours of a period, as stretches of UTC: what the columns of a heatmap stand for."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from probe.analysis.arrays import BoolArray, IntArray
from probe.model.times import microseconds

__all__ = ["Hour", "HourGrid", "floor_hour", "zone"]

_STEP = timedelta(minutes=15)
"""Every offset in use, and every change of one, is a multiple of a quarter of an hour."""


class Hour(NamedTuple):
    """One local hour: its day, its number, and the UTC stretch that it covers."""

    day: str
    hour: int
    start: datetime
    end: datetime


def zone(name: str) -> ZoneInfo:
    """Return the IANA zone, or UTC for a name that the packaged data does not know."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def floor_hour(time: datetime, tz: str) -> datetime:
    """Return the start of the local hour that ``time`` lies in, in UTC."""
    local = time.astimezone(zone(tz))
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return time.astimezone(UTC) - past


class HourGrid:
    """All local hours that touch ``start`` to ``end``, whole days, in time order.

    A local hour that happens twice (clocks set back) is one longer stretch, or two where the
    change does not fall on a whole hour; one that the clock jumps over is absent.
    """

    def __init__(self, start: datetime, end: datetime, tz: str) -> None:
        """Cut the days from that of ``start`` to that of ``end`` (exclusive) into hours."""
        self.tz = tz
        self._zone = zone(tz)
        self.hours = self._cut(start, max(end, start + _STEP))
        self._starts = [hour.start for hour in self.hours]
        self._ends = [hour.end for hour in self.hours]
        self.days = tuple(dict.fromkeys(hour.day for hour in self.hours))
        self._starts_us = np.array([microseconds(hour.start) for hour in self.hours])
        self._ends_us = np.array([microseconds(hour.end) for hour in self.hours])
        places = {day: place for place, day in enumerate(self.days)}
        self.day_places = np.array([places[hour.day] for hour in self.hours])

    def _cut(self, start: datetime, end: datetime) -> tuple[Hour, ...]:
        first = start.astimezone(self._zone).date()
        last = (end - timedelta(microseconds=1)).astimezone(self._zone).date()
        at = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=15)
        cut: list[Hour] = []
        while True:
            local = at.astimezone(self._zone)
            day, hour = local.date(), local.hour
            if day > last:
                return tuple(cut)
            if cut and (cut[-1].day, cut[-1].hour) == (day.isoformat(), hour):
                cut[-1] = cut[-1]._replace(end=at + _STEP)
            elif day >= first:
                cut.append(Hour(day.isoformat(), hour, at, at + _STEP))
            at += _STEP

    def index(self, time: datetime) -> int | None:
        """Return the position of the hour that ``time`` lies in, ``None`` outside."""
        position = bisect_right(self._starts, time) - 1
        if position < 0 or time >= self.hours[position].end:
            return None
        return position

    def indices(self, time_us: IntArray) -> IntArray:
        """Return the positions of the hours of many times (microseconds since 1970); -1 outside."""
        position = np.searchsorted(self._starts_us, time_us, side="right") - 1
        inside = (position >= 0) & (time_us < self._ends_us[position])
        return np.where(inside, position, -1)

    def days_of(self, time_us: IntArray) -> IntArray:
        """Return the places in ``days`` of many times (microseconds since 1970); -1 outside."""
        position = self.indices(time_us)
        return np.where(position >= 0, self.day_places[position], -1)

    def between(self, time_us: IntArray, apart: timedelta) -> BoolArray:
        """Return which hours lie between two neighbours of the sorted times, not too far apart."""
        if time_us.size < 2:
            return np.zeros(len(self.hours), dtype=np.bool_)
        place = np.searchsorted(time_us, self._starts_us)
        inside = (place > 0) & (place < time_us.size)
        later = np.minimum(place, time_us.size - 1)
        after, before = time_us[later], time_us[np.maximum(later - 1, 0)]
        near = after - before <= apart // timedelta(microseconds=1)
        return np.asarray(inside & near & (after >= self._ends_us))

    def within(self, start: datetime, end: datetime) -> range:
        """Return the positions of the hours that lie wholly between ``start`` and ``end``."""
        first = bisect_right(self._starts, start - timedelta(microseconds=1))
        last = bisect_right(self._ends, end)
        return range(first, max(first, last))

    @cached_property
    def clock_changes(self) -> frozenset[str]:
        """The days on which the offset from UTC is not the same at both ends."""
        changed = set()
        for day, hours in groupby(self.hours, key=lambda hour: hour.day):
            mine = list(hours)
            offsets = {
                hour.start.astimezone(self._zone).utcoffset() for hour in (mine[0], mine[-1])
            }
            length = mine[-1].end - mine[0].start
            if len(offsets) > 1 or length != timedelta(hours=24):
                changed.add(day)
        return frozenset(changed)
