"""The vantage's own time: offset and version of the zone data, for the round's context."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from probe.errors import InputError

__all__ = ["local_time", "offset_s", "zone_data"]


def local_time(now: datetime, tz: str) -> datetime:
    """Return ``now`` in the IANA zone ``tz``.

    Raises:
        InputError: there is no such zone.

    """
    try:
        return now.astimezone(ZoneInfo(tz))
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InputError(
            f"there is no time zone {tz!r}", field="tz", mend="a name such as Asia/Tehran"
        ) from exc


def offset_s(now: datetime, tz: str) -> int:
    """Return the seconds by which local time is ahead of UTC at ``now``."""
    offset = local_time(now, tz).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def zone_data() -> str:
    """Return the version of the packaged zone data (the system's own may be used before it)."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tzdata")
    except PackageNotFoundError:
        return ""
