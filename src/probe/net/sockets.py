"""Non-blocking sockets behind the seam's ``Stream`` and ``Datagrams``; IP literals only.

Reads and writes are tried at once and wait only when the kernel says so, which saves most trips
through the selector. The guard is asked before each dial.
"""

import asyncio
import contextlib
import errno
import socket
import sys

from probe.model.failure import Failure
from probe.net import guard
from probe.net.base import NetFailure
from probe.net.classify import classify

__all__ = ["SocketDatagrams", "SocketStream", "dial_tcp", "dial_udp"]

_SILENCE: Failure = "generic_timeout_error"
_MAX_DATAGRAM = 65_535
_AT_ONCE = 64
"""Reads in a row that never wait. Then the loop has a turn: who floods us must not stop its
timers, and with them every other measurement's deadline."""


async def dial_tcp(address: str, port: int, *, timeout_s: float) -> "SocketStream":
    """Connect to ``address`` and ``port`` within ``timeout_s``.

    Raises:
        NetFailure: when that fails.
        ForbiddenNetwork: when the guard does not allow the address.

    """
    guard.check(address)
    sock = _open(address, socket.SOCK_STREAM)
    loop, waited = asyncio.get_running_loop(), asyncio.Event()
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.call_soon(waited.set)  # not before the kernel has said that it tries
        async with asyncio.timeout(timeout_s):
            await loop.sock_connect(sock, (address, port))
    except OSError as exc:  # TimeoutError is one
        sock.close()
        raise NetFailure(_heard(sock, exc) if waited.is_set() else classify(exc)) from exc
    except BaseException:
        sock.close()
        raise
    return SocketStream(sock)


async def dial_udp(address: str, port: int) -> "SocketDatagrams":
    """Open a UDP socket connected to ``address`` and ``port``; sends nothing.

    Raises:
        NetFailure: when the kernel has no way there.
        ForbiddenNetwork: when the guard does not allow the address.

    """
    guard.check(address)
    sock = _open(address, socket.SOCK_DGRAM)
    try:
        sock.connect((address, port))
    except OSError as exc:
        sock.close()
        raise NetFailure(classify(exc)) from exc
    except BaseException:
        sock.close()
        raise
    return SocketDatagrams(sock)


def _heard(sock: socket.socket, exc: OSError) -> Failure:
    """Return the failure that an answer from the network brought.

    Linux says EACCES of an IPv6 packet that a router was told not to let through (ICMPv6 type 1,
    codes 1, 5 and 6, RFC 4443 3.1). Where a rule of this machine's own prohibits it, the same word
    comes at once; other systems may say theirs late, so there it stays this machine's, and so it
    does over IPv4, of which no answer becomes EACCES. A packet filter here that sends such an
    answer itself is not told from a router.
    """
    told = sys.platform == "linux" and sock.family == socket.AF_INET6
    return "host_unreachable" if told and exc.errno == errno.EACCES else classify(exc)


def _open(address: str, kind: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, kind)
    except OSError as exc:  # no IPv6 here, or out of file descriptors
        raise NetFailure(classify(exc)) from exc
    sock.settimeout(0.0)
    return sock


async def _next(
    sock: socket.socket, loop: asyncio.AbstractEventLoop, size: int, timeout_s: float
) -> bytes:
    """Return what has come; wait only when nothing has: asking the loop costs a turn of it.

    After the deadline nothing is read, also where more has come: some never stop sending.
    """
    if timeout_s <= 0:
        raise NetFailure(_SILENCE)
    try:
        try:
            return sock.recv(size)
        except (BlockingIOError, InterruptedError):
            async with asyncio.timeout(timeout_s):
                return await loop.sock_recv(sock, size)
    except OSError as exc:
        raise NetFailure(_heard(sock, exc)) from exc


class SocketStream:
    """A connected TCP socket."""

    __slots__ = ("_loop", "_reads", "_sock", "bytes_received", "bytes_sent")

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected, non-blocking socket."""
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._reads = 0
        self.bytes_sent = 0
        self.bytes_received = 0

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        """Send all of ``data`` within ``timeout_s``; counts what the kernel took."""
        try:
            sent = self._try_send(data)
            self.bytes_sent += sent
            if sent < len(data):
                async with asyncio.timeout(timeout_s):
                    await self._loop.sock_sendall(self._sock, memoryview(data)[sent:])
                self.bytes_sent += len(data) - sent
        except OSError as exc:
            raise NetFailure(classify(exc)) from exc

    def _try_send(self, data: bytes) -> int:
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        """Return what has come, waiting at most ``timeout_s`` for a first byte."""
        self._reads += 1
        if self._reads % _AT_ONCE == 0:
            await asyncio.sleep(0)
        data = await _next(self._sock, self._loop, max_bytes, timeout_s)
        self.bytes_received += len(data)
        return data

    async def aclose(self) -> None:
        """Close at once; what was not sent yet is the kernel's to deliver."""
        with contextlib.suppress(OSError):
            self._sock.close()


class SocketDatagrams:
    """A connected UDP socket."""

    __slots__ = ("_loop", "_sock", "bytes_received", "bytes_sent")

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected, non-blocking socket."""
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self.bytes_sent = 0
        self.bytes_received = 0

    async def send(self, data: bytes) -> None:
        """Send one datagram; a full buffer is a failure, as it is for the kernel."""
        try:
            self._sock.send(data)
        except OSError as exc:
            raise NetFailure(classify(exc)) from exc
        self.bytes_sent += len(data)

    async def receive(self, *, timeout_s: float) -> bytes:
        """Return the next datagram within ``timeout_s``."""
        data = await _next(self._sock, self._loop, _MAX_DATAGRAM, timeout_s)
        self.bytes_received += len(data)
        return data

    async def aclose(self) -> None:
        """Close; never raises."""
        with contextlib.suppress(OSError):
            self._sock.close()
