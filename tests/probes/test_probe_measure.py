"""Measuring endpoints over the fake network: what is dialled, what is recorded, what is not."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from datetime import date

import pytest
from dns_answers import answer_to
from hypothesis import given, settings
from hypothesis import strategies as st
from made_certificates import NOW, authority, leaf

from probe.clock import VirtualClock
from probe.errors import ForbiddenNetwork
from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.model.measurement import (
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
    Variant,
)
from probe.model.target import Endpoint, Expect, Kind, Trust
from probe.net.base import Net, Resolved
from probe.net.dns import DnsResult
from probe.net.fake import Conversation, FakeNet, FakeStream, Tcp, TlsServer, Udp
from probe.net.trust import Roots
from probe.probes.env import Limits, ProbeEnv, Timeouts
from probe.probes.measure import MEASURED_KINDS, measure
from probe.probes.options import ProbeOptions

HOST = "www.example.com"
ADDRESS, OTHER, SIXTH = "93.184.216.34", "93.184.216.35", "2606:2800:220:1::1"
NAMESERVER = "192.168.1.1"
OK = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nhello"


def endpoint(kind: Kind, host: str = HOST, **more: object) -> Endpoint:
    given: dict[str, object] = {"source": "test", "checked_on": date(2026, 1, 1)} | more
    return Endpoint(service="service", kind=kind, host=host, **given)  # type: ignore[arg-type]


def environment(net: Net, **more: object) -> ProbeEnv:
    given: dict[str, object] = {
        "net": net,
        "clock": VirtualClock(NOW),
        "rng": random.Random(1),
        "roots": Roots(authority().pem, authority().pem + authority("State Root").pem),
        "timeouts": Timeouts(late_s=0.01),
    }
    return ProbeEnv(**(given | more))  # type: ignore[arg-type]


def resolver(*addresses: str, **how: object) -> Udp:
    return Udp(lambda query: [answer_to(query, *addresses, **how)])  # type: ignore[arg-type]


def https(
    answer: bytes = OK, *, names: tuple[str, ...] = (HOST,), by: str = "Test Root"
) -> Callable[[], Conversation]:
    context = leaf(*names, by=by).server_context(("http/1.1",))
    return lambda: TlsServer(context, lambda data: answer if data else b"")


def network(
    tcp: Tcp | None = None,
    *,
    names: tuple[str, ...] | str = (ADDRESS,),
    port: int = 443,
    udp: Udp | None = None,
) -> FakeNet:
    return FakeNet(
        tcp={(ADDRESS, port): tcp or Tcp(talk=https())},
        udp={(NAMESERVER, 53): udp or resolver(ADDRESS)},
        names={(HOST, 4): names, (HOST, 6): (SIXTH,)},
        servers=(NAMESERVER,),
    )


def kinds(measurement: Measurement) -> list[type]:
    return [type(step) for step in measurement.steps]


async def test_a_web_endpoint_has_four_layers() -> None:
    """DNS by both engines, then TCP, TLS and HTTP, each a step with its time."""
    net = network()
    done = await measure(endpoint(Kind.HTTP, tls=True, path="/x"), environment(net))
    assert kinds(done) == [DnsStep, DnsStep, TcpStep, TlsStep, HttpStep]
    assert done.outcome is Outcome.MEASURED
    assert done.failure is None
    assert done.started == NOW
    assert done.bytes_sent > 300
    assert done.bytes_received > 500
    times = [(step.t0_s, step.t_s) for step in done.steps]
    assert times == sorted(times)
    assert all(0 <= t0 <= t <= done.duration_s for t0, t in times)


async def test_what_a_tls_step_holds() -> None:
    """Name, protocols, version, certificate with both opinions, chain and byte counts."""
    done = await measure(endpoint(Kind.TLS, port=443), environment(network()))
    step = done.steps[-1]
    assert isinstance(step, TlsStep)
    assert (step.sni, step.address, step.port) == (HOST, ADDRESS, 443)
    assert step.alpn_offered == ("h2", "http/1.1")
    assert (step.alpn, step.version) == ("http/1.1", "TLSv1.3")
    assert step.certificate is not None
    assert step.certificate.packaged is None
    assert step.chain == leaf(HOST).chain
    assert step.bytes_sent > 200
    assert step.bytes_received > 400


async def test_what_an_http_step_holds() -> None:
    """Status, allowlisted headers, title, length, hash, expectation and marks; never the body."""
    body = b"<html><title>Blocked for 198.51.100.7</title>Access Restricted</html>"
    answer = (
        b"HTTP/1.1 403 Forbidden\r\nServer: gate\r\nSet-Cookie: id=secret\r\nX-Client: me\r\n"
        b"Date: Mon, 01 Jun 2026 12:00:00 GMT\r\n"
        b"Location: http://block.example/p?ip=198.51.100.7\r\n"
        b"Via: 1.1 203.0.113.80 (proxy)\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body
    found = Fingerprint(
        id="restricted",
        mark=Mark.BLOCKPAGE,
        place=Place.BODY,
        pattern="access restricted",
        source="test",
    )
    net = network(Tcp(replies=(answer,)), port=80)
    target = endpoint(Kind.HTTP, path="/p", expect=Expect(status=(204,)))
    done = await measure(target, environment(net, fingerprints=(found,)))
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert (step.status, step.host, step.path, step.tls) == (403, HOST, "/p", False)
    assert step.title == "Blocked for [scrubbed]"
    assert dict(step.headers) == {
        "server": "gate",
        "date": "Mon, 01 Jun 2026 12:00:00 GMT",
        "location": "http://block.example/p?[scrubbed]",
        "via": "1.1 [scrubbed] (proxy)",
        "content-length": str(len(body)),
    }
    assert step.body_length == len(body)
    assert step.expected is False
    assert step.fingerprints == ("restricted",)
    assert b"198.51.100.7" not in repr(done).encode()


async def test_a_page_that_echoes_an_address_has_one_hash_for_all() -> None:
    """The hash of a body does not depend on, and so does not betray, the client's address."""

    async def hash_of(text: str) -> str | None:
        body = text.encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        net = network(Tcp(replies=(head + body,)), port=80)
        done = await measure(endpoint(Kind.HTTP), environment(net))
        step = done.steps[-1]
        assert isinstance(step, HttpStep)
        return step.body_sha256

    assert await hash_of("you are 203.0.113.9") == await hash_of("you are 203.0.113.77")
    assert await hash_of("you are here") != await hash_of("you are there")


