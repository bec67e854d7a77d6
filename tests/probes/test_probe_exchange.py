"""Protocols of their own over the fake network: what is said, what counts as an answer."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from exchange_servers import (
    OWN,
    SHOWN,
    chat,
    data_centre,
    directory,
    inside,
    mt_proxy,
    proxy,
    relay,
)
from made_certificates import NOW, authority
from test_probe_measure import ADDRESS, HOST, NAMESERVER, endpoint, environment, resolver

from probe.clock import VirtualClock
from probe.lab.own_keys import RELAY_FINGERPRINT, lab_keys
from probe.model.codec import encode
from probe.model.measurement import ExchangeStep, HttpStep, Measurement, Proof, TlsStep, Variant
from probe.model.target import Endpoint, Kind, Trust
from probe.net.fake import Conversation, FakeNet, FakeStream, Tcp
from probe.net.known_keys import KnownKeys
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.exchange import MAX_READ
from probe.probes.measure import measure
from probe.probes.options import PLAIN, ProbeOptions
from probe.wire.tor_cells import Cell, Command, encode_cell
from probe.wire.websocket import Frame, FrameKind, encode_frame

RELAY = endpoint(Kind.TOR_OR, ADDRESS, port=443, tls=True, trust=Trust.NONE)
KNOWN = endpoint(
    Kind.TOR_OR, ADDRESS, port=443, tls=True, trust=Trust.NONE, identity=RELAY_FINGERPRINT
)
CLEAR = endpoint(Kind.MTPROTO, ADDRESS, port=443)
CHAT = endpoint(Kind.WHATSAPP, port=443, tls=True, alpn=("http/1.1",))
PROXY = endpoint(Kind.SIGNAL_PROXY, port=443, tls=True)
DIRECTORY = endpoint(Kind.TOR_DIR, ADDRESS, port=80, path="/tor/status-vote/current/consensus.z")


def roots(keys: KnownKeys | None = None) -> Roots:
    """Return the tests' roots, Signal's own among them, and the lab's keys."""
    pinned = {Trust.SIGNAL: authority("Signal Root").pem}
    return Roots(authority().pem, None, pinned, keys or lab_keys())


def net(talk: Any, port: int = 443, **more: Any) -> FakeNet:
    """Return a network in which one server talks so."""
    return FakeNet(
        tcp={(ADDRESS, port): Tcp(talk=talk, **more)},
        udp={(NAMESERVER, 53): resolver(ADDRESS)},
        names={(HOST, 4): (ADDRESS,)},
        servers=(NAMESERVER,),
    )


def env(network: FakeNet, **more: Any) -> ProbeEnv:
    """Return an environment on it."""
    return environment(network, **{"roots": roots(), **more})


async def asked(
    target: Endpoint, talk: Any, options: ProbeOptions = PLAIN, **more: Any
) -> tuple[Measurement, ExchangeStep]:
    """Measure, and return the exchange as well."""
    done = await measure(target, env(net(talk), **more), options)
    step = done.steps[-1]
    assert isinstance(step, ExchangeStep), done
    return done, step


# --- Tor's links


async def test_a_relay_with_the_known_key_is_proven() -> None:
    """Its chain holds for this very TLS, and the fingerprint is the stated one."""
    keys = KnownKeys()
    _, step = await asked(KNOWN, relay, roots=roots(keys))
    assert (step.failure, step.proof) == (None, Proof.IDENTITY)
    assert step.reply == "VERSIONS CERTS AUTH_CHALLENGE NETINFO"
    assert (step.protocol, step.address, step.port) == ("tor", ADDRESS, 443)
    assert step.bytes_sent == 11
    assert step.bytes_received > 1_200


async def test_a_relay_whose_key_nobody_states_has_answered_and_no_more() -> None:
    """The chain is of this connection, so it was made for us; whose it is stays open."""
    _, step = await asked(RELAY, relay, roots=roots(KnownKeys()))
    assert (step.failure, step.proof) == (None, Proof.ECHO)


async def test_a_relay_with_another_key_is_another_one() -> None:
    """The fingerprint is not the stated one."""
    _, step = await asked(KNOWN, relay, roots=roots(KnownKeys(relay="A" * 40)))
    assert (step.failure, step.proof) == ("ssl_unknown_authority", Proof.OTHER_IDENTITY)


