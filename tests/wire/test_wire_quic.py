"""QUIC version negotiation: the datagram that must be answered, and its answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.quic import (
    RESERVED_VERSION,
    LongHeader,
    VersionNegotiation,
    read_long_header,
    read_version_negotiation,
    version_negotiation,
    version_probe,
)

OURS, THEIRS = b"ourownid", b"theirids"
FILLER = bytes(1200)


def probe() -> bytes:
    """Return the datagram of these tests."""
    return version_probe(destination=THEIRS, source=OURS, filler=FILLER)


def read(datagram: bytes) -> VersionNegotiation:
    """Read an answer to it."""
    return read_version_negotiation(datagram, destination=THEIRS, source=OURS)


def test_the_datagram_is_well_formed() -> None:
    """RFC 9000: long header, 1200 bytes (14.1), reserved version (15), ids, token, length."""
    datagram = probe()
    assert len(datagram) == 1200
    assert datagram[:5] == bytes.fromhex("c0babababa")
    assert datagram[5:23] == b"\x08" + THEIRS + b"\x08" + OURS
    assert datagram[23] == 0
    assert int.from_bytes(datagram[24:26], "big") - 0x4000 == len(datagram) - 26
    assert read_long_header(datagram) == LongHeader(RESERVED_VERSION, THEIRS, OURS)


def test_an_answer_is_read() -> None:
    """RFC 9000 section 17.2.1: ids swapped, versions 1 and 2, a reserved one set apart."""
    answer = version_negotiation(read_long_header(probe()), (1, 0x6B3343CF, 0x1A2A3A4A), first=0xCA)
    assert answer[:6] == bytes.fromhex("ca0000000008")
    assert read(answer) == VersionNegotiation((1, 0x6B3343CF), (0x1A2A3A4A,))


@pytest.mark.parametrize(
    ("datagram", "fault"),
    [
        (b"", Fault.SHORT),
        (probe(), Fault.FORMAT),
        (b"\x40" + bytes(40), Fault.FORMAT),
        (version_negotiation(LongHeader(0, OURS, THEIRS), (1,)), Fault.FOREIGN),
        (version_negotiation(LongHeader(0, THEIRS, OURS), ()), Fault.FORMAT),
        (version_negotiation(LongHeader(0, THEIRS, OURS), (1,)) + b"\x00", Fault.FORMAT),
        (version_negotiation(LongHeader(0, THEIRS, OURS), (1,) * 65), Fault.FORMAT),
        (version_negotiation(LongHeader(0, THEIRS, OURS), (1, RESERVED_VERSION)), Fault.FORMAT),
        (version_negotiation(LongHeader(0, THEIRS, OURS), (1,))[:12], Fault.SHORT),
    ],
)
def test_what_is_no_answer_is_refused(datagram: bytes, fault: Fault) -> None:
    """Reflected, short header, ids of another, no list, half a version, too many, our own."""
    with pytest.raises(WireError) as problem:
        read(datagram)
    assert problem.value.fault is fault


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 1},
        {"version": 0},
        {"destination": bytes(7)},
        {"destination": bytes(21)},
        {"source": bytes(21)},
        {"filler": bytes(1000)},
    ],
)
def test_what_cannot_be_asked_is_refused(changed: dict[str, object]) -> None:
    """A version that somebody speaks would start a handshake."""
    arguments: dict[str, object] = {"destination": THEIRS, "source": OURS, "filler": FILLER}
    with pytest.raises(WireError) as problem:
        version_probe(**(arguments | changed))  # type: ignore[arg-type]
    assert problem.value.fault is Fault.ARGUMENT


@settings(max_examples=50)
@given(
    st.binary(min_size=8, max_size=20),
    st.binary(max_size=20),
    st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=20).filter(
        lambda listed: RESERVED_VERSION not in listed
    ),
    st.integers(0, 255),
)
def test_every_answer_comes_back(
    destination: bytes, source: bytes, versions: list[int], first: int
) -> None:
    """Property: whatever ids, versions and unused bits a server has."""
    asked = read_long_header(version_probe(destination=destination, source=source, filler=FILLER))
    answer = version_negotiation(asked, tuple(versions), first)
    got = read_version_negotiation(answer, destination=destination, source=source)
    assert sorted(got.versions + got.reserved) == sorted(versions)