@pytest.mark.parametrize(
    ("expect", "met"),
    [
        (None, None),
        (Expect(status=(200, 204)), True),
        (Expect(status=(204,)), False),
        (Expect(body_contains="hell"), True),
        (Expect(status=(200,), body_contains="success"), False),
        (Expect(), True),
    ],
)
async def test_an_expectation_is_met_or_not(expect: Expect | None, *, met: bool | None) -> None:
    """Both parts of an expectation must hold; without one nothing is said."""
    done = await measure(
        endpoint(Kind.HTTP, expect=expect), environment(network(Tcp(replies=(OK,)), port=80))
    )
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert step.expected is met


async def test_the_configured_resolver_has_no_address() -> None:
    """A home router's address can say where a volunteer lives: it is ``configured``."""
    done = await measure(endpoint(Kind.DNS), environment(network()))
    labels = [step.resolver for step in done.steps if isinstance(step, DnsStep)]
    assert labels == ["system", "configured"]
    assert NAMESERVER not in repr(done)


async def test_a_public_or_chosen_resolver_is_named() -> None:
    """Anycast resolvers and those that the options name are shown with their address."""
    net = FakeNet(udp={("9.9.9.9", 53): resolver(ADDRESS)}, servers=("9.9.9.9",))
    only = ProbeOptions(engines=(DnsEngine.UDP,))
    public = await measure(endpoint(Kind.DNS), environment(net), only)
    chosen = await measure(
        endpoint(Kind.DNS),
        environment(FakeNet(udp={("198.51.100.9", 53): resolver(ADDRESS)})),
        ProbeOptions(engines=(DnsEngine.UDP,), resolver="198.51.100.9"),
    )
    assert [s.resolver for s in public.steps if isinstance(s, DnsStep)] == ["9.9.9.9:53"]
    assert [s.resolver for s in chosen.steps if isinstance(s, DnsStep)] == ["198.51.100.9:53"]


