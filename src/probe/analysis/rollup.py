"""From endpoints to a service, by roles: "messages work, calls do not" is a result.

Endpoints of one role stand in for each other (WhatsApp has sixteen chat hosts), so a role is
blocked only when none of them works: one dead host among many is no interference, and one that
works keeps people talking. When at least half of those that could be judged fail, the role is
degraded. What only opens a connection (``tcp_only``) proves neither. When most failed with
nothing to compare with, one that works makes nothing ok: that is not clear.

Across roles nothing stands in for anything: a service is ok when every judged role is,
blocked when every judged role is, and otherwise degraded. It is not ok when most roles are
not known, or when signing in, messages or downloads failed with nothing to compare with; and it
is blocked "perhaps" while most roles, or all that it is of no use without, are not known.

Who is blamed is the side (the service itself, or what is before it) that most of the blocked
ones name: one page that refuses does not explain five connections that are cut.

Listings of an app are the exception to the first rule: no store stands in for another, so each
has a verdict of its own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from probe.analysis.baseline import beside, sentence_of
from probe.analysis.grounds import ground_of
from probe.analysis.looked import NOT_MEASURED
from probe.analysis.rollup_words import service_sentence
from probe.model.record import Judged
from probe.model.target import Endpoint, Purpose, Role, Service
from probe.model.verdict import Confidence, Locus, RoleVerdict, ServiceVerdict, State, Verdict

__all__ = [
    "NOT_MEASURED",
    "Key",
    "Outcome",
    "Seen",
    "combine",
    "combined_row",
    "nothing_seen",
    "of_roles",
    "rollup",
    "strongest",
    "verdict_of",
]

ESSENTIAL = (Role.SIGN_IN, Role.MESSAGES, Role.DOWNLOAD, Role.TUNNEL)
"""Roles without which a service is of no use."""

_VERSION = 1

Key = tuple[Role, str]
"""What stands in for each other: the endpoints of a role, or one listing alone."""


class Seen(Protocol):
    """What both a verdict and a stored row say."""

    @property
    def state(self) -> State:
        """Return how it fared."""
        ...

    @property
    def mechanism(self) -> str:
        """Return the deepest node that was shown."""
        ...

    @property
    def locus(self) -> Locus:
        """Return whose doing it is."""
        ...

    @property
    def confidence(self) -> Confidence:
        """Return how well it is shown."""
        ...

    @property
    def rule_id(self) -> str:
        """Return the rule that said so."""
        ...


S = TypeVar("S", bound=Seen)


class Outcome(msgspec.Struct, frozen=True):
    """A state, and the one that decided it (``None``: nobody looked)."""

    state: State
    by: Seen | None
    rule: str
    weak: bool = False  # something that matters is not known
    works: bool = False  # at least one endpoint was shown to work
    doubt: bool = False  # an essential role failed, with nothing to compare with


def strongest(seen: Iterable[S], state: State) -> S:
    """Return the one of ``state`` that speaks best: side of most, best shown, most often seen."""
    mine = [s for s in seen if s.state is state]
    if len(mine) == 1:
        return mine[0]
    mechanisms = [s.mechanism for s in mine]
    refusals = sum(s.locus is Locus.SERVER for s in mine)

    def rank(one: S) -> tuple[int, int, int]:
        side = refusals if one.locus is Locus.SERVER else len(mine) - refusals
        return side, _rank(one.confidence), mechanisms.count(one.mechanism)

    return max(mine, key=rank)


def _rank(confidence: Confidence) -> int:
    """Return how much is shown; compared by identity, for enums are slow to hash."""
    if confidence is Confidence.CONFIRMED:
        return 2
    return 1 if confidence is Confidence.LIKELY else 0


def _of_role(role: Role, seen: Sequence[S]) -> Outcome | None:
    """Return the state of one role from endpoints that stand in for each other."""
    looked = [s for s in seen if s.mechanism not in NOT_MEASURED]
    if not looked:
        return None
    states = [s.state for s in looked]
    ok, blocked, down = (states.count(s) for s in (State.OK, State.BLOCKED, State.DOWN))
    bad = blocked + down + states.count(State.DEGRADED)
    doubtful = [s for s in looked if _doubtful(s)]
    if ok and 2 * (bad + len(doubtful)) < ok + bad + len(doubtful):
        return Outcome(State.OK, strongest(looked, State.OK), "ok", works=True)
    if ok and 2 * bad >= ok + bad:
        return Outcome(State.DEGRADED, _worst(looked), "half", works=True)
    if ok:
        return Outcome(
            State.INCONCLUSIVE,
            strongest(doubtful, State.INCONCLUSIVE),
            "doubt",
            works=True,
            doubt=role in ESSENTIAL,
        )
    if not bad:
        state = State.INCONCLUSIVE if State.INCONCLUSIVE in states else State.INVALID
        doubt = bool(doubtful) and role in ESSENTIAL
        return Outcome(state, strongest(doubtful or looked, state), str(state), doubt=doubt)
    if blocked >= down and 2 * blocked >= len(looked):
        return Outcome(State.BLOCKED, strongest(looked, State.BLOCKED), "blocked")
    if down and not blocked and 2 * down >= len(looked):
        return Outcome(State.DOWN, strongest(looked, State.DOWN), "down")
    return Outcome(State.DEGRADED, _worst(looked), "some", weak=True)


def _doubtful(seen: Seen) -> bool:
    """Return whether it failed with nothing of now to compare with: neither good nor bad."""
    ground = ground_of(seen.rule_id)
    return seen.state is State.INCONCLUSIVE and ground is not None and not ground.of_now


def _worst(seen: Sequence[S]) -> S:
    for state in (State.BLOCKED, State.DEGRADED, State.DOWN):
        if any(s.state is state for s in seen):
            return strongest(seen, state)
    return seen[0]


def of_roles(by_role: Mapping[Key, Outcome]) -> Outcome:
    """Return the state of a service from its roles; each is needed for itself."""
    roles = tuple(by_role.values())
    judged = [r for r in roles if r.state not in (State.INCONCLUSIVE, State.INVALID)]
    unknown = len(judged) < len(roles)
    if not judged:
        state = State.INCONCLUSIVE
        if roles and all(r.state is State.INVALID for r in roles):
            state = State.INVALID
        by = next((r.by for r in roles if r.state is state), None)
        return Outcome(state, by, "rollup.unknown")
    states = [r.state for r in judged]
    if states.count(State.OK) == len(judged):
        if 2 * len(judged) < len(roles) or any(r.doubt for r in roles):
            return _mostly_unknown(roles)
        return Outcome(State.OK, judged[0].by, "rollup.ok", weak=unknown)
    if State.DEGRADED not in states and not any(r.works for r in roles):
        more = states.count(State.BLOCKED) >= states.count(State.DOWN)
        state = State.BLOCKED if more else State.DOWN
        weak = not _mostly_known(by_role)
        return Outcome(state, _decider(judged, state), f"rollup.{state}", weak=weak)
    return Outcome(State.DEGRADED, _decider(judged, None), "rollup.degraded")


def _mostly_known(by_role: Mapping[Key, Outcome]) -> bool:
    """Return whether half of the roles are judged, and one of the essential ones, if any."""
    unknown = (State.INCONCLUSIVE, State.INVALID)
    judged = {key for key, outcome in by_role.items() if outcome.state not in unknown}
    essential = [key for key in by_role if key[0] in ESSENTIAL]
    return 2 * len(judged) >= len(by_role) and (not essential or not judged.isdisjoint(essential))


def _mostly_unknown(roles: Sequence[Outcome]) -> Outcome:
    """Return what a service is of which a part works, and most or what matters is not known."""
    invalid = sum(r.state is State.INVALID for r in roles)
    state = State.INVALID if 2 * invalid > len(roles) else State.INCONCLUSIVE
    unknown = sorted((r for r in roles if r.state is not State.OK), key=lambda r: not r.doubt)
    by = next((r.by for r in unknown if r.state is state), unknown[0].by)
    return Outcome(state, by, "rollup.unknown")


def _decider(roles: Sequence[Outcome], state: State | None) -> Seen | None:
    wanted = (state,) if state is not None else (State.BLOCKED, State.DEGRADED, State.DOWN)
    found = [r.by for r in roles if r.state in wanted and r.by is not None]
    return _worst(found) if found else None


def combine(rows: Sequence[Judged]) -> Judged:
    """Return one row for the service from all its endpoints' rows in one round.

    Raises:
        ValueError: without rows.

    """
    if not rows:
        raise ValueError("nothing to combine")
    first = rows[0]
    by_role: dict[Key, list[Judged]] = {}
    for row in rows:
        alone = row.endpoint if row.role is Role.LISTING else ""
        by_role.setdefault((row.role, alone), []).append(row)
    seen = ((key, _of_role(key[0], by_role[key])) for key in sorted(by_role, key=_order))
    roles = {key: outcome for key, outcome in seen if outcome is not None}
    outcome = of_roles(roles) if roles else Outcome(State.INCONCLUSIVE, first, "rollup.none")
    return combined_row(outcome, first)


def combined_row(outcome: Outcome, first: Judged, *, subject: str | None = None) -> Judged:
    """Return the row of what ``outcome`` decided, at the time and place of ``first``."""
    by = outcome.by if outcome.by is not None else first
    return Judged(
        time=first.time,
        round=first.round,
        vantage=first.vantage,
        network=first.network,
        tz=first.tz,
        utc_offset_s=first.utc_offset_s,
        service=first.service if subject is None else subject,
        endpoint="",
        role=Role.OTHER,
        state=outcome.state,
        mechanism=by.mechanism,
        locus=by.locus,
        confidence=confidence_of(outcome, by),
        rule_id=outcome.rule,
        control_bad=first.control_bad,
        gates=first.gates,
    )


_ROLES = tuple(Role)


def _order(key: Key) -> tuple[int, str]:
    return _ROLES.index(key[0]), key[1]


def confidence_of(outcome: Outcome, by: Seen) -> Confidence:
    return Confidence.WEAK if outcome.weak else by.confidence


def rollup(
    service: Service,
    verdicts: Sequence[tuple[Endpoint, Verdict]],
    known: Mapping[str, tuple[Endpoint, Verdict]] | None = None,
) -> ServiceVerdict:
    """Return the service's verdict, and one for each role that its endpoints have.

    Controls and domestic endpoints never speak for a service. A role of the catalog without a
    measured endpoint is "not measured": its verdict is ``None``. ``known`` are the verdicts of
    the whole round by endpoint: what the baselines of this service's endpoints did is said.
    """
    mine = [(e, v) for e, v in verdicts if e.purpose is Purpose.TARGET]
    totals = Counter(_key_of(e) for e in service.endpoints if e.purpose is Purpose.TARGET)
    for key, seen in Counter(_key_of(e) for e, _ in mine).items():
        totals[key] = max(totals[key], seen)
    roles: list[RoleVerdict] = []
    outcomes: dict[Key, Outcome] = {}
    for key in sorted(totals, key=_order):
        own = [v for e, v in mine if _key_of(e) == key]
        outcome = _of_role(key[0], own)
        verdict = None if outcome is None else verdict_of(outcome, f"role.{outcome.rule}", own)
        if outcome is not None:
            outcomes[key] = outcome
        roles.append(
            RoleVerdict(
                role=key[0],
                verdict=verdict,
                measured=sum(v.mechanism not in NOT_MEASURED for v in own),
                total=totals[key],
                of=key[1] or None,
            )
        )
    whole = of_roles(outcomes) if outcomes else None
    seen_all = [v for _, v in mine]
    verdict = nothing_seen() if whole is None else verdict_of(whole, whole.rule, seen_all)
    compared = beside(mine, known) if known is not None else ()
    told = (service_sentence(service, verdict, roles), sentence_of(compared))
    sentence = " ".join(filter(None, told))
    verdict = msgspec.structs.replace(verdict, sentence=sentence)
    return ServiceVerdict(
        service=service.id,
        verdict=verdict,
        roles=tuple(roles),
        sentence=sentence,
        beside=compared,
    )


def _key_of(endpoint: Endpoint) -> Key:
    listing = endpoint.role is Role.LISTING
    return endpoint.role, (endpoint.store or endpoint.host) if listing else ""


def nothing_seen() -> Verdict:
    """Return the verdict on what nobody looked at."""
    return Verdict(
        state=State.INCONCLUSIVE,
        mechanism="not_measured",
        locus=Locus.LOCAL,
        confidence=Confidence.CONFIRMED,
        rule_id="rollup.none",
        rule_version=_VERSION,
    )


def verdict_of(outcome: Outcome, rule_id: str, seen: Sequence[Verdict]) -> Verdict:
    """Return the verdict that ``outcome`` makes of what was ``seen`` (not empty)."""
    by = next((v for v in seen if v is outcome.by), seen[0])
    alike = sum(v.mechanism == by.mechanism for v in seen)
    more = f" ({alike} of {len(seen)} endpoints)" if len(seen) > 1 else ""
    return Verdict(
        state=outcome.state,
        mechanism=by.mechanism,
        locus=by.locus,
        confidence=confidence_of(outcome, by),
        rule_id=rule_id,
        rule_version=_VERSION,
        reason=by.reason,
        sentence=by.sentence + more,
        evidence=by.evidence,
    )
