"""Times, durations, hours of a window and lists of names, as people write them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from probe.model.event import Event, EventKind
from probe.report.data import LINE_SUBJECT, DayRow, ReportData, Since
from probe.report.hours import zone
from probe.report.text import isolate
from probe.report.tongue import N_, _, digits, language, n_
from probe.report.words import MARKS

__all__ = [
    "clock_minute",
    "day_name",
    "day_words",
    "duration",
    "hour_of",
    "moment",
    "month_name",
    "names",
    "network_name",
    "offset",
    "offsets",
    "since_words",
    "subject_name",
    "weekdays",
    "window_hours",
]

_NAMES_SHOWN = 6
_WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS = (
    *(N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun")),
    *(N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec")),
)
_DAY_END = 1440


def _day(weekday: int, day: int, month: int) -> str:
    return _(
        "{weekday} {day} {month}",
        weekday=_(_WEEKDAYS[weekday]),
        day=digits(str(day)),
        month=month_name(month),
    )


def month_name(month: int) -> str:
    """Return the short name of a month, 1 to 12."""
    return _(_MONTHS[month - 1])


def hour_of(hour: int) -> str:
    """Return ``16:00``."""
    return digits(f"{hour:02d}:00")


def moment(time: datetime, tz: str, *, year: bool = False) -> str:
    """Return ``Tue 5 May, 16:00`` in the zone, whatever the machine's locale is."""
    local = time.astimezone(zone(tz))
    day = _day(local.weekday(), local.day, local.month)
    if year:
        day = f"{day} {digits(str(local.year))}"
    return f"{day}{language().comma}{digits(f'{local:%H:%M}')}"


def day_name(iso: str) -> str:
    """Return ``Tue 5 May`` for an ISO date."""
    day = datetime.fromisoformat(iso)
    return _day(day.weekday(), day.day, day.month)


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
    return first if first == last else _("{first}, later {last}", first=first, last=last)


def duration(seconds: float) -> str:
    """Return ``40 minutes``, ``5 hours`` or ``3 days``, rounded as a person would."""
    days, hours, minutes = (round(seconds / size) for size in (86_400.0, 3_600.0, 60.0))
    if days >= 2:
        return n_("{count} day", "{count} days", days)
    if hours >= 1:
        return n_("{count} hour", "{count} hours", hours)
    if minutes >= 1:
        return n_("{count} minute", "{count} minutes", minutes)
    return _("under a minute")


def clock_minute(minute: float, *, end: bool = False) -> str:
    """Return a local minute as a clock shows it; midnight at the end of a day is 23:59."""
    whole = round(minute)
    if end and whole == _DAY_END:
        return digits("23:59")
    clock = digits(f"{whole % _DAY_END // 60:02d}:{whole % 60:02d}")
    return _("{time} the next day", time=clock) if end and whole > _DAY_END else clock


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
        return _("every day")
    if not days:
        return _("every week")
    said = language().comma.join(_(_WEEKDAYS[day - 1]) for day in days)
    return _("on {days}", days=said)


def since_words(since: Since | None, tz: str) -> str:
    """Return when the present state began; an edge that nobody saw is called so."""
    if since is None:
        return ""
    if since.open:
        return _("since before {time}", time=moment(since.latest, tz))
    return _("since {time}", time=moment(since.at, tz))


def subject_name(name: str) -> str:
    """Return the name of a service as it is, and that of the line in words."""
    return _("this line") if name == LINE_SUBJECT else name


def network_name(name: str) -> str:
    """Return a kind of network in words, with its letter; a network's key as it is."""
    kind, bracket, letter = name.partition(" (")
    return f"{_(kind)}{bracket}{letter}"


def names(found: Sequence[str]) -> str:
    """Return ``A, B and C``, at most six names, each kept from turning its neighbours round."""
    kept = [isolate(subject_name(name)) for name in found]
    comma = language().comma
    if len(kept) > _NAMES_SHOWN:
        rest = len(kept) - _NAMES_SHOWN + 1
        shown = comma.join(kept[: _NAMES_SHOWN - 1])
        return n_("{names} and {count} more", "{names} and {count} more", rest, names=shown)
    if len(kept) == 1:
        return kept[0]
    return _("{names} and {last}", names=comma.join(kept[:-1]), last=kept[-1])


def day_words(day: DayRow) -> str:
    """Return a heatmap's row in words: ``00:00-16:00 worked; 16:00-24:00 cut by the network``."""
    parts = []
    start = 0
    for hour in range(1, 25):
        if hour == 24 or day.cells[hour].mark is not day.cells[start].mark:
            what = MARKS[day.cells[start].mark][1]
            parts.append(f"{hour_of(start)}–{hour_of(hour)} {what}")
            start = hour
    return "; ".join(parts)
