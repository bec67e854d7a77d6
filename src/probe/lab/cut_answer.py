"""The wire of a server that is cut in the middle of its answer to a ClientHello."""

from collections.abc import Callable

from probe.lab.wire import Wire

__all__ = ["CutAnswer"]


class CutAnswer:
    """Lets the first bytes of the server pass; then somebody cuts, and the rest is not sent."""

    def __init__(self, wire: Wire, passing: int, cut: Callable[[], None]) -> None:
        """Let ``passing`` bytes out on ``wire``; the byte behind them has ``cut`` called."""
        self._wire = wire
        self._left = passing
        self._cut = cut
        self._over = False

    def write(self, data: bytes) -> None:
        """Send what may still pass."""
        if self._over:
            return
        over = len(data) > self._left
        passing, self._left = data[: self._left], max(0, self._left - len(data))
        if passing:
            self._wire.write(passing)
        if over:
            self._over = True
            self._cut()

    def close(self) -> None:
        """Close, unless nothing of the server comes through any more."""
        if not self._over:
            self._wire.close()

    def cut(self) -> None:
        """Send FIN, on the same condition."""
        if not self._over:
            self._wire.cut()

    def reset(self) -> None:
        """Send RST, on the same condition."""
        if not self._over:
            self._wire.reset()
