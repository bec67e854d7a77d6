"""A running lab in namespaces: its parts, put together and taken apart in order."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from probe.lab.ca import Authority, AuthorityName, make_authority
from probe.lab.line import LabError
from probe.lab.messages import Start
from probe.lab.netns.atlas import write_maps
from probe.lab.netns.box import Box
from probe.lab.netns.children import Birth, Children, spawn
from probe.lab.netns.command import run_command, terminal_in_front
from probe.lab.netns.director import Director, Played
from probe.lab.netns.lab_time import LabTime
from probe.lab.netns.namespaces import Ground, Place, make_ground
from probe.lab.netns.orders import SOCKET, serve_orders
from probe.lab.netns.passage import Passage
from probe.lab.netns.request import CONTROL_VARIABLE, LabRequest
from probe.lab.netns.staff import Surroundings, start_workers
from probe.lab.netns.wiring import Wiring
from probe.lab.path.plumbing import standard_hops
from probe.net.pcap import Tape

__all__ = ["BuiltLab"]

_ERRORS = 2


class BuiltLab:
    """One lab, from its namespaces to the command's end."""

    def __init__(
        self,
        request: LabRequest,
        folder: Path,
        tape: BinaryIO | None,
        said: Callable[[str], None],
    ) -> None:
        """Prepare; nothing is made before ``run``. ``folder`` is private, and vanishes."""
        self._request = request
        self._folder = folder
        self._file = tape
        self._said = said
        self._children = Children()
        self._running = False
        self._played = Played(request.services, request.scenario, request.at)
        middle = request.at + (request.real - request.at) / 2
        self._authorities: dict[AuthorityName, Authority] = {
            name: make_authority(name, middle) for name in AuthorityName
        }

    async def run(self, alive: int) -> int:
        """Build everything, run the command, return its exit code; ``alive`` ends with who asks.

        Raises:
            LabError: a part could not be built or started.

        """
        loop = asyncio.get_running_loop()
        self._children.watch(loop)
        time = LabTime(self._request.at, loop.time)
        async with AsyncExitStack() as stack:
            ground = make_ground()
            wiring = Wiring(ground, tun=self._request.tun)
            wires = wiring.lay(self._played.addresses)
            path = self._passage(time)
            tape = self._tape(time, stack)
            box = Box(path, wires, tape=tape)
            box.open(loop)
            stack.callback(box.close)
            director = self._director(wiring, path, box, time, tape)
            around = self._surroundings(ground)
            self._map(time)
            await self._open(director, around, time, stack)
            self._describe(around)
            self._serve(around)
            self._running = True
            code = await self._command(around, alive)
            self._running = False
        for fault in box.faults:
            self._said(f"a fault of the lab's own lost a packet: {fault}")
        return code

    def _surroundings(self, ground: Ground) -> Surroundings:
        return Surroundings(
            ground,
            self._folder,
            self._played.addresses,
            self._authorities,
            self._request.environment,
            self._request.sysfs,
        )

    def _map(self, time: LabTime) -> None:
        """Write down whose the routers are, for who traces."""
        country = self._played.scenario.country
        hops, now = standard_hops(), time.now()
        write_maps(self._folder, hops, country, built_epoch=int(now.timestamp()))

    def _passage(self, time: LabTime) -> Passage:
        rng = random.Random(self._request.seed)  # noqa: S311 - a censor's dice, not a secret
        played = self._played
        return Passage(played.world, played.scenario, played.addresses, now=time.now(), rng=rng)

    def _tape(self, time: LabTime, stack: AsyncExitStack) -> Tape | None:
        if self._file is None:
            return None
        loop = asyncio.get_running_loop()
        tape = Tape(self._file, lambda: time.now().timestamp(), loop.time())
        stack.callback(tape.close)
        return tape

    def _director(
        self, wiring: Wiring, path: Passage, box: Box, time: LabTime, tape: Tape | None
    ) -> Director:
        """Put the line into its first state, and return who changes it."""
        loop = asyncio.get_running_loop()

        def arrange(played: Played, tunnelled: bool) -> None:
            wiring.arrange(box, path, played, tunnelled=tunnelled)

        def turned() -> None:
            if tape is not None:
                tape.turn(loop.time())

        arrange(self._played, self._played.scenario.line.tunnelled(time.now()))
        return Director(
            self._played,
            path,
            time,
            authorities=self._authorities,
            seed=self._request.seed,
            arrange=arrange,
            turned=turned,
        )

    async def _open(
        self, director: Director, around: Surroundings, time: LabTime, stack: AsyncExitStack
    ) -> None:
        """Start the servers and the control abroad, wait for them, and take orders."""
        hired = await start_workers(around, self._children, self._said, stack)
        director.hire(inside=hired[Place.INTERNET], abroad=hired[Place.ABROAD])
        daemons = self._folder / "daemons"
        daemons.mkdir(mode=0o755)
        await director.open(
            Start(
                services=self._request.services,
                scenario=self._request.scenario,
                authorities=self._authorities,
                now=time.now(),
                seed=self._request.seed,
                real=self._request.real,
                daemons=self._request.daemons,
                folder=str(daemons),
            )
        )
        await stack.enter_async_context(self._taking_orders(director))

    @asynccontextmanager
    async def _taking_orders(self, director: Director) -> AsyncIterator[None]:
        """Answer the control socket, and move the time on."""
        server = await serve_orders(director, self._folder)
        ticking = asyncio.get_running_loop().create_task(director.tick())
        try:
            yield
        finally:
            server.close()
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError, LabError):
                await ticking

    def _describe(self, around: Surroundings) -> None:
        """Say what was built, so that a person knows where he is."""
        request, a, world = self._request, self._played.addresses, self._played.world
        wires = "TUN" if request.tun else "AF_PACKET"
        programs = ", ".join(request.daemons) or "none, the lab's own servers only"
        built = f"{len(world.sites)} names, {len(world.hosts)} addresses"
        bundle = around.bundle(Place.VANTAGE)
        self._said(f"The lab is up: scenario {request.scenario.name}, {built}; no way leads out.")
        self._said(
            f"line: {a.line_v4} by {a.line_gateway_v4}, seen as {a.line_public_v4}; "
            f"wires by {wires}; resolver: {a.nameserver}"
        )
        self._said(f"authorities: in the system's bundle and in certifi's; also {bundle}")
        self._said(f"time: {request.at:%Y-%m-%d %H:%M} UTC; programs of the real world: {programs}")

    def _serve(self, around: Surroundings) -> None:
        """Start the caller's own server in the internet; it ends with the lab.

        Raises:
            LabError: it could not be started.

        """
        if not self._request.server:
            return
        place = Place.INTERNET
        variables = around.variables(place)
        birth = Birth(  # data is the command's: what a server says goes where words go
            self._request.server, place, around.outlook(place), variables, stdout=_ERRORS
        )
        pid = spawn(around.ground, birth)

        def ended(code: "asyncio.Future[int]") -> None:
            if self._running and not code.cancelled():
                self._said(f"the server of --server ended with code {code.result()}")

        self._children.end_of(pid).add_done_callback(ended)

    async def _command(self, around: Surroundings, alive: int) -> int:
        control = str(self._folder / SOCKET)
        birth = Birth(
            self._request.command,
            Place.VANTAGE,
            around.outlook(Place.VANTAGE),
            around.variables(Place.VANTAGE) | {CONTROL_VARIABLE: control},
            terminal=terminal_in_front(),
        )
        return await run_command(around.ground, self._children, birth, alive)
