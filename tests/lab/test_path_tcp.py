"""What the box does to TCP connections, seen by two ends that count as RFC 9293 says."""

import itertools
from typing import Any

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_rig import (
    ACK,
    FIN,
    PLUMBING,
    PSH,
    RST,
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

from probe.lab.actions import ACTIONS, Action, By, Layer, Position, Reach, Stage
from probe.lab.path.plumbing import Side, packed
from probe.lab.path.stream import MAX_BYTES, FirstBytes
from probe.lab.rules import Rule, Who

BANK = "www.bank.example"
HELLO = client_hello(WEB)
MTPROTO = b"\xef\x0a" + bytes(40)
REQUEST = b"GET /a?b=c HTTP/1.1\r\nUser-Agent: x\r\nHost: www.newspaper.example:80\r\n\r\n"
ON_PATH = {"position": Position.ON_PATH}
BY_NAME = Who(sni=(WEB,))


def talk_to(name: str, *rules: Rule, port: int = 443, side: Side = Side.LINE) -> Talk:
    return Talk(Rig(rules), address(name), port=port, side=side)


@pytest.mark.parametrize(
    "action", [Action.DROP, Action.EVERYTHING, Action.DOMESTIC_ONLY, Action.DOWN]
)
def test_a_wall_swallows_the_syn(action: Action) -> None:
    """No SYN reaches the server, nothing comes back, however often it is sent."""
    talk = talk_to(WEB, rule(action))
    assert [talk.say(SYN, seq=talk.isn) for _ in range(3)] == [[], [], []]
    assert talk.rig.middle.counts[f"rule:{action}"] == 1  # one connection, one hit


def test_domestic_servers_are_inside_the_wall() -> None:
    """Only what stands abroad is cut."""
    assert len(talk_to(BANK, rule(Action.DOMESTIC_ONLY)).say(SYN)) == 1


def test_abroad_is_spared_by_what_is_done_on_the_line() -> None:
    """The vantage abroad meets only what everybody meets."""
    here = talk_to(WEB, rule(Action.DROP), side=Side.ABROAD)
    assert len(here.say(SYN)) == 1
    assert talk_to(WEB, rule(Action.DOWN), side=Side.ABROAD).say(SYN) == []


@pytest.mark.parametrize("family", [4, 6])
def test_a_refusal_is_a_closed_port(family: int) -> None:
    """RST/ACK to the SYN, acknowledging it, in the server's name (RFC 9293 3.10.7.1)."""
    talk = Talk(Rig((rule(Action.REFUSE),)), address(WEB, family=family))
    sent = talk.say(SYN)
    (seen,) = to_client(sent)
    assert (seen.flags, seen.seq, seen.ack) == (RST | ACK, 0, talk.snd)
    assert (seen.source, seen.sport, seen.dport) == (talk.peer, 443, 40_000)
    assert to_server(sent) == []


def test_a_refusal_beside_the_path_cannot_hold_the_syn() -> None:
    """The machine sees a copy: the RST races, the SYN arrives."""
    sent = talk_to(WEB, rule(Action.REFUSE, what=ON_PATH)).say(SYN)
    assert len(to_client(sent)) == len(to_server(sent)) == 1


def test_a_refusal_comes_from_where_it_is_made() -> None:
    """The TTL tells the network's refusal from the server's own."""
    by_network = to_client(talk_to(WEB, rule(Action.REFUSE)).say(SYN))[0].ttl
    nearer = to_client(talk_to(WEB, rule(Action.REFUSE, what={"hop": 2})).say(SYN))[0].ttl
    by_server = to_client(talk_to(WEB, rule(Action.REFUSE, by=By.SERVER)).say(SYN))[0].ttl
    assert (by_network, nearer, by_server) == (62, 64, 59)


@pytest.mark.parametrize("family", [4, 6])
def test_a_prohibition_names_the_hop(family: int) -> None:
    """ICMP administratively prohibited from the censor's hop, quoting the SYN as it was sent."""
    talk = Talk(Rig((rule(Action.PROHIBITED, what={"hop": 3}),)), address(WEB, family=family))
    (seen,) = to_client(talk.say(SYN))
    assert seen.source == PLUMBING.hops[1].address(family)
    assert seen.kind == ((3, 13) if family == 4 else (1, 1))
    head = 20 if family == 4 else 40
    assert talk.client in seen.payload[:head]
    assert seen.payload[head : head + 8] == (
        (40_000).to_bytes(2, "big") + (443).to_bytes(2, "big") + talk.isn.to_bytes(4, "big")
    )


@pytest.mark.parametrize("family", [4, 6])
def test_a_connection_is_cut_while_it_opens(family: int) -> None:
    """A SYN and, one number further, a RST in the server's name, which hears of nothing."""
    talk = Talk(Rig((rule(Action.SYN_RESET),)), address(WEB, family=family))
    sent = talk.say(SYN)
    opening, reset = to_client(sent)
    assert (opening.flags, reset.flags) == (SYN, RST)
    assert reset.seq == (opening.seq + 1) & 0xFFFFFFFF
    assert {opening.source, reset.source} == {talk.peer}
    assert to_server(sent) == []
    talk.rcv = reset.seq
    (again,) = to_client(talk.say(SYN | ACK, seq=talk.isn))  # where that RST was lost
    assert (again.flags, again.seq) == (RST, reset.seq)


def assert_reset(talk: Talk, sent: list[Any], server_expects: int) -> None:
    """Both ends get a RST with exactly the number that they expect next (RFC 5961 3.2)."""
    (to_line,), (to_peer,) = to_client(sent), to_server(sent)
    assert to_line.flags == RST | ACK
    assert (to_line.seq, to_line.ack) == (talk.rcv, talk.snd)
    assert to_peer.flags == RST
    assert to_peer.seq == server_expects
    assert (to_peer.source, to_peer.sport) == (talk.outside, 40_000)
    assert (to_peer.target, to_peer.dport) == (talk.peer, talk.port)


def test_a_reset_comes_when_the_connection_stands() -> None:
    """The handshake passes, its last ACK is answered by RSTs and does not arrive."""
    talk = talk_to(WEB, rule(Action.RST))
    sent = talk.open()
    assert_reset(talk, sent, talk.snd)


def test_a_reset_comes_when_the_name_is_read() -> None:
    """Another name passes; the name that is meant never reaches the server."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME))
    talk.open()
    assert len(to_server(talk.say(ACK | PSH, client_hello("other.example")))) == 1
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME))
    talk.open()
    before = talk.snd
    assert_reset(talk, talk.say(ACK | PSH, HELLO), before)


@given(
    st.lists(st.integers(1, len(HELLO) - 1), max_size=5, unique=True),
    st.randoms(use_true_random=False),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
)
def test_a_split_hello_is_read_and_reset_in_the_window(
    cuts: list[int], shuffle: Any, isn: int, server_isn: int
) -> None:
    """Segments in any order: the RSTs carry what each end expects next, whatever arrived."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME))
    talk.isn, talk.server_isn, talk.snd = isn, server_isn, isn
    talk.open()
    start = talk.snd
    edges = [0, *sorted(cuts), len(HELLO)]
    parts = list(itertools.pairwise(edges))
    shuffle.shuffle(parts)
    arrived: set[int] = set()
    for number, (begin, end) in enumerate(parts, start=1):
        sent = talk.say(ACK, HELLO[begin:end], seq=(start + begin) & 0xFFFFFFFF)
        if number < len(parts):
            assert len(to_server(sent)) == 1
            arrived.update(range(begin, end))
            continue
        expected = next(at for at in range(len(HELLO) + 1) if at not in arrived)
        (to_line,), (to_peer,) = to_client(sent), to_server(sent)
        assert to_line.seq == talk.rcv
        assert to_peer.seq == (start + expected) & 0xFFFFFFFF


def test_who_goes_on_after_a_reset_is_told_again() -> None:
    """A lost RST is repeated in the number that the end itself names; a RST is not answered."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME))
    talk.open()
    talk.say(ACK | PSH, HELLO)
    (seen,) = to_client(talk.say(ACK | PSH, b"more"))
    assert (seen.flags, seen.seq) == (RST, talk.rcv)
    assert talk.say(RST) == []
    (seen,) = to_server(talk.hear(ACK))
    assert (seen.flags, seen.seq) == (RST, talk.snd)


def test_beside_the_path_the_hello_arrives_and_four_resets_race() -> None:
    """RST and three RST/ACKs to each end, the first exact, odd TTLs and identifications."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME, what=ON_PATH))
    talk.open()
    sent = talk.say(ACK | PSH, HELLO)
    at_line, (hello, *at_peer) = to_client(sent), to_server(sent)
    assert hello.payload == HELLO
    for shots, expected in ((at_line, talk.rcv), (at_peer, talk.snd)):
        assert [shot.flags for shot in shots] == [RST, *[RST | ACK] * 3]
        ahead = [(shot.seq - expected) & 0xFFFFFFFF for shot in shots]
        assert ahead == [0, 0, 1460, 4380]
        assert all(shot.ident % 2 for shot in shots)
    assert len({shot.ttl for shot in at_line}) > 1
    assert {(shot.ttl + 2) % 2 for shot in at_line} == {1}
    assert len(to_client(talk.hear(ACK | PSH, b"ServerHello"))) == 1  # it cannot stop the answer


@pytest.mark.parametrize(
    ("action", "first"), [(Action.SNI_FIN, b""), (Action.ALERT, bytes.fromhex("15030300020270"))]
)
def test_an_end_is_made_in_the_servers_name(action: Action, first: bytes) -> None:
    """FIN, with the alert before it, and the client can close in good order; the server is cut."""
    talk = talk_to(WEB, rule(action, BY_NAME))
    talk.open()
    before = talk.snd
    sent = talk.say(ACK | PSH, HELLO)
    (last,), (cut,) = to_client(sent), to_server(sent)
    assert last.flags & (FIN | ACK | RST) == FIN | ACK
    assert (last.seq, last.ack, last.payload) == (talk.rcv, talk.snd, first)
    assert (cut.flags, cut.seq) == (RST, before)
    talk.rcv = (talk.rcv + len(first) + 1) & 0xFFFFFFFF
    assert talk.say(ACK) == []
    (receipt,) = to_client(talk.say(ACK | FIN, b"bye"))
    assert (receipt.flags, receipt.seq, receipt.ack) == (ACK, talk.rcv, talk.snd)
    assert talk.hear(ACK, b"late") == []


def test_a_fin_comes_when_the_connection_stands() -> None:
    """The same at the end of the handshake."""
    talk = talk_to(WEB, rule(Action.FIN))
    (last,) = to_client(talk.open())
    assert last.flags == FIN | ACK


@pytest.mark.parametrize(("action", "who"), [(Action.STALL, Who()), (Action.SNI_DROP, BY_NAME)])
def test_silence_begins_after_the_syn_ack(action: Action, who: Who) -> None:
    """The client is connected; nothing of what is meant passes, in either direction."""
    talk = talk_to(WEB, rule(action, who))
    acked = talk.open()
    assert (acked == []) is (action is Action.STALL)
    assert talk.say(ACK | PSH, HELLO) == []
    assert talk.say(ACK | PSH, HELLO, seq=talk.isn + 1) == []
    assert talk.hear(ACK, b"x") == []
    assert talk.hear(SYN | ACK) == []


def test_a_request_is_read() -> None:
    """Host (without its port) and target decide on plain HTTP; another Host passes."""
    who = Who(host=("www.newspaper.example",), keyword=("A?B",))
    talk = talk_to("www.newspaper.example", rule(Action.HTTP_RESET, who), port=80)
    talk.open()
    assert len(to_server(talk.say(ACK | PSH, REQUEST[:40]))) == 1
    before = talk.snd
    assert_reset(talk, talk.say(ACK | PSH, REQUEST[40:]), before)
    talk = talk_to("www.newspaper.example", rule(Action.HTTP_RESET, who), port=80)
    talk.open()
    other = REQUEST.replace(b"/a?b=c", b"/harmless")
    assert len(to_server(talk.say(ACK | PSH, other))) == 1


def test_a_request_inside_tls_is_not_read() -> None:
    """A rule on requests does nothing to a TLS connection to the same host."""
    talk = talk_to(WEB, rule(Action.HTTP_RESET))
    talk.open()
    assert len(to_server(talk.say(ACK | PSH, HELLO))) == 1


@pytest.mark.parametrize("action", [Action.RST, Action.SNI_RESET, Action.HTTP_RESET, Action.STALL])
def test_what_a_server_does_is_left_to_the_server(action: Action) -> None:
    """Rules of ``by: server`` after the handshake are not the box's."""
    talk = talk_to(WEB, rule(action, by=By.SERVER, reach=Reach.EVERYWHERE))
    assert len(to_server(talk.open())) == 1
    assert len(to_server(talk.say(ACK | PSH, HELLO))) == 1


def test_dice_fall_once_a_connection() -> None:
    """Retransmissions share the fate of the first; of 400 connections three quarters are hit."""
    hits = 0
    rig = Rig((rule(Action.DROP, chance=0.75),))
    for sport in range(20_000, 20_400):
        talk = Talk(rig, address(WEB), sport=sport)
        fates = {bool(talk.say(SYN, seq=talk.isn)) for _ in range(3)}
        assert len(fates) == 1
        hits += fates == {False}
    assert 265 < hits < 335
    assert rig.middle.counts["rule:drop"] == hits


def test_a_connection_that_began_before_the_wall_is_cut() -> None:
    """A wall that comes up cuts what is connected; a refusal waits for the next SYN."""
    for action, passes in ((Action.EVERYTHING, 0), (Action.REFUSE, 1)):
        rig = Rig()
        talk = Talk(rig, address(WEB))
        talk.open()
        assert len(talk.say(ACK, b"x")) == 1
        walled = Rig((windowed(action),))
        talk = Talk(walled, address(WEB))
        talk.open()
        walled.later(3600)
        assert len(talk.say(ACK, b"x")) == passes
        assert len(talk.hear(ACK, b"x")) == passes


def windowed(action: Action) -> Rule:
    """Return a rule that stands from half past twelve on."""
    from probe.lab.windows import When, compile_window

    return rule(action, windows=(compile_window(When(daily="12:30-24:00"), "UTC"),))


def test_segments_of_unknown_connections_pass() -> None:
    """What began before the box was there is not read, but walls hold it."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME))
    talk.rcv = 77
    assert len(to_server(talk.say(ACK | PSH, HELLO))) == 1
    assert len(to_client(talk.hear(ACK, b"x"))) == 1
    walled = talk_to(WEB, rule(Action.DROP))
    assert walled.say(ACK | PSH, HELLO) == []


@pytest.mark.parametrize(
    ("hop", "ttl", "hit"), [(4, 2, False), (4, 3, True), (2, 1, True), (6, 4, False), (6, 5, True)]
)
def test_a_censor_sees_only_what_reaches_it(hop: int, ttl: int, hit: bool) -> None:
    """A ClientHello whose TTL ends before the censor's hop gives time exceeded and no RST."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME, what={"hop": hop}))
    talk.open()
    sent = talk.say(ACK | PSH, HELLO, ttl=ttl, seq=talk.snd)
    seen = to_client(sent)
    if hit:
        assert [item.flags for item in seen] == [RST | ACK]
    else:
        assert [item.kind for item in seen] == [(11, 0)]
        assert seen[0].source == PLUMBING.hops[ttl - 1].address(4)
        assert to_server(sent) == []
        assert to_client(talk.say(ACK | PSH, HELLO))[0].flags == RST | ACK


def test_beside_the_path_a_dying_hello_still_triggers() -> None:
    """The copy is read even if the packet ends two hops later: RSTs and time exceeded."""
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME, what=ON_PATH))
    talk.open()
    sent = to_client(talk.say(ACK | PSH, HELLO, ttl=4))
    assert sorted(item.protocol for item in sent) == [1, 6, 6, 6, 6]