@pytest.mark.parametrize("private", ["10.10.34.34", "127.0.0.1", "0.0.0.0", "169.254.169.254"])
async def test_private_answers_are_recorded_and_never_dialled(private: str) -> None:
    """A lying resolver cannot aim a probe at the home network."""
    net = network(names=(private,), udp=resolver(private))
    done = await measure(endpoint(Kind.HTTP, tls=True), environment(net))
    assert kinds(done) == [DnsStep, DnsStep]
    first = done.steps[0]
    assert isinstance(first, DnsStep)
    assert [a.address for a in first.answers] == [private]
    assert first.failure is None
    assert done.reason == "no public address to dial"
    assert not [place for place in net.dialled if place[0] == "tcp"]


@pytest.mark.parametrize("own", ["192.168.1.1", "198.41.0.4"])
async def test_a_router_that_answers_with_itself_is_not_named(own: str) -> None:
    """One's own address, or the router's, is "this host" in every step, and is never dialled."""
    net = network(names=(own,), udp=resolver(own))
    seen = await measure(endpoint(Kind.TLS), environment(net, own_addresses={own}))
    assert own not in str(seen)
    asked = [s for s in seen.steps if isinstance(s, DnsStep)]
    assert {a.address for s in asked for a in s.answers} == {"0.0.0.0"}
    assert len(asked) == len(seen.steps)


async def test_the_first_engine_with_a_public_answer_is_dialled() -> None:
    """Where the system is lied to and UDP is not, the true address is measured."""
    net = network(names=("10.10.34.34",))
    done = await measure(endpoint(Kind.TLS), environment(net))
    assert done.failure is None
    assert ("tcp", ADDRESS, 443) in net.dialled
    broken = network(names="dns_nxdomain_error")
    assert (await measure(endpoint(Kind.TLS), environment(broken))).failure is None


async def test_when_no_name_resolves_nothing_is_dialled() -> None:
    """A measurement ends at the layer that failed."""
    net = network(names="dns_nxdomain_error", udp=resolver(rcode=3))
    done = await measure(endpoint(Kind.TLS), environment(net))
    assert kinds(done) == [DnsStep, DnsStep]
    assert [s.failure for s in done.steps] == ["dns_nxdomain_error"] * 2
    assert [s.rcode for s in done.steps if isinstance(s, DnsStep)] == [None, 3]
    assert done.failure == "dns_nxdomain_error"


async def test_a_literal_host_is_dialled_without_a_name() -> None:
    """No DNS step for an address, of either family; a private one is not measured at all."""
    net = FakeNet(tcp={(ADDRESS, 443): Tcp(), (SIXTH, 443): Tcp()})
    for address in (ADDRESS, SIXTH):
        done = await measure(endpoint(Kind.TCP, address, port=443), environment(net))
        assert kinds(done) == [TcpStep]
        assert done.failure is None
    private = await measure(endpoint(Kind.TCP, "192.168.1.1", port=443), environment(net))
    assert (private.outcome, private.steps) == (Outcome.NOT_RUN, ())
    assert private.reason == "no public address to dial"


async def test_given_addresses_skip_the_names() -> None:
    """Options name the addresses of a follow-up; private ones are refused there too."""
    net = network()
    options = ProbeOptions(variant=Variant.OTHER_ADDRESS, addresses=("10.0.0.1", ADDRESS))
    done = await measure(endpoint(Kind.TLS), environment(net), options)
    assert kinds(done) == [TcpStep, TlsStep]
    assert done.variant is Variant.OTHER_ADDRESS
    assert net.dialled == [("tcp", ADDRESS, 443)]


