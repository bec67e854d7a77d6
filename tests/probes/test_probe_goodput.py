"""An object timed while it comes: what is asked for, what is kept, and what is no object."""

from collections.abc import Callable
from gzip import compress
from typing import Any

import pytest
from made_certificates import leaf
from test_probe_measure import HOST, endpoint, environment, network

from probe.analysis.speeds import transfer_of
from probe.model.goodput import Direction, Transport
from probe.model.measurement import DnsStep, HttpStep, Measurement, Outcome, TcpStep, TlsStep
from probe.model.target import Kind
from probe.net.fake import Conversation, Tcp, TlsServer
from probe.probes.goodput import NO_OBJECT, NOT_THE_OBJECT
from probe.probes.measure import measure
from probe.probes.media import NO_SERVER
from probe.probes.options import ProbeOptions
from probe.probes.transfer import Transfer

FILE = endpoint(Kind.HTTP, tls=True, path="/app.apk", range_bytes=4_096)
WANTED = 100_000


def served(
    reply: bytes, asked: list[bytes] | None = None, name: str = HOST
) -> Callable[[], Conversation]:
    """Return a server of files."""
    context = leaf(name).server_context(("h2", "http/1.1"))

    def said(data: bytes) -> bytes:
        if asked is not None:
            asked.append(data)
        return reply if data else b""

    return lambda: TlsServer(context, said)


def part(size: int, status: str = "206 Partial Content", length: int | None = None) -> bytes:
    told = size if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {told}\r\n\r\n".encode() + bytes(size)


async def timed(server: Tcp, target: Any = FILE, **more: Any) -> Measurement:
    transfer = more.pop("transfer", Transfer(wanted=WANTED))
    options = ProbeOptions(transfer=transfer, **more)
    return await measure(target, environment(network(server)), options)


async def test_an_object_is_asked_for_by_its_first_bytes_and_counted() -> None:
    """A range of what is wanted (not of the catalog's look), over HTTP/1.1; no body is kept."""
    asked: list[bytes] = []
    done = await timed(Tcp(talk=served(part(WANTED), asked)))
    assert b"Range: bytes=0-99999\r\n" in asked[0]
    assert [type(s) for s in done.steps if not isinstance(s, DnsStep)][:3] == [
        TcpStep, TlsStep, HttpStep,
    ]  # fmt: skip
    tls, http, step = done.steps[-3], done.steps[-2], transfer_of(done)
    assert isinstance(tls, TlsStep)
    assert isinstance(http, HttpStep)
    assert step is not None
    assert (tls.sni, tls.alpn_offered) == (HOST, ("http/1.1",))
    assert (http.status, http.body_length) == (206, 0)
    assert (step.wanted, step.failure, step.direction) == (WANTED, None, Direction.DOWNLOAD)
    assert WANTED <= step.received < 1.01 * WANTED
    assert step.received == step.marks[-1][0]
    assert len(step.marks) >= 6


async def test_who_knows_no_ranges_is_cut_off() -> None:
    """A server that sends the whole file costs what was wanted, and a little beside it."""
    done = await timed(Tcp(talk=served(part(400_000, "200 OK"))))
    step = transfer_of(done)
    assert step is not None
    assert step.failure is None
    assert WANTED <= step.received < WANTED + 40_000
    assert done.bytes_received < WANTED + 50_000


async def test_silence_in_the_middle_is_a_transfer_that_did_not_end() -> None:
    """What came before it is counted."""
    done = await timed(Tcp(talk=served(part(20_000, length=WANTED))))
    step = transfer_of(done)
    assert step is not None
    assert step.failure == "generic_timeout_error"
    assert 20_000 <= step.received < 21_000


@pytest.mark.parametrize("status", ["403 Forbidden", "302 Found", "416 Range Not Satisfiable"])
async def test_another_answer_has_no_speed(status: str) -> None:
    """A block page is not the object: it is kept as an answer, and no transfer is."""
    done = await timed(Tcp(talk=served(part(50_000, status))))
    assert transfer_of(done) is None
    assert isinstance(done.steps[-1], HttpStep)


OTHER = {
    "a page": part(600, "200 OK"),
    "nothing": part(0, "200 OK"),
    "less than it sends": part(50_000, length=10),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n" + bytes(9),
    "the end of chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a byte a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1\r\nx\r\n" * 50_000,
    "a packed nothing": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    + compress(bytes(10**7)),
    "noise": bytes(range(256)) * 500,
}


@pytest.mark.parametrize("name", OTHER)
async def test_what_is_shorter_than_the_object_has_no_speed(name: str) -> None:
    """A page with a good certificate and status 200: its few bytes would be a slow transfer."""
    done = await timed(Tcp(talk=served(OTHER[name])))
    assert transfer_of(done) is None
    assert done.reason == NOT_THE_OBJECT


async def test_a_file_that_is_shorter_than_wanted_is_the_object() -> None:
    """The catalog vouches for a part of it only: all of a small file is timed."""
    step = transfer_of(await timed(Tcp(talk=served(part(4_096)))))
    assert step is not None
    assert step.failure is None


async def test_another_certificate_has_no_speed() -> None:
    """Whoever stands in between may be as fast as he likes."""
    asked: list[bytes] = []
    done = await timed(Tcp(talk=served(part(WANTED), asked, name="other.example.net")))
    assert transfer_of(done) is None
    assert asked == []


async def test_a_neutral_name_is_sent_and_the_hosts_certificate_is_demanded() -> None:
    """The same object, the Host inside TLS unchanged: where the server tolerates it."""
    asked: list[bytes] = []
    server = Tcp(talk=served(part(WANTED), asked))
    done = await timed(server, sni="example.com")
    tls = next(s for s in done.steps if isinstance(s, TlsStep))
    assert (tls.sni, tls.failure) == ("example.com", None)
    assert f"Host: {HOST}".encode().lower() in asked[0].lower()
    assert transfer_of(done) is not None


async def test_what_names_no_object_is_not_timed() -> None:
    """A page is no object, and no endpoint is made up: it is said, and nothing is sent."""
    page = endpoint(Kind.HTTP, tls=True, path="/")
    net = network(Tcp(talk=served(part(WANTED))))
    done = await measure(page, environment(net), ProbeOptions(transfer=Transfer(wanted=WANTED)))
    assert (done.outcome, done.reason) == (Outcome.NOT_RUN, NO_OBJECT)
    assert net.dialled == []


async def test_a_rate_of_datagrams_needs_a_server_of_ones_own() -> None:
    """Nobody else's is flooded."""
    done = await timed(Tcp(), transfer=Transfer(wanted=WANTED, transport=Transport.UDP))
    assert (done.outcome, done.reason) == (Outcome.NOT_RUN, NO_SERVER)
