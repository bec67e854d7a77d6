"""WireGuard's handshake from both sides: what is accepted, and what is not believed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.noise import public_key
from probe.wire.wireguard import (
    CookieReply,
    Initiation,
    Response,
    initiation,
    read_answer,
    tai64n,
    with_cookie,
)
from probe.wire.wireguard_responder import cookie_reply, read_initiation, response

SERVER, STATIC, EPHEMERAL, ANSWERING = (bytes([n]) * 32 for n in (1, 2, 3, 4))
PSK = bytes(range(32))
COOKIE, NONCE = bytes(range(16)), bytes(range(24))


def hello(psk: bytes = bytes(32), sender: bytes = b"\x01\x02\x03\x04") -> Initiation:
    """Return an initiation with keys that a test can know."""
    return initiation(
        server_public=public_key(SERVER),
        static_private=STATIC,
        ephemeral_private=EPHEMERAL,
        sender=sender,
        timestamp=tai64n(1_700_000_000, 5),
        psk=psk,
    )


def test_an_initiation_is_what_the_server_expects() -> None:
    """148 bytes; the server reads who we are and when; the second MAC is zero without a cookie."""
    sent = hello()
    assert (len(sent.packet), sent.packet[:8]) == (148, bytes.fromhex("0100000001020304"))
    assert sent.packet[-16:] == bytes(16)
    read = read_initiation(sent.packet, SERVER)
    assert read.static_public == public_key(STATIC)
    assert read.timestamp == tai64n(1_700_000_000, 5)
    assert read.sender == sent.sender


@pytest.mark.parametrize("psk", [bytes(32), PSK])
def test_a_response_is_verified(psk: bytes) -> None:
    """92 bytes, made with the server's key and the pre-shared one."""
    sent = hello(psk)
    request = read_initiation(sent.packet, SERVER)
    packet = response(request, ephemeral_private=ANSWERING, sender=b"abcd", psk=psk)
    assert len(packet) == 92
    assert read_answer(packet, sent) == Response(b"abcd")


def test_another_pre_shared_key_proves_nothing() -> None:
    """The tag covers it."""
    request = read_initiation(hello(PSK).packet, SERVER)
    packet = response(request, ephemeral_private=ANSWERING, sender=b"abcd")
    with pytest.raises(WireError) as problem:
        read_answer(packet, hello(PSK))
    assert problem.value.fault is Fault.UNPROVEN


def test_a_cookie_is_read_and_used() -> None:
    """A server under load gives a cookie, and takes the packet whose second MAC is made of it."""
    sent = hello()
    request = read_initiation(sent.packet, SERVER)
    packet = cookie_reply(request, server_public=public_key(SERVER), nonce=NONCE, cookie=COOKIE)
    assert len(packet) == 64
    assert read_answer(packet, sent) == CookieReply(COOKIE)
    again = with_cookie(sent, COOKIE)
    assert read_initiation(again, SERVER, COOKIE).sender == sent.sender
    with pytest.raises(WireError) as problem:
        read_initiation(sent.packet, SERVER, COOKIE)
    assert problem.value.fault is Fault.UNPROVEN


def test_an_answer_to_another_sender_is_foreign() -> None:
    """The index is checked before anything is computed."""
    request = read_initiation(hello().packet, SERVER)
    other = hello(sender=b"\x09\x09\x09\x09")
    cookie = cookie_reply(request, server_public=public_key(SERVER), nonce=NONCE, cookie=COOKIE)
    for packet in (response(request, ephemeral_private=ANSWERING, sender=b"abcd"), cookie):
        with pytest.raises(WireError) as problem:
            read_answer(packet, other)
        assert problem.value.fault is Fault.FOREIGN


@settings(max_examples=60)
@given(place=st.integers(4, 75), bit=st.integers(0, 7))
def test_no_bit_of_a_response_can_be_changed(place: int, bit: int) -> None:
    """Property: index, key, tag and first MAC; the second MAC is for servers only."""
    sent = hello()
    request = read_initiation(sent.packet, SERVER)
    packet = bytearray(response(request, ephemeral_private=ANSWERING, sender=b"abcd"))
    packet[place] ^= 1 << bit
    with pytest.raises(WireError):
        read_answer(bytes(packet), sent)


@settings(max_examples=60)
@given(place=st.integers(4, 63), bit=st.integers(0, 7))
def test_no_bit_of_a_cookie_can_be_changed(place: int, bit: int) -> None:
    """Property: it is bound to our first MAC and to the server's key."""
    sent = hello()
    request = read_initiation(sent.packet, SERVER)
    packet = bytearray(
        cookie_reply(request, server_public=public_key(SERVER), nonce=NONCE, cookie=COOKIE)
    )
    packet[place] ^= 1 << bit
    with pytest.raises(WireError):
        read_answer(bytes(packet), sent)


@settings(max_examples=60)
@given(place=st.integers(0, 131), bit=st.integers(0, 7))
def test_a_changed_initiation_is_not_taken(place: int, bit: int) -> None:
    """Property: the first MAC covers all before it."""
    packet = bytearray(hello().packet)
    packet[place] ^= 1 << bit
    with pytest.raises(WireError):
        read_initiation(bytes(packet), SERVER)


def test_time_is_tai64n() -> None:
    """The label is 2^62 + 10 + Unix seconds, as the reference implementations write it."""
    assert tai64n(0) == bytes.fromhex("400000000000000a00000000")
    assert tai64n(1, 999_999_999) == bytes.fromhex("400000000000000b3b9ac9ff")
    for arguments in ((-1, 0), (0, 1_000_000_000)):
        with pytest.raises(WireError) as problem:
            tai64n(*arguments)
        assert problem.value.fault is Fault.ARGUMENT


@settings(max_examples=50)
@given(st.integers(0, 2**40), st.integers(0, 999_999_999), st.integers(0, 2**40))
def test_later_times_have_greater_stamps(first: int, nanoseconds: int, later: int) -> None:
    """Property: servers compare the bytes."""
    assert tai64n(first, 0) <= tai64n(first, nanoseconds)
    assert tai64n(first, nanoseconds) < tai64n(first + later + 1, 0)


@pytest.mark.parametrize(
    "packet", [b"", bytes(148), bytes(92), b"\x02\x00\x00\x00", hello().packet, b"\x02" + bytes(90)]
)
def test_what_is_no_answer_is_refused(packet: bytes) -> None:
    """Another type, another length, our own packet sent back."""
    with pytest.raises(WireError) as problem:
        read_answer(packet, hello())
    assert problem.value.fault is Fault.FORMAT


def test_no_private_key_is_in_a_repr() -> None:
    """An initiation may be logged by mistake; the keys in it may not."""
    text = repr(hello(PSK))
    assert "private" not in text
    assert "psk" not in text
    assert "state" not in text
