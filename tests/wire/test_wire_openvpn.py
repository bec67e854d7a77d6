"""OpenVPN's resets in every wrapping: their bytes, their proofs, and what is not believed."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.openvpn import (
    ControlPacket,
    Opcode,
    acknowledgement,
    check_reset,
    frame,
    hard_reset,
    server_reset,
    split_frame,
)
from probe.wire.openvpn_key import ClientKey, StaticKey, read_client_key, read_static_key
from probe.wire.openvpn_wrap import (
    Digest,
    Plain,
    Replay,
    TlsAuth,
    TlsCrypt,
    TlsCryptV2,
    Wrapping,
    early_replay_id,
    read_server_reset,
)

SESSION, SERVER = bytes(range(8)), bytes(range(8, 16))
KEY = StaticKey(bytes(range(256)))
NOW = Replay(1, 1_700_000_000)
WRAPPED = bytes(290 - 2) + (290).to_bytes(2, "big")

PAIRS: list[tuple[Wrapping, Wrapping, int, int]] = [
    (Plain(), Plain(), 14, 26),
    (TlsAuth(KEY), TlsAuth(KEY, direction=0), 42, 54),
    (TlsAuth(KEY, Digest.SHA512), TlsAuth(KEY, Digest.SHA512, 0), 86, 98),
    (TlsAuth(KEY, Digest.SHA256), TlsAuth(KEY, Digest.SHA256, 0), 54, 66),
    (TlsAuth(KEY, direction=None), TlsAuth(KEY, direction=None), 42, 54),
    (TlsCrypt(KEY), TlsCrypt(KEY, server=True), 54, 66),
]


@pytest.mark.parametrize(("client", "server", "asked", "answered"), PAIRS)
def test_each_wrapping_carries_a_reset_and_its_answer(
    client: Wrapping, server: Wrapping, asked: int, answered: int
) -> None:
    """Both sides agree, and the lengths are those that real servers take and send."""
    sent = client.seal(hard_reset(SESSION), NOW)
    assert len(sent) == asked
    read = server.open(sent)
    assert read == hard_reset(SESSION)
    reply = server.seal(server_reset(SERVER, read), Replay(1, 1))
    assert len(reply) == answered
    got = read_server_reset(reply, SESSION, client)
    assert (got.session, got.acks, got.peer_session) == (SERVER, (0,), SESSION)


def test_the_plain_reset_has_the_documented_bytes() -> None:
    """ooni/spec ts-040: opcode 7, session, no acknowledgements, packet 0; TCP: its length first."""
    packet = Plain().seal(hard_reset(SESSION), NOW)
    assert packet == b"\x38" + SESSION + bytes(5)
    assert frame(packet) == b"\x00\x0e" + packet


def test_published_packets_are_read() -> None:
    """A control packet with a payload, and an acknowledgement of nothing.

    Source: ooni/minivpn, internal/model/packet_test.go.
    """
    control = Plain().open(bytes.fromhex("2000000000000000000000000007616161"))
    assert (control.opcode, control.packet_id, control.payload) == (Opcode.CONTROL_V1, 7, b"aaa")
    nothing = Plain().open(bytes([40, *bytes(9)]))
    assert (nothing.opcode, nothing.packet_id, nothing.acks) == (Opcode.ACK_V1, None, ())
    with pytest.raises(WireError, match="opcode"):
        Plain().open(bytes.fromhex("48020202ffff"))  # data: nothing that a handshake sees


@pytest.mark.parametrize(("digest", "at"), [(Digest.SHA1, 192), (Digest.SHA512, 192)])
def test_a_client_signs_with_the_last_part_of_the_key(digest: Digest, at: int) -> None:
    """Key direction 1: HMAC key from byte 192 on; input is counter, time, head, body."""
    packet = TlsAuth(KEY, digest).seal(hard_reset(SESSION), NOW)
    counter = (1).to_bytes(4, "big") + NOW.unix_s.to_bytes(4, "big")
    key = KEY.material[at : at + digest.size]
    tag = hmac.digest(key, counter + b"\x38" + SESSION + bytes(5), digest.value)
    assert packet == b"\x38" + SESSION + tag + counter + bytes(5)


def test_tls_crypt_hides_the_body_and_not_the_head() -> None:
    """Head and counter in clear; tag over them and the plain body, with key bytes 192 to 223."""
    packet = TlsCrypt(KEY).seal(hard_reset(SESSION), NOW)
    head = b"\x38" + SESSION + NOW.encode()
    assert packet[:17] == head
    assert packet[17:49] == hmac.digest(KEY.material[192:224], head + bytes(5), hashlib.sha256)
    assert packet[49:] != bytes(5)


def test_a_v3_reset_carries_the_wrapped_key_and_only_it_does() -> None:
    """tls-crypt-v2: behind the reset, for the server that alone can open it."""
    wrapping = TlsCryptV2(ClientKey(KEY, WRAPPED))
    reset = hard_reset(SESSION, Opcode.HARD_RESET_CLIENT_V3)
    sealed = wrapping.seal(reset, Replay(early_replay_id(1), 1))
    assert sealed.endswith(WRAPPED)
    assert sealed[9:13] == bytes.fromhex("0f000001")
    assert TlsCrypt(KEY, server=True).open(sealed[: -len(WRAPPED)]) == reset
    later = acknowledgement(SESSION, server_reset(SERVER, reset))
    assert not wrapping.seal(later, NOW).endswith(WRAPPED)
    answer = TlsCrypt(KEY, server=True).seal(server_reset(SERVER, reset), NOW)
    assert read_server_reset(answer, SESSION, wrapping).session == SERVER


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (b"", False),
        (bytes.fromhex("000100020001"), True),
        (bytes.fromhex("000100020000"), False),
        (bytes.fromhex("0007000100" + "000100020001"), True),
        (bytes.fromhex("00010009"), False),
    ],
)
def test_the_server_may_want_the_wrapped_key_again(payload: bytes, wanted: bool) -> None:
    """openvpn-rfc, early negotiation: TLV 1 of length 2, lowest bit; all else is ignored."""
    packet = ControlPacket(Opcode.HARD_RESET_SERVER_V2, SERVER, (0,), SESSION, payload=payload)
    assert packet.wants_wrapped_key_again is wanted


def test_an_acknowledgement_has_no_packet_id() -> None:
    """Opcode 5, our session, one packet, the server's session; nothing behind it."""
    packet = Plain().seal(acknowledgement(SESSION, server_reset(SERVER, hard_reset(SESSION))), NOW)
    assert packet == b"\x28" + SESSION + b"\x01" + bytes(4) + SERVER
    with pytest.raises(WireError, match="too many") as problem:
        Plain().open(packet + b"\x00")
    assert problem.value.fault is Fault.FORMAT


