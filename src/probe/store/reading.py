"""Reading rounds, verdicts and records back as values. Every function runs in a transaction."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, null, or_, select

from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Step, TlsStep
from probe.model.record import Judged, Record, RoundRow, SeriesRound, judged_row
from probe.model.times import instant, microseconds
from probe.store.codes import OUTCOME, VARIANT
from probe.store.context import unpack
from probe.store.controls import controls_of
from probe.store.dictionary import Dictionary, EndpointKey, table_of
from probe.store.evidence import join, parse_content, read_trace
from probe.store.rows import (
    StoredCertificate,
    StoredMeasurement,
    StoredRound,
    StoredVantage,
    StoredVerdict,
)
from probe.store.shelf import chunks

__all__ = [
    "Span",
    "bare_rounds",
    "contents_of",
    "judged_of",
    "matching_endpoints",
    "measurements_of",
    "plain_rows",
    "records_of",
    "round_batch",
    "series_batch",
    "series_rounds",
    "steps_of",
    "touching",
    "within",
]

_ROUND = table_of(StoredRound)
_VANTAGE = table_of(StoredVantage)
_MEASUREMENT = table_of(StoredMeasurement)
_VERDICT = table_of(StoredVerdict)


class Span(NamedTuple):
    """A stretch of time, half open, in microseconds; ``None`` is without end."""

    since_us: int | None = None
    until_us: int | None = None

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None) -> "Span":
        """Return the span from ``since`` (included) to ``until`` (not included)."""
        return cls(
            None if since is None else microseconds(since),
            None if until is None else microseconds(until),
        )

    def holds(self, time_us: int) -> bool:
        """Say whether a time lies inside."""
        return (self.since_us is None or time_us >= self.since_us) and (
            self.until_us is None or time_us < self.until_us
        )

    def conditions(self, column: ColumnElement[int]) -> list[ColumnElement[bool]]:
        """Return the conditions that a column of times lies inside."""
        found: list[ColumnElement[bool]] = []
        if self.since_us is not None:
            found.append(column >= self.since_us)
        if self.until_us is not None:
            found.append(column < self.until_us)
        return found


def round_batch(
    connection: Connection, dictionary: Dictionary, span: Span, after: int, limit: int
) -> list[RoundRow]:
    """Return the next rounds by number whose start lies in the span."""
    query = select(_ROUND, _VANTAGE.c.name.label("vantage")).join(
        _VANTAGE, _VANTAGE.c.id == _ROUND.c.vantage_id
    )
    rows = connection.execute(_paged(within(query, span), after, limit)).all()
    dictionary.networks.load_all(connection)
    return [_round_row(dictionary, row) for row in rows]


def bare_rounds(connection: Connection, dictionary: Dictionary, span: Span) -> list[RoundRow]:
    """Return the rounds that started in the span without their contexts, which take long to read.

    It is what tells which network each was on.
    """
    columns = [_ROUND.c[name] for name in ("id", "plan", "started_us", "ended_us", "network_id")]
    query = select(
        *columns,
        _ROUND.c.imported_from,
        _ROUND.c.catalog_digest,
        _VANTAGE.c.name.label("vantage"),
        null().label("context"),
        null().label("opening"),
    ).join(_VANTAGE, _VANTAGE.c.id == _ROUND.c.vantage_id)
    rows = connection.execute(within(query, span)).all()
    dictionary.networks.load_all(connection)
    return [_round_row(dictionary, row) for row in rows]


def within(query: Select[Any], span: Span) -> Select[Any]:
    """Return the query with only the rounds that started in the span."""
    return query.where(*span.conditions(_ROUND.c.started_us))


def touching(span: Span) -> list[ColumnElement[bool]]:
    """Return the conditions of the rounds that may hold a look inside the span.

    Either end of a round may lie outside; with a clock set back, its end may even come before
    its start. The looks' own times decide.
    """
    start, end = _ROUND.c.started_us, _ROUND.c.ended_us
    found: list[ColumnElement[bool]] = []
    if span.since_us is not None:
        found.append(or_(start >= span.since_us, end >= span.since_us, end.is_(None)))
    if span.until_us is not None:
        found.append(or_(start < span.until_us, end < span.until_us))
    return found


def _paged(query: Select[Any], after: int, limit: int | None) -> Select[Any]:
    return query.where(_ROUND.c.id > after).order_by(_ROUND.c.id).limit(limit)


def _round_row(dictionary: Dictionary, row: Row[Any]) -> RoundRow:
    return RoundRow(
        id=row.id,
        vantage=row.vantage,
        plan=row.plan,
        started=instant(row.started_us),
        ended=None if row.ended_us is None else instant(row.ended_us),
        network=dictionary.networks.key_of(row.network_id),
        context=None if row.context is None else unpack(row.context),
        imported_from=row.imported_from,
        catalog_digest=row.catalog_digest,
        opening=None if row.opening is None else unpack(row.opening),
    )


def series_batch(
    connection: Connection,
    dictionary: Dictionary,
    span: Span,
    after: int = 0,
    limit: int | None = None,
) -> list[SeriesRound]:
    """Return the next rounds by number that may hold a verdict inside the span; all, unbounded."""
    query = _series_query().where(*touching(span))
    return _series_rounds(connection, dictionary, _paged(query, after, limit))


def series_rounds(
    connection: Connection, dictionary: Dictionary, numbers: Collection[int]
) -> list[SeriesRound]:
    """Return what a series takes from these rounds, by number."""
    query = _series_query().where(_ROUND.c.id.in_(numbers)).order_by(_ROUND.c.id)
    return _series_rounds(connection, dictionary, query)


def _series_query() -> Select[Any]:
    return select(
        _ROUND.c.id,
        _ROUND.c.started_us,
        _VANTAGE.c.name,
        _ROUND.c.network_id,
        _ROUND.c.tz,
        _ROUND.c.utc_offset_s,
        _ROUND.c.control_bad,
        _ROUND.c.gates,
    ).join(_VANTAGE, _VANTAGE.c.id == _ROUND.c.vantage_id)


def _series_rounds(
    connection: Connection, dictionary: Dictionary, query: Select[Any]
) -> list[SeriesRound]:
    rows = connection.execute(query).all()
    dictionary.networks.load_all(connection)
    return [
        SeriesRound(
            row.id,
            row.started_us,
            row.name,
            dictionary.networks.key_of(row.network_id).key,
            row.tz,
            row.utc_offset_s,
            row.control_bad,
            tuple(row.gates.split()),
        )
        for row in rows
    ]


def matching_endpoints(
    connection: Connection,
    dictionary: Dictionary,
    names: Collection[str] | None,
    endpoint: str | None,
) -> list[int] | None:
    """Return the numbers of some services' or of one name's endpoints; ``None`` is all of them."""
    if names is None and endpoint is None:
        return None
    services = dictionary.services.matching(
        connection, lambda name: names is not None and name in names
    )

    def wanted(key: EndpointKey) -> bool:
        return (names is None or key.service_id in services) and (
            endpoint is None or key.name == endpoint
        )

    return dictionary.endpoints.matching(connection, wanted)


def judged_of(
    connection: Connection,
    dictionary: Dictionary,
    rounds: Sequence[SeriesRound],
    endpoint_ids: Collection[int] | None,
    span: Span,
) -> list[Judged]:
    """Return the verdicts of some rounds, in the order of rounds and endpoints."""
    by_id = {round_.id: round_ for round_ in rounds}
    query = select(
        _VERDICT.c.round_id, _VERDICT.c.endpoint_id, _VERDICT.c.ruling_id, _VERDICT.c.offset_us
    ).where(_VERDICT.c.round_id.in_(by_id))
    if endpoint_ids is not None:
        query = query.where(_VERDICT.c.endpoint_id.in_(endpoint_ids))
    rows = plain_rows(connection, query)
    dictionary.services.load_all(connection)
    dictionary.endpoints.load_all(connection)
    dictionary.rulings.load(connection, {ruling_id for _, _, ruling_id, _ in rows})
    judged: list[Judged] = []
    for round_id, endpoint_id, ruling_id, offset_us in sorted(rows):
        round_ = by_id[round_id]
        time_us = round_.started_us + offset_us
        if span.holds(time_us):
            endpoint = dictionary.endpoints.key_of(endpoint_id)
            judged.append(
                judged_row(
                    round_,
                    instant(time_us),
                    dictionary.services.key_of(endpoint.service_id),
                    dictionary.rulings.key_of(ruling_id),
                    endpoint=endpoint.name,
                    role=endpoint.role,
                )
            )
    return judged


def plain_rows(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    """Return the driver's own tuples: SQLAlchemy's rows take as long again."""
    result = connection.execute(query)
    rows: list[tuple[Any, ...]] = list(result.cursor.fetchall())
    result.close()
    return rows


def records_of(
    connection: Connection,
    dictionary: Dictionary,
    round_id: int,
    only: Collection[int] | None = None,
) -> tuple[Record, ...]:
    """Return a round's records in the order in which they were saved; ``only`` some numbers."""
    started_us = connection.execute(
        select(_ROUND.c.started_us).where(_ROUND.c.id == round_id)
    ).scalar()
    if started_us is None:
        return ()
    chosen = [_MEASUREMENT.c.round_id == round_id]
    verdicts = select(_VERDICT).where(_VERDICT.c.round_id == round_id)
    if only is not None:
        chosen.append(_MEASUREMENT.c.no.in_(only))
        verdicts = verdicts.where(_VERDICT.c.no.in_(only))
    rows = connection.execute(
        select(_MEASUREMENT).where(and_(*chosen)).order_by(_MEASUREMENT.c.no, _MEASUREMENT.c.seq)
    ).all()
    bundles: dict[int, list[Measurement]] = {}
    for row, measurement in zip(
        rows, measurements_of(connection, dictionary, rows, started_us), strict=True
    ):
        bundles.setdefault(row.no, []).append(measurement)
    said = connection.execute(verdicts.order_by(_VERDICT.c.no)).all()
    dictionary.rulings.load(connection, {row.ruling_id for row in said})
    controls = controls_of(connection, dictionary, round_id, started_us, only)
    return tuple(
        _record(
            dictionary, row.endpoint_id, row.ruling_id, bundles[row.no], controls.get(row.no, ())
        )
        for row in said
    )


