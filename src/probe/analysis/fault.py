"""Unrelated services that fail at once on one vantage alone: that vantage's own fault.

Nobody orders a messenger, an app store and a news site to fail in one second on one line of
many. Where other vantages looked at the same services at that time and found them working, the
event is marked, keeps its place on this line, and says so.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from probe.analysis.spans import last_look, overlap, spans_of, vote
from probe.analysis.study import Study
from probe.model.event import Event, EventKind
from probe.model.timeline import Signal

__all__ = ["fault_sentence", "with_fault"]

SERVICES = 3
FAMILIES = 2
_TOGETHER_S = 120.0
_SAME_HOURS = 0.8


def with_fault(
    events: Sequence[Event], studies: Sequence[Study], *, families: Mapping[str, str]
) -> tuple[Event, ...]:
    """Return the events, those of a vantage's own fault marked.

    ``families`` says which services are related (by their shelf in the catalog); a service that
    it does not name is a family of its own. Three services of two families must have begun to
    fail within two minutes, or in the same hours of the same days, and at least one other
    vantage must have looked at two of them, and none found any of them failing.
    """
    if len({study.series.key.vantage for study in studies}) < 2:
        return tuple(events)
    marked: set[int] = set()
    beside: dict[str, list[Study]] = defaultdict(list)
    for study in studies:
        if study.series.key.signal is Signal.TARGETED:
            beside[study.series.key.subject].append(study)
    for mine in _by_line(events).values():
        for together in _moments(events, mine):
            subjects = {events[i].series.split("/", 1)[0] for i in together}
            unrelated = {families.get(name, name) for name in subjects}
            few = len(subjects) < SERVICES or len(unrelated) < FAMILIES
            if not few and _alone(events, together, beside):
                marked.update(together)
    return tuple(replace(e, own_fault=True) if i in marked else e for i, e in enumerate(events))


def _by_line(events: Sequence[Event]) -> dict[tuple[str, str], list[int]]:
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        if event.signal == Signal.TARGETED and event.kind is not EventKind.DEGRADED_WINDOW:
            lines[event.vantage, event.network].append(place)
    return lines


def _moments(events: Sequence[Event], mine: Sequence[int]) -> list[list[int]]:
    """Return the places of events that began together, or lie in the same hours.

    Outages are taken by time and met with the last group only; windows, of which there are few,
    with every group.
    """
    singles: list[list[int]] = []
    for place in sorted(
        (i for i in mine if events[i].window is None), key=lambda i: events[i].start.latest
    ):
        if singles and _at_once(events[singles[-1][0]], events[place]):
            singles[-1].append(place)
        else:
            singles.append([place])
    windows: list[list[int]] = []
    for place in (i for i in mine if events[i].window is not None):
        spans = spans_of(events[place])
        group = next(
            (g for g in windows if overlap(spans_of(events[g[0]]), spans) >= _SAME_HOURS), None
        )
        if group is None:
            windows.append([place])
        else:
            group.append(place)
    return singles + windows


def _at_once(one: Event, other: Event) -> bool:
    apart = abs((one.start.latest - other.start.latest).total_seconds())
    hidden = one.start.censored or other.start.censored
    return not hidden and apart <= _TOGETHER_S


def _alone(
    events: Sequence[Event], together: Sequence[int], beside: Mapping[str, Sequence[Study]]
) -> bool:
    """Return whether another vantage looked at two of the services, and nobody else saw it."""
    looked: dict[str, set[str]] = defaultdict(set)
    for event in (events[i] for i in together):
        now = last_look(study.evidence for study in beside[event.series])
        spans = spans_of(event, now=now)
        for study in beside[event.series]:
            key = study.series.key
            said = None if key.vantage == event.vantage else vote(study.evidence, spans).shares
            if said:
                return False
            if said is False:
                looked[key.vantage].add(key.subject)
    return any(len(subjects) >= FAMILIES for subjects in looked.values())


def fault_sentence(event: Event) -> str:
    """Return the words for a vantage's own fault, "" for any other event."""
    if not event.own_fault:
        return ""
    return (
        "Several unrelated services failed in the same moment on this vantage and on no other "
        "that looked: this points to the vantage itself, not to a restriction."
    )
