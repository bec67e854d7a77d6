"""One HTTP/3 request over the seam's datagrams (RFC 9114), by aioquic (extra ``quic``).

Who answers is judged between the handshake and the request: nothing is asked of a stranger.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from probe.model.failure import Failure
from probe.net.base import Datagrams, NetFailure
from probe.net.http import HttpRequest
from probe.net.quic import QuicDriver, QuicHandshake, quic_configuration, unbroken

if TYPE_CHECKING:
    from aioquic.h3.connection import H3Connection

__all__ = ["Http3Answer", "http3_exchange"]

_ALPN = ("h3",)
_MOST_DATAGRAMS = 4_096
"""512 KiB come in some 450 datagrams, and as many acknowledgements of uploads."""

_BESIDE = 65_536
"""Bytes on the wire that an answer may cost beside its body and a quarter more: what is over that
is padding, or the same again and again, and whoever pays for them is not the server."""

_NO_ANSWER: Failure = "http_request_failed"
_MAX_BODY = 16_384  # of an answer that is kept: of a download nothing is


@dataclass(slots=True)
class Http3Answer:
    """What came back; ``handshake`` says how far it got, ``failure`` is of the request."""

    handshake: QuicHandshake = field(default_factory=QuicHandshake)
    shaken: bool = False
    asked: bool = False
    failure: Failure | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body_length: int = 0
    body: bytes = b""
    ended: bool = False


async def http3_exchange(
    datagrams: Datagrams,
    request: HttpRequest,
    *,
    sni: str | None,
    judge: Callable[[QuicHandshake], bool],
    heard: Callable[[int], None],
    began: Callable[[], None],
    handshake_s: float,
    timeout_s: float,
    silence_s: float,
    most: int,
) -> Http3Answer:
    """Shake hands, let ``judge`` say whether to go on, ask, and read at most ``most`` of the body.

    ``began`` is told when the request goes out, ``heard`` the size of each datagram after that.
    Failures are in the answer, never raised.
    """
    answer = Http3Answer()
    driver = _Driver(datagrams, quic_configuration(sni, _ALPN), answer.handshake)
    driver.expect(answer, heard, most)
    try:
        await driver.shake(handshake_s)
        answer.shaken = answer.handshake.completed and answer.handshake.failure is None
        if answer.shaken and judge(answer.handshake):
            answer.asked = True
            began()
            await driver.ask(request, timeout_s, silence_s)
    except NetFailure as exc:
        if answer.asked:
            answer.failure = exc.failure
        else:
            answer.handshake.failure = exc.failure
    finally:
        await driver.goodbye()
    if answer.asked and not answer.ended and answer.failure is None:
        answer.failure = answer.handshake.failure or _NO_ANSWER
    return answer


class _Driver(QuicDriver):
    """A handshake, then one request and its answer."""

    most_datagrams = _MOST_DATAGRAMS
    _answer: Http3Answer
    _h3: "H3Connection"

    def expect(self, answer: Http3Answer, heard: Callable[[int], None], most: int) -> None:
        """Note what comes in ``answer``; the other side's first streams come before the request."""
        from aioquic.h3.connection import H3Connection

        self._answer, self._heard, self._most = answer, heard, most
        self._counting = False
        self._left = most + most // 4 + _BESIDE
        self._h3 = H3Connection(self._quic)

    async def shake(self, timeout_s: float) -> None:
        """Shake hands and read the peer's chain.

        Raises:
            NetFailure: the network failed, or said nothing in time.

        """
        self._quic.connect(_PEER, now=self._clock())
        await self._until(lambda: self._told.completed, timeout_s)
        self._read_peer()

    async def ask(self, request: HttpRequest, timeout_s: float, silence_s: float) -> None:
        """Send the request, and read until the answer has ended or is long enough.

        Raises:
            NetFailure: the network failed, said nothing for ``silence_s``, or took too long.

        """
        stream = self._quic.get_next_available_stream_id()
        pseudo = (
            (":method", request.method),
            (":scheme", "https"),
            (":authority", request.host),
            (":path", request.path),
        )
        headers = [(n.lower().encode(), v.encode()) for n, v in (*pseudo, *request.headers)]
        self._h3.send_headers(stream, headers, end_stream=not request.body)
        if request.body:
            self._h3.send_data(stream, request.body, end_stream=True)
        self._counting = True
        ends_s = self._clock() + timeout_s
        while not self._answer.ended and not self._over():
            seen, now_s = self._told.received, self._clock()
            left_s = min(silence_s, ends_s - now_s)
            if left_s <= 0:
                raise NetFailure("generic_timeout_error")
            await self._until(partial(self._past, seen), left_s)

    def _past(self, seen: int) -> bool:
        return self._told.received > seen

    def _take(self, data: bytes) -> None:
        super()._take(data)
        if self._counting:
            self._heard(len(data))
            self._left -= len(data)
            self._answer.ended = self._answer.ended or self._left < 0

    def _on(self, event: Any) -> None:
        """Read the answer.

        Raises:
            NetFailure: aioquic broke over these bytes, which may be anybody's.

        """
        from aioquic.h3.events import DataReceived, HeadersReceived

        answer = self._answer
        for told in unbroken(partial(self._h3.handle_event, event)):
            if isinstance(told, HeadersReceived) and answer.status is None:
                self._head(told.headers)
            elif isinstance(told, DataReceived):
                answer.body_length += len(told.data)
                answer.body = (answer.body + told.data)[:_MAX_BODY]
            if getattr(told, "stream_ended", False) or answer.body_length >= self._most:
                answer.ended = True

    def _head(self, headers: Any) -> None:
        pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers[:100]]
        status = dict(pairs).get(":status", "")
        self._answer.status = int(status) if status.isdecimal() and len(status) == 3 else None
        self._answer.headers = tuple((n, v[:2_000]) for n, v in pairs if not n.startswith(":"))

    async def goodbye(self) -> None:
        """Close what was opened."""
        await self._goodbye()


_PEER = ("192.0.2.1", 443)
