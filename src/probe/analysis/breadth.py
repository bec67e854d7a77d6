"""What else failed in the same hours on the same line: one service, a group, all, all but a few.

Each other series of the vantage and network votes on the hours of an event: it failed, it
worked, or it was not looked at enough to say.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from probe.analysis.spans import Stretches, last_look, spans_of, votes
from probe.analysis.study import Study
from probe.model.event import Breadth, Event, Reach
from probe.model.timeline import Signal

__all__ = ["breadth_sentence", "with_breadth"]

NAMED = 12
"""Of hundreds of services that worked meanwhile the first few are named, and all counted."""

_SAID = 6


@dataclass(frozen=True, slots=True)
class Company:
    """The other services that failed with an event, those that worked, and the line's own signals.

    ``upstream`` and ``intl`` say whether nothing at all, or nothing abroad, was reachable;
    ``None`` is not measured.
    """

    shared: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    upstream: bool | None = None
    intl: bool | None = None


def with_breadth(
    events: Sequence[Event], studies: Sequence[Study], *, domestic: Collection[str] = ()
) -> tuple[Event, ...]:
    """Return the events with how much of their line shared each; ``domestic`` are home services."""
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        lines[event.vantage, event.network].append(place)
    described = list(events)
    for line, places in lines.items():
        beside = [s for s in studies if (s.series.key.vantage, s.series.key.network) == line]
        mine = [events[place] for place in places]
        for place, company in zip(places, _companies(mine, beside), strict=True):
            described[place] = _described(events[place], company, domestic)
    return tuple(described)


def _companies(events: Sequence[Event], studies: Sequence[Study]) -> Iterator[Company]:
    """Return how the series of one line voted on the hours of each of its events."""
    now = last_look(study.evidence for study in studies)
    stretches = Stretches.of([spans_of(event, now=now) for event in events])
    answers = []
    for study in studies:
        bad, seen = votes(study.evidence, stretches)
        answers.append(np.where(seen == 0, -1, (2 * bad >= seen).astype(np.int64)))
    said = np.array(answers, dtype=np.int64).reshape(len(studies), len(events))
    keys = [study.series.key for study in studies]
    for column, event in enumerate(events):
        line: dict[Signal, bool] = {}
        sides: dict[int, set[str]] = {0: set(), 1: set()}
        for row in np.flatnonzero(said[:, column] >= 0).tolist():
            answer, key = int(said[row, column]), keys[row]
            if key.signal is not Signal.TARGETED:
                line[key.signal] = bool(answer)
            elif key.subject != event.series:
                sides[answer].add(key.subject)
        yield Company(
            shared=tuple(sorted(sides[1])),
            spared=tuple(sorted(sides[0] - sides[1])),
            upstream=line.get(Signal.UPSTREAM),
            intl=line.get(Signal.INTL),
        )


def _described(event: Event, company: Company, domestic: Collection[str]) -> Event:
    abroad = tuple(name for name in company.spared if name not in domestic)
    shared, seen = len(company.shared), len(company.shared) + len(company.spared)
    return msgspec.structs.replace(
        event,
        breadth=_breadth(event, company, abroad),
        company=(shared, seen) if seen else None,
        shared=company.shared[:NAMED],
        spared=company.spared[:NAMED],
    )


def _breadth(event: Event, company: Company, abroad: tuple[str, ...]) -> Breadth:
    if event.signal == Signal.UPSTREAM or company.upstream:
        return Breadth.TOTAL
    targeted = event.signal == Signal.TARGETED
    if event.signal == Signal.INTL or company.intl:
        return Breadth.ALLOWLIST if abroad else Breadth.DOMESTIC_ONLY
    if event.reach is Reach.TOTAL:
        few = len(abroad) < 1 + len(company.shared)
        return Breadth.ALLOWLIST if abroad and few else Breadth.TOTAL
    if not targeted or event.reach is Reach.MIXED:
        return Breadth.UNKNOWN
    if company.shared:
        known = company.spared or event.reach is Reach.TARGETED
        return Breadth.GROUP if known else Breadth.UNKNOWN
    alone = company.spared or event.reach is Reach.TARGETED
    return Breadth.TARGETED if alone else Breadth.UNKNOWN


def breadth_sentence(event: Event, names: Mapping[str, str]) -> str:
    """Return what shared the hours of an event and what did not, "" when nothing is known."""
    failed, seen = event.company or (0, 0)
    shared = _listed(event.shared, failed, names)
    spared = _listed(event.spared, seen - failed, names)
    if event.breadth is Breadth.ALLOWLIST:
        return f"In the same hours nearly all failed, the controls too; still worked: {spared}."
    if event.breadth is Breadth.DOMESTIC_ONLY and event.signal == Signal.TARGETED:
        return "In the same hours this line reached domestic sites only."
    if event.breadth is Breadth.TOTAL and event.signal == Signal.TARGETED:
        return "In the same hours the line reached nothing else either."
    parts = []
    if shared:
        parts.append(f"failed in the same hours: {shared}")
    if spared:
        parts.append(f"worked meanwhile: {spared}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _listed(some: Sequence[str], count: int, names: Mapping[str, str]) -> str:
    shown = [names.get(one, one) for one in some[:_SAID]]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
