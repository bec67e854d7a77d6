"""The roll-up: what each closed round said of each service, kept beside the verdicts.

It is derived, so it is written again whenever the verdicts of a round change, and no part of the
hash chain. With ten million verdicts a page reads some ten thousand looks in their place.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, func, select

from probe.model.record import Judged, SeriesRound, judged_row, ruling_of
from probe.model.times import instant, microseconds
from probe.store.bulk import bulk_insert
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import (
    Span,
    judged_of,
    series_batch,
    series_rounds,
)
from probe.store.rows import StoredLook, StoredRound, StoredService

__all__ = ["fill", "last_looks", "refresh"]

_LOOK = table_of(StoredLook)
_ROUND = table_of(StoredRound)
_SERVICE = table_of(StoredService)
_COLUMNS = tuple(column.name for column in _LOOK.columns)
_DAY_US = 86_400_000_000  # no round is longer
_ROUNDS_AT_ONCE = 64


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
