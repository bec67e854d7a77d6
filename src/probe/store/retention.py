"""Forgetting: what is older than it may be, or everything; and the names with it.

Deleting rounds leaves names behind in tables that are shared (services, endpoints, evidence,
certificates, rulings), so those that nothing refers to any more go too. SQLite overwrites what
is deleted (``secure_delete``), and the WAL, which holds copies, is emptied.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, select, update

from probe.model.times import HOUR_US
from probe.store.dictionary import Dictionary, table_of
from probe.store.evidence import decompress, parse_content, read_trace
from probe.store.foreign import forget_foreign
from probe.store.rows import (
    StoredCertificate,
    StoredControl,
    StoredEarlier,
    StoredEndpoint,
    StoredEvidence,
    StoredLink,
    StoredLook,
    StoredMeasurement,
    StoredNetwork,
    StoredNote,
    StoredRecordControl,
    StoredRevision,
    StoredRound,
    StoredRuling,
    StoredService,
    StoredTraffic,
    StoredVantage,
    StoredVerdict,
)
from probe.store.shelf import chunks

__all__ = ["Forgotten", "forget_all", "forget_before"]

_TRAFFIC_HOURS = 24 * 32  # a month's budget must be countable
_ROUND = table_of(StoredRound)
_MEASUREMENT = table_of(StoredMeasurement)
_VERDICT = table_of(StoredVerdict)
_NOTE = table_of(StoredNote)
_LINK = table_of(StoredLink)
_TRAFFIC = table_of(StoredTraffic)
_EVIDENCE = table_of(StoredEvidence)
_RECORD_CONTROL = table_of(StoredRecordControl)
_EARLIER = table_of(StoredEarlier)
_LOOK = table_of(StoredLook)


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """How much was deleted."""

    rounds: int = 0
    measurements: int = 0
    notes: int = 0


def forget_before(
    connection: Connection, dictionary: Dictionary, before_us: int, *, foreign: bool
) -> Forgotten:
    """Delete closed rounds that started before a time, and older notes.

    ``foreign`` says whether imported rounds, whose dates are somebody else's, go too.
    """
    old = select(_ROUND.c.id).where(_ROUND.c.started_us < before_us, _ROUND.c.ended_us.is_not(None))
    if not foreign:
        old = old.where(_ROUND.c.imported_from.is_(None))
    rounds = list(connection.execute(old).scalars())
    notes = connection.execute(delete(_NOTE).where(_NOTE.c.time_us < before_us)).rowcount
    connection.execute(
        delete(_TRAFFIC).where(_TRAFFIC.c.hour < before_us // HOUR_US - _TRAFFIC_HOURS)
    )
    measurements = _delete_rounds(connection, rounds)
    if foreign:
        forget_foreign(connection, before_us)
    if rounds or notes:
        _sweep(connection)
        dictionary.names_deleted(connection)
    return Forgotten(rounds=len(rounds), measurements=measurements, notes=notes)


def forget_all(connection: Connection, dictionary: Dictionary) -> Forgotten:
    """Delete every round, note, name, network and count of bytes; keep the own vantage."""
    rounds = list(connection.execute(select(_ROUND.c.id)).scalars())
    notes = connection.execute(delete(_NOTE)).rowcount
    connection.execute(delete(_TRAFFIC))
    forget_foreign(connection, None)
    measurements = _delete_rounds(connection, rounds)
    _sweep(connection)
    dictionary.names_deleted(connection)
    return Forgotten(rounds=len(rounds), measurements=measurements, notes=notes)


def _delete_rounds(connection: Connection, rounds: Iterable[int]) -> int:
    deleted = 0
    for part in chunks(rounds):
        for table in (_VERDICT, _RECORD_CONTROL, _EARLIER, _LOOK):
            connection.execute(delete(table).where(table.c.round_id.in_(part)))
        of_part = _MEASUREMENT.c.round_id.in_(part)
        deleted += connection.execute(delete(_MEASUREMENT).where(of_part)).rowcount
        connection.execute(delete(_ROUND).where(_ROUND.c.id.in_(part)))
        connection.execute(update(_LINK).where(_LINK.c.round_id.in_(part)).values(pruned=True))
    return deleted


def _sweep(connection: Connection) -> None:
    """Delete what nothing refers to; parents after their children."""
    used = _used_evidence(connection)
    _delete_unused(connection, _EVIDENCE, used)
    _sweep_certificates(connection)
    controls = set(connection.execute(select(_RECORD_CONTROL.c.control_id).distinct()).scalars())
    _delete_unused(connection, table_of(StoredControl), controls)
    revisions = set(connection.execute(select(_EARLIER.c.revision_id).distinct()).scalars())
    _delete_unused(connection, table_of(StoredRevision), revisions)
    endpoint, service = table_of(StoredEndpoint), table_of(StoredService)
    endpoints = set(connection.execute(select(_MEASUREMENT.c.endpoint_id).distinct()).scalars())
    endpoints |= set(connection.execute(select(_VERDICT.c.endpoint_id).distinct()).scalars())
    _delete_unused(connection, endpoint, endpoints)
    rounds = select(_ROUND.c.id)
    stale = endpoint.c.last_round.not_in(rounds)
    connection.execute(update(endpoint).where(stale).values(last_round=None))
    services = set(connection.execute(select(endpoint.c.service_id).distinct()).scalars())
    services |= set(connection.execute(select(_NOTE.c.service_id).distinct()).scalars()) - {None}
    _delete_unused(connection, service, services)
    rulings = set(connection.execute(select(_VERDICT.c.ruling_id).distinct()).scalars())
    rulings |= set(connection.execute(select(_EARLIER.c.ruling_id).distinct()).scalars()) - {None}
    rulings |= set(connection.execute(select(_LOOK.c.ruling_id).distinct()).scalars())
    _delete_unused(connection, table_of(StoredRuling), rulings)
    networks = set(connection.execute(select(_ROUND.c.network_id).distinct()).scalars())
    _delete_unused(connection, table_of(StoredNetwork), networks)
    vantage = table_of(StoredVantage)
    connection.execute(
        delete(vantage).where(
            vantage.c.own.is_(False), vantage.c.id.not_in(select(_ROUND.c.vantage_id))
        )
    )


def _used_evidence(connection: Connection) -> set[int]:
    """Read every trace that is left: only they know which contents are still used."""
    used: set[int] = set()
    for trace in connection.execute(select(_MEASUREMENT.c.trace)).scalars():
        used.update(number for number, _ in read_trace(trace).steps)
    return used


def _sweep_certificates(connection: Connection) -> None:
    certificate = table_of(StoredCertificate)
    used: set[bytes] = set()
    for body in connection.execute(select(_EVIDENCE.c.body)).scalars():
        used.update(getattr(parse_content(decompress(body)), "chain", ()))
    held = set(connection.execute(select(certificate.c.sha256)).scalars())
    for part in chunks(held - used):
        connection.execute(delete(certificate).where(certificate.c.sha256.in_(part)))


def _delete_unused(connection: Connection, table: Table, used: set[Any]) -> None:
    held = set(connection.execute(select(table.c.id)).scalars())
    for part in chunks(held - used):
        connection.execute(delete(table).where(table.c.id.in_(part)))
