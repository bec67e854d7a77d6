"""WhatsApp's web handshake up to the server's hello, against a server of our own."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.noise import public_key
from probe.wire.protobuf import encode_field, fields
from probe.wire.whatsapp import (
    CERTIFICATE_KEY,
    OPENING,
    ClientHello,
    ServerHello,
    client_hello,
    frame,
    read_client_hello,
    read_server_hello,
    server_hello,
    split_frame,
    verify_certificate,
)
from probe.wire.xeddsa import verify_xeddsa

CLIENT, SERVER, STATIC = (bytes([n]) * 32 for n in (1, 2, 3))
AT = datetime(2026, 1, 1, tzinfo=UTC)
DAY_S = 86_400


class Signer:
    """An X25519 key that signs: an Ed25519 key whose scalar is the X25519 private key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = public_key(hashlib.sha512(seed).digest()[:32])

    def sign(self, data: bytes) -> bytes:
        """Return the signature, with the sign of the Edwards key in its last bit."""
        signature = bytearray(self._key.sign(data))
        signature[63] |= self._key.public_key().public_bytes_raw()[31] & 0x80
        return bytes(signature)


ROOT, MIDDLE = Signer(b"r" * 32), Signer(b"m" * 32)


def certificate(signer: Signer, serial: int, issuer: int, key: bytes, **dates: int) -> bytes:
    """Return a signed certificate, valid around ``AT``."""
    begins = dates.get("begins", int(AT.timestamp()) - DAY_S)
    ends = dates.get("ends", int(AT.timestamp()) + DAY_S)
    parts = ((1, serial), (2, issuer), (3, key), (4, begins), (5, ends))
    details = b"".join(encode_field(number, value) for number, value in parts)
    return encode_field(1, details) + encode_field(2, signer.sign(details))


LEAF = certificate(MIDDLE, 9, 7, public_key(STATIC))
INTERMEDIATE = certificate(ROOT, 7, 0, MIDDLE.public)


def chain(leaf: bytes = LEAF, intermediate: bytes = INTERMEDIATE) -> bytes:
    """Return a chain of two certificates."""
    return encode_field(1, leaf) + encode_field(2, intermediate)


def answered(sent: ClientHello, certificates: bytes = b"") -> bytes:
    """Return the content of the server's hello to ``sent``."""
    reply = server_hello(
        read_client_hello(sent.packet),
        ephemeral_private=SERVER,
        static_private=STATIC,
        certificate=certificates or chain(),
    )
    found = split_frame(reply)
    assert found is not None
    return found[0]


def test_the_hello_has_the_documented_bytes() -> None:
    """Opening, length in 3 bytes, then protobuf: field 2 (client hello) of field 1 (the key)."""
    packet = client_hello(CLIENT).packet
    assert packet[:4] == OPENING == bytes.fromhex("57410603")
    assert packet[4:11] == bytes.fromhex("000024" + "1222" + "0a20")
    assert packet[11:] == public_key(CLIENT) == read_client_hello(packet)
    assert len(packet) == 43


def test_the_servers_hello_opens_and_its_chain_holds() -> None:
    """Both sealed fields open, and a signing key vouches for the server's."""
    sent = client_hello(CLIENT)
    hello = read_server_hello(answered(sent), sent)
    assert hello == ServerHello(public_key(STATIC), chain())
    verify_certificate(hello, AT, ROOT.public)


def test_whatsapps_own_key_is_asked_for_by_default() -> None:
    """A chain of anybody else is not WhatsApp's."""
    assert len(CERTIFICATE_KEY) == 32
    with pytest.raises(WireError) as problem:
        verify_certificate(ServerHello(public_key(STATIC), chain()), AT)
    assert problem.value.fault is Fault.UNPROVEN


def test_a_hello_to_another_client_proves_nothing() -> None:
    """Recorded and played again: the sealed fields do not open."""
    with pytest.raises(WireError) as problem:
        read_server_hello(answered(client_hello(CLIENT)), client_hello(b"\x09" * 32))
    assert problem.value.fault is Fault.UNPROVEN


@settings(max_examples=60)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_the_servers_hello_can_be_changed(place: int, bit: int) -> None:
    """Property: lengths, keys, sealed fields; the top bit of a key alone means nothing."""
    sent = client_hello(CLIENT)
    message = bytearray(answered(sent))
    place %= len(message)
    message[place] ^= 1 << bit
    try:
        hello = read_server_hello(bytes(message), sent)
    except WireError:
        return
    assert bytes(message) == answered(sent), hello


