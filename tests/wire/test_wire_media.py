"""A call's datagrams: like RTP, sealed, and in disguise like nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.media import (
    LEAST,
    PACKET,
    looks_like_media,
    media_answer,
    media_key,
    media_packet,
    read_media,
)

KEY = media_key("ab" * 32)
NONCES = st.just(b"") | st.binary(min_size=8, max_size=8)


@given(
    sequence=st.integers(0, 65_535),
    stream=st.integers(0, 2**32 - 1),
    made_s=st.integers(0, 2**32 - 1),
    nonce=NONCES,
    size=st.integers(LEAST + 8, 1_200),
)
def test_what_was_said_is_read(
    sequence: int, stream: int, made_s: int, nonce: bytes, size: int
) -> None:
    """Both ways, with any numbers; the answer is as long as the question and no question."""
    packet = media_packet(sequence, stream=stream, made_s=made_s, key=KEY, nonce=nonce, size=size)
    told = read_media(packet, KEY)
    assert (told.sequence, told.stream, told.made_s) == (sequence, stream, made_s)
    assert (told.length, told.disguised) == (size, bool(nonce))
    answer = media_answer(packet, KEY)
    assert len(answer) == len(packet)
    assert read_media(answer, KEY, answer=True) == told
    with pytest.raises(WireError):
        read_media(answer, KEY)
    with pytest.raises(WireError):
        read_media(packet, KEY, answer=True)


def test_a_packet_looks_like_a_call_and_a_disguised_one_does_not() -> None:
    """Version 2 of RTP in its place (RFC 3550); in disguise no first byte of RTP, QUIC or STUN."""
    plain = media_packet(1, stream=2, made_s=3, key=KEY)
    assert looks_like_media(plain)
    assert (plain[0], plain[1], len(plain)) == (0x80, 111, PACKET)
    for first in range(256):
        hidden = media_packet(1, stream=2, made_s=3, key=KEY, nonce=bytes((first,)) + bytes(7))
        assert not looks_like_media(hidden)
        assert 0x20 <= hidden[0] < 0x40
        assert plain[:16] not in hidden


@given(data=st.binary(max_size=300))
def test_other_bytes_are_no_packet(data: bytes) -> None:
    """Whatever comes is refused by an error of ours."""
    with pytest.raises(WireError):
        read_media(data, KEY)


@given(place=st.integers(0, LEAST - 1), bit=st.integers(0, 7), nonce=NONCES)
def test_a_changed_packet_is_refused(place: int, bit: int, nonce: bytes) -> None:
    """One bit of what is sealed, and it is nobody's."""
    packet = bytearray(media_packet(9, stream=2, made_s=3, key=KEY, nonce=nonce))
    packet[len(nonce) + place] ^= 1 << bit
    with pytest.raises(WireError):
        read_media(bytes(packet), KEY)


def test_another_key_is_not_believed() -> None:
    """The seal is of one token."""
    with pytest.raises(WireError) as refused:
        read_media(media_packet(1, stream=2, made_s=3, key=KEY), media_key("cd" * 32))
    assert refused.value.fault is Fault.UNPROVEN


@pytest.mark.parametrize(
    ("sequence", "size", "nonce"),
    [(-1, 172, b""), (65_536, 172, b""), (1, 10, b""), (1, 172, b"x")],
)
def test_no_such_packet(sequence: int, size: int, nonce: bytes) -> None:
    """Numbers that do not fit are our mistake."""
    with pytest.raises(WireError) as refused:
        media_packet(sequence, stream=1, made_s=1, key=KEY, nonce=nonce, size=size)
    assert refused.value.fault is Fault.ARGUMENT
