"""Protocols over UDP, over the scripted network: three datagrams, names of replies, no bytes."""

import json
import random
from collections.abc import Callable, Iterable
from datetime import date
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from made_certificates import NOW, authority

from probe.clock import VirtualClock
from probe.lab.stun import binding_reply, unauthorized
from probe.lab.tunnels import server_wrapping
from probe.model.measurement import ExchangeStep, Measurement, Outcome, Proof, TcpStep, UdpStep
from probe.model.target import Endpoint, Kind, Wrap
from probe.net.fake import FakeNet, Tcp, Udp
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.wire.errors import WireError
from probe.wire.ikev2 import marked, notify_answer, read_request, sa_answer, unmarked
from probe.wire.ikev2_message import Notify
from probe.wire.noise import public_key
from probe.wire.openvpn import frame, hard_reset, looks_like_openvpn, server_reset, split_frame
from probe.wire.openvpn_wrap import Plain, Replay
from probe.wire.published import TEST_PEER, TEST_RESPONDER, responder_public_key
from probe.wire.stun import looks_like_stun, may_be_stun
from probe.wire.wireguard import looks_like_wireguard
from probe.wire.wireguard_responder import cookie_reply, read_initiation, response

ADDRESS = "93.184.216.34"
OWN = "198.51.100.7"
SILENCE, REFUSED = "generic_timeout_error", "connection_refused"
PORTS = {Kind.STUN: 3478, Kind.OPENVPN: 1194, Kind.WIREGUARD: 51_820, Kind.IKEV2: 500}
Answer = Callable[[bytes], Iterable[bytes]]


def endpoint(kind: Kind, **more: Any) -> Endpoint:
    given = {"port": PORTS[kind], "source": "test", "checked_on": date(2026, 1, 1), **more}
    return Endpoint(service="service", kind=kind, host=ADDRESS, **given)


class Line:
    """A network whose one server answers as told; it keeps what was sent, and when."""

    def __init__(self, answer: Answer = lambda _: (), then: str = SILENCE) -> None:
        self.clock = VirtualClock(NOW)
        self.sent: list[tuple[float, bytes]] = []
        self._answer = answer
        self._then = then

    def _take(self, data: bytes) -> Iterable[bytes]:
        self.sent.append((self.clock.monotonic_s(), data))
        return self._answer(data)

    async def look(self, at: Endpoint, **options: Any) -> Measurement:
        """Measure once."""
        env = ProbeEnv(
            net=FakeNet(udp={(ADDRESS, at.port or 0): Udp(self._take, self._then)}),
            clock=self.clock,
            rng=random.Random(1),
            roots=Roots(authority().pem, None),
            own_addresses=(OWN,),
        )
        return await measure(at, env, ProbeOptions(**options))


def step_of(measurement: Measurement) -> UdpStep:
    (step,) = measurement.steps
    assert isinstance(step, UdpStep)
    return step


# --- servers, made of the codecs


def stun(data: bytes) -> list[bytes]:
    reply = binding_reply(data, OWN, 40_000)
    return [] if reply is None else [reply]


def stun_refusing(data: bytes) -> list[bytes]:
    reply = unauthorized(data)
    return [] if reply is None else [reply]


def ike(data: bytes) -> list[bytes]:
    request, _ = read_request(data)
    return [sa_answer(request, spi=b"r" * 8, nonce=b"n" * 32, public_value=b"k" * 32)]


def ike_unwilling(data: bytes) -> list[bytes]:
    return [notify_answer(read_request(data)[0], Notify(14))]


def ike_behind_a_marker(data: bytes) -> list[bytes]:
    return [marked(one) for one in ike(unmarked(data))]


def wireguard(data: bytes) -> list[bytes]:
    request = read_initiation(data, TEST_RESPONDER)
    assert request.static_public == public_key(TEST_PEER)
    return [response(request, ephemeral_private=b"e" * 32, sender=b"self")]


