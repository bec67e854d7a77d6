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
from probe.report.slow_words import caution, level_words, size_words, slowed_name
from probe.report.tongue import N_, NN_, _, language, n_, num
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
    SLOW = "slow"
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
        *_slowed(data),
        *_recovered(data),
        *_refused(data),
        *_down(data),
        *_unsure(data),
        *_works(data),
    ]
    return tuple(said) or (Headline(Tone.UNCLEAR, _("Nothing was measured in this period.")),)


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
    rows = [row for row in data.windows if row.event.kind in _WINDOWS and not row.event.throttle]
    alike = _grouped(
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
    return Headline(tone, text.removesuffix(".") + f"{where}.", tuple(details))


def _support(rows: list[WindowRow]) -> list[str]:
    """Say on how many days a window was seen; of several, on how many at the least."""
    windows = [row.event.window.days for row in rows if row.event.window]
    if not windows:
        return []
    least = min(windows, key=lambda days: days.supported / max(days.observable, 1))
    sure = rows[0].event.label is Label.ESTABLISHED
    kwargs = {"seen": num(least.supported), "days": num(least.observable)}
    several = len(windows) > 1
    if least.supported == least.observable:
        if several:
            return [
                _(
                    "Established on this line: each seen on all {days} days that could show it.",
                    **kwargs,
                )
                if sure
                else _(
                    "Suspected on this line: each seen on all {days} days that could show it.",
                    **kwargs,
                )
            ]
        return [
            _("Established on this line: seen on all {days} days that could show it.", **kwargs)
            if sure
            else _("Suspected on this line: seen on all {days} days that could show it.", **kwargs)
        ]
    if several:
        return [
            _(
                "Established on this line: each seen on at least {seen} of the {days} days "
                "that could show it.",
                **kwargs,
            )
            if sure
            else _(
                "Suspected on this line: each seen on at least {seen} of the {days} days "
                "that could show it.",
                **kwargs,
            )
        ]
    return [
        _(
            "Established on this line: seen on {seen} of the {days} days that could show it.",
            **kwargs,
        )
        if sure
        else _(
            "Suspected on this line: seen on {seen} of the {days} days that could show it.",
            **kwargs,
        )
    ]


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


def _intercepted(data: ReportData) -> list[Headline]:
    found = [one for one in _of(data, FindingKind.BLOCKED) if _is_interception(one)]
    if not found:
        return []
    if found[0].locus is Locus.NETWORK:
        by = _("Somebody on the way can read what is sent.")
    elif found[0].locus is Locus.LOCAL:
        by = _("It is done on this machine or in the home network (a filter, an antivirus).")
    else:
        by = _("Somebody between this machine and the service can read what is sent.")
    text = _("Encrypted connections to {who} are intercepted.", who=_who(found))
    return [Headline(Tone.CUT, text, (by, *_how_lines(found, data)))]


def _who(found: Iterable[ServiceFinding]) -> str:
    return names([one.name for one in found])


def _is_interception(found: ServiceFinding) -> bool:
    return (found.mechanism or "").startswith("tls.mitm")


def _blocked(data: ReportData) -> list[Headline]:
    found = [one for one in _of(data, FindingKind.BLOCKED) if not _is_interception(one)]
    said = []
    for group in _grouped(found, lambda one: one.locus):
        who, count = _who(group), len(group)
        if group[0].locus is Locus.NETWORK:
            tone = Tone.CUT
            text = n_(
                "{who} is blocked on this line.", "{who} are blocked on this line.", count, who=who
            )
        elif group[0].locus is Locus.LOCAL:
            tone = Tone.FAILED
            text = n_(
                "{who} is stopped by this machine or home network, not by the provider.",
                "{who} are stopped by this machine or home network, not by the provider.",
                count,
                who=who,
            )
        else:
            tone = Tone.FAILED
            text = n_(
                "{who} is blocked on this line; by whom was not shown.",
                "{who} are blocked on this line; by whom was not shown.",
                count,
                who=who,
            )
        unknown = group[0].locus is Locus.UNKNOWN
        same = _("From here, the network and the service itself look the same.")
        said.append(Headline(tone, text, (*_how_lines(group, data), *((same,) if unknown else ()))))
    return said


def _how_lines(found: list[ServiceFinding], data: ReportData) -> tuple[str, ...]:
    lines = []
    for group in _grouped(found, lambda one: (one.mechanism, one.confidence)):
        confidence = group[0].confidence
        sure = CONFIDENCE[confidence] if confidence else _("confidence not stated")
        since = since_words(group[0].since, data.place.tz) if len(group) == 1 else ""
        if since:
            sure = f"{sure}{language().comma}{since}"
        lines.append(f"{_who(group)}: {how(group[0].mechanism)} ({sure}).")
    return tuple(lines)


def _line(data: ReportData) -> list[Headline]:
    told = {row.locus for row in data.windows if row.subject == LINE_SUBJECT}
    bars = [bar for lane in data.lanes if lane.subject == LINE_SUBJECT for bar in lane.bars]
    said = []
    for mark, tone, signal, detail in (
        (
            Mark.LINE_OFF,
            Tone.LINE,
            "upstream",
            _("A cut by the network and a fault of the provider look the same from one line."),
        ),
        (
            Mark.DOMESTIC,
            Tone.DOMESTIC,
            "intl",
            _("A used-up prepaid balance can look the same from one line."),
        ),
    ):
        found = [bar for bar in bars if bar.mark is mark]
        windowed = signal in told and any(
            row.event.kind in _WINDOWS and row.locus == signal for row in data.windows
        )
        if found and not windowed:
            text = _line_text(found, data.place.tz, domestic=mark is Mark.DOMESTIC)
            said.append(Headline(tone, text, (detail,)))
    return said


def _line_text(bars: list[Bar], tz: str, *, domestic: bool) -> str:
    longest = max(bars, key=lambda bar: bar.end - bar.start)
    length = duration((longest.end - longest.start).total_seconds())
    begun = moment(longest.start, tz)
    if len(bars) == 1:
        if domestic:
            return _(
                "For about {length}, from {begun}, this line reached only domestic sites.",
                length=length,
                begun=begun,
            )
        return _(
            "For about {length}, from {begun}, the line reached nothing at all.",
            length=length,
            begun=begun,
        )
    total = duration(sum((bar.end - bar.start for bar in bars), timedelta()).total_seconds())
    said = {"total": total, "begun": begun, "length": length, "count": num(len(bars))}
    if domestic:
        return _(
            "{count} times, about {total} in all, this line reached only domestic sites; "
            "the longest began {begun} and lasted about {length}.",
            **said,
        )
    return _(
        "{count} times, about {total} in all, the line reached nothing at all; "
        "the longest began {begun} and lasted about {length}.",
        **said,
    )


def _slowed(data: ReportData) -> list[Headline]:
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
    return Headline(Tone.SLOW, text, tuple(detail for detail in details if detail))


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


def _recovered(data: ReportData) -> list[Headline]:
    said = []
    for group in _grouped(_of(data, FindingKind.RECOVERED), _of_network):
        who, count = _who(group), len(group)
        cut = group[0].locus is Locus.NETWORK
        if cut:
            text = n_(
                "{who} was cut for a time, and worked at the last look.",
                "{who} were cut for a time, and worked at the last look.",
                count,
                who=who,
            )
        else:
            text = n_(
                "{who} was out of reach for a time, and worked at the last look.",
                "{who} were out of reach for a time, and worked at the last look.",
                count,
                who=who,
            )
        lines = tuple(
            _(
                "{who}: about {length} in all; {how}.",
                who=names([one.name]),
                length=duration(one.bad_s),
                how=how(one.mechanism),
            )
            for one in group
        )
        said.append(Headline(Tone.CUT if cut else Tone.FAILED, text, lines))
    return said


def _refused(data: ReportData) -> list[Headline]:
    said = []
    for group in _grouped(_of(data, FindingKind.REFUSED), lambda one: one.reason):
        text = n_(
            "{who} refuses to serve this country.",
            "{who} refuse to serve this country.",
            len(group),
            who=_who(group),
        )
        detail = _(
            "The genuine servers answered and declined: this is the doing of the service, "
            "not of the network; {reason}.",
            reason=REASON[group[0].reason or Reason.UNSTATED],
        )
        said.append(Headline(Tone.REFUSED, text, (detail,)))
    return said


def _down(data: ReportData) -> list[Headline]:
    found = _of(data, FindingKind.DOWN)
    if not found:
        return []
    who = _who(found)
    if all(one.confidence is Confidence.WEAK for one in found):
        text = _("{who} may be down for everyone.", who=who)
    else:
        text = n_(
            "{who} is probably down for everyone.",
            "{who} are probably down for everyone.",
            len(found),
            who=who,
        )
    sure = sorted({CONFIDENCE[one.confidence] for one in found if one.confidence})
    detail = _(
        "It fails from elsewhere as well ({sure}): no block.",
        sure=language().comma.join(sure) or _("unrated"),
    )
    return [Headline(Tone.DOWN, text, (detail,))]


def _unsure(data: ReportData) -> list[Headline]:
    said = []
    signs = _of(data, FindingKind.SIGNS)
    if signs:
        text = _("Weak signs only, for {who}.", who=_who(signs))
        detail = _("Something failed once or without a comparison. It is not shown to be blocked.")
        said.append(Headline(Tone.UNCLEAR, text, (detail,)))
    slow = _of(data, FindingKind.DEGRADED)
    if slow:
        text = n_(
            "{who} works only in part.", "{who} work only in part.", len(slow), who=_who(slow)
        )
        said.append(Headline(Tone.UNCLEAR, text, _how_lines(slow, data)))
    unclear = _of(data, FindingKind.UNCLEAR)
    if unclear:
        text = _("No judgement is possible on {who}.", who=_who(unclear))
        detail = _("What was seen proves neither one nor the other.")
        said.append(Headline(Tone.UNCLEAR, text, (detail,)))
    return said


def _works(data: ReportData) -> list[Headline]:
    found = _of(data, FindingKind.WORKS)
    if not found:
        return []
    who = _who(found)
    text = n_("{who} worked.", "{count} services worked: {who}.", len(found), who=who)
    return [Headline(Tone.FINE, text)]
