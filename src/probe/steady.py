"""An event loop whose time stands still while the process does, so that a timeout means silence.

On a machine that does too much at once, or that was stopped, an answer may lie in the kernel when
its deadline passes: asyncio then tells of silence, and silence is what a censor is known by. Here
the time in which the loop could not look is not counted, so nothing times out before it was looked
for. Deadlines, and the times of steps, are the loop's; wall clock and schedule are not touched.
"""

import asyncio
import selectors
import sys
from collections.abc import Callable

from probe.clock import SystemClock

__all__ = ["LONG_S", "SLICE_S", "STILL_S", "SteadyLoop", "long_stops", "loop_factory", "lost_s"]

STILL_S = 0.25
"""What a turn of the loop may take, and what the kernel may wake it late by, and still be time.

It is counted in any case: who keeps the loop busy on purpose slows its time, and cannot stop it.
"""

LONG_S = 10.0
"""After a stop of this length others have given up as well: their deadlines went on."""

SLICE_S = 1.0
"""What the kernel is asked to wait at once, so that a stop is known however long a wait it hits."""

_Events = list[tuple[selectors.SelectorKey, int]]


class _Watched(selectors.DefaultSelector):
    """A selector that knows how long nobody asked it, and how late it came back."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__()
        self.long_stops = 0
        self.lost_s = 0.0
        self._now_s = now_s
        self._held_s = 0.0
        self._back_s: float | None = None

    def time_s(self) -> float:
        """Return the loop's time; it never goes back, and stands in a turn that takes too long."""
        now_s = self._now_s()
        if self._back_s is not None:
            now_s = min(now_s, self._back_s + STILL_S)
        return now_s - self.lost_s - self._held_s

    def select(self, timeout: float | None = None) -> _Events:
        """Wait for ``timeout`` or ``SLICE_S``; where the process stood still, look once more.

        One that is stopped in ``epoll_wait`` and goes on comes back without having looked (EINTR,
        signal(7)), or with what there was before it. Where something is found then, the wait counts
        from the next turn on: it is handled before the deadline that was waited for is over.
        """
        asked_s, self._held_s = self._now_s(), 0.0
        if self._back_s is not None:
            self._lose(asked_s - self._back_s)
        wait_s = SLICE_S if timeout is None else min(max(0.0, timeout), SLICE_S)
        try:
            events = super().select(wait_s)
            late = self._now_s() - asked_s > wait_s + STILL_S
            if late:
                events = super().select(0)
        finally:  # a handler of signals may have raised KeyboardInterrupt
            self._back_s = self._now_s()
            self._lose(self._back_s - asked_s, wait_s)
        self._held_s = wait_s + STILL_S if late and events else 0.0
        return events

    def _lose(self, seconds: float, wait_s: float = 0.0) -> None:
        """Count ``seconds``, of which ``wait_s`` were waited on purpose."""
        self.lost_s += max(0.0, seconds - wait_s - STILL_S)
        self.long_stops += seconds >= LONG_S


class SteadyLoop(asyncio.SelectorEventLoop):
    """The loop; ``now_s`` is a clock that never goes back, the machine's unless one is given."""

    def __init__(self, now_s: Callable[[], float] | None = None) -> None:
        """Make a loop that has not begun."""
        self._now_s = now_s or SystemClock().monotonic_s
        self._watched = _Watched(self._now_s)
        super().__init__(self._watched)

    def time(self) -> float:
        """Return seconds that go on while the loop does."""
        return self._watched.time_s()

    @property
    def long_stops(self) -> int:
        """How often the loop stood still for ``LONG_S`` or more."""
        return self._watched.long_stops

    @property
    def lost_s(self) -> float:
        """Seconds that the loop stood still and did not count."""
        return self._watched.lost_s


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes such loops; ``None`` on Windows, whose loops have no selector."""
    return None if sys.platform == "win32" else SteadyLoop


def long_stops() -> int:
    """Return how often the running loop stood still for long; 0 where that is not watched."""
    loop = asyncio.get_running_loop()
    return loop.long_stops if isinstance(loop, SteadyLoop) else 0


def lost_s() -> float:
    """Return the seconds that the running loop did not count; 0 where that is not watched."""
    loop = asyncio.get_running_loop()
    return loop.lost_s if isinstance(loop, SteadyLoop) else 0.0
