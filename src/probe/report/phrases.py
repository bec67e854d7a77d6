"""Times, durations, hours of a window and lists of names, as people write them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from probe.model.event import Event, EventKind
from probe.report.data import DayRow, ReportData, Since
from probe.report.hours import zone
from probe.report.text import isolate
from probe.report.words import MARKS

__all__ = [
    "clock_minute",
    "day_name",
    "day_words",
    "duration",
    "moment",
    "names",
    "offset",
    "offsets",
    "since_words",
    "weekdays",
    "window_hours",
]

_NAMES_SHOWN = 6
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_DAY_END = 1440


def moment(time: datetime, tz: str, *, year: bool = False) -> str:
    """Return ``Tue 5 May, 16:00`` in the zone, whatever the machine's locale is."""
    local = time.astimezone(zone(tz))
    day = f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"
    return f"{day}{f' {local.year}' if year else ''}, {local:%H:%M}"


def day_name(iso: str) -> str:
    """Return ``Tue 5 May`` for an ISO date."""
    day = datetime.fromisoformat(iso)
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def offset(time: datetime, tz: str) -> str:
    """Return ``UTC+03:30``: the zone's offset at that time."""
    shift = time.astimezone(zone(tz)).utcoffset() or timedelta(0)
    minutes = round(shift.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def offsets(data: ReportData) -> str:
    """Return the zone's offset over the period, both if the clocks changed."""
    first = offset(data.period.start, data.place.tz)
    last = offset(data.period.end, data.place.tz)
    return first if first == last else f"{first}, later {last}"


def duration(seconds: float) -> str:
    """Return ``40 minutes``, ``5 hours`` or ``3 days``, rounded as a person would."""
    for size, word in ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")):
        count = round(seconds / size)
        if count >= (2 if word == "day" else 1):
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "under a minute"


def clock_minute(minute: float, *, end: bool = False) -> str:
    """Return a local minute as a clock shows it; midnight at the end of a day is 23:59."""
    whole = round(minute)
    if end and whole == _DAY_END:
        return "23:59"
    clock = f"{whole % _DAY_END // 60:02d}:{whole % 60:02d}"
    return f"{clock} the next day" if end and whole > _DAY_END else clock


def window_hours(event: Event) -> tuple[str, str]:
    """Return the start and end of a window as clocks show them, on the hour where it snaps."""
    if event.window is None:
        return ("", "")
    start, end = event.window.snapped or (event.window.start_minute, event.window.end_minute)
    return (clock_minute(start), clock_minute(end, end=True))


def weekdays(event: Event) -> str:
    """Return ``every day`` or the days of the week on which a window lies."""
    days = event.window.weekdays if event.window else ()
    if event.kind is EventKind.DAILY_WINDOW and len(days) in (0, 7):
        return "every day"
    return "on " + ", ".join(_WEEKDAYS[day - 1] for day in days) if days else "every week"


def since_words(since: Since | None, tz: str) -> str:
    """Return when the present state began; an edge that nobody saw is called so."""
    if since is None:
        return ""
    if since.open:
        return f"since before {moment(since.latest, tz)}"
    return f"since {moment(since.at, tz)}"


def names(found: Sequence[str]) -> str:
    """Return ``A, B and C``, at most six names, each kept from turning its neighbours round."""
    kept = [isolate(name) for name in found]
    if len(kept) > _NAMES_SHOWN:
        rest = len(kept) - _NAMES_SHOWN + 1
        return f"{', '.join(kept[: _NAMES_SHOWN - 1])} and {rest} more"
    return kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])} and {kept[-1]}"


def day_words(day: DayRow) -> str:
    """Return a heatmap's row in words: ``00:00-16:00 worked; 16:00-24:00 cut by the network``."""
    parts = []
    start = 0
    for hour in range(1, 25):
        if hour == 24 or day.cells[hour].mark is not day.cells[start].mark:
            parts.append(f"{start:02d}:00–{hour:02d}:00 {MARKS[day.cells[start].mark][1]}")
            start = hour
    return "; ".join(parts)
