"""What is done to datagrams on loopback: by protocol, by message, by size, and by the server."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest
import pytest_asyncio
from test_lab_actions import QUICK, endpoint_of

from probe.lab.actions import ACTIONS, Action
from probe.lab.process import Lab
from probe.lab.rules import Rule, What, Who
from probe.lab.scenario import load_scenario
from probe.lab.tunnels import echo_of
from probe.model.measurement import ExchangeStep, Measurement, TlsStep, UdpStep
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

pytestmark = pytest.mark.asyncio(loop_scope="module")

SILENCE = "generic_timeout_error"
STUN = "talk/udp-stun/stun.talk.example:3478"
PLAIN = "plainvpn/openvpn/udp.plainvpn.example:1194"
OVER_TCP = "plainvpn/openvpn/tcp.plainvpn.example:443+tcp"
SECRET = "authvpn/openvpn/secret.authvpn.example:1195"
AUTH = "authvpn/openvpn/auth.authvpn.example:1194"
CRYPT = "authvpn/openvpn/crypt.authvpn.example:1194"
ECHO = "responder/wireguard/echo.responder.example:51820"
RELAY = "guard/wireguard/relay.guard.example:51820"
IKE = "tunnel/ikev2/ike.tunnel.example:500"
NATT = "tunnel/ikev2/natt.tunnel.example:4500"
QUIC = "meet/quic/fast.meet.example:443"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab() -> AsyncIterator[Lab]:
    """Return a lab in a world with a server of each protocol."""
    async with Lab(load_scenario("udp-stun"), http2=False) as running:
        yield running


def rule(action: Action, **who: object) -> Rule:
    spec = ACTIONS[action]
    return Rule(
        id="r",
        who=msgspec.convert(who, Who),
        what=What(action=action),
        by=spec.by,
        reach=spec.reach,
        layers=spec.layers,
    )


async def look(
    lab: Lab, wanted: str, *rules: Rule, control: bool = False, **options: object
) -> Measurement:
    """Play ``rules`` and measure one endpoint."""
    await lab.play(msgspec.structs.replace(load_scenario("udp-stun"), rules=rules))
    env = ProbeEnv(
        net=lab.net(control=control),
        clock=lab.clock,
        rng=random.Random(1),
        roots=lab.roots,
        timeouts=replace(QUICK, udp_s=0.1, tls_s=1.0),
    )
    return await measure(endpoint_of(lab, wanted), env, ProbeOptions(**options))  # type: ignore[arg-type]


def ends(measurement: Measurement) -> tuple[str | None, str | None]:
    """Return the last step's reply and failure."""
    last = measurement.steps[-1]
    assert isinstance(last, UdpStep | ExchangeStep | TlsStep)
    return getattr(last, "reply", None), last.failure


@pytest.mark.parametrize(
    ("wanted", "reply"),
    [
        (STUN, "success"),
        (PLAIN, "hard_reset_server_v2"),
        (OVER_TCP, "hard_reset_server_v2"),
        (AUTH, "hard_reset_server_v2"),
        (CRYPT, "hard_reset_server_v2"),
        (ECHO, "response"),
        (IKE, "accepted"),
        (NATT, "accepted"),
        (QUIC, "pong"),
    ],
)
async def test_the_labs_servers_speak_their_protocols(lab: Lab, wanted: str, reply: str) -> None:
    """Nobody interferes: each is answered as the real one would."""
    assert ends(await look(lab, wanted)) == (reply, None)


@pytest.mark.parametrize("wanted", [SECRET, RELAY])
async def test_strangers_are_not_answered(lab: Lab, wanted: str) -> None:
    """A server with a secret key, and one that knows its peers: silence, as in real life."""
    assert ends(await look(lab, wanted)) == (None, SILENCE)


async def test_only_the_test_responder_sends_noise_back(lab: Lab) -> None:
    """So that a filter of WireGuard is told from a filter of the address."""
    assert ends(await look(lab, ECHO, random_payload=True)) == ("anything", None)
    assert ends(await look(lab, IKE, random_payload=True)) == (None, SILENCE)


