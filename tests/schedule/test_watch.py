"""Watching: jittered, within the budgets, unshaken by a failing round or a sleeping machine."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from schedule_rounds import (
    SECRET,
    START,
    VANTAGE,
    FakeProbe,
    catalog,
    endpoint,
    environment,
    failing,
    targets,
)

from probe.clock import VirtualClock
from probe.errors import BusyError, ConsentError, ForbiddenNetwork, StoreError
from probe.model.record import RETESTS
from probe.model.target import Catalog, Plan, Risk
from probe.schedule.choose import Wanted
from probe.schedule.runner import RoundResult
from probe.schedule.session import Session
from probe.schedule.watch import BURST_MIN, BURSTS, Watch
from probe.settings import Settings
from probe.store.database import MEMORY, Store

RICH = {"day_bytes": 10**10, "month_bytes": 10**12, "run_bytes": 10**9}


class Watched:
    """A watch with everything it said and did written down."""

    def __init__(
        self,
        cat: Catalog,
        probe: FakeProbe,
        *,
        store: Store | None = None,
        holding: Callable[[], Any] = nullcontext,
        permitted: Callable[[], None] = lambda: None,
        every_s: float = 900.0,
        **settings: Any,
    ) -> None:
        self.said: list[str] = []
        self.results: list[RoundResult] = []
        self.stop = asyncio.Event()
        self.probe = probe
        if store is not None:
            store.save_vantage(VANTAGE)
        self.session = Session(
            settings=Settings(store=Path("unused.db"), country="IR", **{**RICH, **settings}),
            catalog=cat,
            env=environment(probe.clock),
            rng=random.Random(11),
            vantage=VANTAGE,
            secret=SECRET,
            store=store,
            measure=probe,
            stop=self.stop,
        )
        self.watch = Watch(
            session=self.session,
            wanted=Wanted(country="IR"),
            every_s=every_s,
            say=self.said.append,
            stop=self.stop,
            holding=holding,
            permitted=permitted,
            after=self.results.append,
        )

    @property
    def starts(self) -> list[datetime]:
        """Return when the rounds began."""
        return [result.context.started for result in self.results]


@pytest.mark.slow
async def test_each_interval_holds_one_round_at_a_random_instant() -> None:
    """Fixed minutes would miss what happens between them; nothing is left out either."""
    watched = Watched(catalog(*targets(2)), FakeProbe(VirtualClock(START)))
    await watched.watch.run(limit=24)
    offsets = [(at - START).total_seconds() for at in watched.starts]
    assert [int(s // 900) for s in offsets] == list(range(24))
    within = [s % 900 for s in offsets[1:]]
    assert min(within) < 200
    assert max(within) > 700


@pytest.mark.slow
async def test_the_daily_plan_is_spread_over_the_day_and_done_once() -> None:
    """Each endpoint beyond the core once a day, in shares, in another order each day."""
    cat = catalog(*targets(2), *targets_beyond(30))
    probe = FakeProbe(VirtualClock(START.replace(hour=0)))
    watched = Watched(cat, probe, every_s=7_200.0)
    await watched.watch.run(limit=24)
    beyond = [host for host in probe.hosts() if host.startswith("far")]
    assert sorted(beyond[:30]) == sorted({f"far{n}.example.com" for n in range(30)})
    assert sorted(beyond) == sorted([f"far{n}.example.com" for n in range(30)] * 2)
    assert beyond[:30] != beyond[30:]
    shares = [
        sum(r.endpoint.startswith("far") for r in result.records) for result in watched.results[:12]
    ]
    assert max(shares) <= 4


async def test_what_belongs_to_each_round_is_in_each() -> None:
    """A person's own bridges are no part of the daily plan: each regular round looks at them."""
    own = endpoint("private", "own.example.com", plan=Plan.DEFAULT, risk=Risk.HIGH, private="own-1")
    probe = FakeProbe(VirtualClock(START))
    watched = Watched(catalog(*targets(2), own), probe)
    watched.watch.also = (own,)
    await watched.watch.run(limit=3)
    assert probe.hosts().count("own.example.com") == 3


def targets_beyond(count: int) -> tuple[Any, ...]:
    """Return endpoints of the daily plan only."""
    return tuple(
        endpoint(f"far{n}", f"far{n}.example.com", plan=Plan.DEFAULT) for n in range(count)
    )


async def test_a_restart_goes_on_with_what_is_left_of_the_day() -> None:
    """The store remembers what was measured today."""
    cat = catalog(*targets(1), *targets_beyond(20))
    clock = VirtualClock(START.replace(hour=0))
    with Store.open(MEMORY) as store:
        probe = FakeProbe(clock)
        first = Watched(cat, probe, store=store, every_s=7_200.0)
        await first.watch.run(limit=6)
        second = Watched(cat, probe, store=store, every_s=7_200.0)
        await second.watch.run(limit=5)
    far = [host for host in probe.hosts() if host.startswith("far")]
    assert len(far) == len(set(far))
    assert len(far) >= 18


