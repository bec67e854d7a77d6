"""The sentence of a window on dates that were given beforehand."""

from probe.analysis.wording import clock, mechanism_words, odds_words, window_hours
from probe.model.event import Calendar, Event, Window

__all__ = ["calendar_sentence"]


def calendar_sentence(event: Event, name: str) -> str:
    """Return the plain English of a window on given dates, with the days around as measure."""
    window, calendar = event.window, event.calendar
    if window is None or calendar is None:
        return ""
    (hits, of), (others, of_others) = calendar.hits, calendar.others
    parts = [
        (
            f"{name} was unreachable on this line from about {window_hours(window)} ({event.tz}) "
            f"on {hits} of {of} observed days of the list {calendar.name!r}, and on {others} of "
            f"{of_others} other days within four weeks (by chance alone {odds_words(event.p)})."
        ),
        _shares(calendar),
        _announced(calendar, window),
        mechanism_words(event),
        "Seen on this line only; that it keeps to these dates does not say who did it.",
    ]
    return " ".join(part for part in parts if part)


def _shares(calendar: Calendar) -> str:
    said = [
        f"{share:.0%} {when}"
        for share, when in (
            (calendar.before_share, "before the first of them"),
            (calendar.during_share, "on them"),
            (calendar.after_share, "after the last"),
        )
        if share is not None
    ]
    return f"Failed looks in these hours: {', '.join(said)}." if said else ""


def _announced(calendar: Calendar, window: Window) -> str:
    if calendar.announced is None:
        return ""
    start, end = calendar.announced
    if min(end, window.end_minute) <= max(start, window.start_minute):
        return f"Announced were {clock(start)} to {clock(end)}: none of these hours."
    early, late = window.start_minute - start, window.end_minute - end
    return (
        f"Announced were {clock(start)} to {clock(end)}: it began {_apart(early)} and ended "
        f"{_apart(late)}."
    )


def _apart(minutes: int) -> str:
    if minutes == 0:
        return "on the minute"
    return f"{abs(minutes)} min {'later' if minutes > 0 else 'earlier'}"
