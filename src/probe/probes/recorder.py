"""One measurement in the making: its steps, its clock, and the bytes that it cost."""

import asyncio
from typing import TypeVar

from probe.clock import Clock
from probe.model.measurement import Measurement, Outcome, Step
from probe.model.target import Endpoint
from probe.net.base import Datagrams, Stream
from probe.probes.options import ProbeOptions

__all__ = ["Recorder"]

_Channel = TypeVar("_Channel", Stream, Datagrams)


class Recorder:
    """Collects what is measured; a measurement can be made of it at any time.

    Steps are timed in real seconds by the event loop's clock, also under a virtual clock, whose
    instants are kept as the start. Bytes are payload that crossed our sockets: TLS records,
    DNS messages; what the kernel adds below (IP, TCP, retransmissions) and what the system's
    resolver sends are not known here and not counted.
    """

    def __init__(self, endpoint: Endpoint, options: ProbeOptions, clock: Clock) -> None:
        """Start the measurement's time now."""
        self.endpoint = endpoint
        self.options = options
        self.started = clock.now()
        self._monotonic_s = clock.monotonic_s()
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()
        self._steps: list[Step] = []
        self._channels: list[Stream | Datagrams] = []

    def now_s(self) -> float:
        """Return the seconds since the start."""
        return self._loop.time() - self._zero

    def since_start_s(self, loop_time_s: float) -> float:
        """Return an instant of the event loop's clock as seconds since the start."""
        return max(0.0, loop_time_s - self._zero)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps that have ended."""
        return tuple(self._steps)

    def add(self, step: Step) -> None:
        """Append a step that has ended."""
        self._steps.append(step)

    def replace(self, old: Step, new: Step) -> None:
        """Put ``new`` in the place of ``old``."""
        self._steps = [new if step is old else step for step in self._steps]

    def count(self, channel: _Channel) -> _Channel:
        """Count the bytes of ``channel`` from now on, and return it."""
        self._channels.append(channel)
        return channel

    def measurement(
        self, outcome: Outcome = Outcome.MEASURED, reason: str | None = None
    ) -> Measurement:
        """Return what has been measured up to now."""
        return Measurement(
            endpoint=self.endpoint.id,
            service=self.endpoint.service,
            kind=self.endpoint.kind,
            variant=self.options.variant,
            outcome=outcome,
            reason=reason,
            started=self.started,
            monotonic_s=self._monotonic_s,
            duration_s=self.now_s(),
            steps=tuple(self._steps),
            bytes_sent=sum(channel.bytes_sent for channel in self._channels),
            bytes_received=sum(channel.bytes_received for channel in self._channels),
        )
