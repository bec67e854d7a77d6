"""How much slower something came than before, and what the slowness looks like."""

from enum import StrEnum

import msgspec

from probe.model.goodput import Direction, Pairing, Transport

__all__ = ["THROTTLE_FIELDS", "Grade", "Shape", "Throttle", "ThrottleScope"]


class Grade(StrEnum):
    """How much slower, against the pair's own past."""

    SLOW = "slow"  # twice
    THROTTLED = "throttled"  # four times, on two of three days
    EXTREME = "extreme"  # ten times


class Shape(StrEnum):
    """How the bytes came while it was slow."""

    POLICED = "policed"  # one level, in jerks: what exceeds it is dropped
    SHAPED = "shaped"  # one level, smoothly: what exceeds it waits (or the sender paces itself)
    FROZEN = "frozen"  # about as many bytes each time, then nothing
    UNKNOWN = "unknown"  # no one level, or too little was seen of how it came


class ThrottleScope(StrEnum):
    """What was slow."""

    TARGETED = "targeted"  # this subject, its controls not
    GENERAL = "general"  # the controls as well, against their own past
    BORDER = "border"  # what is abroad, while what is in the country came as before


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """A slowing down with its size; intervals hold the truth 95 times in 100.

    ``ratio`` is how many times slower than before, ``None`` where most transfers did not end by
    themselves (then at least ``at_least``). Levels are in kbit/s of application bytes.
    """

    grade: Grade
    scope: ThrottleScope
    shape: Shape
    ratio: float | None
    at_least: float  # the lower end of the interval of the ratio
    at_most: float | None = None  # its upper end, None without a bound
    level_kbps: float | None = None
    level_interval: tuple[float, float] | None = None
    before_kbps: float | None = None  # what it had been
    frozen_at: tuple[int, int] | None = None  # bytes: the usual lowest and highest
    rounds: int = 0  # slow ones that this rests on
    baseline: int = 0  # rounds that it is compared with
    pairing: Pairing
    direction: Direction
    transport: Transport
    family: int
    own_server: bool = False  # at a server of one's own


THROTTLE_FIELDS = (
    *("grade", "scope", "shape", "ratio", "at_least", "at_most"),
    *("level_kbps", "level_low", "level_high", "before_kbps", "frozen_low", "frozen_high"),
    *("rounds", "baseline", "pairing", "direction", "transport", "family", "own_server"),
)
"""What a throttling is in one row, where its intervals are two columns each."""
