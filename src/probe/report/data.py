"""What a report says, as values: no markup, no sentence, nothing that a publisher must hide.

Every renderer (the HTML file, later charts and pages) draws the same ``ReportData``. It is made
by :func:`probe.report.build.build`, which coarsens times and names before they get here, so that
a renderer cannot give away what the values do not hold.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from probe.model.event import Event
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.record import NoteKind
from probe.model.target import Role
from probe.model.verdict import Compared, Confidence, Locus, Reason, State

__all__ = [
    "FORMAT",
    "LINE_SUBJECT",
    "Bar",
    "Cell",
    "Coverage",
    "DayMix",
    "DayRow",
    "DaySeen",
    "FindingKind",
    "Gap",
    "Goodput",
    "Heatmap",
    "Lane",
    "Level",
    "Looks",
    "Mark",
    "Method",
    "NoteRow",
    "Numbers",
    "Pair",
    "Period",
    "Place",
    "ReportData",
    "RoleRow",
    "ServiceFinding",
    "Since",
    "Stretch",
    "Subject",
    "TimedPoint",
    "WindowRow",
]

FORMAT = "probe-report-1"

LINE_SUBJECT = "this line"
"""The subject of rows that are about the line itself."""


class Mark(StrEnum):
    """What one stretch of one row shows; none of the last five ever means "fine"."""

    FINE = "fine"  # looked, and it worked
    CUT = "cut"  # failed, the network's doing
    PART = "part"  # within the hour it both worked and failed
    REFUSED = "refused"  # the service itself refuses
    FAILED = "failed"  # failed, and whose doing is not known, or only weakly
    DOWN = "down"  # failed here and elsewhere, or the service's own trouble
    LINE_OFF = "line_off"  # the line reached nothing beyond its own router
    DOMESTIC = "domestic"  # the line reached only sites of its own country
    OWN_FAULT = "own_fault"  # the home network or the machine was off the net
    UNCLEAR = "unclear"  # looked, and the look proves nothing
    NO_DATA = "no_data"  # nobody looked
    NO_HOUR = "no_hour"  # the clock jumped over this hour
    SLOW = "slow"  # timed, and slower than usual beside its controls


class FindingKind(StrEnum):
    """What the period amounts to for one service; the order is the order of a reader's interest."""

    WINDOW = "window"  # cut at the same hours again and again
    BLOCKED = "blocked"
    DEGRADED = "degraded"
    SLOWED = "slowed"  # it worked, and over many rounds it was slower than before
    SIGNS = "signs"  # weak signs of interference: never called blocked
    RECOVERED = "recovered"  # cut for a while, working at the last look
    REFUSED = "refused"  # the service refuses this place
    DOWN = "down"  # fails elsewhere as well
    UNCLEAR = "unclear"
    WORKS = "works"
    RETIRED = "retired"
    NOT_MEASURED = "not_measured"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured: country, zone and kind of network; never an address, never a label."""

    country: str
    tz: str
    networks: tuple[str, ...] = ()


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """From ``start`` to ``end``, both aware."""

    start: datetime
    end: datetime


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """How often it was looked at, and what the looks said."""

    good: int = 0
    bad: int = 0
    unclear: int = 0

    @property
    def total(self) -> int:
        """Return all looks."""
        return self.good + self.bad + self.unclear


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """From one look to another with no long silence between them, and what the looks said."""

    start: datetime
    end: datetime
    looks: Looks


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """When the present state began; ``open`` when it began before anybody looked."""

    at: datetime
    earliest: datetime
    latest: datetime
    open: bool = False


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that people do with a service; ``state`` is ``None`` when it was not measured."""

    role: Role
    state: State | None
    mechanism: str | None = None
    locus: Locus = Locus.UNKNOWN
    confidence: Confidence | None = None
    measured: int = 0
    total: int = 0
    of: str | None = None  # the store of a listing, or the part of a whole


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """A window or outage found in a timeline, with the subject it belongs to."""

    subject: str
    name: str
    locus: str
    event: Event


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A service as a report names it; one that no catalog knows has category ``other``."""

    id: str
    name: str
    category: str = "other"
    retired: bool = False
    whole: bool = False  # made of other services, whose looks are counted as theirs


class ServiceFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table of services: what, how, who, since when, how sure."""

    id: str
    name: str
    category: str
    kind: FindingKind
    state: State | None = None  # at the last look that proves anything
    mechanism: str | None = None
    locus: Locus = Locus.UNKNOWN
    confidence: Confidence | None = None
    reason: Reason | None = None
    since: Since | None = None
    bad_s: float = 0.0  # seconds of the period inside bad intervals
    window: WindowRow | None = None
    looks: Looks = Looks()
    stretches: tuple[Stretch, ...] = ()  # whose looks add up to ``looks``
    last_look: datetime | None = None
    roles: tuple[RoleRow, ...] = ()
    beside: tuple[Compared, ...] = ()  # what another endpoint of the same company did
    rule_id: str | None = None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of one day; ``carried`` when nobody looked then but the looks around it agree."""

    mark: Mark
    carried: bool = False
    looks: int = 0
    bad: int = 0


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One local day of 24 cells; ``clock_change`` when the offset from UTC changed on it."""

    date: str  # ISO
    weekday: int  # ISO 1..7
    cells: tuple[Cell, ...]
    clock_change: bool = False


