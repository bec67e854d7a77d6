"""The roll-up: what each closed round said of each service, kept beside the verdicts.

It is derived, so it is written again whenever the verdicts of a round change, and no part of the
hash chain. With ten million verdicts a page reads some ten thousand looks in their place.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, delete, func, select

from probe.analysis.look_table import LookTable, ruling_of
from probe.model.record import Judged, SeriesRound, judged_row
from probe.model.times import instant, microseconds
from probe.store.bulk import bulk_insert
from probe.store.columns import as_texts
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import (
    Span,
    judged_of,
    series_batch,
    series_rounds,
)
from probe.store.rows import StoredLook, StoredRound, StoredService
from probe.store.shelf import chunks

__all__ = ["Look", "fill", "last_looks", "looks_in", "refresh", "table_of_looks"]

_LOOK = table_of(StoredLook)
_ROUND = table_of(StoredRound)
_SERVICE = table_of(StoredService)
_COLUMNS = tuple(column.name for column in _LOOK.columns)
_DAY_US = 86_400_000_000  # no round is longer
_ROUNDS_AT_ONCE = 64


class Look(NamedTuple):
    """One round's word on one service, and how many of its endpoints failed."""

    judged: Judged
    endpoints: int
    failed: int


def fill(connection: Connection) -> None:
    """Make the looks of every closed round; the table is empty."""
    dictionary = Dictionary()
    dictionary.refresh(connection)
    after = 0
    while True:
        rounds = series_batch(connection, dictionary, Span(), after, _ROUNDS_AT_ONCE)
        if not rounds:
            return
        after = rounds[-1].id
        _write(connection, dictionary, rounds)


def refresh(connection: Connection, dictionary: Dictionary, round_id: int) -> None:
    """Make the looks of a round again; nothing for a round that is still open."""
    rounds = series_rounds(connection, dictionary, [round_id])
    if not rounds:
        return
    started = rounds[0].started_us
    connection.execute(
        delete(_LOOK).where(
            _LOOK.c.service_id.in_(select(_SERVICE.c.id)),
            _LOOK.c.time_us.between(started - _DAY_US, started + 2 * _DAY_US),
            _LOOK.c.round_id == round_id,
        )
    )
    _write(connection, dictionary, rounds)


def _write(connection: Connection, dictionary: Dictionary, rounds: Sequence[SeriesRound]) -> None:
    from probe.analysis.series import looks_of

    closed = _closed(connection, [round_.id for round_ in rounds])
    by_round: dict[int, list[Judged]] = {}
    for row in judged_of(connection, dictionary, rounds, None, Span()):
        if row.round in closed:
            by_round.setdefault(row.round, []).append(row)
    found = [look for rows in by_round.values() for look in looks_of(rows)]
    rulings = [ruling_of(judged) for judged, _, _ in found]
    dictionary.rulings.resolve(connection, dict.fromkeys(rulings))
    services = dictionary.services
    rows = [
        (
            services.id_of(judged.service),
            microseconds(judged.time),
            judged.round,
            dictionary.rulings.id_of(ruling),
            endpoints,
            failed,
        )
        for (judged, endpoints, failed), ruling in zip(found, rulings, strict=True)
    ]
    bulk_insert(connection, _LOOK, _COLUMNS, sorted(rows))


def _closed(connection: Connection, numbers: Collection[int]) -> set[int]:
    query = select(_ROUND.c.id).where(_ROUND.c.id.in_(numbers), _ROUND.c.ended_us.is_not(None))
    return set(connection.execute(query).scalars())


def looks_in(
    connection: Connection,
    dictionary: Dictionary,
    rounds: Sequence[SeriesRound],
    span: Span,
    services: Collection[str] | None = None,
) -> Iterator[Look]:
    """Yield the looks of these rounds by service and time; ``services`` picks some of them."""
    by_id = {round_.id: round_ for round_ in rounds}
    names = _numbers(connection, dictionary, services)
    query = select(_LOOK).where(_LOOK.c.service_id.in_(names), *_inside(span))
    rows = connection.execute(
        query.order_by(_LOOK.c.service_id, _LOOK.c.time_us, _LOOK.c.round_id)
    ).all()
    dictionary.rulings.load(connection, {row.ruling_id for row in rows})
    service_of, ruling_of = dictionary.services.key_of, dictionary.rulings.key_of
    for service_id, time_us, round_id, ruling_id, endpoints, failed in rows:
        round_ = by_id.get(round_id)
        if round_ is not None:
            yield Look(
                judged_row(round_, instant(time_us), service_of(service_id), ruling_of(ruling_id)),
                endpoints,
                failed,
            )


