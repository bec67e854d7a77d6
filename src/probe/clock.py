"""Time, as a parameter: wall clock, monotonic clock and sleep behind one protocol."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "SystemClock", "VirtualClock", "sleep_or_stop"]


class Clock(Protocol):
    """What the runner asks for time; I/O deadlines are real time and do not go through it."""

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock's time."""
        ...

    @property
    def virtual(self) -> bool:
        """Whether waiting costs no real time (rate limits are then off)."""
        ...


class SystemClock:
    """The machine's clocks."""

    virtual = False

    def now(self) -> datetime:
        """Return the machine's wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic clock in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """A clock that moves only when told to, or when somebody sleeps on it."""

    virtual = True

    def __init__(self, start: datetime) -> None:
        """Start at ``start`` (aware; kept in UTC)."""
        self._start = start.astimezone(UTC)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Return the start plus all that has elapsed."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Return the seconds elapsed since the start."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds`` (>= 0).

        Raises:
            ValueError: when asked to go back.

        """
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._elapsed_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance by ``seconds`` and let other tasks run."""
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)


async def sleep_or_stop(clock: Clock, seconds: float, stop: asyncio.Event) -> None:
    """Sleep on a clock, or return at once when asked to stop."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeping, stopping):
            task.cancel()
        await asyncio.gather(sleeping, stopping, return_exceptions=True)
