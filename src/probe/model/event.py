"""What a timeline shows: outages, onsets, windows; the JSON of ``probe patterns``."""

from datetime import datetime
from enum import StrEnum

import msgspec

__all__ = [
    "Contribution",
    "Days",
    "Event",
    "EventKind",
    "Instant",
    "Label",
    "Reach",
    "Scope",
    "Score",
    "Window",
]


class EventKind(StrEnum):
    """What kind of thing happened."""

    OUTAGE = "outage"
    ONSET = "onset"
    DAILY_WINDOW = "daily_window"
    WEEKLY_WINDOW = "weekly_window"
    THROTTLE = "throttle"


class Label(StrEnum):
    """How well the recurrence on this line is shown."""

    SUSPECTED = "suspected"
    ESTABLISHED = "established"


class Scope(StrEnum):
    """Whose it is; one line never gets beyond ``this line``."""

    THIS_LINE = "this line"
    ONE_AS = "one AS"
    SEVERAL_AS = "several AS"
    NATIONAL = "national"


class Reach(StrEnum):
    """What failed with it, as far as this line's controls can say."""

    TARGETED = "targeted"  # the controls worked
    TOTAL = "total"  # nothing answered: the controls failed as well
    DOMESTIC_ONLY = "domestic_only"  # only domestic sites answered
    MIXED = "mixed"  # a part of the controls failed: congestion looks like this
    UNKNOWN = "unknown"  # no control was measured


class Instant(msgspec.Struct, frozen=True, kw_only=True):
    """A time with its bracket, UTC."""

    at: datetime
    earliest: datetime
    latest: datetime
    censored: bool = False


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """How many days speak for it, could have spoken, and lie in the span."""

    supported: int
    observable: int
    total: int


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A daily stretch in local minutes; 1440 is midnight at the end, more is the next day."""

    start_minute: int
    end_minute: int
    start_interval: tuple[float, float]  # 95 %, local minutes
    end_interval: tuple[float, float]
    snapped: tuple[int, int] | None = None  # on-the-hour estimate, beside the raw one
    weekdays: tuple[int, ...] = ()  # ISO 1..7; empty is every day
    first_day: str
    last_day: str
    days: Days
    start_censored: bool = False  # on most days a gap hides the start
    end_censored: bool = False
    supports: tuple[str, ...] = ()  # ISO dates of the days that speak for it
    against: tuple[str, ...] = ()  # observable days on which it did not happen
    bad_share: float | None = None  # of the samples inside, on supporting days
    shoulder_share: float | None = None  # of the samples up to 5 h before and after
    control_share: float | None = None  # failed controls while it was bad
    missing_share: float | None = None  # of the samples expected inside, on all days
    overlap: float | None = None  # mean intersection over union of the supporting days


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """One term of the score, in log-odds."""

    name: str
    log_odds: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Log-odds with their terms; worded at most as "consistent with"."""

    log_odds: float
    contributions: tuple[Contribution, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One finding of a timeline, with its uncertainty and the sentence a person reads."""

    kind: EventKind
    series: str
    vantage: str
    network: str
    label: Label
    start: Instant
    end: Instant | None = None
    tz: str
    window: Window | None = None
    p: float | None = None
    q: float | None = None
    mechanisms: tuple[tuple[str, int], ...] = ()
    signal: str = "targeted"  # of the series: targeted, upstream, intl, goodput
    locus: str = "network"
    reach: Reach = Reach.UNKNOWN
    samples: int = 0
    bad_samples: int = 0
    unseen_s: float = 0.0  # of an outage: how much of it lies in gaps
    scope: Scope = Scope.THIS_LINE
    score: Score | None = None
    sentence: str = ""
