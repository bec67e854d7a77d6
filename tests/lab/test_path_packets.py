"""Reading, making and rewriting packets; the checks are against a reader of its own."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from path_rig import PLUMBING, Rig, Seen, words_sum

from probe.lab.path.checksums import adjusted, checksum
from probe.lab.path.crafting import icmp_error, icmp_message, ip_packet, tcp_segment, udp_datagram
from probe.lab.path.packets import TCP, UDP, Packet, read_packet
from probe.lab.path.plumbing import Side

V4 = st.binary(min_size=4, max_size=4)
V6 = st.binary(min_size=16, max_size=16)
PAIRS = st.one_of(st.tuples(V4, V4), st.tuples(V6, V6))
PORT = st.integers(0, 0xFFFF)
NUMBER = st.integers(0, 0xFFFFFFFF)
PAYLOAD = st.binary(max_size=200)
A4, B4 = b"\xc0\xa8\1\x17", b"\x21\0\0\1"
A6, B6 = bytes(15) + b"\1", bytes(15) + b"\2"


def made(wire: bytes) -> Packet:
    packet = read_packet(wire)
    assert packet is not None
    return packet


@given(st.binary(min_size=1, max_size=1500).filter(any))
def test_a_checksum_is_the_slow_ones(data: bytes) -> None:
    """The division by 65535 gives what adding word by word gives."""
    assert checksum(data) == 0xFFFF - words_sum(data)


@given(st.binary(min_size=20, max_size=60), st.integers(0, 9), V4)
def test_a_rewritten_field_adjusts_the_checksum(data: bytes, word: int, new: bytes) -> None:
    """RFC 1624: the adjusted checksum verifies, as one made anew would."""
    data = b"\x45" + data[1 : len(data) // 2 * 2]
    at = word * 2
    old = data[at : at + 4].ljust(4, b"\0")
    new = new[: len(data[at : at + 4])].ljust(4, b"\0")
    after = data[:at] + new[: len(data[at : at + 4])] + data[at + 4 :]
    found = adjusted(checksum(data), old, new)
    assert (words_sum(after) + found) % 0xFFFF == 0


@given(PAIRS, PORT, PORT, NUMBER, NUMBER, st.integers(0, 0x3F), PAYLOAD)
def test_a_segment_reads_as_it_was_made(
    pair: tuple[bytes, bytes], sport: int, dport: int, seq: int, ack: int, flags: int, said: bytes
) -> None:
    """TCP over both families: the other reader and ours see the same, checksums hold."""
    wire = tcp_segment(
        (pair[0], sport),
        (pair[1], dport),
        flags,
        sequence=seq,
        acknowledgement=ack,
        payload=said,
    )
    seen, packet = Seen(wire), made(wire)
    assert (seen.sport, seen.dport, seen.seq, seen.ack, seen.flags) == (
        packet.source_port,
        packet.target_port,
        packet.sequence,
        packet.acknowledgement,
        packet.flags,
    )
    assert (sport, dport, seq, ack, flags) == (
        seen.sport,
        seen.dport,
        seen.seq,
        seen.ack,
        seen.flags,
    )
    assert packet.payload == seen.payload == said
    assert (packet.source, packet.target) == pair


@given(PAIRS, PORT, PORT, PAYLOAD)
def test_a_datagram_reads_as_it_was_made(
    pair: tuple[bytes, bytes], sport: int, dport: int, said: bytes
) -> None:
    """UDP over both families; a checksum of zero is sent as 0xFFFF."""
    wire = udp_datagram((pair[0], sport), (pair[1], dport), said)
    seen, packet = Seen(wire), made(wire)
    assert (packet.source_port, packet.target_port, packet.payload) == (sport, dport, said)
    assert (seen.sport, seen.dport, seen.payload) == (sport, dport, said)
    assert wire[-len(said) - 2 : len(wire) - len(said)] != b"\0\0"


@given(PAIRS, st.sampled_from([TCP, UDP]), PAYLOAD, PORT, PORT, st.integers(1, 63), st.data())
def test_rewriting_keeps_every_checksum(
    pair: tuple[bytes, bytes],
    protocol: int,
    said: bytes,
    sport: int,
    dport: int,
    hops: int,
    data: st.DataObject,
) -> None:
    """Addresses, ports and TTL can change in any mixture; the other reader still agrees."""
    if protocol == TCP:
        wire = tcp_segment((pair[0], 1), (pair[1], 2), 0x18, sequence=5, payload=said)
    else:
        wire = udp_datagram((pair[0], 1), (pair[1], 2), said)
    packet = made(wire)
    source = data.draw(V4 if packet.family == 4 else V6)
    packet.set_source(source)
    packet.set_target_port(dport)
    packet.age(hops)
    packet.set_source_port(sport)
    packet.set_target(pair[0])
    seen = Seen(packet.wire())
    assert (seen.source, seen.target, seen.sport, seen.dport, seen.ttl, seen.payload) == (
        source,
        pair[0],
        sport,
        dport,
        64 - hops,
        said,
    )


@given(PAIRS, st.binary(max_size=2000), st.integers(1, 255))
def test_an_error_quotes_and_fits(pair: tuple[bytes, bytes], said: bytes, ttl: int) -> None:
    """An ICMP error has right checksums, quotes the start, and stays below its limit."""
    packet = made(udp_datagram((pair[0], 1), (pair[1], 2), said))
    source = b"\x1d\1\2\3" if packet.family == 4 else A6
    error = icmp_error(source, packet, (3, 13), quoted_ttl=ttl)
    if not any(pair[0]):
        assert error is None
        return
    assert error is not None
    seen = Seen(error)
    assert seen.target == pair[0]
    assert len(error) <= (576 if packet.family == 4 else 1280)
    quoted = seen.payload
    at = 8 if packet.family == 4 else 7
    assert quoted[at] == ttl
    assert quoted[28:] == bytes(packet.raw)[28 : len(quoted)]
    if packet.family == 4:
        assert words_sum(quoted[:20]) == 0xFFFF


def test_no_error_about_an_error() -> None:
    """An ICMP error is never answered by another one, a ping is."""
    packet = made(udp_datagram((A4, 1), (B4, 2), b"x"))
    error = icmp_error(B4, packet, (3, 1), quoted_ttl=9)
    assert error is not None
    assert icmp_error(A4, made(error), (11, 0), quoted_ttl=1) is None
    ping = made(icmp_message(A4, B4, (8, 0), b""))
    assert icmp_error(B4, ping, (11, 0), quoted_ttl=1) is not None


TCP4 = tcp_segment((A4, 1), (B4, 2), 2, sequence=1)


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\x45",
        b"\x00" * 40,
        TCP4[:19],
        TCP4[:-1],
        b"\x44" + TCP4[1:],  # a header of 16 bytes
        TCP4[:10] + b"\0\0" + TCP4[12:],  # a wrong header checksum
        ip_packet(A4, B4, TCP, bytes(19)),
        ip_packet(A4, B4, TCP, bytes(12) + b"\x40" + bytes(7)),  # a data offset of 16
        ip_packet(A4, B4, TCP, bytes(12) + b"\xf0" + bytes(7)),  # one past the end
        ip_packet(A4, B4, UDP, bytes(7)),
        ip_packet(A4, B4, UDP, b"\0\1\0\2\0\7\0\0"),  # a length below its header
        ip_packet(A4, B4, UDP, b"\0\1\0\2\0\x20\0\0"),  # one past the end
        ip_packet(A4, B4, 1, bytes(7)),
        ip_packet(A6, B6, TCP, bytes(20))[:59],
        ip_packet(A6, B6, 0, b"\x06\xff" + bytes(40)),  # an option past the end
        ip_packet(A6, B6, 0, (b"\0\0" + bytes(6)) * 9),  # options without an end
        ip_packet(A6, B6, 44, bytes(4)),
    ],
)
def test_what_lies_about_itself_is_no_packet(wire: bytes) -> None:
    """Truncated headers, impossible lengths and offsets are refused, not guessed at."""
    assert read_packet(wire) is None


def test_padding_is_cut_off() -> None:
    """A short Ethernet frame is padded; the padding is no part of the packet."""
    assert bytes(made(TCP4 + bytes(20)).raw) == TCP4


def test_headers_before_the_transport_are_skipped() -> None:
    """IPv6 hop-by-hop and destination options and an atomic fragment lead to the TCP header."""
    segment = tcp_segment((A6, 7), (B6, 8), 2, sequence=1)[40:]
    options = b"\x3c\0" + bytes(6) + b"\x2c\1" + bytes(14) + b"\x06\0" + bytes(6)
    packet = made(ip_packet(A6, B6, 0, options + segment))
    assert (packet.protocol, packet.source_port, packet.target_port) == (TCP, 7, 8)
    assert packet.fragment == 0


@pytest.mark.parametrize("offset", [0, 185])
def test_fragments_have_no_ports_but_keep_their_sums(offset: int) -> None:
    """A fragment can be readdressed: its header and, in the first, the transport's sum hold."""
    whole = udp_datagram((A4, 1000), (B4, 2000), bytes(range(100)) * 20)
    head = bytearray(whole[:20])
    head[6:8] = ((0x2000 if offset == 0 else 0) | offset).to_bytes(2, "big")
    body = whole[20:1500] if offset == 0 else whole[1500:]
    head[2:4] = (20 + len(body)).to_bytes(2, "big")
    head[10:12] = b"\0\0"
    head[10:12] = checksum(bytes(head)).to_bytes(2, "big")
    packet = made(bytes(head) + body)
    assert (packet.fragment, packet.source_port) == (1 if offset == 0 else 2, 0)
    packet.set_source(B4)
    assert words_sum(packet.wire()[:20]) == 0xFFFF
    if offset == 0:
        joined = bytes(packet.raw[20:]) + whole[1500:]
        pseudo = B4 + B4 + struct.pack("!HH", 17, len(joined))
        assert words_sum(pseudo + joined) == 0xFFFF
    else:
        assert bytes(packet.raw[20:]) == body