async def test_a_relay_behind_somebody_elses_tls_is_intercepted() -> None:
    """Its certificates hold for the TLS that it sees, which is not what we see."""
    other = hashlib.sha256(b"another TLS").digest()
    _, step = await asked(KNOWN, lambda: relay(shown=other), roots=roots(KnownKeys()))
    assert (step.failure, step.proof) == ("ssl_unknown_authority", Proof.OTHER_IDENTITY)


async def test_certificates_that_have_run_out_prove_nothing() -> None:
    """A clock that is wrong makes no interception of it."""
    late = VirtualClock(NOW + timedelta(days=30))
    _, step = await asked(KNOWN, relay, clock=late)
    assert (step.failure, step.proof) == (None, Proof.FORM)


async def test_certificates_that_cannot_be_read_are_still_tors_form() -> None:
    """A relay of a later version, or a broken one: no other service at that port."""
    _, step = await asked(KNOWN, lambda: relay(broken=True))
    assert (step.failure, step.proof) == (None, Proof.FORM)


async def test_versions_alone_are_tors_form() -> None:
    """What came before a cut counts, and proves nothing of who it is."""
    _, step = await asked(KNOWN, lambda: relay(cells=1))
    assert (step.failure, step.reply, step.proof) == (None, "VERSIONS", Proof.FORM)


async def test_an_old_link_has_narrow_circuit_ids() -> None:
    """Version 3: two bytes, in all cells (tor-spec, "Cell packet format")."""
    cells = (Cell(Command.VERSIONS, b"\x00\x03"), Cell(Command.NETINFO, bytes(20)))
    said = b"".join(encode_cell(cell, 2) for cell in cells)

    def talk(data: bytes, /) -> bytes:
        return said if data else b""

    _, step = await asked(RELAY, lambda: inside(lambda: talk, "relay.example"))
    assert (step.reply, step.proof) == ("VERSIONS NETINFO", Proof.FORM)


async def test_nothing_of_our_address_is_in_a_relays_measurement() -> None:
    """NETINFO tells it, and so does the header of a directory: neither is kept."""
    done, _ = await asked(KNOWN, relay)
    page = await measure(DIRECTORY, env(net(None, 80, replies=(directory(),))))
    for kept in (encode(done), encode(page), repr(done).encode(), repr(page).encode()):
        assert OWN.encode() not in kept
        assert bytes([198, 51, 100, 7]).hex().encode() not in kept
    assert page.failure is None


async def test_a_relays_name_is_made_up_and_never_the_same() -> None:
    """``www.``, base32, ``.com``, and no protocols are offered, as Tor's clients do."""
    shown = set()
    environs = env(net(relay))
    for _ in range(3):
        done = await measure(RELAY, environs)
        (step,) = [s for s in done.steps if isinstance(s, TlsStep)]
        assert step.alpn_offered == ()
        shown.add(step.sni)
    assert len(shown) == 3
    assert all(sni and sni.startswith("www.") and sni.endswith(".com") for sni in shown)


async def test_with_a_neutral_name_a_relay_is_greeted_as_a_browser_does() -> None:
    """The comparison: another hello at the same address, and nothing said in it."""
    options = ProbeOptions(variant=Variant.NEUTRAL_SNI, sni="example.com", addresses=(ADDRESS,))
    done = await measure(RELAY, env(net(relay)), options)
    step = done.steps[-1]
    assert isinstance(step, TlsStep)
    assert (step.failure, step.sni) == (None, "example.com")
    assert step.alpn_offered == ("h2", "http/1.1")


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"\xc3\x5a" + bytes(90), "something else"),
        (b"\x00\x00\x07\x00\x02\x00\x09", "something else"),  # a version that nobody has
    ],
)
async def test_what_is_no_link_is_named_and_not_waited_for(said: bytes, reply: str) -> None:
    """Another service inside TLS."""

    def talk(data: bytes, /) -> bytes:
        return said if data else b""

    _, step = await asked(RELAY, lambda: inside(lambda: talk, "relay.example"))
    assert (step.reply, step.proof) == (reply, Proof.OTHER)
    assert step.failure == "unknown_failure: an answer in another protocol"


# --- Tor's directories


