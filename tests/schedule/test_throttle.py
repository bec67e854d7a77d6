"""Rate limits: per destination, per resolver, over all; off under a virtual clock."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.clock import SystemClock, VirtualClock
from probe.schedule.throttle import Throttle
from probe.settings import Settings


def throttle(
    *,
    per_address_per_second: float = 1e6,
    per_resolver_per_second: float = 1e6,
    global_per_second: float = 1e6,
) -> Throttle:
    """Return limits that are so wide that a test sets only what it is about."""
    return Throttle(
        per_address_per_second=per_address_per_second,
        per_resolver_per_second=per_resolver_per_second,
        global_per_second=global_per_second,
    )


async def entered(limits: Throttle, addresses: list[str], within_s: float) -> list[str]:
    """Return who got in within ``within_s`` of real time."""
    inside: list[str] = []

    async def one(address: str) -> None:
        async with limits.destination(address):
            inside.append(address)

    tasks = [asyncio.create_task(one(address)) for address in addresses]
    await asyncio.wait(tasks, timeout=within_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return inside


async def test_one_address_is_entered_once_a_period_and_others_do_not_wait() -> None:
    """A slow address holds back only itself."""
    limits = throttle(per_address_per_second=0.01)
    inside = await entered(limits, ["a", "a", "a", "b"], within_s=0.2)
    assert sorted(inside) == ["a", "b"]


async def test_the_global_limit_holds_for_all_addresses_together() -> None:
    """Many different addresses still count against the one limit for everything."""
    limits = throttle(global_per_second=0.01)
    assert len(await entered(limits, ["a", "b", "c"], within_s=0.2)) == 1


async def test_a_period_later_the_next_one_enters() -> None:
    """The limit delays and never drops."""
    limits = throttle(per_address_per_second=20)
    inside = await entered(limits, ["a"] * 30, within_s=5)
    assert len(inside) == 30


async def test_resolvers_and_destinations_are_counted_apart() -> None:
    """The same address as a resolver and as a destination has two limits."""
    limits = throttle(per_address_per_second=0.01)
    assert await entered(limits, ["192.0.2.1"], within_s=1) == ["192.0.2.1"]
    asked = 0
    async with asyncio.timeout(1):
        for _ in range(2):
            async with limits.resolver("192.0.2.1"):
                asked += 1
    assert asked == 2
    assert await entered(limits, ["192.0.2.1"], within_s=0.05) == []


async def test_limiters_are_bounded_and_one_in_use_is_never_dropped() -> None:
    """A million addresses do not fill the memory."""
    limits = throttle(per_address_per_second=0.01)
    limits._addresses._kept = 10
    async with limits.destination("waiting"):
        pass
    waiter = asyncio.create_task(_enter(limits, "waiting"))
    await asyncio.sleep(0)
    for number in range(100):
        async with limits.destination(f"a{number}"):
            pass
    assert len(limits._addresses) <= 11
    assert "waiting" in limits._addresses._limiters
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)


async def _enter(limits: Throttle, address: str) -> None:
    async with limits.destination(address):
        pass


async def test_a_cancelled_waiter_lets_the_next_one_in() -> None:
    """Ctrl-C while waiting must not lock an address for ever."""
    limits = throttle(per_address_per_second=5)
    await _enter(limits, "a")
    first = asyncio.create_task(_enter(limits, "a"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await entered(limits, ["a"], within_s=5) == ["a"]


async def test_a_virtual_clock_switches_the_limits_off() -> None:
    """A simulated fortnight does not wait for real seconds."""
    settings = Settings(store=Path("x"), per_address_per_second=0.001, global_per_second=0.001)
    limits = Throttle.of(settings, VirtualClock(datetime(2024, 1, 1, tzinfo=UTC)))
    assert len(await entered(limits, ["a"] * 50, within_s=1)) == 50
    assert not Throttle.of(settings, SystemClock()).off


def test_a_rate_of_zero_is_refused() -> None:
    """Zero would wait for ever instead of saying so."""
    with pytest.raises(ValueError, match="above zero"):
        throttle(per_address_per_second=0)
    with pytest.raises(ValueError, match="above zero"):
        throttle(global_per_second=0)
