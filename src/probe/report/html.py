"""Draw a report as one HTML file that needs nothing but itself: no address, no script, no font.

Readers sit behind the same censor as the line that was measured, so the page must not fetch
anything; a content security policy in it forbids what a mistake here might let in.
"""

import hashlib
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from probe.model.codec import encode
from probe.model.event import Event, EventKind
from probe.model.verdict import Locus
from probe.report import mechanisms, phrases, slow_words, words
from probe.report.charts.chart import used_marks
from probe.report.charts.counts import control_chart, matrix_chart, stack_chart
from probe.report.charts.engine import draw
from probe.report.charts.goodput import goodput_chart
from probe.report.charts.heat import heat_chart
from probe.report.charts.overlay import overlay_chart
from probe.report.charts.spans import calendar_chart, lanes_chart, onset_chart, onsets
from probe.report.data import (
    Bar,
    DayMix,
    DaySeen,
    FindingKind,
    Goodput,
    Heatmap,
    Lane,
    Mark,
    Numbers,
    ReportData,
    ServiceFinding,
    WindowRow,
)
from probe.report.grounded import Grounded
from probe.report.headline import grouped
from probe.report.links import Links, anchor
from probe.report.proofs import has_number, looks_words
from probe.report.summary import headlines
from probe.report.text import visible
from probe.report.tongue import _, digits, language, n_, num, speaking

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["View", "environment", "render"]

_QUIET = frozenset({FindingKind.WORKS, FindingKind.RETIRED, FindingKind.NOT_MEASURED})
_NOT_COUNTED = frozenset({FindingKind.RETIRED, FindingKind.NOT_MEASURED})
_TONES: dict[FindingKind, Mark] = {
    FindingKind.WINDOW: Mark.CUT,
    FindingKind.BLOCKED: Mark.CUT,
    FindingKind.DEGRADED: Mark.PART,
    FindingKind.SLOWED: Mark.SLOW,
    FindingKind.SIGNS: Mark.UNCLEAR,
    FindingKind.RECOVERED: Mark.PART,
    FindingKind.REFUSED: Mark.REFUSED,
    FindingKind.DOWN: Mark.DOWN,
    FindingKind.UNCLEAR: Mark.UNCLEAR,
    FindingKind.WORKS: Mark.FINE,
    FindingKind.RETIRED: Mark.NO_DATA,
    FindingKind.NOT_MEASURED: Mark.NO_DATA,
}


class Picture(NamedTuple):
    """A chart as it stands in a page: the drawing, and a narrower one for small screens."""

    svg: Markup
    narrow: Markup = Markup("")


