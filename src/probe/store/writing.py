"""Writing rounds: begin, save a batch, close. Every function runs in the caller's transaction."""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, func, insert, select, update

from probe.errors import StoreError
from probe.model.context import RoundContext
from probe.model.measurement import Measurement, Outcome, Step, Variant
from probe.model.record import Record
from probe.model.times import HOUR_US, instant, microseconds
from probe.model.vantage import Network
from probe.model.verdict import State, Verdict
from probe.store import looks, said
from probe.store.bulk import bulk_insert
from probe.store.chain import append_link
from probe.store.codes import OUTCOME, VARIANT
from probe.store.context import control_bad, gates_of, offset_s, pack
from probe.store.controls import save_controls
from probe.store.dictionary import Dictionary, EndpointKey, table_of
from probe.store.evidence import Split, certificates_of, split, write_trace
from probe.store.revising import put_verdicts
from probe.store.rows import (
    StoredEndpoint,
    StoredMeasurement,
    StoredRound,
    StoredTraffic,
    StoredVerdict,
)
from probe.store.shelf import chunks

__all__ = [
    "RoundStart",
    "close_round",
    "count_traffic",
    "insert_round",
    "recover",
    "replace_verdicts",
    "save_records",
]

_ROUND = table_of(StoredRound)
_MEASUREMENT = table_of(StoredMeasurement)
_VERDICT = table_of(StoredVerdict)
_ENDPOINT = table_of(StoredEndpoint)
_TRAFFIC = table_of(StoredTraffic)
_MEASUREMENT_COLUMNS = tuple(column.name for column in _MEASUREMENT.columns)
_VERDICT_COLUMNS = tuple(column.name for column in _VERDICT.columns)


class RoundStart(NamedTuple):
    """What is known of a round when it begins."""

    vantage_id: int
    network: Network
    plan: str
    catalog_digest: str
    started: datetime
    tz: str
    imported_from: str | None = None
    opening: RoundContext | None = None


def insert_round(connection: Connection, dictionary: Dictionary, start: RoundStart) -> int:
    """Write an open round and return its number, which is never used again."""
    result = connection.execute(
        insert(_ROUND).values(
            vantage_id=start.vantage_id,
            network_id=_network_id(connection, dictionary, start.network),
            plan=start.plan,
            catalog_digest=start.catalog_digest,
            started_us=microseconds(start.started),
            tz=start.tz,
            utc_offset_s=offset_s(start.tz, start.started),
            gates="",
            imported_from=start.imported_from,
            opening=None if start.opening is None else pack(start.opening),
        )
    )
    (number,) = result.inserted_primary_key or (0,)
    return int(number)


def save_records(
    connection: Connection,
    dictionary: Dictionary,
    round_id: int,
    records: Sequence[Record],
    last: MutableMapping[str, Verdict],
) -> None:
    """Write one batch of an open round.

    A record is thinned when it repeats a good result: one main measurement without any failure,
    judged ``ok`` by the same rule with the same mechanism as the endpoint's verdict before it,
    which ``last`` holds (and is told the new ones). Everything else is kept in full.

    Raises:
        StoreError: the round is not there or is closed.
        ValueError: a record without a measurement.

    """
    round_ = _open_round(connection, round_id)
    dictionary.make_room()
    batch = [_part(record, last) for record in records]
    if not batch:
        return
    endpoints = _resolve(connection, dictionary, batch)
    first = connection.execute(
        select(func.max(_MEASUREMENT.c.no)).where(_MEASUREMENT.c.round_id == round_id)
    ).scalar()
    no = 0 if first is None else first + 1
    verdicts: list[tuple[int, ...]] = []
    measurements: list[tuple[Any, ...]] = []
    for number, part in enumerate(batch, no):
        measurements.extend(_measurement_rows(dictionary, round_, number, part, endpoints))
        verdicts.append(
            (
                round_id,
                endpoints[part.key],
                number,
                dictionary.rulings.id_of(part.record.verdict),
                part.starts[part.first] - round_.started_us,
            )
        )
    bulk_insert(connection, _MEASUREMENT, _MEASUREMENT_COLUMNS, measurements)
    bulk_insert(connection, _VERDICT, _VERDICT_COLUMNS, sorted(verdicts))
    said.add(connection, round_id, (part.record.verdict for part in batch))
    numbered = enumerate((part.record for part in batch), no)
    save_controls(connection, dictionary, (round_id, round_.started_us), numbered)
    if round_.imported_from is None:
        _remember(connection, round_id, {endpoint_id for _, endpoint_id, *_ in verdicts})
        _count_traffic(connection, batch)