async def test_addresses_are_tried_until_one_passes() -> None:
    """``max_addresses`` bounds how many; the one that passes ends it."""
    tcp = {(ADDRESS, 443): Tcp(connect="connection_refused"), (OTHER, 443): Tcp(talk=https())}
    net = FakeNet(tcp=tcp, names={(HOST, 4): (ADDRESS, OTHER, "93.184.216.36")})
    system = (DnsEngine.SYSTEM,)
    one = await measure(endpoint(Kind.TLS), environment(net), ProbeOptions(engines=system))
    both = await measure(
        endpoint(Kind.TLS), environment(net), ProbeOptions(engines=system, max_addresses=3)
    )
    assert kinds(one) == [DnsStep, TcpStep]
    assert one.failure == "connection_refused"
    assert kinds(both) == [DnsStep, TcpStep, TcpStep, TlsStep]
    assert both.failure is None


async def test_families_are_measured_apart() -> None:
    """IPv6 has its own question and its own connection."""
    net = network(udp=Udp(lambda q: [answer_to(q, ADDRESS, SIXTH)]))
    options = ProbeOptions(families=(4, 6))
    done = await measure(endpoint(Kind.TCP, port=443), environment(net), options)
    assert [s.qtype for s in done.steps if isinstance(s, DnsStep)] == ["A", "A", "AAAA", "AAAA"]
    assert [s.address for s in done.steps if isinstance(s, TcpStep)] == [ADDRESS, SIXTH]


@pytest.mark.parametrize(
    ("by", "names", "failure"),
    [
        ("Nobody", (HOST,), "ssl_unknown_authority"),
        ("Test Root", ("other.example",), "ssl_invalid_hostname"),
        ("State Root", (HOST,), "ssl_unknown_authority"),
    ],
)
async def test_a_forged_certificate_is_seen_and_what_it_serves_too(
    by: str, names: tuple[str, ...], failure: str
) -> None:
    """The TLS step fails by the packaged roots, and the page behind the forgery is read."""
    net = network(Tcp(talk=https(by=by, names=names)))
    done = await measure(endpoint(Kind.HTTP, tls=True), environment(net))
    tls, http = done.steps[-2:]
    assert isinstance(tls, TlsStep)
    assert isinstance(http, HttpStep)
    assert tls.failure == failure
    assert tls.certificate is not None
    assert (tls.certificate.system is None) == (by == "State Root")
    assert http.status == 200


async def test_a_self_signed_protocol_is_no_failure() -> None:
    """Where certificates are self-signed by design, the handshake alone counts."""
    net = network(Tcp(talk=https(by="Nobody")))
    done = await measure(endpoint(Kind.TLS, trust=Trust.NONE), environment(net))
    assert done.failure is None


@pytest.mark.parametrize(
    ("tcp", "failure", "last"),
    [
        (Tcp(connect="generic_timeout_error"), "generic_timeout_error", TcpStep),
        (Tcp(connect="connection_reset"), "connection_reset", TcpStep),
        (Tcp(reset_after=1), "connection_reset", TlsStep),
        (Tcp(), "generic_timeout_error", TlsStep),
        (Tcp(then="eof_error"), "eof_error", TlsStep),
        (Tcp(replies=(b"\x15\x03\x03\x00\x02\x02\x70",)), "ssl_invalid_hostname", TlsStep),
        (Tcp(talk=https(b"")), "generic_timeout_error", HttpStep),
        (Tcp(talk=https(), reset_after=700), "connection_reset", HttpStep),
    ],
)
async def test_a_measurement_ends_where_it_was_cut(tcp: Tcp, failure: str, last: type) -> None:
    """The last step is the one that failed."""
    done = await measure(endpoint(Kind.HTTP, tls=True), environment(network(tcp)))
    assert kinds(done)[-1] is last
    assert done.failure == failure


