"""Timed transfers in the store: what is compared in time, and how often it was taken."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, text

from probe.analysis.speeds import TimedLook, compared
from probe.model.goodput import Pair, PairKey
from probe.model.measurement import Outcome, TransferStep, Variant
from probe.model.record import SeriesRound
from probe.model.times import instant, microseconds
from probe.store.codes import OUTCOME, VARIANT
from probe.store.dictionary import Dictionary, table_of
from probe.store.evidence import read_trace
from probe.store.reading import Span, contents_of, series_rounds, within
from probe.store.rows import TIMED, StoredMeasurement, StoredRound, StoredVerdict

__all__ = ["pairs_of", "rounds_with_transfers", "times_looked"]

_ROUND = table_of(StoredRound)
_MEASUREMENT = table_of(StoredMeasurement)
_VERDICT = table_of(StoredVerdict)


def rounds_with_transfers(connection: Connection, span: Span) -> list[int]:
    """Return the rounds of a span that hold transfers, by number; read from their index alone."""
    timed = select(_MEASUREMENT.c.round_id).where(text(TIMED)).distinct()
    found = connection.execute(timed.order_by(_MEASUREMENT.c.round_id)).scalars().all()
    if span == Span():
        return list(found)
    inside = set(connection.execute(within(select(_ROUND.c.id), span)).scalars())
    return [number for number in found if number in inside]


def _from(since_us: int) -> tuple[ColumnElement[bool], ...]:
    """Return what holds for the rounds since a time; their numbers bound what is read.

    Measurements lie by the number of their round, and have no index of their own.
    """
    first = select(func.min(_ROUND.c.id)).where(_ROUND.c.started_us >= since_us).scalar_subquery()
    return _MEASUREMENT.c.round_id >= first, _ROUND.c.started_us >= since_us


def pairs_of(
    connection: Connection,
    dictionary: Dictionary,
    rounds: Sequence[int],
    networks: Mapping[int, str],
    *,
    spoils: Collection[str] = (),
) -> Iterator[tuple[PairKey, Pair]]:
    """Yield the pairs of rounds, in the order of the rounds.

    ``networks`` are the keys of the networks that rounds were on, where a round could not see it
    itself. A round with one of the gates ``spoils`` says nothing: it looked at another line.
    """
    known = {one.id: one for one in series_rounds(connection, dictionary, rounds)}
    kept = {number: one for number, one in known.items() if not set(one.gates) & set(spoils)}
    for (number, service), looks in _looks(connection, dictionary, kept):
        one = kept[number]
        network = networks.get(number, one.network)
        yield from compared(looks, service=service, vantage=one.vantage, network=network, tz=one.tz)


def _looks(
    connection: Connection, dictionary: Dictionary, rounds: Mapping[int, SeriesRound]
) -> Iterator[tuple[tuple[int, str], list[TimedLook]]]:
    """Yield round, service and transfers of each record that has any, by round and number.

    Of a look only the steps that may be a transfer are put together, the last one first: what
    came before it (a chain of certificates, a name) is nothing that a rate is made of.
    """
    query = (
        select(_MEASUREMENT, _VERDICT.c.endpoint_id.label("owner_id"))
        .join(
            _VERDICT,
            and_(
                _VERDICT.c.round_id == _MEASUREMENT.c.round_id,
                _VERDICT.c.no == _MEASUREMENT.c.no,
            ),
        )
        .where(
            text(TIMED),
            _MEASUREMENT.c.round_id.in_(rounds),
            _MEASUREMENT.c.outcome == OUTCOME.code[Outcome.MEASURED],
        )
        .order_by(_MEASUREMENT.c.round_id, _MEASUREMENT.c.no, _MEASUREMENT.c.seq)
    )
    rows = connection.execute(query).all()
    dictionary.services.load_all(connection)
    dictionary.endpoints.load_all(connection)
    steps = _transfers(connection, dictionary, rows)
    for (number, _), record in groupby(rows, key=lambda row: (row.round_id, row.no)):
        mine = list(record)
        owner = dictionary.endpoints.key_of(mine[0].owner_id)
        started = rounds[number].started_us
        looks = [
            TimedLook(VARIANT.member(row.variant), instant(started + row.offset_us), step)
            for row in mine
            if (step := steps.get((row.round_id, row.no, row.seq))) is not None
        ]
        yield (number, dictionary.services.key_of(owner.service_id)), looks


def _transfers(
    connection: Connection, dictionary: Dictionary, rows: Iterable[Row[Any]]
) -> dict[tuple[int, int, int], TransferStep]:
    """Return the last transfer of each look that came to one, by round, record and place."""
    left = {(row.round_id, row.no, row.seq): list(read_trace(row.trace).steps) for row in rows}
    found: dict[tuple[int, int, int], TransferStep] = {}
    while left:
        last = {place: steps.pop() for place, steps in left.items() if steps}
        bare = contents_of(connection, dictionary, {number for number, _ in last.values()})
        for place, (number, figures) in last.items():
            step = bare[number]
            if isinstance(step, TransferStep):
                found[place] = replace(step, t0_s=figures[0], t_s=figures[1])
        left = {place: steps for place, steps in left.items() if steps and place not in found}
    return found


def times_looked(
    connection: Connection, dictionary: Dictionary, variants: Collection[Variant], since: datetime
) -> dict[str, int]:
    """Return in how many own rounds since a time each endpoint had one of these looks."""
    query = (
        select(
            _MEASUREMENT.c.endpoint_id,
            func.count(_MEASUREMENT.c.round_id.distinct()).label("rounds"),
        )
        .join(_ROUND, _ROUND.c.id == _MEASUREMENT.c.round_id)
        .where(
            *_from(microseconds(since)),
            _ROUND.c.imported_from.is_(None),
            _MEASUREMENT.c.variant.in_([VARIANT.code[variant] for variant in variants]),
            _MEASUREMENT.c.outcome == OUTCOME.code[Outcome.MEASURED],
        )
        .group_by(_MEASUREMENT.c.endpoint_id)
    )
    rows = connection.execute(query).all()
    dictionary.endpoints.load_all(connection)
    found: dict[str, int] = {}
    for row in rows:
        name = dictionary.endpoints.key_of(row.endpoint_id).name
        found[name] = found.get(name, 0) + row.rounds
    return found