@pytest.mark.parametrize(
    ("who", "cut", "spared"),
    [
        ({"protocol": ("stun",)}, STUN, PLAIN),
        ({"protocol": ("openvpn",)}, AUTH, IKE),
        ({"protocol": ("openvpn",), "message": ("hard_reset_server_v2",)}, CRYPT, IKE),
        ({"protocol": ("wireguard",), "message": ("initiation",)}, ECHO, STUN),
        ({"protocol": ("ikev2",)}, NATT, STUN),
        ({"size": (14, 14)}, PLAIN, AUTH),
        ({"protocol": ("quic",), "message": ("initial",)}, QUIC, STUN),
        ({"protocol": ("udp",), "port": (3478,)}, STUN, IKE),
    ],
)
async def test_a_filter_drops_what_it_looks_for(
    lab: Lab, who: dict[str, object], cut: str, spared: str
) -> None:
    """By protocol, by message of either side, by size: others pass, and so does the control."""
    drops = rule(Action.DATAGRAM_DROP, **who)
    assert ends(await look(lab, cut, drops))[1] == SILENCE
    assert ends(await look(lab, spared, drops))[1] is None
    assert ends(await look(lab, cut, drops, control=True))[1] is None


@pytest.mark.slow
async def test_a_name_in_quic_is_cut_apart_from_tls(lab: Lab) -> None:
    """A rule of QUIC spares TLS over TCP, and one of TLS spares QUIC."""
    name = ("fast.meet.example",)
    of_quic = rule(Action.SNI_DROP, sni=name, protocol=("quic",))
    of_tls = rule(Action.SNI_DROP, sni=name, protocol=("tls",))
    assert ends(await look(lab, QUIC, of_quic)) == (None, SILENCE)
    assert ends(await look(lab, QUIC, of_quic, over_tcp=True))[1] is None
    assert ends(await look(lab, QUIC, of_tls))[1] is None
    assert ends(await look(lab, QUIC, of_tls, over_tcp=True))[1] == SILENCE


@pytest.mark.slow
async def test_an_alert_in_quic_is_made_up(lab: Lab) -> None:
    """Who sees the first packet can end a handshake in the server's name; the control has its."""
    alert = rule(Action.ALERT, sni=("fast.meet.example",), protocol=("quic",))
    done = await look(lab, QUIC, alert)
    assert ends(done) == ("alert unrecognized_name", "ssl_invalid_hostname")
    assert ends(await look(lab, QUIC, alert, over_tcp=True))[1] is None
    assert ends(await look(lab, QUIC, alert, control=True)) == ("pong", None)


@pytest.mark.slow
async def test_packets_after_the_handshake_can_be_cut(lab: Lab) -> None:
    """The handshake stands; the ping behind it does not come back."""
    after = rule(Action.DATAGRAM_DROP, protocol=("quic",), message=("short",))
    done = await look(lab, QUIC, after)
    replies = {s.protocol: s.reply for s in done.steps if isinstance(s, UdpStep)}
    assert replies == {
        "quic-versions": "version_negotiation",
        "quic": "handshake",
        "quic-ping": None,
    }


@pytest.mark.parametrize("action", [Action.GARBAGE, Action.WRONG_SERVICE])
async def test_a_server_answers_with_something_else(lab: Lab, action: Action) -> None:
    """Noise, or another service: heard, not understood, and the same for the control."""
    strange = rule(action, host=("ike.tunnel.example",))
    for control in (False, True):
        _, failure = ends(await look(lab, IKE, strange, control=control))
        assert failure == "unknown_failure: a reply that is not of ikev2"


@pytest.mark.parametrize("wanted", [STUN, PLAIN, IKE, RELAY])
async def test_a_responder_for_tests_sends_noise_back(lab: Lab, wanted: str) -> None:
    """And answers its own protocol as before: to a stranger, nothing."""
    host = wanted.split("/")[2].partition(":")[0]
    echo = rule(Action.ECHO, host=(host,))
    assert ends(await look(lab, wanted, echo, random_payload=True)) == ("anything", None)
    assert ends(await look(lab, wanted, echo)) == ends(await look(lab, wanted))


async def test_an_echo_is_not_more_than_came() -> None:
    """Whoever writes another's address on a packet gains nothing by it."""
    for size in (0, 1, 31, 32, 1200):
        assert len(echo_of(bytes(size))) == min(size, 32)


async def test_a_server_of_calls_may_want_credentials(lab: Lab) -> None:
    """An error response is an answer."""
    wants = rule(Action.UNAUTHORIZED, host=("stun.talk.example",))
    assert ends(await look(lab, STUN, wants)) == ("error", None)
    assert ends(await look(lab, IKE, rule(Action.UNAUTHORIZED))) == (None, SILENCE)


async def test_a_closed_port_says_so(lab: Lab) -> None:
    """ICMP of the kernel itself, on loopback as in real life."""
    closed = rule(Action.REFUSE, host=("stun.talk.example",), protocol=("udp",))
    assert ends(await look(lab, STUN, closed)) == (None, "connection_refused")
