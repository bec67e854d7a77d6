"""The handshake: what is known of one that works, and of each way in which one is cut."""

import asyncio
import ssl
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_servers import LOOPBACK, Handler, reset, saying, silence, tcp_server
from made_certificates import Authority, authority, leaf

from probe.errors import InputError
from probe.model.failure import check_failure
from probe.net.base import NetFailure
from probe.net.fake import FakeStream, Tcp, TlsServer
from probe.net.sockets import dial_tcp
from probe.net.tls import MAX_EMPTY_BYTES, MAX_HANDSHAKE_BYTES, Handshake, client_handshake

HOST = "www.example.com"


async def shake(
    port: int,
    *,
    sni: str | None = HOST,
    alpn: tuple[str, ...] = (),
    timeout_s: float = 5.0,
) -> Handshake:
    stream = await dial_tcp(LOOPBACK, port, timeout_s=5)
    try:
        return await client_handshake(stream, sni=sni, alpn=alpn, timeout_s=timeout_s)
    finally:
        await stream.aclose()


async def test_a_handshake_tells_what_was_agreed() -> None:
    """Version, cipher, protocol, the whole chain and the bytes of both ways are known."""
    made = Authority("Middle", parent=authority()).issue(HOST)
    async with tcp_server(silence, tls=made.server_context(("h2",))) as port:
        done = await shake(port, alpn=("h2", "http/1.1"))
    assert done.failure is None
    assert done.version == "TLSv1.3"
    assert done.cipher is not None
    assert done.alpn == "h2"
    assert done.chain == made.chain
    assert len(done.chain) == 2
    assert done.bytes_sent > 200
    assert done.bytes_received > 500


async def test_tls_1_2_is_spoken_too() -> None:
    """An older server is no failure, and its chain is seen as well."""
    context = leaf(HOST).server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with tcp_server(silence, tls=context) as port:
        done = await shake(port)
    assert (done.failure, done.version) == (None, "TLSv1.2")
    assert done.chain == leaf(HOST).chain


async def test_the_name_that_is_sent_is_the_one_given() -> None:
    """The server hears the SNI; for ``None`` and for a literal it hears none."""
    heard: list[str | None] = []
    context = leaf(HOST).server_context()
    context.sni_callback = lambda _obj, name, _ctx: heard.append(name)
    async with tcp_server(silence, tls=context) as port:
        for sni in (HOST, None, "192.0.2.1", "2001:db8::1", "other.example.org."):
            assert (await shake(port, sni=sni)).failure is None
    assert heard == [HOST, None, None, None, "other.example.org"]


async def test_a_stream_inside_tls_carries_bytes() -> None:
    """What is sent inside comes back, in pieces no larger than asked for, and is counted."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.readexactly(40_000)
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with tcp_server(echo, tls=leaf(HOST).server_context()) as port:
        stream = await dial_tcp(LOOPBACK, port, timeout_s=5)
        done = await client_handshake(stream, sni=HOST, timeout_s=5)
        inside = done.stream
        assert inside is not None
        await inside.send(b"y" * 40_000, timeout_s=5)
        got = b""
        while piece := await inside.receive(1000, timeout_s=5):
            assert len(piece) <= 1000
            got += piece
        assert got == b"y" * 40_000
        assert (inside.bytes_sent, inside.bytes_received) == (40_000, 40_000)
        assert stream.bytes_received > 40_000
        with pytest.raises(NetFailure):
            await asyncio.wait_for(_after_close(inside), 5)


async def test_tickets_without_end_are_no_conversation() -> None:
    """A server that sends nothing but TLS's own messages is left after 256 KiB."""
    context = leaf(HOST).server_context()
    context.num_tickets = 4_000  # a megabyte of them
    stream = FakeStream(Tcp(talk=lambda: TlsServer(context, lambda _: b"")))
    done = await client_handshake(stream, sni=HOST, timeout_s=5)
    assert done.stream is not None
    with pytest.raises(NetFailure, match="records of TLS without content"):
        await done.stream.receive(1, timeout_s=5)
    assert stream.bytes_received - done.bytes_received < MAX_EMPTY_BYTES + 16_385


async def _after_close(inside: object) -> None:
    from probe.net.tls import TlsStream

    assert isinstance(inside, TlsStream)
    await inside.aclose()
    await inside.send(b"x", timeout_s=1)


async def _reset_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65_536)
    reset(writer)


ALERT = b"\x15\x03\x03\x00\x02\x02"


