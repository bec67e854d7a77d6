"""The exit of the line's VPN: packets go out abroad and come back into the tunnel."""

import random

import msgspec
import pytest
from path_rig import NONE, NOON, WEB, WORLD, address, rule

from probe.lab.actions import Action
from probe.lab.line_spec import LineSpec
from probe.lab.netns.addresses import Addresses, addresses_of
from probe.lab.netns.passage import TUNNEL_PORTS, Homeward, Passage
from probe.lab.path.crafting import icmp_error, tcp_segment, udp_datagram
from probe.lab.path.packets import SYN, read_packet
from probe.lab.path.plumbing import Sent, Side, packed

HERE: Addresses = addresses_of(WORLD, LineSpec())
TUNNEL, EXIT = packed(HERE.tunnel_v4), packed(HERE.abroad_v4)
SERVER = packed(address(WEB))
PORT = TUNNEL_PORTS + 1234


def passage(*, blocked: bool = False) -> Passage:
    """Return the passage of a line whose VPN is on, over a block of the web site's address."""
    rules = (rule(Action.DROP),) if blocked else ()
    scenario = msgspec.structs.replace(NONE, rules=rules)
    made = Passage(WORLD, scenario, HERE, now=NOON, rng=random.Random(1))
    made.tunnelled = True
    return made


def syn(source: bytes, port: int) -> bytes:
    """Return the first packet of a connection to the web site."""
    return tcp_segment((source, port), (SERVER, 443), flags=SYN, sequence=1, acknowledgement=0)


def test_a_tunnelled_packet_comes_out_abroad_past_the_censor() -> None:
    """It has the exit's address, and the line's block does not see it."""
    (sent,) = passage(blocked=True).handle(syn(TUNNEL, PORT), None, 1.0)
    assert sent.to is Side.INTERNET
    read = read_packet(sent.packet)
    assert read is not None
    assert (read.source, read.target, read.source_port) == (EXIT, SERVER, PORT)


def test_the_answer_goes_back_into_the_tunnel() -> None:
    """Its target is the tunnel's own address again, with a right checksum."""
    made = passage()
    made.handle(syn(TUNNEL, PORT), None, 1.0)
    answer = udp_datagram((SERVER, 53), (EXIT, PORT), b"answer")
    (sent,) = made.handle(answer, Side.INTERNET, 1.1)
    assert isinstance(sent, Homeward)
    read = read_packet(sent.packet)
    assert read is not None
    assert (read.target, read.target_port) == (TUNNEL, PORT)
    assert sent.packet == udp_like(answer, sent.packet)


def udp_like(before: bytes, after: bytes) -> bytes:
    """Return what was sent made anew for the tunnel, with the TTL that it arrives with."""
    made = read_packet(udp_datagram((SERVER, 53), (TUNNEL, PORT), b"answer"))
    assert made is not None
    old = read_packet(before)
    assert old is not None
    made.raw[4:6] = after[4:6]
    made.age(made.ttl - after[8])
    return made.wire()


def test_what_the_control_asked_for_stays_its_own() -> None:
    """It takes its ports from below the tunnel's."""
    answer = udp_datagram((SERVER, 53), (EXIT, TUNNEL_PORTS - 1), b"answer")
    (sent,) = passage().handle(answer, Side.INTERNET, 1.0)
    assert isinstance(sent, Sent)
    assert sent.to is Side.ABROAD


@pytest.mark.parametrize(("port", "home"), [(PORT, True), (TUNNEL_PORTS - 1, False)])
def test_an_error_follows_the_packet_that_it_quotes(port: int, home: bool) -> None:
    """A closed port is told to who had sent the datagram."""
    asked = read_packet(udp_datagram((EXIT, port), (SERVER, 9), b"ask"))
    assert asked is not None
    error = icmp_error(SERVER, asked, (3, 3), quoted_ttl=60)
    assert error is not None
    (sent,) = passage().handle(error, Side.INTERNET, 1.0)
    assert (sent.to is None) == home


def test_the_tunnel_carries_its_own_address_only() -> None:
    """Whatever else is written into it is dropped and counted."""
    made = passage()
    assert not made.handle(syn(packed("192.168.1.23"), PORT), None, 1.0)
    assert not made.handle(b"\x45", None, 1.0)
    assert made.counts["dropped: not the tunnel's address"] == 2


def test_another_network_keeps_what_was_counted() -> None:
    """Going to the cafe makes another path; the counts go on."""
    made = passage()
    made.counts["seen"] = 5
    away = msgspec.structs.replace(NONE, line=LineSpec(network="cafe"))
    made.play(WORLD, away, addresses_of(WORLD, away.line))
    assert made.counts["seen"] == 5
    (sent,) = made.handle(syn(packed("192.168.2.23"), PORT), Side.LINE, 1.0)
    read = read_packet(sent.packet)
    assert read is not None
    assert read.source == packed(addresses_of(WORLD, away.line).line_public_v4)


def test_a_line_that_moves_leaves_its_connections_behind() -> None:
    """What is sent from, or comes for, the old address is nobody's; the path itself goes on."""
    made = passage()
    made.counts["seen"] = 5
    away = addresses_of(WORLD, LineSpec(network="cafe"))
    made.handle(syn(packed(HERE.line_v4), PORT), Side.LINE, 1.0)
    made.move(away)
    assert made.handle(syn(packed(HERE.line_v4), PORT), Side.LINE, 1.1) == []
    late = udp_datagram((SERVER, 53), (packed(HERE.line_public_v4), PORT), b"late")
    assert made.handle(late, Side.INTERNET, 1.2) == []
    (sent,) = made.handle(syn(packed(away.line_v4), PORT), Side.LINE, 1.3)
    read = read_packet(sent.packet)
    assert read is not None
    assert (read.source, made.counts["seen"]) == (packed(away.line_public_v4), 5)
