"""Sentences about hours: what was cut in windows that recur, and what was slow and when."""

from probe.model.event import EventKind, Label, Reach
from probe.report.data import ReportData, WindowRow
from probe.report.headline import Headline, Tone, grouped
from probe.report.phrases import moment, names, weekdays, window_hours
from probe.report.slow_words import caution, level_words, size_words, slowed_name
from probe.report.tongue import N_, NN_, _, n_, num

__all__ = ["WINDOWS", "slow_headlines", "window_headlines"]

WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)
"""Events that have a sentence of their hours."""


def window_headlines(data: ReportData) -> list[Headline]:
    """Say what was cut in hours that recur; what shares its hours shares a sentence."""
    rows = [row for row in data.windows if row.event.kind in WINDOWS and not row.event.throttle]
    alike = grouped(
        rows,
        lambda row: (*window_hours(row.event), row.event.label, row.locus, weekdays(row.event)),
    )
    return [_window(group, data.place.tz) for group in alike]


def _window(rows: list[WindowRow], tz: str) -> Headline:
    event = rows[0].event
    sure = event.label is Label.ESTABLISHED
    start, end = window_hours(event)
    tone, text = _window_text(
        rows[0].locus,
        len(rows),
        sure=sure,
        who=names([row.name for row in rows]),
        days=weekdays(event),
        start=start,
        end=end,
    )
    where = "" if event.tz == tz else f" ({event.tz})"
    details = [*_support(rows)]
    if rows[0].locus == "network":
        details.append(
            _(
                "This is consistent with a restriction by the network. "
                "One line cannot show how far it reaches, or why."
            )
        )
    if any(row.event.reach is Reach.MIXED for row in rows):
        details.append(
            _("Neutral hosts failed in part as well: a crowded line can look like this.")
        )
    if not sure:
        details.append(_("Suspected only: more days are needed before this can be relied on."))
    return Headline(tone, text.removesuffix(".") + f"{where}.", tuple(details), tuple(rows))


def _support(rows: list[WindowRow]) -> list[str]:
    """Say on how many days a window was seen; of several, on how many at the least."""
    windows = [row.event.window.days for row in rows if row.event.window]
    if not windows:
        return []
    least = min(windows, key=lambda days: days.supported / max(days.observable, 1))
    key = (
        rows[0].event.label is Label.ESTABLISHED,
        len(windows) > 1,
        least.supported == least.observable,
    )
    return [_(_SUPPORT[key], seen=num(least.supported), days=num(least.observable))]


_SUPPORT: dict[tuple[bool, bool, bool], str] = {
    (True, False, False): N_(
        "Established on this line: seen on {seen} of the {days} days that could show it."
    ),
    (True, False, True): N_(
        "Established on this line: seen on all {days} days that could show it."
    ),
    (True, True, False): N_(
        "Established on this line: each seen on at least {seen} of the {days} days "
        "that could show it."
    ),
    (True, True, True): N_(
        "Established on this line: each seen on all {days} days that could show it."
    ),
    (False, False, False): N_(
        "Suspected on this line: seen on {seen} of the {days} days that could show it."
    ),
    (False, False, True): N_("Suspected on this line: seen on all {days} days that could show it."),
    (False, True, False): N_(
        "Suspected on this line: each seen on at least {seen} of the {days} days "
        "that could show it."
    ),
    (False, True, True): N_(
        "Suspected on this line: each seen on all {days} days that could show it."
    ),
}
"""Established or only suspected, several windows or one, on all days or on some."""


def _window_text(locus: str, count: int, *, sure: bool, **said: str) -> tuple[Tone, str]:
    tone, one, many, perhaps = _WINDOW_TEXTS.get(locus, _WINDOW_TEXTS["unknown"])
    return tone, n_(one, many, count, **said) if sure else _(perhaps, **said)


_WINDOW_TEXTS: dict[str, tuple[Tone, str, str, str]] = {
    "network": (
        Tone.CUT,
        *NN_(
            "{who} was cut {days} from about {start} to {end}.",
            "{who} were cut {days} from about {start} to {end}.",
        ),
        N_("{who} may be cut {days} from about {start} to {end}."),
    ),
    "upstream": (
        Tone.LINE,
        *NN_(
            "{who} was wholly offline {days} from about {start} to {end}.",
            "{who} were wholly offline {days} from about {start} to {end}.",
        ),
        N_("{who} may be wholly offline {days} from about {start} to {end}."),
    ),
    "intl": (
        Tone.DOMESTIC,
        *NN_(
            "{who} was limited to domestic sites {days} from about {start} to {end}.",
            "{who} were limited to domestic sites {days} from about {start} to {end}.",
        ),
        N_("{who} may be limited to domestic sites {days} from about {start} to {end}."),
    ),
    "server": (
        Tone.REFUSED,
        *NN_(
            "{who} was refused by the service itself {days} from about {start} to {end}.",
            "{who} were refused by the service itself {days} from about {start} to {end}.",
        ),
        N_("{who} may be refused by the service itself {days} from about {start} to {end}."),
    ),
    "unknown": (
        Tone.FAILED,
        *NN_(
            "{who} was out of reach {days} from about {start} to {end}.",
            "{who} were out of reach {days} from about {start} to {end}.",
        ),
        N_("{who} may be out of reach {days} from about {start} to {end}."),
    ),
}


def slow_headlines(data: ReportData) -> list[Headline]:
    """Say what was slow over many rounds, each with its size, its level, and what else it is."""
    return [_slow(row, data.place.tz) for row in data.windows if row.event.throttle is not None]


def _slow(row: WindowRow, tz: str) -> Headline:
    event, sure = row.event, row.event.label is Label.ESTABLISHED
    who = names([slowed_name(event, row.name)])
    if event.window is not None:
        start, end = window_hours(event)
        said = {"who": who, "days": weekdays(event), "start": start, "end": end}
        text = (
            _("{who} was slow {days} from about {start} to {end}.", **said)
            if sure
            else _("{who} may be slow {days} from about {start} to {end}.", **said)
        )
        where = "" if event.tz == tz else f" ({event.tz})"
        text, support = text.removesuffix(".") + f"{where}.", _support([row])
    else:
        text, support = _slow_stretch(row, who, tz, sure=sure), []
    details = [size_words(event), level_words(event), *support, caution(event)]
    if not sure:
        details.append(_("Suspected only: more days are needed before this can be relied on."))
    return Headline(Tone.SLOW, text, tuple(detail for detail in details if detail), (row,))


def _slow_stretch(row: WindowRow, who: str, tz: str, *, sure: bool) -> str:
    """Say from when to when, or since when, something was slow."""
    event = row.event
    start = moment(event.start.at, tz)
    if event.end is None:
        if sure:
            return _("{who} has been slow since {start}.", who=who, start=start)
        return _("{who} may be slow since {start}.", who=who, start=start)
    said = {"who": who, "start": start, "end": moment(event.end.at, tz)}
    if sure:
        return _("{who} was slow from {start} to {end}.", **said)
    return _("{who} may have been slow from {start} to {end}.", **said)