async def test_the_head_of_a_consensus_is_enough() -> None:
    """2 KiB are read; the header about us says that it is a directory, and is dropped."""
    done = await measure(DIRECTORY, env(net(None, 80, replies=(directory(),))))
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert (step.status, step.expected, step.tls) == (200, True, False)
    assert step.body_length <= 2_048
    assert dict(step.headers).keys() == {"content-type", "content-length"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.0 503 Busy\r\nX-Your-Address-Is: 198.51.100.7\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\n\r\nnetwork-status-version 3\n", True),
        (b"HTTP/1.0 200 OK\r\n\r\n<html>a page</html>", False),
        (b"HTTP/1.0 403 No\r\nX-Your-Address-Is: 198.51.100.7\r\n\r\n", False),
    ],
)
async def test_a_directory_is_known_by_its_header_or_its_document(
    answer: bytes, expected: bool
) -> None:
    """200, 304 and 503 are a directory's; a page of somebody else's is not."""
    done = await measure(DIRECTORY, env(net(None, 80, replies=(answer,), then="eof_error")))
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert step.expected is expected


# --- Telegram


async def test_a_data_centre_brings_our_bytes_back() -> None:
    """42 bytes ask, in the clear; no account and no key."""
    done, step = await asked(CLEAR, data_centre)
    assert (step.failure, step.reply, step.proof) == (None, "resPQ", Proof.ECHO)
    assert step.bytes_sent == 42
    assert done.failure is None


async def test_an_answer_to_another_question_is_none() -> None:
    """Injected, or recorded earlier: the bytes are not ours."""
    _, step = await asked(CLEAR, lambda: data_centre(nonce=b"x" * 16))
    assert step.proof is Proof.FOREIGN
    assert step.failure == "unknown_failure: an answer to another question"


async def test_an_error_of_the_transport_is_of_the_form_only() -> None:
    """Four bytes that anybody may send."""
    _, step = await asked(CLEAR, lambda: data_centre(error=404))
    assert (step.failure, step.reply, step.proof) == (None, "transport error 404", Proof.FORM)


@pytest.mark.parametrize(("said", "reply"), [(b"SSH-2.0-x\r\n", "SSH"), (b"\xc3\x5a", "something")])
async def test_what_cannot_become_an_answer_is_not_waited_for(said: bytes, reply: str) -> None:
    """The first bytes say that it is another service."""
    done = await measure(CLEAR, env(net(None, replies=(said,))))
    step = done.steps[-1]
    assert isinstance(step, ExchangeStep)
    assert (step.reply or "").startswith(reply)
    assert step.proof is Proof.OTHER


@pytest.mark.parametrize("failure", ["connection_reset", "generic_timeout_error", "eof_error"])
async def test_silence_and_cuts_keep_their_names(failure: str) -> None:
    """Nothing came that could be read, so there is no reply and no proof."""
    done = await measure(CLEAR, env(net(None, then=failure)))
    step = done.steps[-1]
    assert isinstance(step, ExchangeStep)
    assert (step.failure, step.reply, step.proof) == (failure, None, None)


async def test_the_comparison_asks_in_bytes_that_look_random() -> None:
    """The same question in the other form, and the same proof."""
    from probe.lab.looks import looks_of_bytes

    sent: list[bytes] = []

    class Recorded(FakeNet):
        async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> FakeStream:
            stream = await super().connect_tcp(address, port, timeout_s=timeout_s)
            send = stream.send

            async def kept(data: bytes, *, timeout_s: float) -> None:
                sent.append(data)
                await send(data, timeout_s=timeout_s)

            stream.send = kept  # type: ignore[method-assign]
            return stream

    network = Recorded(tcp={(ADDRESS, 443): Tcp(talk=mt_proxy)})
    options = ProbeOptions(variant=Variant.COMPARISON, addresses=(ADDRESS,))
    done = await measure(CLEAR, env(network), options)
    assert isinstance(done.steps[-1], ExchangeStep)
    assert done.steps[-1].proof is Proof.ECHO
    assert looks_of_bytes(sent[0]) == "random"


async def test_a_persons_own_proxy_is_asked_with_its_secret() -> None:
    """Only who has the secret is answered."""
    own = endpoint(Kind.MTPROTO, ADDRESS, port=443, private="own-1")
    secret = bytes(range(16))
    _, step = await asked(own, lambda: mt_proxy(secret), secrets={own.id: secret})
    assert step.proof is Proof.ECHO


# --- WhatsApp


def web(**more: Any) -> Any:
    """Return WhatsApp's server inside TLS for the host."""
    return lambda: inside(lambda: chat(**more), HOST)


