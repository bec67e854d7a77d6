"""Listening sockets: accepted connections as ``Stream``s, few at a time, each with a deadline.

A connection counts from its first packet, before its handshake: whoever opens many and says
nothing gets a fixed number of places, and one address gets a few of these. What is over that is
closed at once. Addresses of peers are held to count them, and are neither returned nor logged.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.net import guard
from probe.net.base import NetFailure, Stream, StreamServer
from probe.net.classify import classify

__all__ = ["Bounds", "Listening", "Serve", "ServerTls", "bound", "listening", "peer_of"]

Serve = Callable[[Stream], Awaitable[None]]
"""Serves one connection; it is closed afterwards, whatever came of it."""

_BACKLOG = 64
_CHUNK = 65_536
_NO_MORE_FILES_S = 0.2
_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class ServerTls:
    """PEM files of the certificate (with its chain) and its key.

    With ``names`` only a hello with one of these is answered; others get the alert
    ``unrecognized_name`` (RFC 6066 section 3).
    """

    certificate: Path
    key: Path
    names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may cost: how many at once, from one address, and seconds in all."""

    places: int = 64
    per_peer: int = 8
    handshake_s: float = 10.0
    connection_s: float = 120.0


@dataclass(slots=True)
class Listening(StreamServer):
    """A listening socket: connections turned away, and bugs of ours that ended one."""

    address: str
    port: int
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def aclose(self) -> None:
        """Stop listening; connections that are open end with the block of ``listening``."""
        self.closed.set()


@asynccontextmanager
async def listening(
    address: str, port: int, serve: Serve, *, tls: ServerTls | None, bounds: Bounds = Bounds()
) -> AsyncIterator[Listening]:
    """Listen on an IP literal (port 0: any) for the length of the block.

    Raises:
        InputError: the address cannot be bound, or the certificate and key cannot be used.
        ForbiddenNetwork: the guard does not allow the address.

    """
    context = None if tls is None else _context(tls)
    sock = bound(address, port, socket.SOCK_STREAM)
    with sock:
        place = sock.getsockname()
        server = Listening(str(place[0]), int(place[1]))
        door = _Door(sock, serve, context, bounds, server)
        failed: Exception | None = None
        async with asyncio.TaskGroup() as group:
            accepting = group.create_task(door.accept(group))
            try:
                yield server
            except Exception as exc:  # noqa: BLE001 - the block's, which is no matter of the group
                failed = exc
            finally:
                accepting.cancel()
                door.end()
        if failed is not None:
            raise failed


def _context(tls: ServerTls) -> ssl.SSLContext:
    """Return a context of TLS 1.3 only: in it the certificate is not seen on the way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0
    if tls.names is not None:
        context.sni_callback = _only(tls.names)
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: b"")
    except (OSError, ValueError) as exc:
        raise InputError(
            "the certificate and its key cannot be used together",
            file=str(tls.certificate),
            mend="give PEM files, the key without a password",
        ) from exc
    return context


def _only(
    names: frozenset[str],
) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], int | None]:
    """Return what refuses a hello without one of the names; case does not matter in them."""

    def pick(_tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        known = name is not None and name.lower() in names
        return None if known else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    return pick


def bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Return a socket that is bound, and listens where its kind does.

    Raises:
        InputError: the address cannot be bound.
        ForbiddenNetwork: the guard does not allow it.

    """
    guard.check(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, kind)
        try:
            sock.setblocking(False)  # noqa: FBT003 - the name of the flag is the method's
            if kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            if kind is socket.SOCK_STREAM:
                sock.listen(_BACKLOG)
        except BaseException:
            sock.close()
            raise
    except OSError as exc:
        raise InputError(f"cannot listen on {address} port {port}: {exc.strerror}") from exc
    return sock