@pytest.mark.parametrize(
    ("options", "sni", "name"),
    [
        (ProbeOptions(), "front.example", "front.example"),
        (ProbeOptions(sni="neutral.example"), "neutral.example", "neutral.example"),
        (ProbeOptions(sni=None), None, HOST),
    ],
)
async def test_the_certificate_is_verified_for_the_name_that_was_sent(
    options: ProbeOptions, sni: str | None, name: str
) -> None:
    """The SNI is the option's, else the endpoint's, else its host; without one the host counts."""
    net = network(Tcp(talk=https(names=(name,))))
    target = endpoint(Kind.TLS, sni="front.example")
    done = await measure(target, environment(net), options)
    step = done.steps[-1]
    assert isinstance(step, TlsStep)
    assert (step.sni, step.failure) == (sni, None)


async def test_alpn_is_offered_where_browsers_offer_it() -> None:
    """HTTP's protocols on HTTPS' port, the endpoint's own where it has some, else none."""

    async def offered(port: int | None = None, alpn: tuple[str, ...] = ()) -> tuple[str, ...]:
        target = endpoint(Kind.TLS, port=port, alpn=alpn)
        net = network(Tcp(connect=None), port=target.port or 443)
        step = (await measure(target, environment(net))).steps[-1]
        assert isinstance(step, TlsStep)
        return step.alpn_offered

    assert await offered() == ("h2", "http/1.1")
    assert await offered(5223) == ()
    assert await offered(5223, ("xmpp-client",)) == ("xmpp-client",)


async def test_a_second_answer_is_a_late_one() -> None:
    """The socket listens on while the rest is measured; a different answer is recorded."""
    net = network(
        udp=Udp(lambda q: [answer_to(q, "10.0.0.1"), answer_to(q, ADDRESS), answer_to(q, ADDRESS)])
    )
    done = await measure(endpoint(Kind.TLS), environment(net))
    step = done.steps[1]
    assert isinstance(step, DnsStep)
    assert [late.addresses for late in step.late] == [(ADDRESS,), (ADDRESS,)]
    quick = await measure(endpoint(Kind.TLS), environment(net), ProbeOptions(keep_listening=False))
    assert isinstance(quick.steps[1], DnsStep)
    assert quick.steps[1].late == ()


async def test_a_truncated_answer_is_asked_again_over_tcp() -> None:
    """A reply that was cut short and has no address is no answer yet."""
    framed: list[Conversation] = []

    def over_tcp() -> Conversation:
        def talk(data: bytes, /) -> bytes:
            reply = answer_to(data[2:], ADDRESS) if data else b""
            return len(reply).to_bytes(2, "big") + reply if data else b""

        framed.append(talk)
        return talk

    net = FakeNet(
        tcp={(NAMESERVER, 53): Tcp(talk=over_tcp)},
        udp={(NAMESERVER, 53): resolver(truncated=True)},
        servers=(NAMESERVER,),
    )
    options = ProbeOptions(engines=(DnsEngine.UDP,))
    done = await measure(endpoint(Kind.DNS), environment(net), options)
    assert [(s.engine, s.failure) for s in done.steps if isinstance(s, DnsStep)] == [
        (DnsEngine.UDP, "dns_no_answer"),
        (DnsEngine.TCP, None),
    ]


async def test_a_resolver_is_asked_a_neutral_question() -> None:
    """Kind ``resolver``: UDP, and TCP when nothing came; the target's name is never asked."""
    spoken: list[bytes] = []

    def answer(query: bytes) -> list[bytes]:
        spoken.append(query)
        return [answer_to(query, "93.184.215.14")]

    net = FakeNet(udp={("9.9.9.9", 53): Udp(answer)})
    done = await measure(endpoint(Kind.RESOLVER, "9.9.9.9"), environment(net))
    step = done.steps[0]
    assert isinstance(step, DnsStep)
    assert (step.hostname, step.resolver, step.failure) == ("example.com", "9.9.9.9:53", None)
    assert b"example\x03com" in spoken[0].lower()

    silent = await measure(endpoint(Kind.RESOLVER, "8.8.8.8"), environment(FakeNet()))
    engines = [s.engine for s in silent.steps if isinstance(s, DnsStep)]
    assert engines == [DnsEngine.UDP, DnsEngine.TCP]
    assert silent.failure == "generic_timeout_error"


