"""What is read of packets, and that bytes of anybody are read or dropped, never raised."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from heard_packets import (
    HOST,
    HOST_6,
    OWN,
    OWN_6,
    OWN_PORT,
    PORT,
    ROUTER,
    ROUTER_6,
    datagram,
    error,
    segment,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.net.raw import Heard, Quote, read_packet

RST, PSH, ACK = 4, 8, 16
SLOW_START = settings(suppress_health_check=[HealthCheck.too_slow])
"""The first packet of a process waits for scapy."""


@pytest.mark.parametrize(("source", "target", "ident"), [(HOST, OWN, 7), (HOST_6, OWN_6, None)])
def test_a_segment(source: str, target: str, ident: int | None) -> None:
    """Ports, numbers, flags, window, TTL, IP identification and payload."""
    heard = read_packet(segment(source, target, RST | ACK, payload=b"bytes", ident=7))
    assert heard is not None
    assert (heard.source, heard.target, heard.protocol) == (source, target, "tcp")
    assert (heard.source_port, heard.target_port) == (PORT, OWN_PORT)
    assert (heard.sequence, heard.acknowledgement, heard.window) == (1_000, 2_000, 77)
    assert (heard.flags, heard.ttl, heard.ident, heard.payload) == ("RA", 55, ident, b"bytes")


def test_options_by_name() -> None:
    """A SYN/ACK with MSS, NOP and window scale, in their order."""
    raw = bytearray(segment(HOST, OWN, 0x12))
    options = bytes((2, 4, 5, 0xB4, 1, 3, 3, 7))
    raw[32] = (20 + len(options)) // 4 << 4
    raw += options
    raw[2:4] = len(raw).to_bytes(2, "big")
    heard = read_packet(bytes(raw))
    assert heard is not None
    assert heard.options == ("MSS", "NOP", "WScale")


def test_a_datagram() -> None:
    """The payload is the datagram's, without padding of short frames."""
    heard = read_packet(datagram(HOST, OWN, b"x") + b"\0" * 17)
    assert heard is not None
    assert (heard.protocol, heard.payload) == ("udp", b"x")


@pytest.mark.parametrize(
    ("own", "host", "router"), [(OWN, HOST, ROUTER), (OWN_6, HOST_6, ROUTER_6)]
)
def test_time_exceeded_quotes_the_packet(own: str, host: str, router: str) -> None:
    """Who said it, and about which of our packets."""
    heard = read_packet(error(segment(own, host, PSH | ACK, payload=b"hello", sequence=9), router))
    assert heard is not None
    assert (heard.source, heard.expired) == (router, True)
    assert heard.about == Quote(own, host, OWN_PORT, PORT, 9)
    about_datagram = read_packet(error(datagram(own, host, b"question"), router))
    assert about_datagram is not None
    assert about_datagram.about == Quote(own, host, OWN_PORT, PORT)


@pytest.mark.parametrize(
    ("own", "host", "router", "kind"),
    [(OWN, HOST, ROUTER, (3, 13)), (OWN_6, HOST_6, ROUTER_6, (1, 1))],
)
def test_prohibited_is_no_time_exceeded(
    own: str, host: str, router: str, kind: tuple[int, int]
) -> None:
    """The two errors mean different things."""
    heard = read_packet(error(segment(own, host, ACK), router, kind))
    assert heard is not None
    assert (heard.expired, heard.code) == (False, kind[1])


def test_eight_bytes_are_quote_enough() -> None:
    """RFC 792 asks for no more: ports and the sequence number are in them."""
    whole = error(segment(OWN, HOST, ACK, sequence=5), ROUTER)
    raw = bytearray(whole[: 20 + 8 + 20 + 8])
    raw[2:4] = len(raw).to_bytes(2, "big")
    heard = read_packet(bytes(raw))
    assert heard is not None
    assert heard.about == Quote(OWN, HOST, OWN_PORT, PORT, 5)


def test_a_fragment_is_not_read() -> None:
    """Its ports are somewhere else."""
    raw = bytearray(segment(HOST, OWN, ACK))
    raw[6:8] = b"\x20\x00"  # more fragments
    assert read_packet(bytes(raw)) is None
    raw[6:8] = b"\x00\x10"  # a later one
    assert read_packet(bytes(raw)) is None


def wrapped(times: int) -> bytes:
    """Return a segment in an IP packet in an IP packet, and so on."""
    raw = segment(HOST, OWN, ACK)
    for _ in range(times):
        raw = raw[:2] + (len(raw) + 20).to_bytes(2, "big") + raw[4:9] + b"\x04" + raw[10:20] + raw
    return raw


def test_what_is_wrapped_is_not_unwrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scapy would take ten milliseconds for seventy layers: it is not asked."""
    assert read_packet(wrapped(0)) is not None
    monkeypatch.setattr("probe.net.raw._four", lambda _data: pytest.fail("unwrapped"))
    assert read_packet(wrapped(70)) is None


def test_of_an_error_its_beginning_is_read() -> None:
    """What it quotes stands there; the rest may be anything."""
    raw = error(segment(OWN, HOST, ACK, sequence=9), ROUTER)
    seen = read_packet(raw + bytes(60_000))
    assert seen == read_packet(raw)
    assert seen is not None


GOOD = (
    segment(HOST, OWN, RST | ACK, payload=b"bytes"),
    segment(HOST_6, OWN_6, ACK),
    error(segment(OWN, HOST, ACK), ROUTER),
    error(segment(OWN_6, HOST_6, ACK), ROUTER_6),
    error(datagram(OWN, HOST, b"question"), ROUTER),
    datagram(HOST, OWN, b"answer"),
)


@pytest.mark.slow
def test_reading_leaves_no_file_behind(tmp_path: Path) -> None:
    """Scapy's cache is not written: what a trace leaves on a machine is what the user asked for."""
    code = (
        "from probe.net.raw import read_packet; read_packet(b'E' + bytes(8) + b'\\6' + bytes(20))"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | {"HOME": str(tmp_path)}, cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def is_plain(heard: Heard) -> bool:
    """Return whether the values are such as a packet can have."""
    return 0 <= heard.ttl <= 255 and 0 <= heard.source_port <= 65_535 and len(heard.options) <= 40


@SLOW_START
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    """They are read or dropped; what is read has plain values."""
    heard = read_packet(data)
    assert heard is None or is_plain(heard)


@SLOW_START
@given(
    good=st.sampled_from(GOOD),
    cut=st.integers(0, 120),
    changes=st.lists(st.tuples(st.integers(0, 119), st.integers(0, 255)), max_size=6),
)
def test_damaged_packets(good: bytes, cut: int, changes: list[tuple[int, int]]) -> None:
    """Cut short, with lengths and types that lie: what is read has plain values."""
    raw = bytearray(good[: cut or None])
    for at, value in changes:
        if at < len(raw):
            raw[at] = value
    heard = read_packet(bytes(raw))
    assert heard is None or is_plain(heard)