def wireguard_under_load(data: bytes) -> list[bytes]:
    request = read_initiation(data, TEST_RESPONDER)
    public = public_key(TEST_RESPONDER)
    return [cookie_reply(request, server_public=public, nonce=b"n" * 24, cookie=b"c" * 16)]


def openvpn(at: Endpoint) -> Answer:
    wrapping = server_wrapping(at)

    def answer(data: bytes) -> list[bytes]:
        try:
            opened = wrapping.open(data)
        except WireError:
            return []
        return [wrapping.seal(server_reset(b"s" * 8, opened), Replay(1, 1))]

    return answer


KEY = bytes(range(256)).hex()
RESPONDER = endpoint(Kind.WIREGUARD, key=responder_public_key())
PLAIN = endpoint(Kind.OPENVPN, wrap=Wrap.NONE)
AUTH = endpoint(Kind.OPENVPN, wrap=Wrap.TLS_AUTH, digest="sha512", key=KEY)
CRYPT = endpoint(Kind.OPENVPN, wrap=Wrap.TLS_CRYPT, key=KEY)

ANSWERED = [
    (endpoint(Kind.STUN), stun, "stun", "success"),
    (endpoint(Kind.STUN), stun_refusing, "stun", "error"),
    (endpoint(Kind.IKEV2), ike, "ikev2", "accepted"),
    (endpoint(Kind.IKEV2), ike_unwilling, "ikev2", "no_proposal_chosen"),
    (endpoint(Kind.IKEV2, port=4500), ike_behind_a_marker, "ikev2", "accepted"),
    (RESPONDER, wireguard, "wireguard", "response"),
    (RESPONDER, wireguard_under_load, "wireguard", "cookie"),
    (PLAIN, openvpn(PLAIN), "openvpn", "hard_reset_server_v2"),
    (AUTH, openvpn(AUTH), "openvpn+tls-auth", "hard_reset_server_v2"),
    (CRYPT, openvpn(CRYPT), "openvpn+tls-crypt", "hard_reset_server_v2"),
]
IDS = [f"{protocol} {reply} {at.port}" for at, _, protocol, reply in ANSWERED]


@pytest.mark.parametrize(("at", "answer", "protocol", "reply"), ANSWERED, ids=IDS)
async def test_an_answer_is_kept_as_a_name(
    at: Endpoint, answer: Answer, protocol: str, reply: str
) -> None:
    """One datagram, one reply, and what kind it was."""
    line = Line(answer)
    step = step_of(await line.look(at))
    assert (step.protocol, step.reply, step.failure) == (protocol, reply, None)
    assert (step.sent, step.received, len(line.sent)) == (1, 1, 1)
    assert (step.address, step.port) == (ADDRESS, at.port)


async def test_the_address_in_a_reply_of_stun_is_in_no_value() -> None:
    """A binding response tells the line's own address: no form of it is kept."""
    done = await Line(stun).look(endpoint(Kind.STUN))
    kept = msgspec.json.encode(done).decode()
    packed = bytes(int(part) for part in OWN.split("."))
    masked = bytes(a ^ b for a, b in zip(packed, b"\x21\x12\xa4\x42", strict=True))
    for form in (OWN, packed.hex(), masked.hex()):
        assert form not in kept
    assert json.loads(kept)["steps"][0]["reply"] == "success"


@pytest.mark.parametrize("at", [one[0] for one in ANSWERED[::2]], ids=IDS[::2])
async def test_silence_is_asked_three_times_a_second_apart(at: Endpoint) -> None:
    """No more than three datagrams, and at least a second between them."""
    line = Line()
    step = step_of(await line.look(at))
    assert (step.failure, step.reply, step.sent, step.received) == (SILENCE, None, 3, 0)
    times = [at_s for at_s, _ in line.sent]
    assert len(times) == 3
    assert all(later - sooner >= 1.0 for sooner, later in pairwise(times))


