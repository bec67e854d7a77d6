"""Sockets whose packets live for a given number of hops: the kernel's own TCP and UDP.

No packet is made by hand. A TCP connection is made with the usual life; then the socket's TTL is
lowered (``IP_TTL``, ``IPV6_UNICAST_HOPS``), and what is written from then on, retransmissions
too, dies on the way. The kernel never sees a connection that it does not know, so it has no
reason to reset one, and no firewall rule has to keep it from that.

Before a connection is given up its TTL is put back, so that the RST that ends it (SO_LINGER 0)
reaches the server, which would otherwise wait for the rest.
"""

import asyncio
import contextlib
import errno
import socket
import struct

from probe.net import guard
from probe.net.base import NetFailure
from probe.net.classify import classify

__all__ = ["Expiring", "connected", "datagrams", "unconnected"]

_USUAL = -1
"""Asks the kernel for its default again."""

_LINGER_NOT = struct.pack("ii", 1, 0)
_IN_PROGRESS = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, 0})


class Expiring:
    """One socket to one place; ``port`` is its own port, ``own`` its own address."""

    def __init__(self, sock: socket.socket, address: str, port: int) -> None:
        """Take over a non-blocking socket."""
        self._sock = sock
        self._place = (address, port)
        self._six = sock.family == socket.AF_INET6

    @property
    def own(self) -> str:
        """Return the address that it sends from."""
        return str(self._sock.getsockname()[0])

    @property
    def port(self) -> int:
        """Return the port that it sends from."""
        return int(self._sock.getsockname()[1])

    def live(self, hops: int) -> None:
        """Let what is sent from now on live for ``hops`` (1 to 255)."""
        self._set(hops)

    def _set(self, hops: int) -> None:
        if self._six:
            self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        else:
            self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)

    def send(self, data: bytes) -> None:
        """Send; an error that waits on the socket (an ICMP message, a RST) is read by others.

        The kernel tells such an error in place of sending, and once: it is sent then. A trigger
        fits into the kernel's buffer: what it does not take at once is not sent.
        """
        for _ in range(2):
            try:
                self._sock.send(data)
            except BlockingIOError:
                return
            except OSError:
                continue
            return

    def knock(self) -> None:
        """Start to connect, with the life that is set; what comes of it is read elsewhere.

        Raises:
            NetFailure: the kernel has no way there.

        """
        guard.check(self._place[0])
        code = self._sock.connect_ex(self._place)
        if code not in _IN_PROGRESS:
            raise NetFailure(classify(OSError(code, "")))

    def close(self) -> None:
        """Give it up; a connection is reset, with a packet that reaches the server."""
        with contextlib.suppress(OSError):
            self._set(_USUAL)
            if self._sock.type == socket.SOCK_STREAM:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._sock.close()


def _open(address: str, port: int, kind: int) -> Expiring:
    guard.check(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, kind)
    except OSError as exc:
        raise NetFailure(classify(exc)) from exc
    sock.settimeout(0.0)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Expiring(sock, address, port)


async def connected(address: str, port: int, *, timeout_s: float) -> Expiring:
    """Return a TCP connection to an IP literal, made with the usual life.

    Raises:
        NetFailure: it could not be made in time.
        ForbiddenNetwork: the guard does not allow the address.

    """
    expiring = _open(address, port, socket.SOCK_STREAM)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            await loop.sock_connect(expiring._sock, (address, port))
    except OSError as exc:
        expiring.close()
        raise NetFailure(classify(exc)) from exc
    except BaseException:
        expiring.close()
        raise
    return expiring


def unconnected(address: str, port: int) -> Expiring:
    """Return a TCP socket that has not knocked yet.

    Raises:
        NetFailure: there is no such socket here.
        ForbiddenNetwork: the guard does not allow the address.

    """
    return _open(address, port, socket.SOCK_STREAM)


def datagrams(address: str, port: int) -> Expiring:
    """Return a UDP socket connected to an IP literal; nothing is sent.

    Raises:
        NetFailure: the kernel has no way there.
        ForbiddenNetwork: the guard does not allow the address.

    """
    expiring = _open(address, port, socket.SOCK_DGRAM)
    try:
        expiring.knock()
    except BaseException:
        expiring.close()
        raise
    return expiring
