"""The readers of ``probe.net``: DNS, certificates, TLS, HTTP, web sockets, QUIC.

Theirs is the whole way that bytes take, from a scripted stream or datagram to the value: whatever
comes, a value comes out, or the error that is declared. TLS is handed broken first flights.
"""

import asyncio
import random
import ssl
import tempfile
import zlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path

import hpack
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hostile import Reader
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

from probe.lab.ca import YEAR, AuthorityName, issue, make_authority
from probe.model.target import Trust
from probe.net import dns, dnswire, doh, http
from probe.net.certificates import parse_pem
from probe.net.content import Decoder
from probe.net.fake import FakeDatagrams, FakeStream, Tcp, TlsServer, Udp
from probe.net.quic import quic_handshake
from probe.net.tls import client_handshake, hello_bytes
from probe.net.trust import Roots, verify_chain
from probe.net.web_socket import open_web_socket
from probe.wire.websocket import accept_value, key_value

__all__ = ["NET_READERS"]

AT = datetime(2026, 3, 2, tzinfo=UTC)
_HOST = "www.one.example"
_ASKED = dnswire.question(_HOST, "A", random.Random(1))
_ASKED_6 = dnswire.question(_HOST, "AAAA", random.Random(1))
_LIMITS = http.HttpLimits(body=2_000, wire=8_000)
_NONCE = bytes(16)
_SOON_S = 5.0
"""The scripted network never waits; only a reader that loops would come to this."""


def _ran(ask: Callable[[bytes], Coroutine[object, object, object]]) -> Callable[[bytes], object]:
    """Return ``ask`` as a call that runs it to its end."""
    return lambda data: asyncio.run(ask(data))


def _stream(data: bytes) -> FakeStream:
    """Return a connection whose other side answers with ``data``, and ends."""
    return FakeStream(Tcp(replies=(data,), then="eof_error"))


def _request(path: str = "/") -> http.HttpRequest:
    return http.HttpRequest(method="GET", host=_HOST, port=443, path=path)


async def _udp(data: bytes) -> object:
    """Ask over UDP; a second answer, the same bytes, comes late."""
    exchange = dns.UdpExchange(FakeDatagrams(Udp(answer=lambda _: (data, data))), _ASKED)
    await exchange.ask(timeout_s=_SOON_S)
    return await exchange.late(listen_s=_SOON_S)


async def _tcp(data: bytes) -> object:
    return await dns.ask_stream(_stream(data), _ASKED, timeout_s=_SOON_S)


async def _doh(data: bytes) -> object:
    asked = doh.doh_request(_ASKED, host=_HOST, port=443, path="/dns-query")
    result = await http.exchange(_stream(data), asked, timeout_s=_SOON_S, limits=doh.DOH_LIMITS)
    return doh.doh_result(result, _ASKED)


async def _http1(data: bytes) -> object:
    return await http.exchange(_stream(data), _request(), timeout_s=_SOON_S, limits=_LIMITS)


async def _http2(data: bytes) -> object:
    return await http.exchange(
        _stream(data), _request(), http2=True, timeout_s=_SOON_S, limits=_LIMITS
    )


async def _web_socket(data: bytes) -> object:
    return await open_web_socket(
        _stream(data), _request(), origin="https://a.example", nonce=_NONCE, timeout_s=_SOON_S
    )


async def _tls(data: bytes) -> object:
    return await client_handshake(_stream(data), sni=_HOST, alpn=("h2",), timeout_s=_SOON_S)


async def _quic(data: bytes) -> object:
    datagrams = FakeDatagrams(Udp(answer=lambda _: (data,)))
    return await quic_handshake(datagrams, sni=_HOST, alpn=("h3",), timeout_s=_SOON_S)


def _inflated(encoding: str) -> Callable[[bytes], object]:
    return lambda data: Decoder(encoding).decode(data, 1_000)


# --- certificates


_AUTHORITY = make_authority(AuthorityName.PUBLIC, AT)
_LEAF = issue(_AUTHORITY, (_HOST, "192.0.2.7"), starts=AT - YEAR, ends=AT + YEAR)
_CHAIN = tuple(
    one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(_LEAF.chain)
)
_ROOTS = Roots(_AUTHORITY.certificate, None, {Trust.SIGNAL: _AUTHORITY.certificate})