def dot(by: str = "Test Root") -> Callable[[], Conversation]:
    context = leaf("dns.example", "1.1.1.1", "9.9.9.9", by=by).server_context()

    def talk(data: bytes) -> bytes:
        if not data:
            return b""
        reply = answer_to(data[2:], ADDRESS)
        return len(reply).to_bytes(2, "big") + reply

    return lambda: TlsServer(context, talk)


def doh(by: str = "Test Root", *, page: bytes | None = None) -> Callable[[], Conversation]:
    import base64

    context = leaf("dns.example", "1.1.1.1", "9.9.9.9", by=by).server_context(("http/1.1",))

    def talk(data: bytes) -> bytes:
        if page is not None:
            return page
        encoded = data.split(b"dns=")[1].split(b" ")[0]
        reply = answer_to(base64.urlsafe_b64decode(encoded + b"=="), ADDRESS)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: "
        return head + str(len(reply)).encode() + b"\r\n\r\n" + reply

    return lambda: TlsServer(context, talk)


async def test_a_dot_endpoint() -> None:
    """Kind ``dot``: connect, shake hands, ask; each is a step."""
    net = FakeNet(tcp={("9.9.9.9", 853): Tcp(talk=dot())}, names={("dns.example", 4): ("9.9.9.9",)})
    options = ProbeOptions(engines=(DnsEngine.SYSTEM,))
    done = await measure(endpoint(Kind.DOT, "dns.example"), environment(net), options)
    assert kinds(done) == [DnsStep, TcpStep, TlsStep, DnsStep]
    last = done.steps[-1]
    assert isinstance(last, DnsStep)
    assert (last.engine, last.resolver, last.failure) == (DnsEngine.DOT, "9.9.9.9:853", None)
    assert done.failure is None


async def test_a_dot_endpoint_has_the_time_of_an_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """What TCP sends again comes later than a datagram's answer may."""
    waited: list[float] = []

    async def never(stream: object, asked: object, *, timeout_s: float) -> DnsResult:
        waited.append(timeout_s)
        return DnsResult("generic_timeout_error")

    monkeypatch.setattr("probe.probes.encrypted.ask_stream", never)
    net = FakeNet(tcp={("9.9.9.9", 853): Tcp(talk=dot())}, names={("dns.example", 4): ("9.9.9.9",)})
    env = environment(net)
    options = ProbeOptions(engines=(DnsEngine.SYSTEM,))
    await measure(endpoint(Kind.DOT, "dns.example"), env, options)
    assert waited == [env.timeouts.exchange_s] != [env.timeouts.dns_s]


async def test_a_doh_endpoint() -> None:
    """Kind ``doh``: the request is a step, and so is the answer in it."""
    net = FakeNet(tcp={("9.9.9.9", 443): Tcp(talk=doh())}, names={("dns.example", 4): ("9.9.9.9",)})
    target = endpoint(Kind.DOH, "dns.example", tls=True, path="/dns-query")
    options = ProbeOptions(engines=(DnsEngine.SYSTEM,))
    done = await measure(target, environment(net), options)
    assert kinds(done) == [DnsStep, TcpStep, TlsStep, HttpStep, DnsStep]
    last = done.steps[-1]
    assert isinstance(last, DnsStep)
    assert last.resolver == "https://dns.example/dns-query"
    assert (last.hostname, last.failure) == ("example.com", None)


async def test_a_page_in_the_place_of_an_answer_is_evidence() -> None:
    """A block page of a middlebox shows as an HTTP step, and the answer as misbehaviour."""
    net = FakeNet(tcp={("9.9.9.9", 443): Tcp(talk=doh(page=OK))})
    target = endpoint(Kind.DOH, "9.9.9.9", tls=True, path="/dns-query")
    done = await measure(target, environment(net))
    assert kinds(done)[-2:] == [HttpStep, DnsStep]
    assert done.failure == "dns_server_misbehaving"


