"""When a rule holds: always, in a daily window, on some weekdays, from one instant to another.

All clock times are wall-clock times of a zone, so that "16:00" stays 16:00 when the zone
changes its offset.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

__all__ = ["DAY_MINUTES", "WEEKDAYS", "When", "Window", "compile_window", "find_zone"]

DAY_MINUTES = 1440
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window as written: every part that is given must hold.

    ``daily`` is ``"16:00-24:00"``; the end is exclusive, ``23:59`` at the end is read as 24:00,
    and an end before the start runs into the next day. ``days`` are the weekdays on which the
    window starts. ``since`` and ``until`` are local wall-clock instants (``until`` exclusive).
    """

    daily: str | None = None
    days: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    zone: str | None = None


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A window ready to be asked; minutes are local, ``end_minute`` may exceed 1440."""

    zone: str
    start_minute: int = 0
    end_minute: int = DAY_MINUTES
    weekdays: frozenset[int] = frozenset()  # 0 is Monday; empty is every day
    since: datetime | None = None
    until: datetime | None = None

    def covers(self, now: datetime) -> bool:
        """Return whether the aware instant ``now`` lies inside."""
        if self.since is not None and now < self.since:
            return False
        if self.until is not None and now >= self.until:
            return False
        local = now.astimezone(ZoneInfo(self.zone))
        return self._on(local, 0) or self._on(local, 1)

    def _on(self, local: datetime, days_back: int) -> bool:
        """Ask the window that started ``days_back`` days before ``local``."""
        started = local - timedelta(days=days_back)
        if self.weekdays and started.weekday() not in self.weekdays:
            return False
        minute = local.hour * 60 + local.minute + days_back * DAY_MINUTES
        return self.start_minute <= minute < self.end_minute


def find_zone(name: str) -> ZoneInfo:
    """Return the IANA zone.

    Raises:
        ValueError: for a name that the zone data does not know.

    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(f"{name!r} is no IANA time zone") from exc


def _minutes(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no daily window like '16:00-24:00'")
    h1, m1, h2, m2 = (int(part) for part in match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if m1 > 59 or m2 > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f"{text!r} has a clock time that does not exist")
    if end == DAY_MINUTES - 1:
        end = DAY_MINUTES
    if end == start:
        raise ValueError(f"{text!r} starts and ends at the same minute")
    return start, end if end > start else end + DAY_MINUTES


def _weekdays(names: Collection[str]) -> frozenset[int]:
    for name in names:
        if name not in WEEKDAYS:
            raise ValueError(f"{name!r} is no weekday ({', '.join(WEEKDAYS)})")
    return frozenset(WEEKDAYS.index(name) for name in names)


def _instant(value: datetime | None, zone: ZoneInfo) -> datetime | None:
    if value is None:
        return None
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def compile_window(when: When, zone: str) -> Window:
    """Return ``when`` ready to be asked; ``zone`` is the scenario's.

    Raises:
        ValueError: for a window, weekday or zone that does not exist.

    """
    name = when.zone or zone
    tz = find_zone(name)
    start, end = _minutes(when.daily) if when.daily else (0, DAY_MINUTES)
    since, until = _instant(when.since, tz), _instant(when.until, tz)
    if since is not None and until is not None and until <= since:
        raise ValueError("until is not after since")
    return Window(
        zone=name,
        start_minute=start,
        end_minute=end,
        weekdays=_weekdays(when.days),
        since=since,
        until=until,
    )
