"""The lab as a process inside it sees it: another censor, another time, a look from abroad.

``AttachedLab`` stands where ``probe.lab.process.Lab`` does on loopback, for who was started by
``probe lab up``: the network is that of this process, the lab is told by its control socket.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from probe.lab.ca import AuthorityName
from probe.lab.line import LabError
from probe.lab.messages import (
    MAX_LINE,
    Ask,
    Describe,
    Described,
    Observe,
    Play,
    SetTime,
    Tell,
    Told,
)
from probe.lab.netns.conversation import Conversation
from probe.lab.netns.request import CONTROL_VARIABLE
from probe.lab.process import LabClock, roots_of
from probe.lab.rules import Scenario
from probe.lab.world import World, build_world
from probe.model.measurement import Measurement
from probe.model.target import Endpoint, Service
from probe.net.lab_net import LabNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv, Timeouts
from probe.schedule.work import MeasureOne

__all__ = ["AttachedLab"]

ANSWER_S = 150.0


class AttachedLab:
    """``async with await AttachedLab.attach() as lab``: the lab that this process is in.

    The lab's time stands still from the first ``set_time`` on, which ``clock`` calls whenever
    somebody sleeps on it.
    """

    def __init__(self, conversation: Conversation, described: Described) -> None:
        """Know what is played; ``attach`` asks for it."""
        self._conversation = conversation
        self._certificates = described.certificates
        self._network: LabNet | None = None
        self.scenario: Scenario = described.scenario
        self.services: tuple[Service, ...] = described.services
        self.world: World = self._built()
        self.clock = LabClock(described.now, self)

    @classmethod
    async def attach(cls, path: str | None = None) -> "AttachedLab":
        """Connect to the lab whose control socket is at ``path`` (else ``PROBE_LAB``).

        Raises:
            LabError: there is no lab around this process.

        """
        place = path or os.environ.get(CONTROL_VARIABLE)
        if not place:
            raise LabError("this process is not in a lab: start it with probe lab up")
        try:
            reader, writer = await asyncio.open_unix_connection(place, limit=MAX_LINE)
        except OSError as exc:
            raise LabError(f"the lab does not answer: {exc.strerror or exc}") from exc
        conversation = Conversation(reader, writer, "the lab")
        try:
            told = await conversation.ask(Describe(), timeout_s=ANSWER_S)
        except BaseException:
            await conversation.aclose()
            raise
        if told.described is None:
            await conversation.aclose()
            raise LabError("the lab does not say what it plays")
        return cls(conversation, told.described)

    def _built(self) -> World:
        return build_world(self.services, self.scenario.country, cdn=self.scenario.cdn)

    @property
    def roots(self) -> Roots:
        """Return whom this line believes: the state's authority is in the system store only."""
        names = (AuthorityName.PUBLIC, AuthorityName.SYSTEM_TRUSTED)
        return roots_of(self._certificates, *names)

    @property
    def control_roots(self) -> Roots:
        """Return whom the uncensored control believes: the public authority, nobody else."""
        return roots_of(self._certificates, AuthorityName.PUBLIC)

    def net(self) -> LabNet:
        """Return the network that this process is in.

        Raises:
            ForbiddenNetwork: this process is not in the namespace that ``PROBE_NET`` names.

        """
        if self._network is None:
            self._network = LabNet()
        return self._network

    async def ask(self, ask: Ask) -> Told:
        """Send one order and return the answer.

        Raises:
            LabError: the lab went away, does not answer, or refuses.

        """
        return await self._conversation.ask(ask, timeout_s=ANSWER_S)

    async def set_time(self, now: datetime) -> None:
        """Make it ``now`` in the lab; the clock of this process is moved by who owns it."""
        await self.ask(SetTime(now))

    async def play(self, scenario: Scenario, services: tuple[Service, ...] | None = None) -> None:
        """Put the censor of another scenario into this world, or into one of ``services``."""
        await self.ask(Play(scenario, services))
        self.scenario = scenario
        self.services = self.services if services is None else services
        self.world = self._built()

    async def observe(self, endpoint: Endpoint, timeouts: Timeouts) -> Measurement:
        """Measure ``endpoint`` from the uncensored place abroad.

        Raises:
            LabError: there is none in this lab, or it does not answer.

        """
        told = await self.ask(Observe(endpoint, timeouts))
        if told.measurement is None:
            raise LabError("the control abroad gave no measurement")
        return told.measurement

    def abroad(
        self, env: ProbeEnv, measure: MeasureOne, timeouts: Timeouts
    ) -> Callable[[Endpoint], Awaitable[Measurement]]:
        """Return what looks at an endpoint from abroad: the lab's worker does, by its own means."""
        del env, measure

        async def look(endpoint: Endpoint) -> Measurement:
            return await self.observe(endpoint, timeouts)

        return look

    async def counters(self) -> dict[str, int]:
        """Return what the path and the servers counted, and each rule that hit."""
        return (await self.ask(Tell())).counts

    async def sought(self) -> tuple[dict[str, int], tuple[int, int]]:
        """Return packets by destination (``tcp 192.0.2.1 443``), and bytes up and down the line.

        Since the last scenario was played, as the box between the line and all else saw them.
        """
        told = await self.ask(Tell())
        return told.sought or {}, told.line_bytes

    async def aclose(self) -> None:
        """Hang up; the lab goes on."""
        await self._conversation.aclose()

    async def __aenter__(self) -> Self:
        """Be attached already."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        await self.aclose()