def _record(
    dictionary: Dictionary,
    endpoint_id: int,
    ruling_id: int,
    bundle: Iterable[Measurement],
    controls: Iterable[ControlObservation],
) -> Record:
    endpoint = dictionary.endpoints.key_of(endpoint_id)
    return Record(
        endpoint=endpoint.name,
        service=dictionary.services.key_of(endpoint.service_id),
        role=endpoint.role,
        bundle=tuple(bundle),
        verdict=dictionary.rulings.key_of(ruling_id),
        controls=tuple(controls),
    )


def measurements_of(
    connection: Connection, dictionary: Dictionary, rows: Sequence[Row[Any]], started_us: int
) -> list[Measurement]:
    """Return the measurements that rows of their table stand for, in the same order."""
    traces = [read_trace(row.trace) for row in rows]
    numbers = {number for trace in traces for number, _ in trace.steps}
    dictionary.services.load_all(connection)
    dictionary.endpoints.load_all(connection)
    bare = contents_of(connection, dictionary, numbers)
    certificates = _certificates(connection, _named_in(bare.values()))
    built: list[Measurement] = []
    for row, trace in zip(rows, traces, strict=True):
        endpoint = dictionary.endpoints.key_of(row.endpoint_id)
        built.append(
            Measurement(
                endpoint=endpoint.name,
                service=dictionary.services.key_of(endpoint.service_id),
                kind=endpoint.kind,
                variant=VARIANT.member(row.variant),
                outcome=OUTCOME.member(row.outcome),
                reason=trace.reason,
                started=instant(started_us + row.offset_us),
                monotonic_s=trace.monotonic_s,
                duration_s=trace.duration_s,
                steps=tuple(join(bare[n], figures, certificates.get) for n, figures in trace.steps),
                bytes_sent=trace.bytes_sent,
                bytes_received=trace.bytes_received,
            )
        )
    return built


