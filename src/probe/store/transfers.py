"""Timed transfers in the store: what is compared in time, and how often it was taken."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from probe.analysis.speeds import keyed_pairs
from probe.model.goodput import Pair, PairKey
from probe.model.measurement import GOODPUTS, Outcome, Variant
from probe.store.codes import OUTCOME, VARIANT
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import SeriesRound, Span, records_of, series_rounds
from probe.store.rows import StoredMeasurement, StoredRound
from probe.store.times import microseconds

__all__ = ["pairs_of", "rounds_with_transfers", "times_looked"]

_ROUND = table_of(StoredRound)
_MEASUREMENT = table_of(StoredMeasurement)
_CODES = tuple(sorted(VARIANT.code[variant] for variant in GOODPUTS))


def rounds_with_transfers(connection: Connection, span: Span) -> dict[int, list[int]]:
    """Return the records that hold transfers, by the number of their round."""
    query = (
        select(_MEASUREMENT.c.round_id, _MEASUREMENT.c.no)
        .join(_ROUND, _ROUND.c.id == _MEASUREMENT.c.round_id)
        .where(_MEASUREMENT.c.variant.in_(_CODES))
        .distinct()
        .order_by(_MEASUREMENT.c.round_id, _MEASUREMENT.c.no)
    )
    if span.since_us is not None:
        query = query.where(*_from(span.since_us))
    if span.until_us is not None:
        query = query.where(_ROUND.c.started_us < span.until_us)
    found: dict[int, list[int]] = {}
    for row in connection.execute(query):
        found.setdefault(row.round_id, []).append(row.no)
    return found


def _from(since_us: int) -> tuple[ColumnElement[bool], ...]:
    """Return what holds for the rounds since a time; their numbers bound what is read.

    Measurements lie by the number of their round, and have no index of their own.
    """
    first = select(func.min(_ROUND.c.id)).where(_ROUND.c.started_us >= since_us).scalar_subquery()
    return _MEASUREMENT.c.round_id >= first, _ROUND.c.started_us >= since_us


def pairs_of(
    connection: Connection,
    dictionary: Dictionary,
    rounds: dict[int, list[int]],
    networks: Mapping[int, str],
    *,
    spoils: Collection[str] = (),
) -> Iterator[tuple[PairKey, Pair]]:
    """Yield the pairs of rounds, in the order of the rounds.

    ``networks`` are the keys of the networks that rounds were on, where a round could not see it
    itself. A round with one of the gates ``spoils`` says nothing: it looked at another line.
    """
    for one in series_rounds(connection, dictionary, tuple(rounds)):
        if set(one.gates) & set(spoils):
            continue
        known = one._replace(network=networks.get(one.id, one.network))
        yield from _of_round(connection, dictionary, known, rounds[one.id])


def _of_round(
    connection: Connection, dictionary: Dictionary, one: SeriesRound, numbers: list[int]
) -> Iterator[tuple[PairKey, Pair]]:
    records = records_of(connection, dictionary, one.id, numbers)
    yield from keyed_pairs(records, vantage=one.vantage, network=one.network, tz=one.tz)


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
