"""NAT, TTL, hops and the line's link."""

import ipaddress
import random
from datetime import UTC, datetime

import pytest
from path_rig import (
    ACK,
    LINE_V4,
    PLUMBING,
    PSH,
    SYN,
    WEB,
    WORLD,
    Rig,
    Seen,
    Talk,
    address,
    to_client,
    to_server,
)

from probe.lab.actions import Limit
from probe.lab.addresses import V4_BLOCKS, V6_BLOCKS
from probe.lab.line_spec import Hours, Ipv6, LineSpec
from probe.lab.path.crafting import icmp_error, icmp_message, tcp_segment, udp_datagram
from probe.lab.path.links import LineLink, Policer, Shaper
from probe.lab.path.packets import read_packet
from probe.lab.path.plumbing import Side, packed
from probe.lab.windows import When, compile_window

BANK = "www.bank.example"
PUBLIC = packed(PLUMBING.line_public_v4)
PRIVATE = packed(LINE_V4)


def test_the_line_is_translated_out_and_in() -> None:
    """Servers see the public address, the line its private one; ports and checksums stay right."""
    talk = Talk(Rig(), address(WEB))
    (out,) = to_server(talk.say(SYN))
    assert (out.source, out.sport, out.target, out.dport) == (PUBLIC, 40_000, talk.peer, 443)
    (back,) = to_client(talk.hear(SYN | ACK))
    assert (back.target, back.dport, back.source, back.sport) == (PRIVATE, 40_000, talk.peer, 443)


def test_ipv6_is_not_translated() -> None:
    """IPv6 goes through as it is."""
    talk = Talk(Rig(), address(WEB, family=6))
    (out,) = to_server(talk.say(SYN))
    assert out.source == packed(PLUMBING.line_v6)
    (back,) = to_client(talk.hear(SYN | ACK))
    assert back.target == out.source


def test_the_place_abroad_keeps_its_address() -> None:
    """The vantage abroad is not behind the line's NAT."""
    talk = Talk(Rig(), address(WEB), side=Side.ABROAD)
    (out,) = to_server(talk.say(SYN))
    assert out.source == packed(PLUMBING.abroad_v4)
    (back,) = to_client(talk.hear(SYN | ACK), Side.ABROAD)
    assert back.target == out.source


def test_a_quoted_packet_is_translated_back() -> None:
    """The port-unreachable of a server reaches the line's socket: it quotes what that one sent."""
    rig = Rig()
    peer = packed(address(WEB))
    original = udp_datagram((PRIVATE, 5000), (peer, 9), b"hello")
    (out,) = rig.send(original)
    arrived = read_packet(out.packet)
    assert arrived is not None
    error = icmp_error(peer, arrived, (3, 3), quoted_ttl=arrived.ttl)
    assert error is not None
    (back,) = to_client(rig.send(error, Side.INTERNET))
    assert (back.kind, back.target, back.source) == ((3, 3), PRIVATE, peer)
    quoted = back.payload
    assert quoted[12:16] == PRIVATE
    assert quoted[20:] == original[20:]  # the checksum is that of the private address again
    whole = quoted[:8] + original[8:9] + quoted[9:10]
    assert whole[8] == 64
    Seen(original)


def test_the_lines_own_error_is_translated() -> None:
    """The line's port-unreachable about a late answer quotes the public address."""
    rig = Rig()
    peer = packed(address(WEB))
    answer = read_packet(udp_datagram((peer, 53), (PRIVATE, 5000), b"late"))
    assert answer is not None
    error = icmp_error(PRIVATE, answer, (3, 3), quoted_ttl=9)
    assert error is not None
    (out,) = to_server(rig.send(error))
    assert out.source == PUBLIC
    assert out.payload[16:20] == PUBLIC


@pytest.mark.parametrize(("name", "hops"), [(WEB, 5), (BANK, 2)])
def test_each_hop_takes_one_ttl(name: str, hops: int) -> None:
    """Five virtual hops abroad, two inside the country, each way."""
    talk = Talk(Rig(), address(name))
    (out,) = to_server(talk.say(SYN))
    assert out.ttl == 64 - hops
    (back,) = to_client(talk.hear(SYN | ACK))
    assert back.ttl == 64 - hops


