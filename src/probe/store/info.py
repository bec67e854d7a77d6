"""What a store says of itself."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from probe.model.times import instant
from probe.store.chain import head
from probe.store.dictionary import table_of
from probe.store.engine import Database
from probe.store.files import disk_bytes
from probe.store.rows import (
    StoredCertificate,
    StoredEvidence,
    StoredMeasurement,
    StoredNote,
    StoredRound,
)
from probe.store.schema import HEAD

__all__ = ["StoreInfo", "describe"]

_ROUND = table_of(StoredRound)


class StoreInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Counts, dates and the head of the chain; no name of a target."""

    place: str
    kind: str  # sqlite, postgresql
    schema: str
    bytes: int | None  # on disk, with the WAL; None when there is no file
    rounds: int
    open_rounds: int
    imported_rounds: int
    first_round: datetime | None
    last_round: datetime | None
    measurements: int
    contents: int
    certificates: int
    notes: int
    links: int
    chain_head: str


def describe(connection: Connection, database: Database) -> StoreInfo:
    """Count what is there."""

    def count(row_class: type, *conditions: object) -> int:
        query = select(func.count()).select_from(table_of(row_class))
        return int(connection.execute(query.where(*conditions)).scalar() or 0)  # type: ignore[arg-type]

    first, last = connection.execute(
        select(func.min(_ROUND.c.started_us), func.max(_ROUND.c.started_us))
    ).one()
    links, digest = head(connection)
    return StoreInfo(
        place=database.place,
        kind=database.engine.dialect.name,
        schema=HEAD,
        bytes=None if database.path is None else disk_bytes(database.path),
        rounds=count(StoredRound),
        open_rounds=count(StoredRound, _ROUND.c.ended_us.is_(None)),
        imported_rounds=count(StoredRound, _ROUND.c.imported_from.is_not(None)),
        first_round=None if first is None else instant(first),
        last_round=None if last is None else instant(last),
        measurements=count(StoredMeasurement),
        contents=count(StoredEvidence),
        certificates=count(StoredCertificate),
        notes=count(StoredNote),
        links=links,
        chain_head=digest.hex(),
    )
