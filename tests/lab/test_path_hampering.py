"""Freeze, throttle, and connections that are led to the servers that play the network."""

import pytest
from path_rig import (
    ACK,
    PSH,
    SYN,
    WEB,
    WORLD,
    Rig,
    Talk,
    address,
    client_hello,
    rule,
    to_client,
    to_server,
)

from probe.lab.actions import Action, By, Limit, Way
from probe.lab.path.diversion import DIVERTED, could_divert, shifted, unshifted
from probe.lab.path.plumbing import packed
from probe.lab.path.residual import Residual
from probe.lab.rules import Rule, What, Who

HELLO = client_hello(WEB)
DATA = b"\x17\3\3\0\4abcd"
CHANGE = b"\x14\3\3\0\1\1"
REQUEST = b"GET / HTTP/1.1\r\nHost: www.newspaper.example\r\n\r\n"


def greeted(*rules: Rule) -> Talk:
    """Return a connection on which the ClientHello is out."""
    talk = Talk(Rig(rules), address(WEB))
    talk.open()
    talk.say(ACK | PSH, HELLO)
    return talk


def test_an_answer_freezes_after_bytes() -> None:
    """The handshake is not counted; of the answer so much arrives, then nothing, either way."""
    talk = greeted(rule(Action.FREEZE, Who(host=(WEB,)), what={"bytes": 2500}))
    assert all(len(talk.hear(ACK, bytes(1000))) == 1 for _ in range(5))
    assert len(talk.say(ACK | PSH, CHANGE + DATA)) == 1
    assert [len(talk.hear(ACK, bytes(1000))) for _ in range(4)] == [1, 1, 0, 0]
    assert talk.say(ACK) == []
    assert talk.say(ACK | PSH, DATA) == []


def test_a_plain_answer_freezes_at_once() -> None:
    """On plain HTTP the request is the first thing said: the count begins with the answer."""
    rules = (rule(Action.FREEZE, what={"bytes": 100}),)
    talk = Talk(Rig(rules), address("www.newspaper.example"), port=80)
    talk.open()
    assert len(talk.say(ACK | PSH, REQUEST)) == 1
    assert [len(talk.hear(ACK, bytes(60))) for _ in range(2)] == [1, 0]


def test_packets_are_counted_from_the_first() -> None:
    """With ``packets`` the SYN/ACK is the first; bytes play no part."""
    talk = greeted(rule(Action.FREEZE, what={"packets": 4, "bytes": 0}))
    assert [len(talk.hear(ACK, b"x")) for _ in range(5)] == [1, 1, 1, 0, 0]


def test_another_name_is_not_frozen() -> None:
    """The name decides, not the address."""
    talk = Talk(Rig((rule(Action.FREEZE, Who(host=(WEB,)), what={"packets": 1}),)), address(WEB))
    talk.open()
    talk.say(ACK | PSH, client_hello("other.example"))
    assert all(talk.hear(ACK, b"x") for _ in range(5))


def test_a_shaped_answer_waits() -> None:
    """Packets of the server are spaced by the rate; what would wait too long is dropped."""
    talk = greeted(rule(Action.THROTTLE, what={"rate": 4000}))
    waits = [item.after_s for _ in range(4) for item in talk.hear(ACK, bytes(960))]
    assert waits == pytest.approx([0.25, 0.5, 0.75, 1.0])
    late = [talk.hear(ACK, bytes(960)) for _ in range(60)]
    assert late[-1] == []
    assert sum(bool(item) for item in late) < 40


def test_a_policed_answer_loses_packets() -> None:
    """What is above the rate vanishes at once; in ten seconds the rate has passed."""
    talk = greeted(rule(Action.THROTTLE, what={"rate": 16_000, "limit": Limit.POLICED}))
    passed = 0
    for step in range(1000):
        passed += sum(len(s.packet) for s in talk.hear(ACK, bytes(960), at=step / 100))
    assert 160_000 <= passed <= 160_000 + 8_000 + 1000


