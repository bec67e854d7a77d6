"""Opening a web socket over a stream that is connected and inside TLS (RFC 6455, section 4.1).

h11 speaks HTTP/1.1 up to the switch of protocols; the frames after it are ``wire.websocket``'s.
"""

import asyncio

import h11

from probe.net.base import NetFailure, Stream
from probe.net.http import HttpRequest, HttpResult
from probe.wire.websocket import accept_value, key_value

__all__ = ["open_web_socket"]

MAX_HEAD = 16_384
MAX_BODY = 2_048
MAX_READ = 65_536
"""Bytes of the answer with all that comes before it: a server may send interim answers for ever."""

_CHUNK = 4_096
_SWITCHED = 101


async def open_web_socket(
    stream: Stream, request: HttpRequest, *, origin: str, nonce: bytes, timeout_s: float
) -> tuple[HttpResult, bytes | None]:
    """Ask for the switch; return the answer, and the bytes behind it, ``None`` where it is none.

    ``nonce`` are 16 random bytes, whose hash the server has to return. An answer without the
    switch is read up to 2 KiB, so that a refusal can be told from a block page; one that does not
    come to its end within 64 KiB is no HTTP. A failure of the network is in the result, never
    raised.
    """
    result = HttpResult()
    key = key_value(nonce)
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    try:
        async with asyncio.timeout(timeout_s):
            await stream.send(_asked(connection, request, origin, key), timeout_s=timeout_s)
            await _read(stream, connection, result, timeout_s)
    except TimeoutError:
        result.failure = "generic_timeout_error"
    except NetFailure as exc:
        result.failure = exc.failure
    except h11.RemoteProtocolError:
        result.failure = "http_request_failed"
    if result.status != _SWITCHED or result.failure is not None:
        return result, None
    if result.header("sec-websocket-accept") != accept_value(key):
        result.failure = "http_request_failed"
        return result, None
    return result, connection.trailing_data[0]


def _asked(connection: h11.Connection, request: HttpRequest, origin: str, key: str) -> bytes:
    headers = [
        ("Host", request.host_header or request.host),
        *(pair for pair in request.headers if pair[0] != "Accept-Encoding"),
        ("Origin", origin),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
    ]
    head = h11.Request(method="GET", target=request.path, headers=headers)
    return (connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b"")


async def _read(
    stream: Stream, connection: h11.Connection, result: HttpResult, timeout_s: float
) -> None:
    """Read until the switch, the end of another answer, or as much of it as is kept.

    Raises:
        NetFailure: the network failed, or the answer does not end.

    """
    read = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await stream.receive(_CHUNK, timeout_s=timeout_s)
            if not data and result.status is None:
                raise NetFailure("eof_error")
            read += len(data)
            if read > MAX_READ:
                raise NetFailure("http_request_failed")
            connection.receive_data(data)
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            if event.status_code < 200 and event.status_code != _SWITCHED:
                continue
            result.protocol = "HTTP/1.1"
            result.status = event.status_code
            result.headers = tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in event.headers
            )
        elif isinstance(event, h11.Data):
            result.body += event.data[: MAX_BODY - len(result.body)]
            if len(result.body) >= MAX_BODY:
                result.truncated = True
                return
        else:  # the end, or PAUSED behind a switch
            return