def _as_leaf(data: bytes) -> None:
    """Verify a chain that begins with ``data``, for a name and for an address."""
    for name in (_HOST, "192.0.2.7"):
        verify_chain((data, *_CHAIN[1:]), name, _ROOTS, AT)
    verify_chain((data,), _HOST, _ROOTS, AT, Trust.NONE)


def _as_issuer(data: bytes) -> object:
    """Verify a good leaf whose issuer is ``data``."""
    return verify_chain((_CHAIN[0], data), _HOST, _ROOTS, AT)


# --- whole messages


def _dns_answer(asked: dnswire.Question, address: bytes) -> bytes:
    """Return a reply with an alias, which points back, and an address."""
    head = asked.wire[:2] + b"\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
    question = asked.name + asked.rdtype.to_bytes(2, "big") + b"\x00\x01"
    alias = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x10"
    kind = asked.rdtype.to_bytes(2, "big") + b"\x00\x01\x00\x00\x00\x3c"
    return head + question + alias + b"\xc0\x10" + kind + len(address).to_bytes(2, "big") + address


def _page(*lines: str, body: bytes = b"hello", status: str = "200 OK") -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", *lines, "", ""))
    return head.encode() + body


def _framed(frame: Frame, *flags: str) -> bytes:
    """Return a frame of HTTP/2 as it is sent."""
    for flag in flags:
        frame.flags.add(flag)
    return bytes(frame.serialize())


def _http2_answer() -> bytes:
    headers = hpack.Encoder().encode([(b":status", b"200"), (b"content-type", b"text/plain")])
    return (
        _framed(SettingsFrame(0))
        + _framed(HeadersFrame(1, headers), "END_HEADERS")
        + _framed(DataFrame(1, b"hello"), "END_STREAM")
    )


def _flights() -> tuple[bytes, ...]:
    """Return what servers of TLS 1.2 and 1.3 say first, and an alert."""
    found = [b"\x15\x03\x03\x00\x02\x02\x28"]
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = _context()
        context.minimum_version = context.maximum_version = version
        found.append(TlsServer(context, lambda _: b"")(hello_bytes(_HOST)) or b"")
    return tuple(found)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.pem"
        file.write_bytes(_LEAF.key + _LEAF.chain)
        context.load_cert_chain(file)
    return context


def _readers() -> dict[str, Reader]:
    answer, answer_6 = _dns_answer(_ASKED, b"\xc0\0\2\1"), _dns_answer(_ASKED_6, bytes(16))
    sized = len(answer).to_bytes(2, "big") + answer
    packed = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    gzip = packed.compress(b"hello") + packed.flush()
    media = "Content-Type: application/dns-message"
    plain = _page("Content-Length: 5", "Content-Type: text/html; charset=utf-8")
    zipped = _page(f"Content-Length: {len(gzip)}", "Content-Encoding: gzip", body=gzip)
    chunked = _page("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    accept = f"Sec-WebSocket-Accept: {accept_value(key_value(_NONCE))}"
    switch = _page("Upgrade: websocket", "Connection: Upgrade", accept, body=b"", status="101 Yes")
    over_https = _page(f"Content-Length: {len(answer)}", media, body=answer)
    declared = (dnswire.BadReply,)
    rows = (
        Reader("dns-a", lambda d: dnswire.read_reply(d, _ASKED), declared, (answer,)),
        Reader("dns-aaaa", lambda d: dnswire.read_reply(d, _ASKED_6), declared, (answer_6,)),
        Reader("dns-udp", _ran(_udp), (), (answer,)),
        Reader("dns-tcp", _ran(_tcp), (), (sized,)),
        Reader("dns-https", _ran(_doh), (), (over_https,)),
        Reader("certificate-leaf", _as_leaf, (), _CHAIN),
        Reader("certificate-issuer", _as_issuer, (), _CHAIN),
        Reader("certificate-pem", parse_pem, (), (_LEAF.chain,)),
        Reader("tls", _ran(_tls), (), _flights()),
        Reader("http1", _ran(_http1), (), (plain, zipped, chunked)),
        Reader("http2", _ran(_http2), (), (_http2_answer(),)),
        Reader("web-socket", _ran(_web_socket), (), (switch, plain)),
        Reader("quic-handshake", _ran(_quic), (), (b"\xc0\x00\x00\x00\x00\x08" + bytes(16),)),
        *(
            Reader(f"content-{name}", _inflated(name), (zlib.error,), (gzip, gzip[10:-8]))
            for name in ("gzip", "deflate")
        ),
    )
    return {row.name: row for row in rows}


NET_READERS = _readers()
"""By name."""