def test_a_reset_to_another_session_is_foreign() -> None:
    """The echo of our session is what a blind injector lacks."""
    for packet in (
        server_reset(SERVER, hard_reset(SERVER)),
        ControlPacket(Opcode.HARD_RESET_SERVER_V2, SERVER),
    ):
        with pytest.raises(WireError) as problem:
            check_reset(packet, SESSION)
        assert problem.value.fault is Fault.FOREIGN
    with pytest.raises(WireError) as problem:
        check_reset(hard_reset(SESSION), SESSION)
    assert problem.value.fault is Fault.FORMAT


@pytest.mark.parametrize(("client", "server"), [pair[:2] for pair in PAIRS[1:]])
@settings(max_examples=50)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_a_wrapped_answer_can_be_changed(
    client: Wrapping, server: Wrapping, place: int, bit: int
) -> None:
    """Property: head, counter, tag and body are all covered by the proof."""
    reply = bytearray(server.seal(server_reset(SERVER, hard_reset(SESSION)), NOW))
    reply[place % len(reply)] ^= 1 << bit
    with pytest.raises(WireError) as problem:
        client.open(bytes(reply))
    assert problem.value.fault in (Fault.UNPROVEN, Fault.FORMAT)


@pytest.mark.parametrize(("client", "server"), [pair[:2] for pair in PAIRS[1:]])
def test_ones_own_packet_sent_back_is_no_answer(client: Wrapping, server: Wrapping) -> None:
    """A reflector proves nothing: the two directions have keys of their own, or the opcode says."""
    with pytest.raises(WireError):
        read_server_reset(client.seal(hard_reset(SESSION), NOW), SESSION, client)


