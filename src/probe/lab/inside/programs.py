"""The programs of the real world in this namespace: configured, started, ended together."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from probe.lab.certificates import Certificates
from probe.lab.inside.allotment import (
    CADDY,
    NGINX,
    OBFS4PROXY,
    TOR,
    UNBOUND,
    Allotment,
    Door,
    Group,
)
from probe.lab.inside.caddy import caddy_config
from probe.lab.inside.keys import write_keys
from probe.lab.inside.nginx import nginx_config
from probe.lab.inside.origin import Origin
from probe.lab.inside.program import Program, find_program
from probe.lab.inside.tor import bridge_config, relay_config, write_identity
from probe.lab.inside.tunnel_programs import start_tunnel
from probe.lab.inside.tunnels import TUNNEL_PROGRAMS
from probe.lab.inside.unbound import Resolver, unbound_config
from probe.lab.situation import Situation
from probe.lab.world import World
from probe.model.address import family_of

__all__ = ["Programs"]


class Programs:
    """What an allotment gives to each program; files lie in one folder."""

    def __init__(self, situation: Situation, allotment: Allotment, folder: Path) -> None:
        """Serve the world of ``situation`` as ``allotment`` says."""
        self._situation = situation
        self._world: World = situation.world
        self._certificates: Certificates = situation.certificates
        self._allotment = allotment
        self._folder = folder
        self._origin = Origin(situation, folder / "origin.sock")
        self._running: list[Program] = []
        self._remembering: list[tuple[Program, Door]] = []

    async def start(self, name: str) -> None:
        """Start everything that the program called ``name`` serves.

        Raises:
            ProgramError: it did not start.

        """
        if name == UNBOUND:
            await self._resolvers()
            return
        if name in (TOR, OBFS4PROXY):
            await (self._relays() if name == TOR else self._bridge())
            return
        if name in TUNNEL_PROGRAMS:
            await self._tunnels(name)
            return
        await self._origin.open()
        await self._web(name, self._allotment.nginx if name == NGINX else self._allotment.caddy)

    async def _tunnels(self, name: str) -> None:
        for number, stand in enumerate(self._allotment.tunnels):
            if stand.program == name:
                folder = self._fresh(f"{name}-{number}")
                self._running.append(await start_tunnel(stand, number, folder, self._certificates))

    async def _resolvers(self) -> None:
        allotment, world = self._allotment, self._world
        authority = world.authority[0]
        if allotment.line_resolver:
            line = Resolver(
                doors=allotment.line_resolver, outgoing=world.nameserver, authority=authority
            )
            await self._unbound("line", line)
        if allotment.open_resolvers:
            names = self._names_of(allotment.open_resolvers)
            keys = write_keys(self._fresh("keys"), "resolver", names, self._certificates)
            resolver = Resolver(
                doors=allotment.open_resolvers,
                outgoing=world.open_resolver,
                authority=authority,
                subnets=True,
                keys=keys,
            )
            await self._unbound("open", resolver)

    async def _relays(self) -> None:
        doors = self._allotment.relays
        folder = self._fresh(TOR)
        write_identity(folder)
        first = next(door for door in doors if family_of(door[0]) == 4)
        await self._tor(relay_config(doors, folder), folder, first)

    async def _bridge(self) -> None:
        door = self._allotment.bridge
        if door is None:
            return
        folder = self._fresh(OBFS4PROXY)
        transport = find_program(OBFS4PROXY) or OBFS4PROXY
        await self._tor(bridge_config(door, folder, transport), folder, door)

    async def _tor(self, configuration: str, folder: Path, door: Door) -> None:
        file = folder / "torrc"
        file.write_text(configuration, encoding="utf-8")
        arguments = ["-f", str(file), "--defaults-torrc", os.devnull]
        await self._run(TOR, arguments, folder, door)

    def _names_of(self, doors: Sequence[Door]) -> list[str]:
        """Return every name and address of the open resolvers; unbound has one certificate."""
        addresses = [address for address, _ in doors]
        names = [name for address in addresses for name in self._world.hosts[address].names]
        return list(dict.fromkeys((*names, *addresses)))

    async def _unbound(self, label: str, resolver: Resolver) -> None:
        folder = self._fresh(f"{UNBOUND}-{label}")
        file = folder / "unbound.conf"
        file.write_text(unbound_config(resolver, folder), encoding="utf-8")
        door = resolver.doors[-1]
        program = await self._run(UNBOUND, ["-d", "-c", str(file)], folder, door)
        self._remembering.append((program, door))

    async def _web(self, name: str, groups: Sequence[Group]) -> None:
        folder = self._fresh(name)
        sites = [
            (
                group,
                write_keys(
                    folder, f"site{n}", (*group.names, *group.addresses), self._certificates
                ),
            )
            for n, group in enumerate(groups)
        ]
        if name == CADDY:
            file = folder / "caddy.json"
            file.write_text(caddy_config(sites, folder, self._origin.path), encoding="utf-8")
            arguments = ["run", "--config", str(file)]
        else:
            file = folder / "nginx.conf"
            file.write_text(nginx_config(sites, folder, self._origin.path), encoding="utf-8")
            arguments = ["-e", "stderr", "-p", str(folder), "-c", str(file)]
        await self._run(name, arguments, folder, (groups[-1].addresses[0], 443))

    async def _run(self, name: str, arguments: Sequence[str], folder: Path, door: Door) -> Program:
        program = Program(find_program(name) or name, arguments, folder)
        self._running.append(program)
        await program.start(door)
        return program

    def _fresh(self, name: str) -> Path:
        """Return an empty folder of that name."""
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    async def forget(self) -> None:
        """Start the resolvers anew: the name servers say something else now.

        The lab's time may jump by hours within seconds of the machine's, by which answers age.
        """
        for program, door in self._remembering:
            await program.end()
            await program.start(door)

    async def close(self) -> None:
        """End every program, the last one first, then the origin behind them."""
        self._remembering.clear()
        while self._running:
            await self._running.pop().end()
        await self._origin.close()
