"""The sentence of an event: what was seen, when, how sure, and what else it could be."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from probe.analysis.doubt import doubt
from probe.analysis.zones import zone
from probe.model.event import Event, EventKind, Instant, Label, Reach, Window
from probe.model.timeline import Signal

__all__ = [
    "clock",
    "dates_words",
    "day_names",
    "edge_words",
    "instant_words",
    "local_time",
    "mechanism_words",
    "odds_words",
    "outage_words",
    "sentence",
    "window_hours",
    "window_words",
]

_DAY = 1440
_MONTHS = (  # noqa: SIM905 - a list of words reads better as one
    "January February March April May June July August September October November December"
).split()
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MANY_MECHANISMS = 3
_SCHEDULES = (
    "; a schedule of the household, office or provider (a router's rule, a quota, a VPN by hours) "
    "looks the same"
)


def clock(minute: float) -> str:
    """Return a local minute as ``HH:MM``; the midnight that ends a day is ``23:59``."""
    whole = round(minute)
    if whole == _DAY:
        return "23:59"
    return f"{whole % _DAY // 60:02d}:{whole % 60:02d}"


def window_hours(window: Window) -> str:
    """Return ``16:00 to 23:59``, of the round-minute estimate where there is one."""
    start, end = window.snapped or (window.start_minute, window.end_minute)
    over = " the next day" if end > _DAY else ""
    return f"{clock(start)} to {clock(end)}{over}"


def sentence(event: Event, name: str) -> str:
    """Return the plain English of ``event``; ``name`` is what a person calls its subject."""
    subject = _subject(event, name)
    parts = (
        window_words(event, subject) if event.window is not None else outage_words(event, subject)
    )
    return " ".join(part for part in (*parts, mechanism_words(event), _reach(event)) if part)


def window_words(event: Event, subject: str) -> tuple[str, ...]:
    """Return the claim of a window and the interval of its edges; nothing without a window."""
    if event.window is None:
        return ()
    return _window_claim(event, event.window, subject), edge_words(event.window)


def outage_words(event: Event, subject: str) -> tuple[str, ...]:
    """Return the claim of a single outage or onset."""
    return (_outage_claim(event, subject),)


def _subject(event: Event, name: str) -> str:
    if event.signal == Signal.UPSTREAM:
        return "Nothing at all was reachable on this line"
    if event.signal == Signal.INTL:
        return "This line reached only domestic sites"
    if event.locus == "server":
        return f"{name} refused or did not serve this line"
    return f"{name} was unreachable on this line"


def _window_claim(event: Event, window: Window, subject: str) -> str:
    when = _how_often(event, window)
    days = window.days
    claim = (
        f"{subject} {when} from about {window_hours(window)} ({event.tz}) "
        f"on {days.supported} of {days.observable} observable days, {dates_words(window)}"
    )
    if event.label is Label.SUSPECTED:
        return f"{claim} (suspected: few days yet; by chance alone {odds_words(event.p)})."
    return f"{claim} (by chance alone {odds_words(event.p)})."


def _how_often(event: Event, window: Window) -> str:
    if event.kind is not EventKind.WEEKLY_WINDOW:
        return "daily"
    return f"every {day_names(window.weekdays)}"


def day_names(weekdays: Sequence[int]) -> str:
    """Return ISO weekdays as ``Monday, Tuesday and Friday``."""
    names = [_WEEKDAYS[day - 1] for day in weekdays]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def odds_words(p: float | None) -> str:
    """Return a chance as ``1 time in 500,000``, with two digits that count at most."""
    if p is None or p <= 0:
        return "who knows how often"
    times = 1 / p
    size = 10 ** max(0, len(str(int(times))) - 2)
    return f"1 time in {int(times) // size * size:,}"


def dates_words(window: Window) -> str:
    """Return the first and last day, as ``21-30 September 2022``."""
    first, last = date.fromisoformat(window.first_day), date.fromisoformat(window.last_day)
    ending = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first.year != last.year:
        return f"{first.day} {_MONTHS[first.month - 1]} {first.year} to {ending}"
    if first.month != last.month:
        return f"{first.day} {_MONTHS[first.month - 1]} to {ending}"
    return f"{first.day}-{ending}" if first.day != last.day else ending


def edge_words(window: Window) -> str:
    """Return the intervals of both edges of a window."""
    parts = []
    for word, (low, high), hidden in (
        ("start", window.start_interval, window.start_censored),
        ("end", window.end_interval, window.end_censored),
    ):
        text = f"{word} between {clock(low)} and {clock(high)}"
        parts.append(f"{text}, often hidden by a gap" if hidden else text)
    bounds = "; ".join(parts)
    return f"19 times in 20 the usual hours (not those of each day) lie in these bounds: {bounds}."


def _outage_claim(event: Event, subject: str) -> str:
    begun = instant_words(event.start, event.tz)
    seen = f"{event.bad_samples} of {event.samples} looks failed"
    if event.end is None:
        since = f"since before {begun}" if event.start.censored else f"since {begun}"
        return f"{subject} {since} and still was at the last look ({event.tz}); {seen}."
    if event.end.censored and event.start.censored:
        when = f"from at least {begun} to at least {instant_words(event.end, event.tz)}"
    else:
        since = "before " if event.start.censored else ""
        until = "at least " if event.end.censored else ""
        ended = instant_words(event.end, event.tz)
        when = f"from {since}{begun} to {until}{ended}, {_length(event.start, event.end)}"
    unseen = timedelta(seconds=event.unseen_s)
    hidden = f", of which {_hours(unseen)} were not observed" if event.unseen_s > 0 else ""
    return f"{subject} {when}{hidden} ({event.tz}); {seen}{_doubt(event, event.end)}."


def _doubt(event: Event, end: Instant) -> str:
    if event.label is not Label.SUSPECTED:
        return ""
    length_s = (end.at - event.start.at).total_seconds()
    why = doubt(samples=event.samples, bad=event.bad_samples, length_s=length_s, probability=0.0)
    return f" (suspected: {why})"


def instant_words(instant: Instant, tz: str) -> str:
    """Return ``3 March 2026 16:00 (within 8 min)``, local time."""
    local = instant.at.astimezone(zone(tz))
    half = max(instant.latest - instant.at, instant.at - instant.earliest)
    spread = f" (within {_hours(half)})" if half >= timedelta(minutes=1) else ""
    if instant.censored:
        spread = ""
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} {local:%H:%M}{spread}"


def _length(start: Instant, end: Instant) -> str:
    low: timedelta = max(end.earliest - start.latest, timedelta())
    high = end.latest - start.earliest
    return f"{_hours(low)} to {_hours(high)} long"


def _hours(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours >= 10 else f"{hours:.1f} h"


def mechanism_words(event: Event) -> str:
    """Return how it was seen, the commonest mechanisms first."""
    if not event.mechanisms or event.signal != Signal.TARGETED:
        return ""
    shown = [f"{name} ({count})" for name, count in event.mechanisms[:_MANY_MECHANISMS]]
    more = len(event.mechanisms) - len(shown)
    return f"Seen as {', '.join(shown)}{f' and {more} more kinds' if more else ''}."


def _reach(event: Event) -> str:
    if event.signal == Signal.INTL:
        return f"A spent prepaid balance looks the same; one line cannot tell{_joined(event)}."
    if event.signal == Signal.UPSTREAM:
        return (
            "A fault of this line or its provider looks the same; one line cannot tell"
            f"{_joined(event)}."
        )
    if event.reach is Reach.TARGETED:
        tail = "its controls worked meanwhile"
    elif event.reach is Reach.TOTAL:
        tail = "its controls failed as well, so it was not aimed at this subject alone"
    elif event.reach is Reach.MIXED:
        tail = "a part of its controls failed as well, as in congestion"
    else:
        tail = "no controls were measured beside it"
    if event.joined:
        return f"Of this line: {tail}{_joined(event)}."
    other = "" if event.window is None else _SCHEDULES
    return f"Seen on this line only; {tail}{other}."


def _joined(event: Event) -> str:
    return "; other vantages shared it, see the joint event" if event.joined else ""


def local_time(time: datetime, tz: str) -> str:
    """Return ``2022-09-21 16:00`` in the zone."""
    return f"{time.astimezone(zone(tz)):%Y-%m-%d %H:%M}"
