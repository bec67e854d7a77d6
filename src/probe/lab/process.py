"""The lab as the measuring process sees it: start the servers, map addresses, move the time."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Literal, Protocol, Self

from probe.clock import VirtualClock
from probe.errors import InputError
from probe.lab.actions import Stage
from probe.lab.addresses import ABROAD
from probe.lab.ca import AuthorityName, make_authority
from probe.lab.line import LabError, Line
from probe.lab.messages import Ask, Locate, Play, SetTime, Start, Tell, Told
from probe.lab.own_keys import lab_keys
from probe.lab.rules import Scenario
from probe.lab.world import World, build_world
from probe.model.measurement import Measurement
from probe.model.target import Catalog, Endpoint, Service, Trust
from probe.net.base import NetFailure
from probe.net.mapped import MappedNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.options import ProbeOptions
from probe.schedule.work import MeasureOne

__all__ = ["Lab", "LabClock", "LabView", "Timed", "roots_of"]

START_S = 30.0
ANSWER_S = 10.0
END_S = 3.0


class LabView:
    """The lab from one place: the measured line, or the uncensored control abroad.

    It is the address map of a ``MappedNet``. What it learnt is forgotten when the rules that
    decide where connections lead change.
    """

    def __init__(self, lab: "Lab", *, control: bool) -> None:
        """Look from the line, or as the control."""
        self._lab = lab
        self._control = control
        self._known: dict[tuple[str, str, int], tuple[str, int]] = {}
        self._epoch: str | None = None

    async def locate(
        self, transport: Literal["tcp", "udp"], address: str, port: int
    ) -> tuple[str, int]:
        """Return the loopback address and port that stand for an address of the world.

        Raises:
            NetFailure: this machine has no loopback of that family (no IPv6).

        """
        if self._epoch != self._lab.epoch:
            self._known.clear()
            self._epoch = self._lab.epoch
        key = (transport, address, port)
        place = self._known.get(key)
        if place is None:
            told = await self._lab.ask(Locate(transport, address, port, self._control))
            if not told.host:
                raise NetFailure("network_unreachable")
            place = (told.host, told.port)
            if told.lasting and told.epoch == self._epoch:
                self._known[key] = place
        return place

    def nameservers(self) -> tuple[str, ...]:
        """Return the resolver that this place is configured with."""
        return (self._lab.world.nameserver,)


class Timed(Protocol):
    """A lab that is told what time it is."""

    async def set_time(self, now: datetime) -> None:
        """Make it ``now`` in the lab."""
        ...


class LabClock(VirtualClock):
    """A virtual clock whose sleeps the servers hear of, so that retests meet the right hour."""

    def __init__(self, start: datetime, lab: Timed) -> None:
        """Start at ``start``, with ``lab`` at the same time."""
        super().__init__(start)
        self._lab = lab

    async def sleep(self, seconds: float) -> None:
        """Advance, and tell the servers."""
        self.advance(max(0.0, seconds))
        await self._lab.set_time(self.now())

    async def until(self, instant: datetime) -> None:
        """Advance to ``instant`` unless it has passed, and tell the servers."""
        await self.sleep((instant - self.now()).total_seconds())


def roots_of(certificates: Mapping[AuthorityName, bytes], *system: AuthorityName) -> Roots:
    """Return the roots of a machine in the lab whose system store holds ``system``, all PEM."""
    pinned: Mapping[Trust, bytes] = {Trust.SIGNAL: certificates[AuthorityName.SIGNAL]}
    return Roots(
        packaged_pem=certificates[AuthorityName.PUBLIC],
        system_pem=b"".join(certificates[name] for name in system),
        pinned=pinned,
        keys=lab_keys(),
    )


class Lab:
    """A running lab: ``async with Lab(scenario, catalog) as lab``.

    Only ``python -m probe.lab.server`` is started; it listens on loopback, and ends with this
    process. ``lab.net()`` is the measured line, ``lab.net(control=True)`` the uncensored one.
    """

    def __init__(
        self,
        scenario: Scenario,
        catalog: Catalog | None = None,
        *,
        seed: int = 1,
        http2: bool = True,
    ) -> None:
        """Prepare; nothing runs before ``start``.

        ``seed`` is for the dice of rules with a chance; without ``http2`` the servers offer
        HTTP/1.1 only, which costs the client a fifth of the time.

        Raises:
            InputError: the scenario is not for this stage, or has no world.

        """
        if Stage.LOOPBACK not in scenario.stages:
            raise InputError(f"the scenario {scenario.name} cannot be played on loopback")
        services = scenario.services if catalog is None else catalog.services
        if services is None:
            raise InputError(f"the scenario {scenario.name} plays in a catalog, and none is given")
        self.scenario = scenario
        self.services: tuple[Service, ...] = services
        self.world: World = build_world(services, scenario.country, cdn=scenario.cdn)
        self.epoch = ""
        self.clock = LabClock(scenario.starts, self)
        self._seed = seed
        self._http2 = http2
        self._authorities = {name: make_authority(name, scenario.starts) for name in AuthorityName}
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._views = {control: LabView(self, control=control) for control in (False, True)}

    @property
    def _certificates(self) -> dict[AuthorityName, bytes]:
        return {name: authority.certificate for name, authority in self._authorities.items()}

    @property
    def roots(self) -> Roots:
        """Return whom this line believes: the state's authority is in the system store only."""
        return roots_of(self._certificates, AuthorityName.PUBLIC, AuthorityName.SYSTEM_TRUSTED)

    @property
    def control_roots(self) -> Roots:
        """Return whom the uncensored control believes: the public authority, nobody else."""
        return roots_of(self._certificates, AuthorityName.PUBLIC)

    @property
    def pid(self) -> int | None:
        """Return the id of the second process while it runs."""
        return None if self._process is None else self._process.pid

    def view(self, *, control: bool = False) -> LabView:
        """Return the lab as the measured line sees it, or the uncensored control."""
        return self._views[control]

    def net(self, *, control: bool = False) -> MappedNet:
        """Return the network of the measured line, or of the uncensored control."""
        return MappedNet(self._views[control])

    def abroad(
        self, env: ProbeEnv, measure: MeasureOne, timeouts: Timeouts
    ) -> Callable[[Endpoint], Awaitable[Measurement]]:
        """Return what looks at an endpoint from the uncensored place, by ``measure``."""
        there = replace(
            env,
            net=self.net(control=True),
            roots=self.control_roots,
            timeouts=timeouts,
            country=ABROAD,
        )

        async def look(endpoint: Endpoint) -> Measurement:
            return await measure(endpoint, there, ProbeOptions(keep_listening=False))

        return look

    async def start(self) -> None:
        """Start the servers and wait until they are ready.

        Raises:
            LabError: they did not come up.

        """
        loop = asyncio.get_running_loop()
        token = secrets.token_hex(16)
        ready: asyncio.Future[Line] = loop.create_future()
        door = await loop.create_server(lambda: Line(token, ready), "127.0.0.1", 0)
        port = door.sockets[0].getsockname()[1]
        environment = os.environ | {"PROBE_NET": "loopback", "PROBE_LAB": f"{port}:{token}"}
        order = Start(
            services=self.services,
            scenario=self.scenario,
            authorities=self._authorities,
            now=self.clock.now(),
            seed=self._seed,
            http2=self._http2,
        )
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - our own module; returns at once
                [sys.executable, "-m", "probe.lab.server"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            async with asyncio.timeout(START_S):
                self._line = await ready
            self.epoch = (await self._line.ask(order, timeout_s=START_S)).epoch
        except BaseException as exc:
            await self.aclose()
            if isinstance(exc, TimeoutError):
                raise LabError("the lab's servers did not start") from exc
            raise
        finally:
            door.close()

    async def ask(self, ask: Ask) -> Told:
        """Send one order and return the answer.

        Raises:
            LabError: the servers went away, do not answer, or refuse.

        """
        if self._line is None:
            raise LabError("the lab does not run")
        told = await self._line.ask(ask, timeout_s=ANSWER_S)
        self.epoch = told.epoch
        return told

    async def set_time(self, now: datetime) -> None:
        """Make it ``now`` in the lab; the clock of this process is moved by who owns it."""
        await self.ask(SetTime(now))

    async def play(self, scenario: Scenario) -> None:
        """Put the censor of another scenario into this world."""
        self.scenario = scenario
        await self.ask(Play(scenario))

    async def counters(self) -> dict[str, int]:
        """Return what the servers counted: tcp, tls, http, dns, and each rule that hit."""
        return (await self.ask(Tell())).counts

    async def aclose(self) -> None:
        """End the servers; waits until they are gone."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        process, self._process = self._process, None
        if process is None:
            return
        if line is None:
            process.kill()
        try:
            await asyncio.to_thread(process.wait, END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        await self.aclose()