async def test_names_by_encrypted_resolvers_are_one_step() -> None:
    """As an engine, DoH and DoT resolve the target's name, whatever carries it; then TLS to it."""
    net = network(Tcp(talk=https()))
    net.tcp = dict(net.tcp) | {
        ("1.1.1.1", 443): Tcp(talk=doh()),
        ("1.1.1.1", 853): Tcp(talk=dot()),
    }
    for engine in (DnsEngine.DOH, DnsEngine.DOT):
        options = ProbeOptions(variant=Variant.DOH, engines=(engine,))
        done = await measure(endpoint(Kind.TLS), environment(net), options)
        assert kinds(done) == [DnsStep, TcpStep, TlsStep]
        first = done.steps[0]
        assert isinstance(first, DnsStep)
        assert (first.engine, first.hostname, first.failure) == (engine, HOST, None)


async def test_another_encrypted_resolver_is_asked_when_one_is_out_of_reach() -> None:
    """Known resolvers are asked by address in turn until one answers."""
    net = FakeNet(tcp={("9.9.9.9", 443): Tcp(talk=doh())})
    options = ProbeOptions(engines=(DnsEngine.DOH,))
    done = await measure(endpoint(Kind.DNS), environment(net), options)
    assert [(s.resolver, s.failure) for s in done.steps if isinstance(s, DnsStep)] == [
        ("https://1.1.1.1/dns-query", "generic_timeout_error"),
        ("https://9.9.9.9/dns-query", None),
    ]


async def test_an_answer_over_a_forged_certificate_is_none() -> None:
    """An encrypted resolver that is intercepted says nothing."""
    net = FakeNet(tcp={("1.1.1.1", 443): Tcp(talk=doh("Nobody"))})
    options = ProbeOptions(engines=(DnsEngine.DOH,), doh_url="https://1.1.1.1/dns-query")
    done = await measure(endpoint(Kind.DNS), environment(net), options)
    assert [s.failure for s in done.steps] == ["ssl_unknown_authority"]


async def test_a_doh_resolver_with_a_name_is_found_by_the_system() -> None:
    """Its address is the system's or given; a private one is not dialled."""
    net = FakeNet(
        tcp={("9.9.9.9", 8443): Tcp(talk=doh())}, names={("dns.example", 4): ("10.0.0.1",)}
    )
    url = "https://dns.example:8443/dns-query"
    lied = ProbeOptions(engines=(DnsEngine.DOH,), doh_url=url)
    given = ProbeOptions(engines=(DnsEngine.DOH,), doh_url=url, doh_addresses=("9.9.9.9",))
    one = await measure(endpoint(Kind.DNS), environment(net), lied)
    two = await measure(endpoint(Kind.DNS), environment(net), given)
    assert (one.failure, two.failure) == ("dns_no_answer", None)


@pytest.mark.parametrize("kind", sorted(set(Kind) - MEASURED_KINDS))
async def test_a_kind_without_a_probe_is_said_to_be_one(kind: Kind) -> None:
    """Nothing is skipped in silence, and nothing is sent."""
    net = FakeNet()
    done = await measure(endpoint(kind, port=443), environment(net))
    assert done.outcome is Outcome.NOT_MEASURED_YET
    assert str(kind) in (done.reason or "")
    assert net.dialled == []


@pytest.mark.parametrize(
    "target",
    [
        endpoint(Kind.TLS, "a" * 64 + ".com"),
        endpoint(Kind.TLS, "b\xfc\udcff.example"),
        endpoint(Kind.HTTP, tls=False, path="/\x00"),
        endpoint(Kind.DNS, "192.0.2.1"),
    ],
)
async def test_what_cannot_be_measured_is_not_run(target: Endpoint) -> None:
    """A name or path that no protocol can carry comes from a file of the user's."""
    net = network(Tcp(replies=(OK,)), port=80)
    done = await measure(target, environment(net))
    assert done.outcome is Outcome.NOT_RUN
    assert done.reason


