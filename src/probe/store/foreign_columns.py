"""Series of others as arrays: a file may have a million samples, and no object is made for each."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from probe.analysis.columns import ABSENCES, NONE, Columns
from probe.model.timeline import Signal
from probe.store.dictionary import table_of
from probe.store.foreign import in_time, key_of, series_rows
from probe.store.reading import plain_rows
from probe.store.rows import StoredForeignSample

__all__ = ["columns_in"]


def columns_in(
    connection: Connection, signal: Signal, since: datetime | None, until: datetime | None
) -> Iterator[Columns]:
    """Yield the series of a signal that have samples in a time, in the order of their keys."""
    sample = table_of(StoredForeignSample).c
    for row in series_rows(connection, signal):
        query = in_time(
            select(
                sample.time_us,
                sample.bad,
                sample.weight,
                sample.absence,
                sample.control_bad,
                sample.mechanism,
                sample.retest,
            ),
            row.id,
            since,
            until,
        )
        found = plain_rows(connection, query)
        if found:
            yield _columns(row, found)


def _columns(row: Any, found: Sequence[tuple[Any, ...]]) -> Columns:
    time_us, bad, weight, absence, control_bad, mechanism, retest = zip(*found, strict=True)
    names = tuple(dict.fromkeys(one for one in mechanism if one is not None))
    places = {None: NONE} | {name: place for place, name in enumerate(names)}
    absences = {None: NONE} | {str(one): place for place, one in enumerate(ABSENCES)}
    return Columns(
        key=key_of(row),
        tz=row.tz,
        time_us=np.array(time_us, dtype=np.int64),
        bad=np.array([NONE if one is None else one for one in bad], dtype=np.int8),
        weight=np.array(weight, dtype=np.float64),
        absence=np.array([absences[one] for one in absence], dtype=np.int8),
        control_bad=np.array(control_bad, dtype=np.float64),  # None is NaN
        mechanism=np.array([places[one] for one in mechanism], dtype=np.int16),
        names=names,
        burst=np.array(retest, dtype=np.bool_),
    )
