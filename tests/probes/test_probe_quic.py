"""QUIC over the scripted network, with a server of aioquic behind it and filters before it."""

import random
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import pytest
from made_certificates import NOW, authority, leaf

from probe.clock import VirtualClock
from probe.lab.path.quic import QuicOpening
from probe.model.measurement import Measurement, Outcome, TcpStep, TlsStep, UdpStep
from probe.model.target import Endpoint, Kind
from probe.net.fake import FakeNet, Tcp, TlsServer, Udp
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.probes.quic import NO_CERTIFICATE
from probe.wire.errors import WireError
from probe.wire.quic import read_long_header, version_negotiation

pytest.importorskip("aioquic", reason="aioquic is not installed (extra quic)")

HOST, ADDRESS = "www.example.com", "93.184.216.34"
SILENCE = "generic_timeout_error"
AT = Endpoint(
    service="service",
    kind=Kind.QUIC,
    host=HOST,
    port=443,
    tls=True,
    alpn=("h3",),
    source="test",
    checked_on=date(2026, 1, 1),
)


class Server:
    """One server of aioquic; ``drops`` says which datagrams, of either side, vanish."""

    def __init__(
        self,
        *,
        by: str = "Test Root",
        alpn: str = "h3",
        drops: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self._made = leaf(HOST, by=by)
        self._alpn = alpn
        self._drops = drops
        self._quic: Any = None
        self._now_s = 0.0
        self.heard: list[bytes] = []

    def __call__(self, data: bytes) -> Iterable[bytes]:
        self.heard.append(data)
        if self._drops(data):
            return
        yield from (one for one in self._answers(data) if not self._drops(one))

    def _answers(self, data: bytes) -> Iterable[bytes]:
        try:
            header = read_long_header(data)
        except WireError:
            header = None
        if header is not None and header.version not in (1, 0x6B3343CF):
            return [version_negotiation(header, (1,))]
        if self._quic is None:
            if header is None:
                return []
            self._quic = self._connection(header.destination)
        self._now_s += 0.01
        self._quic.receive_datagram(data, ("192.0.2.9", 4433), now=self._now_s)
        return [sent for sent, _ in self._quic.datagrams_to_send(now=self._now_s)]

    def _connection(self, destination: bytes) -> Any:
        from aioquic.quic.configuration import QuicConfiguration
        from aioquic.quic.connection import QuicConnection

        configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=[self._alpn],
            certificate=self._made.certificate,
            certificate_chain=list(self._made.others),
            private_key=self._made.key,
        )
        return QuicConnection(
            configuration=configuration, original_destination_connection_id=destination
        )


async def look(server: Callable[[bytes], Iterable[bytes]], **more: Any) -> Measurement:
    """Measure once; ``tcp`` is what answers over TCP, ``able`` whether aioquic is here."""
    able = more.pop("able", True)
    net = FakeNet(
        udp={(ADDRESS, 443): Udp(server, more.pop("then", SILENCE))},
        tcp={(ADDRESS, 443): more.pop("tcp", Tcp())},
        names={(HOST, 4): (ADDRESS,)},
    )
    env = ProbeEnv(
        net=net,
        clock=VirtualClock(NOW),
        rng=random.Random(1),
        roots=Roots(authority().pem, None),
        quic=able,
    )
    return await measure(AT, env, ProbeOptions(engines=(), addresses=(ADDRESS,), **more))


def told(measurement: Measurement) -> dict[str, tuple[str | None, str | None]]:
    """Return the reply and the failure of each step over UDP."""
    return {s.protocol: (s.reply, s.failure) for s in measurement.steps if isinstance(s, UdpStep)}