async def test_a_name_in_other_letters_goes_out_in_ascii() -> None:
    """An internationalised name is asked for as A-label."""
    net = FakeNet(names={("xn--bcher-kva.example", 4): (ADDRESS,)}, tcp={(ADDRESS, 443): Tcp()})
    target = endpoint(Kind.TCP, "b\xfccher.example", port=443)
    done = await measure(target, environment(net), ProbeOptions(engines=(DnsEngine.SYSTEM,)))
    assert done.failure is None


class Stuck(FakeNet):
    """A network whose streams never answer, in real time."""

    connecting: asyncio.Event

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> FakeStream:
        self.connecting.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_cancelled_measurement_keeps_what_it_has() -> None:
    """Cancellation propagates, and what was measured is handed over as interrupted."""
    kept: list[Measurement] = []
    net = Stuck(names={(HOST, 4): (ADDRESS,)}, udp={(NAMESERVER, 53): resolver(ADDRESS)})
    net.servers = (NAMESERVER,)
    net.connecting = asyncio.Event()
    task = asyncio.create_task(
        measure(endpoint(Kind.TLS), environment(net), on_interrupt=kept.append)
    )
    await net.connecting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [m.outcome for m in kept] == [Outcome.INTERRUPTED]
    assert kinds(kept[0]) == [DnsStep, DnsStep]
    assert kept[0].failure == "interrupted"


class Forbidden(FakeNet):
    """A network that the guard refuses."""

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        raise ForbiddenNetwork("not here")


async def test_the_guard_and_bugs_propagate() -> None:
    """A refusal by the guard is no failure of the network; it comes out as it is."""
    with pytest.raises(ForbiddenNetwork):
        await measure(endpoint(Kind.TLS), environment(Forbidden()))

    class Broken(FakeNet):
        async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await measure(endpoint(Kind.TLS), environment(Broken()))


REPLIES = st.lists(st.binary(min_size=1, max_size=200), max_size=4)


@given(st.sampled_from(sorted(MEASURED_KINDS)), REPLIES, REPLIES, st.booleans())
@settings(max_examples=70)
async def test_no_bytes_of_a_server_make_a_probe_raise(
    kind: Kind,
    said: list[bytes],
    answered: list[bytes],
    tls: bool,
) -> None:
    """Whatever comes back over TCP and UDP, a measurement comes of it."""
    host = ADDRESS if kind is Kind.RESOLVER else HOST
    target = endpoint(kind, host, port=443, tls=tls)
    script = Tcp(replies=tuple(said), then="eof_error")
    if tls:
        context = leaf(HOST).server_context(("http/1.1",))
        said = list(said)
        script = Tcp(talk=lambda: TlsServer(context, lambda data: said.pop() if said else None))
    garbage = Udp(lambda query: [*answered, *(query[:2] + one for one in answered)])
    net = network(script, udp=garbage)
    net.udp = dict(net.udp) | {(ADDRESS, 443): garbage}
    done = await measure(target, environment(net))
    assert done.outcome is Outcome.MEASURED
    assert done.steps


class Counting:
    """Limits that write down who entered."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, str]] = []

    @contextlib.asynccontextmanager
    async def _enter(self, kind: str, address: str) -> AsyncIterator[None]:
        self.entered.append((kind, address))
        await asyncio.sleep(0.02)
        yield

    def destination(self, address: str) -> contextlib.AbstractAsyncContextManager[None]:
        return self._enter("destination", address)

    def resolver(self, address: str) -> contextlib.AbstractAsyncContextManager[None]:
        return self._enter("resolver", address)


async def test_limits_are_entered_before_the_timers() -> None:
    """Waiting for a turn is not time of the operation."""
    counting = Counting()
    limits: Limits = counting
    done = await measure(endpoint(Kind.TLS), environment(network(), limits=limits))
    assert counting.entered == [
        ("resolver", "system"),
        ("resolver", NAMESERVER),
        ("destination", ADDRESS),
    ]
    assert done.duration_s >= 0.06
    for step in done.steps[:3]:
        assert step.t_s - step.t0_s < 0.02
