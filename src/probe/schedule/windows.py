"""Windows and throttling that a watch comes to see, without reading the year again each day.

What is derived is held in memory alone: nothing of it is on the disk, so that nothing there has to
be wiped, and a restart makes it from the store. Once a day the rounds since the last time are
added. It is made anew where what was read does not stand any more: verdicts were judged again,
the zone was corrected, a subject's series have others' names now, rounds were forgotten.
Timed transfers are few: their pairs are read anew each day.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from msgspec import structs

from probe.analysis.pairs import chosen_pairs
from probe.analysis.series import Subject, series_of
from probe.analysis.survey import Known
from probe.analysis.throttle_events import throttle_events
from probe.analysis.tracker import Tracker
from probe.analysis.wallclock import DAY_MIN
from probe.model.event import Event, EventKind
from probe.model.record import RoundRow
from probe.model.timeline import Series, SeriesKey
from probe.model.verdict import Locus
from probe.store.database import Store

__all__ = ["EVERY", "LOOK_BACK", "Windows"]

EVERY = timedelta(days=1)
LOOK_BACK = timedelta(days=366)
"""As far as windows are looked for: it bounds what is read at the start, and what is held."""

_FORGOTTEN = timedelta(days=7)
_OVERLAP = timedelta(days=1)
_SAME_MIN = 45
_KINDS = (
    EventKind.DAILY_WINDOW,
    EventKind.WEEKLY_WINDOW,
    EventKind.DEGRADED_WINDOW,
    EventKind.THROTTLE,
)


class Windows:
    """The windows and the throttling of one vantage of a store; each is told once, when seen."""

    def __init__(
        self,
        store: Store,
        vantage: str,
        *,
        seed: int,
        known: Known | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Tell what is new of ``vantage``; ``say`` hears why all was read again.

        ``seed`` is that of the rotations, ``known`` what people call the subjects.
        """
        self._store = store
        self._vantage = vantage
        self._seed = seed
        self._known = known or Known()
        self._say = say
        self._told: list[Event] = []
        self._looked: datetime | None = None
        self._held: _Held | None = None

    def news(self, now: datetime) -> tuple[Event, ...]:
        """Return windows and throttling seen for the first time; looked for once a day.

        What is there at the first call is no news: ``probe patterns`` has it.

        Raises:
            InputError: the store names a zone that does not exist.
            StoreError: the store cannot be read.

        """
        if self._looked is not None and timedelta() <= now - self._looked < EVERY:
            return ()
        found = [one for one in self._events(now) if one.kind in _KINDS]
        fresh = [one for one in found if not any(_same(one, told) for told in self._told)]
        self._told.extend(fresh)
        first, self._looked = self._looked is None, now
        return () if first else tuple(fresh)

    def held(self) -> tuple[Event, ...]:
        """Return all events of what was read up to the last time."""
        return () if self._held is None else (*self._held.tracker.events(), *self._held.slowed)

    def _events(self, now: datetime) -> tuple[Event, ...]:
        why = None if self._held is None else self._held.add(self._store, now)
        if why is not None:
            self._say(f"windows are looked for in all rounds again: {why}")
        if self._held is None or why is not None:
            tracker = Tracker(seed=self._seed, known=self._known)
            self._held = _Held(tracker, self._vantage, self._store, now)
        self._held.slowed = self._slowed(now)
        return self.held()

    def _slowed(self, now: datetime) -> tuple[Event, ...]:
        """Return what the timed transfers say."""
        pairs = chosen_pairs(self._store.goodput(now - LOOK_BACK), vantages={self._vantage})
        return throttle_events(pairs, rng=Random(self._seed), names=self._known.names)  # noqa: S311


