"""Reading very many rows: columns in batches, names beside them by their numbers.

SQLAlchemy's rows take as long as SQLite's own work, so the rows are the driver's, and what a
number stands for is looked up once a batch. Rounds are walked by their number, which is also
how verdicts and measurements lie on the disk: no sort, no index beside the tables themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, String, Table, cast, func, or_, select

from probe.model.selection import Selection
from probe.model.target import Kind, Role
from probe.model.vantage import Network
from probe.model.verdict import Verdict
from probe.store.codes import STATE
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import Span, plain_rows
from probe.store.rows import (
    StoredLink,
    StoredMeasurement,
    StoredRound,
    StoredRuling,
    StoredVantage,
    StoredVerdict,
)
from probe.store.shelf import chunks

__all__ = [
    "EndpointFacts",
    "MeasurementBatch",
    "RoundFacts",
    "VerdictBatch",
    "as_text",
    "in_rounds",
    "measurement_batch",
    "next_links",
    "next_rounds",
    "round_query",
    "vantage_origins",
    "verdict_batch",
    "verdict_queries",
]

_ROUND = table_of(StoredRound)
_VANTAGE = table_of(StoredVantage)
_VERDICT = table_of(StoredVerdict)
_MEASUREMENT = table_of(StoredMeasurement)
_RULING = table_of(StoredRuling)
_LINK = table_of(StoredLink)

IntArray = NDArray[np.int64]


class RoundFacts(NamedTuple):
    """What every row of a round shares; ``digest`` is its link in the chain, in hex."""

    id: int
    started_us: int
    vantage: str
    country: str
    network: Network
    plan: str
    tz: str
    utc_offset_s: int
    control_bad: float | None
    gates: str
    imported_from: str | None
    digest: str


class EndpointFacts(NamedTuple):
    """An endpoint as it was called."""

    name: str
    service: str
    kind: Kind
    role: Role


class VerdictBatch(NamedTuple):
    """Columns of verdicts, one entry a row, and what their numbers stand for."""

    round: IntArray
    endpoint: IntArray
    no: IntArray
    ruling: IntArray
    time_us: IntArray
    rounds: Mapping[int, RoundFacts]
    endpoints: Mapping[int, EndpointFacts]
    rulings: Mapping[int, Verdict]


class MeasurementBatch(NamedTuple):
    """Columns of measurements; ``ruling`` is what was said of the record, ``None`` if nothing."""

    round: Sequence[int]
    no: Sequence[int]
    seq: Sequence[int]
    endpoint: Sequence[int]
    variant: Sequence[int]
    outcome: Sequence[int]
    time_us: Sequence[int]
    trace: Sequence[bytes]
    ruling: Sequence[int | None]
    rounds: Mapping[int, RoundFacts]
    endpoints: Mapping[int, EndpointFacts]
    rulings: Mapping[int, Verdict]


def next_rounds(
    connection: Connection, dictionary: Dictionary, chosen: Selection, after: int, limit: int
) -> list[RoundFacts]:
    """Return the next rounds by number that may hold a chosen row."""
    query = round_query(connection, dictionary, chosen, after, limit)
    found = []
    for row in plain_rows(connection, query):
        network = dictionary.networks.key_of(row[4])
        chain = "" if row[11] is None else bytes(row[11]).hex()
        found.append(RoundFacts._make((*row[:4], network, *row[5:11], chain)))
    return found


def round_query(
    connection: Connection, dictionary: Dictionary, chosen: Selection, after: int, limit: int
) -> Select[Any]:
    """Return the query of the next rounds, with the name of their vantage and their link."""
    return (
        select(
            _ROUND.c.id,
            _ROUND.c.started_us,
            _VANTAGE.c.name,
            _VANTAGE.c.country,
            _ROUND.c.network_id,
            _ROUND.c.plan,
            _ROUND.c.tz,
            _ROUND.c.utc_offset_s,
            _ROUND.c.control_bad,
            _ROUND.c.gates,
            _ROUND.c.imported_from,
            _LINK.c.digest,
        )
        .select_from(_ROUND)
        .join(_VANTAGE, _VANTAGE.c.id == _ROUND.c.vantage_id)
        .outerjoin(_LINK, _LINK.c.round_id == _ROUND.c.id)
        .where(_ROUND.c.id > after, *_round_conditions(connection, dictionary, chosen))
        .order_by(_ROUND.c.id)
        .limit(limit)
    )


def next_links(connection: Connection, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
    """Return the next links of the chain: number, content hash, digest."""
    query = select(_LINK.c.seq, _LINK.c.content, _LINK.c.digest).where(_LINK.c.seq > after)
    rows = plain_rows(connection, query.order_by(_LINK.c.seq).limit(limit))
    return [(seq, bytes(content), bytes(digest)) for seq, content, digest in rows]


def vantage_origins(connection: Connection) -> dict[str, tuple[str, str | None]]:
    """Return the country of each vantage that has rounds, and the provenance of one of them."""
    rounds = (
        select(_ROUND.c.vantage_id, func.max(_ROUND.c.imported_from).label("origin"))
        .group_by(_ROUND.c.vantage_id)
        .subquery()
    )
    query = select(_VANTAGE.c.name, _VANTAGE.c.country, rounds.c.origin).join(
        rounds, rounds.c.vantage_id == _VANTAGE.c.id
    )
    return {name: (country, origin) for name, country, origin in plain_rows(connection, query)}


def verdict_batch(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> VerdictBatch:
    """Return the chosen verdicts of some rounds, by round.

    SQLite hands over each round's numbers as four texts, which numpy reads: a third of the time
    of a tuple for each row.
    """
    found = [
        plain_rows(connection, query)
        for query in verdict_queries(connection, dictionary, chosen, rounds)
    ]
    packed = [row for rows in found for row in rows]
    round_ids, counts, *texts = list(zip(*packed, strict=True)) or [()] * 6
    round_ = np.repeat(np.array(round_ids, dtype=np.int64), np.array(counts, dtype=np.int64))
    columns = [np.fromstring(",".join(text), dtype=np.int64, sep=",") for text in texts]
    starts = np.array([facts.started_us for facts in rounds], dtype=np.int64)
    numbers = np.array([facts.id for facts in rounds], dtype=np.int64)
    time_us = starts[np.searchsorted(numbers, round_)] + columns[3] if len(round_) else round_
    round_, endpoint, no, ruling, time_us = _within(
        chosen, time_us, [round_, columns[0], columns[1], columns[2], time_us]
    )
    spoken = set(np.unique(ruling).tolist())
    dictionary.rulings.load(connection, spoken)
    return VerdictBatch(
        round_,
        endpoint,
        no,
        ruling,
        time_us,
        {one.id: one for one in rounds},
        _endpoints(connection, dictionary, set(np.unique(endpoint).tolist())),
        {number: dictionary.rulings.key_of(number) for number in spoken},
    )


def verdict_queries(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> Iterator[Select[Any]]:
    """Yield the queries of the verdicts of some rounds, a row a round."""
    columns = (_VERDICT.c.endpoint_id, _VERDICT.c.no, _VERDICT.c.ruling_id, _VERDICT.c.offset_us)
    texts = [func.aggregate_strings(as_text(connection, column), ",") for column in columns]
    wanted = _wanted_endpoints(connection, dictionary, chosen)
    for condition in in_rounds(_VERDICT, rounds):
        query = select(_VERDICT.c.round_id, func.count(), *texts).where(condition)
        if wanted is not None:
            query = query.where(_VERDICT.c.endpoint_id.in_(wanted))
        if chosen.states is not None:
            query = query.where(_VERDICT.c.ruling_id.in_(_rulings_of(chosen)))
        yield query.group_by(_VERDICT.c.round_id).order_by(_VERDICT.c.round_id)


def as_text(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a number as text; SQLite does so by itself, and faster."""
    return column if connection.dialect.name == "sqlite" else cast(column, String)


