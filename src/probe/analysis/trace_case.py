"""One trace under judgement: its shots counted, its server placed, what can be compared; pure."""

from collections.abc import Iterable, Sequence

from probe.analysis.shots import Tally, usual_looks
from probe.model.trace import (
    Answer,
    AnswerKind,
    Arm,
    Effect,
    Finding,
    Fingerprint,
    Located,
    Placement,
    Shot,
    Trigger,
)
from probe.model.verdict import Confidence

__all__ = ["MISSED", "REFERENCE", "Case", "different_looks", "effect_of"]

MISSED = 0.05
"""A nearer hop stays in the range while the chance that loss hid it is above this."""

REFERENCE = (Arm.NEUTRAL, Arm.PATH)
"""What the trigger is compared with."""

_MAX_LOOKS = 8
_PRIOR = 2.0
"""Shots; the weight of what is usual in a trace beside what was seen at one hop."""

_EFFECTS = {
    AnswerKind.RESET: Effect.RESET,
    AnswerKind.FIN: Effect.FIN,
    AnswerKind.DATA: Effect.ANSWER,
    AnswerKind.UNREACHABLE: Effect.PROHIBITED,
}


class Case:
    """What is known of a trace; ``notes`` gather what a reader has to know beside the finding.

    ``behind`` is the farthest router that spoke on the way to the trigger's address, ``server``
    the hop at which a harmless shot meets the server behind all of them, ``looks`` how it looks.
    """

    def __init__(self, tally: Tally, trigger: Trigger, notes: Sequence[str] = ()) -> None:
        """Place the server."""
        self.tally = tally
        self.trigger = trigger
        self.notes = list(notes)
        syn = trigger is Trigger.SYN  # its neutral twin goes to another address
        self.same_place = (Arm.PATH,) if syn else REFERENCE
        self.behind = tally.routers_end(Arm.TARGET, *self.same_place)
        self.looks = usual_looks(tally, trigger)
        met = [
            ttl
            for ttl in tally.ttls(self.same_place, lambda shot: shot.answered)
            if ttl > self.behind
        ]
        self.server = met[0] if met else None
        self._usual = self._usual_share()
        self.rounds = len({shot.round for shot in tally.of(Arm.TARGET)})

    @property
    def own_ttl(self) -> int | None:
        """Return the TTL with which the server's packets arrive."""
        return None if self.looks is None else self.looks.ttl

    def comparable(self, first: int) -> tuple[Arm, ...]:
        """Return the arms whose shots go the trigger's way, as far as before hop ``first``.

        To the same address they do. The neutral address of a SYN must be behind the same router
        as the last hop that heard the trigger.
        """
        if self.trigger is not Trigger.SYN or first == 1:
            return REFERENCE
        mine = self.tally.routers(first - 1, Arm.TARGET)
        same = mine & self.tally.routers(first - 1, Arm.NEUTRAL)
        return REFERENCE if same else (Arm.PATH,)

    def _usual_share(self) -> float:
        """Return how often harmless shots are heard of, at hops that speak at all.

        By the arm that is heard best: what cuts an address may cut what goes along as well.
        """
        shares = [0.5]
        for arm in REFERENCE:
            speaks = set(self.tally.ttls((arm,), lambda shot: shot.spoken_of))
            shots = [shot for shot in self.tally.of(arm) if shot.ttl in speaks]
            shares.append((sum(shot.spoken_of for shot in shots) + 1) / (len(shots) + 2))
        return max(shares)

    def share(self, seen: int, sent: int) -> float:
        """Return how often something is seen that was ``seen`` of ``sent`` times.

        A few shots prove little, so two more are added that fare as shots of this trace usually
        do: a prior of that weight, from the trace itself.
        """
        return (seen + _PRIOR * self._usual) / (sent + _PRIOR)

    def confidence(self, rounds: int) -> Confidence:
        """Return how sure ``rounds`` that agree make it: two, and half of all."""
        return Confidence.LIKELY if rounds >= 2 and rounds * 2 >= self.rounds else Confidence.WEAK

    def found(
        self,
        finding: Finding,
        *,
        effect: Effect | None = None,
        first: int | None = None,
        last: int | None = None,
        placement: Placement = Placement.UNKNOWN,
        specific: bool | None = None,
        rounds: int = 0,
        confidence: Confidence = Confidence.WEAK,
        looks: tuple[Fingerprint, ...] = (),
    ) -> Located:
        """Return the finding, with what is known of the server and the notes."""
        return Located(
            finding=finding,
            effect=effect,
            first=first,
            last=last,
            placement=placement,
            specific=specific,
            server_at=self.server,
            rounds=rounds,
            of=self.rounds,
            confidence=confidence,
            looks=looks,
            server_looks=self.looks,
            notes=tuple(self.notes),
        )


def effect_of(answers: Sequence[Answer]) -> Effect:
    """Return what most of the answers do; a RST before a FIN before bytes where they tie."""
    kinds = [answer.kind for answer in answers]
    return _EFFECTS[max(AnswerKind, key=kinds.count)]


def different_looks(shots: Iterable[Shot]) -> tuple[Fingerprint, ...]:
    """Return how the answers to ``shots`` look, each once, a few of them."""
    looks = (answer.looks for shot in shots for answer in shot.answers)
    return tuple(dict.fromkeys(looks))[:_MAX_LOOKS]