def test_a_domestic_way_is_short_but_censored() -> None:
    """Where there are fewer hops than the censor's, he stands at the last."""
    talk = talk_to(BANK, rule(Action.PROHIBITED))
    (seen,) = to_client(talk.say(SYN))
    assert seen.source == PLUMBING.hops[1].address(4)


RESIDUAL = {"residual": 60.0}


def test_after_a_hit_the_next_connection_is_cut() -> None:
    """Client, server and port are silent for a minute of lab time, whatever name comes next."""
    rig = Rig((rule(Action.SNI_RESET, BY_NAME, what=RESIDUAL),))
    server = address(WEB)
    first = Talk(rig, server, sport=1000)
    standing = Talk(rig, server, sport=999)
    standing.open()
    first.open()
    first.say(ACK | PSH, HELLO)
    assert Talk(rig, server, sport=1001).say(SYN) == []
    assert standing.say(ACK, b"x") == []
    assert standing.hear(ACK, b"x") == []
    assert len(Talk(rig, server, sport=1001, port=80).say(SYN)) == 1
    assert len(Talk(rig, address("one.anchor.example"), sport=1001).say(SYN)) == 1
    assert len(Talk(rig, server, sport=1001, side=Side.ABROAD).say(SYN)) == 1
    rig.later(59.9)
    assert Talk(rig, server, sport=1002).say(SYN) == []
    rig.later(0.2)
    assert len(Talk(rig, server, sport=1003).say(SYN)) == 1