class _Held:
    """What was read of a store up to now, and what it rested on."""

    def __init__(self, tracker: Tracker, vantage: str, store: Store, now: datetime) -> None:
        self.tracker = tracker
        self.slowed: tuple[Event, ...] = ()
        self._vantage = vantage
        self._seen: dict[Subject, frozenset[Locus]] = {}
        self._last: dict[SeriesKey, tuple[datetime, str]] = {}
        self._located: RoundRow | None = None
        self._newest: RoundRow | None = None
        self._revised = store.last_revision()
        self._oldest = _oldest(store, now)
        self._take(self._series(store, self._oldest))

    def add(self, store: Store, now: datetime) -> str | None:
        """Take what came since; or return why it has to be made anew."""
        if store.last_revision() != self._revised:
            return "verdicts were judged again"
        if self._newest is None or self._oldest is None:
            return "there was none before"
        oldest = _oldest(store, now)
        if oldest is None or oldest - self._oldest > _FORGOTTEN:
            return "old rounds were forgotten"
        newest, since = self._newest, self._newest.started - _OVERLAP
        if all(row.id != newest.id for row in store.rounds(since=newest.started)):
            return "rounds were forgotten"
        before = _names(self._last)
        found = self._series(store, since)
        if any(one.tz != self._last[one.key][1] for one in found if one.key in self._last):
            return "the time zone was corrected"
        for about, loci in _names(one.key for one in found).items():
            if about in before and loci != before[about]:
                return "a failure has another cause than those before"
        self._take(found)
        return None

    def _series(self, store: Store, since: datetime | None) -> tuple[Series, ...]:
        """Return the series of whole rounds; one that knows the network stands before them."""
        rounds = [row for row in store.rounds(since=since) if row.vantage == self._vantage]
        within = {row.id for row in rounds}
        for row in sorted(rounds, key=lambda row: row.started):
            self._newest = row
        rows = (row for row in store.judged(since=since) if row.round in within)
        known = [] if self._located is None or self._located.id in within else [self._located]
        found = series_of(rows, [*known, *rounds], seen=self._seen)
        located = [row for row in rounds if row.network.asn != 0]
        self._located = max(located, key=lambda row: row.started, default=self._located)
        return found

    def _take(self, found: Sequence[Series]) -> None:
        self.tracker.extend(self._fresh(found))

    def _fresh(self, found: Sequence[Series]) -> Iterator[Series]:
        for one in found:
            last = self._last.get(one.key)
            samples = tuple(s for s in one.samples if last is None or s.time > last[0])
            if samples:
                self._last[one.key] = samples[-1].time, one.tz
                yield structs.replace(one, samples=samples)


def _names(keys: Iterable[SeriesKey]) -> dict[Subject, set[str]]:
    """Return, for each subject, the loci that its series are of."""
    names: dict[Subject, set[str]] = {}
    for key in keys:
        names.setdefault((key.vantage, key.network, key.subject), set()).add(key.locus)
    return names


def _oldest(store: Store, now: datetime) -> datetime | None:
    """Return when the oldest round that is looked at began."""
    first = next(iter(store.rounds(since=now - LOOK_BACK)), None)
    return None if first is None else first.started


def _same(one: Event, told: Event) -> bool:
    """Return whether two events are the same, as far as people care."""
    mine, its = one.window, told.window
    if _about(one) != _about(told):
        return False
    if mine is None or its is None:
        return mine is its and _meet(one, told)
    return (
        mine.weekdays == its.weekdays
        and _near(mine.start_minute, its.start_minute)
        and _near(mine.end_minute, its.end_minute)
        and mine.first_day <= its.last_day
        and its.first_day <= mine.last_day
    )


def _about(event: Event) -> tuple[object, ...]:
    """Return what an event is about: another way of comparing makes another throttling."""
    said = event.throttle
    how = () if said is None else (said.scope, said.pairing, said.direction, said.transport)
    return event.series, event.network, event.signal, event.locus, event.kind, *how


def _meet(one: Event, other: Event) -> bool:
    """Return whether two stretches overlap; one without an end still lasts."""
    first, last = sorted((one, other), key=lambda event: event.start.at)
    return first.end is None or last.start.at <= first.end.at


def _near(one: int, other: int) -> bool:
    """Return whether two minutes of the day are about the same."""
    apart = abs(one - other) % DAY_MIN
    return min(apart, DAY_MIN - apart) <= _SAME_MIN