class Heatmap(msgspec.Struct, frozen=True, kw_only=True):
    """Hour of day against day for one subject on one network, in the zone ``tz``.

    With ``timed`` the looks are timed transfers, which are slow or usual.
    """

    subject: str
    name: str
    network: str
    tz: str
    days: tuple[DayRow, ...]
    timed: bool = False


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a lane; its edges are known only to lie between earliest and latest."""

    mark: Mark
    start: datetime
    start_earliest: datetime
    start_latest: datetime
    end: datetime
    end_earliest: datetime
    end_latest: datetime
    start_hidden: bool = False  # a gap lies there: the truth may be anywhere inside it
    end_hidden: bool = False
    mechanism: str | None = None
    samples: int = 0


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The whole period of one subject on one network, cut into bars; later bars lie on top."""

    subject: str
    name: str
    network: str
    bars: tuple[Bar, ...]


class TimedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Some rounds of one time taken together: median rates in kbit/s, and whether they were slow.

    ``slow`` is ``None`` where there was too little to compare with.
    """

    time: datetime
    kbps: float | None
    control_kbps: float | None = None
    slow: bool | None = None
    rounds: int = 1


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The rate at which something came while it was slow, with its interval (95 %), kbit/s."""

    start: datetime
    end: datetime
    kbps: float
    low: float
    high: float


class Goodput(msgspec.Struct, frozen=True, kw_only=True):
    """How fast one subject came beside its controls; of the line itself it is the controls'."""

    subject: str
    name: str
    network: str
    tz: str
    pairing: Pairing
    direction: Direction
    transport: Transport
    family: int
    general: bool = False
    own_server: bool = False
    grain_s: float = 0.0  # the points are medians of so long; 0: each is one round
    points: tuple[TimedPoint, ...] = ()
    levels: tuple[Level, ...] = ()


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of somebody else's over the period, drawn beside the lanes and never judged by.

    Points are (time, value in ``unit``), in time order; ``source`` is empty in a published report.
    """

    name: str
    unit: str
    source: str = ""
    country: str = "ZZ"
    network: str = ""
    grain_s: int = 0  # the points are means of so long; 0: each is as it came
    points: tuple[tuple[datetime, float], ...] = ()


class DaySeen(msgspec.Struct, frozen=True, kw_only=True):
    """How many hours of a local day inside the period had a round, apart from any result.

    The days of a report add up to its :class:`Coverage`.
    """

    date: str  # ISO
    hours: int
    hours_seen: int
    rounds: int = 0
    rounds_invalid: int = 0
    rounds_interrupted: int = 0
    gates: tuple[tuple[str, int], ...] = ()  # gate id -> rounds in which it closed


class DayMix(msgspec.Struct, frozen=True, kw_only=True):
    """One local day of all services shown: failed looks by layer, and shares that failed."""

    date: str  # ISO
    layers: tuple[tuple[str, int], ...] = ()
    failed_share: float | None = None  # of the proving looks
    control_share: float | None = None  # of the neutral hosts beside them

    def count(self, layer: str) -> int:
        """Return how many looks failed in a layer."""
        return dict(self.layers).get(layer, 0)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What one network showed of one service at its last proving look."""

    subject: str
    name: str
    network: str
    mark: Mark


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which this line gave no evidence, and why."""

    start: datetime
    end: datetime
    mark: Mark


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the period was looked at: hours, rounds, and the longest gaps."""

    rounds: int = 0
    rounds_invalid: int = 0
    rounds_interrupted: int = 0
    hours: int = 0
    hours_seen: int = 0
    gates: tuple[tuple[str, int], ...] = ()  # gate id -> rounds in which it closed
    gaps: tuple[Gap, ...] = ()


class NoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a person saw; ``text`` is empty in a report made for publishing."""

    time: datetime
    kind: NoteKind
    service: str | None = None
    text: str = ""


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """What made the verdicts: enough to make them again."""

    probe_version: str
    catalog_digest: str = ""
    rules: tuple[tuple[str, int], ...] = ()  # rule id -> version, those that spoke here
    tzdata: str = ""
    chain: str = ""  # head of the store's hash chain, private reports only


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report says."""

    title: str
    generated: datetime
    period: Period
    place: Place
    format: str = FORMAT
    simulated: bool = False  # made by the demo: about no real network
    private: bool = False  # minutes, networks and words of notes are in it
    services: tuple[ServiceFinding, ...] = ()
    windows: tuple[WindowRow, ...] = ()
    heatmaps: tuple[Heatmap, ...] = ()
    heatmaps_left_out: int = 0  # affected services that have a lane only
    lanes: tuple[Lane, ...] = ()
    coverage: Coverage = Coverage()
    calendar: tuple[DaySeen, ...] = ()
    mix: tuple[DayMix, ...] = ()
    matrix: tuple[Pair, ...] = ()
    goodputs: tuple[Goodput, ...] = ()
    overlays: tuple[Numbers, ...] = ()
    overlays_left_out: int = 0  # that are about this place and time as well
    notes: tuple[NoteRow, ...] = ()
    notes_withheld: int = 0  # notes whose words were left out
    method: Method
