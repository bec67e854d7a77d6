"""The controls that a record was judged with: each content once, its time beside the record.

They are inputs of rules, so they are never thinned: a verdict is made again from them. A
snapshot's observation keeps its time in its content, for it is the same in every round.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Row, select

from probe.errors import StoreError
from probe.model.control import ControlKind, ControlObservation
from probe.model.record import Record
from probe.model.times import instant, microseconds
from probe.store.bulk import bulk_insert
from probe.store.dictionary import Dictionary, table_of
from probe.store.rows import StoredFact, StoredRecordControl

__all__ = ["content_of", "control_rows", "controls_of", "recorded_from", "save_controls"]

CONTROLS_FROM = "controls_from"
_TABLE = table_of(StoredRecordControl)
_COLUMNS = tuple(column.name for column in _TABLE.columns)
_NO_TIME = instant(0)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ControlObservation).decode


def content_of(control: ControlObservation) -> bytes:
    """Return what comes again and again of an observation: all but the time of a live one."""
    return _encode(control if _dated(control) else replace(control, observed=_NO_TIME))


def _dated(control: ControlObservation) -> bool:
    return control.kind is ControlKind.SNAPSHOT


def _offset_us(control: ControlObservation, started_us: int) -> int:
    return 0 if _dated(control) else microseconds(control.observed) - started_us


def save_controls(
    connection: Connection,
    dictionary: Dictionary,
    round_: tuple[int, int],
    records: Iterable[tuple[int, Record]],
) -> None:
    """Store the controls of numbered records of a round (its number and its start)."""
    round_id, started_us = round_
    found = [
        (number, seq, content_of(control), _offset_us(control, started_us))
        for number, record in records
        for seq, control in enumerate(record.controls)
    ]
    if not found:
        return
    dictionary.controls.resolve(connection, dict.fromkeys(content for _, _, content, _ in found))
    number_of = dictionary.controls.id_of
    rows = [(round_id, no, seq, number_of(content), us) for no, seq, content, us in found]
    bulk_insert(connection, _TABLE, _COLUMNS, rows)


def control_rows(
    connection: Connection, round_id: int, only: Collection[int] | None = None
) -> Sequence[Row[Any]]:
    """Return which control stands where in a round, in order; ``only`` of some records."""
    query = select(_TABLE).where(_TABLE.c.round_id == round_id)
    if only is not None:
        query = query.where(_TABLE.c.no.in_(only))
    return connection.execute(query.order_by(_TABLE.c.no, _TABLE.c.seq)).all()


def controls_of(
    connection: Connection,
    dictionary: Dictionary,
    round_id: int,
    started_us: int,
    only: Collection[int] | None = None,
) -> dict[int, list[ControlObservation]]:
    """Return the controls of a round by the numbers of its records.

    Raises:
        StoreError: one of them is damaged.

    """
    rows = control_rows(connection, round_id, only)
    dictionary.controls.load(connection, {row.control_id for row in rows})
    found: dict[int, list[ControlObservation]] = {}
    for row in rows:
        try:
            bare = _decode(dictionary.controls.key_of(row.control_id))
        except msgspec.MsgspecError as exc:
            raise StoreError(f"a control is damaged: {exc}") from exc
        observed = bare.observed if _dated(bare) else instant(started_us + row.offset_us)
        found.setdefault(row.no, []).append(replace(bare, observed=observed))
    return found


def recorded_from(connection: Connection) -> int:
    """Return the first round whose controls are stored; older ones came with an upgrade."""
    fact = table_of(StoredFact)
    value = connection.execute(select(fact.c.value).where(fact.c.name == CONTROLS_FROM)).scalar()
    return 0 if value is None else int(value)
