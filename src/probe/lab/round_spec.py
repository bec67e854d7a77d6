"""What the measuring side makes of a round: the time it has, who ends it, what it knows."""

import msgspec

__all__ = ["RoundSpec"]


class RoundSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round; all defaults together are one that nothing hurries or stops.

    ``seconds`` is the most that it may take. ``interrupted_at`` is a host: while that is looked at
    for the first time, the owner stops the round. Without ``database`` nobody knows which network
    or country an address belongs to.
    """

    seconds: float | None = None
    interrupted_at: str | None = None
    database: bool = True