async def test_a_handshake_without_a_certificate_proves_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the chain is not to be had of aioquic, whoever answers is not taken for the service."""
    monkeypatch.setattr("probe.net.quic.QuicDriver._read_peer", lambda _: None)
    done = await look(Server())
    assert told(done)["quic"] == ("handshake", NO_CERTIFICATE)
    assert done.failure == NO_CERTIFICATE


@pytest.mark.parametrize("call", ["handle_timer", "datagrams_to_send", "receive_datagram"])
async def test_aioquic_that_breaks_is_a_failure_of_the_step(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """What it breaks over came from the network; no other measurement suffers."""

    def broken(*_: object, **__: object) -> None:
        raise AssertionError

    replies = [] if call == "handle_timer" else [b"x"]
    monkeypatch.setattr(f"aioquic.quic.connection.QuicConnection.{call}", broken)
    done = await look(lambda _: replies)
    assert told(done)["quic"] == (None, "unknown_failure: QUIC: AssertionError")


async def test_versions_a_handshake_and_a_ping() -> None:
    """Each is a step; the certificate is one of TLS, valid for the name."""
    done = await look(Server())
    assert told(done) == {
        "quic-versions": ("version_negotiation", None),
        "quic": ("handshake", None),
        "quic-ping": ("pong", None),
    }
    (tls,) = [s for s in done.steps if isinstance(s, TlsStep)]
    assert tls.certificate is not None
    assert (tls.certificate.packaged, tls.sni, tls.alpn, tls.version) == (
        None,
        HOST,
        "h3",
        "TLSv1.3",
    )
    assert done.steps[-1].failure is None
    assert (done.outcome, done.reason) == (Outcome.MEASURED, None)


async def test_a_strangers_certificate_is_seen_and_nothing_more_asked() -> None:
    """The handshake is completed, and its certificate is no good: there is no ping."""
    done = await look(Server(by="Nobody"))
    assert done.failure == "ssl_unknown_authority"
    assert "quic-ping" not in told(done)


def names(wanted: str) -> Callable[[bytes], bool]:
    """Return a filter that reads the name in a hello and then drops all of that exchange."""
    opening, cut = QuicOpening(), [False]

    def drops(data: bytes) -> bool:
        hello = opening.add(data)
        cut[0] = cut[0] or (hello is not None and hello.sni == wanted)
        return cut[0]

    return drops


async def test_a_name_is_dropped_and_another_passes() -> None:
    """The first question has no name: it is answered. A neutral name gets through."""
    done = await look(Server(drops=names(HOST)))
    assert told(done) == {
        "quic-versions": ("version_negotiation", None),
        "quic": (None, SILENCE),
    }
    neutral = await look(Server(drops=names(HOST)), sni="example.com")
    assert told(neutral)["quic"] == ("handshake", None)


async def test_who_never_answers_gets_three_datagrams_of_a_handshake() -> None:
    """Silence: three questions without a name, three hellos, no more."""
    server = Server(drops=lambda _: True)
    done = await look(server)
    assert told(done) == {"quic-versions": (None, SILENCE), "quic": (None, SILENCE)}
    assert [s.sent for s in done.steps if isinstance(s, UdpStep)] == [3, 3]
    assert len(server.heard) == 6
    assert all(len(data) >= 1200 for data in server.heard)


async def test_what_is_dropped_after_the_handshake_is_seen() -> None:
    """Packets with a short header vanish: the handshake stands, and no second ping comes back."""
    done = await look(Server(drops=lambda data: data[0] & 0x80 == 0))
    assert told(done)["quic"] == ("handshake", None)
    assert told(done)["quic-ping"] == (None, SILENCE)
    assert done.failure == SILENCE


async def test_an_alert_is_told_by_its_name() -> None:
    """A server that does not speak our protocol ends the connection with an alert of TLS."""
    done = await look(Server(alpn="other"))
    reply, failure = told(done)["quic"]
    assert reply == "alert no_application_protocol"
    assert failure == "ssl_failed_handshake"


@pytest.mark.parametrize("said", [b"", b"\xff" * 1200, b"\xc3\0\0\0\1\x08" + bytes(40)])
async def test_noise_is_no_handshake(said: bytes) -> None:
    """Bytes of anybody are heard and change nothing; they raise nothing either."""
    done = await look(lambda _: [said])
    assert told(done)["quic"] == (None, SILENCE)


async def test_a_refusal_is_not_asked_further() -> None:
    """ICMP says that nobody listens: no handshake is tried."""
    done = await look(lambda _: [], then="connection_refused")
    assert told(done) == {"quic-versions": (None, "connection_refused")}


async def test_without_aioquic_the_first_question_is_asked_and_the_rest_is_said() -> None:
    """A machine without the extra measures what it can and says what it could not."""
    done = await look(Server(), able=False)
    assert told(done) == {"quic-versions": ("version_negotiation", None)}
    assert done.reason == "aioquic is not installed (extra quic): no handshake was tried"
    assert done.outcome is Outcome.MEASURED


async def test_random_bytes_are_sent_in_the_place_of_the_first_question_only() -> None:
    """The comparison shows no name and shakes no hands."""
    server = Server()
    done = await look(server, random_payload=True)
    assert told(done) == {"quic-versions-random": (None, SILENCE)}
    assert all(data[0] & 0xC0 == 0 and len(data) == 1200 for data in server.heard)


async def test_over_tcp_the_same_place_shows_its_certificate() -> None:
    """TLS at the same address and port: whether the service is up, but for QUIC."""
    context = leaf(HOST).server_context(("http/1.1",))
    web = Tcp(talk=lambda: TlsServer(context, lambda _: b""))
    done = await look(lambda _: [], tcp=web, over_tcp=True)
    assert [type(step) for step in done.steps] == [TcpStep, TlsStep]
    assert done.failure is None
