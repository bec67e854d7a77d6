"""Times as people ask for them: a date, a time, or a distance back from now."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from probe.errors import InputError

__all__ = ["time_of"]

_BACK = re.compile(r"(\d{1,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def time_of(text: str | None, field: str, where: tzinfo, now: datetime) -> datetime | None:
    """Return a time given as a date, a time, or a distance back from ``now``.

    Raises:
        InputError: it is none of these.

    """
    if text is None:
        return None
    back = _BACK.fullmatch(text.strip())
    if back is not None:
        return now - timedelta(**{_UNITS[back[2]]: int(back[1])})
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo is not None else time.replace(tzinfo=where)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InputError(
            f"not a time: {text[:40]!r}", field=field, mend="write 2022-09-21, or 14d"
        ) from exc
