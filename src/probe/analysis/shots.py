"""What the shots of a trace add up to, hop by hop; pure counting."""

from collections.abc import Callable, Iterable, Sequence

from probe.model.trace import AnswerKind, Arm, Fingerprint, Shot, Trigger

__all__ = ["Tally", "usual_looks"]


class Tally:
    """Counts over shots that were sent; what never left says nothing."""

    def __init__(self, shots: Iterable[Shot]) -> None:
        """Keep the shots that were sent."""
        self._shots = tuple(shot for shot in shots if shot.failure is None)

    def of(self, *arms: Arm) -> tuple[Shot, ...]:
        """Return the shots of some arms."""
        return tuple(shot for shot in self._shots if shot.arm in arms)

    def at(self, ttl: int, *arms: Arm) -> tuple[Shot, ...]:
        """Return the shots of some arms at one hop."""
        return tuple(shot for shot in self.of(*arms) if shot.ttl == ttl)

    def ttls(self, arms: Sequence[Arm], when: Callable[[Shot], bool]) -> list[int]:
        """Return the hops, nearest first, at which a shot of ``arms`` is ``when``."""
        return sorted({shot.ttl for shot in self.of(*arms) if when(shot)})

    def routers_end(self, *arms: Arm) -> int:
        """Return the farthest hop at which a router has spoken to ``arms``, 0 when none has."""
        every = self.ttls(arms, lambda shot: shot.heard)
        return every[-1] if every else 0

    def routers(self, ttl: int, *arms: Arm) -> set[str]:
        """Return the addresses that have spoken at one hop."""
        return {s.router for s in self.at(ttl, *arms) if s.router is not None}


def usual_looks(tally: Tally, trigger: Trigger) -> Fingerprint | None:
    """Return how the server looks: as most of its SYN/ACKs do, else (UDP) its farthest answer.

    What answers the SYN's neutral twin is another server.
    """
    arms = (Arm.TARGET, Arm.PATH) if trigger is Trigger.SYN else tuple(Arm)
    seen = [shot.server for shot in tally.of(*arms) if shot.server is not None]
    if seen:
        ttls = [looks.ttl for looks in seen]
        return next(looks for looks in seen if looks.ttl == max(set(ttls), key=ttls.count))
    if trigger is Trigger.SYN:
        return None
    answered = [
        (shot.ttl, answer.looks)
        for shot in tally.of(Arm.NEUTRAL)
        for answer in shot.answers
        if answer.kind is AnswerKind.DATA
    ]
    return max(answered, key=lambda pair: pair[0])[1] if answered else None
