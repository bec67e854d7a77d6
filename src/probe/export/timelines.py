"""Timelines out of the store: the samples, the intervals, or a regular grid of either.

One service at a time is held, so that years of many services need the memory of one. What is
told of a stretch without looks is why there were none; it is never told as fine.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final, Literal

from msgspec.structs import replace

from probe.analysis.line_series import line_series, networks_of
from probe.analysis.pairs import chosen_pairs
from probe.analysis.series import series_of
from probe.analysis.timeline import intervals
from probe.export.table import Batch, Cell, Column, Table, plain_batch
from probe.model.goodput import Pair, PairKey
from probe.model.record import RoundRow
from probe.model.selection import Selection
from probe.model.timeline import Absence, Interval, Sample, Series, SeriesKey
from probe.model.times import microseconds as us
from probe.store.database import Store

__all__ = [
    "GRID",
    "INTERVALS",
    "SAMPLES",
    "grid",
    "interval_rows",
    "pairs_in",
    "sample_rows",
    "series_in",
]

By = Literal["service", "endpoint"]
Countries = Mapping[str, str]

_AT_ONCE = 4_096
_ROUNDS_AT_ONCE = 1_000
_MOST_BINS = 1_000_000

_KEY: Final = (
    Column("vantage", "string", "Random name of the line that measured."),
    Column("country", "string", "Where the line ends, ISO 3166 alpha-2; ZZ is unknown."),
    Column("network", "string", "Network key: AS number and kind of access."),
    Column("series", "string", "A service, an endpoint, or the line itself."),
    Column("signal", "string", "targeted, upstream, intl or goodput."),
    Column("locus", "string", "Whose doing the bad samples are."),
    Column("tz", "string", "IANA time zone of the line."),
)
INTERVALS = Table(
    "intervals",
    "Stretches in which a series was good, bad, or not known",
    (
        Column("start", "datetime", "Best estimate of its start, UTC."),
        Column("start_earliest", "datetime", "It began after this."),
        Column("start_latest", "datetime", "It began at or before this."),
        Column("start_censored", "boolean", "A gap touches the start: it may lie in the gap."),
        Column("end", "datetime", "Best estimate of its end, UTC."),
        Column("end_earliest", "datetime", "It ended after this."),
        Column("end_latest", "datetime", "It ended at or before this."),
        Column("end_censored", "boolean", "A gap touches the end, or it lasts still."),
        *_KEY,
        Column("state", "string", "ok, bad or gap."),
        Column("absence", "string", "Of a gap: why nothing is known."),
        Column("samples", "integer", "Looks inside."),
        Column("bad_samples", "integer", "Looks inside that failed."),
        Column("probability", "number", "Mean probability of the state, 0 to 1."),
        Column("control_bad", "number", "Mean share of failed controls at its bad samples."),
        Column("mechanisms", "string", "How it failed, the commonest first, with counts."),
    ),
)
SAMPLES = Table(
    "samples",
    "Every look of a series: a timeline CSV that can be read in again",
    (
        Column("time", "datetime", "When the look began, UTC."),
        Column("series", "string", "A service, an endpoint, or the line itself."),
        Column("bad", "integer", "1 failed, 0 worked, empty: no evidence."),
        Column("vantage", "string", "Random name of the line that measured."),
        Column("country", "string", "Where the line ends, ISO 3166 alpha-2; ZZ is unknown."),
        Column("network", "string", "Network key: AS number and kind of access."),
        Column("tz", "string", "IANA time zone of the line."),
        Column("signal", "string", "targeted, upstream, intl or goodput."),
        Column("locus", "string", "Whose doing the bad samples are."),
        Column("control_bad", "number", "Share of the round's controls that failed, 0 to 1."),
        Column("weight", "number", "How much the look counts; empty is 1."),
        Column("reason", "string", "Why there is no evidence."),
        Column("mechanism", "string", "How it failed."),
        Column("retest", "integer", "1: a look again at what had just changed."),
    ),
)
GRID = Table(
    "grid",
    "Each series on a regular grid of time",
    (
        Column("time", "datetime", "Start of the step, UTC."),
        Column("step_s", "integer", "Length of the step, seconds."),
        *_KEY,
        Column("state", "string", "ok, bad, mixed, or gap: no evidence in this step."),
        Column("absence", "string", "Of a gap: why nothing is known."),
        Column("samples", "integer", "Looks with evidence."),
        Column("bad_samples", "integer", "Looks that failed."),
        Column("mechanisms", "string", "How they failed, the commonest first, with counts."),
    ),
)


def series_in(store: Store, chosen: Selection, *, by: By = "service") -> Iterator[Series]:
    """Yield the chosen series, service by service, then those of the lines themselves."""
    bare = [
        replace(row, context=None, opening=None)
        for row in store.rounds(since=chosen.since, until=chosen.until)
    ]
    for service in store.scan.services():
        if chosen.services is not None and service not in chosen.services:
            continue
        rows = store.judged(since=chosen.since, until=chosen.until, service=service)
        yield from (one for one in series_of(rows, bare, by=by) if _chosen(one.key, chosen))
    for one in _lines(store, chosen, bare):
        if _chosen(one.key, chosen):
            yield one
    for one in store.imported_series(chosen.since, chosen.until):
        if _chosen(one.key, chosen) and _of_service(one.key, chosen):
            yield one


def pairs_in(store: Store, chosen: Selection) -> dict[PairKey, tuple[Pair, ...]]:
    """Return the chosen pairs of timed transfers."""
    return chosen_pairs(
        store.goodput(chosen.since, chosen.until),
        services=chosen.services,
        vantages=chosen.vantages,
        networks=chosen.networks,
    )


def _chosen(key: SeriesKey, chosen: Selection) -> bool:
    if chosen.vantages is not None and key.vantage not in chosen.vantages:
        return False
    wanted = chosen.networks
    return wanted is None or key.network in wanted or key.network.partition("/")[0] in wanted


def _of_service(key: SeriesKey, chosen: Selection) -> bool:
    return chosen.services is None or key.subject.partition("/")[0] in chosen.services


def _lines(store: Store, chosen: Selection, bare: list[RoundRow]) -> Iterator[Series]:
    """Yield the lines' own series; contexts are read a few at a time."""
    networks = networks_of(bare)
    zones: dict[SeriesKey, str] = {}
    samples: dict[SeriesKey, list[Sample]] = {}
    held: list[RoundRow] = []

    def take() -> None:
        for one in line_series(held, networks):
            zones[one.key] = one.tz
            samples.setdefault(one.key, []).extend(one.samples)
        held.clear()

    for row in store.rounds(since=chosen.since, until=chosen.until):
        held.append(row)
        if len(held) >= _ROUNDS_AT_ONCE:
            take()
    take()
    for key in sorted(samples):
        ordered = tuple(sorted(samples[key], key=lambda sample: sample.time))
        yield Series(key=key, tz=zones[key], samples=ordered)


