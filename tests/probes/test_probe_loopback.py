"""Whole measurements over real sockets on loopback, by an address map."""

import asyncio
import random
from collections.abc import Callable
from datetime import date
from typing import Literal

import h2.config
import h2.connection
import h2.events
import pytest
from dns_answers import answer_to
from loopback_servers import LOOPBACK, Handler, closed_port, reset, silence, tcp_server, udp_server
from made_certificates import NOW, authority, leaf

from probe.clock import VirtualClock
from probe.model.measurement import DnsStep, HttpStep, Measurement, TcpStep, TlsStep
from probe.model.target import Endpoint, Kind
from probe.net.base import NetFailure
from probe.net.mapped import MappedNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.line import own_address
from probe.probes.measure import measure

HOST, ADDRESS, NAMESERVER = "www.example.com", "93.184.216.34", "198.51.100.53"
LONG = Timeouts(late_s=0.01)
SHORT = Timeouts(dns_s=5, tcp_s=5, tls_s=0.8, http_s=0.3, late_s=0.01)


class Map:
    """The public address on port 443 is one server, the nameserver another."""

    def __init__(self, https: int, resolver: int) -> None:
        self._places = {("tcp", ADDRESS, 443): https, ("udp", NAMESERVER, 53): resolver}

    async def locate(
        self, transport: Literal["tcp", "udp"], address: str, port: int
    ) -> tuple[str, int]:
        place = self._places.get((transport, address, port))
        if place is None:
            raise NetFailure("network_unreachable")
        return LOOPBACK, place

    def nameservers(self) -> tuple[str, ...]:
        return (NAMESERVER,)


def target(path: str = "/") -> Endpoint:
    return Endpoint(
        service="service",
        kind=Kind.HTTP,
        host=HOST,
        port=443,
        tls=True,
        path=path,
        source="test",
        checked_on=date(2026, 1, 1),
    )


def environment(https: int, resolver: int, timeouts: Timeouts = LONG) -> ProbeEnv:
    return ProbeEnv(
        net=MappedNet(Map(https, resolver)),
        clock=VirtualClock(NOW),
        rng=random.Random(1),
        roots=Roots(authority().pem, None),
        timeouts=timeouts,
    )


def answering(query: bytes) -> list[bytes]:
    return [answer_to(query, ADDRESS)]


async def serve_h2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one HTTP/2 request with the address that a control page would show."""
    config = h2.config.H2Configuration(client_side=False)
    connection = h2.connection.H2Connection(config=config)
    connection.initiate_connection()
    writer.write(connection.data_to_send())
    while data := await reader.read(65_536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                assert event.stream_id is not None
                connection.send_headers(event.stream_id, [(":status", "200"), ("server", "lab")])
                body = b"fl=1\nip=8.8.4.4\nts=1\n"
                connection.send_data(event.stream_id, body, end_stream=True)
        writer.write(connection.data_to_send())
        await writer.drain()


async def run(handler: Handler, *, tls: bool = True, timeouts: Timeouts = LONG) -> Measurement:
    context = leaf(HOST).server_context(("h2",)) if tls else None
    async with tcp_server(handler, tls=context) as https, udp_server(answering) as resolver:
        return await measure(target(), environment(https, resolver, timeouts))


async def test_a_page_over_http2_and_tls() -> None:
    """All layers over real sockets: the name, the connection, the certificate, the frames."""
    done = await run(serve_h2)
    assert [type(s) for s in done.steps] == [DnsStep, DnsStep, TcpStep, TlsStep, HttpStep]
    assert done.failure is None
    tls, http = done.steps[-2:]
    assert isinstance(tls, TlsStep)
    assert isinstance(http, HttpStep)
    assert (tls.alpn, tls.certificate and tls.certificate.packaged) == ("h2", None)
    assert (http.protocol, http.status) == ("HTTP/2", 200)
    assert done.bytes_received > tls.bytes_received


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65_536)
    reset(writer)


@pytest.mark.parametrize(
    ("handler", "tls", "failure", "last"),
    [
        (cut, False, "connection_reset", TlsStep),
        (silence, False, "generic_timeout_error", TlsStep),
        (silence, True, "generic_timeout_error", HttpStep),
        (cut, True, "connection_reset", HttpStep),
    ],
)
async def test_real_ways_of_cutting(
    handler: Handler, *, tls: bool, failure: str, last: type
) -> None:
    """A real RST and a real silence have their names at their layers."""
    waits = failure == "generic_timeout_error"
    done = await run(handler, tls=tls, timeouts=SHORT if waits else LONG)
    assert (done.failure, type(done.steps[-1])) == (failure, last)


@pytest.mark.parametrize(
    ("make", "failure"),
    [(closed_port, "connection_refused")],
)
async def test_a_closed_port(make: Callable[[], int], failure: str) -> None:
    """A port where nobody listens is refused."""
    async with udp_server(answering) as resolver:
        done = await measure(target(), environment(make(), resolver))
    assert (done.failure, type(done.steps[-1])) == (failure, TcpStep)


async def test_a_place_that_the_map_does_not_know() -> None:
    """The map may say that there is no way; it is a failure like any other."""
    async with udp_server(lambda q: [answer_to(q, "93.184.216.99")]) as resolver:
        done = await measure(target(), environment(1, resolver))
    assert done.failure == "network_unreachable"


@pytest.mark.slow
async def test_many_at_once_each_within_its_deadline() -> None:
    """A hundred silent servers cost one deadline, not a hundred."""
    async with tcp_server(silence) as https, udp_server(answering) as resolver:
        env = environment(https, resolver, SHORT)
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            tasks = [group.create_task(measure(target(), env)) for _ in range(100)]
    assert {task.result().failure for task in tasks} == {"generic_timeout_error"}


async def test_the_own_address_is_read_and_kept_nowhere() -> None:
    """A control page's ``ip=`` is returned over valid TLS, and over no other."""

    async def address(by: str) -> str | None:
        context = leaf(HOST, by=by).server_context(("h2",))
        async with tcp_server(serve_h2, tls=context) as https, udp_server(answering) as resolver:
            return await own_address(target("/cdn-cgi/trace"), environment(https, resolver))

    assert await address("Test Root") == "8.8.4.4"
    assert await address("Nobody") is None
