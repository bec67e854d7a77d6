"""The sentences at the head of a report: what was found, said as far as it was shown and no more.

Words that are kept apart here: what a network does is *cut* or *blocked*, what a service does is
*refuses*, what fails everywhere is *down*, and what is not shown is said to be not shown.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from probe.model.event import EventKind, Label, Reach
from probe.model.verdict import Confidence, Locus, Reason
from probe.report.data import (
    LINE_SUBJECT,
    Bar,
    FindingKind,
    Mark,
    ReportData,
    ServiceFinding,
    WindowRow,
)
from probe.report.phrases import (
    duration,
    moment,
    names,
    since_words,
    weekdays,
    window_hours,
)
from probe.report.words import CONFIDENCE, REASON, how

__all__ = ["Headline", "Tone", "headlines"]

T = TypeVar("T")

_WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


class Tone(StrEnum):
    """Which mark stands before a sentence."""

    CUT = "cut"
    LINE = "line_off"
    DOMESTIC = "domestic"
    REFUSED = "refused"
    FAILED = "failed"
    DOWN = "down"
    UNCLEAR = "unclear"
    FINE = "fine"


class Headline(NamedTuple):
    """One sentence, and the smaller ones below it."""

    tone: Tone
    text: str
    details: tuple[str, ...] = ()


def headlines(data: ReportData) -> tuple[Headline, ...]:
    """Return what a reader should know first, gravest first."""
    said = [
        *_windows(data),
        *_intercepted(data),
        *_blocked(data),
        *_line(data),
        *_recovered(data),
        *_refused(data),
        *_down(data),
        *_unsure(data),
        *_works(data),
    ]
    return tuple(said) or (Headline(Tone.UNCLEAR, "Nothing was measured in this period."),)


def _of(data: ReportData, *kinds: FindingKind) -> list[ServiceFinding]:
    return [found for found in data.services if found.kind in kinds]


def _grouped(found: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())


def _of_network(found: ServiceFinding) -> bool:
    return found.locus is Locus.NETWORK


def _windows(data: ReportData) -> list[Headline]:
    rows = [row for row in data.windows if row.event.kind in _WINDOWS]
    alike = _grouped(
        rows,
        lambda row: (*window_hours(row.event), row.event.label, row.locus, weekdays(row.event)),
    )
    return [_window(group, data.place.tz) for group in alike]


def _window(rows: list[WindowRow], tz: str) -> Headline:
    event = rows[0].event
    start, end = window_hours(event)
    who = names([row.name for row in rows])
    sure = event.label is Label.ESTABLISHED
    tone, verb = _window_verb(rows[0], several=len(rows) > 1, sure=sure)
    where = "" if event.tz == tz else f" ({event.tz})"
    text = f"{who} {verb} {weekdays(event)} from about {start} to {end}{where}."
    details = []
    windows = [row.event.window.days for row in rows if row.event.window]
    if windows:
        least = min(windows, key=lambda days: days.supported / max(days.observable, 1))
        seen, of = least.supported, least.observable
        each = "each seen on" if len(windows) > 1 else "seen on"
        at_least = "at least " if len(windows) > 1 and seen < of else ""
        count = f"all {of}" if seen == of else f"{at_least}{seen} of the {of}"
        label = event.label.value.capitalize()
        details.append(f"{label} on this line: {each} {count} days that could show it.")
    if rows[0].locus == "network":
        details.append(
            "This is consistent with a restriction by the network. "
            "One line cannot show how far it reaches, or why."
        )
    if any(row.event.reach is Reach.MIXED for row in rows):
        details.append("Neutral hosts failed in part as well: a crowded line can look like this.")
    if not sure:
        details.append("Suspected only: more days are needed before this can be relied on.")
    return Headline(tone, text, tuple(details))


def _window_verb(row: WindowRow, *, several: bool, sure: bool) -> tuple[Tone, str]:
    was = ("were" if several else "was") if sure else "may be"
    if row.locus == "network":
        return Tone.CUT, f"{was} cut"
    if row.locus == "upstream":
        return Tone.LINE, f"{was} wholly offline"
    if row.locus == "intl":
        return Tone.DOMESTIC, f"{was} limited to domestic sites"
    if row.locus == "server":
        return Tone.REFUSED, f"{was} refused by the service itself"
    return Tone.FAILED, f"{was} out of reach"


def _intercepted(data: ReportData) -> list[Headline]:
    found = [one for one in _of(data, FindingKind.BLOCKED) if _is_interception(one)]
    if not found:
        return []
    by = {
        Locus.NETWORK: "Somebody on the way can read what is sent.",
        Locus.LOCAL: "It is done on this machine or in the home network (a filter, an antivirus).",
    }.get(found[0].locus, "Somebody between this machine and the service can read what is sent.")
    text = f"Encrypted connections to {names([one.name for one in found])} are intercepted."
    return [Headline(Tone.CUT, text, (by, *_how_lines(found, data)))]


def _is_interception(found: ServiceFinding) -> bool:
    return (found.mechanism or "").startswith("tls.mitm")


def _blocked(data: ReportData) -> list[Headline]:
    found = [one for one in _of(data, FindingKind.BLOCKED) if not _is_interception(one)]
    said = []
    for group in _grouped(found, lambda one: one.locus):
        who, be = names([one.name for one in group]), "are" if len(group) > 1 else "is"
        if group[0].locus is Locus.NETWORK:
            tone, text = Tone.CUT, f"{who} {be} blocked on this line."
        elif group[0].locus is Locus.LOCAL:
            tone = Tone.FAILED
            text = f"{who} {be} stopped by this machine or home network, not by the provider."
        else:
            tone = Tone.FAILED
            text = f"{who} {be} blocked on this line; by whom was not shown."
        unknown = group[0].locus is Locus.UNKNOWN
        unsure = (
            ("From here, the network and the service itself look the same.",) if unknown else ()
        )
        said.append(Headline(tone, text, (*_how_lines(group, data), *unsure)))
    return said


def _how_lines(found: list[ServiceFinding], data: ReportData) -> tuple[str, ...]:
    lines = []
    for group in _grouped(found, lambda one: (one.mechanism, one.confidence)):
        sure = CONFIDENCE[group[0].confidence] if group[0].confidence else "confidence not stated"
        since = since_words(group[0].since, data.place.tz) if len(group) == 1 else ""
        tail = f", {since}" if since else ""
        who = names([one.name for one in group])
        lines.append(f"{who}: {how(group[0].mechanism)} ({sure}{tail}).")
    return tuple(lines)


def _line(data: ReportData) -> list[Headline]:
    told = {row.locus for row in data.windows if row.subject == LINE_SUBJECT}
    bars = [bar for lane in data.lanes if lane.subject == LINE_SUBJECT for bar in lane.bars]
    said = []
    for mark, tone, signal, what, detail in (
        (
            Mark.LINE_OFF,
            Tone.LINE,
            "upstream",
            "the line reached nothing at all",
            "A cut by the network and a fault of the provider look the same from one line.",
        ),
        (
            Mark.DOMESTIC,
            Tone.DOMESTIC,
            "intl",
            "this line reached only domestic sites",
            "A used-up prepaid balance can look the same from one line.",
        ),
    ):
        found = [bar for bar in bars if bar.mark is mark]
        windowed = signal in told and any(
            row.event.kind in _WINDOWS and row.locus == signal for row in data.windows
        )
        if found and not windowed:
            said.append(Headline(tone, _line_text(found, what, data.place.tz), (detail,)))
    return said


def _line_text(bars: list[Bar], what: str, tz: str) -> str:
    longest = max(bars, key=lambda bar: bar.end - bar.start)
    length = duration((longest.end - longest.start).total_seconds())
    begun = moment(longest.start, tz)
    if len(bars) == 1:
        return f"For about {length}, from {begun}, {what}."
    total = duration(sum((bar.end - bar.start for bar in bars), timedelta()).total_seconds())
    times = f"{len(bars)} times, about {total} in all"
    return f"{times}, {what}; the longest began {begun} and lasted about {length}."


def _recovered(data: ReportData) -> list[Headline]:
    said = []
    for group in _grouped(_of(data, FindingKind.RECOVERED), _of_network):
        was = "were" if len(group) > 1 else "was"
        who = names([one.name for one in group])
        cut = group[0].locus is Locus.NETWORK
        text = f"{who} {was} {'cut' if cut else 'out of reach'} for a time"
        lines = tuple(
            f"{names([one.name])}: about {duration(one.bad_s)} in all; {how(one.mechanism)}."
            for one in group
        )
        tone = Tone.CUT if cut else Tone.FAILED
        said.append(Headline(tone, f"{text}, and worked at the last look.", lines))
    return said


def _refused(data: ReportData) -> list[Headline]:
    said = []
    for group in _grouped(_of(data, FindingKind.REFUSED), lambda one: one.reason):
        refuse = "refuse" if len(group) > 1 else "refuses"
        text = f"{names([one.name for one in group])} {refuse} to serve this country."
        reason = REASON[group[0].reason or Reason.UNSTATED]
        detail = (
            "The genuine servers answered and declined: this is the doing of the service, "
            f"not of the network; {reason}."
        )
        said.append(Headline(Tone.REFUSED, text, (detail,)))
    return said


def _down(data: ReportData) -> list[Headline]:
    found = _of(data, FindingKind.DOWN)
    if not found:
        return []
    weak = all(one.confidence is Confidence.WEAK for one in found)
    be = "may be" if weak else "are probably" if len(found) > 1 else "is probably"
    text = f"{names([one.name for one in found])} {be} down for everyone."
    sure = {CONFIDENCE[one.confidence] for one in found if one.confidence}
    detail = f"It fails from elsewhere as well ({', '.join(sorted(sure)) or 'unrated'}): no block."
    return [Headline(Tone.DOWN, text, (detail,))]


def _unsure(data: ReportData) -> list[Headline]:
    said = []
    signs = _of(data, FindingKind.SIGNS)
    if signs:
        text = f"Weak signs only, for {names([one.name for one in signs])}."
        detail = "Something failed once or without a comparison. It is not shown to be blocked."
        said.append(Headline(Tone.UNCLEAR, text, (detail,)))
    slow = _of(data, FindingKind.DEGRADED)
    if slow:
        work = "work" if len(slow) > 1 else "works"
        text = f"{names([one.name for one in slow])} {work} only in part."
        said.append(Headline(Tone.UNCLEAR, text, _how_lines(slow, data)))
    unclear = _of(data, FindingKind.UNCLEAR)
    if unclear:
        text = f"No judgement is possible on {names([one.name for one in unclear])}."
        said.append(
            Headline(Tone.UNCLEAR, text, ("What was seen proves neither one nor the other.",))
        )
    return said


def _works(data: ReportData) -> list[Headline]:
    found = _of(data, FindingKind.WORKS)
    if not found:
        return []
    if len(found) == 1:
        return [Headline(Tone.FINE, f"{names([found[0].name])} worked.")]
    text = f"{len(found)} services worked: {names([one.name for one in found])}."
    return [Headline(Tone.FINE, text)]
