"""DNS over UDP through the box, and other datagrams."""

import dns.flags
import dns.message
import dns.rcode
import pytest
from path_rig import (
    PLUMBING,
    WEB,
    WORLD,
    Rig,
    Seen,
    address,
    rule,
    to_client,
    to_server,
)

from probe.lab.actions import Action, Position
from probe.lab.path.crafting import udp_datagram
from probe.lab.path.plumbing import Side, packed
from probe.lab.rules import Who

NAMESERVER = WORLD.nameserver
OPEN = "8.8.8.8"
NOBODY = "33.1.2.3"
BY_NAME = Who(host=(WEB,))
BESIDE = {"position": Position.ON_PATH}


def question(name: str = WEB, kind: str = "A") -> bytes:
    return dns.message.make_query(name, kind, id=4711).to_wire()


def answer_in(seen: Seen) -> dns.message.Message:
    return dns.message.from_wire(seen.payload)


@pytest.mark.parametrize(
    ("action", "rcode"),
    [
        (Action.NXDOMAIN, dns.rcode.NXDOMAIN),
        (Action.SERVFAIL, dns.rcode.SERVFAIL),
        (Action.REFUSED, dns.rcode.REFUSED),
    ],
)
def test_a_lie_in_the_path_replaces_the_query(action: Action, rcode: int) -> None:
    """The query vanishes; the lie comes in the resolver's name, with the query's own number."""
    sent = Rig((rule(action, BY_NAME),)).query(question(), NAMESERVER)
    (seen,) = to_client(sent)
    assert to_server(sent) == []
    assert (seen.source, seen.sport, seen.dport) == (packed(NAMESERVER), 53, 5353)
    told = answer_in(seen)
    assert (told.id, told.rcode()) == (4711, rcode)
    assert told.flags & dns.flags.QR


@pytest.mark.parametrize(
    ("action", "what", "expected"),
    [
        (Action.BOGON, {}, "10.10.34.34"),
        (Action.FORGED, {}, WORLD.block_page),
        (Action.FORGED, {"answers": ("10.10.34.35",)}, "10.10.34.35"),
    ],
)
def test_a_forged_address_is_given(action: Action, what: dict[str, object], expected: str) -> None:
    """Iran's 10.10.34.x, or the block page, or what the rule says."""
    (seen,) = to_client(Rig((rule(action, BY_NAME, what=what),)).query(question(), NAMESERVER))
    assert [str(item) for rrset in answer_in(seen).answer for item in rrset] == [expected]


def test_silence_is_silence() -> None:
    """A query about the name vanishes; others pass."""
    rig = Rig((rule(Action.DNS_TIMEOUT, BY_NAME),))
    assert rig.query(question(), NAMESERVER) == []
    assert len(to_server(rig.query(question("www.bank.example"), NAMESERVER))) == 1


@pytest.mark.parametrize("server", [NAMESERVER, OPEN, NOBODY, address(WEB, family=6)])
def test_beside_the_path_the_lie_races(server: str) -> None:
    """The query goes on, the lie is sent at once; also where nobody would answer at all."""
    rig = Rig((rule(Action.FORGED, BY_NAME, what=BESIDE),))
    sent = rig.query(question(), server)
    (lie,) = to_client(sent)
    assert lie.source == packed(server)
    assert lie.ident % 2 == 1 if lie.family == 4 else lie.ident == 0
    assert len(to_server(sent)) == (0 if server == NOBODY else 1)


def test_a_second_answer_lets_the_first_query_through() -> None:
    """In the path as well: the lie first, the truth when the resolver gives it."""
    rig = Rig((rule(Action.SECOND_ANSWER, BY_NAME, what={"answers": ("10.10.34.34",)}),))
    sent = rig.query(question(), OPEN)
    assert len(to_client(sent)) == len(to_server(sent)) == 1
    truth = udp_datagram((packed(OPEN), 53), (packed(PLUMBING.line_public_v4), 5353), b"truth")
    (back,) = to_client(rig.send(truth, Side.INTERNET))
    assert back.payload == b"truth"


@pytest.mark.parametrize("server", [NAMESERVER, OPEN, address(WEB, family=6)])
def test_one_question_is_turned_away_by_a_router(server: str) -> None:
    """ICMP "administratively prohibited" from the hop of the rule, about this name and no other."""
    rig = Rig((rule(Action.DNS_PROHIBITED, BY_NAME, what={"hop": 2}),))
    sent = rig.query(question(), server)
    (seen,) = to_client(sent)
    assert to_server(sent) == []
    assert seen.kind == ((3, 13) if seen.family == 4 else (1, 1))
    assert seen.source == PLUMBING.hops[0].address(seen.family)
    assert len(to_server(rig.query(question("www.bank.example"), server))) == 1


def test_only_the_types_named_are_lied_about() -> None:
    """A rule about A leaves AAAA alone; both are counted once for each query."""
    rig = Rig((rule(Action.NXDOMAIN, BY_NAME, what={"types": ("A",)}),))
    assert len(to_client(rig.query(question(), NAMESERVER))) == 1
    assert len(to_server(rig.query(question(kind="AAAA"), NAMESERVER))) == 1