def test_a_residue_beside_the_path_resets() -> None:
    """A machine that cannot drop resets what connects to the same place for a while."""
    rig = Rig((rule(Action.SNI_RESET, BY_NAME, what=RESIDUAL | ON_PATH),))
    first = Talk(rig, address(WEB), sport=1000)
    first.open()
    first.say(ACK | PSH, HELLO)
    second = Talk(rig, address(WEB), sport=1001)
    sent = second.open()
    assert len(to_client(sent)) == 4
    assert to_client(sent)[0].seq == second.rcv
    rig.later(61)
    assert to_client(Talk(rig, address(WEB), sport=1002).open()) == []


def test_dns_over_tcp_is_led_to_the_lines_resolver() -> None:
    """A connection to port 53 of any address, even of nobody, and answers come from there."""
    rig = Rig((rule(Action.DNS_INTERCEPT),))
    nameserver = packed(address("resolver.isp.example"))
    talk = Talk(rig, "33.1.2.3", port=53)
    (syn,) = to_server(talk.say(SYN))
    assert (syn.target, syn.dport) == (nameserver, 53)
    talk.peer = nameserver
    (back,) = to_client(talk.hear(SYN | ACK))
    assert (back.source, back.sport) == (packed("33.1.2.3"), 53)
    assert len(Talk(rig, address(WEB)).say(SYN)) == 1  # other ports are left alone


