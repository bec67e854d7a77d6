"""The throughput service over QUIC and strangers who have shown an address, and nothing else."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import ErrorCode
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent, StreamDataReceived
from throughput_stage import HERE, NAME, Vps, server_at, timed

from probe.analysis.speeds import transfer_of
from probe.control.throughput_quic import CONNECTIONS, MOST_RECEIVED
from probe.model.goodput import Transport
from probe.net.listen import Bounds
from probe.net.listen_udp import DatagramBounds
from probe.probes.goodput import NOT_THE_OBJECT

_HEADERS_OF_A_GIBIBYTE = b"\x01" + encode_uint_var(1 << 30)


class Stranger(QuicConnectionProtocol):
    """A client that believes anybody, and notes its first answer and what ended it."""

    def __init__(self, quic: QuicConnection) -> None:
        super().__init__(quic)
        self.quic = quic
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.heard = asyncio.Event()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated) and not self.ended.done():
            self.ended.set_result(event.error_code)
        if isinstance(event, StreamDataReceived) and event.stream_id == 0:
            self.heard.set()

    def say(self, data: bytes) -> None:
        """Send on a stream of its own."""
        self.quic.send_stream_data(self.quic.get_next_available_stream_id(), data)
        self.transmit()


@asynccontextmanager
async def stranger(port: int, *, patience_s: float = 5.0) -> AsyncIterator[Stranger]:
    """Shake hands with the service at ``port``."""
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name=NAME
    )
    quic = QuicConnection(configuration=configuration)
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Stranger(quic), remote_addr=(HERE, port)
    )
    try:
        client.connect((HERE, port))
        async with asyncio.timeout(patience_s):
            await client.wait_connected()
        yield client
    finally:
        client.close()
        transport.close()


async def let_in(port: int, patience_s: float = 0.3) -> bool:
    """Return whether a stranger can shake hands; who is not let in hears nothing."""
    try:
        async with stranger(port, patience_s=patience_s):
            return True
    except TimeoutError:
        return False


async def served(port: int) -> bool:
    """Return whether a holder gets bytes over QUIC."""
    return transfer_of(await timed(server_at(port), transport=Transport.QUIC)) is not None


async def test_one_stranger_cannot_hold_every_place() -> None:
    """One peer has as many connections as over TCP; a fifth is not begun while they are open."""
    vps = Vps(bounds=Bounds(per_peer=4))
    async with vps.open() as door, AsyncExitStack() as held:
        port = door.listener.port
        for _ in range(3):
            await held.enter_async_context(stranger(port))
        async with stranger(port):
            assert CONNECTIONS > 4
            assert not await let_in(port)
        # the server forgets the one that left after three times its patience with lost packets
        assert await let_in(port, patience_s=5.0)


async def test_the_last_place_is_a_whole_one() -> None:
    """Packets of a handshake that has begun are taken although no place is left for another."""
    async with (
        Vps(bounds=Bounds(per_peer=1)).open() as door,
        stranger(door.listener.port) as client,
    ):
        client.say(_request(NAME, "b" * 43))
        async with asyncio.timeout(5.0):
            await client.heard.wait()
    assert door.problems == ()


async def test_a_connection_ends_although_it_never_idles() -> None:
    """It lasts as long as one of TCP may, whatever is sent meanwhile."""
    async with (
        Vps(bounds=Bounds(connection_s=0.2)).open() as door,
        stranger(door.listener.port) as client,
    ):
        async with asyncio.timeout(5.0):
            while not client.ended.done():
                lively = asyncio.ensure_future(client.ping())
                await asyncio.wait((lively, client.ended), return_when=asyncio.FIRST_COMPLETED)
                lively.cancel()
        assert client.ended.result() == 0


async def test_a_head_that_never_ends_is_not_held_in_memory() -> None:
    """A head is kept until it is whole, so that one of a gibibyte ends the connection."""
    async with Vps().open() as door:
        async with stranger(door.listener.port) as client:
            client.say(_HEADERS_OF_A_GIBIBYTE + bytes(2 * MOST_RECEIVED))
            async with asyncio.timeout(5.0):
                assert await client.ended == ErrorCode.H3_EXCESSIVE_LOAD
        assert await served(door.listener.port)


async def test_a_flood_of_requests_ends_the_connection() -> None:
    """Each is answered, and a few are enough."""
    async with Vps().open() as door:
        async with stranger(door.listener.port) as client:
            for _ in range(20):
                client.say(_request(NAME, "b" * 43))
            async with asyncio.timeout(5.0):
                assert await client.ended == ErrorCode.H3_EXCESSIVE_LOAD
        assert await served(door.listener.port)


async def test_first_packets_are_counted_and_what_follows_is_not() -> None:
    """A peer over its bytes begins no connection; one that has begun is not held up by them."""
    narrow = DatagramBounds(per_peer=0.0, per_peer_burst=4_000.0)
    async with Vps(datagrams=narrow).open() as door:
        port = door.listener.port
        assert await served(port)  # 64 KiB: far more acknowledgements than the bucket holds
        assert not await let_in(port)
        assert door.datagrams.dropped > 0


def _request(name: str, token: str) -> bytes:
    """Return a frame of headers that uses no table but the static one (RFC 9204)."""
    from pylsqpack import Encoder

    fields = [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", name.encode()),
        (b":path", b"/bytes/1000"),
        (b"authorization", f"Bearer {token}".encode()),
    ]
    _, data = Encoder().encode(0, fields)
    return b"\x01" + encode_uint_var(len(data)) + bytes(data)


async def test_an_answer_that_is_shorter_than_asked_for_has_no_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that gives a thousand bytes for 64 KiB was not timed."""
    monkeypatch.setattr("probe.control.throughput_quic.wanted_of", lambda _path: 1_000)
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port), transport=Transport.QUIC)
    assert transfer_of(done) is None
    assert done.reason == NOT_THE_OBJECT


async def test_padding_is_not_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that mean nothing end the transfer once they cost far more than what was wanted."""

    def padded(self: Any, asked: HeadersReceived) -> None:
        self._h3.send_headers(asked.stream_id, [(b":status", b"200")])
        frame = b"\x21" + encode_uint_var(1 << 25)
        self._quic.send_stream_data(asked.stream_id, frame + bytes(1 << 21))

    monkeypatch.setattr("probe.control.throughput_quic._Connection._answer", padded)
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port), transport=Transport.QUIC)
    assert transfer_of(done) is None
    assert done.bytes_received < 200_000
