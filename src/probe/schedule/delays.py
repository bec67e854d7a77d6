"""Waiting inside a round: real on a real clock, and free of charge on a virtual one.

A virtual clock is shared by all tasks, so that thirty retests that each "wait 200 s" must move
it by 200 s, not by 6,000 s. It is moved only when every task of the round waits, and then to
the earliest instant that anybody waits for, as in any discrete-event simulation; but what is due
within seconds of it is waited for as well and woken together, since each then spends real time on
real sockets, side by side as on a real clock. Nobody is woken before it is due.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from itertools import count

from probe.clock import Clock

__all__ = ["Delays"]

_TOGETHER_S = (
    10.0  # who is due this soon after one another is woken at once, the first a little late
)


class Delays:
    """The waiting room of one round."""

    def __init__(self, clock: Clock) -> None:
        """Use the monotonic side of ``clock``."""
        self._clock = clock
        self._active = 0
        self._waiting: list[tuple[float, int, asyncio.Event]] = []
        self._order = count()

    def spawn(
        self, group: asyncio.TaskGroup, work: Callable[[], Coroutine[object, object, None]]
    ) -> None:
        """Start ``work()`` in ``group``; it counts from now on, not from its first step.

        While one that counts is at work, virtual time stands still.
        """
        self._active += 1
        group.create_task(self._run(work))

    async def _run(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        try:
            await work()
        finally:
            self._active -= 1
            await self._advance()

    async def until(self, due_s: float) -> None:
        """Wait until the monotonic clock shows ``due_s``; only for work that was spawned."""
        if not self._clock.virtual:
            remaining = due_s - self._clock.monotonic_s()
            if remaining > 0:
                await self._clock.sleep(remaining)
            return
        if due_s <= self._clock.monotonic_s():
            return
        event = asyncio.Event()
        entry = (due_s, next(self._order), event)
        heapq.heappush(self._waiting, entry)
        self._active -= 1
        try:
            await self._advance()
            await event.wait()
        except BaseException:
            if entry in self._waiting:
                self._waiting.remove(entry)
                heapq.heapify(self._waiting)
                self._active += 1
            raise

    async def _advance(self) -> None:
        """Move a virtual clock to the next instants when nobody works, and wake who waits.

        Those who are due count as working before the clock moves, since moving it may take a
        turn of the loop; they are woken after it has moved.
        """
        if self._active or not self._waiting:
            return
        last_s = self._waiting[0][0] + _TOGETHER_S
        woken: list[asyncio.Event] = []
        while self._waiting and self._waiting[0][0] <= last_s:
            due_s, _, event = heapq.heappop(self._waiting)
            woken.append(event)
        self._active += len(woken)
        try:
            remaining = due_s - self._clock.monotonic_s()
            if remaining > 0:
                await self._clock.sleep(remaining)
        finally:
            for event in woken:
                event.set()