def table_of_looks(
    connection: Connection,
    dictionary: Dictionary,
    rounds: Sequence[SeriesRound],
    span: Span,
    services: Collection[str] | None = None,
) -> LookTable:
    """Return what ``looks_in`` yields, as columns.

    The database hands over each service's numbers as three texts, which numpy reads: a third of
    the time of a tuple for each row.
    """
    columns = (_LOOK.c.time_us, _LOOK.c.round_id, _LOOK.c.ruling_id)
    texts = as_texts(connection, columns)
    found: list[Any] = []
    for part in chunks(sorted(_numbers(connection, dictionary, services))):
        query = select(_LOOK.c.service_id, func.count(), *texts)
        query = query.where(_LOOK.c.service_id.in_(part), *_inside(span))
        found += connection.execute(query.group_by(_LOOK.c.service_id)).all()
    found.sort(key=lambda row: row[0])
    numbers = [row[0] for row in found]
    service = np.repeat(np.arange(len(found)), np.array([row[1] for row in found], dtype=np.int64))
    time_us, round_id, ruling_id = (
        np.fromstring(",".join(row[place] for row in found), dtype=np.int64, sep=",")
        for place in (2, 3, 4)
    )
    spoken = np.unique(ruling_id)
    dictionary.rulings.load(connection, spoken.tolist())
    known = np.array([round_.id for round_ in rounds], dtype=np.int64)
    round_ = np.searchsorted(known, round_id)
    table = LookTable(
        services=tuple(dictionary.services.key_of(number) for number in numbers),
        rounds=tuple(rounds),
        rulings=tuple(dictionary.rulings.key_of(number) for number in spoken.tolist()),
        service=service,
        time_us=time_us,
        round=round_,
        ruling=np.searchsorted(spoken, ruling_id),
    )
    there = np.append(known, -1)[round_] == round_id  # of no others than these rounds
    return (table if there.all() else table.where(there)).in_order()


def _numbers(
    connection: Connection, dictionary: Dictionary, services: Collection[str] | None
) -> list[int]:
    return dictionary.services.matching(
        connection, lambda name: services is None or name in services
    )


def _inside(span: Span) -> list[ColumnElement[bool]]:
    """Return the conditions that a look lies in a span."""
    found: list[ColumnElement[bool]] = []
    if span.since_us is not None:
        found.append(_LOOK.c.time_us >= span.since_us)
    if span.until_us is not None:
        found.append(_LOOK.c.time_us < span.until_us)
    return found


def last_looks(connection: Connection, dictionary: Dictionary) -> list[Judged]:
    """Return the newest look at each service: the end of an index each."""
    newest = (
        select(func.max(_LOOK.c.time_us))
        .where(_LOOK.c.service_id == _SERVICE.c.id)
        .scalar_subquery()
    )
    ends = connection.execute(select(_SERVICE.c.id, newest.label("time_us"))).all()
    found: list[Judged] = []
    dictionary.services.load_all(connection)
    for end in ends:
        row = connection.execute(
            select(_LOOK)
            .where(_LOOK.c.service_id == end.id, _LOOK.c.time_us == end.time_us)
            .order_by(_LOOK.c.round_id.desc())
            .limit(1)
        ).first()
        if row is None:
            continue
        dictionary.rulings.load(connection, [row.ruling_id])
        (round_,) = series_rounds(connection, dictionary, [row.round_id])
        verdict = dictionary.rulings.key_of(row.ruling_id)
        service = dictionary.services.key_of(row.service_id)
        found.append(judged_row(round_, instant(row.time_us), service, verdict))
    return found