def test_where_the_server_speaks_first_it_is_slowed_too() -> None:
    """No name is waited for: the address decides."""
    talk = Talk(Rig((rule(Action.THROTTLE, what={"rate": 1000}),)), address(WEB))
    talk.open()
    (first,) = talk.hear(ACK, bytes(460))
    assert first.after_s == pytest.approx(0.5)


@pytest.mark.parametrize("action", sorted(DIVERTED - {Action.BLOCK_PAGE}))
def test_what_must_end_a_connection_is_led_away(action: Action) -> None:
    """The SYN goes to a high port, everything after it as well, and the answers come back."""
    port = 53 if Action(action) in lies() else 443
    server = address(WEB) if port == 443 else "8.8.8.8"
    talk = Talk(Rig((rule(action, Who(host=("never.asked.example",))),)), server, port=port)
    (syn,) = to_server(talk.say(SYN))
    assert (syn.dport, syn.target) == (port + 20_000, packed(server))
    talk.wire_port = syn.dport
    (back,) = to_client(talk.hear(SYN | ACK))
    assert back.sport == port
    (said,) = to_server(talk.say(ACK | PSH, b"x"))
    assert said.dport == port + 20_000


def lies() -> set[Action]:
    from probe.lab.actions import ACTIONS, Layer

    return {a for a in DIVERTED if ACTIONS[a].layers == {Layer.DNS}}


@pytest.mark.parametrize(
    ("who", "port", "control", "led"),
    [
        (Who(), 443, False, True),
        (Who(), 443, True, False),
        (Who(), 9999, False, False),  # nobody listens there: the kernel says so
        (Who(), 53, False, False),
        (Who(port=(80,)), 443, False, False),
        (Who(address=("29.0.0.0/8",)), 443, False, False),
        (Who(address=("33.0.0.0/8",)), 443, False, True),
        (Who(foreign=False), 443, False, False),
        (Who(sni=("other.example",)), 443, False, True),
    ],
)
def test_only_what_could_be_meant_is_led_away(
    who: Who, port: int, control: bool, led: bool
) -> None:
    """Addresses, ports and who looks are known at the SYN; names are not."""
    host = WORLD.hosts[address(WEB)]
    assert could_divert((rule(Action.MITM, who),), host, port, control=control) is led
    server = rule(Action.MITM, who, by=By.SERVER)
    assert not could_divert((server,), host, port, control=control)


def test_a_diverted_connection_is_still_reset_by_name() -> None:
    """The box acts on diverted connections too, and tells the right port."""
    rig = Rig((rule(Action.MITM, Who(sni=("x",))), rule(Action.SNI_RESET, Who(sni=(WEB,)))))
    talk = Talk(rig, address(WEB))
    talk.open()
    sent = talk.say(ACK | PSH, HELLO)
    assert [seen.dport for seen in to_server(sent)] == [20_443]
    assert [seen.sport for seen in to_client(sent)] == [443]


def test_a_page_rule_that_comes_first_is_played_by_the_servers() -> None:
    """The first rule that hits wins, also when others play it."""
    rules = (rule(Action.BLOCK_PAGE), rule(Action.HTTP_RESET))
    talk = Talk(Rig(rules), address("www.newspaper.example"), port=80)
    talk.open()
    assert len(to_server(talk.say(ACK | PSH, REQUEST))) == 1
    talk = Talk(Rig(rules[::-1]), address("www.newspaper.example"), port=80)
    talk.open()
    assert to_client(talk.say(ACK | PSH, REQUEST))[0].flags & 4


def test_shifting_is_its_own_inverse() -> None:
    """Every port below 20000 comes back; higher ones stay."""
    assert [unshifted(shifted(port)) for port in range(20_000)] == list(range(20_000))
    assert shifted(20_000) == 20_000
    assert shifted(65_535) == 65_535


