"""The throughput service and those who mean harm: more for less, slowness, size, and noise."""

import asyncio
import contextlib
import random
import socket
import ssl

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_rounds import START
from throughput_stage import HASH, HERE, NAME, NEUTRAL, TOKEN, Vps, server_at, timed

from probe.analysis.speeds import transfer_of
from probe.clock import VirtualClock
from probe.control.throughput import Ration, ThroughputServer
from probe.net.base import NetFailure
from probe.net.listen import Bounds
from probe.wire.media import MOST, PACKET, media_key, media_packet
from probe.wire.quic import version_probe

NOW_S = int(START.timestamp())
KEY = media_key(HASH)
AUTH = f"Authorization: Bearer {TOKEN}\r\n"


def context() -> ssl.SSLContext:
    """Return a client that believes anybody."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


async def said(port: int, data: bytes, name: str = NAME) -> bytes:
    """Send bytes inside TLS, and return the answer."""
    reader, writer = await asyncio.open_connection(HERE, port, ssl=context(), server_hostname=name)
    try:
        writer.write(data)
        async with asyncio.timeout(5.0):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return head + await reader.readexactly(length)
    except (ConnectionResetError, ssl.SSLError):
        return b""
    finally:
        writer.transport.abort()


def ask(line: str, more: str = "") -> bytes:
    return f"{line} HTTP/1.1\r\nHost: {NAME}\r\n{AUTH}{more}\r\n".encode()


async def traded(port: int, datagrams: list[bytes], quiet_s: float = 0.3) -> int:
    """Send datagrams, never answer what comes back, and return how many bytes that was."""
    loop, came = asyncio.get_running_loop(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.0)
        sock.connect((HERE, port))
        for datagram in datagrams:
            sock.send(datagram)
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(quiet_s):
                    came += len(await loop.sock_recv(sock, 65_535))
    return came


def initial(size: int, version: int = 1) -> bytes:
    """Return the beginning of a client's first packet of QUIC, filled up."""
    head = b"\xc0" + version.to_bytes(4, "big") + b"\x08" + bytes(range(8)) + b"\x00\x00"
    return (head + b"\x44\x00" + bytes(1_024)).ljust(size, b"\0")[:size]


@pytest.mark.parametrize(
    "datagrams",
    [
        [initial(1_200)] * 5,
        [initial(1_200, 0x1A2A3A4A)] * 5,
        [initial(size, 0x1A2A3A4A) for size in (7, 20, 60, 400, 1_199)],
        [initial(size) for size in (7, 20, 60, 400, 1_199)],
        [version_probe(destination=bytes(8), source=bytes(8), filler=bytes(1_200))],
        [media_packet(n, stream=1, made_s=NOW_S, key=KEY) for n in range(5)],
        [media_packet(n, stream=1, made_s=NOW_S, key=KEY, nonce=bytes(8)) for n in range(5)],
        [b"\x40" + bytes(40)] * 5,
        [bytes((first,)) + bytes(60) for first in range(256)],
    ],
    ids=["initial", "version", "short", "cut", "probe", "media", "disguised", "reset", "any"],
)
async def test_who_shows_no_address_gets_no_more_than_it_sends(datagrams: list[bytes]) -> None:
    """Whatever is sent under another's address: what comes there is no more than that."""
    async with Vps().open() as door:
        came = await traded(door.listener.port, datagrams)
    assert came <= sum(map(len, datagrams))
    assert door.problems == ()


@given(datagram=st.binary(max_size=1_500))
@settings(max_examples=300)
def test_noise_is_not_answered(datagram: bytes) -> None:
    """No bytes that no holder has sealed have an answer, and none raise."""
    assert Ration(lambda: (HASH,), VirtualClock(START), 10**9).echo(datagram) is None


def test_a_recording_is_not_answered() -> None:
    """A sealed packet is answered while it is fresh, by as many bytes, and not before or after."""
    ration = Ration(lambda: ("0" * 64, HASH), VirtualClock(START), 10**9)

    def echoed(made_s: int) -> bytes | None:
        return ration.echo(media_packet(7, stream=1, made_s=made_s, key=KEY))

    assert len(echoed(NOW_S) or b"") == PACKET
    assert len(echoed(NOW_S - 300) or b"") == PACKET
    assert echoed(NOW_S - 301) is None
    assert echoed(NOW_S + 301) is None


def test_what_is_longer_than_a_packet_of_a_call_is_not_read() -> None:
    """A datagram of 64 KiB, sealed or not, would take a key each as long as forty packets."""
    ration = Ration(lambda: (HASH,), VirtualClock(START), 10**9)
    packet = media_packet(7, stream=1, made_s=NOW_S, key=KEY, nonce=bytes(8), size=MOST)
    assert len(ration.echo(packet) or b"") == MOST
    assert ration.echo(packet + bytes(1)) is None


