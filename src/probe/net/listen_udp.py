"""A UDP socket that answers: never more than was asked, and not too often for anybody.

Who sends a datagram under somebody else's address has the answer sent there. So an answer is
never longer than its question, a peer has a budget of bytes, and so have all together. What is
over it is dropped without a word. Only a ``Taker`` sends on its own account, to addresses that
have shown that they receive; what begins a conversation with it counts like all else.
"""

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from probe.net.bucket import TokenBucket
from probe.net.listen import bound, peer_of

__all__ = ["Answer", "DatagramBounds", "Datagrammed", "Taker", "datagrams_at"]

Answer = Callable[[bytes], bytes | None]
"""What a datagram is answered with; ``None`` is silence."""


class Taker(Protocol):
    """Who takes the datagrams that are its own, and sends by itself (QUIC)."""

    def is_mine(self, datagram: bytes) -> bool:
        """Return whether a datagram is of its protocol."""
        ...

    def is_known(self, datagram: bytes) -> bool:
        """Return whether one of its protocol is of a conversation that has begun."""
        ...

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        """Get to know the socket."""
        ...

    def take(self, datagram: bytes, peer: tuple[Any, ...]) -> None:
        """Take one."""
        ...

    def close(self) -> None:
        """End what is open."""
        ...


@dataclass(frozen=True, slots=True)
class DatagramBounds:
    """Bytes a second that are read: of one peer, of all; and how many peers are known.

    A datagram counts for ``least`` at least: a small one takes as long to refuse. ``strangers`` is
    how many datagrams a second are read of peers that were never answered: each is tried with
    every key there is, and whoever invents senders has as many of them as he likes.
    """

    per_peer: float = 32_000.0
    per_peer_burst: float = 64_000.0
    in_all: float = 1_000_000.0
    in_all_burst: float = 2_000_000.0
    peers: int = 1_024
    least: int = 200
    strangers: float = 100.0
    strangers_burst: float = 200.0


@dataclass(slots=True)
class _Peer:
    """What a peer may still send, in bytes; ``met`` is whether it was answered."""

    bucket: TokenBucket
    met: bool = False


@dataclass(slots=True)
class Datagrammed:
    """A socket that answers; counts are of datagrams."""

    address: str
    port: int
    answered: int = 0
    dropped: int = 0
    problems: list[str] = field(default_factory=list)


_PROBLEMS = 20


class _Door(asyncio.DatagramProtocol):
    """Answers what is asked, as far as the buckets go."""

    def __init__(
        self, answer: Answer, taker: Taker | None, bounds: DatagramBounds, told: Datagrammed
    ) -> None:
        self._answer = answer
        self._taker = taker
        self._bounds = bounds
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._all = TokenBucket(bounds.in_all, bounds.in_all_burst)
        self._strangers = TokenBucket(bounds.strangers, bounds.strangers_burst)
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        if self._taker is not None:
            self._taker.connection_made(self._transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        taker = self._taker
        if taker is None or not taker.is_mine(data):
            taker = None
        peer = peer_of(str(addr[0]))
        known = taker is not None and taker.is_known(data)
        if not known and not self._may(len(data), peer, tried=taker is None):
            self._told.dropped += 1
        elif taker is not None:
            self._safely(lambda: taker.take(data, addr))
        else:
            self._safely(lambda: self._reply(data, addr, peer))

    def _safely(self, work: Callable[[], None]) -> None:
        """Do it; nothing in one datagram ends the server."""
        try:
            work()
        except Exception as exc:  # noqa: BLE001 - the boundary of one datagram of many
            self._told.problems.append(type(exc).__name__)
            del self._told.problems[:-_PROBLEMS]

    def _reply(self, data: bytes, addr: tuple[Any, ...], peer: str) -> None:
        reply = self._answer(data)
        if reply is None or len(reply) > len(data):
            self._told.dropped += 1
            return
        self._transport.sendto(reply, addr)
        self._told.answered += 1
        self._peers[peer].met = True

    def _may(self, size: int, peer: str, *, tried: bool) -> bool:
        """Return whether a peer's next bytes may be read; the longest silent are forgotten.

        A stranger over what is read of strangers is not remembered: nobody is forgotten for him.
        ``tried`` is for what is tried with every key.
        """
        now_s = self._loop.time()
        bounds, cost = self._bounds, max(size, self._bounds.least)
        known = self._peers.get(peer)
        met = known is not None and known.met
        if tried and not met and not self._strangers.take(1, now_s):
            return False
        if known is None:
            known = _Peer(TokenBucket(bounds.per_peer, bounds.per_peer_burst))
        if not known.bucket.take(cost, now_s) or not self._all.take(cost, now_s):
            return False
        self._peers[peer] = known
        self._peers.move_to_end(peer)
        while len(self._peers) > bounds.peers:
            self._peers.popitem(last=False)
        return True


@asynccontextmanager
async def datagrams_at(
    address: str,
    port: int,
    answer: Answer,
    *,
    taker: Taker | None = None,
    bounds: DatagramBounds = DatagramBounds(),
) -> AsyncIterator[Datagrammed]:
    """Answer datagrams at an IP literal (port 0: any) for the length of the block.

    ``taker`` gets those that are its own protocol's.

    Raises:
        InputError: the address cannot be bound.
        ForbiddenNetwork: the guard does not allow the address.

    """
    sock = bound(address, port, socket.SOCK_DGRAM)
    place = sock.getsockname()
    told = Datagrammed(str(place[0]), int(place[1]))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Door(answer, taker, bounds, told), sock=sock
    )
    try:
        yield told
    finally:
        if taker is not None:
            with contextlib.suppress(OSError):
                taker.close()
        transport.close()
