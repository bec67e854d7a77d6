"""Who answers orders in a running lab: another censor, another time, a look from abroad."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from probe.lab.ca import Authority, AuthorityName
from probe.lab.line import LabError
from probe.lab.messages import (
    Ask,
    Describe,
    Described,
    Observe,
    Play,
    SetTime,
    Start,
    Tell,
    Told,
)
from probe.lab.netns.addresses import Addresses, addresses_of
from probe.lab.netns.lab_time import LabTime
from probe.lab.netns.passage import Passage
from probe.lab.rules import Scenario
from probe.lab.world import World, build_world
from probe.model.target import Service

__all__ = ["Director", "Played", "Servant"]

ORDER_S = 20.0
OBSERVE_S = 120.0
WORLD_S = 120.0
TICK_S = 1.0


class Servant(Protocol):
    """A process that takes orders."""

    async def ask(self, ask: Ask, *, timeout_s: float) -> Told:
        """Return the answer to one order."""
        ...


class Played:
    """What is played now: a scenario in a world made of services, on the network of the hour."""

    def __init__(self, services: tuple[Service, ...], scenario: Scenario, now: datetime) -> None:
        """Build the world."""
        self.services = services
        self.scenario = scenario
        self.world: World = build_world(services, scenario.country, cdn=scenario.cdn)
        self.addresses = self._addresses(now)

    def _addresses(self, now: datetime) -> Addresses:
        return addresses_of(self.world, self.scenario.line.at(now))

    def moves(self, now: datetime) -> bool:
        """Take the addresses that the line has at ``now``; return whether they are other ones."""
        before, self.addresses = self.addresses, self._addresses(now)
        return self.addresses != before


class Director:
    """Keeps the path, the servers, the control abroad and the line at the same scenario and time.

    ``arrange`` is called with what is played whenever it, its network, or the hour of its VPN
    changes.
    """

    def __init__(
        self,
        played: Played,
        path: Passage,
        time: LabTime,
        *,
        authorities: dict[AuthorityName, Authority],
        seed: int,
        arrange: Callable[[Played, bool], None],
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        """Direct what is ``played``; servants come by ``hire``. ``turned``: the time was moved."""
        self.played = played
        self._path = path
        self._time = time
        self._authorities = authorities
        self._seed = seed
        self._arrange = arrange
        self._turned = turned
        self._inside: Servant | None = None
        self._abroad: Servant | None = None
        self._one_at_a_time = asyncio.Lock()
        self._tunnelled = played.scenario.line.tunnelled(time.now())

    def hire(self, *, inside: Servant | None, abroad: Servant | None) -> None:
        """Give orders to the servers in the internet and to the control abroad."""
        self._inside = inside
        self._abroad = abroad

    async def open(self, start: Start) -> None:
        """Have the servers and the control begin.

        Raises:
            LabError: one did not.

        """
        async with asyncio.TaskGroup() as group:
            for servant in self._servants():
                group.create_task(servant.ask(start, timeout_s=WORLD_S))

    def _servants(self) -> list[Servant]:
        return [one for one in (self._inside, self._abroad) if one is not None]

    async def answer(self, ask: Ask) -> Told:
        """Return the answer to one order from the control socket.

        Raises:
            LabError: it cannot be carried out.

        """
        if isinstance(ask, Observe):
            if self._abroad is None:
                raise LabError("there is no control abroad in this lab")
            return await self._abroad.ask(ask, timeout_s=OBSERVE_S)
        if isinstance(ask, Describe):
            return Told(described=self._described())
        async with self._one_at_a_time:
            if isinstance(ask, Play):
                return await self._play(ask)
            if isinstance(ask, SetTime):
                self._time.set(ask.now)
                self._turned()
                return await self._tell_time(ask)
            if isinstance(ask, Tell):
                return await self._counts()
        raise LabError("this order is not for a lab in namespaces")

    async def tick(self) -> None:
        """While the time runs, tell everybody once a second; never ends by itself.

        Raises:
            LabError: somebody does not listen any more.

        """
        while True:
            await asyncio.sleep(TICK_S)
            async with self._one_at_a_time:
                if not self._time.frozen:
                    await self._tell_time(SetTime(self._time.now()))

    async def _tell_time(self, ask: SetTime) -> Told:
        self._path.set_time(ask.now)
        for servant in self._servants():
            await servant.ask(ask, timeout_s=ORDER_S)
        tunnelled = self.played.scenario.line.tunnelled(ask.now)
        moves = self.played.moves(ask.now)
        if moves or tunnelled != self._tunnelled:
            self._tunnelled = tunnelled
            self._arrange(self.played, tunnelled)
        if moves:
            self._path.move(self.played.addresses)
        return Told()

    async def _play(self, ask: Play) -> Told:
        """Change the servers first, so that no packet meets a world that is not served yet."""
        services = ask.services or self.played.services
        played = Played(services, ask.scenario, self._time.now())
        for servant in self._servants():
            await servant.ask(ask, timeout_s=WORLD_S)
        self._tunnelled = ask.scenario.line.tunnelled(self._time.now())
        self._arrange(played, self._tunnelled)
        self._path.play(played.world, ask.scenario, played.addresses)
        self.played = played
        return Told()

    async def _counts(self) -> Told:
        counts: Counter[str] = Counter(self._path.counts)
        if self._inside is not None:
            counts.update((await self._inside.ask(Tell(), timeout_s=ORDER_S)).counts)
        sought = self._path.sought
        return Told(
            counts=dict(counts), sought=dict(sought.packets), line_bytes=(sought.up, sought.down)
        )

    def _described(self) -> Described:
        return Described(
            services=self.played.services,
            scenario=self.played.scenario,
            certificates={name: one.certificate for name, one in self._authorities.items()},
            now=self._time.now(),
            seed=self._seed,
            frozen=self._time.frozen,
        )
