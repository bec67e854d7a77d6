"""Telegram's first exchange, its envelopes, and the obfuscation of both."""

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.mtproto import (
    TELEGRAM_KEY,
    ResPq,
    TransportError,
    message_id,
    read_answer,
    read_req_pq,
    req_pq_multi,
    res_pq,
)
from probe.wire.mtproto_transport import Envelope, obfuscation, read_obfuscation

# The documented exchange: core.telegram.org/mtproto/samples-auth_key, steps 1 and 2.
NONCE = bytes.fromhex("406709F612FADFBEC3F0289D0AA67EEF")
ASKED = bytes.fromhex("0000000000000000D4720600503DC56514000000F18E7EBE") + NONCE
ANSWERED = (
    bytes.fromhex("000000000000000001D83175503DC565A800000063241605")
    + NONCE
    + bytes.fromhex("E11DBC3BC97D91A26154F932AF01994308256595EDB7766797000000")
    + bytes.fromhex("15C4B51C03000000A5B7F709355FC30B216BE86C022BB4C385FD64DE851D9DD0")
)
ANSWER = ResPq(
    bytes.fromhex("E11DBC3BC97D91A26154F932AF019943"),
    2694724800268887959,
    (0x0BC35F3509F7B7A5, 0xC3B42B026CE86B21, 0xD09D1D85DE64FD85),
)


def test_the_documented_question_is_ours() -> None:
    """40 bytes, byte for byte."""
    assert req_pq_multi(NONCE, 0x65C53D50000672D4) == ASKED
    assert len(ASKED) == 40
    assert read_req_pq(ASKED) == NONCE


def test_the_documented_answer_is_read() -> None:
    """pq, and three keys of which one is Telegram's documented one."""
    assert read_answer(ANSWERED, NONCE) == ANSWER
    assert ANSWER.pq == 1513098571 * 1780931429
    assert ANSWER.has_telegram_key
    assert TELEGRAM_KEY.to_bytes(8, "little").hex() == "85fd64de851d9dd0"


def test_an_answer_to_another_nonce_is_foreign() -> None:
    """16 random bytes that a blind injector does not know."""
    with pytest.raises(WireError) as problem:
        read_answer(ANSWERED, bytes(16))
    assert problem.value.fault is Fault.FOREIGN


@pytest.mark.parametrize("code", [404, 429, 444])
def test_a_transport_error_is_an_answer_too(code: int) -> None:
    """Four bytes, negative; with padding where the envelope has some."""
    plain = (-code).to_bytes(4, "little", signed=True)
    assert read_answer(plain, NONCE) == TransportError(code)
    assert read_answer(plain + bytes(9), NONCE) == TransportError(code)
    with pytest.raises(WireError):
        read_answer((code).to_bytes(4, "little"), NONCE)


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"", Fault.SHORT),
        (ANSWERED[:60], Fault.SHORT),
        (ASKED, Fault.FORMAT),
        (b"\x01" + ANSWERED[1:], Fault.FORMAT),
        (ANSWERED[:56] + b"\xff" + ANSWERED[57:], Fault.FORMAT),
        (ANSWERED[:68] + b"\x00" + ANSWERED[69:], Fault.FORMAT),
        (ANSWERED[:72] + b"\xff\xff\xff\xff" + ANSWERED[76:], Fault.FORMAT),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Fault.FORMAT),
    ],
)
def test_what_is_no_answer_is_refused(payload: bytes, fault: Fault) -> None:
    """Cut, reflected, encrypted, with a broken number or list, or of a web server."""
    with pytest.raises(WireError) as problem:
        read_answer(payload, NONCE)
    assert problem.value.fault is fault


@settings(max_examples=50)
@given(
    st.binary(min_size=16, max_size=16),
    st.integers(1, 2**63 - 1),
    st.lists(st.integers(0, 2**64 - 1), max_size=5).map(tuple),
    st.binary(max_size=15),
)
def test_every_answer_comes_back(
    nonce: bytes, pq: int, keys: tuple[int, ...], padding: bytes
) -> None:
    """Property: what our server writes is read, padded or not."""
    answer = ResPq(nonce[::-1], pq, keys)
    assert read_answer(res_pq(nonce, answer, 1, padding), nonce) == answer


def test_message_ids_follow_the_clock() -> None:
    """Unix time times 2^32, a multiple of 4; the sample's is of 8 February 2024."""
    assert message_id(0x65C53D50 * 10**9) == 0x65C53D50 << 32
    assert all(message_id(n * 999_999_937) % 4 == 0 for n in range(50))
    for bad in (-1, 1 << 63):
        with pytest.raises(WireError):
            message_id(bad)
    for number in (1, -4, 1 << 64):
        with pytest.raises(WireError):
            req_pq_multi(NONCE, number)


def test_envelopes_have_the_documented_bytes() -> None:
    """Abridged: 0x0a for 40 bytes; intermediate: four bytes; the openings before them."""
    assert Envelope.ABRIDGED.value + Envelope.ABRIDGED.wrap(ASKED) == b"\xef\x0a" + ASKED
    assert Envelope.INTERMEDIATE.wrap(ASKED) == b"\x28\x00\x00\x00" + ASKED
    assert Envelope.PADDED.wrap(ASKED, b"pad") == b"\x2b\x00\x00\x00" + ASKED + b"pad"
    long = bytes(4 * 127)
    assert Envelope.ABRIDGED.wrap(long) == b"\x7f\x7f\x00\x00" + long
    assert [e.tag for e in Envelope] == [b"\xef" * 4, b"\xee" * 4, b"\xdd" * 4]


