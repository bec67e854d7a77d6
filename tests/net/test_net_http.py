"""One request over a given stream: what is read, what is bounded, what is a failure."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events
import hpack
import pytest
from hyperframe.frame import HeadersFrame, SettingsFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_servers import LOOPBACK, Handler, reset, saying, silence, tcp_server

from probe.errors import InputError
from probe.model.failure import check_failure
from probe.net.base import NetFailure
from probe.net.fake import FakeStream, Tcp
from probe.net.http import HttpLimits, HttpRequest, HttpResult, exchange
from probe.net.sockets import dial_tcp

REQUEST = HttpRequest(method="GET", host="www.example.com", port=80, tls=False)
LIMITS = HttpLimits(body=1000, wire=20_000)


async def fetch(handler: Handler, *, timeout_s: float = 5.0, method: str = "GET") -> HttpResult:
    """Send one request to a real server."""
    request = HttpRequest(method=method, host="www.example.com", port=80, tls=False)
    async with tcp_server(handler) as port:
        stream = await dial_tcp(LOOPBACK, port, timeout_s=5)
        try:
            return await exchange(stream, request, timeout_s=timeout_s, limits=LIMITS)
        finally:
            await stream.aclose()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def test_a_response_is_read() -> None:
    """Status, protocol, headers in order and in lower case, and the body."""
    result = await fetch(saying(response(b"hello", "Server: nginx", "X-A: 1", "X-A: 2")))
    assert result.failure is None
    assert (result.status, result.protocol) == (200, "HTTP/1.1")
    assert result.body == b"hello"
    assert not result.truncated
    assert result.header("server") == "nginx"
    assert [v for k, v in result.headers if k == "x-a"] == ["1", "2"]


async def test_the_request_is_a_browser_like_one() -> None:
    """Host, a common agent and only encodings that we decode; no cookie, no proxy, no referrer."""
    stream = FakeStream(Tcp(replies=(response(b""),), then="eof_error"))
    heard: list[bytes] = []
    send = stream.send

    async def listen(data: bytes, *, timeout_s: float) -> None:
        heard.append(data)
        await send(data, timeout_s=timeout_s)

    stream.send = listen  # type: ignore[method-assign]
    request = HttpRequest(
        method="GET",
        host="front.example",
        port=8080,
        path="/a?b=c",
        tls=False,
        host_header="hidden.example",
    )
    await exchange(stream, request, timeout_s=30)
    text = b"".join(heard).decode()
    lines = text.lower().splitlines()
    assert text.startswith("GET /a?b=c HTTP/1.1\r\n")
    assert "host: hidden.example" in lines
    assert "accept-encoding: gzip, deflate" in lines
    names = {line.partition(":")[0] for line in lines[1:] if line}
    assert names <= {
        "host",
        "user-agent",
        "accept",
        "accept-language",
        "accept-encoding",
        "connection",
    }


async def test_a_redirect_is_recorded_and_not_followed() -> None:
    """One request is one request."""
    head = b"HTTP/1.1 302 Found\r\nLocation: http://blocked.example/\r\nContent-Length: 0\r\n\r\n"
    result = await fetch(saying(head))
    assert result.status == 302
    assert result.header("location") == "http://blocked.example/"


async def test_a_body_is_cut_at_its_limit() -> None:
    """A long body is read up to the limit, and said to be cut."""
    result = await fetch(saying(response(b"x" * 5000)))
    assert result.failure is None
    assert len(result.body) == 1000
    assert result.truncated


async def test_a_body_of_exactly_the_limit_is_whole() -> None:
    """The limit itself is not beyond the limit."""
    result = await fetch(saying(response(b"x" * 1000)))
    assert len(result.body) == 1000
    assert not result.truncated


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


class Gone(FakeStream):
    """A peer that is gone before it is written to; what it sent first waits to be read."""

    def __init__(self, gone: str, said: bytes = b"", then: str = "eof_error") -> None:
        super().__init__(Tcp(talk=lambda: lambda _: said, then=then))
        self._gone = gone

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        raise NetFailure(self._gone)


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("gone", ["connection_reset", "unknown_failure: broken pipe"])
async def test_what_a_peer_said_before_it_went_counts(gone: str, http2: bool) -> None:
    """An alert that waits to be read is the failure, not the write that met a closed door."""
    stream = Gone(gone, then="ssl_failed_handshake")
    result = await exchange(stream, REQUEST, http2=http2, timeout_s=30)
    assert result.failure == "ssl_failed_handshake"


async def test_an_early_answer_counts() -> None:
    """A server that answered and closed before the request was sent has answered."""
    stream = Gone("connection_reset", response(b"no"))
    result = await exchange(stream, REQUEST, timeout_s=30)
    assert (result.status, result.failure) == (200, None)


async def test_a_peer_that_said_nothing_before_it_went_is_gone() -> None:
    """With nothing to read, the write's failure stands."""
    result = await exchange(Gone("connection_reset"), REQUEST, timeout_s=30)
    assert result.failure == "connection_reset"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)],
    ids=["gzip", "zlib", "raw"],
)
async def test_encodings_are_undone(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """Gzip and both readings of deflate give the body as it was."""
    body = b"hello " * 50
    result = await fetch(saying(response(pack(body), f"Content-Encoding: {encoding}")))
    assert (result.failure, bytes(result.body)) == (None, body)


async def test_a_gzip_bomb_costs_the_limit() -> None:
    """Ten megabytes that came as ten kilobytes are cut before they are unpacked."""
    bomb = gzip.compress(b"\0" * 10_000_000)
    result = await fetch(saying(response(bomb, "Content-Encoding: gzip")))
    assert result.truncated
    assert len(result.body) == 1000


async def test_a_broken_encoding_is_a_failed_request() -> None:
    """Bytes that are not what was announced are no body; the status still stands."""
    result = await fetch(saying(response(b"no gzip at all", "Content-Encoding: gzip")))
    assert (result.failure, result.status) == ("http_request_failed", 200)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\nX-")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Header: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
        await writer.drain()


async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(response(b"x" * 500)[:-100])
    await silence(reader, writer)


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65_536)
    reset(writer)


