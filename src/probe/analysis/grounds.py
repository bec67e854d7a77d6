"""On what ground a sign of interference stands: the last part of its rule's id.

A stored row keeps the id of the rule that judged it, so that what only a snapshot spoke against
can be told from what a control at the same time did, also years later.
"""

from enum import StrEnum

__all__ = ["Ground", "ground_of"]


class Ground(StrEnum):
    """What there was to compare with, strongest first."""

    PATH = "path"  # shown to be made on the way
    AB = "ab"  # a comparison within the round
    LIVE = "live"  # a control at the same time
    ELSEWHERE = "elsewhere"  # another resolver, without proof
    EXPECTED = "expected"  # a snapshot, or the own past
    ALONE = "alone"  # nothing

    @property
    def of_now(self) -> bool:
        """Whether it tells how the service is at this time."""
        return self not in (Ground.EXPECTED, Ground.ALONE)


_GROUNDS = {str(ground): ground for ground in Ground}


def ground_of(rule_id: str) -> Ground | None:
    """Return the ground that a rule's id names, ``None`` when it names none."""
    name, _, ground = rule_id.rpartition(".")
    return _GROUNDS.get(ground) if name else None
