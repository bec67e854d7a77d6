"""Series of others, taken in from files: kept apart from rounds, with the file they came from.

They are no evidence of this store: nothing is judged by them, they are not in the hash chain,
and they count as one source each, however many lines a file speaks of.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select

from probe.errors import StoreError
from probe.model.timeline import Absence, Overlay, Sample, Series, SeriesKey, Signal
from probe.model.times import instant, microseconds
from probe.store.bulk import bulk_insert
from probe.store.dictionary import table_of
from probe.store.rows import (
    StoredForeignSample,
    StoredForeignSeries,
    StoredRound,
    StoredSource,
    StoredVantage,
)
from probe.store.shelf import chunks

__all__ = [
    "ForeignFile",
    "digest_in",
    "files_in",
    "forget_foreign",
    "has_file",
    "imported_from",
    "in_time",
    "key_of",
    "known_as",
    "measured_vantages",
    "overlays_in",
    "save_overlays",
    "save_series",
    "series_in",
    "series_rows",
    "source_of",
]

_SOURCE = table_of(StoredSource)
_SERIES = table_of(StoredForeignSeries)
_SAMPLE = table_of(StoredForeignSample)
_SAMPLE_COLUMNS = tuple(column.name for column in _SAMPLE.columns)


class ForeignFile(NamedTuple):
    """A file that is taken in: its SHA-256, what it is called, and what it is."""

    digest: str
    name: str
    kind: str


def has_file(connection: Connection, digest: str) -> bool:
    """Say whether a file of this SHA-256 was taken in already."""
    query = select(_SOURCE.c.id).where(_SOURCE.c.digest == digest)
    return connection.execute(query).first() is not None


def measured_vantages(connection: Connection) -> set[str]:
    """Return the names of the vantages that have rounds in this store, and of the own one."""
    vantage, round_ = table_of(StoredVantage), table_of(StoredRound)
    measured = select(round_.c.vantage_id)
    query = select(vantage.c.name).where(vantage.c.own.is_(True) | vantage.c.id.in_(measured))
    return set(connection.execute(query).scalars())


def save_series(
    connection: Connection,
    file: ForeignFile,
    series: Iterable[tuple[Series, str]],
    now: datetime,
) -> int:
    """Keep series, each with its country; return how many samples were new or other than before.

    A sample of a series and time that is there already gives way to the new one.
    """
    source = _source(connection, file, now)
    count = 0
    for one, country in series:
        key = one.key
        number = _series(
            connection,
            source,
            {
                "vantage": key.vantage,
                "network": key.network,
                "subject": key.subject,
                "signal": str(key.signal),
                "locus": key.locus,
                "unit": "",
            },
            {"tz": one.tz, "country": country},
        )
        rows = [
            (
                number,
                microseconds(sample.time),
                sample.bad,
                None,
                sample.weight,
                None if sample.absence is None else str(sample.absence),
                sample.control_bad,
                sample.mechanism,
                sample.burst,
            )
            for sample in one.samples
        ]
        count += _put(connection, number, rows)
    return count


def save_overlays(
    connection: Connection, file: ForeignFile, overlays: Iterable[Overlay], now: datetime
) -> int:
    """Keep overlays; return how many points were new or other than before."""
    source = _source(connection, file, now)
    count = 0
    for one in overlays:
        number = _series(
            connection,
            source,
            {
                "vantage": one.source,
                "network": one.network,
                "subject": one.name,
                "signal": "",
                "locus": "",
                "unit": one.unit,
            },
            {"tz": "UTC", "country": one.country},
        )
        rows = [
            (number, microseconds(time), None, value, weight, None, None, None, False)
            for time, value, weight in one.points
        ]
        count += _put(connection, number, rows)
    return count


def _source(connection: Connection, file: ForeignFile, now: datetime) -> int:
    known = connection.execute(select(_SOURCE.c.id).where(_SOURCE.c.digest == file.digest)).scalar()
    if known is not None:
        return int(known)
    values = {**file._asdict(), "imported_us": microseconds(now)}
    (number,) = connection.execute(insert(_SOURCE).values(values)).inserted_primary_key or (0,)
    return int(number)


def _series(
    connection: Connection, source: int, key: Mapping[str, str], rest: Mapping[str, str]
) -> int:
    same = [_SERIES.c[name] == value for name, value in key.items()]
    found = connection.execute(select(_SERIES.c.id, _SERIES.c.tz).where(*same)).first()
    if found is None:
        values = {"source_id": source, **key, **rest}
        (number,) = connection.execute(insert(_SERIES).values(values)).inserted_primary_key or (0,)
        return int(number)
    if found.tz != rest["tz"]:
        raise StoreError(
            f"the series {key['subject'][:60]} is stored with the zone {found.tz}, and this"
            f" file says {rest['tz']}; nothing of the file was taken in"
        )
    return int(found.id)


def _put(connection: Connection, number: int, rows: list[tuple[Any, ...]]) -> int:
    held = {
        row[1]: tuple(row)
        for row in connection.execute(select(_SAMPLE).where(_SAMPLE.c.series_id == number))
    }
    fresh = {row[1]: row for row in rows if held.get(row[1]) != row}
    for part in chunks(fresh.keys() & held.keys()):
        connection.execute(
            delete(_SAMPLE).where(_SAMPLE.c.series_id == number, _SAMPLE.c.time_us.in_(part))
        )
    bulk_insert(connection, _SAMPLE, _SAMPLE_COLUMNS, list(fresh.values()))
    return len(fresh)


def series_in(
    connection: Connection, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Series]:
    """Yield the series of others that have samples in a time, in the order of their keys."""
    for row in series_rows(connection):
        found = _series_of(connection, row, since, until)
        if found.samples:
            yield found


def series_rows(connection: Connection, signal: Signal | None = None) -> Sequence[Any]:
    """Return the rows of the series of others, of one signal or of all, in order of their keys."""
    query = select(_SERIES).where(_SERIES.c.unit == "")
    if signal is not None:
        query = query.where(_SERIES.c.signal == signal)
    order = (_SERIES.c.vantage, _SERIES.c.network, _SERIES.c.subject, _SERIES.c.signal)
    return connection.execute(query.order_by(*order, _SERIES.c.locus)).all()


def overlays_in(
    connection: Connection,
    since: datetime | None = None,
    until: datetime | None = None,
    countries: Collection[str] | None = None,
) -> Iterator[Overlay]:
    """Yield the overlays that have points in a time, in the order of their names."""
    query = select(_SERIES).where(_SERIES.c.unit != "").order_by(_SERIES.c.subject, _SERIES.c.id)
    if countries is not None:
        query = query.where(_SERIES.c.country.in_(countries))
    for row in connection.execute(query).all():
        found = _overlay_of(connection, row, since, until)
        if found.points:
            yield found


def files_in(
    connection: Connection,
) -> Iterator[tuple[ForeignFile, list[tuple[Series, str]], list[Overlay]]]:
    """Yield each file that was taken in, its series with their countries, and its overlays."""
    for file in connection.execute(select(_SOURCE).order_by(_SOURCE.c.id)).all():
        rows = connection.execute(select(_SERIES).where(_SERIES.c.source_id == file.id)).all()
        yield (
            ForeignFile(file.digest, file.name, file.kind),
            [(_series_of(connection, row), row.country) for row in rows if not row.unit],
            [_overlay_of(connection, row) for row in rows if row.unit],
        )


def _series_of(
    connection: Connection,
    row: Any,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Series:
    return Series(
        key=key_of(row),
        tz=row.tz,
        samples=tuple(_sample(one) for one in _samples(connection, row.id, since, until)),
    )


def key_of(row: Any) -> SeriesKey:
    """Return the key of the row of a series."""
    return SeriesKey(
        vantage=row.vantage,
        network=row.network,
        subject=row.subject,
        signal=Signal(row.signal),
        locus=row.locus,
    )


def _overlay_of(
    connection: Connection,
    row: Any,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Overlay:
    return Overlay(
        name=row.subject,
        unit=row.unit,
        source=row.vantage,
        country=row.country,
        network=row.network,
        points=tuple(
            (instant(one.time_us), one.value, one.weight)
            for one in _samples(connection, row.id, since, until)
        ),
    )


def _samples(
    connection: Connection,
    series: int,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Any:
    return connection.execute(in_time(select(_SAMPLE), series, since, until)).all()


def in_time(
    query: Select[Any], series: int, since: datetime | None, until: datetime | None
) -> Select[Any]:
    """Narrow a query of samples to one series and, from ``since`` to before ``until``, a time."""
    query = query.where(_SAMPLE.c.series_id == series).order_by(_SAMPLE.c.time_us)
    if since is not None:
        query = query.where(_SAMPLE.c.time_us >= microseconds(since))
    if until is not None:
        query = query.where(_SAMPLE.c.time_us < microseconds(until))
    return query


def _sample(row: Any) -> Sample:
    return Sample(
        time=instant(row.time_us),
        bad=None if row.bad is None else bool(row.bad),
        weight=row.weight,
        absence=None if row.absence is None else Absence(row.absence),
        control_bad=row.control_bad,
        mechanism=row.mechanism,
        burst=bool(row.retest),
    )


def imported_from(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return country and source of each vantage of the series of others."""
    query = select(_SERIES.c.vantage, _SERIES.c.country, _SOURCE.c.digest).join(_SOURCE)
    found = connection.execute(query.where(_SERIES.c.unit == "")).all()
    return {row.vantage: (row.country, f"file:{row.digest[:16]}") for row in found}


