"""At which hop a network reacts to a trigger, from shots of limited life; pure.

The method is that of Xu, Mao and Halderman ("Internet Censorship in China: Where Does the
Filtering Occur?", PAM 2011) and of CenTrace (Raman et al., "Network Measurement Methods for
Locating and Examining Censorship Devices", CoNEXT 2022), with certainties and doubts kept apart:

- A packet that died at hop ``t`` was seen by nobody beyond ``t``. So an answer to it in the
  server's name was made at ``t`` or before: no loss can make a hop come out *too near*.
- A router that says that the trigger died at ``t`` proves that it came so far.
- Loss can hide either, and so make a hop come out too far. How often shots are lost is taken from
  the same trace; while the chance that a nearer hop was missed in all rounds is above 5 %, that
  hop stays in the range that is named.
- What begins at the hop where the neutral name meets the server is the server's, or of what stands
  directly in front of it: that is said, and no hop of the network is.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from probe.analysis.locate_made import made_on_the_way, who_made
from probe.analysis.locate_silence import where_silence_begins
from probe.analysis.shots import Tally
from probe.analysis.trace_case import Case, different_looks, effect_of
from probe.model.trace import AnswerKind, Arm, Effect, Finding, Located, Shot, Trigger
from probe.model.verdict import Confidence

__all__ = ["flooded", "locate"]


def locate(shots: Iterable[Shot], trigger: Trigger) -> Located:
    """Return where the trigger is reacted to, and by what kind of machine.

    Answers that were made on the way come first, then what the server said, then silence.
    """
    usable, notes = _usable(tuple(shots), trigger)
    case = Case(Tally(usable), trigger, notes)
    if not case.rounds:
        begun = any(shot.arm is Arm.TARGET for shot in usable)
        case.notes.append(
            "no shot with the trigger could be sent: the connection fails"
            if begun
            else "it ended before the trigger was sent"
        )
        return case.found(Finding.INCONCLUSIVE)
    made = made_on_the_way(case, Arm.TARGET)
    if made:
        return who_made(case, made)
    met = [shot for shot in case.tally.of(Arm.TARGET) if shot.answered]
    return _met(case, met) if met else where_silence_begins(case)


def flooded(located: Located, lost: int) -> Located:
    """Return what still holds when ``lost`` packets came that could not be read.

    What was seen was seen; but answers may be among the others, so that no silence is one, and no
    hop is surely the first.
    """
    if not lost:
        return located
    note = f"{lost} packets came that could not be read; answers may be among them"
    silent = located.effect is Effect.SILENCE
    return replace(
        located,
        finding=Finding.INCONCLUSIVE if silent else located.finding,
        confidence=Confidence.WEAK,
        notes=(*located.notes, note),
    )


def _usable(shots: Sequence[Shot], trigger: Trigger) -> tuple[tuple[Shot, ...], tuple[str, ...]]:
    """Leave out rounds in which the neutral name was held up that had got through before."""
    passed = {s.round for s in shots if s.arm is Arm.NEUTRAL and s.answered}
    tried = {s.round for s in shots if s.arm is Arm.NEUTRAL}
    spoilt = tried - passed
    if trigger is Trigger.SYN or not passed or not spoilt:
        return tuple(shots), ()
    note = f"{len(spoilt)} of {len(tried)} rounds left out: the neutral name was held up, too"
    return tuple(shot for shot in shots if shot.round not in spoilt), (note,)


def _met(case: Case, shots: list[Shot]) -> Located:
    """Judge a trigger that is answered only from where the server is."""
    answers = [a for s in shots for a in s.answers if a.kind is not AnswerKind.UNREACHABLE]
    kinds = {answer.kind for answer in answers}
    rounds = len({shot.round for shot in shots})
    if AnswerKind.DATA in kinds:
        return case.found(Finding.NONE, rounds=rounds, confidence=case.confidence(rounds))
    if not kinds:
        closed = any(shot.answers for shot in shots)
        case.notes.append(
            "the host says that nobody listens at that port"
            if closed
            else "the trigger was taken, and no answer came in time"
        )
        return case.found(Finding.INCONCLUSIVE, rounds=rounds)
    hop = min(shot.ttl for shot in shots)
    own = case.own_ttl is not None and all(a.looks.ttl == case.own_ttl for a in answers)
    unclear = case.trigger is Trigger.SYN  # what resets it may answer the datagram, too
    if unclear:
        case.notes.append("the server may stand there, or a machine in the path")
    elif not own and case.looks is not None:
        case.notes.append("its TTL is not the server's: a machine in front of it may answer")
    spared = _neutral_answered(case)
    sure = own and case.server is not None and spared
    return case.found(
        Finding.INCONCLUSIVE if unclear else Finding.SERVER,
        effect=effect_of(answers),
        first=hop,
        last=hop,
        specific=spared if case.tally.of(Arm.NEUTRAL) else None,
        rounds=rounds,
        confidence=case.confidence(rounds) if sure else Confidence.WEAK,
        looks=different_looks(shots),
    )


def _neutral_answered(case: Case) -> bool:
    """Return whether the neutral twin gets what the trigger does not: bytes."""
    neutral = case.tally.of(Arm.NEUTRAL)
    return any(a.kind is AnswerKind.DATA for shot in neutral for a in shot.answers)