@pytest.mark.parametrize(
    ("handler", "failure", "status"),
    [
        (silence, "generic_timeout_error", None),
        (drip, "generic_timeout_error", None),
        (flood, "http_request_failed", None),
        (stall, "generic_timeout_error", 200),
        (cut, "connection_reset", None),
        (saying(b""), "eof_error", None),
        (saying(b"\x15\x03\x01\x00\x02\x02\x28"), "http_request_failed", None),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "eof_error", None),
        (saying(b"220 mail.example ESMTP\r\n\r\n"), "http_request_failed", None),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), "eof_error", 200),
        (saying(b"HTTP/1.1 999999 What\r\n\r\n"), "http_request_failed", None),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "http_request_failed", None),
    ],
    ids=[
        "silence",
        "drip",
        "flood",
        "stall",
        "reset",
        "end",
        "alert",
        "ssh",
        "smtp",
        "short",
        "status",
        "length",
    ],
)
async def test_each_way_of_failing(handler: Handler, failure: str, status: int | None) -> None:
    """The failure is named, and what came before it is kept."""
    waits = failure == "generic_timeout_error"
    result = await fetch(handler, timeout_s=0.3 if waits else 20)
    assert (result.failure, result.status) == (failure, status)


async def test_a_stalled_body_is_kept_as_far_as_it_came() -> None:
    """Where a transfer froze is what tells a throttling censor."""
    result = await fetch(stall, timeout_s=0.2)
    assert len(result.body) == 400


async def test_endless_informational_answers_end() -> None:
    """A server that says 100 for ever meets the limit of the wire."""
    continues = b"HTTP/1.1 100 Continue\r\n\r\n"

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        while True:
            writer.write(continues * 100)
            await writer.drain()

    assert (await fetch(handler)).failure == "http_request_failed"


async def test_head_has_no_body() -> None:
    """A HEAD request is answered by headers alone."""
    result = await fetch(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), method="HEAD")
    assert (result.failure, result.status, len(result.body)) == (None, 200, 0)


