"""The sentence of a throttling: how slow, since when or at which hours, and what else it could be.

At most "consistent with": from the end of a line nobody sees who slows it.
"""

from probe.analysis.wording import (
    dates_words,
    day_names,
    edge_words,
    instant_words,
    odds_words,
    window_hours,
)
from probe.model.event import Event, EventKind, Label, Window
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.throttle import Shape, Throttle, ThrottleScope

__all__ = ["throttle_sentence"]

_SHAPES = {
    Shape.POLICED: (
        "It came at one level and in jerks, consistent with a limit that drops what exceeds it."
    ),
    Shape.SHAPED: (
        "It came at one level and smoothly, consistent with a limit that lets wait what exceeds "
        "it, or with one that the sender has found out."
    ),
    Shape.UNKNOWN: "How the bytes came does not show what kind of limit it was.",
}
_OTHERWISE = {
    ThrottleScope.TARGETED: "a server that serves this network less looks the same",
    ThrottleScope.GENERAL: (
        "a spent data allowance, another tariff, another router or radio, or somebody else on the "
        "line looks the same"
    ),
    ThrottleScope.BORDER: "a broken or crowded link to other countries can look the same",
}


_SAME_SERVER = "a server that treats that name otherwise looks the same"
_CALL = "a line that was busy with something else in these seconds can look the same"


def throttle_sentence(event: Event, name: str) -> str:
    """Return the plain English of a throttling; nothing for an event that is none."""
    said = event.throttle
    if said is None:
        return ""
    claim = f"{_subject(said, name)} {_size(said)} {_when(event)}"
    edges = "" if event.window is None else edge_words(event.window)
    parts = (f"{claim}.", _level(said), edges, _manner(said), _limits(said))
    return " ".join(part for part in parts if part)


def _subject(said: Throttle, name: str) -> str:
    if said.scope is ThrottleScope.GENERAL:
        subject = "All that was tried on this line"
    elif said.scope is ThrottleScope.BORDER:
        subject = "What lies abroad"
    elif said.transport is Transport.UDP:
        subject = name or "A call"
    else:
        subject = name or "What was tried beside its controls"
    ways = [
        "uploads" if said.direction is Direction.UPLOAD else "",
        {Transport.QUIC: "over QUIC", Transport.UDP: "over UDP"}.get(said.transport, ""),
        "" if said.family == 4 else f"over IPv{said.family}",
    ]
    shown = [way for way in ways if way]
    return f"{subject} ({', '.join(shown)})" if shown else subject


def _size(said: Throttle) -> str:
    if said.shape is Shape.FROZEN and said.frozen_at is not None:
        low, high = said.frozen_at
        least, most = f"{low / 1024:.0f}", f"{high / 1024:.0f}"
        after = least if least == most else f"{least} to {most}"
        return f"froze after {after} KiB of a transfer"
    against = {
        ThrottleScope.GENERAL: "than before",
        ThrottleScope.BORDER: "than before, beside what lies in the country",
        ThrottleScope.TARGETED: f"than before, beside {_controls(said)}",
    }[said.scope]
    if said.ratio is None:
        return f"was at least {said.at_least:.1f} times slower {against}"
    most = "more" if said.at_most is None else f"{said.at_most:.1f}"
    return f"was about {said.ratio:.1f} times ({said.at_least:.1f} to {most}) slower {against}"


def _controls(said: Throttle) -> str:
    """Return what stood beside it; a call has no name, and goes in disguise."""
    if said.pairing is not Pairing.SAME_SERVER:
        return "its controls"
    udp = said.transport is Transport.UDP
    return "the same packets in disguise" if udp else "the same server under another name"


def _when(event: Event) -> str:
    chance = f"by chance alone {odds_words(event.p)}"
    window = event.window
    if window is None:
        return f"{_since(event)} ({event.tz}; {chance}{_doubt(event)})"
    days = window.days
    return (
        f"{_often(event, window)} from about {window_hours(window)} ({event.tz}) on "
        f"{days.supported} of {days.observable} observable days, {dates_words(window)} "
        f"({chance}{_doubt(event)})"
    )


def _often(event: Event, window: Window) -> str:
    weekly = event.kind is EventKind.WEEKLY_WINDOW
    return f"every {day_names(window.weekdays)}" if weekly else "daily"


def _doubt(event: Event) -> str:
    return "; suspected: little evidence yet" if event.label is Label.SUSPECTED else ""


def _since(event: Event) -> str:
    begun = instant_words(event.start, event.tz)
    before = "before " if event.start.censored else ""
    if event.end is None:
        return f"since {before}{begun} and still was at the last look"
    ended = instant_words(event.end, event.tz)
    return f"from {before}{begun} to {'at least ' if event.end.censored else ''}{ended}"


def _level(said: Throttle) -> str:
    if said.level_kbps is None:
        return ""
    interval = ""
    if said.level_interval is not None:
        low, high = said.level_interval
        interval = f" (19 times in 20 the truth lies between {low:.0f} and {high:.0f})"
    before = "" if said.before_kbps is None else f"; before, it was {said.before_kbps:.0f}"
    came = "It was held to" if said.shape is Shape.POLICED else "It came at"
    return f"{came} {said.level_kbps:.0f} kbit/s{interval}{before}."


def _manner(said: Throttle) -> str:
    return _SHAPES.get(said.shape, "")


def _limits(said: Throttle) -> str:
    otherwise = _OTHERWISE[said.scope]
    if said.scope is ThrottleScope.TARGETED and said.pairing is Pairing.SAME_SERVER:
        otherwise = _CALL if said.transport is Transport.UDP else _SAME_SERVER
    return f"Seen on this line only; {otherwise}."