class View:
    """What the template asks for; it decides nothing about the world, only about the page."""

    def __init__(self, data: ReportData, links: Links | None = None) -> None:
        """Take what the page is about; a chart is drawn when the page asks for it."""
        self.data = data
        self.words = words
        self.links = links or Links({lane.subject for lane in data.lanes})
        self.language = language()
        self.headlines = headlines(data)
        self.offsets = phrases.offsets(data)
        self.marks = used_marks(data.heatmaps, data.lanes)
        self.anchor = anchor
        self.day_name = phrases.day_name
        self.day_words = phrases.day_words
        self.duration = phrases.duration
        self.clock_minute = phrases.clock_minute
        self.subject_name = phrases.subject_name
        self.network_name = phrases.network_name
        self.rate = slow_words.rate_words
        self.timed_name = slow_words.timed_name
        self.beside_words = slow_words.beside_words
        self.size_words = slow_words.size_words
        self.level_words = slow_words.level_words
        self.caution = slow_words.caution
        self.looks_words = looks_words
        self.has_number = has_number
        grounded = Grounded(data, self.headlines, self.links)
        self.behind = grounded.behind
        self.said = grounded.said
        self.said_of = grounded.said_of
        self.proven = grounded.proven
        self.proofs = grounded.proofs
        self.num = num
        self.digits = digits

    @cached_property
    def heatmaps(self) -> tuple[tuple[Heatmap, Picture], ...]:
        """The heatmaps with their drawings: only some pages show them, and they take longest."""
        return tuple(
            (one, Picture(draw(heat_chart(one, self.offsets)))) for one in self.data.heatmaps
        )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that the page says."""
        return hashlib.sha256(encode(self.data)).hexdigest()

    def lanes(self) -> Picture:
        """Return the whole period of every lane, side by side."""
        data = self.data
        kwargs = {"several": self.several_networks}
        wide = lanes_chart(data.lanes, data.period, data.place.tz, **kwargs)
        narrow = lanes_chart(data.lanes, data.period, data.place.tz, narrow=True, **kwargs)
        return Picture(draw(wide), draw(narrow))

    def onsets(self) -> Picture:
        """Return which failing stretch began first."""
        data = self.data
        wide = onset_chart(data.lanes, data.period, data.place.tz)
        narrow = onset_chart(data.lanes, data.period, data.place.tz, narrow=True)
        return Picture(draw(wide), draw(narrow))

    @property
    def began(self) -> list[tuple[Lane, Bar]]:
        """Return each lane with its last failing stretch, the first begun on top."""
        found = onsets(self.data.lanes)
        return sorted(found, key=lambda one: (one[1].start, one[0].name, one[0].network))

    def calendar(self) -> Picture:
        """Return how much of each day was looked at."""
        return Picture(draw(calendar_chart(self.data.calendar)))

    def stack(self) -> Picture:
        """Return the failed looks of each day by layer."""
        return Picture(draw(stack_chart(self.data.mix)))

    def control(self) -> Picture:
        """Return the share of failed looks beside that of the neutral hosts."""
        return Picture(draw(control_chart(self.data.mix)))

    def matrix(self) -> Picture:
        """Return what each network shows of each service."""
        return Picture(draw(matrix_chart(self.data.matrix)))

    def goodputs(self) -> list[tuple[Goodput, Picture]]:
        """Return how fast things came beside their controls."""
        period, tz = self.data.period, self.data.place.tz
        return [
            (
                one,
                Picture(
                    draw(goodput_chart(one, period, tz)),
                    draw(goodput_chart(one, period, tz, narrow=True)),
                ),
            )
            for one in self.data.goodputs
        ]

    def overlays(self) -> list[tuple[Numbers, Picture]]:
        """Return the numbers of others with their drawings."""
        period, tz = self.data.period, self.data.place.tz
        return [
            (
                one,
                Picture(
                    draw(overlay_chart(one, period, tz, number=number)),
                    draw(overlay_chart(one, period, tz, number=number, narrow=True)),
                ),
            )
            for number, one in enumerate(self.data.overlays, 1)
        ]

    def layers(self, day: DayMix) -> str:
        """Return the failed looks of a day in words."""
        return self.language.comma.join(
            f"{mechanisms.layer_name(layer)}: {num(count)}" for layer, count in day.layers
        )

    def percent(self, share: float | None) -> str:
        """Return a share in per cent."""
        return "" if share is None else _("{share} %", share=num(100 * share, ".0f"))

    def seen(self, day: str) -> DaySeen | None:
        """Return how much of a day was looked at, ``None`` for one outside the period."""
        return next((one for one in self.data.calendar if one.date == day), None)

    @property
    def failed_days(self) -> bool:
        """Whether anything failed on any day."""
        return any(day.layers for day in self.data.mix)

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
            return _("Intercepted")
        return words.FINDING[found.kind]

    def roles(self, found: ServiceFinding) -> str:
        """Return what of the service works and what does not."""
        roles = "; ".join(
            f"{one.of or words.ROLES[one.role]}: {words.said_of(one)}" for one in found.roles
        )
        changes = found.kind in (FindingKind.WINDOW, FindingKind.RECOVERED)
        return _("at the last look, {roles}", roles=roles) if changes and found.roles else roles

    def beside(self, found: ServiceFinding) -> str:
        """Return what other endpoints of the same company did."""
        return "; ".join(map(words.beside, found.beside))

    def when(self, found: ServiceFinding) -> str:
        """Return since when, or at which hours, or for how long."""
        if found.window is not None and found.kind is FindingKind.SLOWED:
            return self._slow_when(found.window.event)
        if found.window is not None and found.kind is FindingKind.WINDOW:
            start, end = phrases.window_hours(found.window.event)
            days = phrases.weekdays(found.window.event)
            return _("{days}, about {start}–{end}", days=days, start=start, end=end)
        if found.kind is FindingKind.RECOVERED:
            return _("about {length} in all", length=phrases.duration(found.bad_s))
        return phrases.since_words(found.since, self.data.place.tz)

    def _slow_when(self, event: Event) -> str:
        """Return at which hours, or from when on, something was slow."""
        if event.window is not None:
            start, end = phrases.window_hours(event)
            days = phrases.weekdays(event)
            return _("{days}, about {start}–{end}", days=days, start=start, end=end)
        begun = self.moment(event.start.at)
        if event.end is None:
            return _("since {time}", time=begun)
        return f"{begun} – {self.moment(event.end.at)}"

    def sure(self, found: ServiceFinding) -> str:
        """Return how well it is shown."""
        if found.window is not None and found.kind in (FindingKind.WINDOW, FindingKind.SLOWED):
            event = found.window.event
            days = event.window.days if event.window else None
            label = words.LABEL[event.label]
            if days is None:
                return label
            return _(
                "{label}, {seen} of {days} days",
                label=label,
                seen=num(days.supported),
                days=num(days.observable),
            )
        quiet = (FindingKind.RECOVERED, FindingKind.UNCLEAR)
        if found.kind in quiet or found.confidence is None:
            return ""
        return words.CONFIDENCE[found.confidence]

    def who(self, found: ServiceFinding) -> str:
        """Return whose doing it is, in words."""
        if found.kind is FindingKind.UNCLEAR:
            return _("Not known")
        said = words.WHO[found.locus]
        if found.kind is FindingKind.SIGNS and found.locus is not Locus.UNKNOWN:
            return _("Perhaps: {who}", who=said)
        if found.kind is FindingKind.REFUSED and found.reason is not None:
            return f"{said}; {words.REASON[found.reason]}"
        return said

    def moment(self, time: datetime, *, year: bool = False) -> str:
        """Return a time in the vantage's zone."""
        return phrases.moment(time, self.data.place.tz, year=year)

    @property
    def looked(self) -> list[tuple[FindingKind, list[ServiceFinding]]]:
        """Return the services that were looked at, by kind."""
        counted = [one for one in self.data.services if one.kind not in _NOT_COUNTED]
        groups = grouped(counted, lambda found: found.kind)
        return [(group[0].kind, group) for group in groups]

    @property
    def uncounted(self) -> list[ServiceFinding]:
        """Return the services that do not count, but were looked at."""
        return [one for one in self.data.services if one.kind in _NOT_COUNTED and one.looks.total]

    def line_words(self, day: DaySeen) -> str:
        """Return what the line itself was like in the rounds of a day, where it was amiss."""
        gates = ((words.GATES.get(gate, gate), count) for gate, count in day.gates)
        amiss = (
            (_("the line itself was at fault"), day.rounds_invalid),
            (_("interrupted"), day.rounds_interrupted),
            *gates,
        )
        return "; ".join(f"{what}: {num(count)}" for what, count in amiss if count)

    def row_name(self, row: WindowRow) -> str:
        """Return what a finding in a timeline is about."""
        return slow_words.slowed_name(row.event, row.name)

    def timed_of(self, row: WindowRow) -> list[tuple[Goodput, Picture]]:
        """Return the transfers that one finding rests on."""
        return [found for found in self.goodputs() if found[0].subject == row.subject]

    def hours(self, event: Event) -> str:
        """Return the hours of a window."""
        return "–".join(phrases.window_hours(event))

    def minutes(self, edge: tuple[float, float], *, end: bool = False) -> str:
        """Return the 95 per cent interval of a window's edge."""
        low, high = (phrases.clock_minute(minute, end=end) for minute in edge)
        return low if low == high else _("{low} to {high}", low=low, high=high)

    def with_it(self, event: Event) -> str:
        """Return what else failed at the same time."""
        return words.REACH[event.reach]

    def event_kind(self, event: Event) -> str:
        """Return what kind of finding it is."""
        return words.EVENTS[EventKind.THROTTLE if event.throttle else event.kind]

    def event_days(self, event: Event) -> str:
        """Return on which days a window lies."""
        return phrases.weekdays(event)

    def hows(self, event: Event) -> str:
        """Return the mechanisms of an event with how often each was seen."""
        shown = (
            n_("{how} ({count} look)", "{how} ({count} looks)", count, how=mechanisms.how(name))
            for name, count in event.mechanisms[:3]
        )
        return "; ".join(dict.fromkeys(shown))


def _finalize(value: object) -> object:
    """Let no control or direction character through, whoever forgot to clean it."""
    return visible(value) if type(value) is str else value


@lru_cache(maxsize=4)
def environment(*packages: str) -> "Environment":
    """Return the report's templates, and those of other packages, worded as is spoken."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=ChoiceLoader([PackageLoader(one) for one in ("probe.report", *packages)]),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"_": _, "n_": n_, "h_": _marked, "Mark": Mark, "words": words, "num": num}
    made.globals["how"] = mechanisms.how
    return made


def _marked(text: str, /, **values: object) -> Markup:
    """Return a text that holds markup of ours, with values that are escaped."""
    return Markup(_(text)).format(**values)  # noqa: S704 - the text is the catalogue's own


def render(data: ReportData, lang: str = "en") -> str:
    """Return the report as one HTML document (UTF-8 when written), ending in a newline.

    Raises:
        InputError: when there is no such language.

    """
    with speaking(lang):
        page = environment().get_template("report.html.j2")
        return page.render(view=View(data), data=data) + "\n"
