"""Events as rows: what ``probe patterns`` found, flat enough for a spreadsheet."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from probe.analysis.zones import country_of
from probe.export.table import Batch, Cell, Column, Table, plain_batch
from probe.model.event import Event
from probe.model.throttle import THROTTLE_FIELDS
from probe.model.times import microseconds

__all__ = ["TABLE", "batches", "flat"]

TABLE: Final = Table(
    "events",
    "Outages, onsets, windows and throttling that were found in the series",
    (
        Column("start", "datetime", "Best estimate of its start, UTC."),
        Column("start_earliest", "datetime", "It began after this."),
        Column("start_latest", "datetime", "It began at or before this."),
        Column("end", "datetime", "Best estimate of its end, UTC; empty while it lasts."),
        Column("end_earliest", "datetime", "It ended after this."),
        Column("end_latest", "datetime", "It ended at or before this."),
        Column("kind", "string", "outage, onset, daily_window, weekly_window, throttle, ..."),
        Column("label", "string", "suspected or established."),
        Column("series", "string", "A service, an endpoint, or the line itself."),
        Column("vantage", "string", "The line; empty for what several saw together."),
        Column("country", "string", "Where the line ends; of several, where their zone is."),
        Column("network", "string", "Network key: AS number and kind of access."),
        Column("signal", "string", "targeted, upstream, intl or goodput."),
        Column("locus", "string", "Whose doing: network, server, local or unknown."),
        Column("tz", "string", "Zone in which a window is constant."),
        Column("start_minute", "integer", "Of a window: its start, local minutes of the day."),
        Column("end_minute", "integer", "Of a window: its end; above 1440 is the next day."),
        Column("weekdays", "string", "Of a window: ISO numbers, separated by spaces; empty: all."),
        Column("first_day", "string", "Of a window: first local day with it."),
        Column("last_day", "string", "Of a window: last local day with it."),
        Column("supported", "integer", "Of a window: days that show it."),
        Column("observable", "integer", "Of a window: days on which it could be seen."),
        Column("total", "integer", "Of a window: all days from first to last."),
        Column("p", "number", "Chance of as much regularity without a window."),
        Column("q", "number", "The same, corrected for the number of tests."),
        Column("mechanisms", "string", "How it failed, the commonest first, with counts."),
        Column("reach", "string", "What failed with it."),
        Column("breadth", "string", "How much of the line shared it."),
        Column("scope", "string", "this line, one AS, several AS or national."),
        Column("samples", "integer", "Looks inside."),
        Column("bad_samples", "integer", "Looks inside that failed."),
        Column("throttle_grade", "string", "Of what was slow: slow, throttled or extreme."),
        Column("throttle_scope", "string", "targeted, general (the line) or border."),
        Column("throttle_shape", "string", "How it came: policed, shaped, frozen or unknown."),
        Column("throttle_ratio", "number", "How many times slower than before; empty: unknown."),
        Column("throttle_at_least", "number", "The lower end of its interval (95 %)."),
        Column("throttle_at_most", "number", "The upper end; empty without a bound."),
        Column("throttle_level_kbps", "number", "What the limit lets through, kbit/s."),
        Column("throttle_level_low", "number", "The lower end of its interval (95 %)."),
        Column("throttle_level_high", "number", "The upper end."),
        Column("throttle_before_kbps", "number", "Median rate of what it is compared with."),
        Column("throttle_frozen_low", "integer", "Bytes after which it stopped, usual lowest."),
        Column("throttle_frozen_high", "integer", "The usual highest."),
        Column("throttle_rounds", "integer", "Slow rounds that this rests on."),
        Column("throttle_baseline", "integer", "Rounds that they are compared with."),
        Column("throttle_pairing", "string", "Beside what: same_server, neutral or border."),
        Column("throttle_direction", "string", "download or upload."),
        Column("throttle_transport", "string", "tcp, quic or udp."),
        Column("throttle_family", "integer", "Address family, 4 or 6."),
        Column("throttle_own_server", "boolean", "Timed at a server of the owner's own."),
        Column("sentence", "string", "The same for a person."),
    ),
)
_AT_ONCE = 4_096


def batches(events: Iterable[Event], countries: Mapping[str, str]) -> Iterator[Batch]:
    """Yield the events as rows; ``countries`` are those of the lines, by name."""
    rows = [_row(event, countries) for event in events]
    for start in range(0, len(rows), _AT_ONCE):
        yield plain_batch(TABLE, rows[start : start + _AT_ONCE])


def _row(event: Event, countries: Mapping[str, str]) -> list[Cell]:
    start, end = event.start, event.end
    cells: Mapping[str, Any] = flat(event)
    own: dict[str, Cell] = {
        "start": microseconds(start.at),
        "start_earliest": microseconds(start.earliest),
        "start_latest": microseconds(start.latest),
        "end": _us(end.at if end else None),
        "end_earliest": _us(end.earliest if end else None),
        "end_latest": _us(end.latest if end else None),
        "country": countries.get(event.vantage or "") or country_of(event.tz) or "ZZ",
        "weekdays": " ".join(map(str, cells.get("weekdays") or ())) or None,
        "mechanisms": ", ".join(f"{name} ({n})" for name, n in event.mechanisms) or None,
    }
    return [own[c.name] if c.name in own else cells.get(c.name) for c in TABLE.columns]


def _us(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


def flat(event: Event) -> dict[str, Any]:
    """Return an event as one mapping, the fields of its window among its own."""
    from probe.model.codec import to_builtins

    built: dict[str, Any] = to_builtins(event)
    window = event.window
    built["start"] = built["start"]["at"]
    built["end"] = built["end"]["at"] if event.end else None
    if window is not None:
        built |= to_builtins(window) | to_builtins(window.days)
        if window.snapped is not None:
            built["snapped_start"], built["snapped_end"] = window.snapped
    return built | _throttle(event)


def _throttle(event: Event) -> dict[str, Any]:
    """Return the fields of a throttling, the two ends of an interval apart."""
    from probe.model.codec import to_builtins

    said = event.throttle
    if said is None:
        return {}
    built: dict[str, Any] = to_builtins(said)
    built["level_low"], built["level_high"] = said.level_interval or (None, None)
    built["frozen_low"], built["frozen_high"] = said.frozen_at or (None, None)
    return {f"throttle_{name}": built[name] for name in THROTTLE_FIELDS}
