"""TLS as a client, over any stream, by ``ssl.MemoryBIO``: what crossed the wire is known.

OpenSSL only shakes hands; the certificate is judged apart (``net.trust``), so that the chain is
seen also when it is bad. Nothing here verifies anything.

The ClientHello is the one that Python's ssl sends by default, with the ALPN list that is given;
it is not a browser's, and a censor can tell.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Any

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.model.failure import Failure, unknown_failure
from probe.net.alerts import alert_failure, alert_name, plaintext_alert
from probe.net.base import NetFailure, Stream
from probe.net.classify import classify

__all__ = ["Handshake", "TlsStream", "client_handshake", "handshake_context", "hello_bytes"]

MAX_HANDSHAKE_BYTES = 262_144
"""More than this before the handshake is over is no handshake (OpenSSL stops at 100 KB)."""

MAX_EMPTY_BYTES = 262_144
"""More than this without a byte of content (tickets, key updates) is no conversation."""

_EMPTY = unknown_failure("records of TLS without content")
_CHUNK = 16_384
_ENCODING_DER = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a handshake went; ``stream`` is ``None`` when it failed, and the counts still stand.

    ``bytes_received`` is 0 when nothing came back after the ClientHello. ``alert`` is one that
    the peer sent. ``chain`` is DER, leaf first, as sent.
    """

    failure: Failure | None
    bytes_sent: int
    bytes_received: int
    stream: "TlsStream | None" = None
    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    alert: str | None = None
    chain: tuple[bytes, ...] = ()


@cache
def handshake_context(alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return the context for one ALPN list; it verifies nothing and is never changed again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def hello_bytes(sni: str | None, alpn: tuple[str, ...] = ()) -> bytes:
    """Return a new ClientHello as ``client_handshake`` would send it.

    Raises:
        InputError: for a name that TLS cannot carry.

    """
    outgoing = ssl.MemoryBIO()
    context = handshake_context(alpn)
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=_server_name(sni))
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def client_handshake(
    stream: Stream, *, sni: str | None, alpn: tuple[str, ...] = (), timeout_s: float
) -> Handshake:
    """Shake hands over ``stream``; a failure of the network is in the result, never raised.

    ``sni`` is an ASCII host name; an IP literal or ``None`` sends no name (RFC 6066).

    Raises:
        InputError: for a name that TLS cannot carry.

    """
    attempt = _Attempt(stream, _server_name(sni), alpn)
    failure: Failure | None = None
    alert: str | None = None
    try:
        await attempt.run(timeout_s)
    except NetFailure as exc:
        failure = exc.failure
        alert = plaintext_alert(attempt.tail)
        failure = failure if alert is None else alert_failure(alert)
    except ssl.SSLError as exc:
        alert = alert_name(exc) or plaintext_alert(attempt.tail)
        failure = alert_failure(alert) if alert else classify(exc)
    return attempt.result(failure, alert)


def _server_name(sni: str | None) -> str | None:
    if sni is None or parse_ip(sni) is not None:
        return None
    name = sni.rstrip(".")
    if not name or name.startswith(".") or len(name) > 253 or not name.isascii():
        raise InputError(f"TLS cannot carry the name {sni!r}")
    return name