@pytest.mark.parametrize(("ends_with", "bursts"), [(6, 1), (9, 2), (99, BURSTS)])
async def test_a_change_of_state_is_looked_at_again_while_it_lasts(
    ends_with: int, bursts: int
) -> None:
    """After 2, 5 and 9 minutes; what works again by then is left, else more bursts follow.

    A burst measures what changed, is called so, and comes at its times.
    """
    clock = VirtualClock(START)
    probe = FakeProbe(clock)
    with Store.open(MEMORY) as store:
        watched = Watched(catalog(*targets(3)), probe, store=store, every_s=14_400.0)

        def cut_after_two(result: RoundResult) -> None:
            watched.results.append(result)
            if len(watched.results) == 2:
                probe.behaviours["app1.example.com"] = failing("tcp")
            if len(watched.results) == ends_with - 1:
                del probe.behaviours["app1.example.com"]

        watched.watch.after = cut_after_two
        await watched.watch.run(limit=3)
        await watched.watch._bursts_until(clock.monotonic_s() + 10_000.0)
        rounds = list(store.rounds())
    assert [row.plan for row in rounds] == ["core"] * 3 + [RETESTS] * 3 * bursts
    for first in range(3, len(rounds), 3):
        before = watched.results[first - 1]
        ended = before.context.started + timedelta(seconds=before.seconds)
        for row, minutes in zip(rounds[first : first + 3], BURST_MIN, strict=True):
            after = (row.started - ended).total_seconds() / 60
            assert 0.8 * minutes <= after <= 1.2 * minutes + 0.5
    looked = {r.endpoint.split("/")[0] for one in watched.results[3:] for r in one.records}
    assert {name for name in looked if name.startswith("app")} == {"app1"}


async def test_what_changes_while_another_change_is_looked_at_takes_nothing_from_it() -> None:
    """Two services that are cut half an hour apart are both looked at again."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock)
    with Store.open(MEMORY) as store:
        watched = Watched(catalog(*targets(3)), probe, store=store, every_s=14_400.0)
        await watched.watch.run(limit=1)
        for host in ("app1.example.com", "app2.example.com"):
            probe.behaviours[host] = failing("tcp")
            await watched.watch._regular()
        planned = [set(again.worked) for again in watched.watch.bursts]
    one, two = ({e for w in planned for e in w if e.startswith(app)} for app in ("app1", "app2"))
    assert one
    assert two
    assert len([w for w in planned if w & one]) == len([w for w in planned if w & two]) == 3


async def test_a_tight_month_stretches_the_interval() -> None:
    """Rather fewer rounds than a dead end of the month."""
    watched = Watched(
        catalog(*targets(5)),
        FakeProbe(VirtualClock(START)),
        month_bytes=31 * 10**6,
        day_bytes=10**9,
    )
    await watched.watch.run(limit=5)
    assert (watched.starts[-1] - START).total_seconds() > 4 * 900


async def test_one_failing_round_does_not_end_the_watch() -> None:
    """A full disk, a held lock and a bug are said; the next round comes."""
    troubles: Iterator[Exception | None] = iter(
        [StoreError("the disk is full"), BusyError("another run"), ValueError("oops"), None, None]
    )

    @contextmanager
    def trouble() -> Iterator[None]:
        error = next(troubles)
        if error is not None:
            raise error
        yield

    watched = Watched(catalog(*targets(1)), FakeProbe(VirtualClock(START)), holding=trouble)
    await watched.watch.run(limit=5)
    assert len(watched.results) == 2
    assert watched.watch.failures == 2
    assert [line.split(":")[0] for line in watched.said] == [
        "this round failed",
        "this round was left out",
        "this round failed, a bug of ours",
    ]


@pytest.mark.parametrize("error", [ConsentError("withdrawn"), ForbiddenNetwork("not here")])
async def test_withdrawn_consent_and_a_forbidden_network_end_the_watch(error: Exception) -> None:
    """A kill switch is honoured before the next packet."""
    calls = iter([None, error])

    def permitted() -> None:
        found = next(calls)
        if found is not None:
            raise found

    probe = FakeProbe(VirtualClock(START))
    watched = Watched(catalog(*targets(1)), probe, permitted=permitted)
    with pytest.raises(type(error)):
        await watched.watch.run(limit=5)
    assert len(watched.results) == 1


async def test_a_stop_ends_a_long_sleep_at_once() -> None:
    """SIGTERM at three in the morning is not answered at four, and no round is begun."""
    asleep = asyncio.Event()

    class Endless(VirtualClock):
        """A clock on which nobody wakes by himself."""

        async def sleep(self, seconds: float) -> None:
            asleep.set()
            await asyncio.Event().wait()

    watched = Watched(catalog(*targets(1)), FakeProbe(Endless(START)), every_s=86_400.0)
    async with asyncio.timeout(5):
        task = asyncio.create_task(watched.watch.run())
        await asleep.wait()
        assert not task.done()
        watched.stop.set()
        await task
    assert watched.results == []
    assert watched.watch.rounds == 0


async def test_after_a_suspension_the_line_is_looked_at_as_soon_as_the_machine_is_back() -> None:
    """The monotonic clock stood still; the wall clock tells."""

    class Sleepy(VirtualClock):
        """A machine that is suspended for three hours during one of its naps."""

        shift = timedelta(0)

        def now(self) -> datetime:
            return super().now() + self.shift

        async def sleep(self, seconds: float) -> None:
            if self.monotonic_s() > 1_500 and not self.shift:
                self.shift = timedelta(hours=3)
            await super().sleep(seconds)

    clock = Sleepy(START)
    watched = Watched(catalog(*targets(1)), FakeProbe(clock), every_s=7_200.0)
    await watched.watch.run(limit=2)
    assert any("slept" in line and "180 min" in line for line in watched.said)
    assert clock.monotonic_s() < 2_000


async def test_a_clock_set_back_is_said_and_changes_no_waiting() -> None:
    """Waiting goes by the monotonic clock."""

    class SetBack(VirtualClock):
        shift = timedelta(0)

        def now(self) -> datetime:
            return super().now() + self.shift

        async def sleep(self, seconds: float) -> None:
            self.shift = timedelta(days=-2)
            await super().sleep(seconds)

    clock = SetBack(START)
    watched = Watched(catalog(*targets(1)), FakeProbe(clock))
    await watched.watch.run(limit=3)
    assert any("set back" in line for line in watched.said)
    assert len(watched.results) == 3
