"""The data of a report out of a store: one vantage, one period.

Reads only; sends nothing. The verdict shown for a service is made again from the last proving
look at each of its endpoints within the period, so that a report of last month says what was
known then and not what is known today.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from random import Random

import msgspec

from probe import __version__
from probe.analysis.columns import Columns, SeriesLike
from probe.analysis.look_series import series_of_looks
from probe.analysis.look_table import LookTable
from probe.analysis.pairs import chosen_pairs
from probe.analysis.timeline import intervals as intervals_of
from probe.errors import InputError
from probe.model.event import Event
from probe.model.goodput import Pair, PairKey
from probe.model.record import Note, RoundRow
from probe.model.target import Catalog
from probe.model.timeline import Interval, SeriesKey
from probe.report.build import build
from probe.report.data import Method, Period, ReportData
from probe.report.last_word import LastLooks, known_of, last_of, proving, services_of
from probe.report.tongue import N_
from probe.store.database import Store

__all__ = ["DEFAULT_TITLE", "report_of"]

DEFAULT_TITLE = N_("What could be reached from one line")

_MADE_UP = frozenset({"lab", "simulation"})
"""Vantages of the lab and of the demo; those of people have random ids."""


def report_of(
    store: Store,
    catalog: Catalog,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    vantage: str | None = None,
    title: str = "",
    simulated: bool = False,
    private: bool = False,
    series: Sequence[SeriesLike] | None = None,
    services: Collection[str] | None = None,
    network: str | None = None,
    tz_shown: str | None = None,
) -> ReportData:
    """Return the report of one vantage; the store's own unless ``vantage`` names another.

    ``catalog`` gives names and roles. ``series``, if given, are those of the same store and
    period, made already; else they are made here. ``services`` (or wholes, with all their
    parts) and ``network`` choose some of what is stored; ``tz_shown`` is the zone of the page,
    else the vantage's own. What a lab's vantage measured is called a simulation, whatever
    ``simulated`` says.

    Raises:
        InputError: when several vantages are stored and none of them is chosen or the store's own.
        StoreError: when the database cannot be read.

    """
    rounds = list(store.rounds(since=since, until=until))
    chosen = _vantage(store, rounds, vantage)
    rounds = [row for row in rounds if row.vantage == chosen]
    period = _period(rounds, since, until, now)
    wanted = _with_parts(catalog, services)
    looks = store.look_table(since=since, until=until, services=wanted).of_vantage(chosen)
    if network is not None:  # what another network showed is not said of this one
        rounds = [row for row in rounds if row.network.key == network]
        looks = looks.of_network(network)
    judged = proving(store, looks, since, until, (chosen, network))
    last: LastLooks = last_of(judged)
    known = known_of(catalog, last)
    if wanted is not None:
        judged = [row for row in judged if row.service in wanted]
        last = {service: rows for service, rows in last.items() if service in wanted}
        catalog = _only(catalog, wanted)
    country, tz = _place(store, rounds, looks)
    tz = tz_shown or tz
    found = series_of_looks(looks, rounds) if series is None else tuple(series)
    wholes = _series_of_wholes(looks, rounds, catalog)
    if network is not None:
        found = tuple(one for one in found if one.key.network == network)
        wholes = tuple(one for one in wholes if one.key.network == network)
    pairs = chosen_pairs(
        store.goodput(since, until),
        services=wanted,
        vantages={chosen},
        networks=None if network is None else {network},
    )
    names = {one.id: one.name for one in catalog.services}
    events, intervals = _events(found, pairs, names)
    return build(
        title=title or DEFAULT_TITLE,
        generated=now,
        period=period,
        country=country,
        tz=tz,
        method=_method(store, catalog, looks.rules() | {row.rule_id for row in judged}, rounds),
        services=services_of(store, catalog, last, known),
        series=(*found, *wholes),
        intervals=intervals | {one.key: intervals_of(one) for one in wholes},
        events=events,
        rounds=rounds,
        notes=_notes(store, rounds, since, until),
        simulated=simulated or chosen in _MADE_UP,
        private=private,
        pairs=pairs,
        every_pair=wanted is not None,
        overlays=store.overlays(since=since, until=until, countries={country, "ZZ"}),
    )


def _with_parts(catalog: Catalog, services: Collection[str] | None) -> frozenset[str] | None:
    """Return what is asked for: of a whole, its parts as well."""
    from probe.analysis.wholes import membership, with_parts

    return None if services is None else with_parts(services, membership(catalog.services))


def _only(catalog: Catalog, services: Collection[str]) -> Catalog:
    """Return the part of a catalog that is asked for; a part alone says nothing of its whole."""
    return msgspec.structs.replace(
        catalog,
        services=tuple(one for one in catalog.services if one.id in services),
        wholes=tuple(one for one in catalog.wholes if one.id in services),
    )


def _vantage(store: Store, rounds: Sequence[RoundRow], asked: str | None) -> str:
    there = sorted({row.vantage for row in rounds})
    if asked is not None:
        if asked not in there:
            raise InputError("no round of this vantage in this time", field="--vantage")
        return asked
    own = store.vantage()
    if own is not None and (own.id in there or not there):
        return own.id
    if len(there) > 1:
        raise InputError(
            f"{len(there)} vantages are stored, and a report is about one",
            field="--vantage",
            mend=f"choose one: {', '.join(there[:8])}",
        )
    return there[0] if there else ""


def _place(store: Store, rounds: Sequence[RoundRow], looks: LookTable) -> tuple[str, str]:
    """Return country and zone: of the newest round, else as declared."""
    contexts = [row.context for row in rounds if row.context is not None]
    if contexts:
        return contexts[-1].country, contexts[-1].tz
    own = store.vantage()
    if own is not None:
        return own.country, own.tz
    return "ZZ", looks.rounds[looks.round[-1]].tz if len(looks) else "UTC"


def _period(
    rounds: Sequence[RoundRow], since: datetime | None, until: datetime | None, now: datetime
) -> Period:
    """Return what was asked for; an open side ends with the rounds."""
    first = min((row.started for row in rounds), default=until or now)
    last = max((row.ended or row.started for row in rounds), default=first)
    start, end = since or first, until or last
    return Period(start=min(start, end - timedelta(hours=1)), end=end)


def _series_of_wholes(
    looks: LookTable, rounds: Sequence[RoundRow], catalog: Catalog
) -> tuple[Columns, ...]:
    """Return the series of wholes; no patterns are sought in them, their parts have their own."""
    from probe.analysis.look_wholes import table_of_wholes
    from probe.analysis.wholes import membership

    wholes = {whole.id for whole in catalog.wholes}
    table = table_of_wholes(looks, membership(catalog.services)).of_services(wholes)
    return series_of_looks(table, rounds, line=False)


def _events(
    series: Sequence[SeriesLike],
    pairs: Mapping[PairKey, Sequence[Pair]],
    names: Mapping[str, str],
) -> tuple[tuple[Event, ...], dict[SeriesKey, tuple[Interval, ...]]]:
    """Return the events of all series, and the intervals that each is cut into."""
    from probe.analysis.search import prepared
    from probe.analysis.survey import SEED, Known, surveyed
    from probe.analysis.timeline import DEFAULT

    rng = Random(SEED)  # noqa: S311 - rotations of a test, no secret
    seed = rng.getrandbits(64)
    searches = prepared(series, seed, DEFAULT)
    events = surveyed(searches, seed=seed, rng=rng, pairs=pairs, known=Known(names=names))
    cut = {one.study.series.key: one.study.intervals for one in searches}
    return events, cut | {one.key: intervals_of(one) for one in series if one.key not in cut}


def _notes(
    store: Store, rounds: Sequence[RoundRow], since: datetime | None, until: datetime | None
) -> tuple[Note, ...]:
    """Return the notes of the period; none beside another vantage's rounds."""
    own = store.vantage()
    if own is not None and rounds and rounds[0].vantage != own.id:
        return ()
    return tuple(store.notes(since, until))


def _method(
    store: Store, catalog: Catalog, spoke: AbstractSet[str], rounds: Sequence[RoundRow]
) -> Method:
    zones = [row.context.tzdata for row in rounds if row.context is not None]
    return Method(
        probe_version=__version__,
        catalog_digest=catalog.digest,
        rules=_rules(spoke),
        tzdata=zones[-1] if zones else "",
        chain=store.chain_head(),
    )


def _rules(spoke: AbstractSet[str]) -> tuple[tuple[str, int], ...]:
    from probe.analysis.rules import RULES

    return tuple(sorted((rule.id, rule.version) for rule in RULES if rule.id in spoke))
