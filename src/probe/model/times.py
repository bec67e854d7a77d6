"""Instants as integers: microseconds since 1970, exactly as Python's datetimes count them."""

from datetime import UTC, datetime, timedelta

__all__ = ["HOUR_US", "instant", "microseconds"]

HOUR_US = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Return an aware time as microseconds since 1970 (negative before)."""
    return (time - _EPOCH) // _MICROSECOND


def instant(time_us: int) -> datetime:
    """Return the aware UTC time that ``microseconds`` counted."""
    return _EPOCH + timedelta(microseconds=time_us)