def test_every_packet_action_is_known_to_the_box_or_the_servers() -> None:
    """No action of the network is left to nobody: the box acts, or the connection is diverted."""
    from probe.lab.path.diversion import DIVERTED

    for action, spec in ACTIONS.items():
        udp = spec.layers & {Layer.UDP, Layer.DATAGRAM}
        if spec.by is By.SERVER or action in DIVERTED or udp:
            continue
        if Stage.NETNS not in spec.stages:
            continue
        talk = talk_to(WEB, rule(action, what={"bytes": 0} if action is Action.FREEZE else {}))
        if spec.layers == {Layer.DNS}:
            talk.rig.query(dns.message.make_query(WEB, "A").to_wire(), WORLD.nameserver)
        elif spec.layers == {Layer.TCP}:
            talk.say(SYN)
        else:
            talk.open()
            http = REQUEST if action is Action.HTTP_RESET else HELLO
            said = {Layer.HTTP: http, Layer.LOOKS: MTPROTO}
            talk.say(ACK | PSH, next((said[one] for one in spec.layers if one in said), HELLO))
        assert talk.rig.middle.counts[f"rule:{action}"] == 1, action


@given(st.binary(min_size=1, max_size=300), st.data())
def test_any_order_of_segments_gives_the_same_bytes(whole: bytes, data: st.DataObject) -> None:
    """Overlaps and repetitions change nothing; numbers wrap."""
    first = data.draw(st.integers(0, 0xFFFFFFFF))
    said = FirstBytes(first)
    size = st.integers(0, len(whole) - 1)
    pieces = [(at, data.draw(st.integers(1, 90))) for at in data.draw(st.lists(size, max_size=8))]
    pieces += [(at, 50) for at in range(0, len(whole), 50)]
    for at, length in data.draw(st.permutations(pieces)):
        said.add((first + at) & 0xFFFFFFFF, whole[at : at + length])
    assert said.data == whole
    assert said.next_sequence == (first + len(whole)) & 0xFFFFFFFF


