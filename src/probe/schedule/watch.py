"""Rounds again and again: at jittered times, within the budgets, until stopped.

Each interval holds one round at a random instant (a fixed minute would line up with other
clocks and miss what happens between its ticks). Each round measures the core and a slice of the
daily plan. A change of state is looked at again after 2, 5 and 9 minutes; while it lasts, for half
an hour, so that an alarm need not wait for the next regular rounds.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from probe.clock import sleep_or_stop
from probe.errors import BusyError, ConsentError, ForbiddenNetwork, InputError, ProbeError
from probe.model.measurement import Outcome, Variant
from probe.model.record import RETESTS
from probe.model.target import Endpoint, Plan
from probe.model.verdict import State
from probe.schedule.budget import day_start
from probe.schedule.chain import FollowUps
from probe.schedule.choose import Wanted, selection_of
from probe.schedule.dryrun import usual_pace
from probe.schedule.goodput import is_object, named_among
from probe.schedule.pace import Pace, pace_of
from probe.schedule.runner import RoundResult
from probe.schedule.session import Session, measured_since

__all__ = ["BURSTS", "BURST_MIN", "Watch"]

BURST_MIN = (2.0, 5.0, 9.0)
"""Minutes after a change of state at which it is looked at again, each give or take a fifth."""

BURSTS = 3
"""Bursts after one change, as long as what changed stays so; each counts as two looks at most."""

_JITTER = 0.2
_NAP_S = 30.0
"""The longest sleep at once: a suspended machine is noticed within this after it wakes."""

_JUMP_S = 120.0
_FIRST_WITHIN_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Again:
    """A look to come at what changed; ``worked`` says of each endpoint what it changed to.

    The last look of a burst has ``further`` bursts behind it.
    """

    at_s: float
    worked: Mapping[str, bool]
    further: int = 0


@dataclass(kw_only=True)
class Watch:
    """A watch over one line; ``holding`` locks the store for one round and makes it ready.

    With ``wanted.everything`` each round measures all of it, and there is no daily plan. ``also``
    are endpoints that belong to each regular round beside the core.
    """

    session: Session
    wanted: Wanted
    every_s: float
    say: Callable[[str], None]
    stop: asyncio.Event
    holding: Callable[[], AbstractContextManager[None]]
    also: Sequence[Endpoint] = ()
    permitted: Callable[[], None] = lambda: None  # raises ConsentError once consent is withdrawn
    after: Callable[[RoundResult], None] = lambda _: None
    rounds: int = 0
    failures: int = 0
    bursts: list[Again] = field(default_factory=list)
    _measured: set[str] = field(default_factory=set)
    _day: datetime | None = None
    _core_bytes: float | None = None
    _planned: Pace | None = None

    async def run(self, limit: int | None = None) -> None:
        """Measure until stopped, or until ``limit`` regular rounds have been tried.

        One failing round never ends the watch; consent withdrawn, a forbidden network and a
        wrong catalog do.

        Raises:
            ConsentError, ForbiddenNetwork, InputError: nothing further may or can be measured.

        """
        clock = self.session.clock
        opens_s = clock.monotonic_s()
        first = True
        while not self.stop.is_set() and (limit is None or self.rounds < limit):
            every_s = self._interval_s()
            within_s = min(every_s, _FIRST_WITHIN_S) if first else every_s
            due_s = opens_s + self.session.rng.uniform(0.0, within_s)
            first = False
            if not await self._bursts_until(due_s):
                return
            await self._attempt(self._regular)
            self.rounds += 1
            opens_s = max(opens_s + every_s, clock.monotonic_s())

    # --- waiting

    async def _bursts_until(self, due_s: float) -> bool:
        """Run the bursts that come before ``due_s``, and wait for it; ``False`` when stopped."""
        while self.bursts and self.bursts[0].at_s < due_s:
            again = self.bursts.pop(0)
            if not await self._wait(again.at_s):
                return False
            await self._attempt(partial(self._burst, again))
        return await self._wait(due_s)

    async def _wait(self, due_s: float) -> bool:
        """Sleep until the monotonic clock shows ``due_s``; ``False`` when asked to stop.

        Linux's monotonic clock stands still while the machine is suspended; the wall clock then
        jumps, and the line is looked at as soon as the machine is back.
        """
        clock = self.session.clock
        while not self.stop.is_set():
            left_s = due_s - clock.monotonic_s()
            if left_s <= 0:
                return True
            before, before_s = clock.now(), clock.monotonic_s()
            await sleep_or_stop(clock, min(left_s, _NAP_S), self.stop)
            jump_s = (clock.now() - before).total_seconds() - (clock.monotonic_s() - before_s)
            if abs(jump_s) > _JUMP_S:
                word = "slept, or its clock was set" if jump_s > 0 else "had its clock set back"
                self.say(f"the machine {word}: {abs(jump_s) / 60:.0f} min")
                if jump_s > 0:
                    return True
        return False

    # --- rounds

    async def _attempt(self, round_: Callable[[], Awaitable[None]]) -> None:
        """Run one round; what goes wrong with it is said, and is not the end."""
        self.permitted()
        try:
            with self.holding():
                await round_()
        except (ConsentError, ForbiddenNetwork, InputError):
            raise
        except BusyError as error:
            self.say(f"this round was left out: {error}")
        except ProbeError as error:
            self.failures += 1
            self.say(f"this round failed: {error}")
        except Exception as error:  # noqa: BLE001 - the boundary of one round of many
            self.failures += 1
            self.say(f"this round failed, a bug of ours: {type(error).__name__}")

    async def _regular(self) -> None:
        session = self.session
        slice_ = self._slice()
        name = f"{Plan.CORE}+{Plan.DEFAULT}" if slice_ else str(Plan.CORE)
        core = replace(self.wanted, plan=Plan.CORE)
        timed = self._timed_now()
        extra = (*slice_, *self._objects()) if timed else slice_
        also = (*self.also, *extra)
        result = await session.round(
            core, also=also, name=name, follow_ups=FollowUps.ALWAYS, goodput=timed
        )
        self._note(result, len(extra))
        if result.changed and not result.interrupted:
            changed = frozenset(result.changed)
            worked = {endpoint: ok for endpoint, ok in _working(result) if endpoint in changed}
            self._look_again(worked, BURSTS - 1)
        self.after(result)

    async def _burst(self, again: Again) -> None:
        wanted = Wanted(names=tuple(sorted(again.worked)), country=self.wanted.country)
        result = await self.session.round(wanted, name=RETESTS, follow_ups=FollowUps.ON_CHANGE)
        if again.further and not result.interrupted:
            same = {one: ok for one, ok in _working(result) if again.worked.get(one) is ok}
            self._look_again(same, again.further - 1)
        self.after(result)

    def _look_again(self, worked: Mapping[str, bool], further: int) -> None:
        """Plan a burst; what changed once more is no longer looked at for its change before."""
        if not worked:
            return
        now_s, rng = self.session.clock.monotonic_s(), self.session.rng
        kept = [replace(one, worked=_without(one.worked, worked)) for one in self.bursts]
        last = max(BURST_MIN)
        planned = [
            Again(
                at_s=now_s + 60.0 * minutes * rng.uniform(1 - _JITTER, 1 + _JITTER),
                worked=worked,
                further=further if minutes == last else 0,
            )
            for minutes in BURST_MIN
        ]
        waiting = [*(one for one in kept if one.worked), *planned]
        self.bursts = sorted(waiting, key=lambda one: one.at_s)

    def _note(self, result: RoundResult, extra: int) -> None:
        """Remember what a core round costs really, and what of the daily plan is done."""
        self._measured |= {r.endpoint for r in result.records if r.main.outcome is Outcome.MEASURED}
        if not extra and result.context.invalid is None:
            before = self._core_bytes if self._core_bytes is not None else result.bytes
            self._core_bytes = 0.7 * before + 0.3 * result.bytes

    # --- transfers

    def _timed_now(self) -> bool:
        """Return whether transfers are timed in this round: once in each slot of the day.

        The day is cut into as many slots as there may be rounds with transfers, and the instant
        within a slot is drawn anew each time, so that every hour of the day is seen in the end.
        """
        session, now = self.session, self.session.clock.now()
        if session.store is None or not self._times_transfers():
            return False
        many = session.settings.goodput_rounds
        today = day_start(now)
        slot_s = 86_400.0 / many
        slot = math.floor((now - today).total_seconds() / slot_s)
        begins = today + timedelta(seconds=slot * slot_s)
        kinds = (Variant.GOODPUT, Variant.GOODPUT_OWN)
        if session.store.times_looked(kinds, begins):
            return False
        left_s = (begins + timedelta(seconds=slot_s) - now).total_seconds()
        return session.rng.random() < self._interval_s() / max(left_s, 1.0)

    def _times_transfers(self) -> bool:
        """Return whether this watch times transfers at all; without a store nobody counts them."""
        settings = self.session.settings
        wanted = settings.goodput_rounds > 0 and not settings.metered
        return wanted and self.session.store is not None

    def _objects(self) -> tuple[Endpoint, ...]:
        """Return what transfers are timed of in the daily plan: files, and names of the server."""
        session = self.session
        daily = Wanted(include=self.wanted.include, country=self.wanted.country)
        found = selection_of(session.catalog, daily).endpoints
        names = session.settings.goodput_names if session.server is not None else ()
        named = named_among(found, names) if names else []
        return (*filter(is_object, found), *named)

    # --- the daily plan, and the pace

    def _slice(self) -> tuple[Endpoint, ...]:
        """Return this round's share of the daily plan: what is left, over what is left of today.

        What was measured before a restart counts: the store remembers it.
        """
        if self.wanted.everything:
            return ()
        session, now = self.session, self.session.clock.now()
        today = day_start(now)
        if self._day != today:
            self._day = today
            self._measured = set()
            if session.store is not None:
                self._measured |= measured_since(session.store, today)
        daily = Wanted(include=self.wanted.include, country=self.wanted.country)
        timed = self._times_transfers()  # rounds with transfers then look at files
        left = [
            endpoint
            for endpoint in selection_of(session.catalog, daily).endpoints
            if endpoint.plan is not Plan.CORE
            and not endpoint.anchor
            and endpoint.id not in self._measured
            and not (timed and is_object(endpoint))
        ]
        session.rng.shuffle(left)
        seconds_left = (today + timedelta(days=1) - now).total_seconds()
        ticks = max(1.0, seconds_left / self._interval_s())
        return tuple(left[: math.ceil(len(left) / ticks)])

    def _interval_s(self) -> float:
        """Return the interval that the budgets allow, by what rounds have really cost."""
        settings = self.session.settings
        if self._planned is None:
            session = self.session
            self._planned = usual_pace(
                session.catalog, self.wanted, settings, self.every_s, server=session.server
            )
        planned = self._planned
        if self._core_bytes is None:
            return planned.fits_every_s
        return pace_of(
            core_bytes=round(self._core_bytes),
            daily_bytes=planned.daily_bytes,
            every_s=self.every_s,
            day_bytes=settings.day_bytes,
            month_bytes=settings.month_bytes,
        ).fits_every_s


def _working(result: RoundResult) -> Iterator[tuple[str, bool]]:
    """Yield of each endpoint that was measured whether it works."""
    for record in result.records:
        if record.main.outcome is Outcome.MEASURED:
            yield record.endpoint, record.verdict.state is State.OK


def _without(worked: Mapping[str, bool], gone: Mapping[str, bool]) -> dict[str, bool]:
    return {endpoint: ok for endpoint, ok in worked.items() if endpoint not in gone}
