"""The sentence of degraded hours: the share that failed, and that this is no cut."""

from probe.analysis.wording import clock, dates_words, mechanism_words, odds_words, window_hours
from probe.model.event import Event

__all__ = ["degraded_sentence"]


def degraded_sentence(event: Event, name: str) -> str:
    """Return the plain English of a degraded window; never the words of a cut."""
    window = event.window
    if window is None:
        return ""
    low, high = window.start_interval
    first, last = window.end_interval
    parts = [
        (
            f"{name} was degraded on this line from about {window_hours(window)} ({event.tz}) "
            f"on {window.days.supported} of {window.days.observable} observable days, "
            f"{dates_words(window)}: {_percent(window.bad_share)} of {event.samples} looks failed "
            f"in these hours, against {_percent(window.shoulder_share)} in the hours around and "
            f"{_percent(window.control_share)} of the controls (by chance alone "
            f"{odds_words(event.p)})."
        ),
        "The others worked, so this is no cut.",
        (
            f"19 times in 20 the usual hours lie in these bounds: start between {clock(low)} and "
            f"{clock(high)}; end between {clock(first)} and {clock(last)}."
        ),
        mechanism_words(event),
        (
            "Seen on this line only; an overloaded service, or a path to it that is crowded at "
            "these hours, looks the same."
        ),
    ]
    return " ".join(part for part in parts if part)


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.0%}"
