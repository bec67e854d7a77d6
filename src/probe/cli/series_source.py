"""Where ``timeline`` and ``patterns`` take their series from: the store, or a timeline CSV."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from probe.errors import InputError, ProbeError
from probe.model.goodput import Pair, PairKey
from probe.model.record import Note
from probe.model.timeline import Series

if TYPE_CHECKING:
    from probe.analysis.wholes import Membership

__all__ = [
    "By",
    "ByOption",
    "InputOption",
    "Request",
    "ServiceOption",
    "SinceOption",
    "Source",
    "TzOption",
    "UntilOption",
    "VantageOption",
    "load",
    "moment_of",
    "span_of",
]


class By(StrEnum):
    """What a series is about."""

    SERVICE = "service"
    ENDPOINT = "endpoint"


InputOption = Annotated[
    Path | None,
    typer.Option(
        "--input", "-i", help="A timeline CSV, in place of the store; - is standard input."
    ),
]
TzOption = Annotated[
    str | None,
    typer.Option("--tz", help="IANA time zone, for example Asia/Tehran [the vantage's own]."),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="From this date or time on, or 14d, 12h back.")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Up to this date or time.")]
ServiceOption = Annotated[
    list[str] | None, typer.Option("--service", "-s", help="Only this service; may be repeated.")
]
VantageOption = Annotated[str | None, typer.Option("--vantage", help="Only this vantage.")]
ByOption = Annotated[By, typer.Option("--by", help="One series a service, or an endpoint.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    input: Path | None
    store: Path | None
    config: Path | None
    tz: str | None
    since: str | None
    until: str | None
    services: tuple[str, ...]
    vantage: str | None
    by: By
    wholes: bool = False  # those of the catalog as well; else only when one is asked for


@dataclass(frozen=True, slots=True)
class Source:
    """The series asked for, the names of their subjects, and what people noted meanwhile.

    ``shelves`` is the category of each service of the catalog, ``sources`` say whose word a
    foreign vantage is. ``pairs`` are the timed transfers of a store; a file has none.
    """

    series: tuple[Series, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    shelves: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    pairs: Mapping[PairKey, tuple[Pair, ...]] = field(default_factory=dict)


def load(request: Request) -> Source:
    """Return the series of the file or of the store.

    Raises:
        InputError: for a file, zone, date or service that is wrong.
        StoreError: when the database cannot be read.

    """
    if request.input is not None:
        return _from_file(request.input, request)
    return _from_store(request)


def span_of(
    since: str | None, until: str | None, tz: str
) -> tuple[datetime | None, datetime | None]:
    """Return ``--since`` and ``--until``; dates and naive times are of zone ``tz``.

    Raises:
        InputError: one is no time, or they are the wrong way round.

    """
    from probe.analysis.zones import zone

    where = zone(tz)
    first, last = moment_of(since, "--since", where), moment_of(until, "--until", where)
    if first is not None and last is not None and first >= last:
        raise InputError("not after --since", field="--until", mend="exchange them")
    return first, last


def moment_of(text: str | None, field: str, where: tzinfo) -> datetime | None:
    """Return a time given as a date, a time, or a distance back from now."""
    from probe.clock import SystemClock
    from probe.report.period import time_of

    return time_of(text, field, where, SystemClock().now())


def _from_file(path: Path, request: Request) -> Source:
    from probe.ingest.timeline_csv import read

    since, until = span_of(request.since, request.until, request.tz or "UTC")
    from probe.clock import SystemClock

    series = read(path, tz=request.tz, now=SystemClock().now())
    chosen = [_clipped(one, since, until) for one in series if _wanted(one, request)]
    _known(request, {one.key.subject for one in series}, str(path))
    _of_vantage(request, series, str(path))
    return Source(tuple(one for one in chosen if one.samples))


def _from_store(request: Request) -> Source:
    import os

    from probe.analysis.pairs import chosen_pairs, zoned_pairs
    from probe.analysis.series import series_of
    from probe.settings import load as load_settings
    from probe.store.database import Store

    settings = load_settings(config=request.config, environ=os.environ, store=request.store)
    since, until = span_of(request.since, request.until, request.tz or settings.tz)
    parts = _parts(request)
    with Store.open(settings.store, create=False, readonly=True) as store:
        only = request.services[0] if len(request.services) == 1 and not parts else None
        found = series_of(
            store.judged(since=since, until=until, service=only),
            store.rounds(since=since, until=until),
            by=request.by.value,
            parts=parts,
        )
        found = (*found, *store.imported_series(since, until))
        pairs = chosen_pairs(
            zoned_pairs(store.goodput(since, until), request.tz),
            services=request.services or None,
            vantages=None if request.vantage is None else {request.vantage},
        )
        notes = tuple(store.notes(since, until))
        sources = store.sources()
        subjects = {_service(one.key.subject) for one in found}
        if only is not None and only not in subjects:  # to say what there is
            subjects |= {row.service for row in store.judged(since=since, until=until)}
    _known(request, subjects, "the store")
    _of_vantage(request, found, "the store")
    series = tuple(_zoned(one, request.tz) for one in found if _wanted(one, request))
    names, shelves = _catalog()
    return Source(series, names, notes, shelves, sources, pairs)


def _parts(request: Request) -> "Membership":
    """Return which services are parts of the wholes that are shown; none for endpoints."""
    from probe.analysis.wholes import membership
    from probe.targets.load import load_catalog

    if request.by is not By.SERVICE:
        return {}
    try:
        known = membership(load_catalog().services)
    except ProbeError:
        return {}
    return {
        service: part
        for service, part in known.items()
        if request.wholes or part.whole in request.services
    }


def _known(request: Request, subjects: set[str], where: str) -> None:
    missing = [name for name in request.services if name not in subjects]
    if missing and subjects:
        from difflib import get_close_matches

        near = get_close_matches(missing[0], sorted(subjects), n=1)
        mend = (
            f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(subjects)[:8])}"
        )
        raise InputError(
            f"no series of {missing[0][:60]!r} in {where}", field="--service", mend=mend
        )


def _of_vantage(request: Request, found: Iterable[Series], where: str) -> None:
    """Refuse a vantage of which nothing is there, as an empty answer would look like "fine"."""
    known = sorted({one.key.vantage for one in found})
    if request.vantage is not None and known and request.vantage not in known:
        raise InputError(
            f"nothing of vantage {request.vantage[:60]!r} in {where}",
            field="--vantage",
            mend=f"there are {', '.join(known[:8])}",
        )


def _service(subject: str) -> str:
    return subject.split("/", 1)[0]


def _wanted(series: Series, request: Request) -> bool:
    """Return whether a series was asked for; the line's own are shown beside any service."""
    key = series.key
    if request.vantage is not None and key.vantage != request.vantage:
        return False
    chosen = request.services
    from probe.analysis.line_series import LINE

    return not chosen or key.subject in (LINE, *chosen) or _service(key.subject) in chosen


def _zoned(series: Series, tz: str | None) -> Series:
    return series if tz is None else msgspec.structs.replace(series, tz=tz)


def _clipped(series: Series, since: datetime | None, until: datetime | None) -> Series:
    if since is None and until is None:
        return series
    kept = tuple(
        s
        for s in series.samples
        if (since is None or s.time >= since) and (until is None or s.time < until)
    )
    return msgspec.structs.replace(series, samples=kept)


def _catalog() -> tuple[dict[str, str], dict[str, str]]:
    """Return name and category of the catalog's services; none if the catalog cannot be read."""
    from probe.targets.load import load_catalog

    try:
        catalog = load_catalog()
    except ProbeError:
        return {}, {}
    services = catalog.services
    names = {whole.id: whole.name for whole in catalog.wholes}
    shelves = {s.part_of.whole: str(s.category) for s in services if s.part_of is not None}
    names |= {s.id: s.name for s in services}
    return names, shelves | {s.id: str(s.category) for s in services}
