"""From services to what people call one thing: "Tor: website blocked; Snowflake works".

Services of one part stand in for each other (ten directory authorities), as the endpoints of a
role do; parts do not. So the whole is judged from its parts as a service is from its roles, and
it works in part as soon as one part is cut and another is not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from probe.analysis.looked import NOT_MEASURED
from probe.analysis.rollup import (
    Key,
    Outcome,
    Seen,
    combined_row,
    nothing_seen,
    of_roles,
    strongest,
    verdict_of,
)
from probe.analysis.rollup_words import said
from probe.model.record import Judged
from probe.model.target import PartOf, Role, Service, Whole
from probe.model.verdict import PartVerdict, ServiceVerdict, State, Verdict, WholeVerdict

__all__ = ["Membership", "combine_whole", "membership", "roll_up_wholes", "with_parts"]

Membership = Mapping[str, PartOf]
"""Of which part of which whole a service (by its id) is."""


class _Part(NamedTuple):
    verdict: PartVerdict
    outcome: Outcome | None


def membership(services: Iterable[Service]) -> dict[str, PartOf]:
    """Return which services are parts of a whole."""
    return {s.id: s.part_of for s in services if s.part_of is not None}


def with_parts(ids: Collection[str], parts: Membership) -> frozenset[str]:
    """Return these ids, and the services that the wholes among them are made of."""
    return frozenset(ids) | {service for service, part in parts.items() if part.whole in ids}


def roll_up_wholes(
    wholes: Iterable[Whole], services: Sequence[Service], verdicts: Iterable[ServiceVerdict]
) -> tuple[WholeVerdict, ...]:
    """Return the verdict on every whole of which at least one service has one."""
    given = {verdict.service: verdict for verdict in verdicts}
    found: list[WholeVerdict] = []
    for whole in wholes:
        mine = [s for s in services if s.part_of is not None and s.part_of.whole == whole.id]
        if any(service.id in given for service in mine):
            found.append(_whole(whole, mine, given))
    return tuple(found)


def combine_whole(whole: str, parts: Membership, rows: Sequence[Judged]) -> Judged:
    """Return one row for a whole from the rows of its services in one round, one a service.

    Raises:
        ValueError: without rows.

    """
    if not rows:
        raise ValueError("nothing to combine")
    by_part: dict[str, list[Judged]] = {}
    for row in rows:
        by_part.setdefault(parts[row.service].part, []).append(row)
    seen = {part: _of_part(mine) for part, mine in by_part.items()}
    outcomes: dict[Key, Outcome] = {
        (Role.OTHER, part): outcome for part, outcome in seen.items() if outcome is not None
    }
    none = Outcome(State.INCONCLUSIVE, rows[0], "rollup.none")
    return combined_row(of_roles(outcomes) if outcomes else none, rows[0], subject=whole)


def _whole(
    whole: Whole, services: Sequence[Service], given: Mapping[str, ServiceVerdict]
) -> WholeVerdict:
    by_part: dict[str, list[Service]] = {}
    for service in services:
        if service.part_of is not None:
            by_part.setdefault(service.part_of.part, []).append(service)
    parts = [_part(name, mine, given) for name, mine in by_part.items()]
    outcomes: dict[Key, Outcome] = {
        (Role.OTHER, part.verdict.part): part.outcome for part in parts if part.outcome is not None
    }
    told = [given[service.id].verdict for service in services if service.id in given]
    if outcomes:
        outcome = of_roles(outcomes)
        verdict = verdict_of(outcome, outcome.rule, told)
    else:
        verdict = nothing_seen()
    of_parts = tuple(part.verdict for part in parts)
    sentence = f"{whole.name}: {'; '.join(map(_said_of_part, of_parts))}."
    return WholeVerdict(
        whole=whole.id,
        name=whole.name,
        verdict=msgspec.structs.replace(verdict, sentence=sentence),
        parts=of_parts,
        sentence=sentence,
    )


def _part(name: str, services: Sequence[Service], given: Mapping[str, ServiceVerdict]) -> _Part:
    told = [given[service.id].verdict for service in services if service.id in given]
    outcome = _of_part(told)
    verdict = None if outcome is None else verdict_of(outcome, f"part.{outcome.rule}", told)
    seen = [v for v in told if v.mechanism not in NOT_MEASURED]
    return _Part(
        PartVerdict(
            part=name,
            verdict=verdict,
            services=tuple(service.id for service in services),
            working=sum(v.state is State.OK for v in seen),
            measured=len(seen),
            total=len(services),
        ),
        outcome,
    )


def _of_part(told: Sequence[Verdict] | Sequence[Judged]) -> Outcome | None:
    """Return the state of a part: of services that stand in for each other, each as seen.

    Unlike an endpoint, a service of which nothing is clear counts against "works": one
    authority that answers while nobody knows of nine is no working part.
    """
    seen: list[Seen] = [one for one in told if one.mechanism not in NOT_MEASURED]
    if not seen:
        return None
    states = [one.state for one in seen]
    working = states.count(State.OK)
    bad: list[State] = [s for s in (State.BLOCKED, State.DEGRADED, State.DOWN) if s in states]
    failing = sum(states.count(s) for s in bad)
    if 2 * working > len(seen):
        return Outcome(State.OK, strongest(seen, State.OK), "ok", works=True)
    if working and 2 * failing >= len(seen):
        return Outcome(State.DEGRADED, strongest(seen, bad[0]), "some", works=True)
    if failing and not working and 2 * failing >= len(seen):
        state = max(bad, key=states.count)
        return Outcome(state, strongest(seen, state), str(state), works=state is State.DEGRADED)
    unknown = [s for s in (State.INCONCLUSIVE, State.INVALID) if s in states]
    by = strongest(seen, unknown[0] if unknown else bad[0])
    invalid = unknown == [State.INVALID]
    return Outcome(
        State.INVALID if invalid else State.INCONCLUSIVE, by, "unknown", works=bool(working)
    )


def _said_of_part(part: PartVerdict) -> str:
    """Return what is said of a part; of several services, how many are reachable."""
    if part.verdict is None:
        return f"{part.part}: not measured"
    if part.total > 1:
        return f"{part.part}: {part.working} of {part.measured} reachable"
    return f"{part.part}: {said(part.verdict)}"
