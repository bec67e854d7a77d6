"""Judging again what is stored: the records with or without a verdict, and new verdicts kept.

Verdicts are derived, so they are no part of the hash chain, and a new one takes the place of
the old. What was said before stays beside it until the round is forgotten, so that a revision
can be undone.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from probe.errors import StoreError
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Variant
from probe.model.target import Role
from probe.model.times import instant, microseconds
from probe.model.verdict import Verdict
from probe.store import looks
from probe.store.bulk import bulk_insert
from probe.store.codes import VARIANT
from probe.store.controls import controls_of, recorded_from
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import measurements_of
from probe.store.rows import (
    StoredEarlier,
    StoredMeasurement,
    StoredRevision,
    StoredRound,
    StoredVerdict,
)
from probe.store.said import refresh as refresh_said

__all__ = [
    "Evidence",
    "begin_revision",
    "evidence_of",
    "last_revision",
    "put_verdicts",
    "revise",
    "undo",
    "verdict_at",
]

_ROUND = table_of(StoredRound)
_MEASUREMENT = table_of(StoredMeasurement)
_VERDICT = table_of(StoredVerdict)
_EARLIER = table_of(StoredEarlier)
_REVISION = table_of(StoredRevision)
_VERDICT_COLUMNS = tuple(column.name for column in _VERDICT.columns)
_EARLIER_COLUMNS = tuple(column.name for column in _EARLIER.columns)
_DAY_US = 86_400_000_000  # no round is longer


class Evidence(NamedTuple):
    """All that a record was judged by, and what was said; ``verdict`` is ``None`` when deleted.

    ``complete`` is false for records older than the storing of controls.
    """

    no: int
    endpoint: str
    service: str
    role: Role
    bundle: tuple[Measurement, ...]
    controls: tuple[ControlObservation, ...]
    verdict: Verdict | None
    complete: bool


def evidence_of(
    connection: Connection, dictionary: Dictionary, round_id: int
) -> tuple[Evidence, ...]:
    """Return a round's records as they can be judged, in the order in which they were saved."""
    started_us = connection.execute(
        select(_ROUND.c.started_us).where(_ROUND.c.id == round_id)
    ).scalar()
    if started_us is None:
        return ()
    rows = connection.execute(
        select(_MEASUREMENT)
        .where(_MEASUREMENT.c.round_id == round_id)
        .order_by(_MEASUREMENT.c.no, _MEASUREMENT.c.seq)
    ).all()
    built = measurements_of(connection, dictionary, rows, started_us)
    bundles: dict[int, list[Measurement]] = {}
    for row, measurement in zip(rows, built, strict=True):
        bundles.setdefault(row.no, []).append(measurement)
    places = _places(connection, round_id)
    said = _rulings(connection, round_id)
    dictionary.rulings.load(connection, set(said.values()))
    controls = controls_of(connection, dictionary, round_id, started_us)
    complete = round_id >= recorded_from(connection)
    found: list[Evidence] = []
    for no, bundle in bundles.items():
        key = dictionary.endpoints.key_of(places[no][0])
        ruling = said.get(no)
        found.append(
            Evidence(
                no=no,
                endpoint=key.name,
                service=dictionary.services.key_of(key.service_id),
                role=key.role,
                bundle=tuple(bundle),
                controls=tuple(controls.get(no, ())),
                verdict=None if ruling is None else dictionary.rulings.key_of(ruling),
                complete=complete,
            )
        )
    return tuple(found)


def _rulings(connection: Connection, round_id: int) -> dict[int, int]:
    rows = connection.execute(
        select(_VERDICT.c.no, _VERDICT.c.ruling_id).where(_VERDICT.c.round_id == round_id)
    )
    return {row.no: row.ruling_id for row in rows}


def _places(connection: Connection, round_id: int) -> dict[int, tuple[int, int]]:
    """Return each record's endpoint and start: its verdict's, else its first look's."""
    main = VARIANT.code[Variant.MAIN]
    places: dict[int, tuple[int, int]] = {}
    is_main: dict[int, bool] = {}
    looks = connection.execute(
        select(
            _MEASUREMENT.c.no,
            _MEASUREMENT.c.endpoint_id,
            _MEASUREMENT.c.variant,
            _MEASUREMENT.c.offset_us,
        )
        .where(_MEASUREMENT.c.round_id == round_id)
        .order_by(_MEASUREMENT.c.no, _MEASUREMENT.c.seq)
    )
    for row in looks:
        if row.no not in places or (row.variant == main and not is_main[row.no]):
            places[row.no] = (row.endpoint_id, row.offset_us)
            is_main[row.no] = row.variant == main
    known = connection.execute(select(_VERDICT).where(_VERDICT.c.round_id == round_id))
    places.update((row.no, (row.endpoint_id, row.offset_us)) for row in known)
    return places