def _within(chosen: Selection, time_us: IntArray, columns: list[IntArray]) -> list[IntArray]:
    """Return the rows of columns whose time lies in the span."""
    span = Span.of(chosen.since, chosen.until)
    keep = np.ones(len(time_us), dtype=bool)
    if span.since_us is not None:
        keep &= time_us >= span.since_us
    if span.until_us is not None:
        keep &= time_us < span.until_us
    return columns if keep.all() else [column[keep] for column in columns]


def in_rounds(table: Table, rounds: Sequence[RoundFacts]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that pick the rows of some rounds: one range, or lists of numbers."""
    first, last = rounds[0].id, rounds[-1].id
    if last - first < len(rounds):
        yield table.c.round_id.between(first, last)
        return
    for part in chunks([facts.id for facts in rounds]):
        yield table.c.round_id.in_(part)


def measurement_batch(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> MeasurementBatch:
    """Return the chosen measurements of some rounds, by round, record and place in the bundle."""
    starts = {facts.id: facts.started_us for facts in rounds}
    wanted = _wanted_endpoints(connection, dictionary, chosen)
    said: dict[tuple[int, int], int] = {}
    rows: list[tuple[Any, ...]] = []
    for condition in in_rounds(_VERDICT, rounds):
        spoken_of = plain_rows(connection, _said(chosen, condition))
        said.update({(round_, no): ruling for round_, no, ruling in spoken_of})
    for condition in in_rounds(_MEASUREMENT, rounds):
        query = select(_MEASUREMENT).where(condition)
        if wanted is not None:
            query = query.where(_MEASUREMENT.c.endpoint_id.in_(wanted))
        order = (_MEASUREMENT.c.round_id, _MEASUREMENT.c.no, _MEASUREMENT.c.seq)
        rows += plain_rows(connection, query.order_by(*order))
    span = Span.of(chosen.since, chosen.until)
    kept = [
        (round_, no, seq, endpoint, variant, outcome, time, trace, said.get((round_, no)))
        for round_, no, seq, endpoint, variant, outcome, offset, trace in rows
        if span.holds(time := starts[round_] + offset)
    ]
    if chosen.states is not None:
        kept = [row for row in kept if row[8] is not None]
    columns: list[Any] = list(zip(*kept, strict=True)) or [()] * 9
    spoken = {number for number in columns[8] if number is not None}
    dictionary.rulings.load(connection, spoken)
    return MeasurementBatch._make(
        (
            *columns,
            {one.id: one for one in rounds},
            _endpoints(connection, dictionary, set(columns[3])),
            {number: dictionary.rulings.key_of(number) for number in spoken},
        )
    )


def _wanted_endpoints(
    connection: Connection, dictionary: Dictionary, chosen: Selection
) -> list[int] | None:
    """Return the numbers of the endpoints of the chosen services; ``None`` is all of them."""
    wanted = chosen.services
    if wanted is None:
        return None
    services = set(dictionary.services.matching(connection, lambda name: name in wanted))
    return dictionary.endpoints.matching(connection, lambda key: key.service_id in services)


def _said(chosen: Selection, condition: ColumnElement[bool]) -> Select[Any]:
    """Return the query of which ruling was said of which record."""
    query = select(_VERDICT.c.round_id, _VERDICT.c.no, _VERDICT.c.ruling_id).where(condition)
    if chosen.states is not None:
        query = query.where(_VERDICT.c.ruling_id.in_(_rulings_of(chosen)))
    return query


def _rulings_of(chosen: Selection) -> Select[Any]:
    codes = [STATE.code[state] for state in chosen.states or ()]
    return select(_RULING.c.id).where(_RULING.c.state.in_(codes))


def _round_conditions(
    connection: Connection, dictionary: Dictionary, chosen: Selection
) -> list[ColumnElement[bool]]:
    """Return what a round must be; either end of it may lie outside of the span."""
    dictionary.networks.load_all(connection)
    conditions: list[ColumnElement[bool]] = []
    if chosen.networks is not None:
        wanted = chosen.networks
        numbers = dictionary.networks.matching(
            connection, lambda network: network.key in wanted or f"AS{network.asn}" in wanted
        )
        conditions.append(_ROUND.c.network_id.in_(numbers))
    if chosen.vantages is not None:
        named = select(_VANTAGE.c.id).where(_VANTAGE.c.name.in_(chosen.vantages))
        conditions.append(_ROUND.c.vantage_id.in_(named))
    span = Span.of(chosen.since, chosen.until)
    start, end = _ROUND.c.started_us, _ROUND.c.ended_us
    if span.since_us is not None:
        conditions.append(or_(start >= span.since_us, end >= span.since_us, end.is_(None)))
    if span.until_us is not None:
        conditions.append(or_(start < span.until_us, end < span.until_us))
    return conditions


def _endpoints(
    connection: Connection, dictionary: Dictionary, numbers: set[int]
) -> dict[int, EndpointFacts]:
    dictionary.services.load_all(connection)
    dictionary.endpoints.load_all(connection)
    found = {}
    for number in numbers:
        key = dictionary.endpoints.key_of(number)
        service = dictionary.services.key_of(key.service_id)
        found[number] = EndpointFacts(key.name, service, key.kind, key.role)
    return found
