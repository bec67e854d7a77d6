"""The throughput service's sockets: HTTP/1.1 over TLS, and on the same port number UDP.

Over UDP a call's datagrams and QUIC share one socket, told apart by their first byte (RFC 9443).
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from probe.control.throughput import Ration, ThroughputServer
from probe.errors import InputError
from probe.net.listen import Bounds, Listening, ServerTls, listening
from probe.net.listen_udp import DatagramBounds, Datagrammed, Taker, datagrams_at
from probe.net.quic import quic_is_here

__all__ = ["BOUNDS", "Door", "throughput_at"]

BOUNDS = Bounds(places=32, per_peer=4, connection_s=45.0)
"""A connection carries 512 KiB at most; who takes longer is slowed, and knows it by then."""

_DATAGRAMS = DatagramBounds()
_TRIES = 8  # for a number that is free for both, where any will do


@dataclass(slots=True)
class Door:
    """What is open."""

    listener: Listening
    server: ThroughputServer
    datagrams: Datagrammed
    quic: bool

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the bugs of ours that ended a connection or a datagram."""
        return tuple(sorted({*self.listener.problems, *self.datagrams.problems}))


@asynccontextmanager
async def throughput_at(
    address: str,
    port: int,
    ration: Ration,
    names: frozenset[str],
    tls: ServerTls,
    *,
    bounds: Bounds = BOUNDS,
    datagrams: DatagramBounds = _DATAGRAMS,
) -> AsyncIterator[Door]:
    """Serve at an IP literal under ``names`` for the length of the block (port 0: any).

    Raises:
        InputError: the address cannot be bound, or the certificate cannot be used.
        ForbiddenNetwork: the guard does not allow the address.

    """
    server = ThroughputServer(ration)
    named = replace(tls, names=names)
    for left in reversed(range(1 if port else _TRIES)):
        async with AsyncExitStack() as stack:
            listener = await stack.enter_async_context(
                listening(address, port, server.serve, tls=named, bounds=bounds)
            )
            taker = _quic(ration, names, tls, bounds)
            echo = datagrams_at(address, listener.port, ration.echo, taker=taker, bounds=datagrams)
            try:
                told = await stack.enter_async_context(echo)
            except InputError:
                if left:
                    continue
                raise
            yield Door(listener, server, told, taker is not None)
            return


def _quic(ration: Ration, names: frozenset[str], tls: ServerTls, bounds: Bounds) -> Taker | None:
    if not quic_is_here():
        return None
    from probe.control.throughput_quic import Http3Throughput

    return Http3Throughput(ration, names, tls, bounds)
