"""The lab's own listening sockets: one a (address, port) of the world, thousands of them.

The namespace holds every address, so the kernel itself refuses what nobody listens on. Ports of
diverted flows are open on the wildcard addresses: there the address that a connection arrived at
says whom it was meant for, and the port before the shift says at which door.
"""

import asyncio
import resource
import socket
from collections.abc import Callable, Collection, Iterator

from probe.errors import ProbeError
from probe.lab.connection import Connection
from probe.lab.datagram_server import DatagramServer
from probe.lab.inside.authority import Authority, AuthorityDatagrams, AuthorityStream
from probe.lab.inside.geography import Geography
from probe.lab.path.diversion import OFFSET, shifted
from probe.lab.situation import Situation
from probe.lab.speakers import Place
from probe.lab.world import Host, World
from probe.model.address import family_of

__all__ = ["Doors", "raise_limit"]

SPARE = 512
"""Descriptors for connections and everything else, besides the listening sockets."""

BACKLOG = 1024
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - a namespace of our own, without a way out


def raise_limit(wanted: int) -> None:
    """Allow this process ``wanted`` open files.

    Raises:
        ProbeError: the machine's hard limit is lower.

    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ProbeError(f"this world needs {wanted} open files, and the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Doors:
    """Opens the sockets of one world; all end with ``close``."""

    def __init__(
        self,
        direct: Situation,
        diverted: Situation,
        taken: Collection[tuple[str, int]],
        heard: Collection[tuple[str, int]],
    ) -> None:
        """Serve ``direct`` at each host's own ports, ``diverted`` at the shifted ones.

        Connections to what is ``taken`` are somebody else's to serve, and so are datagrams to
        what is ``heard``.
        """
        self._direct = direct
        self._diverted = diverted
        self._taken = taken
        self._heard = heard
        self._world: World = direct.world
        self._geography = Geography(self._world)
        self._authority = Authority(direct, self._geography)
        self._servers: list[asyncio.Server] = []
        self._transports: list[asyncio.DatagramTransport] = []
        self._connections: set[Connection] = set()

    @property
    def count(self) -> int:
        """Return how many sockets listen."""
        return len(self._servers) + len(self._transports)

    async def open(self) -> None:
        """Open all sockets.

        Raises:
            OSError: an address cannot be bound.
            ProbeError: the machine does not allow so many.

        """
        doors = [(host, port, (host.address, port)) for host, port in self._doors()]
        own = [(host, port) for host, port, door in doors if door not in self._taken]
        raise_limit(SPARE + 3 * len(doors))
        for host, port in own:
            await self._stream(host.address, port, self._here(host, port))
        for port in sorted({port for _, port in self._doors() if port < OFFSET}):
            for family in (4, 6):
                await self._stream(_ANY[family], shifted(port), self._meant(port))
        for host, port, door in doors:
            if host.hears_datagrams(port) and door not in self._heard:
                await self._datagrams(host, port)
        for address in self._world.authority:
            await self._name_server(address)

    def _doors(self) -> Iterator[tuple[Host, int]]:
        for host in self._world.hosts.values():
            if host.address not in self._world.authority:
                yield from ((host, port) for port in sorted(host.ports))

    def _here(self, host: Host, port: int) -> Callable[[], asyncio.Protocol]:
        def find(transport: asyncio.Transport) -> Place:
            control = self._geography.abroad(_peer(transport))
            return Place(self._direct, host, port, control=control)

        return lambda: Connection(find, self._connections)

    def _meant(self, port: int) -> Callable[[], asyncio.Protocol]:
        def find(transport: asyncio.Transport) -> Place | None:
            host = self._world.hosts.get(str(transport.get_extra_info("sockname")[0]))
            if host is None or port not in host.ports:
                return None
            control = self._geography.abroad(_peer(transport))
            return Place(self._diverted, host, port, control=control)

        return lambda: Connection(find, self._connections)

    async def _stream(
        self, address: str, port: int, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        sock = _bound(address, port, socket.SOCK_STREAM)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(factory, sock=sock, backlog=BACKLOG)
        self._servers.append(server)

    async def _datagrams(self, host: Host, port: int) -> None:
        def protocol() -> DatagramServer:
            view = self._geography.abroad
            return DatagramServer(self._direct, host, port, view, mirror=True)

        await self._endpoint(host.address, port, protocol)

    async def _name_server(self, address: str) -> None:
        find = lambda: self._authority  # noqa: E731 - both transports ask for the same one
        await self._stream(address, 53, lambda: AuthorityStream(find))
        await self._endpoint(address, 53, lambda: AuthorityDatagrams(find))

    async def _endpoint(
        self, address: str, port: int, factory: Callable[[], asyncio.DatagramProtocol]
    ) -> None:
        sock = _bound(address, port, socket.SOCK_DGRAM)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(factory, sock=sock)
        self._transports.append(transport)

    async def close(self) -> None:
        """Close every socket and every connection."""
        for server in self._servers:
            server.close()
        for transport in self._transports:
            transport.close()
        for connection in tuple(self._connections):
            connection.abort()
        self._servers.clear()
        self._transports.clear()
        await asyncio.sleep(0)


def _peer(transport: asyncio.Transport) -> str:
    return str(transport.get_extra_info("peername")[0])


def _bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    family = _FAMILY[family_of(address) or 4]
    sock = socket.socket(family, kind)
    sock.settimeout(0)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
