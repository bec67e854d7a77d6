"""A QUIC handshake over the seam's datagrams (RFC 9000, 9001), by aioquic (extra ``quic``).

aioquic keeps the protocol's state and opens no socket: what it wants to send goes out through
``Datagrams``, what comes in is handed to it, and its timers are served from here. The certificate
is judged apart (``net.trust``); of aioquic's own checks only the proof of possession is used.

Until the first answer at most three datagrams are sent, a second and more apart.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.model.failure import Failure, unknown_failure
from probe.net.alerts import ALERTS, alert_failure
from probe.net.base import Datagrams, NetFailure

if TYPE_CHECKING:
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

__all__ = [
    "QuicDriver",
    "QuicHandshake",
    "initial_datagram",
    "quic_configuration",
    "quic_handshake",
    "quic_is_here",
    "unbroken",
]

_T = TypeVar("_T")
_UNANSWERED = 3
_INITIAL_RTT_S = 0.5
"""The first timeout is twice this (RFC 9002 section 6.2.2), and doubles each time."""

_SILENCE: Failure = "generic_timeout_error"
_CRYPTO_ERROR = 0x100  # RFC 9001 section 4.8: this and a TLS alert
_MOST_DATAGRAMS = 256
_PINGS = (1, 2)
_PEER = ("192.0.2.1", 443)
"""What aioquic knows the other side by: there is one, and its address stays ours to know."""


@dataclass(slots=True)
class QuicHandshake:
    """How a handshake went; what is ``None`` or empty was not come to.

    ``completed`` is whether the handshake was; ``after`` whether a PING came back then. ``failure``
    is of the handshake, or of the PING where ``completed``.
    """

    failure: Failure | None = None
    completed: bool = False
    after: bool = False
    alert: str | None = None
    alpn: str | None = None
    version: str | None = None
    cipher: str | None = None
    chain: tuple[bytes, ...] = field(default=())
    sent: int = 0  # datagrams
    received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


@cache
def quic_is_here() -> bool:
    """Return whether the extra ``quic`` is installed."""
    return find_spec("aioquic") is not None


def initial_datagram(sni: str | None, alpn: tuple[str, ...]) -> bytes:
    """Return a new first datagram of a client: an Initial with its ClientHello.

    Raises:
        InputError: the extra ``quic`` is not installed.

    """
    if not quic_is_here():
        raise InputError("aioquic is not installed", mend="install the extra, probe[quic]")
    from aioquic.quic.connection import QuicConnection

    quic = QuicConnection(configuration=quic_configuration(sni, alpn))
    quic.connect(_PEER, now=0.0)
    return quic.datagrams_to_send(now=0.0)[0][0]


async def quic_handshake(
    datagrams: Datagrams, *, sni: str | None, alpn: tuple[str, ...], timeout_s: float
) -> QuicHandshake:
    """Shake hands, ask for one PING, and say goodbye; a failure is in the result, never raised.

    An address literal sends no name. Each of the two parts has ``timeout_s``.
    """
    told = QuicHandshake()
    before = datagrams.bytes_sent, datagrams.bytes_received
    driver = QuicDriver(datagrams, quic_configuration(sni, alpn), told)
    try:
        await driver.run(timeout_s)
    except NetFailure as exc:
        told.failure = exc.failure
    finally:
        told.bytes_sent = datagrams.bytes_sent - before[0]
        told.bytes_received = datagrams.bytes_received - before[1]
    return told


def quic_configuration(sni: str | None, alpn: tuple[str, ...]) -> "QuicConfiguration":
    """Return a client's configuration; an address literal sends no name."""
    from aioquic.quic.configuration import QuicConfiguration

    named = None if sni is None or parse_ip(sni) is not None else sni
    return QuicConfiguration(
        is_client=True,
        alpn_protocols=list(alpn) or None,
        server_name=named,
        verify_mode=ssl.CERT_NONE,
        initial_rtt=_INITIAL_RTT_S,
        idle_timeout=60.0,
    )