@settings(max_examples=50)
@given(
    st.sampled_from(Envelope),
    st.lists(st.integers(1, 200).map(lambda n: bytes(4 * n)), max_size=4),
    st.integers(0, 3000),
)
def test_payloads_come_out_of_a_stream_as_they_went_in(
    envelope: Envelope, payloads: list[bytes], cut: int
) -> None:
    """Property: also when they come in two parts."""
    stream, found, buffer = b"".join(map(envelope.wrap, payloads)), list[bytes](), b""
    for part in (stream[:cut], stream[cut:]):
        buffer += part
        while (got := envelope.split(buffer)) is not None:
            found.append(got[0])
            buffer = got[1]
    assert (found, buffer) == (payloads, b"")


@pytest.mark.parametrize(
    ("envelope", "data"),
    [
        (Envelope.ABRIDGED, b"\x00"),
        (Envelope.ABRIDGED, b"\x80\x00\x00\x00"),
        (Envelope.ABRIDGED, b"\x7f\xff\xff\xff"),
        (Envelope.INTERMEDIATE, bytes(4)),
        (Envelope.INTERMEDIATE, b"HTTP/1.1"),
        (Envelope.PADDED, b"\xff\xff\xff\xff"),
    ],
)
def test_a_length_that_cannot_be_is_refused(envelope: Envelope, data: bytes) -> None:
    """Nothing, a quick acknowledgement, more than 1 MiB: a reader never waits for those."""
    with pytest.raises(WireError) as problem:
        envelope.split(data)
    assert problem.value.fault is Fault.FORMAT


@pytest.mark.parametrize(
    ("envelope", "payload", "padding"),
    [
        (Envelope.ABRIDGED, b"abc", b""),
        (Envelope.ABRIDGED, b"", b""),
        (Envelope.INTERMEDIATE, b"abcd", b"x"),
        (Envelope.PADDED, b"abcd", bytes(16)),
    ],
)
def test_what_fits_in_no_envelope_is_refused(
    envelope: Envelope, payload: bytes, padding: bytes
) -> None:
    """Whole words only; padding only where there is some."""
    with pytest.raises(WireError) as problem:
        envelope.wrap(payload, padding)
    assert problem.value.fault is Fault.ARGUMENT


@pytest.mark.parametrize("secret", [b"", bytes(range(16))])
@pytest.mark.parametrize("envelope", list(Envelope))
def test_an_obfuscated_connection_carries_both_ways(envelope: Envelope, secret: bytes) -> None:
    """The server learns the envelope from the opening; both streams run on over many messages."""
    client = obfuscation(random.Random(5), envelope, secret=secret)
    server = read_obfuscation(client.opening, secret)
    assert server.envelope is envelope
    for size in (40, 3, 0, 200):
        data = bytes(size)
        assert server.decrypt(client.encrypt(data)) == data
        assert client.decrypt(server.encrypt(data)) == data


def test_the_opening_is_made_as_documented() -> None:
    """The documented MTProxy example, computed apart from our code."""
    secret = bytes.fromhex("99" * 16)
    client = obfuscation(random.Random(1), Envelope.PADDED, secret=secret, data_centre=-4)
    rng = random.Random(1)
    plain = rng.randbytes(56) + b"\xdd\xdd\xdd\xdd" + b"\xfc\xff" + rng.randbytes(2)
    key = hashlib.sha256(plain[8:40] + secret).digest()
    stream = Cipher(algorithms.AES(key), modes.CTR(plain[40:56])).encryptor()
    assert client.opening == plain[:56] + stream.update(plain)[56:]
    assert client.encrypt(b"next") == stream.update(b"next")


def test_an_opening_with_another_secret_is_not_understood() -> None:
    """Another secret, another protocol, or a cut opening."""
    opening = obfuscation(random.Random(1), secret=bytes(16)).opening
    for data, secret in ((opening, bytes(15) + b"\x01"), (bytes(64), b"")):
        with pytest.raises(WireError) as problem:
            read_obfuscation(data, secret)
        assert problem.value.fault is Fault.FORMAT
    with pytest.raises(WireError) as problem:
        read_obfuscation(opening[:63])
    assert problem.value.fault is Fault.SHORT


class Stuck:
    """A source of randomness that always gives the same bytes."""

    def __init__(self, first: bytes) -> None:
        self.first = first

    def randbytes(self, n: int) -> bytes:
        return (self.first + b"\x01" * n)[:n]

    def shuffle(self, x: list[int]) -> None:
        """Leave it."""


@pytest.mark.parametrize(
    "first",
    [
        b"\xef",
        b"HEAD",
        b"POST",
        b"GET ",
        b"OPTI",
        b"\x16\x03\x01\x02",
        b"\xdd" * 4,
        b"\xee" * 4,
        b"abcd" + bytes(4),
    ],
)
def test_an_opening_never_begins_like_another_protocol(first: bytes) -> None:
    """The documented list; a source that gives nothing else is refused, not believed."""
    with pytest.raises(WireError) as problem:
        obfuscation(Stuck(first))
    assert problem.value.fault is Fault.ARGUMENT