def test_first_bytes_are_bounded() -> None:
    """A client that leaves a gap, or never ends, fills no memory; before the start is ignored."""
    said = FirstBytes(1000)
    for at in range(1, 500):
        said.add(1000 + at * 100, b"x" * 100)
    assert len(said._waiting) <= 64
    said.add(1000, b"y" * 100)
    assert len(said.data) <= 100 * 66
    said.add(999, b"k")  # a keep-alive probe
    gap = FirstBytes(0)
    for at in range(1, 100):
        gap.add(at, b"w" * 20_000)
    assert sum(map(len, gap._waiting.values())) <= 2 * MAX_BYTES
    endless = FirstBytes(0)
    for at in range(0, 100_000, 1400):
        endless.add(at, b"z" * 1400)
    assert MAX_BYTES <= len(endless.data) <= 2 * MAX_BYTES
    assert endless.full


def test_an_endless_opening_is_let_go() -> None:
    """A hello that never completes is passed on, and no longer collected."""
    talk = talk_to(WEB, rule(Action.SNI_RESET))
    talk.open()
    record = b"\x16\3\1\x40\0\1\0\xff\xff" + bytes(1391)
    for _ in range(20):
        assert len(to_server(talk.say(ACK, record))) == 1
        record = bytes(1400)


def test_many_connections_are_bounded() -> None:
    """The table forgets; the packets of forgotten connections still pass."""
    from probe.lab.path.flows import TcpFlow
    from probe.lab.path.table import FlowTable

    table: FlowTable[TcpFlow] = FlowTable(limit=64, idle_s=10)

    class Idle:
        seen_s = 0.0

    for number in range(1000):
        flow: Any = Idle()
        flow.seen_s = float(number)
        table.put((b"a", number, b"b", 443), flow, float(number))
        assert len(table) <= 64
    assert table.get((b"a", 999, b"b", 443)) is not None
    assert table.get((b"a", 1, b"b", 443)) is None


