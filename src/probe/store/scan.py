"""Reading very many rows: columns in batches, names beside them by their numbers.

SQLAlchemy's rows take as long as SQLite's own work, so the rows are the driver's, and what a
number stands for is looked up once a batch. Rounds are walked by their number, which is also
how verdicts and measurements lie on the disk: no sort, no index beside the tables themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from probe.analysis.arrays import BoolArray, IntArray
from probe.model.selection import Selection
from probe.model.target import Kind, Role
from probe.model.vantage import Network
from probe.model.verdict import Verdict
from probe.store.codes import STATE
from probe.store.columns import as_texts, packed
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import Span, plain_rows, touching
from probe.store.rows import (
    StoredLink,
    StoredRound,
    StoredRuling,
    StoredVantage,
    StoredVerdict,
)
from probe.store.shelf import chunks

__all__ = [
    "EndpointFacts",
    "RoundFacts",
    "VerdictBatch",
    "endpoint_facts",
    "in_rounds",
    "next_links",
    "next_rounds",
    "round_query",
    "rulings_of",
    "times",
    "vantage_origins",
    "verdict_batch",
    "verdict_queries",
    "wanted_endpoints",
    "within",
]

_ROUND = table_of(StoredRound)
_VANTAGE = table_of(StoredVantage)
_VERDICT = table_of(StoredVerdict)
_RULING = table_of(StoredRuling)
_LINK = table_of(StoredLink)


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
    queries = verdict_queries(connection, dictionary, chosen, rounds)
    round_, (endpoint, no, ruling, offset), _ = packed(connection, queries, 4)
    time_us = times(rounds, round_, offset)
    keep = within(chosen, time_us)
    if not keep.all():
        round_, endpoint, no, ruling, time_us = (
            column[keep] for column in (round_, endpoint, no, ruling, time_us)
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
        endpoint_facts(connection, dictionary, set(np.unique(endpoint).tolist())),
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
    texts = as_texts(connection, columns)
    wanted = wanted_endpoints(connection, dictionary, chosen)
    for condition in in_rounds(_VERDICT, rounds):
        query = select(_VERDICT.c.round_id, func.count(), *texts).where(condition)
        if wanted is not None:
            query = query.where(_VERDICT.c.endpoint_id.in_(wanted))
        if chosen.states is not None:
            query = query.where(_VERDICT.c.ruling_id.in_(rulings_of(chosen)))
        yield query.group_by(_VERDICT.c.round_id).order_by(_VERDICT.c.round_id)


def times(rounds: Sequence[RoundFacts], round_: IntArray, offset: IntArray) -> IntArray:
    """Return times out of what has passed since the starts of their rounds."""
    if not len(round_):
        return round_
    starts = np.array([facts.started_us for facts in rounds], dtype=np.int64)
    numbers = np.array([facts.id for facts in rounds], dtype=np.int64)
    return np.asarray(starts[np.searchsorted(numbers, round_)] + offset, dtype=np.int64)


def within(chosen: Selection, time_us: IntArray) -> BoolArray:
    """Say of each time whether it lies in the span."""
    span = Span.of(chosen.since, chosen.until)
    keep = np.ones(len(time_us), dtype=bool)
    if span.since_us is not None:
        keep &= time_us >= span.since_us
    if span.until_us is not None:
        keep &= time_us < span.until_us
    return keep


def in_rounds(table: Table, rounds: Sequence[RoundFacts]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that pick the rows of some rounds: one range, or lists of numbers."""
    first, last = rounds[0].id, rounds[-1].id
    if last - first < len(rounds):
        yield table.c.round_id.between(first, last)
        return
    for part in chunks([facts.id for facts in rounds]):
        yield table.c.round_id.in_(part)


def wanted_endpoints(
    connection: Connection, dictionary: Dictionary, chosen: Selection
) -> list[int] | None:
    """Return the numbers of the endpoints of the chosen services; ``None`` is all of them."""
    wanted = chosen.services
    if wanted is None:
        return None
    services = set(dictionary.services.matching(connection, lambda name: name in wanted))
    return dictionary.endpoints.matching(connection, lambda key: key.service_id in services)


def rulings_of(chosen: Selection) -> Select[Any]:
    """Return the query of the rulings that have a chosen state."""
    codes = [STATE.code[state] for state in chosen.states or ()]
    return select(_RULING.c.id).where(_RULING.c.state.in_(codes))


def _round_conditions(
    connection: Connection, dictionary: Dictionary, chosen: Selection
) -> list[ColumnElement[bool]]:
    """Return what a round must be; either end of it may lie outside of the span."""
    dictionary.networks.load_all(connection)
    conditions = touching(Span.of(chosen.since, chosen.until))
    if chosen.networks is not None:
        wanted = chosen.networks
        numbers = dictionary.networks.matching(
            connection, lambda network: network.key in wanted or f"AS{network.asn}" in wanted
        )
        conditions.append(_ROUND.c.network_id.in_(numbers))
    if chosen.vantages is not None:
        named = select(_VANTAGE.c.id).where(_VANTAGE.c.name.in_(chosen.vantages))
        conditions.append(_ROUND.c.vantage_id.in_(named))
    return conditions


def endpoint_facts(
    connection: Connection, dictionary: Dictionary, numbers: set[int]
) -> dict[int, EndpointFacts]:
    """Return endpoints by their numbers."""
    dictionary.services.load_all(connection)
    dictionary.endpoints.load_all(connection)
    found = {}
    for number in numbers:
        key = dictionary.endpoints.key_of(number)
        service = dictionary.services.key_of(key.service_id)
        found[number] = EndpointFacts(key.name, service, key.kind, key.role)
    return found
