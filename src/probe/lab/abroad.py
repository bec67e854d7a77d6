"""The uncensored vantage: ``python -m probe.lab.abroad``, started in the namespace abroad.

It measures what it is told to, by the same probes as the line, over sockets of its own place.
Orders come as JSON lines on stdin, answers go to stdout in the same order.
"""

import asyncio
import random
import signal
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from probe.clock import Clock, SystemClock
from probe.errors import ProbeError
from probe.lab.addresses import ABROAD
from probe.lab.ca import AuthorityName
from probe.lab.messages import Ask, Observe, Play, SetTime, Start, Told
from probe.lab.own_keys import lab_keys
from probe.lab.pipes import answer_lines
from probe.model.target import Trust
from probe.net import guard
from probe.net.lab_net import LabNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

__all__ = ["ToldClock", "Vantage", "main"]

AT_ONCE = 16
OPTIONS = ProbeOptions(keep_listening=False)
_decoder = msgspec.json.Decoder(Ask)


class ToldClock:
    """The time that one was told, running on by the machine's monotonic clock."""

    virtual = False

    def __init__(self, now: datetime, machine: Clock | None = None) -> None:
        """Start at ``now``."""
        self._machine: Clock = machine or SystemClock()
        self._told = now
        self._at_s = self._machine.monotonic_s()

    def tell(self, now: datetime) -> None:
        """Make it ``now``."""
        self._told = now
        self._at_s = self._machine.monotonic_s()

    def now(self) -> datetime:
        """Return what was told last, and the time since."""
        return self._told + timedelta(seconds=self._machine.monotonic_s() - self._at_s)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic clock."""
        return self._machine.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        await self._machine.sleep(seconds)


class Vantage:
    """Answers orders; measurements may run at the same time."""

    def __init__(self) -> None:
        """Wait for a ``Start``."""
        self._env: ProbeEnv | None = None
        self._clock: ToldClock | None = None

    async def answer(self, line: bytes) -> Told:
        """Return the answer to one line."""
        try:
            return await self._obey(_decoder.decode(line))
        except (OSError, ValueError, ProbeError) as exc:
            return Told(error=f"{type(exc).__name__}: {exc}")

    async def _obey(self, ask: Ask) -> Told:
        if isinstance(ask, Start):
            self._start(ask)
            return Told()
        env, clock = self._env, self._clock
        if env is None or clock is None:
            return Told(error="nothing was started")
        if isinstance(ask, SetTime):
            clock.tell(ask.now)
        elif isinstance(ask, Observe):
            patient = replace(env, timeouts=ask.timeouts)
            return Told(measurement=await measure(ask.endpoint, patient, OPTIONS))
        elif not isinstance(ask, Play):
            return Told(error=f"no such order here: {type(ask).__name__}")
        return Told()

    def _start(self, start: Start) -> None:
        public = start.authorities[AuthorityName.PUBLIC].certificate
        signal_root = start.authorities[AuthorityName.SIGNAL].certificate
        self._clock = ToldClock(start.now)
        self._env = ProbeEnv(
            net=LabNet(),
            clock=self._clock,
            rng=random.Random(start.seed),  # noqa: S311 - query ids of a lab
            roots=Roots(public, public, {Trust.SIGNAL: signal_root}, lab_keys()),
            country=ABROAD,
        )


def main() -> None:
    """Run until stdin ends; Ctrl-C is the parent's to handle."""
    guard.install()
    if not (guard.mode() or "").startswith("lab:"):
        sys.exit("this is a process of the lab; `probe lab up` starts it in a namespace")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    vantage = Vantage()
    asyncio.run(answer_lines(vantage.answer, at_once=AT_ONCE))


if __name__ == "__main__":
    main()
