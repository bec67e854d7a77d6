"""httpcore's connections and httpx' transport over a stream of ours; nothing here dials."""

from collections.abc import AsyncIterator
from typing import Any

import httpcore
import httpx

from probe.model.failure import unknown_failure
from probe.net.base import NetFailure, Stream

__all__ = ["Connection", "MeasuredStream", "OneConnection", "WireFull", "connect_over"]

_CHUNK = 16_384
_PEER_GONE = ("connection_reset", "connection_aborted", unknown_failure("broken pipe"))


class WireFull(Exception):  # noqa: N818 - a limit of ours, reached
    """The server sent all that one response may cost."""


class MeasuredStream(httpcore.AsyncNetworkStream):
    """The seam's stream as httpcore wants it."""

    def __init__(self, stream: Stream, timeout_s: float, wire: int) -> None:
        self._stream = stream
        self._timeout_s = timeout_s
        self._left = wire
        self._cut: NetFailure | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read, as long as the response has not cost its bytes."""
        del timeout
        if self._left <= 0:
            raise WireFull
        size = min(max_bytes, self._left, _CHUNK)
        try:
            data = await self._stream.receive(size, timeout_s=self._timeout_s)
        except NetFailure as exc:
            raise httpcore.ReadError(str(exc)) from exc
        if not data and self._cut is not None:
            raise httpcore.ReadError(str(self._cut)) from self._cut
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer``.

        A peer that is gone may have said why before it went (an alert, an early answer): what
        it sent is read first, and the failure is raised when nothing is left to read.
        """
        del timeout
        if not buffer or self._cut is not None:
            return
        try:
            await self._stream.send(buffer, timeout_s=self._timeout_s)
        except NetFailure as exc:
            if exc.failure not in _PEER_GONE:
                raise httpcore.WriteError(str(exc)) from exc
            self._cut = exc

    async def aclose(self) -> None:
        """Close the stream beneath."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Know nothing of sockets."""
        del info


Connection = httpcore.AsyncHTTP11Connection | httpcore.AsyncHTTP2Connection


def connect_over(stream: MeasuredStream, url: httpx.URL, *, http2: bool) -> Connection:
    """Return httpcore's connection over a stream that is connected already."""
    port = url.port or (443 if url.scheme == "https" else 80)
    origin = httpcore.Origin(url.raw_scheme, url.raw_host, port)
    kind = httpcore.AsyncHTTP2Connection if http2 else httpcore.AsyncHTTP11Connection
    return kind(origin=origin, stream=stream)


class OneConnection(httpx.AsyncBaseTransport):
    """An httpx transport that knows one connection, made already."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` over the connection and return the response, its body unread."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        response = await self._connection.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()