async def test_each_initiation_has_a_time_stamp_of_its_own() -> None:
    """A server takes only newer ones from a peer."""
    line = Line()
    await line.look(RESPONDER)
    stamps = [read_initiation(data, TEST_RESPONDER).timestamp for _, data in line.sent]
    assert stamps == sorted(set(stamps))


async def test_a_refusal_ends_it() -> None:
    """ICMP port unreachable: the way works, nobody listens, and nobody is asked again."""
    line = Line(then=REFUSED)
    step = step_of(await line.look(endpoint(Kind.STUN)))
    assert (step.failure, step.sent) == (REFUSED, 1)


@pytest.mark.parametrize("at", [one[0] for one in ANSWERED[::2]], ids=IDS[::2])
@pytest.mark.parametrize("said", [b"SIP/2.0 400 Bad Request\r\n\r\n", b"\xff" * 64, b"\0"])
async def test_what_is_not_of_the_protocol_is_no_answer(at: Endpoint, said: bytes) -> None:
    """Another service or noise at the port: it was heard, and told apart from silence."""
    step = step_of(await Line(lambda _: [said]).look(at))
    assert step.reply is None
    assert step.received == 3
    assert (step.failure or "").startswith("unknown_failure: a reply")


async def test_an_answer_after_an_injected_one_is_found() -> None:
    """Who forges without our transaction id does not hide the true reply behind it."""

    def raced(data: bytes) -> list[bytes]:
        forged = data[:8] + b"another one!" if looks_like_stun(data) else b""
        return [b"\x01\x01\0\0" + forged[4:20], *stun(data)]

    step = step_of(await Line(raced).look(endpoint(Kind.STUN)))
    assert (step.reply, step.failure, step.received) == ("success", None, 2)


async def test_a_reply_to_another_question_is_said_to_be_one() -> None:
    """Right protocol, not our id: stale, or made up by somebody beside the path."""
    foreign = b"\x01\x01\0\0\x21\x12\xa4\x42another one!"
    step = step_of(await Line(lambda _: [foreign]).look(endpoint(Kind.STUN)))
    assert step.failure == "unknown_failure: a reply of stun to another question"


async def test_a_reply_with_another_key_does_not_verify() -> None:
    """A tls-auth server of another key, or somebody in its place."""
    other = endpoint(Kind.OPENVPN, wrap=Wrap.TLS_AUTH, digest="sha512", key=KEY[::-1])
    forged = openvpn(other)
    ours = server_wrapping(AUTH)

    def answer(data: bytes) -> list[bytes]:
        opened = ours.open(data)
        return [server_wrapping(other).seal(server_reset(b"s" * 8, opened), Replay(1, 1))]

    assert forged(b"") == []
    step = step_of(await Line(answer).look(AUTH))
    assert step.failure == "unknown_failure: a reply of openvpn+tls-auth that does not verify"


async def test_a_flood_is_not_listened_to_for_ever() -> None:
    """A few datagrams after each of ours, whatever comes."""
    step = step_of(await Line(lambda _: [b"x"] * 1000).look(endpoint(Kind.STUN)))
    assert step.received <= 24


@pytest.mark.parametrize(
    ("at", "is_protocol"),
    [
        (endpoint(Kind.STUN), may_be_stun),
        (RESPONDER, looks_like_wireguard),
        (PLAIN, looks_like_openvpn),
    ],
)
async def test_the_comparison_is_of_the_same_size_and_no_protocol(
    at: Endpoint, is_protocol: Callable[[bytes], bool]
) -> None:
    """Random bytes in the protocol's place; whatever comes back is an answer."""
    plain, random_one = Line(), Line(lambda _: [b"anything at all"])
    await plain.look(at)
    step = step_of(await random_one.look(at, random_payload=True))
    assert (step.reply, step.failure) == ("anything", None)
    assert step.protocol.endswith("-random")
    assert len(random_one.sent[0][1]) == len(plain.sent[0][1])
    assert is_protocol(plain.sent[0][1])
    assert not is_protocol(random_one.sent[0][1])


