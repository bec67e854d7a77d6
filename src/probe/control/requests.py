"""One HTTP/1.1 request of somebody who has a token: the head, whose it is, and the answer.

Each part has a deadline and a size. Whoever has no token is told 404, whatever was asked.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h11

from probe.control.tokens import find_token
from probe.net.base import NetFailure, Stream

__all__ = [
    "UNKNOWN",
    "OneRequestServer",
    "Reply",
    "Talk",
    "bearer_of",
    "holder_of",
]

_READ_S = 15.0
_WRITE_S = 30.0
_LINGER_S = 1.0
_LINGER_BYTES = 262_144
_MAX_HEAD = 8_192
_CHUNK = 16_384
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a status, a body, and after how long to come again."""

    status: int
    body: bytes = b""
    retry_after_s: int | None = None


UNKNOWN = Reply(404, b"not found\n")
"""What a stranger is told."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One connection; its question is read before ``ends_s``, an instant of the loop's clock."""

    connection: h11.Connection
    stream: Stream
    ends_s: float

    async def feed(self) -> None:
        """Hand what comes next to the engine."""
        data = await self.stream.receive(_CHUNK, timeout_s=_READ_S)
        self.connection.receive_data(data)


@dataclass(kw_only=True)
class OneRequestServer(ABC):
    """Serves the one request of a connection that ``probe.net.listen`` hands to ``serve``."""

    read_s: float = _READ_S
    served: int = 0
    turned_away: int = 0

    @abstractmethod
    async def answer(self, talk: Talk, request: h11.Request) -> Reply | None:
        """Return what to say to a request whose head was read; ``None`` when it was said already.

        Raises:
            RemoteProtocolError: what follows the head is no request.
            TimeoutError: the peer was too slow.

        """

    async def serve(self, stream: Stream) -> None:
        """Serve the one request of a connection.

        Raises:
            NetFailure: the peer went away, or was too slow.

        """
        engine = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        talk = Talk(engine, stream, asyncio.get_running_loop().time() + self.read_s)
        request: h11.Request | None = None
        try:
            async with asyncio.timeout_at(talk.ends_s):
                request = await _read_head(talk)
            reply = await self.answer(talk, request)
        except h11.RemoteProtocolError:
            reply = Reply(400, b"bad request\n")
        except TimeoutError as exc:
            raise NetFailure("generic_timeout_error") from exc
        if reply is None:
            self.served += 1
            return
        if reply.status == 200:
            self.served += 1
        else:
            self.turned_away += 1
        await _send_reply(talk, request, reply)
        await _linger(stream)


def holder_of(request: h11.Request, known: Sequence[str]) -> int | None:
    """Return whose token a request carries; looked up before any of its body is read."""
    given = [value for name, value in request.headers if name == b"authorization"]
    return bearer_of(given, known)


def bearer_of(given: Sequence[bytes], known: Sequence[str]) -> int | None:
    """Return the place of the one token in ``Authorization`` fields, ``None`` for any other."""
    text = given[0].decode("latin-1") if len(given) == 1 else ""
    bearer = text.lower().startswith(_BEARER)
    return find_token(text[len(_BEARER) :].strip() if bearer else "", known)


async def _read_head(talk: Talk) -> h11.Request:
    """Read the head of a request.

    Raises:
        RemoteProtocolError: there is none.
        NetFailure: the peer went away, or was too slow.

    """
    while True:
        event = talk.connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise h11.RemoteProtocolError("no request")
        await talk.feed()


async def _linger(stream: Stream) -> None:
    """Take what the peer still sends, a little: a close over unread bytes would cut our answer."""
    left = _LINGER_BYTES
    with contextlib.suppress(NetFailure, TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0 and (data := await stream.receive(_CHUNK, timeout_s=_LINGER_S)):
                left -= len(data)


async def _send_reply(talk: Talk, asked: h11.Request | None, reply: Reply) -> None:
    """Send an answer, where one can still be sent."""
    connection = talk.connection
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
    await talk.stream.send(head + data + end, timeout_s=_WRITE_S)
