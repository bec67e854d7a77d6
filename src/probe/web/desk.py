"""What the pages show, out of a store that somebody else writes: cached until it changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from msgspec.structs import replace

from probe.analysis.wholes import membership, with_parts
from probe.errors import StoreError
from probe.model.record import RoundRow
from probe.model.target import Catalog
from probe.report.compare import Comparison, compare
from probe.report.data import ReportData
from probe.report.stored import report_of
from probe.store.database import Store, StoreState
from probe.web.asked import Asked, Window, window_of

__all__ = ["Desk"]

_KEPT = 48
T = TypeVar("T")


class _Kept(Generic[T]):
    """Values made of a store, each kept as long as the store stays as it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: OrderedDict[object, tuple[str, T]] = OrderedDict()

    def get(self, key: object, version: str) -> tuple[T | None, bool]:
        """Return the value and whether it is of this version."""
        with self._lock:
            held = self._values.get(key)
            return (None, False) if held is None else (held[1], held[0] == version)

    def put(self, key: object, version: str, value: T) -> None:
        with self._lock:
            self._values[key] = (version, value)
            self._values.move_to_end(key)
            while len(self._values) > _KEPT:
                self._values.popitem(last=False)


class Desk:
    """One store, opened read-only when it is first asked for, and what was made of it.

    The overview and the comparison of the default period are made again in the background
    (``refresh``) when the store has changed; until then the one before is shown, with its time.
    """

    def __init__(self, place: Path | str, catalog: Catalog, now: Callable[[], datetime]) -> None:
        """Take the store's place; nothing is opened yet."""
        self.place = place
        self.catalog = catalog
        self.now = now
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._reports: _Kept[ReportData] = _Kept()
        self._comparisons: _Kept[Comparison] = _Kept()
        self._known: tuple[datetime | None, datetime | None] = (None, None)
        self._ends_of = ""
        self.names = {one.id: one.name for one in catalog.wholes}
        self.names |= {one.id: one.name for one in catalog.services}
        self._parts = membership(catalog.services)

    def store(self) -> Store:
        """Return the open store.

        Raises:
            StoreError: there is none, it is damaged, or of another version of probe.

        """
        with self._lock:
            if self._store is None:
                self._store = Store.open(self.place, create=False, readonly=True)
            return self._store

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            if self._store is not None:
                with suppress(StoreError):
                    self._store.close()
                self._store = None

    def services_of(self, service: str) -> frozenset[str] | None:
        """Return a service, or those that a whole is made of; ``None`` where none is named."""
        return with_parts({service}, self._parts) if service else None

    def state(self) -> StoreState:
        """Return the numbers that say whether anything changed."""
        return self.store().state()

    def window(self, asked: Asked) -> Window:
        """Return the period that is asked for."""
        own = self.store().vantage()
        tz = own.tz if own is not None else "UTC"
        first, last = self._ends()
        return window_of(asked, tz=tz, now=self.now(), first=first, last=last)

    def _ends(self) -> tuple[datetime | None, datetime | None]:
        """Return when the oldest round began and the newest by number ended, if there are any."""
        state = self.state()
        if state.version != self._ends_of:
            store = self.store()
            oldest = next(store.rounds(), None)
            newest = store.round(state.last_round) if state.last_round else None
            self._known = (
                oldest.started if oldest is not None else None,
                (newest.ended or newest.started) if newest is not None else None,
            )
            self._ends_of = state.version
        return self._known

    def vantage(self, asked: Asked) -> str:
        """Return whose pages are shown: the vantage asked for, else the store's own, if any."""
        own = self.store().vantage()
        return asked.vantage or (own.id if own is not None else "")

    def rounds(self, asked: Asked) -> list[RoundRow]:
        """Return the rounds of the period: of the vantage asked for, else of the store's own."""
        window, vantage = self.window(asked), self.vantage(asked)
        return [
            row
            for row in self.store().rounds(since=window.since, until=window.until)
            if vantage in ("", row.vantage)
        ]

    def report(self, asked: Asked, *, patient: bool = False) -> ReportData:
        """Return the data of a page; an old one while a new one is being made, if not patient.

        Raises:
            InputError: when the address asks for what is not there.
            StoreError: when the store cannot be read.

        """
        window = self.window(asked)
        own = self.store().vantage()
        if own is not None and asked.vantage == own.id:
            asked = replace(asked, vantage="")  # the same pages, made once
        relative = not asked.since and not asked.until
        key = (
            asked.service,
            asked.network,
            asked.vantage,
            asked.tz,
            None if relative else window,
        )
        version = self.state().version
        held, fresh = self._reports.get(key, version)
        if held is not None and (fresh or (relative and not patient and _is_overview(asked))):
            return held
        if asked.network and not asked.service:
            whole = self.report(replace(asked, network=""))
            if whole.place.networks == (asked.network,):
                return whole  # there is no other
        made = report_of(
            self.store(),
            self.catalog,
            now=self.now(),
            since=window.since,
            until=window.until,
            vantage=asked.vantage or None,
            private=True,
            services=None if not asked.service else {asked.service},
            network=asked.network or None,
            tz_shown=asked.tz or None,
        )
        self._reports.put(key, version, made)
        return made

    def comparison(self, asked: Asked, *, patient: bool = False) -> Comparison:
        """Return what all vantages say of the same period; as with reports, perhaps an old one."""
        window = self.window(asked)
        version = self.state().version
        relative = not (asked.since or asked.until or asked.tz)
        key = None if relative else (asked.tz, window)
        held, fresh = self._comparisons.get(key, version)
        if held is not None and (fresh or (relative and not patient)):
            return held
        made = compare(self.store(), self.catalog, window.since, window.until, tz=asked.tz or None)
        self._comparisons.put(key, version, made)
        return made

    def refresh(self) -> bool:
        """Make the overview again if the store has changed; return whether it had."""
        version = self.state().version
        key = ("", "", "", "", None)
        if self._reports.get(key, version)[1]:
            return False
        self.report(Asked(), patient=True)
        self.comparison(Asked(), patient=True)
        return True


def _is_overview(asked: Asked) -> bool:
    return not (asked.service or asked.network or asked.vantage or asked.tz)
