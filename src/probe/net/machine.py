"""The network that this machine is in: its sockets, its resolver, its configured nameservers.

Which network that is, and whether it may be used, is for ``RealNet`` and ``LabNet`` to say.
"""

import asyncio
import contextlib
import socket
import threading
from functools import cached_property

from probe.net.base import NetFailure, Resolved
from probe.net.classify import classify
from probe.net.sockets import SocketDatagrams, SocketStream, dial_tcp, dial_udp

__all__ = ["RESOLVER_THREADS", "MachineNet"]

RESOLVER_THREADS = 16
_MAX_ADDRESSES = 32


class MachineNet:
    """Sockets and lookups of this machine; the guard is asked before each dial."""

    def __init__(self) -> None:
        """Prepare; sends nothing."""
        self._lookups = asyncio.Semaphore(RESOLVER_THREADS)

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> SocketStream:
        """Connect to an IP literal."""
        return await dial_tcp(address, port, timeout_s=timeout_s)

    async def open_udp(self, address: str, port: int) -> SocketDatagrams:
        """Open a connected UDP socket to an IP literal."""
        return await dial_udp(address, port)

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        """Ask getaddrinfo, in a thread, within ``timeout_s``.

        A lookup cannot be stopped: one that is late ends by itself and its answer is thrown
        away. The threads are bounded, and are daemons, so that no lookup delays an exit; when
        all of them hang, a further lookup waits for one and times out.

        Raises:
            NetFailure: when it fails or is late.

        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._lookups.acquire()
                return await _in_thread(name, family, self._lookups)
        except UnicodeError as exc:
            raise NetFailure("invalid_argument") from exc
        except OSError as exc:
            raise NetFailure(classify(exc)) from exc

    def nameservers(self) -> tuple[str, ...]:
        """Return the configured nameservers (IP literals; encrypted ones are left out)."""
        return self._nameservers

    @cached_property
    def _nameservers(self) -> tuple[str, ...]:
        import dns.exception
        import dns.resolver

        try:
            found = dns.resolver.Resolver(configure=True).nameservers
        except (dns.exception.DNSException, OSError):
            return ()
        return tuple(server for server in found if isinstance(server, str) and "/" not in server)


async def _in_thread(name: str, family: int, places: asyncio.Semaphore) -> Resolved:
    """Run one lookup in a thread of its own, which gives its place back when it ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Resolved] = loop.create_future()

    def settle(resolved: Resolved | None, error: Exception | None) -> None:
        places.release()
        if future.done():  # late, or cancelled
            return
        if resolved is not None:
            future.set_result(resolved)
        elif error is not None:
            future.set_exception(error)

    def work() -> None:
        resolved: Resolved | None = None
        error: Exception | None = None
        try:
            resolved = _lookup(name, family)
        except Exception as exc:  # noqa: BLE001 - a task boundary: it is raised where it is awaited
            error = exc
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, resolved, error)

    threading.Thread(target=work, name="getaddrinfo", daemon=True).start()
    return await future


def _lookup(name: str, family: int) -> Resolved:
    wanted = socket.AF_INET6 if family == 6 else socket.AF_INET
    flags = socket.AI_CANONNAME
    rows = socket.getaddrinfo(name, None, wanted, socket.SOCK_STREAM, 0, flags)
    addresses = tuple(dict.fromkeys(str(row[4][0]) for row in rows))[:_MAX_ADDRESSES]
    canonical = next((row[3] for row in rows if row[3]), None)
    return Resolved(addresses, canonical if canonical != name else None)