def steps_of(connection: Connection, dictionary: Dictionary, numbers: set[int]) -> dict[int, Step]:
    """Return steps by the numbers in traces, without the figures of any one measurement."""
    bare = contents_of(connection, dictionary, numbers)
    certificates = _certificates(connection, _named_in(bare.values()))
    for number, step in bare.items():
        if isinstance(step, TlsStep) and step.chain:
            found = (certificates.get(sha256) for sha256 in step.chain)
            bare[number] = replace(step, chain=tuple(der for der in found if der is not None))
    return bare


def contents_of(
    connection: Connection, dictionary: Dictionary, numbers: set[int]
) -> dict[int, Step]:
    """Return steps by the numbers in traces, without figures; of certificates the hashes."""
    dictionary.evidence.load(connection, numbers)
    return {number: parse_content(dictionary.evidence.key_of(number)) for number in numbers}


def _named_in(steps: Iterable[Step]) -> set[bytes]:
    """Return the SHA-256 of every certificate that steps name."""
    return {sha for step in steps if isinstance(step, TlsStep) for sha in step.chain}


def _certificates(connection: Connection, wanted: set[bytes]) -> dict[bytes, bytes]:
    table = table_of(StoredCertificate)
    found: dict[bytes, bytes] = {}
    for part in chunks(sorted(wanted)):
        rows = connection.execute(select(table).where(table.c.sha256.in_(part)))
        found.update((row.sha256, row.der) for row in rows)
    return found