def close_round(
    connection: Connection,
    dictionary: Dictionary,
    round_id: int,
    context: RoundContext | None,
    ended: datetime,
) -> None:
    """Close an open round and bind it into the chain; without a context it was interrupted.

    Raises:
        StoreError: the round is not there or is closed.

    """
    _open_round(connection, round_id)
    values: dict[str, Any] = {"ended_us": microseconds(ended)}
    if context is not None:
        values |= {
            "network_id": _network_id(connection, dictionary, context.network),
            "tz": context.tz,
            "utc_offset_s": context.utc_offset_s,
            "control_bad": control_bad(context),
            "gates": gates_of(context),
            "context": pack(context),
            "opening": None,
        }
    connection.execute(update(_ROUND).where(_ROUND.c.id == round_id).values(values))
    append_link(connection, dictionary, round_id)
    looks.refresh(connection, dictionary, round_id)


def recover(connection: Connection, dictionary: Dictionary) -> list[int]:
    """Close the rounds that a kill left open, as interrupted; return their numbers.

    Their end is the start of the last measurement that was committed: nothing after it is known.
    """
    rows = connection.execute(
        select(_ROUND.c.id, _ROUND.c.started_us)
        .where(_ROUND.c.ended_us.is_(None))
        .order_by(_ROUND.c.id)
    ).all()
    for row in rows:
        last_us = connection.execute(
            select(func.max(_MEASUREMENT.c.offset_us)).where(_MEASUREMENT.c.round_id == row.id)
        ).scalar()
        ended = instant(row.started_us + max(0, last_us or 0))
        close_round(connection, dictionary, row.id, None, ended)
    return [row.id for row in rows]


def replace_verdicts(
    connection: Connection, dictionary: Dictionary, round_id: int, verdicts: Sequence[Verdict]
) -> None:
    """Give each record of a round another verdict, in the order of the records.

    Raises:
        ValueError: there are more or fewer verdicts than records.

    """
    numbers = connection.execute(
        select(_MEASUREMENT.c.no)
        .where(_MEASUREMENT.c.round_id == round_id)
        .distinct()
        .order_by(_MEASUREMENT.c.no)
    ).scalars()
    records = list(numbers)
    if len(records) != len(verdicts):
        raise ValueError(f"round {round_id} has {len(records)} records, not {len(verdicts)}")
    given = dict(zip(records, verdicts, strict=True))
    put_verdicts(connection, dictionary, round_id, given)


class _Open(NamedTuple):
    id: int
    started_us: int
    imported_from: str | None


def _open_round(connection: Connection, round_id: int) -> _Open:
    row = connection.execute(
        select(_ROUND.c.id, _ROUND.c.started_us, _ROUND.c.ended_us, _ROUND.c.imported_from).where(
            _ROUND.c.id == round_id
        )
    ).first()
    if row is None:
        raise StoreError(f"there is no round {round_id} in the store")
    if row.ended_us is not None:
        raise StoreError(f"round {round_id} is closed; nothing can be added to it")
    return _Open(row.id, row.started_us, row.imported_from)


def _network_id(connection: Connection, dictionary: Dictionary, network: Network) -> int:
    known = replace(network, gateway=network.gateway or None)
    dictionary.networks.resolve(connection, [known])
    return dictionary.networks.id_of(known)


_Key = tuple[str, str, Any, Any]  # endpoint, service, kind, role


class _Part(NamedTuple):
    """A record, prepared: its name, its main measurement's place, each measurement taken apart."""

    record: Record
    first: int
    key: _Key
    keys: list[_Key]
    starts: list[int]
    splits: list[Split]


def _part(record: Record, last: MutableMapping[str, Verdict]) -> _Part:
    if not record.bundle:
        raise ValueError(f"a record of {record.endpoint} without a measurement")
    first, role = record.bundle[0], record.role
    main = first if first.variant is Variant.MAIN else record.main
    thin = _repeats_good(record, main, last.get(record.endpoint))
    last[record.endpoint] = record.verdict
    return _Part(
        record,
        record.bundle.index(main) if len(record.bundle) > 1 else 0,
        (record.endpoint, record.service, main.kind, role),
        [(m.endpoint, m.service, m.kind, role) for m in record.bundle],
        [microseconds(m.started) for m in record.bundle],
        [split(m, thin=thin) for m in record.bundle],
    )