def assert_cut_at(talk: Talk, sent: list[Any], passed: bytes, more: bytes) -> None:
    """Assert that the client gets ``passed`` of ``more``, in the server's name and with its TTL."""
    first = to_client(sent)[0]
    assert (first.flags, first.payload) == (ACK | PSH, passed)
    assert (first.seq + len(more)) & 0xFFFFFFFF == talk.rcv
    assert (first.source, first.sport, first.ttl) == (talk.peer, 443, 59)


@pytest.mark.parametrize("family", [4, 6])
def test_a_handshake_may_be_reset_after_the_server_began(family: int) -> None:
    """So many bytes of the server pass, then both ends get the RST that each takes."""
    cut = rule(Action.SNI_RESET, BY_NAME, what={"answered": 300})
    talk = Talk(Rig((cut,)), address(WEB, family=family))
    talk.open()
    assert len(to_server(talk.say(PSH | ACK, HELLO))) == 1
    assert to_client(talk.hear(ACK, b"a" * 200))[0].payload == b"a" * 200
    sent = talk.hear(ACK, b"b" * 1000)
    assert_cut_at(talk, sent, b"b" * 100, b"b" * 1000)
    (_, reset), (to_peer,) = to_client(sent), to_server(sent)
    assert (reset.flags, reset.payload) == (RST | ACK, b"")
    assert (reset.seq + 900) & 0xFFFFFFFF == talk.rcv
    assert (to_peer.flags, to_peer.seq) == (RST, talk.snd)
    assert to_client(talk.hear(ACK, b"c")) == []