class _Deadline:
    """An instant that several awaits share, in the event loop's time."""

    __slots__ = ("_at", "_loop")

    def __init__(self, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = self._loop.time() + timeout_s

    def left_s(self) -> float:
        """Return the seconds that are left, 0 when it has passed."""
        return max(0.0, self._at - self._loop.time())


class _Attempt:
    """One handshake in progress."""

    def __init__(self, stream: Stream, name: str | None, alpn: tuple[str, ...]) -> None:
        self._stream = stream
        self._sent_before = stream.bytes_sent
        self._received_before = stream.bytes_received
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        context = handshake_context(alpn)
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.tail = b""

    async def run(self, timeout_s: float) -> None:
        """Shake hands until it is done.

        Raises:
            NetFailure: what the stream raised, or the peer's end of it.
            ssl.SSLError: what OpenSSL raised, after its alert (if any) was sent.

        """
        deadline = _Deadline(timeout_s)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush(deadline.left_s())
                await self._feed(deadline.left_s())
            except ssl.SSLError:
                await self._flush_alert(deadline.left_s())
                raise
            else:
                await self._flush(deadline.left_s())
                return

    async def _flush(self, timeout_s: float) -> None:
        data = self._outgoing.read()
        if data:
            await self._stream.send(data, timeout_s=timeout_s)

    async def _flush_alert(self, timeout_s: float) -> None:
        """Tell the peer what OpenSSL found wrong; that it is gone already is no news."""
        try:
            await self._flush(timeout_s)
        except NetFailure:
            return

    async def _feed(self, timeout_s: float) -> None:
        data = await self._stream.receive(_CHUNK, timeout_s=timeout_s)
        if not data:
            raise NetFailure("eof_error")
        self.tail = (self.tail + data)[-7:]
        if self._stream.bytes_received - self._received_before > MAX_HANDSHAKE_BYTES:
            raise NetFailure("ssl_failed_handshake")
        self._incoming.write(data)

    def result(self, failure: Failure | None, alert: str | None) -> Handshake:
        """Return what is known, with the stream inside TLS when it succeeded."""
        sent = self._stream.bytes_sent - self._sent_before
        received = self._stream.bytes_received - self._received_before
        chain = _chain(self._tls)
        if failure is not None:
            return Handshake(failure, sent, received, alert=alert, chain=chain)
        cipher = self._tls.cipher()
        return Handshake(
            failure=None,
            bytes_sent=sent,
            bytes_received=received,
            stream=TlsStream(self._stream, self._tls, self._incoming, self._outgoing),
            version=self._tls.version(),
            cipher=cipher[0] if cipher else None,
            alpn=self._tls.selected_alpn_protocol(),
            chain=chain,
        )


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates that the peer sent, as sent.

    ``get_unverified_chain`` is public from Python 3.13; 3.11 and 3.12 carry it in ``_ssl``.
    Where there is none of it, the leaf alone is returned.
    """
    public: Any = getattr(tls, "get_unverified_chain", None)
    private: Any = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    try:
        if public is not None:
            return tuple(public() or ())
        if private is not None:
            return tuple(c.public_bytes(_ENCODING_DER) for c in private() or ())
        leaf = tls.getpeercert(binary_form=True)
    except ValueError:  # handshake not done yet
        return ()
    return (leaf,) if leaf else ()


class TlsStream:
    """A stream inside TLS; its counters are of plaintext, the wire's are the inner stream's."""

    def __init__(
        self,
        stream: Stream,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> None:
        """Go on where the handshake ended."""
        self._stream = stream
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self.bytes_sent = 0
        self.bytes_received = 0

    @property
    def alpn(self) -> str | None:
        """Return the protocol that was negotiated."""
        return self._tls.selected_alpn_protocol()

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        """Encrypt and send all of ``data``."""
        view = memoryview(data)
        try:
            while view:
                written = self._tls.write(view)
                view = view[written:]
                self.bytes_sent += written
        except ssl.SSLError as exc:
            raise NetFailure(classify(exc)) from exc
        await self._stream.send(self._outgoing.read(), timeout_s=timeout_s)

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        """Return decrypted bytes, ``b""`` after the peer's close_notify or a plain end."""
        try:
            data = await self._receive(max_bytes, _Deadline(timeout_s))
        except ssl.SSLError as exc:
            raise NetFailure(classify(exc)) from exc
        self.bytes_received += len(data)
        return data

    async def _receive(self, max_bytes: int, deadline: _Deadline) -> bytes:
        before = self._stream.bytes_received
        while True:
            try:
                return self._tls.read(max_bytes)
            except ssl.SSLWantReadError:
                pass
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            if self._outgoing.pending:  # a key update or an alert of ours
                await self._stream.send(self._outgoing.read(), timeout_s=deadline.left_s())
            data = await self._stream.receive(_CHUNK, timeout_s=deadline.left_s())
            if self._stream.bytes_received - before > MAX_EMPTY_BYTES:
                raise NetFailure(_EMPTY)
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def aclose(self) -> None:
        """Close the stream beneath; no close_notify is waited for."""
        await self._stream.aclose()