def test_a_flood_of_calls_spends_the_holders_budget() -> None:
    """Datagrams are bytes as well, both ways."""
    ration = Ration(lambda: (HASH,), VirtualClock(START), 3 * 2 * PACKET)
    packets = [media_packet(n, stream=1, made_s=NOW_S, key=KEY) for n in range(5)]
    assert [ration.echo(p) is not None for p in packets] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (ask("GET /bytes/524289"), b"413"),
        (ask("GET /bytes/99999999999"), b"413"),
        (ask("GET /bytes/0"), b"413"),
        (ask("GET /bytes/1000", "Range: bytes=0-999999999999\r\n"), b"200"),
        (ask("POST /bytes", "Content-Length: 524289\r\n"), b"413"),
        (ask("POST /bytes", "Transfer-Encoding: chunked\r\n"), b"413"),
        (ask("POST /bytes", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), b"413"),
        (ask("POST /bytes/1000", "Content-Length: 5\r\n"), b"405"),
        (ask("DELETE /bytes/1000"), b"405"),
        (ask("GET /bytes/1000", AUTH), b"404"),
        (ask("GET /bytes/1000").replace(TOKEN.encode(), b"b" * 43), b"404"),
        (ask("GET /bytes/1000").replace(b"Bearer", b"Basic"), b"404"),
        (b"GET /bytes/1000 HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"nonsense\r\n\r\n", b"400"),
        (ask("GET /bytes/1000", f"X: {'y' * 40_000}\r\n"), b"400"),
    ],
)
async def test_what_is_asked_for_wrongly(request_: bytes, status: bytes) -> None:
    """Too much, too little, without a token, or no HTTP: a short answer, and the next is served."""
    async with Vps().open() as door:
        answer = await said(door.listener.port, request_)
        assert answer.split(b" ")[1] == status
        assert len(answer) < 2_000
        assert transfer_of(await timed(server_at(door.listener.port))) is not None


async def test_who_says_nothing_or_reads_nothing_loses_its_place() -> None:
    """Neither holds one of the few places for longer than a connection may last."""
    vps = Vps(bounds=Bounds(places=2, per_peer=2, handshake_s=0.3, connection_s=0.4))
    async with vps.open() as door:
        port = door.listener.port
        mute = await asyncio.open_connection(HERE, port)
        reader, deaf = await asyncio.open_connection(
            HERE, port, ssl=context(), server_hostname=NEUTRAL, limit=1
        )
        deaf.write(ask("GET /bytes/524288"))
        refused = await timed(server_at(port))
        for gone in (mute[0], reader):
            with contextlib.suppress(OSError, ssl.SSLError):
                async with asyncio.timeout(5.0):
                    while await gone.read(65_536):
                        pass
        served = await timed(server_at(port))
        for writer in (mute[1], deaf):
            writer.transport.abort()
    assert transfer_of(refused) is None
    assert transfer_of(served) is not None


class _Counted:
    """A stream whose peer has sent ``request``; it notes how large each write is."""

    def __init__(self, request: bytes) -> None:
        self._left = request
        self.largest = self.bytes_sent = self.bytes_received = 0

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        self.largest = max(self.largest, len(data))
        self.bytes_sent += len(data)

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        part, self._left = self._left[:max_bytes], self._left[max_bytes:]
        if not part:
            raise NetFailure("generic_timeout_error")
        return part

    async def aclose(self) -> None:
        return None


async def test_a_connection_of_quic_is_given_one_object() -> None:
    """Each is in memory until it is acknowledged: a hundred streams would be 50 MB."""
    async with Vps().open() as door:
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name=NAME
        )
        statuses: dict[int, bytes] = {}
        done = asyncio.Event()

        class Client(QuicConnectionProtocol):
            def quic_event_received(self, event: QuicEvent) -> None:
                for told in http.handle_event(event):
                    if isinstance(told, HeadersReceived):
                        statuses[told.stream_id] = dict(told.headers)[b":status"]
                if len(statuses) == 3:
                    done.set()

        loop = asyncio.get_running_loop()
        quic = QuicConnection(configuration=configuration)
        http = H3Connection(quic)
        transport, client = await loop.create_datagram_endpoint(
            lambda: Client(quic), remote_addr=(HERE, door.listener.port)
        )
        client.connect((HERE, door.listener.port))
        await client.wait_connected()
        for _ in range(3):
            http.send_headers(
                quic.get_next_available_stream_id(),
                [
                    (b":method", b"GET"),
                    (b":scheme", b"https"),
                    (b":authority", NAME.encode()),
                    (b":path", b"/bytes/524288"),
                    (b"authorization", b"Bearer " + TOKEN.encode()),
                ],
                end_stream=True,
            )
        client.transmit()
        async with asyncio.timeout(5.0):
            await done.wait()
        client.close()
        transport.close()
    assert sorted(statuses.values()) == [b"200", b"429", b"429"]


async def test_the_largest_object_is_never_in_memory() -> None:
    """It is made block by block, and the next waits until the last was taken."""
    stream = _Counted(ask("GET /bytes/524288"))
    await ThroughputServer(Ration(lambda: (HASH,), VirtualClock(START), 10**9)).serve(stream)
    assert stream.bytes_sent > 524_288
    assert stream.largest < 17_000


async def test_an_upload_that_stops_is_told_how_far_it_came() -> None:
    """What was seen of it is the answer; the rest of the body is not waited for."""
    stream = _Counted(ask("POST /bytes", "Content-Length: 100000\r\n") + bytes(40_000))
    server = ThroughputServer(Ration(lambda: (HASH,), VirtualClock(START), 10**9))
    await server.serve(stream)
    assert server.served == 1


async def test_garbage_over_tls_and_without() -> None:
    """No bytes end the server."""
    rng = random.Random(3)
    async with Vps().open() as door:
        for size in (1, 100, 20_000):
            for tls, name in ((None, None), (context(), NAME)):
                _, writer = await asyncio.open_connection(
                    HERE, door.listener.port, ssl=tls, server_hostname=name
                )
                writer.write(rng.randbytes(size))
                writer.close()
        assert transfer_of(await timed(server_at(door.listener.port))) is not None
    assert door.problems == ()