async def test_a_stranger_of_wireguard_gets_an_initiation_all_the_same() -> None:
    """Without a key one is made up: to whoever measures packets it is WireGuard."""
    line = Line()
    step = step_of(await line.look(endpoint(Kind.WIREGUARD)))
    assert step.failure == SILENCE
    assert all(looks_like_wireguard(data) and len(data) == 148 for _, data in line.sent)


# --- OpenVPN over TCP


async def over_tcp(script: Tcp, **options: Any) -> Measurement:
    at = endpoint(Kind.OPENVPN, transport="tcp", wrap=Wrap.NONE)
    env = ProbeEnv(
        net=FakeNet(tcp={(ADDRESS, 1194): script}),
        clock=VirtualClock(NOW),
        rng=random.Random(1),
        roots=Roots(authority().pem, None),
    )
    return await measure(at, env, ProbeOptions(**options))


def answering(data: bytes) -> bytes | None:
    found = split_frame(data) if data else None
    return b"".join(frame(one) for one in openvpn(PLAIN)(found[0])) if found else b""


async def test_openvpn_over_tcp_says_the_same_behind_a_length() -> None:
    """A connection, a framed reset, a framed answer with our session in it."""
    done = await over_tcp(Tcp(talk=lambda: answering))
    tcp, said = done.steps
    assert isinstance(tcp, TcpStep)
    assert isinstance(said, ExchangeStep)
    assert (said.reply, said.failure, said.proof) == ("hard_reset_server_v2", None, Proof.ECHO)
    assert (said.bytes_sent, said.bytes_received) == (16, 28)
    assert done.outcome is Outcome.MEASURED


TO_ANOTHER = frame(Plain().seal(server_reset(b"s" * 8, hard_reset(b"8 others")), Replay(1, 1)))
OTHER_PROTOCOL = "unknown_failure: an answer in another protocol"
ELSE = "something else"


@pytest.mark.parametrize(
    ("script", "failure", "reply", "proof"),
    [
        (Tcp(then="eof_error"), "eof_error", None, None),
        (Tcp(then="connection_reset"), "connection_reset", None, None),
        (Tcp(), SILENCE, None, None),
        (Tcp(replies=(b"\0\x16" + b"@" * 5,)), SILENCE, None, None),
        (Tcp(replies=(b"\0\0",)), OTHER_PROTOCOL, ELSE, Proof.OTHER),
        (
            Tcp(replies=(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100,), then="eof_error"),
            OTHER_PROTOCOL,
            "HTTP",
            Proof.OTHER,
        ),
        (Tcp(replies=(b"SSH-2.0-x\r\n",)), OTHER_PROTOCOL, "SSH", Proof.OTHER),
        (Tcp(replies=(b"\0\x50hello",)), OTHER_PROTOCOL, ELSE, Proof.OTHER),
        (
            Tcp(replies=(TO_ANOTHER,)),
            "unknown_failure: an answer to another question",
            "an answer to another question",
            Proof.FOREIGN,
        ),
    ],
)
async def test_how_openvpn_over_tcp_ends(
    script: Tcp, failure: str, reply: str | None, proof: Proof | None
) -> None:
    """A server that hangs up, a reset, silence, a cut answer, another service: each by its name.

    Another service that speaks first and hangs up, or waits, is not a connection that was cut.
    """
    said = (await over_tcp(script)).steps[-1]
    assert isinstance(said, ExchangeStep)
    assert (said.failure, said.reply, said.proof) == (failure, reply, proof)


async def test_the_comparison_over_tcp_takes_any_bytes() -> None:
    """Who answers noise at all is reached."""
    said = (await over_tcp(Tcp(replies=(b"?",)), random_payload=True)).steps[-1]
    assert isinstance(said, ExchangeStep)
    assert (said.reply, said.failure) == ("anything", None)