async def test_whatsapps_hello_with_its_key_is_proof() -> None:
    """Name, connection, handshake, switch, hello: each a step; a ping in between is passed over."""
    done, step = await asked(CHAT, web())
    assert [type(s).__name__ for s in done.steps[-4:]] == [
        "TcpStep", "TlsStep", "HttpStep", "ExchangeStep",
    ]  # fmt: skip
    switch = done.steps[-2]
    assert isinstance(switch, HttpStep)
    assert (switch.status, switch.path, switch.failure) == (101, "/ws/chat", None)
    assert (step.reply, step.proof) == ("a server's hello", Proof.IDENTITY)


async def test_another_key_than_whatsapps_is_said() -> None:
    """The hello answers ours and is signed by somebody else."""
    _, step = await asked(CHAT, web(), roots=roots(KnownKeys()))
    assert (step.failure, step.proof) == ("ssl_unknown_authority", Proof.OTHER_IDENTITY)


async def test_whatsapps_certificate_of_another_time_is_nobody_elses_key() -> None:
    """Signed as it should be, and our clock is a year late: it answers us, and proves no more."""
    late = VirtualClock(NOW + timedelta(days=365))
    _, step = await asked(CHAT, web(), clock=late)
    assert (step.failure, step.proof) == (None, Proof.ECHO)


async def test_frames_that_say_nothing_are_not_read_for_ever() -> None:
    """A server that answers the hello with pings, and never with a hello, is left after 1 MiB."""
    pings = encode_frame(Frame(FrameKind.PING, bytes(125))) * 10_000
    _, step = await asked(CHAT, lambda: inside(lambda: _pinging(pings), HOST))
    assert (step.reply, step.proof) == ("something else", Proof.OTHER)
    assert step.bytes_received <= MAX_READ + 16_384


def _pinging(pings: bytes) -> Conversation:
    """Return WhatsApp's web socket up to the switch, and pings behind it."""
    talk = chat()

    def pinging(data: bytes, /) -> bytes | None:
        said = talk(data)
        return pings if said and not said.startswith(b"HTTP/1.1 101") else said

    return pinging


async def test_a_hello_that_does_not_open_answers_somebody_else() -> None:
    """One bit of a sealed field is changed."""
    _, step = await asked(CHAT, web(garbled=True))
    assert step.proof is Proof.FOREIGN


async def test_a_refused_web_socket_is_an_answer_over_http() -> None:
    """The status is kept and nothing is said after it."""
    refusal = b"HTTP/1.1 451 No\r\nContent-Length: 2\r\n\r\nno"
    done = await measure(CHAT, env(net(web(refusal=refusal))))
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert (step.status, step.failure, step.body_length) == (451, None, 2)


async def test_a_switch_without_our_key_in_it_is_none() -> None:
    """RFC 6455: a cache, or somebody who plays back what was said to others."""
    done = await measure(CHAT, env(net(web(accept="AAAA"))))
    assert done.failure == "http_request_failed"


# --- Signal through a proxy


async def test_signals_own_authority_inside_the_proxy_is_proof() -> None:
    """Two handshakes, one in the other; the inner name is seen by nobody on the way."""
    done, step = await asked(PROXY, lambda: proxy("Signal Root"))
    assert (step.failure, step.proof) == (None, Proof.IDENTITY)
    assert [s.sni for s in done.steps if isinstance(s, TlsStep)] == [HOST]


async def test_any_other_authority_inside_is_none() -> None:
    """A public certificate is not Signal's."""
    _, step = await asked(PROXY, lambda: proxy("Test Root"))
    assert (step.failure, step.proof) == ("ssl_unknown_authority", Proof.OTHER_IDENTITY)


async def test_a_host_that_is_no_proxy_is_another_service() -> None:
    """It shakes hands, and does not understand what is inside."""

    def talk(data: bytes, /) -> bytes:
        return b"HTTP/1.1 400 Bad Request\r\n\r\n" if data else b""

    _, step = await asked(PROXY, lambda: inside(lambda: talk, HOST))
    assert step.proof is Proof.OTHER


# --- all of them


@pytest.mark.parametrize("target", [RELAY, CLEAR, CHAT, PROXY], ids=lambda e: str(e.kind))
async def test_a_silent_look_says_nothing(target: Endpoint) -> None:
    """The follow-up that only connects: whatever the kind, not one byte is sent."""
    network = net(lambda: lambda _: b"")
    done = await measure(
        target, env(network), ProbeOptions(variant=Variant.CONNECT, addresses=(ADDRESS,))
    )
    assert [type(s).__name__ for s in done.steps] == ["TcpStep"]
    assert (done.failure, done.bytes_sent) == (None, 0)
    assert SHOWN.chain
