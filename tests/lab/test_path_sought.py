"""Whom a line sought and what it cost, as the box between it and all else saw it."""

from path_rig import NONE, SYN, WEB, Rig, Talk, address

from probe.lab.path.packets import UDP, Packet, read_packet
from probe.lab.path.plumbing import Side
from probe.lab.path.sought import MAX_PLACES, Sought


def talk_to(rig: Rig, name: str, side: Side = Side.LINE) -> Talk:
    """Return a conversation over a rig."""
    return Talk(rig, address(name), port=443, side=side)


def test_each_destination_of_the_line_is_counted() -> None:
    """Protocol, address and port; also what a censor swallows was sought."""
    rig = Rig()
    talk_to(rig, WEB).say(SYN)
    rig.query(b"question", "8.8.8.8")
    rig.query(b"question", "8.8.8.8", sport=5354)
    rig.ping("8.8.8.8")
    seen = rig.middle.sought.packets
    assert seen[f"tcp {address(WEB)} 443"] == 1
    assert seen["udp 8.8.8.8 53"] == 2
    assert seen["ip-1 8.8.8.8 0"] == 1
    assert len(seen) == 3


def test_bytes_are_those_of_the_ip_packets_each_way() -> None:
    """What a volunteer's meter counts."""
    rig = Rig()
    talk = talk_to(rig, WEB)
    talk.open()
    sought = rig.middle.sought
    assert sought.up >= 2 * 40  # SYN and ACK, each with two headers
    assert sought.down >= 40


def test_the_vantage_abroad_is_nobodys_line() -> None:
    """Controls are not the volunteer's packets."""
    rig = Rig()
    talk_to(rig, WEB, Side.ABROAD).say(SYN)
    assert rig.middle.sought.packets == {}
    assert rig.middle.sought.up == 0


def test_another_scenario_begins_to_count_anew() -> None:
    """So that one run is not charged with what another did."""
    rig = Rig()
    rig.query(b"question", "8.8.8.8")
    before = rig.middle.sought
    rig.middle.play(rig.middle._scene.world, NONE)
    assert rig.middle.sought is not before
    assert rig.middle.sought.packets == {}


def test_a_scan_does_not_fill_the_memory() -> None:
    """Beyond the bound the places are one, and nothing is lost of the count."""
    sought = Sought()
    made = Rig()
    sent = made.query(b"x", "8.8.8.8")
    packet = read_packet(sent[0].packet)
    assert isinstance(packet, Packet)
    assert packet.protocol == UDP
    for number in range(MAX_PLACES + 5):
        packet.target = number.to_bytes(4, "big")
        sought.outward(packet, 10)
    assert len(sought.packets) == MAX_PLACES + 1
    assert sum(sought.packets.values()) == MAX_PLACES + 5
    assert sought.up == 10 * (MAX_PLACES + 5)