PACKETS = st.builds(
    lambda opcode, session, acks, peer, number, payload, key_id: ControlPacket(
        opcode,
        session,
        acks,
        peer if acks else b"",
        None if opcode is Opcode.ACK_V1 else number,
        b"" if opcode is Opcode.ACK_V1 else payload,
        key_id,
    ),
    st.sampled_from(Opcode),
    st.binary(min_size=8, max_size=8),
    st.lists(st.integers(0, 2**32 - 1), max_size=8).map(tuple),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=40),
    st.integers(0, 7),
)


@settings(max_examples=50)
@given(packet=PACKETS, which=st.integers(0, len(PAIRS) - 1))
def test_every_packet_comes_back(packet: ControlPacket, which: int) -> None:
    """Property: what one side seals, the other opens to the same value."""
    client, server = PAIRS[which][:2]
    assert server.open(client.seal(packet, NOW)) == packet
    assert client.open(server.seal(packet, NOW)) == packet


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.binary(max_size=1))
def test_packets_come_out_of_a_tcp_stream_as_they_went_in(
    packets: list[bytes], rest: bytes
) -> None:
    """Property: split after split, and what is not whole stays."""
    buffer, found = b"".join(map(frame, packets)) + rest, list[bytes]()
    while (got := split_frame(buffer)) is not None:
        found.append(got[0])
        buffer = got[1]
    assert (found, buffer) == (packets, rest)


def test_an_empty_frame_is_refused() -> None:
    """A length of zero would be read forever."""
    with pytest.raises(WireError):
        split_frame(bytes(4))
    for packet in (b"", bytes(65_536)):
        with pytest.raises(WireError) as problem:
            frame(packet)
        assert problem.value.fault is Fault.ARGUMENT


def _static_text(key: bytes) -> str:
    digits = key.hex()
    lines = "\n".join(digits[at : at + 32] for at in range(0, 512, 32))
    return (
        "#\n# 2048 bit OpenVPN static key\n#\n"
        f"-----BEGIN OpenVPN Static key V1-----\n{lines}\n-----END OpenVPN Static key V1-----\n"
    )


@settings(max_examples=50)
@given(st.binary(min_size=256, max_size=256))
def test_a_static_key_file_is_read(key: bytes) -> None:
    """Property: sixteen lines of 32 digits, as openvpn --genkey writes them, also inside tags."""
    assert read_static_key(f"<tls-auth>\n{_static_text(key)}</tls-auth>") == StaticKey(key)


@pytest.mark.parametrize(
    "text",
    ["", _static_text(bytes(256))[:-60], _static_text(bytes(256)) * 2, _static_text(bytes(255))],
)
def test_a_file_without_one_whole_key_is_refused(text: str) -> None:
    """Cut, short, or two keys: nothing is guessed."""
    with pytest.raises(WireError) as problem:
        read_static_key(text)
    assert problem.value.fault is Fault.FORMAT


def test_a_client_key_file_is_read_and_a_broken_one_refused() -> None:
    """tls-crypt-v2: base64 of key and wrapped key, which ends with its own length."""

    def text(raw: bytes) -> str:
        name = "OpenVPN tls-crypt-v2 client key"
        body = base64.b64encode(raw).decode()
        return f"-----BEGIN {name}-----\n{body}\n-----END {name}-----\n"

    assert read_client_key(text(KEY.material + WRAPPED)) == ClientKey(KEY, WRAPPED)
    for raw in (KEY.material, KEY.material + bytes(290), KEY.material + WRAPPED + b"\x00"):
        with pytest.raises(WireError) as problem:
            read_client_key(text(raw))
        assert problem.value.fault is Fault.FORMAT
    with pytest.raises(WireError):
        read_client_key(text(KEY.material + WRAPPED).replace("A", "=", 1))


def test_no_key_is_in_a_repr() -> None:
    """A private server's key is a secret of the user: no log may get it by accident."""
    secret = StaticKey(bytes(range(256)))
    for value in (secret, TlsAuth(secret), TlsCrypt(secret), ClientKey(secret, WRAPPED)):
        assert "material" not in repr(value)
        assert "\\x01" not in repr(value)