def sample_rows(series: Iterable[Series], countries: Countries) -> Iterator[Batch]:
    """Yield every sample, series by series."""
    return _batches(SAMPLES, (row for one in series for row in _sample_rows(one, countries)))


def _sample_rows(series: Series, countries: Countries) -> Iterator[list[Cell]]:
    key, country = series.key, countries.get(series.key.vantage, "ZZ")
    for sample in series.samples:
        bad = sample.bad
        yield [
            us(sample.time),
            key.subject,
            None if bad is None else int(bad),
            key.vantage,
            country,
            key.network,
            series.tz,
            str(key.signal),
            key.locus,
            sample.control_bad,
            None if sample.weight == 1 else sample.weight,
            str(sample.absence) if bad is None and sample.absence else None,
            sample.mechanism,
            1 if sample.burst else None,
        ]


def interval_rows(
    series: Iterable[Series],
    countries: Countries,
    coarse: Callable[[Interval, str], Interval] | None = None,
) -> Iterator[Batch]:
    """Yield every interval, series by series; ``coarse`` rounds its edges for publishing."""
    rows = (
        _interval(one, i if coarse is None else coarse(i, one.tz), countries)
        for one in series
        for i in intervals(one)
    )
    return _batches(INTERVALS, rows)


def _interval(series: Series, interval: Interval, countries: Countries) -> list[Cell]:
    start, end = interval.start, interval.end
    return [
        *(us(start.at), us(start.earliest), us(start.latest), start.censored),
        *(us(end.at), us(end.earliest), us(end.latest), end.censored),
        *_key_cells(series, countries),
        str(interval.state),
        None if interval.absence is None else str(interval.absence),
        interval.samples,
        interval.bad_samples,
        interval.probability,
        interval.control_bad,
        _counted(interval.mechanisms),
    ]


def grid(series: Iterable[Series], step: timedelta, countries: Countries) -> Iterator[Batch]:
    """Yield each series in steps from its first sample to its last; steps begin at UTC's zero."""
    return _batches(GRID, (row for one in series for row in _grid_rows(one, step, countries)))


def _grid_rows(series: Series, step: timedelta, countries: Countries) -> Iterator[list[Cell]]:
    width = step // timedelta(microseconds=1)
    bins: dict[int, list[Sample]] = {}
    for sample in series.samples:
        bins.setdefault(us(sample.time) // width, []).append(sample)
    if not bins:
        return
    reason = str(Absence.NOT_SCHEDULED)
    key = _key_cells(series, countries)
    for place in range(min(bins), min(max(bins), min(bins) + _MOST_BINS) + 1):
        here = bins.get(place, [])
        reason = _reason(here, reason)
        yield [place * width, width // 1_000_000, *key, *_step_cells(here, reason)]


def _reason(samples: list[Sample], before: str) -> str:
    """Return why nothing is known here: the last reason that was given since the last look."""
    if not samples:
        return before
    last = samples[-1]
    return str(last.absence) if last.bad is None and last.absence else str(Absence.NOT_SCHEDULED)


def _step_cells(samples: list[Sample], reason: str) -> tuple[Cell, ...]:
    known = [sample for sample in samples if sample.bad is not None]
    bad = [sample for sample in known if sample.bad]
    if not known:
        return "gap", reason, 0, 0, None
    state = "ok" if not bad else "bad" if len(bad) == len(known) else "mixed"
    counts = Counter(sample.mechanism for sample in bad if sample.mechanism)
    return state, None, len(known), len(bad), _counted(counts.most_common())


def _key_cells(series: Series, countries: Countries) -> tuple[Cell, ...]:
    key = series.key
    country = countries.get(key.vantage, "ZZ")
    where = (key.vantage, country, key.network)
    return *where, key.subject, str(key.signal), key.locus, series.tz


def _counted(counts: Iterable[tuple[str, int]]) -> str | None:
    return ", ".join(f"{name} ({count})" for name, count in counts) or None


def _batches(table: Table, rows: Iterator[list[Cell]]) -> Iterator[Batch]:
    held: list[list[Cell]] = []
    for row in rows:
        held.append(row)
        if len(held) >= _AT_ONCE:
            yield plain_batch(table, held)
            held = []
    if held:
        yield plain_batch(table, held)
