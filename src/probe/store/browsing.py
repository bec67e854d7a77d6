"""What a page of many measurements reads: one screen of them at a time, and whether it is stale."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

from probe.model.times import instant
from probe.model.verdict import State, Verdict
from probe.store.codes import STATE
from probe.store.dictionary import GENERATION, Dictionary, table_of
from probe.store.reading import Span, matching_endpoints
from probe.store.rows import (
    StoredFact,
    StoredLink,
    StoredNote,
    StoredRevision,
    StoredRound,
    StoredRuling,
    StoredSource,
    StoredVantage,
    StoredVerdict,
)
from probe.store.said import bits_of

__all__ = ["Entry", "Query", "StoreState", "entries", "state", "verdicts_query"]

_ROUND = table_of(StoredRound)
_VANTAGE = table_of(StoredVantage)
_VERDICT = table_of(StoredVerdict)
_RULING = table_of(StoredRuling)
_DAY_US = 86_400_000_000
_FEWEST, _MOST = 8, 512  # rounds that are read at a time


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which measurements; ``None`` does not ask. ``before`` is the last entry of another page."""

    since: datetime | None = None
    until: datetime | None = None
    services: Collection[str] | None = None
    endpoint: str | None = None
    vantage: str | None = None
    network: str | None = None
    state: State | None = None
    before: tuple[int, int] | None = None  # round, record
    limit: int = 100


class Entry(NamedTuple):
    """One measurement in a list."""

    round: int
    no: int
    time: datetime
    vantage: str
    network: str
    tz: str
    service: str
    endpoint: str
    verdict: Verdict


class StoreState(NamedTuple):
    """Numbers that change when what is shown may have changed."""

    last_round: int
    closed_rounds: int
    revisions: int
    notes: int
    sources: int  # files of others that were taken in
    generation: str  # changes when names are forgotten
    open_since: datetime | None  # of a round that runs now, or was killed

    @property
    def version(self) -> str:
        """Return them as one word."""
        numbers = (self.last_round, self.closed_rounds, self.revisions, self.notes, self.sources)
        return "-".join((*map(str, numbers), self.generation))


def state(connection: Connection) -> StoreState:
    """Read the numbers; every one of them is the end of an index."""
    link, note, revision = table_of(StoredLink), table_of(StoredNote), table_of(StoredRevision)

    def highest(column: Any) -> Any:
        return select(func.max(column)).scalar_subquery()

    fact = table_of(StoredFact)
    last, closed, revisions, notes, sources, generation = connection.execute(
        select(
            highest(_ROUND.c.id),
            highest(link.c.seq),
            highest(revision.c.id),
            highest(note.c.id),
            highest(table_of(StoredSource).c.id),
            select(fact.c.value).where(fact.c.name == GENERATION).scalar_subquery(),
        )
    ).one()
    open_since = connection.execute(
        select(_ROUND.c.started_us).where(_ROUND.c.id == last, _ROUND.c.ended_us.is_(None))
    ).scalar()
    return StoreState(
        last or 0,
        closed or 0,
        revisions or 0,
        notes or 0,
        sources or 0,
        generation or "0",
        None if open_since is None else instant(open_since),
    )


def entries(connection: Connection, dictionary: Dictionary, asked: Query) -> list[Entry]:
    """Return the newest entries that match, by round and record, at most ``limit``.

    Rounds are taken from the newest on, more of them the longer nothing is found, and of each its
    verdicts by their key: how long it takes grows with the rounds that may hold what is asked for.
    """
    wanted = matching_endpoints(connection, dictionary, asked.services, asked.endpoint)
    if wanted is not None and not wanted:
        return []
    dictionary.services.load_all(connection)
    dictionary.networks.load_all(connection)
    found: list[Row[Any]] = []
    rounds: dict[int, Row[Any]] = {}
    below, many = None if asked.before is None else asked.before[0] + 1, _FEWEST
    while len(found) < asked.limit:
        some = connection.execute(_rounds_query(connection, dictionary, asked, below, many)).all()
        if not some:
            break
        rounds.update((row.id, row) for row in some)
        numbers = [row.id for row in some]
        left = asked.limit - len(found)
        found += connection.execute(verdicts_query(asked, numbers, wanted, left)).all()
        below, many = numbers[-1], min(4 * many, _MOST)
    dictionary.endpoints.load_all(connection)
    dictionary.rulings.load(connection, {row.ruling_id for row in found})
    return [_entry(dictionary, row, rounds[row.round_id]) for row in found]


def _entry(dictionary: Dictionary, row: Row[Any], round_: Row[Any]) -> Entry:
    endpoint = dictionary.endpoints.key_of(row.endpoint_id)
    return Entry(
        round=row.round_id,
        no=row.no,
        time=instant(round_.started_us + row.offset_us),
        vantage=round_.vantage,
        network=dictionary.networks.key_of(round_.network_id).key,
        tz=round_.tz,
        service=dictionary.services.key_of(endpoint.service_id),
        endpoint=endpoint.name,
        verdict=dictionary.rulings.key_of(row.ruling_id),
    )


def _rounds_query(
    connection: Connection, dictionary: Dictionary, asked: Query, below: int | None, many: int
) -> Select[Any]:
    """Return the query of the next rounds that may hold what is asked for, newest first."""
    span = Span.of(asked.since, asked.until)
    query = select(
        _ROUND.c.id,
        _ROUND.c.started_us,
        _ROUND.c.network_id,
        _ROUND.c.tz,
        _VANTAGE.c.name.label("vantage"),
    ).join(_VANTAGE, _VANTAGE.c.id == _ROUND.c.vantage_id)
    if below is not None:
        query = query.where(_ROUND.c.id < below)
    if span.since_us is not None:
        query = query.where(_ROUND.c.started_us >= span.since_us - _DAY_US)
    if span.until_us is not None:
        query = query.where(_ROUND.c.started_us < span.until_us + _DAY_US)
    if asked.vantage is not None:
        query = query.where(_VANTAGE.c.name == asked.vantage)
    if asked.network is not None:
        networks = dictionary.networks.matching(connection, lambda one: one.key == asked.network)
        query = query.where(_ROUND.c.network_id.in_(networks))
    if asked.state is not None:
        query = query.where(_ROUND.c.said.bitwise_and(bits_of({asked.state})) != 0)
    return query.order_by(_ROUND.c.id.desc()).limit(many)


def verdicts_query(
    asked: Query, rounds: Sequence[int], wanted: Sequence[int] | None, limit: int
) -> Select[Any]:
    """Return the query of the verdicts of these rounds that match, newest first."""
    time_us = _ROUND.c.started_us + _VERDICT.c.offset_us
    span = Span.of(asked.since, asked.until)
    query = (
        select(_VERDICT)
        .join(_ROUND, _ROUND.c.id == _VERDICT.c.round_id)
        .where(_VERDICT.c.round_id.in_(rounds), *span.conditions(time_us))
    )
    if wanted is not None:
        query = query.where(_VERDICT.c.endpoint_id.in_(wanted))
    if asked.state is not None:
        said = select(_RULING.c.id).where(_RULING.c.state == STATE.code[asked.state])
        query = query.where(_VERDICT.c.ruling_id.in_(said))  # no join: it would read from there
    if asked.before is not None:
        round_id, no = asked.before
        query = query.where((_VERDICT.c.round_id < round_id) | (_VERDICT.c.no < no))
    return query.order_by(_VERDICT.c.round_id.desc(), _VERDICT.c.no.desc()).limit(limit)
