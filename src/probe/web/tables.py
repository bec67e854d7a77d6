"""What is on the screen as rows: the same for CSV, JSON and the programming interface."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from probe.model.codec import to_builtins
from probe.model.event import Event
from probe.model.formula import guarded
from probe.model.record import RoundRow
from probe.report.compare import Comparison
from probe.report.data import ReportData
from probe.store.database import Entry
from probe.web.page import event_key, stamp

__all__ = [
    "Row",
    "comparison_rows",
    "csv_text",
    "day_rows",
    "entry_rows",
    "event_rows",
    "goodput_rows",
    "hour_rows",
    "interval_rows",
    "overlay_rows",
    "round_rows",
    "service_rows",
]

Row = Mapping[str, Any]


def service_rows(data: ReportData) -> list[Row]:
    """Return one row a service: what, how, who, since when, how sure."""
    return [
        {
            "service": found.id,
            "name": found.name,
            "category": found.category,
            "finding": found.kind,
            "state": found.state,
            "mechanism": found.mechanism,
            "locus": found.locus,
            "confidence": found.confidence,
            "since": stamp(found.since.at) if found.since else "",
            "since_earliest": stamp(found.since.earliest) if found.since else "",
            "since_latest": stamp(found.since.latest) if found.since else "",
            "since_open": found.since.open if found.since else "",
            "bad_s": round(found.bad_s),
            "looks_good": found.looks.good,
            "looks_bad": found.looks.bad,
            "looks_unclear": found.looks.unclear,
            "rule_id": found.rule_id,
        }
        for found in data.services
    ]


def interval_rows(data: ReportData) -> list[Row]:
    """Return every stretch of every lane with its brackets, by time."""
    return [
        {
            "subject": lane.subject,
            "network": lane.network,
            "mark": bar.mark,
            "start": stamp(bar.start),
            "start_earliest": stamp(bar.start_earliest),
            "start_latest": stamp(bar.start_latest),
            "start_hidden": bar.start_hidden,
            "end": stamp(bar.end),
            "end_earliest": stamp(bar.end_earliest),
            "end_latest": stamp(bar.end_latest),
            "end_hidden": bar.end_hidden,
            "samples": bar.samples,
            "mechanism": bar.mechanism,
        }
        for lane in data.lanes
        for bar in sorted(lane.bars, key=lambda one: one.start)
    ]


def event_rows(data: ReportData) -> list[Row]:
    """Return the events as the programming interface and the CSV name them."""
    rows: list[Row] = []
    for row in data.windows:
        event = row.event
        window = event.window
        rows.append(
            {
                "key": event_key(row),
                "subject": event.series,
                "signal": event.signal,
                "locus": event.locus,
                "kind": event.kind,
                "label": event.label,
                "network": event.network,
                "start": stamp(event.start.at),
                "end": stamp(event.end.at) if event.end else "",
                "tz": event.tz,
                "start_minute": window.start_minute if window else "",
                "end_minute": window.end_minute if window else "",
                "days_supported": window.days.supported if window else "",
                "days_observable": window.days.observable if window else "",
                "p": "" if event.p is None else event.p,
                "q": "" if event.q is None else event.q,
                "samples": event.samples,
                "bad_samples": event.bad_samples,
                **_slowness(event),
            }
        )
    return rows


def _slowness(event: Event) -> Row:
    """Return how slow something was, as columns that are empty for what was not."""
    said = event.throttle
    low, high = (said and said.level_interval) or ("", "")
    return {
        "times_slower": "" if said is None or said.ratio is None else said.ratio,
        "times_slower_low": said.at_least if said else "",
        "times_slower_high": "" if said is None or said.at_most is None else said.at_most,
        "level_kbps": "" if said is None or said.level_kbps is None else said.level_kbps,
        "level_kbps_low": low,
        "level_kbps_high": high,
        "beside": said.pairing if said else "",
    }


def goodput_rows(data: ReportData) -> list[Row]:
    """Return every point of the charts of timed transfers; an empty ``slow`` is not compared."""
    return [
        {
            "subject": one.subject,
            "network": one.network,
            "tz": one.tz,
            "beside": one.pairing,
            "direction": one.direction,
            "transport": one.transport,
            "family": one.family,
            "line": one.general,
            "own_server": one.own_server,
            "time": stamp(point.time),
            "rounds": point.rounds,
            "kbps": "" if point.kbps is None else point.kbps,
            "control_kbps": "" if point.control_kbps is None else point.control_kbps,
            "slow": "" if point.slow is None else point.slow,
        }
        for one in data.goodputs
        for point in one.points
    ]


def overlay_rows(data: ReportData) -> list[Row]:
    """Return every point of the numbers of others that are drawn."""
    return [
        {
            "name": one.name,
            "unit": one.unit,
            "source": one.source,
            "country": one.country,
            "network": one.network,
            "grain_s": one.grain_s,
            "time": stamp(time),
            "value": value,
        }
        for one in data.overlays
        for time, value in one.points
    ]


def hour_rows(data: ReportData) -> list[Row]:
    """Return every cell of the heatmaps; hours are local, in the zone that is named."""
    return [
        {
            "subject": heatmap.subject,
            "network": heatmap.network,
            "timed": heatmap.timed,
            "tz": heatmap.tz,
            "date": day.date,
            "hour": hour,
            "mark": cell.mark,
            "carried": cell.carried,
            "looks": cell.looks,
            "bad": cell.bad,
        }
        for heatmap in data.heatmaps
        for day in heatmap.days
        for hour, cell in enumerate(day.cells)
    ]


def day_rows(data: ReportData) -> list[Row]:
    """Return the days: hours with a round, failed looks by layer, shares that failed."""
    seen = {day.date: day for day in data.calendar}
    return [
        {
            "date": day.date,
            "tz": data.place.tz,
            "hours": seen[day.date].hours if day.date in seen else "",
            "hours_seen": seen[day.date].hours_seen if day.date in seen else "",
            **{f"failed_{layer}": day.count(layer) for layer in _LAYERS},
            "failed_share": "" if day.failed_share is None else round(day.failed_share, 4),
            "control_share": "" if day.control_share is None else round(day.control_share, 4),
        }
        for day in data.mix
    ]


_LAYERS = ("dns", "tcp", "tls", "exchange", "udp", "http", "server", "other")


def entry_rows(entries: Iterable[Entry]) -> list[Row]:
    """Return measurements as a list shows them."""
    return [
        {
            "round": one.round,
            "no": one.no,
            "time": stamp(one.time),
            "vantage": one.vantage,
            "network": one.network,
            "service": one.service,
            "endpoint": one.endpoint,
            "state": one.verdict.state,
            "mechanism": one.verdict.mechanism,
            "locus": one.verdict.locus,
            "confidence": one.verdict.confidence,
            "rule_id": one.verdict.rule_id,
            "rule_version": one.verdict.rule_version,
        }
        for one in entries
    ]


def round_rows(rounds: Iterable[RoundRow]) -> list[Row]:
    """Return rounds with the gates that closed in them."""
    return [
        {
            "round": row.id,
            "vantage": row.vantage,
            "network": row.network.key,
            "plan": row.plan,
            "started": stamp(row.started),
            "ended": stamp(row.ended),
            "gates": " ".join(gate.id.value for gate in row.context.gates) if row.context else "",
            "imported_from": row.imported_from or "",
        }
        for row in rounds
    ]


def comparison_rows(comparison: Comparison) -> list[Row]:
    """Return one row a service, vantage and network."""
    return [
        {
            "service": subject,
            "vantage": seen.column.vantage,
            "network": seen.column.network,
            "source": "file" if seen.column.file else "measured",
            "mark": seen.mark,
            "looks_good": seen.looks.good,
            "looks_bad": seen.looks.bad,
            "looks_unclear": seen.looks.unclear,
        }
        for subject, _name, columns in comparison.services
        for seen in columns
    ]


def csv_text(rows: Sequence[Row]) -> str:
    """Return rows as CSV (RFC 4180); a cell that a spreadsheet would run gets an apostrophe."""
    out = io.StringIO()
    if not rows:
        return ""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_plain(to_builtins(value)) for value in row.values()])
    return out.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return guarded(value)
    return "" if value is None else value
