"""The lab's listening sockets: one a (view, transport, address, port), opened when first asked.

Everything listens on 127.0.0.1 or ::1. Two sockets stand for all that never answers: one with
a full backlog (a SYN to it is dropped by the kernel: a silent drop, without privileges) and
one that is bound and does not listen (a SYN to it is answered by RST: a closed port).
"""

import asyncio
import socket
from dataclasses import dataclass

from probe.lab.actions import Action, Layer
from probe.lab.connection import Connection
from probe.lab.datagram_server import DatagramServer
from probe.lab.situation import Situation, View
from probe.lab.speakers import Place
from probe.lab.world import Host
from probe.model.address import family_of

__all__ = ["Listeners", "Located"]

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_FILLERS = 8


@dataclass(frozen=True, slots=True)
class Located:
    """Where packets for an address of the world go; ``lasting`` until the standing rules change."""

    host: str
    port: int
    lasting: bool = True


class Listeners:
    """Opens and keeps the sockets; all end with ``close``."""

    def __init__(self, situation: Situation) -> None:
        """Serve ``situation``."""
        self._situation = situation
        self._open: dict[tuple[View, str, str, int], Located] = {}
        self._servers: list[asyncio.Server] = []
        self._transports: list[asyncio.DatagramTransport] = []
        self._connections: set[Connection] = set()
        self._dead: dict[tuple[str, int], Located] = {}
        self._sockets: list[socket.socket] = []

    async def locate(self, transport: str, address: str, port: int, *, control: View) -> Located:
        """Return where (transport, address, port) of the world is served just now."""
        family = family_of(address) or 4
        situation = self._situation
        known = situation.world.hosts.get(address)
        layer = Layer.TCP if transport == "tcp" else Layer.UDP
        request = situation.about_address(
            layer, known or situation.strangers(address), port, control=control
        )
        lasting = not situation.uncertain(request)
        rule = situation.decide(request)
        if rule is not None and rule.action is Action.DNS_INTERCEPT:
            resolver = situation.world.hosts[situation.world.nameserver]
            place = await self._served(transport, resolver, port, control)
        elif rule is not None and rule.action is Action.REFUSE:
            place = self._closed(transport, family)
        elif rule is not None or known is None:  # an empty address is silent, too
            place = await self._silent(transport, family)
        else:
            place = await self._served(transport, known, port, control)
        return place if lasting else Located(place.host, place.port, lasting=False)

    async def _served(self, transport: str, host: Host, port: int, control: View) -> Located:
        family = family_of(host.address) or 4
        if transport == "tcp":
            return await self._stream(host, port, control, family)
        return await self._datagrams(host, port, control, family)

    async def _stream(self, host: Host, port: int, control: View, family: int) -> Located:
        if port not in host.ports:
            return self._closed("tcp", family)
        key = (control, "tcp", host.address, port)
        if key not in self._open:
            loop = asyncio.get_running_loop()

            def connection() -> Connection:
                place = Place(self._situation, host, port, control=control)
                return Connection(lambda _: place, self._connections)

            server = await loop.create_server(
                connection, _LOOPBACK[family], 0, family=_FAMILY[family], backlog=1024
            )
            self._servers.append(server)
            self._open[key] = _at(server.sockets[0])
        return self._open[key]

    async def _datagrams(self, host: Host, port: int, control: View, family: int) -> Located:
        if not host.hears_datagrams(port):
            return self._closed("udp", family)
        key = (control, "udp", host.address, port)
        if key not in self._open:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: DatagramServer(self._situation, host, port, lambda _: control),
                local_addr=(_LOOPBACK[family], 0),
                family=_FAMILY[family],
            )
            self._transports.append(transport)
            self._open[key] = _at(transport.get_extra_info("socket"))
        return self._open[key]

    def _closed(self, transport: str, family: int) -> Located:
        """Return a port that is bound by us, so nobody else's, and does not listen."""
        if transport == "udp":  # a bound UDP socket swallows; a free port answers with ICMP
            return self._free_udp_port(family)
        key = ("closed", family)
        if key not in self._dead:
            sock = self._bound(socket.SOCK_STREAM, family)
            self._dead[key] = _at(sock)
        return self._dead[key]

    def _free_udp_port(self, family: int) -> Located:
        with socket.socket(_FAMILY[family], socket.SOCK_DGRAM) as sock:
            sock.bind((_LOOPBACK[family], 0))
            place = _at(sock)
        return Located(place.host, place.port, lasting=False)

    async def _silent(self, transport: str, family: int) -> Located:
        key = (f"silent {transport}", family)
        if key not in self._dead:
            if transport == "udp":
                self._dead[key] = _at(self._bound(socket.SOCK_DGRAM, family))
            else:
                self._dead[key] = await self._full(family)
        return self._dead[key]

    async def _full(self, family: int) -> Located:
        """Return a listener whose accept queue is full, and stays full: nobody accepts."""
        listener = self._bound(socket.SOCK_STREAM, family)
        listener.listen(0)
        where = listener.getsockname()[:2]
        for _ in range(_FILLERS):
            filler = socket.socket(_FAMILY[family], socket.SOCK_STREAM)
            filler.settimeout(0)
            filler.connect_ex(where)
            self._sockets.append(filler)
        await asyncio.sleep(0)
        return _at(listener)

    def _bound(self, kind: socket.SocketKind, family: int) -> socket.socket:
        sock = socket.socket(_FAMILY[family], kind)
        sock.settimeout(0)
        sock.bind((_LOOPBACK[family], 0))
        self._sockets.append(sock)
        return sock

    async def close(self) -> None:
        """Close every socket."""
        for server in self._servers:
            server.close()
        for transport in self._transports:
            transport.close()
        for connection in tuple(self._connections):
            connection.abort()
        for sock in self._sockets:
            sock.close()
        await asyncio.sleep(0)


def _at(sock: socket.socket) -> Located:
    host, port = sock.getsockname()[:2]
    return Located(str(host), int(port))
