"""The box and single datagrams: which are dropped, which pass, in both directions."""

import pytest
from path_rig import (
    PLUMBING,
    WEB,
    WORLD,
    Rig,
    address,
    rule,
    scenario,
    to_client,
    to_server,
)

from probe.lab.actions import Action, Way
from probe.lab.path.crafting import udp_datagram
from probe.lab.path.plumbing import Side, packed
from probe.lab.rules import Who
from probe.wire.openvpn import hard_reset, server_reset
from probe.wire.openvpn_wrap import Plain, Replay
from probe.wire.stun import binding_request

PORT = 1194
RESET = hard_reset(b"session!")
ASKED = Plain().seal(RESET, Replay(1, 1))
ANSWERED = Plain().seal(server_reset(b"servers!", RESET), Replay(1, 1))


def rig(**who: object) -> Rig:
    return Rig((rule(Action.DATAGRAM_DROP, Who(**who)),))  # type: ignore[arg-type]


def arrives(box: Rig, data: bytes, *, port: int = PORT) -> bool:
    """Return whether a datagram of the line reaches the server."""
    return bool(to_server(box.query(data, address(WEB), port=port)))


def returns(box: Rig, data: bytes) -> bool:
    """Return whether an answer of the server reaches the line."""
    box.query(b"before", address(WEB), port=PORT)
    there, here = (packed(address(WEB)), PORT), (packed(PLUMBING.line_public_v4), 5353)
    return bool(to_client(box.send(udp_datagram(there, here, data), Side.INTERNET)))


@pytest.mark.parametrize(
    "who",
    [
        {"protocol": ("openvpn",)},
        {"message": ("hard_reset_client_v2",)},
        {"size": (14, 14)},
        {"protocol": ("udp",), "port": (PORT,)},
        {"host": (WEB,), "protocol": ("openvpn",)},
    ],
)
def test_what_matches_vanishes_and_the_next_passes(who: dict[str, object]) -> None:
    """A datagram is judged by itself: the flow is not cut for good."""
    box = rig(**who)
    assert not arrives(box, ASKED)
    assert box.middle.counts["rule:datagram_drop"] >= 1
    assert arrives(box, binding_request(bytes(12))) is ("port" not in who)


@pytest.mark.parametrize(
    "who",
    [
        {"protocol": ("stun",)},
        {"message": ("hard_reset_server_v2",)},
        {"size": (15, 2000)},
        {"host": ("other.example",), "protocol": ("openvpn",)},
    ],
)
def test_what_does_not_match_passes(who: dict[str, object]) -> None:
    """Another protocol, another message, another size, another host."""
    assert arrives(rig(**who), ASKED)


def test_an_answer_is_read_as_well() -> None:
    """A rule on a server's message lets the question through and keeps the answer back."""
    box = rig(message=("hard_reset_server_v2",))
    assert arrives(box, ASKED)
    assert not returns(box, ANSWERED)
    assert returns(rig(message=("hard_reset_client_v2",)), ANSWERED)


def test_names_are_not_read_as_datagrams() -> None:
    """Queries are the business of other rules."""
    assert arrives(rig(protocol=("udp",)), ASKED, port=53)


def test_a_residue_cuts_what_follows() -> None:
    """A hit may leave a trace for the pair of hosts and the port, as some networks do."""
    box = Rig((rule(Action.DATAGRAM_DROP, Who(protocol=("openvpn",)), what={"residual": 60.0}),))
    assert not arrives(box, ASKED)
    assert not arrives(box, binding_request(bytes(12)))
    box.later(61)
    assert arrives(box, binding_request(bytes(12)))


@pytest.mark.parametrize(
    ("way", "up", "down"), [("up", 0.3, 0), ("down", 0, 0.3), ("both", 0.3, 0.3)]
)
def test_a_share_of_one_servers_datagrams_is_lost(way: str, up: float, down: float) -> None:
    """Each by its own chance, on the way that the rule names; other addresses lose nothing."""
    lossy = rule(Action.LOSE, Who(host=(WEB,)), what={"share": 0.3, "way": Way(way)})
    box = Rig((lossy,))
    sent = 1_000
    there = sum(arrives(box, ASKED) for _ in range(sent))
    assert there / sent == pytest.approx(1 - up, abs=0.05)
    back = sum(_answered(box) for _ in range(sent))
    assert back / sent == pytest.approx(1 - down, abs=0.05)
    assert all(box.query(ASKED, address("www.newspaper.example"), port=PORT) for _ in range(50))
    assert box.middle.counts["rule:lose"] == 1


def _answered(box: Rig) -> bool:
    there, here = (packed(address(WEB)), PORT), (packed(PLUMBING.line_public_v4), 5353)
    return bool(to_client(box.send(udp_datagram(there, here, ANSWERED), Side.INTERNET)))


def test_a_loss_ends_with_its_rule() -> None:
    """When the rule no longer stands, the flow that it thinned out is whole again."""
    lossy = rule(Action.LOSE, Who(host=(WEB,)), what={"share": 1.0, "way": Way.BOTH})
    box = Rig((lossy,))
    assert not arrives(box, ASKED)
    box.middle.play(WORLD, scenario())
    assert arrives(box, ASKED)
    assert _answered(box)
