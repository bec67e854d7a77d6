"""Everything that answers in this namespace: our own servers, name servers, and programs."""

import random
import shutil
import sys
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path

from probe.lab.certificates import Certificates
from probe.lab.inside.allotment import PROGRAMS, Allotment, allot
from probe.lab.inside.doors import Doors
from probe.lab.inside.program import ProgramError, find_program
from probe.lab.inside.programs import Programs
from probe.lab.inside.roles import diverted_part, served_part, standing_names
from probe.lab.messages import Play, Start
from probe.lab.rules import Rule, Scenario
from probe.lab.situation import Situation
from probe.lab.world import World, build_world
from probe.model.target import Service

__all__ = ["Internet"]

_NONLOCAL = Path("/proc/sys/net/ipv6/ip_nonlocal_bind")


class Internet:
    """The servers of one world; ``play`` changes the censor, or the world."""

    def __init__(self, start: Start) -> None:
        """Prepare what ``start`` asks for; ``open`` opens it."""
        self._start = start
        self._services: tuple[Service, ...] = start.services
        self._scenario: Scenario = start.scenario
        self._now: datetime = start.now
        self._made = None if start.folder else tempfile.mkdtemp(prefix="probe-lab-")
        self._folder = Path(start.folder or self._made or "")
        self._missing: set[str] = set()
        self._programs: Programs | None = None
        self._doors: Doors | None = None
        self._counts: Counter[str] = Counter()

    async def open(self) -> None:
        """Build the world and serve it.

        Raises:
            OSError: a socket cannot be opened here.
            ProbeError: the machine does not allow so many.

        """
        start, scenario = self._start, self._scenario
        _allow_any_address()
        self._world: World = build_world(self._services, scenario.country, cdn=scenario.cdn)
        certificates = Certificates(
            start.authorities, start.now, http2=start.http2, also=start.real
        )
        rng = random.Random(start.seed)  # noqa: S311 - a server's dice, not a secret
        self._direct, self._diverted = (
            Situation(self._world, part, certificates, now=self._now, rng=rng)
            for part in (served_part(scenario), diverted_part(scenario))
        )
        self._allotment = self._allotted(scenario)
        await self._serve()

    def _allotted(self, scenario: Scenario) -> Allotment:
        return allot(self._world, scenario, self._usable())

    def _usable(self) -> tuple[str, ...]:
        """Return the programs that are wanted and installed; say which ones are not."""
        wanted = [name for name in PROGRAMS if name in self._start.daemons]
        for name in wanted:
            if name not in self._missing and find_program(name) is None:
                self._without(name, "is not installed")
        return tuple(name for name in wanted if name not in self._missing)

    def _without(self, name: str, why: str) -> None:
        self._missing.add(name)
        print(f"lab: {name} {why}; the lab's own server answers", file=sys.stderr)  # noqa: T201 - the process has no other voice

    async def _serve(self) -> None:
        """Open everything; a program that fails gives its part back to our own servers."""
        shared = self._allotment
        self._doors = Doors(self._direct, self._diverted, shared.taken, shared.heard)
        await self._doors.open()
        self._programs = Programs(self._direct, self._allotment, self._folder)
        try:
            for name in self._allotment.programs():
                await self._programs.start(name)
        except ProgramError as exc:
            self._without(name, f"failed ({exc})")
            await self._shut()
            self._allotment = self._allotted(self._scenario)
            await self._serve()

    async def set_time(self, now: datetime) -> None:
        """Move the lab's clock."""
        before = standing_names(self._scenario, self._now)
        self._now = now
        self._direct.set_time(now)
        self._diverted.set_time(now)
        await self._forget(before)

    async def _forget(self, before: tuple[Rule, ...]) -> None:
        """Have resolvers forget when the name servers say something else than ``before``."""
        if self._programs is not None and before != standing_names(self._scenario, self._now):
            await self._programs.forget()

    async def play(self, order: Play) -> None:
        """Put another censor into this world, or build another world.

        Raises:
            OSError: a socket cannot be opened here.

        """
        scenario = order.scenario
        services = self._services if order.services is None else order.services
        before = (self._services, self._scenario.country, self._scenario.cdn)
        names = standing_names(self._scenario, self._now)
        self._services, self._scenario = services, scenario
        if before != (services, scenario.country, scenario.cdn):
            self._counts += self._direct.counts + self._diverted.counts
            await self._shut()
            await self.open()
            return
        self._direct.play(served_part(scenario))
        self._diverted.play(diverted_part(scenario))
        allotment = self._allotted(scenario)
        if allotment != self._allotment:
            await self._shut()
            self._allotment = allotment
            await self._serve()
        else:
            await self._forget(names)

    def counts(self) -> dict[str, int]:
        """Return what was counted: tcp, tls, http, dns, authority, and each rule that hit."""
        return dict(self._counts + self._direct.counts + self._diverted.counts)

    async def _shut(self) -> None:
        """End the programs, then our own sockets."""
        if self._programs is not None:
            await self._programs.close()
            self._programs = None
        if self._doors is not None:
            await self._doors.close()
            self._doors = None

    async def close(self) -> None:
        """End everything, and remove the folder if we made it."""
        await self._shut()
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)


def _allow_any_address() -> None:
    """Let programs bind IPv6 addresses that only a route makes local, as IPv4 allows by itself."""
    try:
        _NONLOCAL.write_text("1", encoding="ascii")
    except OSError as exc:
        print(f"lab: IPv6 addresses may not be bound ({exc})", file=sys.stderr)  # noqa: T201 - the process has no other voice
