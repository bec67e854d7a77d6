"""The virtual clock moves only when told, and never back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from probe.clock import SystemClock, VirtualClock, sleep_or_stop

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_sleeping_advances_both_clocks() -> None:
    """A sleep costs no real time and moves wall and monotonic clock alike."""
    clock = VirtualClock(START)
    await clock.sleep(3600)
    assert clock.now() == START + timedelta(hours=1)
    assert clock.monotonic_s() == 3600


def test_a_clock_does_not_go_back() -> None:
    """Negative steps are refused."""
    with pytest.raises(ValueError, match="does not go back"):
        VirtualClock(START).advance(-1)


def test_the_system_clock_is_utc() -> None:
    """Wall time is aware and in UTC."""
    assert SystemClock().now().utcoffset() == timedelta(0)


async def test_a_sleep_ends_when_its_time_is_over() -> None:
    """Nobody stops it: the clock has moved by all of it."""
    clock = VirtualClock(START)
    await sleep_or_stop(clock, 60, asyncio.Event())
    assert clock.monotonic_s() == 60


async def test_a_sleep_ends_when_told_to_stop() -> None:
    """An hour of real time is not waited for, and no task is left behind."""
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(30):
        await sleep_or_stop(SystemClock(), 3600, stop)
    assert asyncio.all_tasks() == {asyncio.current_task()}