@pytest.mark.parametrize("family", [4, 6])
def test_a_traceroute_shows_the_hops_in_order(family: int) -> None:
    """A TTL that ends gives time exceeded from that hop, quoting the packet as the line sent it."""
    rig = Rig()
    server = address(WEB, family=family)
    for ttl, hop in enumerate(PLUMBING.hops, start=1):
        (seen,) = to_client(rig.ping(server, ttl=ttl))
        assert seen.source == hop.address(family)
        assert seen.kind == ((11, 0) if family == 4 else (3, 0))
        client = PRIVATE if family == 4 else packed(PLUMBING.line_v6)
        assert client in seen.payload[:40]
        assert PUBLIC not in seen.payload[:40]
        assert seen.payload[8 if family == 4 else 7] == 1
        assert seen.ttl == 64 - (ttl - 1)
    (out,) = to_server(rig.ping(server, ttl=6))
    assert out.ttl == 1


def test_a_silent_router_says_nothing() -> None:
    """A packet that ends at it is lost without a word; the hops around it speak."""
    rig = Rig(line=LineSpec(silent_hops=(3, 5)))
    heard = [len(to_client(rig.ping(address(WEB), ttl=ttl))) for ttl in range(1, 6)]
    assert heard == [1, 0, 1, 0, 1]


def test_hops_show_on_the_way_to_nobody() -> None:
    """An address that nobody has: the hops answer, then there is silence."""
    rig = Rig()
    (seen,) = to_client(rig.ping("33.1.2.3", ttl=5))
    assert seen.source == PLUMBING.hops[4].address(4)
    assert rig.ping("33.1.2.3") == []
    assert rig.middle.counts["dropped: nobody there"] == 1


def test_a_hop_answers_a_ping_of_itself() -> None:
    """Routers can be pinged; what else is sent to them is dropped."""
    rig = Rig()
    hop = PLUMBING.hops[2]
    (seen,) = to_client(rig.ping(hop.address_v4))
    assert (seen.source, seen.kind, seen.payload) == (hop.address(4), (0, 0), b"hello")
    (seen,) = to_client(rig.ping(hop.address_v6))
    assert (seen.source, seen.kind) == (hop.address(6), (129, 0))
    assert rig.query(b"x", hop.address_v4, port=9) == []


def test_the_two_clients_reach_each_other() -> None:
    """A packet from abroad to the public address is translated to the line."""
    ping = icmp_message(packed(PLUMBING.abroad_v4), PUBLIC, (8, 0), b"")
    (seen,) = to_client(Rig().send(ping, Side.ABROAD))
    assert seen.target == PRIVATE


def test_standard_hops_stand_where_they_should() -> None:
    """Three hops of the provider, two abroad, all different and none a host of the world."""
    hops = PLUMBING.hops
    assert [hop.foreign for hop in hops] == [False, False, False, True, True]
    for hop in hops:
        assert ipaddress.IPv4Address(hop.address_v4) in V4_BLOCKS[hop.foreign]
        assert ipaddress.IPv6Address(hop.address_v6) in V6_BLOCKS[hop.foreign]
    all_of_them = {a for hop in hops for a in (hop.address_v4, hop.address_v6)}
    assert len(all_of_them) == 10
    assert not all_of_them & set(WORLD.hosts)


def test_latency_is_there_each_way() -> None:
    """A packet waits one way's latency on the line, none abroad."""
    rig = Rig(line=LineSpec(latency_ms=30))
    talk = Talk(rig, address(WEB))
    assert [item.after_s for item in talk.say(SYN)] == [0.03]
    assert [item.after_s for item in talk.hear(SYN | ACK)] == [0.03]
    (ttl_ended,) = rig.ping(address(WEB), ttl=2)
    assert ttl_ended.after_s == 0.06
    other = Talk(rig, address(WEB), side=Side.ABROAD)
    assert [item.after_s for item in other.say(SYN)] == [0.0]


def test_loss_is_as_often_as_said_and_repeatable() -> None:
    """Of 2000 packets about a fifth is lost, and the same ones with the same seed."""

    def lost(seed: int) -> list[bool]:
        rig = Rig(line=LineSpec(loss=0.2), seed=seed)
        return [not rig.ping(address(WEB)) for _ in range(2000)]

    first = lost(1)
    assert 330 < sum(first) < 470
    assert first == lost(1)
    assert first != lost(2)


