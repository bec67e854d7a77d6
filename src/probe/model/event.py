"""What a timeline shows: outages, onsets, windows; the JSON of ``probe patterns``."""

from datetime import datetime
from enum import StrEnum

import msgspec

from probe.model.throttle import Throttle

__all__ = [
    "Agreement",
    "Breadth",
    "Calendar",
    "Contribution",
    "DayEdges",
    "Days",
    "Event",
    "EventKind",
    "Instant",
    "Label",
    "Reach",
    "Scope",
    "Score",
    "Window",
    "Witness",
]


class EventKind(StrEnum):
    """What kind of thing happened."""

    OUTAGE = "outage"
    ONSET = "onset"
    DAILY_WINDOW = "daily_window"
    WEEKLY_WINDOW = "weekly_window"
    THROTTLE = "throttle"
    DEGRADED_WINDOW = "degraded_window"  # a part of the looks failed at these hours: never a cut
    CALENDAR_WINDOW = "calendar_window"  # on dates that were given beforehand


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


class Breadth(StrEnum):
    """How much of what one vantage measures shared it."""

    TARGETED = "targeted"  # one service, others worked
    GROUP = "group"  # some services, others or the controls worked
    TOTAL = "total"  # nothing answered
    DOMESTIC_ONLY = "domestic_only"  # nothing abroad answered
    ALLOWLIST = "allowlist"  # the controls and most services failed, a few worked
    UNKNOWN = "unknown"


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


class DayEdges(msgspec.Struct, frozen=True, kw_only=True):
    """Where one day began and ended, local minutes as in ``Window``; ``None``: a gap hides it."""

    day: str  # ISO, the local day on which it began
    start: float | None
    end: float | None


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
    day_edges: tuple[DayEdges, ...] = ()  # of each day that matched by its own outage
    overlap: float | None = None  # mean intersection over union of the supporting days


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """One term of the score, in log-odds."""

    name: str
    log_odds: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Log-odds with their terms; worded at most as "consistent with"."""

    log_odds: float
    contributions: tuple[Contribution, ...]


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """What one line says of an event of several; ``saw`` is ``None`` when it could not say."""

    vantage: str
    network: str
    saw: bool | None
    counts: bool = True  # hosting and academic networks are shown and never count
    supported: int = 0  # days, or 1 for a single outage
    observable: int = 0
    source: str = ""  # whose word a foreign vantage is; "" speaks for itself


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Who saw it: each pair is how many did, of how many that could say."""

    vantages: tuple[int, int]
    networks: tuple[int, int]  # AS
    mobile: tuple[int, int] = (0, 0)  # AS
    fixed: tuple[int, int] = (0, 0)
    country: str = ""  # ISO 3166 alpha-2, from the zone; "" is not known
    witnesses: tuple[Witness, ...] = ()


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Dates given beforehand against the days around; pairs are hits and observed days."""

    name: str
    listed: int
    hits: tuple[int, int]
    others: tuple[int, int]
    announced: tuple[int, int] | None = None  # local minutes that were announced
    before_share: float | None = None  # of the looks at these hours in the days before the first
    during_share: float | None = None  # on the listed days
    after_share: float | None = None


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
    vantages: tuple[str, ...] = ()  # of a joint event: who saw it; ``vantage`` is then empty
    agreement: Agreement | None = None
    joined: bool = False  # of one line's event: a joint event says that others shared it
    breadth: Breadth = Breadth.UNKNOWN
    company: tuple[int, int] | None = None  # other subjects of this line: failed too, of those seen
    shared: tuple[str, ...] = ()  # the first of those that failed in the same hours
    spared: tuple[str, ...] = ()  # the first of those that worked meanwhile
    own_fault: bool = False  # unrelated services failed at once on this vantage alone
    calendar: Calendar | None = None
    throttle: Throttle | None = None  # of what was slow