def test_a_handshake_may_fall_silent_after_the_server_began() -> None:
    """Nothing passes behind the first bytes, of either side, and nobody is told."""
    talk = talk_to(WEB, rule(Action.SNI_DROP, BY_NAME, what={"answered": 300}))
    talk.open()
    talk.say(PSH | ACK, HELLO)
    sent = talk.hear(ACK, b"b" * 1000)
    assert_cut_at(talk, sent, b"b" * 300, b"b" * 1000)
    assert len(sent) == 1
    assert talk.say(ACK) == []
    assert talk.hear(ACK, b"b" * 1000) == []


def test_a_server_that_was_not_heard_before_is_counted_from_what_the_client_has() -> None:
    """Where its SYN/ACK went another way, the hello's acknowledgement says where it begins."""
    talk = talk_to(WEB, rule(Action.SNI_DROP, BY_NAME, what={"answered": 300}))
    talk.say(SYN)
    talk.rcv = talk.server_isn + 1
    talk.say(PSH | ACK, HELLO)
    assert_cut_at(talk, talk.hear(ACK, b"b" * 1000), b"b" * 300, b"b" * 1000)


def test_what_the_server_says_further_on_comes_to_no_use() -> None:
    """A segment beyond the cut that overtook the others is held back whole."""
    talk = talk_to(WEB, rule(Action.SNI_DROP, BY_NAME, what={"answered": 300}))
    talk.open()
    talk.say(PSH | ACK, HELLO)
    talk.rcv += 1000
    assert talk.hear(ACK, b"later") == []


def test_connections_of_before_are_not_counted() -> None:
    """What a client still says in one that began under other rules uses up no turn."""
    rig = Rig((rule(Action.DROP, after=1),))
    old = Talk(rig, address(WEB), sport=40_007)
    for _ in range(3):
        assert len(to_server(old.say(FIN | ACK, seq=77))) == 1
    assert len(to_server(Talk(rig, address(WEB)).say(SYN))) == 1
    assert Talk(rig, address(WEB), sport=40_001).say(SYN) == []
    assert Talk(Rig((rule(Action.DROP),)), address(WEB)).say(FIN | ACK, seq=77) == []


def test_a_late_cut_has_its_residue_from_then_on() -> None:
    """Who is cut after the answer began is not connected to again for a while."""
    what = {"answered": 300, "residual": 60.0}
    talk = talk_to(WEB, rule(Action.SNI_RESET, BY_NAME, what=what))
    talk.open()
    talk.say(PSH | ACK, HELLO)
    assert len(Talk(talk.rig, talk.server, sport=40_001).say(SYN)) == 1
    talk.hear(ACK, b"b" * 1000)
    assert Talk(talk.rig, talk.server, sport=40_002).say(SYN) == []