def _repeats_good(record: Record, main: Measurement, before: Verdict | None) -> bool:
    verdict = record.verdict
    for step in main.steps:
        if step.failure is not None:
            return False
    return (
        before is not None
        and len(record.bundle) == 1
        and verdict.state is State.OK
        and before.state is State.OK
        and verdict.mechanism == before.mechanism
        and verdict.rule_id == before.rule_id
        and verdict.rule_version == before.rule_version
        and main.variant is Variant.MAIN
        and main.outcome is Outcome.MEASURED
    )


def _resolve(
    connection: Connection, dictionary: Dictionary, batch: Sequence[_Part]
) -> Mapping[_Key, int]:
    """Give a number to every name, content, certificate and ruling of the batch."""
    keys = dict.fromkeys(key for part in batch for key in part.keys)
    keys |= dict.fromkeys(part.key for part in batch)
    dictionary.services.resolve(connection, (service for _, service, _, _ in keys))
    stored = {
        key: EndpointKey(key[0], dictionary.services.id_of(key[1]), key[2], key[3]) for key in keys
    }
    dictionary.endpoints.resolve(connection, stored.values())
    dictionary.rulings.resolve(connection, {part.record.verdict for part in batch})
    known = dictionary.evidence.ids
    new: dict[bytes, Step] = {}
    for part in batch:
        for place, one in enumerate(part.splits):
            for number, content in enumerate(one.contents):
                if content not in known:
                    new[content] = part.record.bundle[place].steps[number]
    dictionary.evidence.resolve(connection, new)
    # A content that is stored already names only certificates that are stored already.
    dictionary.add_certificates(
        connection,
        {sha: der for step in new.values() for sha, der in certificates_of(step).items()},
    )
    return {key: dictionary.endpoints.id_of(endpoint) for key, endpoint in stored.items()}


def _measurement_rows(
    dictionary: Dictionary,
    round_: _Open,
    number: int,
    part: _Part,
    endpoints: Mapping[_Key, int],
) -> list[tuple[Any, ...]]:
    """Return the rows of one record, in the order of ``_MEASUREMENT_COLUMNS``."""
    numbers = dictionary.evidence.ids
    return [
        (
            round_.id,
            number,
            seq,
            endpoints[key],
            VARIANT.code[measurement.variant],
            OUTCOME.code[measurement.outcome],
            part.starts[seq] - round_.started_us,
            write_trace(measurement, one, [numbers[c] for c in one.contents]),
        )
        for seq, (measurement, key, one) in enumerate(
            zip(part.record.bundle, part.keys, part.splits, strict=True)
        )
    ]


def _remember(connection: Connection, round_id: int, endpoint_ids: set[int]) -> None:
    for part in chunks(sorted(endpoint_ids)):
        connection.execute(
            update(_ENDPOINT).where(_ENDPOINT.c.id.in_(part)).values(last_round=round_id)
        )


def _count_traffic(connection: Connection, batch: Sequence[_Part]) -> None:
    hours: dict[int, tuple[int, int]] = {}
    for part in batch:
        for m, start_us in zip(part.record.bundle, part.starts, strict=True):
            hour = start_us // HOUR_US
            sent, received = hours.get(hour, (0, 0))
            hours[hour] = (sent + m.bytes_sent, received + m.bytes_received)
    for hour, (sent, received) in hours.items():
        _add_hour(connection, hour, sent, received)


def count_traffic(connection: Connection, at: datetime, sent: int, received: int) -> None:
    """Count bytes that are not a measurement's in the hour of ``at``."""
    _add_hour(connection, microseconds(at) // HOUR_US, sent, received)


def _add_hour(connection: Connection, hour: int, sent: int, received: int) -> None:
    found = connection.execute(
        update(_TRAFFIC)
        .where(_TRAFFIC.c.hour == hour)
        .values(sent=_TRAFFIC.c.sent + sent, received=_TRAFFIC.c.received + received)
    )
    if found.rowcount == 0:
        connection.execute(insert(_TRAFFIC), {"hour": hour, "sent": sent, "received": received})
