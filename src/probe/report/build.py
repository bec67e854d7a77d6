"""Make the data of a report from series, intervals, events, verdicts, rounds and notes; pure."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import msgspec

from probe.analysis.columns import Columns, SeriesLike, columns_of
from probe.analysis.line_series import LINE
from probe.analysis.timeline import intervals as intervals_of
from probe.model.event import Event
from probe.model.goodput import Pair as TimedPair
from probe.model.goodput import PairKey
from probe.model.record import Note, RoundRow
from probe.model.timeline import Interval, Overlay, Series, SeriesKey, Signal
from probe.model.verdict import ServiceVerdict
from probe.report.coverage import coverage_of, days_seen, gaps_of
from probe.report.data import (
    LINE_SUBJECT,
    FindingKind,
    Goodput,
    Heatmap,
    Lane,
    Method,
    Pair,
    Period,
    Place,
    ReportData,
    ServiceFinding,
    Subject,
    WindowRow,
)
from probe.report.findings import finding_of
from probe.report.hours import HourGrid
from probe.report.marks import Row, bars_of, day_rows, last_mark
from probe.report.mix import day_mixes
from probe.report.overlaid import overlaid
from probe.report.publish import Grain, network_names
from probe.report.text import clean
from probe.report.timed import Timed, timed_of

__all__ = ["build"]

_MAX_DAYS = 400
_MAX_HEATMAPS = 40  # a page must pass over a throttled line
_MAX_TIMED = 12  # pairs of transfers that are drawn
_NO_PAIRS: Mapping[PairKey, Sequence[TimedPair]] = {}
_NOT_SERVICES = frozenset({"control", "domestic"})
_AFFECTED = frozenset(
    {
        FindingKind.WINDOW,
        FindingKind.BLOCKED,
        FindingKind.DEGRADED,
        FindingKind.SLOWED,
        FindingKind.SIGNS,
        FindingKind.RECOVERED,
        FindingKind.REFUSED,
        FindingKind.DOWN,
    }
)


def build(
    *,
    title: str,
    generated: datetime,
    period: Period,
    country: str,
    tz: str,
    method: Method,
    services: Sequence[tuple[Subject, ServiceVerdict | None]] = (),
    series: Sequence[SeriesLike] = (),
    intervals: Mapping[SeriesKey, Sequence[Interval]] | None = None,
    events: Sequence[Event] = (),
    rounds: Sequence[RoundRow] = (),
    notes: Sequence[Note] = (),
    simulated: bool = False,
    private: bool = False,
    pairs: Mapping[PairKey, Sequence[TimedPair]] = _NO_PAIRS,
    every_pair: bool = False,
    overlays: Sequence[Overlay] = (),
) -> ReportData:
    """Return the data of a report of one vantage.

    ``services`` holds each service that belongs on the page, with its verdict at the last look
    (``None``: not measured). ``series`` are those of services and those of the line
    (signals ``upstream`` and ``intl``); ``intervals`` are keyed as the series. All times are
    aware. A period of more than 400 days is cut to its last 400. Of the timed ``pairs`` those are
    drawn in which something was slow (``events`` has it), or all with ``every_pair``. Of
    ``overlays`` those about this place are shown.
    """
    period = Period(start=max(period.start, period.end - timedelta(days=_MAX_DAYS)), end=period.end)
    timed_networks = [key.network for key in pairs]
    desk = _Desk(tz, period, series, intervals or {}, timed_networks, private=private)
    names = {service.id: service.name for service, _ in services}
    windows = desk.windows(events, names)
    findings = [
        desk.finding(service, verdict, windows)
        for service, verdict in services
        if service.category not in _NOT_SERVICES
    ]
    findings.sort(key=_interest)
    shown = [found for found in findings if found.kind in _AFFECTED]
    failed = [found for found in shown if found.kind is not FindingKind.SLOWED]
    timed = timed_of(pairs, events)
    slowed = [one for one in timed if one.events][:_MAX_TIMED]
    beside, more = overlaid(overlays, period, country=country, networks=desk.names, private=private)
    calendar = days_seen(rounds, desk.grid, period)
    return ReportData(
        title=clean(title),
        generated=desk.grain.down(generated),
        period=Period(start=desk.grain.down(period.start), end=desk.grain.up(period.end)),
        place=Place(country=clean(country, 2), tz=tz, networks=desk.networks()),
        simulated=simulated,
        private=private,
        services=tuple(desk.grain.finding(found) for found in findings),
        windows=tuple(desk.public_window(row) for row in windows),
        heatmaps=(*desk.heatmaps(failed[:_MAX_HEATMAPS]), *desk.timed_heatmaps(slowed, names)),
        heatmaps_left_out=len(failed[_MAX_HEATMAPS:]),
        lanes=desk.lanes(shown),
        coverage=coverage_of(calendar, gaps_of(rounds, period, desk.grain)),
        calendar=calendar,
        mix=day_mixes(desk.targeted(_counted(services)), desk.grid),
        matrix=desk.matrix(shown),
        goodputs=desk.goodputs(timed[:_MAX_TIMED] if every_pair else slowed, names),
        overlays=beside,
        overlays_left_out=more,
        notes=desk.grain.notes(notes, names),
        notes_withheld=0 if private else sum(1 for note in notes if note.text),
        method=method if private else msgspec.structs.replace(method, chain=""),
    )


def _counted(services: Iterable[tuple[Subject, ServiceVerdict | None]]) -> set[str]:
    """Return the services whose looks are counted: a whole has none but those of its parts."""
    return {
        service.id
        for service, _ in services
        if service.category not in _NOT_SERVICES and not service.whole
    }


def _interest(finding: ServiceFinding) -> tuple[int, str, str]:
    order = list(FindingKind).index(finding.kind)
    return (order, finding.category, finding.name.casefold())


class _Desk:
    """The inputs of one report, laid out by subject and network."""

    def __init__(
        self,
        tz: str,
        period: Period,
        series: Sequence[SeriesLike],
        intervals: Mapping[SeriesKey, Sequence[Interval]],
        timed_networks: Iterable[str] = (),
        *,
        private: bool,
    ) -> None:
        self.tz = tz
        self.period = period
        self.intervals = intervals
        self.grain = Grain(tz, private=private)
        self.grid = HourGrid(period.start, period.end, tz)
        networks = (*(one.key.network for one in series), *timed_networks)
        self.names = network_names(networks, private=private)
        self.own: dict[tuple[str, str], list[Columns]] = {}
        self.line: dict[str, list[Columns]] = {}
        for one in map(columns_of, series):
            if one.key.signal is Signal.TARGETED:
                self.own.setdefault((one.key.subject, one.key.network), []).append(one)
            elif one.key.signal is not Signal.GOODPUT:
                self.line.setdefault(one.key.network, []).append(one)

    def networks(self) -> tuple[str, ...]:
        """Return what the networks of the report are called."""
        return tuple(dict.fromkeys(name for name in self.names.values() if name))

    def _own_of(self, subject: str) -> list[tuple[Columns, Sequence[Interval]]]:
        return [
            (one, self.intervals.get(one.key, ()))
            for (name, _), found in self.own.items()
            if name == subject
            for one in found
        ]

    def finding(
        self, service: Subject, verdict: ServiceVerdict | None, windows: Sequence[WindowRow]
    ) -> ServiceFinding:
        """Return the finding of a service, in words that are safe to show."""
        mine = [row for row in windows if row.subject == service.id]
        found = finding_of(service, verdict, self._own_of(service.id), mine)
        return msgspec.structs.replace(
            found,
            name=clean(found.name, 80),
            window=self.public_window(found.window) if found.window else None,
        )

    def windows(self, events: Sequence[Event], names: Mapping[str, str]) -> list[WindowRow]:
        """Return the events with the subjects that they belong to."""
        rows = []
        for event in events:
            timed = event.signal == Signal.GOODPUT.value
            is_line = event.series == LINE if timed else event.signal != Signal.TARGETED.value
            name = names.get(event.series, event.series)
            rows.append(
                WindowRow(
                    subject=LINE_SUBJECT if is_line else event.series,
                    name=LINE_SUBJECT if is_line else clean(name, 80),
                    locus=event.signal if is_line and not timed else event.locus,
                    event=event,
                )
            )
        return rows

    def public_window(self, row: WindowRow) -> WindowRow:
        """Return the row with its network and times as this report may show them."""
        return self.grain.window(row, self.names.get(row.event.network, ""))

    def _rows(self, shown: Sequence[ServiceFinding]) -> list[tuple[str, str, str, Row]]:
        rows: list[tuple[str, str, str, Row]] = []
        for network, line in self.line.items():
            if any((one.bad == 1).any() for one in line):
                row = Row(own=tuple(line), line=(), intervals=self.intervals)
                rows.append((LINE_SUBJECT, LINE_SUBJECT, network, row))
        for found in shown:
            for (owner, network), own in self.own.items():
                if owner == found.id:
                    row = Row(
                        own=tuple(own),
                        line=tuple(self.line.get(network, ())),
                        intervals=self.intervals,
                        hedged=found.kind is FindingKind.SIGNS,
                    )
                    rows.append((found.id, found.name, network, row))
        return rows

    def heatmaps(self, shown: Sequence[ServiceFinding]) -> tuple[Heatmap, ...]:
        """Return one heatmap for each affected service on each network."""
        return tuple(
            Heatmap(
                subject=subject,
                name=name,
                network=self.names.get(network, ""),
                tz=self.tz,
                days=day_rows(row, self.grid),
            )
            for subject, name, network, row in self._rows(shown)
            if subject != LINE_SUBJECT
        )

    def timed_heatmaps(
        self, timed: Sequence[Timed], names: Mapping[str, str]
    ) -> tuple[Heatmap, ...]:
        """Return a heatmap of slow and usual rounds for each pair in which something was slow."""
        return tuple(
            Heatmap(
                subject=one.subject,
                name=self._name(one, names),
                network=self.names.get(one.history.key.network, ""),
                tz=self.tz,
                days=day_rows(self._timed_row(one.series), self.grid),
                timed=True,
            )
            for one in timed
        )

    def _timed_row(self, series: Series) -> Row:
        return Row(own=(series,), line=(), intervals={series.key: intervals_of(series)})

    def _name(self, one: Timed, names: Mapping[str, str]) -> str:
        return clean(names.get(one.subject, one.subject), 80)

    def goodputs(self, timed: Sequence[Timed], names: Mapping[str, str]) -> tuple[Goodput, ...]:
        """Return what the charts of timed transfers show."""
        return tuple(
            one.goodput(
                self._name(one, names),
                self.names.get(one.history.key.network, ""),
                self.grain,
                self.tz,
            )
            for one in timed
        )

    def lanes(self, shown: Sequence[ServiceFinding]) -> tuple[Lane, ...]:
        """Return a lane for the line, where it was cut, and one for each affected service."""
        return tuple(
            Lane(
                subject=subject,
                name=name,
                network=self.names.get(network, ""),
                bars=tuple(self.grain.bar(bar) for bar in bars_of(row)),
            )
            for subject, name, network, row in self._rows(shown)
        )

    def targeted(self, services: AbstractSet[str]) -> list[Columns]:
        """Return the series of these services, without those of neutral hosts."""
        return [one for (name, _), found in self.own.items() if name in services for one in found]

    def matrix(self, shown: Sequence[ServiceFinding]) -> tuple[Pair, ...]:
        """Return what each network showed last of each service shown."""
        return tuple(
            Pair(
                subject=found.id,
                name=found.name,
                network=self.names.get(network, ""),
                mark=last_mark(own, hedged=found.kind is FindingKind.SIGNS),
            )
            for found in shown
            for (owner, network), own in self.own.items()
            if owner == found.id
        )