RIG = Rig()
VALID = (
    TCP4,
    tcp_segment((A6, 1), (B6, 443), 0x18, sequence=1, payload=b"GET / HTTP/1.1\r\n"),
    udp_datagram((A4, 1), (B4, 53), b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"),
    icmp_message(A4, B4, (8, 0), b"x" * 30),
    ip_packet(A6, B6, 0, b"\x06\0" + bytes(6) + tcp_segment((A6, 7), (B6, 8), 2, sequence=1)[40:]),
)


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=120),
        st.builds(
            lambda wire, at, junk, cut: (wire[:at] + junk + wire[at + len(junk) :])[:cut],
            st.sampled_from(VALID),
            st.integers(0, 80),
            st.binary(max_size=6),
            st.integers(0, 120),
        ),
    ),
    st.sampled_from(list(Side)),
)
def test_no_packet_raises(wire: bytes, side: Side) -> None:
    """Garbage, and sound packets that were damaged, are dropped and counted or passed on."""
    sent = RIG.send(wire, side)
    assert all(read_packet(item.packet) and item.after_s >= 0 for item in sent)


def test_what_is_malformed_is_counted() -> None:
    """The counter says that something came which was no packet."""
    rig = Rig()
    assert rig.send(b"\x45" + bytes(30)) == []
    assert rig.send(TCP4[:30]) == []
    assert rig.middle.counts["dropped: malformed"] == 2


def test_nobody_may_speak_for_another() -> None:
    """The line and the place abroad may use their own addresses only; so may no server."""
    rig = Rig()
    foreign = tcp_segment((B4, 1), (A4, 2), 2, sequence=1)
    assert [rig.send(foreign, side) for side in Side] == [[], [], []]
    assert rig.middle.counts == {
        "dropped: not the line's address": 1,
        "dropped: not the address abroad": 1,
        "dropped: from a server to nobody": 1,
    }
    assert PLUMBING.line_v4 != PLUMBING.line_public_v4
