"""The roll-up out of the database as columns: a page of years reads millions of looks."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from probe.analysis.look_table import LookTable
from probe.model.record import SeriesRound
from probe.store.columns import as_texts, packed
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import Span
from probe.store.rows import StoredLook
from probe.store.shelf import chunks

__all__ = ["table_of_looks"]

_LOOK = table_of(StoredLook)


def table_of_looks(
    connection: Connection,
    dictionary: Dictionary,
    rounds: Sequence[SeriesRound],
    span: Span,
    services: Collection[str] | None = None,
) -> LookTable:
    """Return the looks of these rounds by service and time; ``services`` picks some of them."""
    wanted = dictionary.services.matching(
        connection, lambda name: services is None or name in services
    )
    queries = _queries(connection, wanted, span)
    service_id, (time_us, round_id, ruling_id), _ = packed(connection, queries, 3)
    numbers, service = np.unique(service_id, return_inverse=True)
    spoken, ruling = np.unique(ruling_id, return_inverse=True)
    dictionary.rulings.load(connection, spoken.tolist())
    known = np.array([round_.id for round_ in rounds], dtype=np.int64)
    round_ = np.searchsorted(known, round_id)
    table = LookTable(
        services=tuple(dictionary.services.key_of(number) for number in numbers.tolist()),
        rounds=tuple(rounds),
        rulings=tuple(dictionary.rulings.key_of(number) for number in spoken.tolist()),
        service=service,
        time_us=time_us,
        round=round_,
        ruling=ruling,
    )
    there = np.append(known, -1)[round_] == round_id  # of no others than these rounds
    return (table if there.all() else table.where(there)).in_order()


def _queries(
    connection: Connection, services: Collection[int], span: Span
) -> Iterator[Select[Any]]:
    """Yield the queries of the looks at some services, a row a service."""
    texts = as_texts(connection, (_LOOK.c.time_us, _LOOK.c.round_id, _LOOK.c.ruling_id))
    for part in chunks(sorted(services)):
        query = select(_LOOK.c.service_id, func.count(), *texts)
        query = query.where(_LOOK.c.service_id.in_(part), *span.conditions(_LOOK.c.time_us))
        yield query.group_by(_LOOK.c.service_id)
