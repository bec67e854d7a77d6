"""A scripted network, for tests of what stands above the seam: no socket, no waiting.

A deadline that would pass in reality passes at once here: silence is ``generic_timeout_error``
without delay.
"""

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from probe.model.failure import Failure
from probe.net.base import NetFailure, Resolved

__all__ = ["Conversation", "FakeDatagrams", "FakeNet", "FakeStream", "Tcp", "TlsServer", "Udp"]

_SILENCE: Failure = "generic_timeout_error"


class Conversation(Protocol):
    """What a scripted server says: bytes for the bytes that came, ``None`` to end the stream.

    It is called with ``b""`` once, when the connection opens.
    """

    def __call__(self, data: bytes, /) -> bytes | None:
        """Return what is sent back; ``b""`` is silence."""
        ...


@dataclass(frozen=True, slots=True)
class Tcp:
    """How one (address, port) behaves.

    ``connect`` is the failure of the connect, ``None`` lets it pass. ``replies`` are sent one by
    one, each after something was received; ``talk``, made anew for each connection, replaces
    them. ``reset_after`` resets once that many bytes were received from the client. When there
    is nothing more to say: ``then`` is the failure of the next read (``eof_error`` is a clean
    end, ``b""``).
    """

    connect: Failure | None = None
    replies: tuple[bytes, ...] = ()
    talk: Callable[[], Conversation] | None = None
    reset_after: int | None = None
    then: Failure = _SILENCE


@dataclass(frozen=True, slots=True)
class Udp:
    """How one (address, port) answers datagrams: ``answer`` gives the replies to one."""

    answer: Callable[[bytes], Iterable[bytes]] = lambda _data: ()
    then: Failure = _SILENCE


@dataclass
class FakeNet:
    """A network by script; what is not scripted does not answer.

    ``names`` maps (name, family) to addresses or a failure. ``dialled`` lists what was asked of
    it, in order: ("tcp", address, port), ("udp", address, port), ("name", name, family).
    """

    tcp: Mapping[tuple[str, int], Tcp] = field(default_factory=dict)
    udp: Mapping[tuple[str, int], Udp] = field(default_factory=dict)
    names: Mapping[tuple[str, int], tuple[str, ...] | Failure] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    dialled: list[tuple[str, str, int]] = field(default_factory=list)

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> "FakeStream":
        """Connect, as scripted."""
        del timeout_s
        self.dialled.append(("tcp", address, port))
        script = self.tcp.get((address, port), Tcp(connect=_SILENCE))
        if script.connect is not None:
            raise NetFailure(script.connect)
        return FakeStream(script)

    async def open_udp(self, address: str, port: int) -> "FakeDatagrams":
        """Open, as scripted."""
        self.dialled.append(("udp", address, port))
        return FakeDatagrams(self.udp.get((address, port), Udp()))

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        """Resolve, as scripted."""
        del timeout_s
        self.dialled.append(("name", name, family))
        said = self.names.get((name, family), "dns_nxdomain_error")
        if isinstance(said, str):
            raise NetFailure(said)
        return Resolved(said)

    def nameservers(self) -> tuple[str, ...]:
        """Return the scripted nameservers."""
        return self.servers


class FakeStream:
    """The client's end of a scripted connection."""

    def __init__(self, script: Tcp) -> None:
        """Play ``script``."""
        self._script = script
        self._talk = script.talk() if script.talk is not None else _one_by_one(script.replies)
        self._pending = b""
        self._over = False
        self._closed = False
        self.bytes_sent = 0
        self.bytes_received = 0
        self._hear(b"")

    def _hear(self, data: bytes) -> None:
        said = None if self._over else self._talk(data)
        if said is None:
            self._over = True
        else:
            self._pending += said

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        """Take ``data`` and let the script answer."""
        del timeout_s
        if self._closed:
            raise NetFailure("bad_file_descriptor")
        self.bytes_sent += len(data)
        if not self._reset:
            self._hear(data)

    @property
    def _reset(self) -> bool:
        limit = self._script.reset_after
        return limit is not None and self.bytes_sent >= limit

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        """Return what the script says next."""
        if self._closed:
            raise NetFailure("bad_file_descriptor")
        if self._reset:
            raise NetFailure("connection_reset")
        if timeout_s <= 0:
            raise NetFailure(_SILENCE)
        if self._pending:
            data, self._pending = self._pending[:max_bytes], self._pending[max_bytes:]
            self.bytes_received += len(data)
            return data
        if self._over or self._script.then == "eof_error":
            return b""
        raise NetFailure(self._script.then)

    async def aclose(self) -> None:
        """Close."""
        self._closed = True


def _one_by_one(replies: tuple[bytes, ...]) -> Conversation:
    left = list(replies)

    def talk(data: bytes, /) -> bytes:
        return left.pop(0) if data and left else b""

    return talk


class FakeDatagrams:
    """A scripted UDP socket."""

    def __init__(self, script: Udp) -> None:
        """Play ``script``."""
        self._script = script
        self._pending: list[bytes] = []
        self._closed = False
        self.bytes_sent = 0
        self.bytes_received = 0

    async def send(self, data: bytes) -> None:
        """Take one datagram and queue the script's answers."""
        if self._closed:
            raise NetFailure("bad_file_descriptor")
        self.bytes_sent += len(data)
        self._pending.extend(self._script.answer(data))

    async def receive(self, *, timeout_s: float) -> bytes:
        """Return the next answer."""
        if self._closed:
            raise NetFailure("bad_file_descriptor")
        if timeout_s <= 0:
            raise NetFailure(_SILENCE)
        if not self._pending:
            raise NetFailure(self._script.then)
        data = self._pending.pop(0)
        self.bytes_received += len(data)
        return data

    async def aclose(self) -> None:
        """Close."""
        self._closed = True


class TlsServer:
    """A conversation inside TLS: shakes hands with ``context``, then lets ``talk`` answer."""

    def __init__(self, context: ssl.SSLContext, talk: Conversation) -> None:
        """Serve one connection."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._talk = talk
        self._shaken = False

    def __call__(self, data: bytes, /) -> bytes | None:
        """Take bytes of the wire, return bytes for the wire."""
        self._incoming.write(data)
        try:
            self._serve()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            return self._outgoing.read() or None
        return self._outgoing.read()

    def _serve(self) -> None:
        if not self._shaken:
            self._tls.do_handshake()
            self._shaken = True
        while True:
            said = self._talk(self._tls.read(65_536))
            if said is None:
                self._tls.unwrap()  # close_notify; the client's own is not waited for
            elif said:
                self._tls.write(said)
