"""Series of samples, and the intervals they are cut into."""

from datetime import datetime
from enum import StrEnum

import msgspec

__all__ = [
    "Absence",
    "Bracket",
    "Interval",
    "IntervalState",
    "Overlay",
    "Sample",
    "Series",
    "SeriesKey",
    "Signal",
]


class Signal(StrEnum):
    """What a series is about."""

    TARGETED = "targeted"  # the target is bad while the controls are good
    UPSTREAM = "upstream"  # all anchors fail (G3)
    INTL = "intl"  # domestic anchors pass, international ones fail (G4)
    GOODPUT = "goodput"


class Absence(StrEnum):
    """Why there is no value; none of them is "fine", and only what was observed is evidence."""

    NOT_SCHEDULED = "not_scheduled"
    HOST_OFF = "host_off"
    OFFLINE_LOCAL = "offline.local"
    INVALID = "invalid"
    INCONCLUSIVE = "inconclusive"


class SeriesKey(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What makes samples comparable; ``subject`` is a service, an endpoint id, or the line."""

    vantage: str = ""
    network: str = ""
    subject: str
    signal: Signal = Signal.TARGETED
    locus: str = "network"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look: ``bad`` is ``None`` when there is no evidence, and ``absence`` says why."""

    time: datetime
    bad: bool | None
    weight: float = 1.0
    absence: Absence | None = None
    control_bad: float | None = None
    mechanism: str | None = None
    burst: bool = False  # a retest after a change of state


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of one key in time order; ``tz`` is the IANA zone of the vantage."""

    key: SeriesKey
    tz: str
    samples: tuple[Sample, ...]


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """A series of numbers of somebody else's, drawn beside a timeline and never judged by.

    ``points`` are (time, value, weight), in time order; ``unit`` says what is counted.
    """

    name: str
    unit: str
    source: str  # the file it came from
    country: str = "ZZ"
    network: str = ""
    points: tuple[tuple[datetime, float, float], ...]


class Bracket(msgspec.Struct, frozen=True, kw_only=True):
    """An instant known only to lie in (earliest, latest]; ``at`` is the best estimate."""

    at: datetime
    earliest: datetime
    latest: datetime
    censored: bool = False  # a gap touches this edge: the truth may lie inside the gap


class IntervalState(StrEnum):
    """What a stretch of time was."""

    OK = "ok"
    BAD = "bad"
    GAP = "gap"


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one state; a gap names its absence, a bad one its mechanisms."""

    state: IntervalState
    start: Bracket
    end: Bracket
    absence: Absence | None = None
    samples: int = 0
    bad_samples: int = 0
    probability: float | None = None  # mean posterior of the state
    mechanisms: tuple[tuple[str, int], ...] = ()
    control_bad: float | None = None  # mean share of failed controls at its bad samples
