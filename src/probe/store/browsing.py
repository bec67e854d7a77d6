"""What a page of many measurements reads: one screen of them at a time, and whether it is stale."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, func, select

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
    StoredVantage,
    StoredVerdict,
)
from probe.store.times import instant

__all__ = ["Entry", "Query", "StoreState", "entries", "state"]

_ROUND = table_of(StoredRound)
_VANTAGE = table_of(StoredVantage)
_VERDICT = table_of(StoredVerdict)
_RULING = table_of(StoredRuling)
_DAY_US = 86_400_000_000


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
    generation: str  # changes when names are forgotten
    open_since: datetime | None  # of a round that runs now, or was killed

    @property
    def version(self) -> str:
        """Return them as one word."""
        numbers = (self.last_round, self.closed_rounds, self.revisions, self.notes)
        return "-".join((*map(str, numbers), self.generation))


def state(connection: Connection) -> StoreState:
    """Read the numbers; every one of them is the end of an index."""
    link, note, revision = table_of(StoredLink), table_of(StoredNote), table_of(StoredRevision)

    def highest(column: Any) -> Any:
        return select(func.max(column)).scalar_subquery()

    fact = table_of(StoredFact)
    last, closed, revisions, notes, generation = connection.execute(
        select(
            highest(_ROUND.c.id),
            highest(link.c.seq),
            highest(revision.c.id),
            highest(note.c.id),
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
        generation or "0",
        None if open_since is None else instant(open_since),
    )


def entries(connection: Connection, dictionary: Dictionary, asked: Query) -> list[Entry]:
    """Return the newest entries that match, by round and record, at most ``limit``."""
    if asked.state is not None and not _was_ever_said(connection, asked.state):
        return []
    dictionary.services.load_all(connection)
    dictionary.networks.load_all(connection)
    rows = connection.execute(_entries_query(connection, dictionary, asked)).all()
    dictionary.endpoints.load_all(connection)
    dictionary.rulings.load(connection, {row.ruling_id for row in rows})
    found = []
    for row in rows:
        endpoint = dictionary.endpoints.key_of(row.endpoint_id)
        found.append(
            Entry(
                round=row.round_id,
                no=row.no,
                time=instant(row.started_us + row.offset_us),
                vantage=row.vantage,
                network=dictionary.networks.key_of(row.network_id).key,
                tz=row.tz,
                service=dictionary.services.key_of(endpoint.service_id),
                endpoint=endpoint.name,
                verdict=dictionary.rulings.key_of(row.ruling_id),
            )
        )
    return found


def _was_ever_said(connection: Connection, state: State) -> bool:
    """Return whether any ruling is of a state: rulings are few, verdicts are many."""
    query = select(_RULING.c.id).where(_RULING.c.state == STATE.code[state]).limit(1)
    return connection.execute(query).first() is not None


def _entries_query(connection: Connection, dictionary: Dictionary, asked: Query) -> Select[Any]:
    time_us = _ROUND.c.started_us + _VERDICT.c.offset_us
    query = (
        select(
            _VERDICT,
            _ROUND.c.started_us,
            _ROUND.c.network_id,
            _ROUND.c.tz,
            _VANTAGE.c.name.label("vantage"),
        )
        .join(_ROUND, _ROUND.c.id == _VERDICT.c.round_id)
        .join(_VANTAGE, _VANTAGE.c.id == _ROUND.c.vantage_id)
    )
    span = Span.of(asked.since, asked.until)
    if span.since_us is not None:
        query = query.where(
            _ROUND.c.started_us >= span.since_us - _DAY_US, time_us >= span.since_us
        )
    if span.until_us is not None:
        query = query.where(_ROUND.c.started_us < span.until_us + _DAY_US, time_us < span.until_us)
    if asked.services is not None or asked.endpoint is not None:
        wanted = matching_endpoints(connection, dictionary, asked.services, asked.endpoint)
        query = query.where(_VERDICT.c.endpoint_id.in_(wanted or ()))
    if asked.vantage is not None:
        query = query.where(_VANTAGE.c.name == asked.vantage)
    if asked.network is not None:
        networks = dictionary.networks.matching(connection, lambda one: one.key == asked.network)
        query = query.where(_ROUND.c.network_id.in_(networks))
    if asked.state is not None:
        said = select(_RULING.c.id).where(_RULING.c.state == STATE.code[asked.state])
        query = query.where(_VERDICT.c.ruling_id.in_(said))  # no join: it would read from there
    if asked.before is not None:
        round_id, no = asked.before
        query = query.where(
            (_VERDICT.c.round_id < round_id)
            | ((_VERDICT.c.round_id == round_id) & (_VERDICT.c.no < no))
        )
    return query.order_by(_VERDICT.c.round_id.desc(), _VERDICT.c.no.desc()).limit(asked.limit)
