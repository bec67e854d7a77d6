"""What a filter takes a datagram for: by type, length, opcode, magic number."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.recognised import MESSAGES, PROTOCOLS, Recogniser, Said
from probe.wire.ikev2 import marked, sa_init
from probe.wire.openvpn import hard_reset
from probe.wire.openvpn_key import StaticKey
from probe.wire.openvpn_wrap import Plain, Replay, TlsAuth, TlsCrypt
from probe.wire.quic import version_probe
from probe.wire.stun import binding_request

KEY = StaticKey(bytes(256))
RESET = hard_reset(b"session!")
IKE = sa_init(spi=b"initiate", nonce=bytes(32), public_value=bytes(31) + b"\1")
LONG = b"\x08destinat\x06source" + bytes(1200)


def looked(data: bytes) -> Said:
    return Recogniser().look(data)


@pytest.mark.parametrize(
    ("data", "protocol", "message"),
    [
        (binding_request(bytes(12)), "stun", "binding_request"),
        (b"\x01\x01" + binding_request(bytes(12))[2:], "stun", "binding_success"),
        (b"\x01\0\0\0" + bytes(144), "wireguard", "initiation"),
        (b"\x02\0\0\0" + bytes(88), "wireguard", "response"),
        (b"\x04\0\0\0" + bytes(60), "wireguard", "data"),
        (b"\x01\0\0\0" + bytes(143), None, None),
        (b"\xc3\0\0\0\1" + LONG, "quic", "initial"),
        (b"\xe3\0\0\0\1" + LONG, "quic", "handshake"),
        (b"\xd3\x6b\x33\x43\xcf" + LONG, "quic", "initial"),
        (version_probe(destination=bytes(8), source=b"", filler=bytes(1200)), "quic", "versions"),
        (b"\x80\0\0\0\0" + LONG, "quic", "versions"),
        (IKE, "ikev2", "sa_init"),
        (marked(IKE), "ikev2", "sa_init"),
        (Plain().seal(RESET, Replay(1, 1)), "openvpn", "hard_reset_client_v2"),
        (TlsAuth(KEY).seal(RESET, Replay(1, 1)), "openvpn", "hard_reset_client_v2"),
        (TlsCrypt(KEY).seal(RESET, Replay(1, 1)), "openvpn", "hard_reset_client_v2"),
        (b"\x40" + bytes(25), "openvpn", "hard_reset_server_v2"),
        (b"GET / HTTP/1.1\r\n\r\n", None, None),
        (b"", None, None),
    ],
)
def test_first_packets(data: bytes, protocol: str | None, message: str | None) -> None:
    """Each protocol's own first packets, in every wrapping, and what is none."""
    assert looked(data) == Said(protocol, message)


def test_a_short_header_is_quic_only_after_a_long_one() -> None:
    """By itself it says nothing; in an exchange that began with QUIC it does."""
    short = b"\x43" + bytes(60)
    assert looked(short).protocol != "quic"
    here = Recogniser()
    here.look(b"\xc3\0\0\0\1" + LONG)
    assert here.look(short) == Said("quic", "short")


@given(st.binary(max_size=1500))
def test_any_bytes_are_something_or_nothing(data: bytes) -> None:
    """Whatever comes is named from the closed lists, and nothing is raised."""
    said = looked(data)
    assert said.protocol is None or said.protocol in PROTOCOLS
    assert said.message is None or said.message in MESSAGES


def test_noise_is_seldom_taken_for_a_protocol() -> None:
    """One in some tens of random datagrams has an opcode of OpenVPN; the others hardly ever."""
    found = [looked(os.urandom(200)).protocol for _ in range(2000)]
    assert sum(one not in (None, "openvpn", "quic") for one in found) <= 2
    assert found.count("openvpn") < 100