class H2Server:
    """An HTTP/2 server of one request, as a conversation."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._connection = h2.connection.H2Connection(
            config=h2.config.H2Configuration(client_side=False)
        )
        self._started = False

    def __call__(self, data: bytes, /) -> bytes:
        if not self._started:
            self._started = True
            self._connection.initiate_connection()
        for event in self._connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                assert event.stream_id is not None
                headers = [(":status", "200"), ("server", "h2"), ("x-path", "yes")]
                self._connection.send_headers(event.stream_id, headers)
                self._connection.send_data(event.stream_id, self._body, end_stream=True)
        return self._connection.data_to_send()


@pytest.mark.parametrize("status", [b"9" * 30, b"-5", b"99", b"1000"])
async def test_a_status_has_three_digits(status: bytes) -> None:
    """HTTP/2 carries any number, and a store has no column for it: that is no answer of HTTP."""
    head = HeadersFrame(1, flags=["END_HEADERS", "END_STREAM"])
    head.data = hpack.Encoder().encode([(b":status", status)])
    answer = SettingsFrame(0).serialize() + head.serialize()
    stream = FakeStream(Tcp(replies=(answer,), then="eof_error"))
    result = await exchange(stream, REQUEST, http2=True, timeout_s=30)
    assert (result.status, result.failure) == (None, "http_request_failed")


async def test_http2_is_spoken_where_it_was_negotiated() -> None:
    """The same result comes of a framed answer."""
    stream = FakeStream(Tcp(talk=lambda: H2Server(b"hello"), then="eof_error"))
    request = HttpRequest(method="GET", host="www.example.com", port=443)
    result = await exchange(stream, request, http2=True, timeout_s=30)
    assert (result.failure, result.status, result.protocol) == (None, 200, "HTTP/2")
    assert result.body == b"hello"
    assert result.header("server") == "h2"


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(method="GET", host="exa mple", port=80, tls=False),
        HttpRequest(method="get", host="example.com", port=80),
        HttpRequest(method="GET", host="example.com", port=80, host_header="a\r\nX: y"),
        HttpRequest(method="GET", host="example.com", port=80, path="/\n"),
        HttpRequest(method="GET", host="example.com", port=80, path="/" + "a" * 70_000),
    ],
)
async def test_a_request_that_is_none_is_our_mistake(request_: HttpRequest) -> None:
    """Such a request comes from a catalog, not from the network; nothing is sent."""
    stream = FakeStream(Tcp())
    with pytest.raises(InputError):
        await exchange(stream, request_, timeout_s=30)
    assert stream.bytes_sent == 0


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        (HttpRequest(method="GET", host="a.example", port=443), "https://a.example/"),
        (HttpRequest(method="GET", host="a.example", port=8443), "https://a.example:8443/"),
        (HttpRequest(method="GET", host="::1", port=80, tls=False), "http://[::1]/"),
    ],
)
def test_urls(request_: HttpRequest, url: str) -> None:
    """A port that is the scheme's own is left out, and IPv6 stands in brackets."""
    assert request_.url == url


SOUP = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.0 404 \r\n",
                b"Content-Length: 3\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Content-Encoding: gzip\r\n",
                b"Content-Encoding: deflate\r\n",
                b"\r\n",
                b"3\r\nabc\r\n",
                b"0\r\n\r\n",
                b"\x00\x00\x04\x01\x05\x00\x00\x00\x01",
                b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            ]
        ),
    ),
    min_size=1,
    max_size=8,
)


@given(SOUP, st.booleans(), st.sampled_from(["eof_error", "connection_reset"]))
@settings(max_examples=80)
async def test_no_bytes_of_a_server_raise(pieces: list[bytes], http2: bool, then: str) -> None:
    """Whatever a server answers, the request ends in a result of the vocabulary."""
    talk = (b"".join(pieces),)
    stream = FakeStream(Tcp(replies=talk, then=then))
    request = HttpRequest(method="GET", host="www.example.com", port=443)
    result = await exchange(stream, request, http2=http2, timeout_s=5)
    assert check_failure(result.failure) == result.failure
    assert result.failure is not None or result.status is not None


@given(st.integers(0, 300), st.integers(1, 255))
@settings(max_examples=50)
async def test_a_damaged_http2_answer_never_raises(place: int, change: int) -> None:
    """One byte changed anywhere in a framed answer gives a result."""

    def make() -> Callable[[bytes], bytes]:
        server = H2Server(b"hello" * 20)

        def talk(data: bytes) -> bytes:
            try:
                answer = bytearray(server(data))
            except h2.exceptions.ProtocolError:
                return b""
            if answer:
                answer[place % len(answer)] ^= change
            return bytes(answer)

        return talk

    stream = FakeStream(Tcp(talk=make, then="eof_error"))
    request = HttpRequest(method="GET", host="www.example.com", port=443)
    result = await exchange(stream, request, http2=True, timeout_s=5)
    assert check_failure(result.failure) == result.failure
