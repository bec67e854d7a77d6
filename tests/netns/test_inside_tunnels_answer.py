"""The programs that speak over UDP, asked from the measured line by the probes themselves."""

import random

import msgspec
import pytest

from probe.lab.inside.program import find_program
from probe.lab.netns.attached import AttachedLab
from probe.lab.scenario import load_scenario
from probe.model.measurement import ExchangeStep, Measurement, UdpStep
from probe.net import guard
from probe.net.quic import quic_is_here
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
]

CALLS = msgspec.structs.replace(load_scenario("udp-stun"), rules=())
ANSWERS = {
    "talk/udp-stun/stun.talk.example:3478": ("turnserver", "success"),
    "plainvpn/openvpn/udp.plainvpn.example:1194": ("openvpn", "hard_reset_server_v2"),
    "plainvpn/openvpn/tcp.plainvpn.example:443+tcp": ("openvpn", "hard_reset_server_v2"),
    "authvpn/openvpn/auth.authvpn.example:1194": ("openvpn", "hard_reset_server_v2"),
    "authvpn/openvpn/crypt.authvpn.example:1194": ("openvpn", "hard_reset_server_v2"),
    "authvpn/openvpn/secret.authvpn.example:1195": ("openvpn", None),
    "responder/wireguard/alone.responder.example:51821": ("wireguard-go", "response"),
    "tunnel/ikev2/ike.tunnel.example:500": ("charon", "no_proposal_chosen"),
    "tunnel/ikev2/natt.tunnel.example:4500": ("charon", "no_proposal_chosen"),
    "meet/quic/fast.meet.example:443": ("caddy", "pong"),
}


async def look(lab: AttachedLab, wanted: str) -> Measurement:
    """Measure one endpoint in the world of calls."""
    assert CALLS.services is not None
    await lab.play(CALLS, CALLS.services)
    endpoint = next(e for s in CALLS.services for e in s.endpoints if e.id == wanted)
    env = ProbeEnv(
        net=lab.net(),
        clock=lab.clock,
        rng=random.Random(1),
        roots=lab.roots,
        timeouts=Timeouts(late_s=0.1),
    )
    return await measure(endpoint, env, ProbeOptions(keep_listening=False))


@pytest.mark.parametrize("wanted", sorted(ANSWERS))
async def test_a_program_of_the_real_world_answers(lab: AttachedLab, wanted: str) -> None:
    """Each by its own bytes; the one whose key is a secret is silent, as in real life."""
    program, reply = ANSWERS[wanted]
    if find_program(program) is None:
        pytest.skip(f"{program} is not installed")
    if program == "caddy" and not quic_is_here():
        pytest.skip("aioquic is not installed (extra quic)")
    step = (await look(lab, wanted)).steps[-1]
    assert isinstance(step, UdpStep | ExchangeStep)
    # where a program cannot run (no TUN without root), the lab's own server answers another word
    answered = step.reply in (reply, "accepted") if reply else step.reply is None
    assert answered, step
