"""Who speaks over UDP in namespaces: programs of the real world where they can, ours elsewhere."""

from pathlib import Path

import msgspec
import pytest

from probe.lab.actions import ACTIONS, Action, By
from probe.lab.ca import AuthorityName, make_authority
from probe.lab.certificates import Certificates
from probe.lab.inside import tunnel_programs
from probe.lab.inside.allotment import CADDY, PROGRAMS, Allotment, allot
from probe.lab.inside.tunnel_programs import start_tunnel
from probe.lab.inside.tunnels import CHARON, OPENVPN, TURNSERVER, WIREGUARD_GO, Stand
from probe.lab.rules import Rule, What, Who
from probe.lab.scenario import load_scenario
from probe.lab.world import OWN, World, build_world
from probe.model.target import Kind, Wrap

CALLS = msgspec.structs.replace(load_scenario("udp-stun"), rules=())


def world() -> World:
    assert CALLS.services is not None
    return build_world(CALLS.services, CALLS.country)


def shared(programs: tuple[str, ...] = PROGRAMS, *rules: Rule) -> Allotment:
    return allot(world(), msgspec.structs.replace(CALLS, rules=rules), programs)


def of(allotment: Allotment, program: str) -> list[Stand]:
    return [stand for stand in allotment.tunnels if stand.program == program]


def by_server(action: Action, **who: object) -> Rule:
    return Rule(
        id="r",
        who=msgspec.convert(who, Who),
        what=What(action=action),
        by=By.SERVER,
        layers=ACTIONS[action].layers,
    )


def test_each_program_has_its_part() -> None:
    """OpenVPN a process a door, STUN one a port, IKE one for all, WireGuard one responder."""
    found = shared()
    assert {OPENVPN, CHARON, TURNSERVER, WIREGUARD_GO} <= set(found.programs())
    assert all(len(stand.doors) == 1 for stand in of(found, OPENVPN))
    assert {stand.carrier for stand in of(found, OPENVPN)} == {"udp", "tcp"}
    assert {stand.endpoint.wrap for stand in of(found, OPENVPN)} == set(Wrap)
    (ike,) = of(found, CHARON)
    assert {port for _, port in ike.doors} == {500, 4500}
    (stun,) = of(found, TURNSERVER)
    assert {port for _, port in stun.doors} == {3478}
    (alone,) = of(found, WIREGUARD_GO)
    assert alone.endpoint.host == "alone.responder.example"
    assert {door for stand in found.tunnels for door in stand.doors} <= found.taken


def test_quic_is_caddys() -> None:
    """A host that speaks QUIC and pages, and nothing else, is a real web server."""
    here = world()
    names = {name for group in shared().caddy for name in group.names}
    assert "fast.meet.example" in names
    fast = here.hosts[here.sites["fast.meet.example"].addresses[0]]
    assert (fast.software, fast.speaks) == (CADDY, {443: Kind.QUIC})
    chat = here.hosts[here.sites["chat.talk.example"].addresses[0]]
    assert chat.software == OWN


def test_without_a_program_its_part_is_ours() -> None:
    """What is not installed takes no door."""
    assert shared(()).tunnels == ()
    assert of(shared((TURNSERVER,)), OPENVPN) == []


@pytest.mark.parametrize(
    ("rule", "program"),
    [
        (by_server(Action.GARBAGE, host=("ike.tunnel.example",)), CHARON),
        (by_server(Action.WRONG_SERVICE, host=("alone.responder.example",)), WIREGUARD_GO),
    ],
)
def test_who_misbehaves_on_demand_is_ours(rule: Rule, program: str) -> None:
    """A program that binds its port at every address cannot stand beside a server of ours."""
    assert of(shared(PROGRAMS, rule), program) == []


def test_quic_that_is_switched_off_is_ours() -> None:
    """A server that is to drop its own protocol is none of caddy's, and the next one is."""
    off = by_server(Action.DATAGRAM_DROP, host=("fast.meet.example",), protocol=("quic",))
    names = {name for group in shared(PROGRAMS, off).caddy for name in group.names}
    assert "fast.meet.example" not in names
    assert "two.anchor.example" in names | {n for g in shared().nginx for n in g.names}


def test_only_the_host_that_is_asked_to_misbehave_is_ours() -> None:
    """The others stay real."""
    rule = by_server(Action.UNAUTHORIZED, host=("turn.meet.example",))
    (stun,) = of(shared(PROGRAMS, rule), TURNSERVER)
    here = world()
    assert not {a for a, _ in stun.doors} & set(here.sites["turn.meet.example"].addresses)
    assert {a for a, _ in stun.doors} == set(here.sites["stun.talk.example"].addresses)


@pytest.mark.parametrize("program", [OPENVPN, CHARON, TURNSERVER, WIREGUARD_GO])
async def test_files_lie_in_one_folder_and_keys_are_not_for_others(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written elsewhere, and a static key is readable by its owner only."""
    asked: list[tuple[str, list[str]]] = []

    class Started:
        def __init__(self, name: str, arguments: list[str], folder: Path, called: str) -> None:
            asked.append((called, [name, *arguments]))
            assert folder == tmp_path

        async def start_until(self, ready: object) -> None:
            assert callable(ready)

    monkeypatch.setattr(tunnel_programs, "Program", Started)
    monkeypatch.setattr(tunnel_programs, "find_program", lambda name: f"/usr/sbin/{name}")
    authorities = {name: make_authority(name, CALLS.starts) for name in AuthorityName}
    certificates = Certificates(authorities, CALLS.starts)
    for number, stand in enumerate(of(shared(), program)):
        await start_tunnel(stand, number, tmp_path, certificates)
        key = tmp_path / "static.key"
        if key.exists():
            assert key.stat().st_mode & 0o077 == 0
            key.unlink()
    assert {called for called, _ in asked} == {program}