def test_residues_are_bounded() -> None:
    """The oldest are forgotten first."""
    from path_rig import NOON

    from probe.lab.actions import Position

    residual = Residual(limit=10)
    what = What(action=Action.DROP, residual=60)
    client = (b"c", 1)
    for port in range(25):
        residual.hit(what, client, (b"s", port), NOON)
    assert len(residual) == 10
    assert residual.position(client, (b"s", 24), NOON) is Position.IN_PATH
    assert residual.holds((b"c", 9), (b"s", 24), NOON)
    assert residual.position(client, (b"s", 3), NOON) is None
    residual.hit(What(action=Action.DROP), client, (b"s", 99), NOON)
    assert not residual.holds(client, (b"s", 99), NOON)


def test_another_scenario_forgets_the_first() -> None:
    """Play replaces rules, connections and residues; counts go on."""
    from path_rig import scenario

    rig = Rig((rule(Action.DROP, what={"residual": 600.0}),))
    talk = Talk(rig, address(WEB))
    assert talk.say(SYN, seq=1) == []
    rig.middle.play(WORLD, scenario())
    assert len(talk.say(SYN, seq=1)) == 1
    assert rig.middle.counts["rule:drop"] == 1


def test_the_networks_own_ports_look_closed_from_outside() -> None:
    """Who connects to a shifted port himself is refused, as by any closed port."""
    talk = Talk(Rig((rule(Action.MITM),)), address(WEB), port=20_443)
    (seen,) = to_client(talk.say(SYN))
    assert (seen.flags & 4, seen.ack, seen.ttl) == (4, talk.snd, 59)


def test_dice_do_not_depend_on_what_was_played_before() -> None:
    """A scenario meets the same fates whatever came before it, and another seed meets others."""
    from path_rig import scenario

    def fates(rig: Rig) -> list[bool]:
        rig.middle.play(WORLD, scenario((rule(Action.DROP, chance=0.5),)))
        return [bool(Talk(rig, address(WEB), sport=n).say(SYN)) for n in range(1000, 1064)]

    busy = Rig((rule(Action.DROP, chance=0.3),))
    for sport in range(2000, 2050):
        Talk(busy, address(WEB), sport=sport).say(SYN)
    assert fates(busy) == fates(Rig())
    assert fates(Rig()) != fates(Rig(seed=2))


@pytest.mark.parametrize(("after", "times", "passed"), [(0, 2, 3), (2, 1, 4), (1, None, 1)])
def test_a_rule_takes_its_turns(after: int, times: int | None, passed: int) -> None:
    """``after`` connections pass, then ``times`` are hit; a retransmission is no new connection."""
    rig = Rig((rule(Action.DROP, after=after, times=times),))
    found = []
    for sport in range(1000, 1005):
        talk = Talk(rig, address(WEB), sport=sport)
        found.append([bool(talk.say(SYN, seq=7)) for _ in range(2)])
    assert all(first is second for first, second in found)
    assert sum(first for first, _ in found) == passed


@pytest.mark.parametrize(
    ("way", "up", "down"), [(Way.DOWN, 3, 1), (Way.UP, 1, 3), (Way.BOTH, 1, 1)]
)
def test_a_throttle_has_its_way(way: Way, up: int, down: int) -> None:
    """Uploads, downloads, or each by itself: a bucket of two packets takes one and not three."""
    what = {"rate": 3_000, "limit": Limit.POLICED, "way": way}
    talk = greeted(rule(Action.THROTTLE, what=what))
    assert sum(len(talk.say(ACK | PSH, bytes(1400))) for _ in range(3)) in (up, up + 1)
    assert sum(len(talk.hear(ACK, bytes(1400))) for _ in range(3)) in (down, down + 1)


def test_an_upload_that_queues_waits() -> None:
    """Shaped, the client's packets come to the server later, each by its own time."""
    what = {"rate": 15_000, "limit": Limit.SHAPED, "way": Way.UP}
    talk = greeted(rule(Action.THROTTLE, what=what))
    waits = [talk.say(ACK | PSH, bytes(1460))[0].after_s for _ in range(3)]
    assert waits == pytest.approx([0.1, 0.2, 0.3], rel=0.1)
    assert talk.hear(ACK, bytes(1460))[0].after_s == 0.0
