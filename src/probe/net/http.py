"""One HTTP request over a stream that is connected (and inside TLS) already.

httpx and httpcore speak HTTP/1.1 and HTTP/2; they are handed the measured stream and dial
nothing, follow no redirect, keep no cookie, read no environment. What a server may cost is
bounded: bytes on the wire, bytes after decompression, headers, time.
"""

import asyncio
import re
import zlib
from dataclasses import dataclass, field

import h2.exceptions
import httpcore
import httpx

from probe.errors import InputError
from probe.model.address import authority
from probe.model.failure import Failure
from probe.net.base import NetFailure, Stream
from probe.net.classify import classify
from probe.net.content import Decoder
from probe.net.http_connection import (
    Connection,
    MeasuredStream,
    OneConnection,
    WireFull,
    connect_over,
)

__all__ = ["BROWSER_HEADERS", "HttpLimits", "HttpRequest", "HttpResult", "exchange"]

BROWSER_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "User-Agent",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate"),
)
"""What a common browser says of itself, so that a volunteer's line does not stand out; only
encodings that are decoded here are offered."""

_STATUSES = range(100, 1_000)
"""Three digits (RFC 9110 section 15); over HTTP/2 any number of them comes through."""

_MAX_HEADERS = 100
_MAX_HEADER_CHARS = 2_000
_TOKEN = re.compile(r"[A-Z]{1,20}")
_HOST = re.compile(r"[0-9A-Za-z._:\[\]-]{1,253}")
_FIELD = re.compile(r"[\x20-\x7e]{0,8000}")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bytes that one response may cost: decoded body, and all that crosses the stream."""

    body: int = 65_536
    wire: int = 262_144


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; ``host_header`` replaces the host's name where they differ (fronting)."""

    method: str
    host: str
    port: int
    path: str = "/"
    tls: bool = True
    host_header: str | None = None
    headers: tuple[tuple[str, str], ...] = BROWSER_HEADERS
    body: bytes = b""

    @property
    def url(self) -> str:
        """Return the URL, the port left out where it is the scheme's own."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        place = authority(self.host, None if self.port == usual else self.port)
        return f"{scheme}://{place}{self.path}"


@dataclass(slots=True)
class HttpResult:
    """What came back, as far as it came: a status may stand beside a failure (a stall).

    ``headers`` are all of them, names in lower case, in the order of arrival. ``body`` is
    decoded, and cut at the limit when ``truncated``.
    """

    failure: Failure | None = None
    protocol: str | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for key, value in self.headers if key == name), None)


async def exchange(
    stream: Stream,
    request: HttpRequest,
    *,
    http2: bool = False,
    timeout_s: float,
    limits: HttpLimits = HttpLimits(),
) -> HttpResult:
    """Send ``request`` over ``stream`` and read the response within ``timeout_s``.

    A failure of the network, and a response that is not HTTP, is in the result.

    Raises:
        InputError: for a request that is no valid one (its URL, its headers).

    """
    result = HttpResult()
    url = _checked_url(request)
    measured = MeasuredStream(stream, timeout_s, limits.wire)
    try:
        async with asyncio.timeout(timeout_s):
            await _run(connect_over(measured, url, http2=http2), url, request, result, limits.body)
    except WireFull:
        result.truncated = True
        result.failure = None if result.status is not None else "http_request_failed"
    except _FAILURES as exc:
        result.failure = _failure(exc)
    return result


_FAILURES: tuple[type[Exception], ...] = (
    NetFailure,
    httpx.HTTPError,
    httpx.StreamError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ConnectionNotAvailable,
    h2.exceptions.H2Error,
    zlib.error,
    OSError,
    ValueError,  # the parsers beneath raise it (and LookupError) for some malformed bytes
    LookupError,
)


def _failure(exc: BaseException) -> Failure:
    """Return the failure, where what no rule knows is a response that is no HTTP."""
    failure = classify(exc)
    return "http_request_failed" if failure.startswith("unknown_failure") else failure


def _checked_url(request: HttpRequest) -> httpx.URL:
    """Return the URL, or refuse a request that would not go out as it was meant."""
    values = [request.host_header or "", *(value for _, value in request.headers)]
    sound = _TOKEN.fullmatch(request.method) and _HOST.fullmatch(request.host)
    if not sound or not all(_FIELD.fullmatch(value) for value in values):
        raise InputError(f"HTTP cannot carry this request to {request.host!r}")
    try:
        return httpx.URL(request.url)
    except (httpx.InvalidURL, ValueError) as exc:
        raise InputError(f"not a URL: {request.url!r}") from exc


async def _run(
    connection: Connection,
    url: httpx.URL,
    request: HttpRequest,
    result: HttpResult,
    body_limit: int,
) -> None:
    headers = [*request.headers]
    if request.host_header:
        headers.insert(0, ("Host", request.host_header))
    client = httpx.AsyncClient(
        transport=OneConnection(connection), trust_env=False, follow_redirects=False
    )
    async with (
        client,
        client.stream(
            request.method, url, headers=headers, content=request.body or None
        ) as response,
    ):
        if response.status_code not in _STATUSES:
            raise NetFailure("http_request_failed")
        result.protocol = response.http_version
        result.status = response.status_code
        result.headers = _headers(response)
        await _read_body(response, result, body_limit)


def _headers(response: httpx.Response) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1").lower()[:200], value.decode("latin-1")[:_MAX_HEADER_CHARS])
        for name, value in response.headers.raw[:_MAX_HEADERS]
    )


async def _read_body(response: httpx.Response, result: HttpResult, limit: int) -> None:
    decoder = Decoder(result.header("content-encoding") or "")
    async for part in response.aiter_raw():  # in chunks, it would hold back what came last
        room = limit - len(result.body)
        result.body += decoder.decode(part, room + 1)[: room + 1]
        if len(result.body) > limit:
            del result.body[limit:]
            result.truncated = True
            return