def put_verdicts(
    connection: Connection, dictionary: Dictionary, round_id: int, verdicts: Mapping[int, Verdict]
) -> None:
    """Give records of a round, by number, these verdicts; the others keep theirs.

    Raises:
        ValueError: a number is not in the round.

    """
    if not verdicts:
        return
    places = _places(connection, round_id)
    unknown = verdicts.keys() - places.keys()
    if unknown:
        raise ValueError(f"round {round_id} has no record {min(unknown)}")
    dictionary.rulings.resolve(connection, dict.fromkeys(verdicts.values()))
    rulings = {no: dictionary.rulings.id_of(verdict) for no, verdict in verdicts.items()}
    _write(connection, round_id, places, rulings)
    _derive(connection, dictionary, round_id)


def _write(
    connection: Connection,
    round_id: int,
    places: Mapping[int, tuple[int, int]],
    rulings: Mapping[int, int],
) -> None:
    _clear(connection, round_id, rulings)
    rows = [(round_id, places[no][0], no, ruling, places[no][1]) for no, ruling in rulings.items()]
    bulk_insert(connection, _VERDICT, _VERDICT_COLUMNS, sorted(rows))


def _derive(connection: Connection, dictionary: Dictionary, round_id: int) -> None:
    """Make again what is kept beside the verdicts of a round."""
    looks.refresh(connection, dictionary, round_id)
    refresh_said(connection, round_id)


def _clear(connection: Connection, round_id: int, numbers: Iterable[int]) -> None:
    for no in numbers:
        connection.execute(
            delete(_VERDICT).where(_VERDICT.c.round_id == round_id, _VERDICT.c.no == no)
        )


def begin_revision(connection: Connection, now: datetime) -> int:
    """Open a revision and return its number."""
    result = connection.execute(insert(_REVISION).values(time_us=microseconds(now)))
    (number,) = result.inserted_primary_key or (0,)
    return int(number)


def revise(
    connection: Connection,
    dictionary: Dictionary,
    revision: int,
    round_id: int,
    verdicts: Mapping[int, Verdict],
) -> None:
    """Put new verdicts in the place of the old ones, which are kept beside them."""
    said = _rulings(connection, round_id)
    rows = [(revision, round_id, no, said.get(no)) for no in sorted(verdicts)]
    bulk_insert(connection, _EARLIER, _EARLIER_COLUMNS, rows)
    put_verdicts(connection, dictionary, round_id, verdicts)


def last_revision(connection: Connection) -> tuple[int, datetime] | None:
    """Return the number and time of the newest revision that changed something, if there is one."""
    row = connection.execute(
        select(_REVISION.c.id, _REVISION.c.time_us)
        .where(_REVISION.c.id.in_(select(_EARLIER.c.revision_id)))
        .order_by(_REVISION.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.id, instant(row.time_us))


def undo(connection: Connection, dictionary: Dictionary) -> int:
    """Put back what was said before the newest revision; return how many verdicts.

    One that changed nothing is no revision: there would be nothing to put back.

    Raises:
        StoreError: there is no revision.

    """
    last = last_revision(connection)
    if last is None:
        raise StoreError("nothing was judged again in this store, so there is nothing to undo")
    rows = connection.execute(select(_EARLIER).where(_EARLIER.c.revision_id == last[0])).all()
    before: dict[int, dict[int, int | None]] = {}
    for row in rows:
        before.setdefault(row.round_id, {})[row.no] = row.ruling_id
    for round_id, rulings in before.items():
        places = _places(connection, round_id)
        _clear(connection, round_id, rulings)
        kept = {no: ruling for no, ruling in rulings.items() if ruling is not None}
        _write(connection, round_id, places, kept)
        _derive(connection, dictionary, round_id)
    connection.execute(delete(_EARLIER).where(_EARLIER.c.revision_id == last[0]))
    connection.execute(delete(_REVISION).where(_REVISION.c.id >= last[0]))
    return len(rows)


def verdict_at(
    connection: Connection, dictionary: Dictionary, endpoint: str, at: datetime
) -> Verdict | None:
    """Return what is said of the own look at ``endpoint`` that started at ``at``, if any is."""
    numbers = dictionary.endpoints.matching(connection, lambda key: key.name == endpoint)
    if not numbers:
        return None
    at_us = microseconds(at)
    ruling = connection.execute(
        select(_VERDICT.c.ruling_id)
        .select_from(_ROUND)
        .join(_VERDICT, _VERDICT.c.round_id == _ROUND.c.id)
        .where(
            _ROUND.c.started_us.between(at_us - _DAY_US, at_us),
            _ROUND.c.imported_from.is_(None),
            _VERDICT.c.endpoint_id.in_(numbers),
            _ROUND.c.started_us + _VERDICT.c.offset_us == at_us,
        )
        .order_by(_ROUND.c.id.desc())
        .limit(1)
    ).scalar()
    if ruling is None:
        return None
    dictionary.rulings.load(connection, {ruling})
    return dictionary.rulings.key_of(ruling)
