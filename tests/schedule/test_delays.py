"""Waiting in a round: free on a virtual clock, and never in the wrong order."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

import pytest

from probe.clock import VirtualClock
from probe.schedule.delays import Delays

START = datetime(2024, 1, 1, tzinfo=UTC)


async def test_thirty_waits_of_200_s_move_a_virtual_clock_by_200_s() -> None:
    """Waiting side by side costs the longest wait, not the sum."""
    clock = VirtualClock(START)
    delays = Delays(clock)

    async def one() -> None:
        await asyncio.sleep(0)
        await delays.until(200.0)

    async with asyncio.TaskGroup() as group:
        for _ in range(30):
            delays.spawn(group, one)
    assert clock.monotonic_s() == 200.0


async def test_time_stands_still_while_anybody_works() -> None:
    """A retest is never due before a measurement that still runs on real sockets."""
    clock = VirtualClock(START)
    delays = Delays(clock)
    release = asyncio.Event()
    seen: list[float] = []

    async def waiter() -> None:
        await delays.until(50.0)
        seen.append(clock.monotonic_s())

    async def worker() -> None:
        await release.wait()
        seen.append(clock.monotonic_s())

    async with asyncio.TaskGroup() as group:
        delays.spawn(group, waiter)
        delays.spawn(group, worker)
        for _ in range(5):
            await asyncio.sleep(0)
        assert clock.monotonic_s() == 0.0
        release.set()
    assert seen == [0.0, 50.0]


async def test_waits_end_in_the_order_of_their_instants() -> None:
    """The earliest is woken first, each at its own time."""
    clock = VirtualClock(START)
    delays = Delays(clock)
    seen: list[tuple[float, float]] = []

    def waiting(due: float) -> Callable[[], Coroutine[object, object, None]]:
        async def one() -> None:
            await delays.until(due)
            seen.append((due, clock.monotonic_s()))

        return one

    async with asyncio.TaskGroup() as group:
        for due in (300.0, 5.0, 120.0, 5.0):
            delays.spawn(group, waiting(due))
    assert seen == [(5.0, 5.0), (5.0, 5.0), (120.0, 120.0), (300.0, 300.0)]


async def test_what_is_due_within_seconds_is_woken_together_and_never_early() -> None:
    """Each then waits for real sockets, side by side; on a real clock it would be the same."""
    clock = VirtualClock(START)
    delays = Delays(clock)
    seen: list[tuple[float, float]] = []
    together = asyncio.Barrier(3)

    def waiting(due: float, *, meets: bool) -> Callable[[], Coroutine[object, object, None]]:
        async def one() -> None:
            await delays.until(due)
            seen.append((due, clock.monotonic_s()))
            if meets:
                async with asyncio.timeout(5):
                    await together.wait()

        return one

    async with asyncio.TaskGroup() as group:
        for due in (13.0, 5.0, 8.0, 200.0):
            delays.spawn(group, waiting(due, meets=due < 200))
    assert seen == [(5.0, 13.0), (8.0, 13.0), (13.0, 13.0), (200.0, 200.0)]


async def test_a_cancelled_wait_lets_the_others_go_on() -> None:
    """A retest that is given up must not stop virtual time for the rest."""
    clock = VirtualClock(START)
    delays = Delays(clock)
    asleep = asyncio.Event()

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await delays.until(10.0)
        asleep.set()

    async def stays() -> None:
        await delays.until(20.0)

    async def busy() -> None:
        await asleep.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for work in (given_up, stays, busy):
            delays.spawn(group, work)
    assert clock.monotonic_s() == 20.0


async def test_an_instant_that_has_passed_is_not_waited_for() -> None:
    """A due time in the past, or the beginning of time, returns at once."""
    clock = VirtualClock(START)
    delays = Delays(clock)
    await delays.until(float("-inf"))
    assert clock.monotonic_s() == 0.0
