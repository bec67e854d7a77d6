"""What a method says of a world, in one form for all, and how it is matched to the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pattern_bench.worlds import Order

__all__ = ["Claim", "matches", "overlap"]

HIT = 0.5


@dataclass(frozen=True, slots=True)
class Claim:
    """A window said to recur, in local minutes; what a method does not give is ``None``."""

    start: float
    end: float
    first: date
    last: date
    start_interval: tuple[float, float] | None = None
    end_interval: tuple[float, float] | None = None
    snapped: tuple[float, float] | None = None
    kind: str = "daily_window"
    joint: bool = False
    beyond: bool = False  # said to be more than this line's
    of_line: bool = False  # said to be a fault of everything on this line


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the shared part of two stretches of the day over their union, round the clock."""
    lengths = one[1] - one[0], other[1] - other[0]
    shift = (other[0] - one[0] + 720) % 1440 - 720
    best = 0.0
    for turned in (shift, shift - 1440, shift + 1440):
        best += max(0.0, min(lengths[0], turned + lengths[1]) - max(0.0, turned))
    shared = min(best, *lengths)
    return shared / max(1.0, sum(lengths) - shared)


def matches(claim: Claim, order: Order) -> bool:
    """Return whether a claim is of these hours (half of their union) and of these days."""
    of_days = claim.first <= max(order.dates) and claim.last >= min(order.dates)
    return of_days and overlap((claim.start, claim.end), (order.start, order.end)) >= HIT


def best_match(claims: Sequence[Claim], order: Order) -> Claim | None:
    """Return the claim that fits an order best, ``None`` when none fits."""
    fits = [claim for claim in claims if matches(claim, order)]
    return max(
        fits, key=lambda c: overlap((c.start, c.end), (order.start, order.end)), default=None
    )
