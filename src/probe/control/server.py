"""The control server: signed looks from a trusted line, for those who hold a token.

One request a connection, over TLS, each part with a deadline and a size. Whoever has no token is
told 404, whatever was asked: what this host is, it tells nobody else. Questions name endpoints of
the server's own catalog by id, so it fetches nothing for anybody. Nothing of a request is logged
or kept: neither who asked nor for what.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import h11

from probe import __version__
from probe.clock import Clock
from probe.control.lookout import Lookout, Sight
from probe.control.message import (
    ANSWER_FORMAT,
    MAX_ASK,
    OBSERVE_PATH,
    Answer,
    Question,
    Refused,
    read_question,
    seal_answer,
)
from probe.control.tokens import find_token
from probe.errors import InputError
from probe.net.base import NetFailure, Stream

__all__ = ["ControlServer", "Reply", "TokenRate"]

WAIT_S = 45.0
"""The longest that a question waits for looks; what is not seen by then is pending."""

_READ_S = 15.0
_WRITE_S = 30.0
_LINGER_S = 1.0
_LINGER_BYTES = 262_144
_MAX_HEAD = 8_192
_CHUNK = 16_384
_BURST = 60.0  # questions that one token may ask at once
_PER_SECOND = 0.1  # and how fast it may ask again
_AT_ONCE = 8  # questions of one token that wait at the same time
_BEARER: Final = "bearer "
_NOT_SERVED = "not served by this control"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a status, a body, and after how long to come again."""

    status: int
    body: bytes = b""
    retry_after_s: int | None = None


_UNKNOWN = Reply(404, b"not found\n")


@dataclass(slots=True)
class TokenRate:
    """A token bucket for each place in the list of tokens, and what is under way."""

    clock: Clock
    burst: float = _BURST
    per_second: float = _PER_SECOND
    _left: dict[int, tuple[float, float]] = field(default_factory=dict)
    _waiting: dict[int, int] = field(default_factory=dict)

    def take(self, holder: int) -> bool:
        """Take one question from a holder's bucket; ``False`` when it is empty."""
        now_s = self.clock.monotonic_s()
        left, at_s = self._left.get(holder, (self.burst, now_s))
        left = min(self.burst, left + (now_s - at_s) * self.per_second)
        self._left[holder] = (left - 1.0 if left >= 1.0 else left, now_s)
        return left >= 1.0

    def begin(self, holder: int) -> bool:
        """Count a question that waits; ``False`` when too many of its holder do already."""
        waiting = self._waiting.get(holder, 0)
        if waiting >= _AT_ONCE:
            return False
        self._waiting[holder] = waiting + 1
        return True

    def end(self, holder: int) -> None:
        """Count no longer a question of a holder that was answered."""
        self._waiting[holder] -= 1


