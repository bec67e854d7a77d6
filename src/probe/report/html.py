"""Draw a report as one HTML file that needs nothing but itself: no address, no script, no font.

Readers sit behind the same censor as the line that was measured, so the page must not fetch
anything; a content security policy in it forbids what a mistake here might let in.
"""

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from probe.model.codec import encode
from probe.model.event import Event, EventKind
from probe.model.verdict import Locus
from probe.report import chart, phrases, words
from probe.report.data import (
    FindingKind,
    Heatmap,
    Lane,
    Mark,
    ReportData,
    ServiceFinding,
    WindowRow,
)
from probe.report.summary import headlines
from probe.report.text import visible

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render"]

_QUIET = frozenset({FindingKind.WORKS, FindingKind.RETIRED, FindingKind.NOT_MEASURED})
_TONES: dict[FindingKind, Mark] = {
    FindingKind.WINDOW: Mark.CUT,
    FindingKind.BLOCKED: Mark.CUT,
    FindingKind.DEGRADED: Mark.PART,
    FindingKind.SIGNS: Mark.UNCLEAR,
    FindingKind.RECOVERED: Mark.PART,
    FindingKind.REFUSED: Mark.REFUSED,
    FindingKind.DOWN: Mark.DOWN,
    FindingKind.UNCLEAR: Mark.UNCLEAR,
    FindingKind.WORKS: Mark.FINE,
    FindingKind.RETIRED: Mark.NO_DATA,
    FindingKind.NOT_MEASURED: Mark.NO_DATA,
}


class HeatPicture(NamedTuple):
    """A heatmap with its geometry."""

    map: Heatmap
    rows: tuple[chart.HeatRow, ...]
    row_height: int

    @property
    def height(self) -> int:
        """Return the height of the drawing in pixels."""
        return len(self.rows) * self.row_height


class LanePicture(NamedTuple):
    """A lane with its geometry."""

    lane: Lane
    boxes: tuple[chart.Box, ...]


