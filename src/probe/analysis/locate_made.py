"""Answers that were made on the way: which they are, from which hop on, beside or in the path."""

from probe.analysis.trace_case import MISSED, Case, different_looks, effect_of
from probe.model.trace import Arm, Finding, Located, Placement, Shot
from probe.model.verdict import Confidence

__all__ = ["made_on_the_way", "who_made"]


def made_on_the_way(case: Case, arm: Arm) -> list[Shot]:
    """Return the shots that were answered and had died before the server.

    Where a router has spoken at this hop or behind it, the shot died on the way. So it did
    where neutral shots of that life met no server, twice at least (one may have been lost), and
    the answer does not look like the server's.
    """
    return [shot for shot in case.tally.of(arm) if shot.answers and _died_before(case, shot)]


def _died_before(case: Case, shot: Shot) -> bool:
    others = case.tally.at(shot.ttl, *case.same_place)
    met = any(other.answered for other in others if other is not shot)
    if shot.ttl > case.behind:
        nearer = case.server is not None and shot.ttl < case.server
        return nearer and len(others) >= 2 and not met and _looks_made(case, shot)
    # some flows may have a shorter way: then the server's own look tells its answers apart
    return not met or _looks_made(case, shot)


def who_made(case: Case, made: list[Shot]) -> Located:
    """Return where the answers of ``made`` come from: no nearer hop has ever answered."""
    hop = min(shot.ttl for shot in made)
    first = _earliest(case, hop, made)
    spared = not made_on_the_way(case, Arm.NEUTRAL)
    rounds = len({shot.round for shot in made if shot.ttl == hop})
    if first < hop:
        case.notes.append("loss may have hidden a nearer hop")
    return case.found(
        Finding.NETWORK,
        effect=effect_of([answer for shot in made for answer in shot.answers]),
        first=first,
        last=hop,
        placement=_placement(case, hop, made),
        specific=spared if case.tally.of(Arm.NEUTRAL) else None,
        rounds=rounds,
        confidence=case.confidence(rounds) if first == hop else Confidence.WEAK,
        looks=different_looks(made),
    )


def _earliest(case: Case, hop: int, made: list[Shot]) -> int:
    """Return the nearest hop that loss could have hidden in every round."""
    share = case.share(*_reacted(case, hop, made))
    first, chance = hop, 1.0
    while first > 1:
        chance *= (1 - share) ** len(case.tally.at(first - 1, Arm.TARGET))
        if chance <= MISSED:
            break
        first -= 1
    return first


def _reacted(case: Case, hop: int, made: list[Shot]) -> tuple[int, int]:
    """Return how many triggers the machine answered, and of how many that came to it.

    Round by round, nearest first, up to the first that it answered: after that one it may cut
    the pair of addresses off, and its silence is no sign that it missed something. Of what went
    on to the server those answers count that do not look like the server's.
    """
    answered = sent = 0
    for number in {shot.round for shot in case.tally.of(Arm.TARGET)}:
        came = [s for s in case.tally.of(Arm.TARGET) if s.round == number and s.ttl >= hop]
        for shot in sorted(came, key=lambda shot: shot.ttl):
            sent += 1
            if shot in made or _looks_made(case, shot):
                answered += 1
                break
    return answered, sent


def _looks_made(case: Case, shot: Shot) -> bool:
    return any(answer.looks.ttl != case.own_ttl for answer in shot.answers)


def _placement(case: Case, hop: int, made: list[Shot]) -> Placement:
    """Return whether triggers go on behind the machine, where harmless shots do."""
    behind = [shot for shot in case.tally.of(Arm.TARGET) if shot.ttl >= hop]
    if any(shot.heard for shot in behind) or _true_answer(case, made):
        return Placement.ON_PATH
    spoken = [s for s in case.tally.of(*case.same_place) if s.ttl >= hop and s.heard]
    met = case.server is not None and any(shot.ttl >= case.server for shot in behind)
    return Placement.IN_PATH if len(spoken) >= 2 or met else Placement.UNKNOWN


def _true_answer(case: Case, made: list[Shot]) -> bool:
    """Return whether the server's own acknowledgement came as well, by its TTL."""
    own = case.own_ttl
    if own is None or case.server is None:
        return False
    forged = {answer.looks.ttl for shot in made for answer in shot.answers}
    reached = (s for s in case.tally.of(Arm.TARGET) if s.ttl >= (case.server or 0))
    return own not in forged and any(shot.taken == own for shot in reached)
