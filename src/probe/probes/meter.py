"""Counting a transfer while it runs: marks, pauses, and a stream that is counted on its way.

Bytes are those of the connection beneath TLS, since the last bytes of an encrypted record can be
read only when all of it is there: at 3 kB/s one record takes five seconds, which is no stall.
"""

from collections.abc import Callable

from probe.model.measurement import STALL_S
from probe.net.base import NetFailure, Stream

__all__ = ["GIVE_UP_S", "MARK_BYTES", "Meter", "MeteredStream"]

MARK_BYTES = 4_096
"""A mark is kept at the first byte, when the next so many have come, and at the last: fine enough
to see the jerks in which a policed flow of 140 kbit/s comes."""

GIVE_UP_S = 10.0
"""After so many seconds without a byte a transfer is ended: what is frozen does not come back."""

_MICRO = 6  # digits: marks are kept to the microsecond


class Meter:
    """Bytes against time; pure, ``at_s`` are seconds of any clock that does not go back."""

    def __init__(self, from_s: float) -> None:
        """Count from ``from_s``, when the request was sent."""
        self._from_s = self._last_s = from_s
        self._next = 1
        self._marks: list[tuple[int, float]] = []
        self._last: tuple[int, float] | None = None
        self.total = 0
        self.longest_stall_s = 0.0
        self.stalled_at: int | None = None

    def add(self, count: int, at_s: float) -> None:
        """Count bytes that came at ``at_s``."""
        if count <= 0:
            return
        self._pause(at_s)
        self.total += count
        self._last_s = at_s
        self._last = (self.total, round(at_s - self._from_s, _MICRO))
        if self.total >= self._next:
            self._marks.append(self._last)
            self._next = (self.total // MARK_BYTES + 1) * MARK_BYTES

    def end(self, at_s: float) -> None:
        """Count the silence from the last byte to the end of a transfer that was ended."""
        self._pause(at_s)

    def _pause(self, at_s: float) -> None:
        """Note a pause; before the first byte it is the server's thinking, unless it is long."""
        pause_s = at_s - self._last_s
        if self.total:
            self.longest_stall_s = max(self.longest_stall_s, round(pause_s, _MICRO))
        if pause_s >= STALL_S and self.stalled_at is None:
            self.stalled_at = self.total

    @property
    def marks(self) -> tuple[tuple[int, float], ...]:
        """Return the marks; the last byte is always one."""
        if self._last is None or self._marks[-1] == self._last:
            return tuple(self._marks)
        return (*self._marks, self._last)


class MeteredStream:
    """A stream whose received bytes are counted once a meter is ``running``.

    While it runs, a silence of ``GIVE_UP_S`` ends it as a timeout does.
    """

    def __init__(self, stream: Stream, now_s: Callable[[], float]) -> None:
        """Stand before ``stream``; ``now_s`` is the clock of the meter."""
        self._stream = stream
        self._now_s = now_s
        self.running: Meter | None = None
        self.bytes_sent, self.bytes_received = stream.bytes_sent, stream.bytes_received

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        """Send all of ``data``."""
        try:
            await self._stream.send(data, timeout_s=timeout_s)
        finally:
            self.bytes_sent = self._stream.bytes_sent

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        """Return what has come, and count it.

        Raises:
            NetFailure: as the stream beneath; a silence that is too long is one.

        """
        meter = self.running
        left_s = timeout_s if meter is None else min(timeout_s, GIVE_UP_S)
        try:
            data = await self._stream.receive(max_bytes, timeout_s=left_s)
        except NetFailure:
            if meter is not None:
                meter.end(self._now_s())
            raise
        self.bytes_received = self._stream.bytes_received
        if meter is not None:
            meter.add(len(data), self._now_s())
        return data

    async def aclose(self) -> None:
        """Close the stream beneath."""
        await self._stream.aclose()
