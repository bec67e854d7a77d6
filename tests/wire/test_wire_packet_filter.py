"""The filter of a trace: the traced host's packets and errors about them, and nobody else's."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.path.crafting import icmp_error, icmp_message, tcp_segment, udp_datagram
from probe.lab.path.packets import read_packet
from probe.lab.path.plumbing import packed
from probe.wire.packet_filter import packet_filter

OWN, HOST, OTHER, ROUTER = "192.168.1.23", "33.1.2.3", "33.9.9.9", "29.8.8.8"
OWN_6, HOST_6, OTHER_6, ROUTER_6 = "3ffe:b::23", "3ffe:a::80", "3ffe:a::81", "3ffe:b::1"


def passes(program: bytes, packet: bytes) -> bool:
    """Run classic BPF as the kernel does: reading past the end of a packet drops it."""
    rows = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = index = at = 0
    while True:
        code, yes, no, value = rows[at]
        at += 1
        try:
            if code == 0x06:
                return bool(value)
            if code == 0x15:
                at += yes if accumulator == value else no
            elif code == 0x54:
                accumulator &= value
            elif code == 0x30:
                accumulator = packet[value]
            elif code == 0xB1:
                index = 4 * (packet[value] & 0x0F)
            else:
                where = value + (index if code == 0x40 else 0)
                accumulator = struct.unpack_from("!I", packet, where)[0]
        except (IndexError, struct.error):
            return False


def tcp(source: str, target: str) -> bytes:
    return tcp_segment((packed(source), 443), (packed(target), 50_000), 0x10, sequence=1)


def error_about(source: str, target: str, router: str) -> bytes:
    """Return the ICMP error of ``router`` about a datagram from ``source`` to ``target``."""
    sent = read_packet(udp_datagram((packed(source), 50_000), (packed(target), 53), b"question"))
    assert sent is not None
    kind = (11, 0) if sent.family == 4 else (3, 0)
    made = icmp_error(packed(router), sent, kind, ttl=60, quoted_ttl=1)
    assert made is not None
    return made


BOTH = packet_filter([HOST, HOST_6])


@pytest.mark.parametrize(
    "packet",
    [
        tcp(HOST, OWN),
        tcp(OWN, HOST),
        tcp(HOST_6, OWN_6),
        tcp(OWN_6, HOST_6),
        error_about(OWN, HOST, ROUTER),
        error_about(OWN_6, HOST_6, ROUTER_6),
    ],
)
def test_what_concerns_the_host_passes(packet: bytes) -> None:
    """Both ways, both families, and what routers say about packets to it."""
    assert passes(BOTH, packet)


@pytest.mark.parametrize(
    "packet",
    [
        tcp(OTHER, OWN),
        tcp(OWN, OTHER),
        tcp(OTHER_6, OWN_6),
        error_about(OWN, OTHER, ROUTER),
        error_about(OWN_6, OTHER_6, ROUTER_6),
        icmp_message(packed(ROUTER), packed(OWN), (0, 0), b"pong"),
        b"",
        b"\x45",
    ],
)
def test_nobody_elses_packets_pass(packet: bytes) -> None:
    """Other conversations of a busy server are never handed over."""
    assert not passes(BOTH, packet)


def test_without_an_address_nothing_passes() -> None:
    """The filter that stands while the socket is emptied."""
    assert not passes(packet_filter(()), tcp(HOST, OWN))


def test_a_name_is_no_address() -> None:
    """Nothing is guessed from what is not an address."""
    with pytest.raises(ValueError, match="example"):
        packet_filter(["www.example.org"])


@given(st.binary(max_size=120))
def test_random_bytes_pass_only_with_the_address_in_them(data: bytes) -> None:
    """Whatever comes: without the host's address in it, it is not let through."""
    if packed(HOST) not in data and packed(HOST_6) not in data:
        assert not passes(BOTH, data)
