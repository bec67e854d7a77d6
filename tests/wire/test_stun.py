"""STUN: the address that the other side saw, from hostile bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.stun import (
    BindingAnswer,
    binding_answer,
    binding_request,
    looks_like_stun,
    mapped_address,
    may_be_stun,
)

ID = bytes(range(12))
COOKIE = bytes.fromhex("2112a442")


def reply(*attributes: tuple[int, bytes], transaction: bytes = ID, kind: int = 0x0101) -> bytes:
    """Return a response with the given attributes, padded."""
    body = b"".join(
        code.to_bytes(2, "big") + len(v).to_bytes(2, "big") + v + bytes(-len(v) % 4)
        for code, v in attributes
    )
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + COOKIE + transaction + body


def test_the_request_is_twenty_bytes_and_says_nothing_else() -> None:
    """No software name, no user name: nothing by which a volunteer is told apart."""
    assert binding_request(ID) == bytes.fromhex("000100002112a442") + ID


def test_a_transaction_id_of_another_length_is_refused() -> None:
    """RFC 8489: 96 bits."""
    with pytest.raises(ValueError, match="12 bytes"):
        binding_request(b"short")


def test_the_xored_address_is_read_for_both_families() -> None:
    """RFC 5769's test vectors: 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677."""
    vector_id = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    v4 = bytes.fromhex("0001a147e112a643")
    v6 = bytes.fromhex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
    assert mapped_address(reply((0x20, v4), transaction=vector_id), vector_id) == "192.0.2.1"
    assert (
        mapped_address(reply((0x8022, b"abc"), (0x20, v6), transaction=vector_id), vector_id)
        == "2001:db8:1234:5678:11:2233:4455:6677"
    )


def test_the_xored_address_is_preferred_to_the_plain_one() -> None:
    """Middleboxes rewrite the plain one."""
    plain = bytes.fromhex("00010001c6336401")
    xored = bytes.fromhex("00010001") + bytes(
        a ^ b for a, b in zip(bytes([192, 0, 2, 1]), COOKIE, strict=True)
    )
    assert mapped_address(reply((1, plain), (0x20, xored)), ID) == "192.0.2.1"
    assert mapped_address(reply((1, plain)), ID) == "198.51.100.1"


@pytest.mark.parametrize(
    "data",
    [
        reply((0x20, bytes.fromhex("0001a147e112a643")), transaction=bytes(12)),
        reply((0x20, bytes.fromhex("0001a147e112a643")), kind=0x0111),
        reply((0x20, bytes.fromhex("0001a147e112a643")))[:-1],
        reply((0x20, bytes.fromhex("0003a147e112a643"))),
        reply((0x20, b"")),
        b"",
    ],
)
def test_another_answer_gives_no_address(data: bytes) -> None:
    """A wrong id, an error, a cut reply, an unknown family: nothing is believed."""
    assert mapped_address(data, ID) is None


def test_success_and_error_are_both_an_answer() -> None:
    """A TURN server that refuses was reached as well; the address stays where it is."""
    seen = bytes.fromhex("0001a147e112a643")
    assert binding_answer(reply((0x20, seen)), ID) is BindingAnswer.SUCCESS
    assert binding_answer(reply((1, seen)), ID) is BindingAnswer.SUCCESS  # RFC 3489's servers
    assert binding_answer(reply((9, b"\x00\x00\x04\x01"), kind=0x0111), ID) is BindingAnswer.ERROR


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (reply(), Fault.FORMAT),  # our own bytes, turned round
        (reply((0x20, bytes(8))), Fault.FORMAT),
        (reply(transaction=bytes(12)), Fault.FOREIGN),
        (reply(kind=0x0001), Fault.FORMAT),
        (reply((0x20, bytes(8)))[:-1], Fault.SHORT),
        (b"\x01\x01\x00\x03" + COOKIE + ID + bytes(3), Fault.FORMAT),
        (b"HTTP/1.1 400 Bad Request", Fault.FORMAT),
        (b"", Fault.SHORT),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, fault: Fault) -> None:
    """To another transaction, a request, cut, of no whole words, of another service."""
    with pytest.raises(WireError) as problem:
        binding_answer(data, ID)
    assert problem.value.fault is fault


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    """Property: whatever a server sends, there is an answer or none."""
    mapped_address(COOKIE + data, ID)
    mapped_address(reply((0x20, data)), ID)


@pytest.mark.parametrize(
    ("packet", "filters", "servers"),
    [
        (binding_request(ID), True, True),
        (bytes.fromhex("00010000600ca144") + ID, False, True),
        (bytes.fromhex("00100000600ca144") + ID, False, False),
        (bytes.fromhex("00010004600ca144") + ID, False, False),
        (bytes.fromhex("01010000600ca144") + ID, False, False),
        (b"\x00\x01", False, False),
        (b"", False, False),
    ],
)
def test_a_request_of_the_old_stun_has_no_cookie(
    packet: bytes, filters: bool, servers: bool
) -> None:
    """A filter looks for the cookie; a server of RFC 3489 answers without one."""
    assert looks_like_stun(packet) is filters
    assert may_be_stun(packet) is servers
