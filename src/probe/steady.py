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

__all__ = ["LONG_S", "STILL_S", "SteadyLoop", "long_stops", "loop_factory"]

STILL_S = 0.25
"""What a turn of the loop may take, and what the kernel may wake it late by, and still be time.

It is counted in any case: who keeps the loop busy on purpose slows its time, and cannot stop it.
"""

LONG_S = 10.0
"""After a stop of this length others have given up as well: their deadlines went on."""

_Events = list[tuple[selectors.SelectorKey, int]]


class _Watched(selectors.DefaultSelector):
    """A selector that knows how long nobody asked it, and how late it came back."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__()
        self.lost_s = 0.0
        self.long_stops = 0
        self._now_s = now_s
        self._back_s: float | None = None

    def select(self, timeout: float | None = None) -> _Events:
        asked_s = self._now_s()
        if self._back_s is not None:
            self._stood_still(asked_s - self._back_s)
        events = super().select(timeout)
        self._back_s = self._now_s()
        if timeout is not None:
            self._stood_still(self._back_s - asked_s - max(0.0, timeout))
        return events

    def _stood_still(self, seconds: float) -> None:
        self.lost_s += max(0.0, seconds - STILL_S)
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
        return self._now_s() - self._watched.lost_s

    @property
    def long_stops(self) -> int:
        """How often the loop stood still for ``LONG_S`` or more."""
        return self._watched.long_stops


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes such loops; ``None`` on Windows, whose loops have no selector."""
    return None if sys.platform == "win32" else SteadyLoop


def long_stops() -> int:
    """Return how often the running loop stood still for long; 0 where that is not watched."""
    loop = asyncio.get_running_loop()
    return loop.long_stops if isinstance(loop, SteadyLoop) else 0