def digest_in(provenance: str) -> str | None:
    """Return the chain digest that a provenance ends with, ``None`` where it has none."""
    kind, _, rest = provenance.partition(":")
    return rest.rpartition(":")[2] if kind in ("bundle", "store") else None


def known_as(vantage: str, digest: str, origin: str | None) -> str:
    """Return what tells a round from every other, in whatever store it lies.

    The vantage belongs to it: what the chain binds names no line, so two lines that saw the
    very same at the very same time would have the same link.
    """
    if origin is None:
        return f"{vantage}:{digest}"
    carried = digest_in(origin)
    return origin if carried is None else f"{vantage}:{carried}"


def source_of(origin: str | None) -> str | None:
    """Return whose word a provenance is; ``None`` where each vantage speaks for itself.

    ``bundle:KEY:DIGEST`` is the key's, ``ooni:TEST:DIGEST`` OONI's, ``file:DIGEST`` that file's;
    ``store:VANTAGE:DIGEST`` came from a store that the owner merged.
    """
    kind, _, rest = (origin or "").partition(":")
    if kind == "bundle":
        return f"bundle:{rest.partition(':')[0]}"
    return {"ooni": "ooni", "file": origin}.get(kind)


def forget_foreign(connection: Connection, before_us: int | None) -> int:
    """Delete samples of others (older than a time, or all), and what then stands empty."""
    old = delete(_SAMPLE)
    if before_us is not None:
        old = old.where(_SAMPLE.c.time_us < before_us)
    count = connection.execute(old).rowcount
    connection.execute(delete(_SERIES).where(_SERIES.c.id.not_in(select(_SAMPLE.c.series_id))))
    connection.execute(delete(_SOURCE).where(_SOURCE.c.id.not_in(select(_SERIES.c.source_id))))
    return int(count)