def test_dice_fall_once_a_query() -> None:
    """A repeated query (same port, number, type) meets the same fate, another its own."""
    rig = Rig((rule(Action.DNS_TIMEOUT, chance=0.5),))
    fates = []
    for number in range(300):
        wire = dns.message.make_query(WEB, "A", id=number).to_wire()
        twice = [bool(rig.query(wire, NAMESERVER)) for _ in range(2)]
        assert twice[0] is twice[1]
        fates.append(twice[0])
    assert 110 < sum(fates) < 190


@pytest.mark.parametrize("wire", [b"", b"\0" * 5, b"\xff" * 40, question()[:-3]])
def test_what_is_no_query_passes(wire: bytes) -> None:
    """The box answers only what it can read."""
    rig = Rig((rule(Action.NXDOMAIN),))
    assert len(to_server(rig.query(wire, NAMESERVER))) == 1


def test_names_are_read_on_port_53_only() -> None:
    """The same bytes to another port pass."""
    rig = Rig((rule(Action.NXDOMAIN),))
    assert len(to_server(rig.query(question(), OPEN, port=5353))) == 1


def test_an_interception_answers_for_everybody() -> None:
    """Queries to any address go to the line's resolver; answers come in the other's name."""
    rig = Rig((rule(Action.DNS_INTERCEPT),))
    public = packed(PLUMBING.line_public_v4)
    for sport, server in ((6001, NOBODY), (6002, OPEN), (6003, NAMESERVER)):
        (query,) = to_server(rig.query(question(), server, sport=sport))
        assert (query.target, query.dport) == (packed(NAMESERVER), 53)
        told = udp_datagram((packed(NAMESERVER), 53), (public, sport), b"x")
        (back,) = to_client(rig.send(told, Side.INTERNET))
        assert (back.source, back.dport) == (packed(server), sport)
    # the same port asks the resolver itself afterwards
    rig.query(question(), NAMESERVER, sport=6001)
    told = udp_datagram((packed(NAMESERVER), 53), (public, 6001), b"x")
    (back,) = to_client(rig.send(told, Side.INTERNET))
    assert back.source == packed(NAMESERVER)


def test_an_interception_can_lie_as_well() -> None:
    """Another rule's lie is told in the name of whoever was asked."""
    rig = Rig((rule(Action.DNS_INTERCEPT), rule(Action.NXDOMAIN, BY_NAME)))
    (seen,) = to_client(rig.query(question(), NOBODY))
    assert seen.source == packed(NOBODY)
    assert answer_in(seen).rcode() == dns.rcode.NXDOMAIN


def test_a_refused_datagram_is_a_closed_port() -> None:
    """ICMP port unreachable in the server's name, quoting the datagram as it was sent."""
    (seen,) = to_client(Rig((rule(Action.REFUSE),)).query(b"hello", OPEN, port=443))
    assert (seen.kind, seen.source) == ((3, 3), packed(OPEN))
    assert seen.payload[12:16] == packed(PLUMBING.line_v4)
    assert seen.payload[28:] == b"hello"


def test_a_prohibited_datagram_is_told_so_by_the_hop() -> None:
    """The error comes from the border."""
    (seen,) = to_client(Rig((rule(Action.PROHIBITED),)).query(b"hello", OPEN, port=443))
    assert (seen.kind, seen.source) == ((3, 13), PLUMBING.hops[2].address(4))


def test_walls_hold_pings_and_fragments_by_address_only() -> None:
    """A rule on addresses cuts what has no ports; one on ports or protocols does not."""
    server = address(WEB)
    for who, passes in (
        (Who(), 0),
        (Who(address=(f"{server}/32",)), 0),
        (Who(port=(443,)), 1),
        (Who(protocol=("udp",)), 1),
    ):
        assert len(Rig((rule(Action.DROP, who),)).ping(server)) == passes
    assert len(Rig((rule(Action.DROP),)).ping(PLUMBING.hops[0].address_v4)) == 0


def test_a_dropped_datagram_gets_no_answer_through_either() -> None:
    """A wall that comes up between query and answer holds the answer."""
    from test_path_tcp import windowed

    rig = Rig((windowed(Action.DROP),))
    assert len(rig.query(b"x", OPEN, port=443)) == 1
    rig.later(3600)
    told = udp_datagram((packed(OPEN), 443), (packed(PLUMBING.line_public_v4), 5353), b"x")
    assert rig.send(told, Side.INTERNET) == []


def test_the_place_abroad_is_not_lied_to() -> None:
    """From abroad the query passes."""
    rig = Rig((rule(Action.NXDOMAIN),))
    query = udp_datagram((packed(PLUMBING.abroad_v4), 9), (packed(NAMESERVER), 53), question())
    assert len(to_server(rig.send(query, Side.ABROAD))) == 1