@pytest.mark.parametrize(
    ("certificates", "words"),
    [
        (chain(intermediate=certificate(MIDDLE, 7, 0, MIDDLE.public)), "signature"),
        (chain(leaf=certificate(ROOT, 9, 7, public_key(STATIC))), "signature"),
        (chain(leaf=certificate(MIDDLE, 9, 8, public_key(STATIC))), "another issuer"),
        (chain(leaf=certificate(MIDDLE, 9, 7, public_key(CLIENT))), "another key"),
        (chain(intermediate=certificate(ROOT, 7, 1, MIDDLE.public)), "not of WhatsApp"),
        (encode_field(1, LEAF), "missing"),
        (b"", "missing"),
    ],
)
def test_a_chain_that_does_not_hold_is_refused(certificates: bytes, words: str) -> None:
    """Each link of it: signature, serial, key."""
    with pytest.raises(WireError, match=words):
        verify_certificate(ServerHello(public_key(STATIC), certificates), AT, ROOT.public)


@pytest.mark.parametrize(
    "certificates",
    [
        chain(leaf=certificate(MIDDLE, 9, 7, public_key(STATIC), ends=1)),
        chain(intermediate=certificate(ROOT, 7, 0, MIDDLE.public, begins=1 << 40)),
    ],
)
def test_a_chain_of_another_time_holds_and_is_not_current(certificates: bytes) -> None:
    """Either certificate: an old key, or a wrong clock here; not somebody else's."""
    assert not verify_certificate(ServerHello(public_key(STATIC), certificates), AT, ROOT.public)


def test_dates_at_the_edge_count() -> None:
    """The first and the last second are inside."""
    hello = ServerHello(public_key(STATIC), chain())
    for days in (-1, 1):
        assert verify_certificate(hello, AT + timedelta(days=days), ROOT.public)
        late = AT + timedelta(days=days, seconds=days)
        assert not verify_certificate(hello, late, ROOT.public)


@settings(max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=50), st.integers(0, 511))
def test_signatures_hold_for_their_data_only(seed: bytes, data: bytes, bit: int) -> None:
    """Property: XEdDSA as libsignal writes it, for keys of either sign."""
    signer = Signer(seed)
    signature = signer.sign(data)
    verify_xeddsa(signer.public, signature, data)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << (bit % 8)
    for broken, of in ((bytes(changed), data), (signature, data + b"!")):
        with pytest.raises(WireError) as problem:
            verify_xeddsa(signer.public, broken, of)
        assert problem.value.fault is Fault.UNPROVEN


def test_minus_one_is_no_key() -> None:
    """The one point that has no image on the other curve, and what is no number of the field."""
    for public in ((2**255 - 20).to_bytes(32, "little"), (2**255 - 1).to_bytes(32, "little")):
        with pytest.raises(WireError, match="no point"):
            verify_xeddsa(public, bytes(64), b"")


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=4), st.integers(0, 200))
def test_frames_come_out_of_a_stream_as_they_went_in(messages: list[bytes], cut: int) -> None:
    """Property: frames and web socket messages need not begin together."""
    stream, found, buffer = b"".join(map(frame, messages)), list[bytes](), b""
    for part in (stream[:cut], stream[cut:]):
        buffer += part
        while (got := split_frame(buffer)) is not None:
            found.append(got[0])
            buffer = got[1]
    assert (found, buffer) == (messages, b"")


@pytest.mark.parametrize("head", ["000000", "010001", "ffffff"])
def test_a_frame_of_nothing_or_of_too_much_is_refused(head: str) -> None:
    """A reader never waits for 16 MiB."""
    with pytest.raises(WireError) as problem:
        split_frame(bytes.fromhex(head))
    assert problem.value.fault is Fault.FORMAT


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.integers(1, 1000),
        st.one_of(st.binary(max_size=200), st.integers(0, 2**64 - 1)),
        max_size=10,
    )
)
def test_fields_come_back(message: dict[int, bytes | int]) -> None:
    """Property: of Protocol Buffers, what is used here."""
    assert fields(b"".join(encode_field(n, value) for n, value in message.items())) == message


def test_documented_protobuf_is_read() -> None:
    """The guide's own examples: a varint of 150, a string, and a fixed number."""
    assert fields(bytes.fromhex("089601")) == {1: 150}
    assert fields(bytes.fromhex("120774657374696e67")) == {2: b"testing"}
    assert fields(bytes.fromhex("1d01000000")) == {3: 1}
    for broken in ("0b", "0a05", "08" + "ff" * 10 + "01", "0800" * 65):
        with pytest.raises(WireError):
            fields(bytes.fromhex(broken))
    with pytest.raises(WireError):
        encode_field(1, -1)
