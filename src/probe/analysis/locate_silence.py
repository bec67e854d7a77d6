"""A trigger that nobody answers: how far it came, and whether that is more than loss."""

from probe.analysis.trace_case import MISSED, Case
from probe.model.trace import Arm, Effect, Finding, Located, Placement
from probe.model.verdict import Confidence

__all__ = ["where_silence_begins"]

_CHANCE = 0.01
"""Silence counts when loss would make so much of it less often than this."""


def where_silence_begins(case: Case) -> Located:
    """Return the hops between the last that heard the trigger and the first that must have."""
    came = case.tally.ttls((Arm.TARGET,), lambda shot: shot.heard)
    first = (came[-1] if came else 0) + 1
    last = _silent_by(case, first)
    if last is None:
        case.notes.append(
            "harmless shots do not get further either"
            if case.tally.of(Arm.NEUTRAL)
            else "nothing to compare with: give a neutral name or host"
        )
        return case.found(Finding.INCONCLUSIVE, effect=Effect.SILENCE, first=first)
    at_server = case.server is not None and last >= case.server
    finding = Finding.NETWORK
    if at_server:
        finding = Finding.SERVER if first == last else Finding.INCONCLUSIVE
    if first < last:
        case.notes.append("hops in between say nothing, or too seldom to tell")
    rounds = len({shot.round for shot in case.tally.of(Arm.TARGET) if shot.ttl >= first})
    sure = first == last and not at_server
    return case.found(
        finding,
        effect=Effect.SILENCE,
        first=first,
        last=last,
        placement=Placement.IN_PATH if finding is Finding.NETWORK else Placement.UNKNOWN,
        specific=True,
        rounds=rounds,
        confidence=case.confidence(rounds) if sure else Confidence.WEAK,
    )


def _silent_by(case: Case, first: int) -> int | None:
    """Return the hop by which silence is no chance any more, ``None`` if there is none.

    Hop by hop: how often harmless shots are heard there, and how many of the trigger were not.
    """
    arms = case.comparable(first)
    missed = 1.0
    last: int | None = None
    for ttl in case.tally.ttls(arms, lambda shot: shot.spoken_of):
        sent = case.tally.at(ttl, Arm.TARGET)
        if ttl < first or not sent:
            continue
        missed *= (1 - _heard_share(case, ttl, arms)) ** len(sent)
        if last is None and missed <= MISSED:
            last = ttl
    return last if missed <= _CHANCE else None


def _heard_share(case: Case, ttl: int, arms: tuple[Arm, ...]) -> float:
    """Return how often harmless shots are heard at a hop, by the arm that is heard best there.

    What cuts an address may cut the datagrams that go along as well.
    """
    shares: list[float] = []
    for arm in arms:
        shots = case.tally.at(ttl, arm)
        if shots:
            shares.append(case.share(sum(shot.spoken_of for shot in shots), len(shots)))
    return max(shares, default=0.0)