class _Door:
    """Lets connections in, one by one, as long as there is a place."""

    def __init__(
        self,
        sock: socket.socket,
        serve: Serve,
        context: ssl.SSLContext | None,
        bounds: Bounds,
        server: Listening,
    ) -> None:
        self._sock = sock
        self._serve = serve
        self._context = context
        self._bounds = bounds
        self._server = server
        self._peers: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, group: asyncio.TaskGroup) -> None:
        """Accept until cancelled, or until the server is closed."""
        loop = asyncio.get_running_loop()
        closed = group.create_task(self._server.closed.wait())
        try:
            while not self._server.closed.is_set():
                accepting = asyncio.ensure_future(loop.sock_accept(self._sock))
                try:
                    await asyncio.wait({accepting, closed}, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:
                    _drop(accepting)
                    raise
                if not accepting.done():
                    _drop(accepting)
                    return
                if accepting.exception() is not None:  # no more descriptors, or the peer is gone
                    await asyncio.sleep(_NO_MORE_FILES_S)
                    continue
                sock, place = accepting.result()
                self._let_in(group, sock, peer_of(str(place[0])))
        finally:
            closed.cancel()

    def _let_in(self, group: asyncio.TaskGroup, sock: socket.socket, peer: str) -> None:
        full = len(self._tasks) >= self._bounds.places
        if full or self._peers[peer] >= self._bounds.per_peer:
            self._server.refused += 1
            sock.close()
            return
        self._peers[peer] += 1
        task = group.create_task(self._connection(sock))
        self._tasks.add(task)

        def left(done: asyncio.Task[None]) -> None:
            if done.cancelled():  # perhaps before its first step
                sock.close()
            self._tasks.discard(done)
            self._peers[peer] -= 1
            if not self._peers[peer]:
                del self._peers[peer]

        task.add_done_callback(left)

    async def _connection(self, sock: socket.socket) -> None:
        """Serve one connection within its time; nothing of it can end the server."""
        stream: _Accepted | None = None
        try:
            async with asyncio.timeout(self._bounds.connection_s):
                stream = await _accepted(sock, self._context, self._bounds.handshake_s)
                await self._serve(stream)
        except (OSError, NetFailure):  # the peer's doing; TimeoutError is an OSError
            pass
        except Exception as exc:  # noqa: BLE001 - the boundary of one connection of many
            self._server.problems.append(type(exc).__name__)
            del self._server.problems[:-_PROBLEMS]
        finally:
            if stream is None:
                sock.close()
            else:
                await stream.aclose()

    def end(self) -> None:
        """Break off what is still open."""
        for task in tuple(self._tasks):
            task.cancel()


def _drop(accepting: "asyncio.Future[tuple[socket.socket, Any]]") -> None:
    """Close what was accepted and is let in by nobody any more."""
    if not accepting.done():
        accepting.cancel()
    elif not accepting.cancelled() and accepting.exception() is None:
        accepting.result()[0].close()


def peer_of(address: str) -> str:
    """Return what is counted as one peer: an IPv4 address, or the /64 of an IPv6 one."""
    ip = parse_ip(address.partition("%")[0])
    if not isinstance(ip, ipaddress.IPv6Address):
        return address
    if ip.ipv4_mapped is not None:  # by a socket that takes both
        return str(ip.ipv4_mapped)
    return str(int(ip) >> 64)  # "::" hides zeros, so the text itself says nothing


async def _accepted(
    sock: socket.socket, context: ssl.SSLContext | None, handshake_s: float
) -> "_Accepted":
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_CHUNK, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol,
        sock,
        ssl=context,
        ssl_handshake_timeout=None if context is None else handshake_s,
        ssl_shutdown_timeout=None if context is None else 1.0,
    )
    return _Accepted(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


class _Accepted:
    """An accepted connection as a ``Stream``; counters are of what the application sees."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.bytes_sent = 0
        self.bytes_received = 0

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        """Send all of ``data``, as fast as the peer takes it."""
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(data)
                await self._writer.drain()
        except OSError as exc:
            raise NetFailure(classify(exc)) from exc
        self.bytes_sent += len(data)

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        """Return what has come, waiting at most ``timeout_s`` for a first byte."""
        try:
            async with asyncio.timeout(timeout_s):
                data = await self._reader.read(max_bytes)
        except OSError as exc:
            raise NetFailure(classify(exc)) from exc
        self.bytes_received += len(data)
        return data

    async def aclose(self) -> None:
        """Close; a peer that does not take the end of it is dropped."""
        with contextlib.suppress(OSError):
            self._writer.close()
            async with asyncio.timeout(2.0):
                await self._writer.wait_closed()
        transport = self._writer.transport
        transport.abort()