@pytest.mark.parametrize(
    ("handler", "failure", "alert", "received"),
    [
        (_reset_at_once, "connection_reset", None, 0),
        (saying(b""), "eof_error", None, 0),
        (silence, "generic_timeout_error", None, 0),
        (saying(ALERT + b"\x28"), "ssl_failed_handshake", "handshake_failure", 7),
        (saying(ALERT + b"\x70"), "ssl_invalid_hostname", "unrecognized_name", 7),
        (saying(ALERT + b"\x46"), "ssl_failed_handshake", "protocol_version", 7),
        (saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "ssl_failed_handshake", None, 26),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "ssl_failed_handshake", None, 21),
        (saying(b"\x16\x03\x03\xff\xff" + b"\0" * 100), "ssl_failed_handshake", None, 105),
    ],
    ids=["reset", "end", "silence", "alert", "sni", "version", "http", "ssh", "garbage"],
)
async def test_each_way_of_cutting_a_handshake(
    handler: Handler, failure: str, alert: str | None, received: int
) -> None:
    """The failure, the peer's alert, and the bytes that came before it are known."""
    async with tcp_server(handler) as port:
        done = await shake(port, timeout_s=0.3 if failure == "generic_timeout_error" else 20)
    assert (done.failure, done.alert) == (failure, alert)
    assert done.bytes_received == received
    assert done.bytes_sent > 200
    assert done.stream is None


async def test_a_reset_after_the_server_hello_is_told_from_one_before() -> None:
    """What the server said before the cut is counted, by which a filter on its answer is seen."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65_536)
        server = TlsServer(leaf(HOST).server_context(), lambda data: b"")
        answer = server(hello) or b""
        writer.write(answer[:200])
        await writer.drain()
        await reader.read(1)

    async with tcp_server(handler) as port:
        done = await shake(port, timeout_s=1.0)
    assert done.failure == "generic_timeout_error"
    assert done.bytes_received == 200


async def test_an_alert_inside_encryption_ends_a_read() -> None:
    """A server that wants a client certificate says so by an alert after the handshake."""
    context = leaf(HOST).server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority().pem.decode())
    stream = FakeStream(Tcp(talk=lambda: TlsServer(context, lambda data: b"")))
    done = await client_handshake(stream, sni=HOST, timeout_s=5)
    assert done.failure is None
    assert done.stream is not None
    with pytest.raises(NetFailure) as caught:
        await done.stream.receive(1, timeout_s=5)
    assert caught.value.failure == "ssl_failed_handshake"


async def test_a_server_that_never_ends_its_handshake_is_stopped() -> None:
    """Neither endless warnings nor a certificate of a megabyte go on for ever."""
    made = authority().issue(HOST, padding=1_000_000)
    async with tcp_server(silence, tls=made.server_context()) as port:
        done = await shake(port)
    assert done.failure == "ssl_failed_handshake"
    assert done.bytes_received <= MAX_HANDSHAKE_BYTES + 65_536


async def test_a_flood_before_the_handshake_is_over_is_stopped() -> None:
    """More bytes than a handshake can have end it."""
    warning = b"\x15\x03\x03\x00\x02\x01\x5a" * 2000

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        while True:
            writer.write(warning)
            await writer.drain()

    async with tcp_server(handler) as port:
        done = await shake(port)
    assert done.failure == "ssl_failed_handshake"
    assert done.bytes_received <= MAX_HANDSHAKE_BYTES + 65_536


@pytest.mark.parametrize("name", ["", ".", ".example.com", "a" * 254, "b\xfccher.example"])
async def test_a_name_that_tls_cannot_carry_is_our_mistake(name: str) -> None:
    """Such a name comes from a catalog, not from the network."""
    with pytest.raises(InputError):
        await client_handshake(FakeStream(Tcp()), sni=name, timeout_s=1)


@given(st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=6))
@settings(max_examples=60)
async def test_no_bytes_of_a_server_raise(pieces: list[bytes]) -> None:
    """Whatever a server answers, a handshake ends in a failure of the vocabulary."""
    done = await client_handshake(
        FakeStream(Tcp(replies=tuple(pieces), talk=_all(pieces))), sni=HOST, timeout_s=1
    )
    assert done.failure is not None
    assert check_failure(done.failure) == done.failure


def _all(pieces: list[bytes]) -> Callable[[], Callable[[bytes], bytes]]:
    return lambda: lambda data: b"".join(pieces) if data else b""


@given(st.integers(0, 1000), st.integers(0, 255))
@settings(max_examples=40)
async def test_a_damaged_handshake_never_raises(place: int, change: int) -> None:
    """One byte changed anywhere in a real answer gives a failure, or a handshake."""
    context = leaf(HOST).server_context()

    def make() -> Callable[[bytes], bytes | None]:
        server = TlsServer(context, lambda _said: b"")

        def talk(said: bytes) -> bytes | None:
            answer = bytearray(server(said) or b"")
            if answer:
                answer[place % len(answer)] ^= change
            return bytes(answer)

        return talk

    done = await client_handshake(FakeStream(Tcp(talk=make)), sni=HOST, timeout_s=1)
    assert check_failure(done.failure) == done.failure
