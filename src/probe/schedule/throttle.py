"""Rate limits: one per destination address, one per resolver, one for everything.

asyncio-throttle polls, so a limiter with many waiters would wake them all a hundred times a
second. Here a lock stands before each limiter: one task polls, the others queue in order.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from asyncio_throttle.throttler import Throttler

from probe.clock import Clock
from probe.settings import Settings

__all__ = ["Throttle"]

_KEPT = 2_048
"""Limiters kept for idle keys; a dropped one only forgets when its key was last used."""


class _Limiter:
    """One limiter with its queue; ``users`` counts the tasks inside, waiting or running."""

    def __init__(self, per_second: float) -> None:
        """Allow ``per_second`` entries; below one a second the period is stretched instead."""
        count = max(1, round(per_second))
        self._throttler = Throttler(rate_limit=count, period=count / per_second)
        self._queue = asyncio.Lock()
        self.users = 0

    async def enter(self) -> None:
        """Wait for this limiter's turn."""
        async with self._queue:
            await self._throttler.acquire()  # type: ignore[no-untyped-call]


class _Family:
    """Limiters by key, bounded: the longest idle are dropped, never one in use."""

    def __init__(self, per_second: float, kept: int) -> None:
        self._per_second = per_second
        self._kept = kept
        self._limiters: OrderedDict[str, _Limiter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._limiters)

    async def enter(self, key: str) -> None:
        """Wait for the turn of ``key``."""
        limiter = self._limiters.setdefault(key, _Limiter(self._per_second))
        self._limiters.move_to_end(key)
        limiter.users += 1
        try:
            await limiter.enter()
        finally:
            limiter.users -= 1
            self._shrink()

    def _shrink(self) -> None:
        excess = len(self._limiters) - self._kept
        if excess <= 0:
            return
        idle = [key for key, limiter in self._limiters.items() if not limiter.users]
        for key in idle[:excess]:
            del self._limiters[key]


class Throttle:
    """The limits that probes enter before their timers start; off under a virtual clock."""

    def __init__(
        self,
        *,
        per_address_per_second: float,
        per_resolver_per_second: float,
        global_per_second: float,
        off: bool = False,
        kept: int = _KEPT,
    ) -> None:
        """Make empty limiters; rates are entries a second and must be above zero.

        Raises:
            ValueError: a rate is not above zero.

        """
        if min(per_address_per_second, per_resolver_per_second, global_per_second) <= 0:
            raise ValueError("a rate limit must be above zero")
        self.off = off
        self._addresses = _Family(per_address_per_second, kept)
        self._resolvers = _Family(per_resolver_per_second, kept)
        self._global = _Limiter(global_per_second)

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> "Throttle":
        """Make the limits of ``settings``; a virtual clock needs none."""
        return cls(
            per_address_per_second=settings.per_address_per_second,
            per_resolver_per_second=settings.per_resolver_per_second,
            global_per_second=settings.global_per_second,
            off=clock.virtual,
        )

    def destination(self, address: str) -> AbstractAsyncContextManager[None]:
        """Return what a probe enters before it sends to ``address``."""
        return self._turn(self._addresses, address)

    def resolver(self, address: str) -> AbstractAsyncContextManager[None]:
        """Return what a probe enters before it asks the resolver at ``address``."""
        return self._turn(self._resolvers, address)

    @asynccontextmanager
    async def _turn(self, family: _Family, key: str) -> AsyncIterator[None]:
        if not self.off:
            await family.enter(key)
            await self._global.enter()
        yield
