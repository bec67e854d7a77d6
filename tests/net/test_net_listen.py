"""Listening: where the guard allows, a few at a time, and nothing of a peer ends the server."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.control.certificate import own_certificate
from probe.errors import ForbiddenNetwork, InputError
from probe.net.base import Stream
from probe.net.listen import Bounds, ServerTls, listening, peer_of


async def echo(stream: Stream) -> None:
    """Send back what comes, once."""
    await stream.send(await stream.receive(100, timeout_s=2.0), timeout_s=2.0)


async def talk(port: int, data: bytes = b"hello", context: ssl.SSLContext | None = None) -> bytes:
    """Send and return what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(data)
        async with asyncio.timeout(3.0):
            return await reader.read(100)
    except (ConnectionResetError, ssl.SSLError):
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1"])
async def test_the_guard_decides_where_to_listen(address: str) -> None:
    """Under ``PROBE_NET=loopback`` nobody outside can reach a socket of ours."""
    with pytest.raises(ForbiddenNetwork):
        async with listening(address, 0, echo, tls=None):
            pass


async def test_a_connection_is_a_stream_and_is_closed_afterwards() -> None:
    """Port 0 is any; the address that was bound is told."""
    async with listening("127.0.0.1", 0, echo, tls=None) as server:
        assert (server.address, server.port > 0) == ("127.0.0.1", True)
        assert await talk(server.port) == b"hello"
        assert await talk(server.port, b"again") == b"again"


async def test_a_port_that_is_taken_is_an_input_error() -> None:
    """In words, with the address."""
    async with listening("127.0.0.1", 0, echo, tls=None) as server:
        with pytest.raises(InputError, match=r"cannot listen on 127\.0\.0\.1"):
            async with listening("127.0.0.1", server.port, echo, tls=None):
                pass


async def test_a_bug_in_one_connection_is_noted_and_the_next_is_served() -> None:
    """The boundary is the connection."""
    first = True

    async def broken(stream: Stream) -> None:
        nonlocal first
        if first:
            first = False
            raise KeyError("a bug")
        await echo(stream)

    async with listening("127.0.0.1", 0, broken, tls=None) as server:
        assert await talk(server.port) == b""
        assert await talk(server.port) == b"hello"
        assert server.problems == ["KeyError"]


async def test_places_are_few_in_all_and_given_back() -> None:
    """Who is over it is closed at once; a place that was given back serves the next."""
    release, both = asyncio.Event(), asyncio.Event()
    inside = 0

    async def hold(stream: Stream) -> None:
        nonlocal inside
        inside += 1
        if inside == 2:
            both.set()
        await release.wait()
        await echo(stream)

    bounds = Bounds(places=2, per_peer=9)
    async with listening("127.0.0.1", 0, hold, tls=None, bounds=bounds) as server:
        held = [asyncio.create_task(talk(server.port)) for _ in range(2)]
        await both.wait()
        assert await talk(server.port) == b""
        assert server.refused == 1
        release.set()
        assert await asyncio.gather(*held) == [b"hello", b"hello"]
        assert await talk(server.port) == b"hello"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:0:ffff::1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_a_network_is_one_peer_however_it_is_written(one: str, other: str, same: bool) -> None:
    """Whoever holds a /64 has one peer's places, also where zeros are left out of the text."""
    assert (peer_of(one) == peer_of(other)) is same


async def test_who_never_finishes_is_cut_off() -> None:
    """A connection has its seconds in all, whatever it does."""

    async def forever(stream: Stream) -> None:
        await asyncio.Event().wait()

    bounds = Bounds(connection_s=0.05)
    async with listening("127.0.0.1", 0, forever, tls=None, bounds=bounds) as server:
        assert await talk(server.port) == b""
        assert server.problems == []


async def test_tls_is_1_3_or_nothing_and_garbage_ends_nobody() -> None:
    """In TLS 1.3 the certificate is not seen on the way."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    new.check_hostname = False
    new.verify_mode = ssl.CERT_NONE
    with own_certificate(b"k" * 32, datetime(2024, 1, 1, tzinfo=UTC)) as tls:
        async with listening("127.0.0.1", 0, echo, tls=tls) as server:
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await asyncio.open_connection("127.0.0.1", server.port, ssl=old)
            assert b"hello" not in await talk(server.port, b"GET / HTTP/1.1\r\n\r\n")
            assert await talk(server.port, context=new) == b"hello"
            assert server.problems == []


async def test_files_that_are_no_certificate_are_an_input_error(tmp_path: Path) -> None:
    """Missing, garbage, or a key that does not belong to it."""
    garbage = tmp_path / "x.pem"
    garbage.write_text("no certificate")
    with (
        own_certificate(b"k" * 32, datetime(2024, 1, 1, tzinfo=UTC)) as good,
        own_certificate(b"j" * 32, datetime(2024, 1, 1, tzinfo=UTC)) as other,
    ):
        for files in (
            ServerTls(garbage, garbage),
            ServerTls(tmp_path / "none.pem", tmp_path / "none.pem"),
            ServerTls(good.certificate, other.key),
        ):
            with pytest.raises(InputError, match="cannot be used together"):
                async with listening("127.0.0.1", 0, echo, tls=files):
                    pass


async def test_closing_ends_what_is_open() -> None:
    """The block ends at once, whoever still talks."""

    async def forever(stream: Stream) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(5.0):
        async with listening("127.0.0.1", 0, forever, tls=None) as server:
            talking = asyncio.create_task(talk(server.port))
            await asyncio.sleep(0)
            await server.aclose()
        assert await talking == b""


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    """A second port that cannot be bound is a sentence, not a group of exceptions."""

    async def serve(_stream: Stream) -> None:
        return None

    error = InputError("the block's own")
    with pytest.raises(InputError) as caught:
        async with listening("127.0.0.1", 0, serve, tls=None):
            raise error
    assert caught.value is error
