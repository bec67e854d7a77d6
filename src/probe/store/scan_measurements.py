"""Reading very many measurements: columns, the traces as they lie, and what was said of each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, func, select

from probe.analysis.arrays import IntArray
from probe.errors import StoreError
from probe.model.selection import Selection
from probe.model.verdict import Verdict
from probe.store.columns import as_bytes, as_texts, packed
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import plain_rows
from probe.store.rows import StoredMeasurement, StoredVerdict
from probe.store.scan import (
    EndpointFacts,
    RoundFacts,
    endpoint_facts,
    in_rounds,
    rulings_of,
    times,
    wanted_endpoints,
    within,
)

__all__ = ["UNSAID", "MeasurementBatch", "measurement_batch", "measurement_queries"]

UNSAID: Final = -1
"""The ruling of a record of which nothing was said."""

_VERDICT = table_of(StoredVerdict)
_MEASUREMENT = table_of(StoredMeasurement)
_MOST_RECORDS = 100_000_000  # of a batch: numbers above are damage, and would fill the memory


class MeasurementBatch(NamedTuple):
    """Columns of measurements, one entry a row, and what their numbers stand for.

    ``ruling`` is what was said of the record. The traces lie somewhere in ``traces``, each of
    ``trace_length`` bytes from ``trace_start`` on (see ``probe.store.traces``).
    """

    round: IntArray
    no: IntArray
    seq: IntArray
    endpoint: IntArray
    variant: IntArray
    outcome: IntArray
    time_us: IntArray
    ruling: IntArray
    trace_start: IntArray
    trace_length: IntArray
    traces: bytes
    rounds: Mapping[int, RoundFacts]
    endpoints: Mapping[int, EndpointFacts]
    rulings: Mapping[int, Verdict]


def measurement_batch(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> MeasurementBatch:
    """Return the chosen measurements of some rounds, by round, record and place in the bundle."""
    columns, start, length, traces = _looks(connection, dictionary, chosen, rounds)
    round_, no, seq, endpoint, variant, outcome, offset = columns
    time_us = times(rounds, round_, offset)
    ruling = _said_of(connection, chosen, rounds, round_, no)
    keep = within(chosen, time_us)
    if chosen.states is not None:
        keep &= ruling != UNSAID
    kept = [round_, no, seq, endpoint, variant, outcome, time_us, ruling, start, length]
    if not keep.all():
        kept = [column[keep] for column in kept]
    spoken = set(np.unique(kept[7]).tolist()) - {UNSAID}
    dictionary.rulings.load(connection, spoken)
    stand_for = (
        {one.id: one for one in rounds},
        endpoint_facts(connection, dictionary, set(np.unique(kept[3]).tolist())),
        {number: dictionary.rulings.key_of(number) for number in spoken},
    )
    return MeasurementBatch._make((*kept, traces, *stand_for))


def _looks(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> tuple[list[IntArray], IntArray, IntArray, bytes]:
    """Return the columns of the looks, by their key, and where their traces lie."""
    conditions = list(_conditions(connection, dictionary, chosen, rounds))
    queries = (_query(connection, condition) for condition in conditions)
    round_, numbers, traces = packed(connection, queries, 7)
    *numbers, length = numbers
    start = np.cumsum(length) - length
    columns = [round_, *numbers, start, length]
    if not _ordered(*columns[:3]):
        order = np.lexsort((columns[2], columns[1], columns[0]))
        columns = [column[order] for column in columns]
    *columns, start, length = columns
    if len(traces) != length.sum():
        traces, start = _one_by_one(connection, conditions), np.cumsum(length) - length
    return columns, start, length, traces


def measurement_queries(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> Iterator[Select[Any]]:
    """Yield the queries of the looks of some rounds, a row a round."""
    for conditions in _conditions(connection, dictionary, chosen, rounds):
        yield _query(connection, conditions)


def _query(connection: Connection, conditions: list[ColumnElement[bool]]) -> Select[Any]:
    look = _MEASUREMENT.c
    columns = (look.no, look.seq, look.endpoint_id, look.variant, look.outcome, look.offset_us)
    return (
        select(
            look.round_id,
            func.count(),
            *as_texts(connection, [*columns, func.length(look.trace)]),
            as_bytes(connection, look.trace),
        )
        .where(*conditions)
        .group_by(look.round_id)
        .order_by(look.round_id)
    )


def _conditions(
    connection: Connection,
    dictionary: Dictionary,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
) -> Iterator[list[ColumnElement[bool]]]:
    """Yield what the rows of each query must be."""
    wanted = wanted_endpoints(connection, dictionary, chosen)
    chosen_ones = [] if wanted is None else [_MEASUREMENT.c.endpoint_id.in_(wanted)]
    for condition in in_rounds(_MEASUREMENT, rounds):
        yield [condition, *chosen_ones]


def _ordered(round_: IntArray, no: IntArray, seq: IntArray) -> bool:
    """Say whether rows come by their key, as they do where groups are read off the key's tree."""
    later = np.diff(seq) > 0
    for column in (no, round_):
        step = np.diff(column)
        later = (step > 0) | ((step == 0) & later)
    return bool(later.all())


def _one_by_one(connection: Connection, queries: list[list[ColumnElement[bool]]]) -> bytes:
    """Return the traces by their key, from a database that cannot join bytes."""
    key = (_MEASUREMENT.c.round_id, _MEASUREMENT.c.no, _MEASUREMENT.c.seq)
    return b"".join(
        trace
        for conditions in queries
        for (trace,) in plain_rows(
            connection, select(_MEASUREMENT.c.trace).where(*conditions).order_by(*key)
        )
    )


def _said_of(
    connection: Connection,
    chosen: Selection,
    rounds: Sequence[RoundFacts],
    round_: IntArray,
    no: IntArray,
) -> IntArray:
    """Return the ruling of each row's record; rows come by round and record.

    Raises:
        StoreError: the records of a round have numbers that no round has.

    """
    if not len(round_):
        return round_
    queries = (_said(connection, chosen, part) for part in in_rounds(_VERDICT, rounds))
    said_round, (said_no, ruling), _ = packed(connection, queries, 2)
    numbers, first = np.unique(round_, return_index=True)
    ends = np.append(first[1:], len(round_))
    records = no[ends - 1] + 1
    if int(no.min()) < 0 or float(records.sum(dtype=float)) > _MOST_RECORDS:
        raise StoreError(f"records are numbered from {no.min()} to {no.max()}")
    base = np.cumsum(records) - records
    place = np.minimum(np.searchsorted(numbers, said_round), len(numbers) - 1)
    there = (numbers[place] == said_round) & (said_no >= 0) & (said_no < records[place])
    table = np.full(int(records.sum()), UNSAID, dtype=np.int64)
    table[(base[place] + said_no)[there]] = ruling[there]
    found: IntArray = table[np.repeat(base, ends - first) + no]
    return found


def _said(connection: Connection, chosen: Selection, condition: ColumnElement[bool]) -> Select[Any]:
    """Return the query of which ruling was said of which record."""
    columns = as_texts(connection, (_VERDICT.c.no, _VERDICT.c.ruling_id))
    query = select(_VERDICT.c.round_id, func.count(), *columns).where(condition)
    if chosen.states is not None:
        query = query.where(_VERDICT.c.ruling_id.in_(rulings_of(chosen)))
    return query.group_by(_VERDICT.c.round_id).order_by(_VERDICT.c.round_id)