@dataclass
class ControlServer:
    """Answers questions over connections that ``probe.net.listen`` hands to ``serve``."""

    lookout: Lookout
    tokens: Callable[[], Sequence[str]]  # hashes; read anew, so that a token can be ended
    private_key: bytes
    wait_s: float = WAIT_S
    read_s: float = _READ_S
    answered: int = 0
    turned_away: int = 0
    rate: TokenRate = field(init=False)

    def __post_init__(self) -> None:
        """Count on the lookout's clock."""
        self.rate = TokenRate(self.lookout.session.clock)

    async def serve(self, stream: Stream) -> None:
        """Serve the one request of a connection.

        Raises:
            NetFailure: the peer went away, or was too slow.

        """
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        request: h11.Request | None = None
        try:
            async with asyncio.timeout(self.read_s):
                request = await _head(connection, stream)
                holder = self._holder(request)
                body = b"" if holder is None else await _body(connection, stream)
            reply = await self._reply(request, holder, body)
        except h11.RemoteProtocolError:
            reply = Reply(400, b"bad request\n")
        except TimeoutError as exc:
            raise NetFailure("generic_timeout_error") from exc
        if reply.status == 200:
            self.answered += 1
        else:
            self.turned_away += 1
        await _send(connection, stream, request, reply)
        await _linger(stream)

    def _holder(self, request: h11.Request) -> int | None:
        """Return whose token a request carries; looked up before any of its body is read."""
        given = [value for name, value in request.headers if name == b"authorization"]
        text = given[0].decode("latin-1") if len(given) == 1 else ""
        bearer = text.lower().startswith(_BEARER)
        return find_token(text[len(_BEARER) :].strip() if bearer else "", self.tokens())

    async def _reply(self, request: h11.Request, holder: int | None, body: bytes | None) -> Reply:
        """Return what to say; one holder cannot take the place of the others."""
        if holder is None or request.target != OBSERVE_PATH.encode():
            return _UNKNOWN
        if request.method != b"POST":
            return Reply(405, b"only POST\n")
        if body is None:
            return Reply(413, b"too large\n")
        if not self.rate.take(holder) or not self.rate.begin(holder):
            return Reply(429, b"too many questions\n", retry_after_s=60)
        try:
            question = read_question(body)
            return Reply(200, seal_answer(await self._answer(question), self.private_key))
        except InputError as error:
            return Reply(400, f"{error}\n"[:500].encode())
        finally:
            self.rate.end(holder)

    async def _answer(self, question: Question) -> Answer:
        """Look, unless the other side speaks of another catalog: then only say which is ours."""
        lookout = self.lookout
        digest = lookout.session.catalog.digest
        names = tuple(dict.fromkeys(question.endpoints))
        sight, strange = Sight(), names
        if question.catalog_digest == digest:
            served = [name for name in names if name in lookout.served]
            strange = tuple(name for name in names if name not in lookout.served)
            sight = await lookout.look(served, self.wait_s)
        return Answer(
            format=ANSWER_FORMAT,
            nonce=question.nonce,
            created=lookout.session.clock.now(),
            version=__version__,
            catalog_digest=digest,
            country=lookout.session.vantage.country,
            gate=sight.gate,
            observations=sight.observations,
            pending=sight.pending,
            refused=(
                *(Refused(endpoint=name, reason=_NOT_SERVED) for name in strange),
                *(Refused(endpoint=name, reason=why) for name, why in sight.unseen),
            ),
        )


async def _head(connection: h11.Connection, stream: Stream) -> h11.Request:
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise h11.RemoteProtocolError("no request")
        await _feed(connection, stream)


async def _body(connection: h11.Connection, stream: Stream) -> bytes | None:
    """Return the body, ``None`` when it is larger than any question."""
    body = bytearray()
    while True:
        event = connection.next_event()
        if isinstance(event, h11.EndOfMessage):
            return bytes(body)
        if isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_ASK:
                return None
        elif event is h11.NEED_DATA:
            await _feed(connection, stream)
        else:
            raise h11.RemoteProtocolError("the request ended early")


async def _feed(connection: h11.Connection, stream: Stream) -> None:
    data = await stream.receive(_CHUNK, timeout_s=_READ_S)
    connection.receive_data(data)


async def _linger(stream: Stream) -> None:
    """Take what the peer still sends, a little: a close over unread bytes would cut our answer."""
    left = _LINGER_BYTES
    with contextlib.suppress(NetFailure, TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0 and (data := await stream.receive(_CHUNK, timeout_s=_LINGER_S)):
                left -= len(data)


async def _send(
    connection: h11.Connection, stream: Stream, asked: h11.Request | None, reply: Reply
) -> None:
    headers = [
        ("Content-Type", "text/plain" if reply.status != 200 else "application/octet-stream"),
        ("Content-Length", str(len(reply.body))),
        ("Connection", "close"),
    ]
    if reply.retry_after_s is not None:
        headers.append(("Retry-After", str(reply.retry_after_s)))
    if connection.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
        return
    head = connection.send(h11.Response(status_code=reply.status, headers=headers)) or b""
    told = b"" if asked is not None and asked.method == b"HEAD" else reply.body
    data = connection.send(h11.Data(data=told)) or b""
    end = connection.send(h11.EndOfMessage()) or b""
    await stream.send(head + data + end, timeout_s=_WRITE_S)