class QuicDriver:
    """Moves datagrams between aioquic and the network, on a clock that never stands still.

    The scripted network answers a wait at once; a timer that was waited for is then due, whatever
    the loop's clock says.
    """

    most_datagrams = _MOST_DATAGRAMS

    def __init__(
        self, datagrams: Datagrams, configuration: "QuicConfiguration", told: QuicHandshake
    ) -> None:
        """Make a client of ``configuration`` that notes in ``told`` how it goes."""
        from aioquic.quic.connection import QuicConnection

        self._datagrams = datagrams
        self._told = told
        self._quic: QuicConnection = QuicConnection(configuration=configuration)
        self._now_s = 0.0
        self._acknowledged: set[int] = set()

    async def run(self, timeout_s: float) -> None:
        """Shake hands, look whether packets pass after that, close."""
        self._quic.connect(_PEER, now=self._clock())
        try:
            await self._until(lambda: self._told.completed, timeout_s)
            self._read_peer()
            if self._told.failure is None:
                await self._ping(timeout_s)
        finally:
            await self._goodbye()

    async def _ping(self, timeout_s: float) -> None:
        """Ask for two PINGs in turn; the first may travel in the handshake's last datagrams."""
        for number in _PINGS:
            self._quic.send_ping(number)
            await self._until(partial(self._acknowledged.__contains__, number), timeout_s)
        self._told.after = self._acknowledged >= set(_PINGS)

    def _clock(self) -> float:
        self._now_s = max(self._now_s, asyncio.get_running_loop().time())
        return self._now_s

    async def _until(self, reached: Callable[[], bool], timeout_s: float) -> None:
        """Serve the connection until ``reached``, it ends, or ``timeout_s`` has passed.

        Raises:
            NetFailure: the network refused, or said nothing in time.

        """
        ends_s = self._clock() + timeout_s
        while not self._over() and not reached():
            await self._flush()
            now_s = self._clock()
            if now_s >= ends_s or self._told.received > self.most_datagrams:
                raise NetFailure(_SILENCE)
            due_s = min(self._quic.get_timer() or ends_s, ends_s)
            try:
                data = await self._datagrams.receive(timeout_s=max(0.001, due_s - now_s))
            except NetFailure as exc:
                if exc.failure != _SILENCE:
                    raise
                self._now_s = max(self._clock(), due_s)
                unbroken(partial(self._quic.handle_timer, now=self._now_s))
            else:
                self._told.received += 1
                self._take(data)

    def _take(self, data: bytes) -> None:
        """Hand a datagram to aioquic.

        Raises:
            NetFailure: it broke over these bytes, which may be anybody's.

        """
        receive = self._quic.receive_datagram
        unbroken(partial(receive, data, _PEER, now=self._clock()))

    async def _flush(self) -> None:
        """Send what is due; to somebody who never answered no more than three."""
        due = partial(self._quic.datagrams_to_send, now=self._clock())
        for data, _ in unbroken(due):
            if self._told.received or self._told.sent < _UNANSWERED:
                await self._datagrams.send(data)
                self._told.sent += 1

    def _over(self) -> bool:
        """Take note of what has happened; return whether the connection has ended."""
        from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, PingAcknowledged

        for event in _events(self._quic):
            if isinstance(event, HandshakeCompleted):
                self._told.completed = True
                self._told.alpn = event.alpn_protocol
            elif isinstance(event, PingAcknowledged):
                self._acknowledged.add(event.uid)
            elif isinstance(event, ConnectionTerminated):
                self._ended(event.error_code)
                return True
            else:
                self._on(event)
        return self._told_to_end()

    def _on(self, event: Any) -> None:
        """Take what is no part of the handshake; here, nothing."""

    def _told_to_end(self) -> bool:
        """Return whether the other side has closed; aioquic tells it only when it has drained."""
        event = getattr(self._quic, "_close_event", None)
        if event is None:
            return False
        self._ended(event.error_code)
        return True

    def _ended(self, code: int) -> None:
        self._told.failure, self._told.alert = _ending(code)

    def _read_peer(self) -> None:
        """Keep the chain and the cipher; 1.7 of aioquic has no public way to them."""
        from cryptography.hazmat.primitives.serialization import Encoding

        tls: Any = self._quic.tls
        leaf = getattr(tls, "_peer_certificate", None)
        if leaf is not None:
            rest = getattr(tls, "_peer_certificate_chain", ())
            self._told.chain = tuple(c.public_bytes(Encoding.DER) for c in (leaf, *rest))
        suite = getattr(getattr(tls, "key_schedule", None), "cipher_suite", None)
        self._told.cipher = None if suite is None else f"TLS_{suite.name}"
        self._told.version = "TLSv1.3"

    async def _goodbye(self) -> None:
        """Close what was opened; somebody who never answered is told nothing."""
        if not self._told.received:
            return
        self._quic.close()
        try:
            await self._flush()
        except NetFailure:
            return


def unbroken(call: Callable[[], _T]) -> _T:
    """Return what aioquic says.

    Raises:
        NetFailure: it broke, over what came before now: bytes that may be anybody's.

    """
    try:
        return call()
    except Exception as exc:
        raise NetFailure(unknown_failure(f"QUIC: {type(exc).__name__}")) from exc


def _events(quic: "QuicConnection") -> Iterator[Any]:
    while (event := quic.next_event()) is not None:
        yield event


def _ending(code: int) -> tuple[Failure, str | None]:
    """Return the failure of a connection that its other side ended, and the TLS alert in it."""
    alert = ALERTS.get(code - _CRYPTO_ERROR)
    if alert is not None:
        return alert_failure(alert), alert
    if code == 0:
        return "eof_error", None
    return unknown_failure(f"QUIC error {code:#x}"), None
