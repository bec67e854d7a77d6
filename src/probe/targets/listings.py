"""From apps and stores to what is measured: one service an app, one endpoint a store.

A listing is the store's answer to "do you have this app?". The table is two lists, stores with
their addresses and marks, apps with what each store calls them, so that a new app is a line.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from probe.model.target import (
    Absence,
    Category,
    Endpoint,
    Expect,
    Kind,
    Plan,
    Risk,
    Role,
    Service,
)
from probe.targets.defaults import floor, rank
from probe.targets.format import MAX_READ, Country, Host, Id, Path, Text
from probe.targets.rules import Problem

__all__ = ["AppEntry", "ListingsHead", "StoreEntry", "app_problems", "service_of", "store_problems"]

ALPN = ("h2", "http/1.1")
PREFIX = "listing-"
"""Begins the id of each service made here, so that it borrows none of the catalog's."""


AppId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)]


class ListingsHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listings file without its stores and apps."""

    checked_on: date


class StoreEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store: where it is asked for an app, and how its two answers are known.

    ``path`` and ``listed`` hold ``{app}``, or ``listed`` the package's name ``{package}``;
    ``redirects`` is of a store that sends whoever asks on to the file, and ``listed`` is then
    part of that address. ``path`` holds ``{country}`` where each country has a
    storefront, and ``storefront`` is then the one to compare with. A store with ``country`` is
    asked only there: it is a domestic one, and who runs it sees the question.
    """

    id: Id
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    host: Host
    path: Path
    listed: Text
    absent: Absence
    redirects: bool = False
    storefront: Country | None = None
    country: Country | None = None
    read_bytes: Annotated[int, Meta(ge=1024, le=MAX_READ)] | None = None
    source: Text
    off: Text | None = None
    note: Text | None = None


class ListingEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one store calls an app, and who says so."""

    store: Id
    app: AppId
    source: Text
    package: AppId | None = None  # what Android calls the app, where the store has its own name


class AppEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app; ``category`` is that of the service it is for, and says how risky the question is."""

    id: Id
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    category: Category
    listings: Annotated[tuple[ListingEntry, ...], Meta(min_length=1)]
    note: Text | None = None


def store_problems(store: StoreEntry, earlier: Mapping[str, StoreEntry]) -> Iterator[Problem]:
    """Yield what is wrong with a store."""
    if store.id in earlier:
        yield Problem("id", f"the store {store.id} is given twice", "join the two")
    if "{app}" not in store.path:
        yield Problem("path", "where does the app's id go?", "write {app}")
    if not store.absent.status and store.absent.body_contains is None:
        yield Problem("absent", "how does it say that it has no such app?", "give a sign of it")


def app_problems(
    app: AppEntry, earlier: Mapping[str, AppEntry], stores: Mapping[str, StoreEntry]
) -> Iterator[Problem]:
    """Yield what is wrong with an app."""
    if app.id in earlier:
        yield Problem("id", f"the app {app.id} is given twice", "join the two")
    for entry in app.listings:
        if entry.store not in stores:
            known = ", ".join(stores)
            yield Problem("listings", f"no store {entry.store}", f"one of: {known}")
    if len({entry.store for entry in app.listings}) < len(app.listings):
        yield Problem("listings", "a store is given twice", "one line a store")


def service_of(app: AppEntry, stores: Mapping[str, StoreEntry], checked_on: date) -> Service:
    """Return the app as a service: its listing in each store is an endpoint."""
    return Service(
        id=f"{PREFIX}{app.id}",
        name=f"{app.name} (the app)",
        category=Category.LISTING,
        note=app.note,
        endpoints=tuple(_endpoints(app, stores, checked_on)),
    )


def _endpoints(
    app: AppEntry, stores: Mapping[str, StoreEntry], checked_on: date
) -> Iterator[Endpoint]:
    for entry in app.listings:
        store = stores[entry.store]
        mark = store.listed.replace("{app}", entry.app)
        mark = mark.replace("{package}", entry.package or entry.app)
        yield Endpoint(
            service=f"{PREFIX}{app.id}",
            kind=Kind.HTTP,
            host=store.host,
            port=443,
            tls=True,
            sni=store.host,
            alpn=ALPN,
            path=store.path.replace("{app}", entry.app),
            expect=Expect(
                status=(302,) if store.redirects else (200,),
                body_contains=None if store.redirects else mark,
                location_contains=mark if store.redirects else None,
                absent=store.absent,
                storefront=store.storefront,
            ),
            read_bytes=store.read_bytes,
            role=Role.LISTING,
            risk=_risk(app, store),
            plan=Plan.ALL,
            country=store.country,
            store=store.name,
            source=_sources((entry.source, store.source)),
            checked_on=checked_on,
            off=store.off,
            note=store.note,
        )


def _risk(app: AppEntry, store: StoreEntry) -> Risk:
    """Return the risk of asking: on the line only the store is seen, and the store sees the app.

    A store abroad is seen by many who want any of its apps; one at home answers to the state.
    """
    if store.country is None:
        return Risk.MEDIUM
    return max(Risk.MEDIUM, floor(app.category), key=rank)


def _sources(sources: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(sources))