def test_a_rate_queues_and_then_drops() -> None:
    """At 80 kbit/s a packet of 1000 bytes takes 0.1 s; the queue holds what it may, no more."""
    shaper = Shaper(10_000, 0.35)
    delays = [shaper.delay(1000, 5.0) for _ in range(6)]
    assert delays[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert delays[4:] == [None, None]
    assert shaper.delay(1000, 5.2) == pytest.approx(0.3)
    assert shaper.delay(1000, 99.0) == pytest.approx(0.1)


def test_a_policer_drops_instead_of_waiting() -> None:
    """Above burst and rate packets vanish; what passed in a second is the rate."""
    policer = Policer(10_000, 5_000)
    passed = [policer.delay(1000, 1.0) for _ in range(8)]
    assert passed == [0.0] * 5 + [None] * 3
    later = [policer.delay(1000, 1.0 + step / 100) for step in range(1, 101)]
    assert later.count(0.0) in (9, 10)
    assert policer.delay(1000, 0.5) is None  # time that runs backwards gives nothing


def test_a_slow_line_still_passes_full_packets() -> None:
    """A queue shorter than a packet would let none pass, ever."""
    link = LineLink(LineSpec(down_kbit=8, up_kbit=8, queue_ms=0), random.Random(1))
    assert link.down(1500, 0.0) == pytest.approx(1.5)
    assert link.up(1500, 0.0) == pytest.approx(1.5)


def test_rates_hold_each_way_apart() -> None:
    """A full downlink does not slow what goes up."""
    link = LineLink(LineSpec(down_kbit=80), random.Random(1))
    assert link.down(1000, 0.0) == pytest.approx(0.1)
    assert link.up(1000, 0.0) == 0.0


def test_a_policed_line_drops_what_a_shaped_one_queues() -> None:
    """Both let the same rate pass in the long run; only one of them adds delay."""
    sent = [step / 100 for step in range(400)]
    delays = {}
    for limit in Limit:
        link = LineLink(LineSpec(down_kbit=400, queue_ms=10_000, limit=limit), random.Random(1))
        delays[limit] = [link.down(1000, at_s) for at_s in sent]  # 100 kB/s at 50 kB/s
    policed, shaped = delays[Limit.POLICED], delays[Limit.SHAPED]
    passed = sum(delay is not None for delay in policed)
    assert set(policed) == {0.0, None}
    assert 200 <= passed <= 226  # four seconds of the rate, and half a second's burst
    assert None not in shaped
    assert shaped[-1] == pytest.approx(4.0, abs=0.1)


def test_the_line_follows_the_hours() -> None:
    """In the evening it is crowded, and slow at once when they begin; outside them it is free."""
    evening = compile_window(When(daily="16:00-24:00"), "UTC")
    crowded = Hours(windows=(evening,), down_kbit=80, queue_ms=2_000, loss=0.0)
    talk = Talk(Rig(line=LineSpec(hours=(crowded,))), address(WEB))
    talk.open()

    def waits(day: int, hour: int) -> list[float]:
        talk.rig.middle.set_time(datetime(2026, 3, day, hour, tzinfo=UTC))
        return [sent.after_s for _ in range(2) for sent in talk.hear(ACK, bytes(960))]

    assert waits(3, 12) == [0.0, 0.0]
    assert waits(3, 16) == pytest.approx([0.1, 0.2])
    assert waits(3, 23) == pytest.approx([0.3, 0.4])  # the same queue
    assert waits(4, 3) == [0.0, 0.0]
    assert waits(4, 16) == pytest.approx([0.1, 0.2])


def test_a_black_hole_swallows_what_is_long() -> None:
    """Packets to the line above the MTU vanish, without an ICMP error; upwards they pass."""
    talk = Talk(Rig(line=LineSpec(mtu=1280)), address(WEB))
    talk.open()
    assert len(talk.hear(ACK, bytes(1240))) == 1
    assert talk.hear(ACK, bytes(1241)) == []
    assert len(talk.say(ACK, bytes(1400))) == 1
    assert talk.rig.middle.counts["dropped: lost on the line"] == 1


def test_broken_ipv6_leads_nowhere() -> None:
    """With a route and nothing beyond it, IPv6 vanishes and IPv4 lives."""
    rig = Rig(line=LineSpec(ipv6=Ipv6.BROKEN))
    assert rig.ping(address(WEB, family=6)) == []
    assert len(rig.ping(address(WEB))) == 1


def test_without_a_link_nothing_passes() -> None:
    """A line that is down carries nothing, either way; abroad goes on."""
    rig = Rig(line=LineSpec(link=False))
    talk = Talk(rig, address(WEB))
    assert talk.say(SYN) == []
    assert talk.hear(SYN | ACK) == []
    assert len(Talk(rig, address(WEB), side=Side.ABROAD).say(SYN)) == 1


def test_a_segment_with_data_passes_unchanged() -> None:
    """Nobody censors: bytes, numbers and flags arrive as sent."""
    talk = Talk(Rig(), address(WEB))
    talk.open()
    (out,) = to_server(talk.say(ACK | PSH, b"x" * 1400))
    assert (out.payload, out.flags, out.seq) == (
        b"x" * 1400,
        ACK | PSH,
        (talk.isn + 1) & 0xFFFFFFFF,
    )
    assert tcp_segment((PRIVATE, 1), (PUBLIC, 2), ACK, sequence=0)
