"""Names in QUIC: read from Initial packets that a sender of its own protects."""

import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from path_rig import PLUMBING, WEB, Rig, address, client_hello, rule, to_client, to_server

from probe.lab.actions import Action, Position
from probe.lab.path.crafting import udp_datagram
from probe.lab.path.plumbing import Side, packed
from probe.lab.path.quic import QuicOpening, initial_keys
from probe.lab.rules import Rule, Who

CONNECTION = bytes.fromhex("8394c8f03e515708")
KEY = bytes.fromhex("1f369613dd76d5467730efcbe3b1a22d")
IV = bytes.fromhex("fa044b2f42a3fd3b46fb255c")
HEADER = bytes.fromhex("9f50449e04a0e810283a1e9933adedd2")
HELLO = client_hello(WEB)[5:]


def number(value: int) -> bytes:
    return struct.pack("!I", value | 0x80000000)


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + number(offset) + number(len(data)) + data


def initial(frames: bytes, packet: int = 2, *, token: bytes = b"") -> bytes:
    """Return an Initial packet, protected with the keys that RFC 9001 A.1 prints."""
    plain = frames.ljust(1162, b"\0")
    head = b"\xc3\0\0\0\1" + bytes((len(CONNECTION),)) + CONNECTION + b"\0"
    head += number(len(token)) + token + number(4 + len(plain) + 16)
    counted = struct.pack("!I", packet)
    nonce = bytes(a ^ b for a, b in zip(IV, counted.rjust(12, b"\0"), strict=True))
    sealed = AESGCM(KEY).encrypt(nonce, plain, head + counted)
    mask = Cipher(algorithms.AES(HEADER), modes.ECB()).encryptor().update(sealed[:16])
    masked = bytes(a ^ b for a, b in zip(counted, mask[1:5], strict=True))
    return bytes((head[0] ^ (mask[0] & 0x0F),)) + head[1:] + masked + sealed


def test_keys_are_those_of_the_standard() -> None:
    """RFC 9001 A.1 prints both sides' keys for this connection id, RFC 9369 A.1 those of v2."""
    keys = initial_keys(1, CONNECTION)
    assert (keys.key, keys.iv, keys.header) == (KEY, IV, HEADER)
    server = initial_keys(1, CONNECTION, server=True)
    assert server.key.hex() == "cf3a5331653c364c88f0f379b6067e37"
    assert server.iv.hex() == "0ac1493ca1905853b0bba03e"
    assert server.header.hex() == "c206b8d9b9f0f37644430b490eeaa314"
    keys = initial_keys(0x6B3343CF, CONNECTION)
    assert keys.key.hex() == "8b1a0bc121284290a29e0971b5cd045d"
    assert keys.iv.hex() == "91f73e2351d8fa91660e909f"
    assert keys.header.hex() == "45b95e15235d6f45a6b19cbcb0294ba9"


def test_a_hello_is_read() -> None:
    """One datagram with ACK, PING and the hello; a token is skipped."""
    ack = b"\x02\x01\x00\x00\x01"
    hello = QuicOpening().add(initial(ack + b"\x01" + crypto(0, HELLO), token=b"t" * 70))
    assert hello is not None
    assert hello.sni == WEB


@given(st.integers(1, len(HELLO) - 1), st.booleans())
def test_a_hello_over_two_datagrams_is_read(cut: int, swapped: bool) -> None:
    """Frames in any order and any datagram; nothing is said before the last."""
    parts = [crypto(0, HELLO[:cut]), crypto(cut, HELLO[cut:])]
    if swapped:
        parts.reverse()
    said = QuicOpening()
    assert said.add(initial(parts[0], 1)) is None
    hello = said.add(initial(parts[1], 2))
    assert hello is not None
    assert hello.sni == WEB


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(initial)))
def test_garbage_says_nothing(datagram: bytes) -> None:
    """Damaged headers, other keys and strange frames do not raise."""
    assert QuicOpening().add(datagram) is None
    assert QuicOpening().add(b"\xc0\0\0\0\1" + datagram.rjust(80, b"\xff")) is None


def test_nobody_listens_for_ever() -> None:
    """After a few datagrams without a hello it is over."""
    said = QuicOpening()
    for _ in range(8):
        assert not said.over
        said.add(initial(b"\x01"))
    assert said.over


def send(rig: Rig, *, sport: int = 5000, payload: bytes | None = None) -> int:
    """Send a QUIC hello; return how many packets reach the server."""
    wire = initial(crypto(0, HELLO)) if payload is None else payload
    return len(to_server(rig.query(wire, address(WEB), sport=sport, port=443)))


def answer(rig: Rig, sport: int = 5000, size: int = 960) -> list[float]:
    """Send a datagram of the server; return how late it is, if it passes."""
    source, target = (packed(address(WEB)), 443), (packed(PLUMBING.line_public_v4), sport)
    return [s.after_s for s in rig.send(udp_datagram(source, target, bytes(size)), Side.INTERNET)]


@pytest.mark.parametrize(
    ("made", "passes"),
    [
        (rule(Action.SNI_DROP, Who(sni=(WEB,))), 0),
        (rule(Action.SNI_RESET, Who(sni=(WEB,))), 0),
        (rule(Action.SNI_RESET, Who(sni=("other.example",))), 1),
        (rule(Action.SNI_RESET, Who(sni=(WEB,)), what={"position": Position.ON_PATH}), 1),
        (rule(Action.HTTP_RESET), 1),
    ],
)
def test_a_name_in_quic_is_cut_in_the_path_only(made: Rule, passes: int) -> None:
    """All but an alert cannot be made up: a machine drops both directions, or does nothing."""
    rig = Rig((made,))
    assert send(rig) == passes
    assert send(rig, payload=b"\x40 short header") == passes
    assert len(answer(rig)) == passes


@pytest.mark.parametrize("position", Position)
def test_an_alert_in_quic_is_told_to_the_client(position: Position) -> None:
    """In the server's name; only a machine in the path keeps the hello, and what follows, back."""
    made = rule(Action.ALERT, Who(sni=(WEB,)), what={"position": position})
    rig = Rig((made,))
    sent = rig.query(initial(crypto(0, HELLO)), address(WEB), sport=5000, port=443)
    (told,) = to_client(sent)
    assert (told.source, told.sport, told.dport) == (packed(address(WEB)), 443, 5000)
    assert told.payload[1:5] == b"\0\0\0\1"
    passes = int(position is Position.ON_PATH)
    assert len(to_server(sent)) == len(answer(rig)) == passes


def test_a_residue_of_quic_cuts_the_next_exchange() -> None:
    """Another source port is silent too, for a while."""
    rig = Rig((rule(Action.SNI_DROP, what={"residual": 60.0}),))
    assert send(rig) == 0
    assert send(rig, sport=5001, payload=b"other") == 0
    rig.later(61)
    assert send(rig, sport=5001, payload=b"other") == 1


def test_quic_is_throttled_by_its_name() -> None:
    """Blind actions work on datagrams as on segments."""
    rig = Rig((rule(Action.THROTTLE, Who(host=(WEB,)), what={"rate": 988}),))
    assert send(rig) == 1
    assert [answer(rig)[0] for _ in range(3)] == pytest.approx([1.0, 2.0, 3.0])
