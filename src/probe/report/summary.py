"""The sentences at the head of a report: what was found, said as far as it was shown and no more.

Words that are kept apart here: what a network does is *cut* or *blocked*, what a service does is
*refuses*, what fails everywhere is *down*, and what is not shown is said to be not shown.
"""

from collections.abc import Iterable

from probe.model.verdict import Confidence, Locus, Reason
from probe.report.data import FindingKind, ReportData, ServiceFinding
from probe.report.headline import Headline, Tone, grouped
from probe.report.mechanisms import how
from probe.report.phrases import duration, names, since_words
from probe.report.summary_hours import slow_headlines, window_headlines
from probe.report.summary_line import line_headlines
from probe.report.tongue import _, language, n_
from probe.report.words import CONFIDENCE, REASON

__all__ = ["Headline", "Tone", "headlines"]


def headlines(data: ReportData) -> tuple[Headline, ...]:
    """Return what a reader should know first, gravest first."""
    said = [
        *window_headlines(data),
        *_intercepted(data),
        *_blocked(data),
        *line_headlines(data),
        *slow_headlines(data),
        *_recovered(data),
        *_refused(data),
        *_down(data),
        *_unsure(data),
        *_works(data),
    ]
    return tuple(said) or (Headline(Tone.UNCLEAR, _("Nothing was measured in this period.")),)


def _of(data: ReportData, *kinds: FindingKind) -> list[ServiceFinding]:
    return [found for found in data.services if found.kind in kinds]


def _of_network(found: ServiceFinding) -> bool:
    return found.locus is Locus.NETWORK


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
    return [Headline(Tone.CUT, text, (by, *_how_lines(found, data)), tuple(found))]


def _who(found: Iterable[ServiceFinding]) -> str:
    return names([one.name for one in found])


def _is_interception(found: ServiceFinding) -> bool:
    return (found.mechanism or "").startswith("tls.mitm")


def _blocked(data: ReportData) -> list[Headline]:
    found = [one for one in _of(data, FindingKind.BLOCKED) if not _is_interception(one)]
    said = []
    for group in grouped(found, lambda one: one.locus):
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
        details = (*_how_lines(group, data), *((same,) if unknown else ()))
        said.append(Headline(tone, text, details, tuple(group)))
    return said


def _how_lines(found: list[ServiceFinding], data: ReportData) -> tuple[str, ...]:
    lines = []
    for group in grouped(found, lambda one: (one.mechanism, one.confidence)):
        confidence = group[0].confidence
        sure = CONFIDENCE[confidence] if confidence else _("confidence not stated")
        since = since_words(group[0].since, data.place.tz) if len(group) == 1 else ""
        if since:
            sure = f"{sure}{language().comma}{since}"
        lines.append(f"{_who(group)}: {how(group[0].mechanism)} ({sure}).")
    return tuple(lines)


def _recovered(data: ReportData) -> list[Headline]:
    said = []
    for group in grouped(_of(data, FindingKind.RECOVERED), _of_network):
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
        said.append(Headline(Tone.CUT if cut else Tone.FAILED, text, lines, tuple(group)))
    return said


def _refused(data: ReportData) -> list[Headline]:
    said = []
    for group in grouped(_of(data, FindingKind.REFUSED), lambda one: one.reason):
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
        said.append(Headline(Tone.REFUSED, text, (detail,), tuple(group)))
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
    return [Headline(Tone.DOWN, text, (detail,), tuple(found))]


def _unsure(data: ReportData) -> list[Headline]:
    said = []
    signs = _of(data, FindingKind.SIGNS)
    if signs:
        text = _("Weak signs only, for {who}.", who=_who(signs))
        detail = _("Something failed once or without a comparison. It is not shown to be blocked.")
        said.append(Headline(Tone.UNCLEAR, text, (detail,), tuple(signs)))
    slow = _of(data, FindingKind.DEGRADED)
    if slow:
        text = n_(
            "{who} works only in part.", "{who} work only in part.", len(slow), who=_who(slow)
        )
        said.append(Headline(Tone.UNCLEAR, text, _how_lines(slow, data), tuple(slow)))
    unclear = _of(data, FindingKind.UNCLEAR)
    if unclear:
        text = _("No judgement is possible on {who}.", who=_who(unclear))
        detail = _("What was seen proves neither one nor the other.")
        said.append(Headline(Tone.UNCLEAR, text, (detail,), tuple(unclear)))
    return said


def _works(data: ReportData) -> list[Headline]:
    found = _of(data, FindingKind.WORKS)
    if not found:
        return []
    who = _who(found)
    text = n_("{who} worked.", "{count} services worked: {who}.", len(found), who=who)
    return [Headline(Tone.FINE, text, (), tuple(found))]