class View:
    """What the template asks for; it decides nothing about the world, only about the page."""

    def __init__(self, data: ReportData) -> None:
        """Lay out the charts once."""
        self.data = data
        self.words = words
        self.headlines = headlines(data)
        self.heatmaps = tuple(
            HeatPicture(one, chart.heat_rows(one), chart.row_height(one)) for one in data.heatmaps
        )
        self.lanes = tuple(
            LanePicture(lane, chart.lane_boxes(lane, data.period, data.place.tz))
            for lane in data.lanes
        )
        self.marks = chart.used_marks(data.heatmaps, data.lanes)
        self.hour_ticks = chart.hour_ticks()
        self.day_ticks = chart.day_ticks(data.period, data.place.tz)
        self.offsets = phrases.offsets(data)
        self.digest = hashlib.sha256(encode(data)).hexdigest()
        self.day_name = phrases.day_name
        self.day_words = phrases.day_words
        self.duration = phrases.duration
        self.clock_minute = phrases.clock_minute
        self.how = words.how

    @property
    def affected(self) -> list[ServiceFinding]:
        """Return the services that something is the matter with."""
        return [found for found in self.data.services if found.kind not in _QUIET]

    def quiet(self, kind: str) -> list[ServiceFinding]:
        """Return the services of one quiet kind."""
        return [found for found in self.data.services if found.kind.value == kind]

    @property
    def windows(self) -> list[WindowRow]:
        """Return the windows."""
        return [row for row in self.data.windows if row.event.window is not None]

    @property
    def outages(self) -> list[WindowRow]:
        """Return everything else that was found in timelines."""
        return [row for row in self.data.windows if row.event.window is None]

    @property
    def several_networks(self) -> bool:
        """Whether charts must name their network."""
        return len(self.data.place.networks) > 1

    @property
    def coverage_share(self) -> int:
        """Return the per cent of the period's hours in which somebody looked."""
        coverage = self.data.coverage
        return round(100 * coverage.hours_seen / coverage.hours) if coverage.hours else 0

    def tone(self, found: ServiceFinding) -> Mark:
        """Return the mark that stands for a finding."""
        if found.kind is FindingKind.BLOCKED and found.locus.value != "network":
            return Mark.FAILED
        return _TONES[found.kind]

    def what(self, found: ServiceFinding) -> str:
        """Return the finding in a word or two."""
        if found.kind is FindingKind.BLOCKED and (found.mechanism or "").startswith("tls.mitm"):
            return "Intercepted"
        return words.FINDING[found.kind]

    def roles(self, found: ServiceFinding) -> str:
        """Return what of the service works and what does not."""
        said = "; ".join(
            f"{one.of or words.ROLES[one.role]}: {words.said_of(one)}" for one in found.roles
        )
        changes = found.kind in (FindingKind.WINDOW, FindingKind.RECOVERED)
        when = "at the last look, " if changes and found.roles else ""
        return ". ".join(filter(None, (when + said, found.beside)))

    def when(self, found: ServiceFinding) -> str:
        """Return since when, or at which hours, or for how long."""
        if found.window is not None and found.kind is FindingKind.WINDOW:
            start, end = phrases.window_hours(found.window.event)
            return f"{phrases.weekdays(found.window.event)}, about {start}–{end}"
        if found.kind is FindingKind.RECOVERED:
            return f"about {phrases.duration(found.bad_s)} in all"
        return phrases.since_words(found.since, self.data.place.tz)

    def sure(self, found: ServiceFinding) -> str:
        """Return how well it is shown."""
        if found.window is not None and found.kind is FindingKind.WINDOW:
            event = found.window.event
            days = event.window.days if event.window else None
            seen = f", {days.supported} of {days.observable} days" if days else ""
            return words.LABEL[event.label] + seen
        quiet = (FindingKind.RECOVERED, FindingKind.UNCLEAR)
        if found.kind in quiet or found.confidence is None:
            return ""
        return words.CONFIDENCE[found.confidence]

    def who(self, found: ServiceFinding) -> str:
        """Return whose doing it is, in words."""
        if found.kind is FindingKind.UNCLEAR:
            return "Not known"
        said = words.WHO[found.locus]
        if found.kind is FindingKind.SIGNS and found.locus is not Locus.UNKNOWN:
            return f"Perhaps {said[0].lower()}{said[1:]}"
        if found.kind is FindingKind.REFUSED and found.reason is not None:
            return f"{said}; {words.REASON[found.reason]}"
        return said

    def moment(self, time: datetime, *, year: bool = False) -> str:
        """Return a time in the vantage's zone."""
        return phrases.moment(time, self.data.place.tz, year=year)

    def hours(self, event: Event) -> str:
        """Return the hours of a window."""
        return "–".join(phrases.window_hours(event))

    def minutes(self, edge: tuple[float, float], *, end: bool = False) -> str:
        """Return the 95 per cent interval of a window's edge."""
        low, high = (phrases.clock_minute(minute, end=end) for minute in edge)
        return low if low == high else f"{low} to {high}"

    def with_it(self, event: Event) -> str:
        """Return what else failed at the same time."""
        return words.REACH[event.reach]

    def event_kind(self, event: Event) -> str:
        """Return what kind of finding it is."""
        return {
            EventKind.OUTAGE: "Outage",
            EventKind.ONSET: "Onset",
            EventKind.DAILY_WINDOW: "Daily window",
            EventKind.WEEKLY_WINDOW: "Weekly window",
            EventKind.THROTTLE: "Slowed down",
            EventKind.DEGRADED_WINDOW: "Degraded hours",
            EventKind.CALENDAR_WINDOW: "Window on given dates",
        }[event.kind]

    def event_days(self, event: Event) -> str:
        """Return on which days a window lies."""
        return phrases.weekdays(event)

    def hows(self, event: Event) -> str:
        """Return the mechanisms of an event with how often each was seen."""
        shown = (f"{words.how(name)} ({count} looks)" for name, count in event.mechanisms[:3])
        return "; ".join(dict.fromkeys(shown))


def _finalize(value: object) -> object:
    """Let no control or direction character through, whoever forgot to clean it."""
    return visible(value) if type(value) is str else value


@lru_cache(maxsize=1)
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("probe.report", "templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def render(data: ReportData) -> str:
    """Return the report as one HTML document (UTF-8 when written), ending in a newline."""
    return _template().render(view=View(data), data=data, words=words, Mark=Mark) + "\n"
