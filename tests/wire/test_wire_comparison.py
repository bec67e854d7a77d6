"""The packet beside a protocol's own: alike in all that is measured, another in what it says."""

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.comparison import comparison
from probe.wire.errors import Fault, WireError
from probe.wire.ikev2 import looks_like_ike, marked, sa_init
from probe.wire.mtproto import req_pq_multi
from probe.wire.mtproto_transport import Envelope, looks_like_mtproto
from probe.wire.noise import public_key
from probe.wire.openvpn import Opcode, hard_reset, looks_like_openvpn
from probe.wire.openvpn_key import StaticKey
from probe.wire.openvpn_wrap import Plain, Replay, TlsAuth, TlsCrypt
from probe.wire.quic import looks_like_quic, version_probe
from probe.wire.stun import binding_request, may_be_stun
from probe.wire.tor_cells import looks_like_versions, versions_cell
from probe.wire.wireguard import initiation, looks_like_wireguard, tai64n

RNG = random.Random(7)
KEY, NOW = StaticKey(RNG.randbytes(256)), Replay(1, 1_763_760_000)
RESET = hard_reset(RNG.randbytes(8))
IKE = sa_init(spi=RNG.randbytes(8), nonce=RNG.randbytes(32), public_value=RNG.randbytes(32))
WIREGUARD = initiation(
    server_public=public_key(RNG.randbytes(32)),
    static_private=RNG.randbytes(32),
    ephemeral_private=RNG.randbytes(32),
    sender=RNG.randbytes(4),
    timestamp=tai64n(1_763_760_000),
).packet
QUIC = version_probe(
    destination=RNG.randbytes(8), source=RNG.randbytes(8), filler=RNG.randbytes(1200)
)
V3 = hard_reset(RNG.randbytes(8), Opcode.HARD_RESET_CLIENT_V3)
MTPROTO = Envelope.ABRIDGED.value + Envelope.ABRIDGED.wrap(req_pq_multi(RNG.randbytes(16), 4))

PROTOCOLS: list[tuple[str, bytes, Callable[[bytes], bool]]] = [
    ("openvpn", Plain().seal(RESET, NOW), looks_like_openvpn),
    ("openvpn-auth", TlsAuth(KEY).seal(RESET, NOW), looks_like_openvpn),
    ("openvpn-crypt", TlsCrypt(KEY).seal(V3, NOW), looks_like_openvpn),
    ("wireguard", WIREGUARD, looks_like_wireguard),
    ("ike", IKE, looks_like_ike),
    ("ike-4500", marked(IKE), looks_like_ike),
    ("quic", QUIC, looks_like_quic),
    ("stun", binding_request(RNG.randbytes(12)), may_be_stun),
    ("tor", versions_cell(), looks_like_versions),
    ("mtproto", MTPROTO, looks_like_mtproto),
]


def entropy(data: bytes) -> float:
    """Return the Shannon entropy in bits a byte."""
    return -sum(n / len(data) * math.log2(n / len(data)) for n in Counter(data).values())


@pytest.mark.parametrize(("name", "packet", "is_protocol"), PROTOCOLS)
@pytest.mark.parametrize("seed", range(5))
def test_each_protocol_has_a_comparison(
    name: str, packet: bytes, is_protocol: Callable[[bytes], bool], seed: int
) -> None:
    """Size, entropy, bits and printable places are the same; the protocol is gone."""
    assert is_protocol(packet), name
    other = comparison(packet, random.Random(seed), is_protocol)
    assert not is_protocol(other)
    assert len(other) == len(packet)
    assert other != packet
    assert entropy(other) == pytest.approx(entropy(packet))
    assert list(map(kind, other)) == list(map(kind, packet))


def kind(value: int) -> tuple[int, bool]:
    """Return the class of a byte: how many bits are set, and whether it is printable."""
    return value.bit_count(), 0x20 <= value < 0x7F


@given(st.binary(min_size=1, max_size=200), st.integers(0, 2**32))
def test_what_is_repeated_stays_repeated(packet: bytes, seed: int) -> None:
    """Property: the exchange is one for one, so the counts of bytes are those of the packet."""
    sizes = Counter(map(kind, range(256)))
    if all(sizes[kind(value)] == 1 for value in packet):
        packet += b"a"
    other = comparison(packet, random.Random(seed), lambda _: False)
    assert sorted(Counter(other).values()) == sorted(Counter(packet).values())
    assert [packet.index(b) for b in packet] == [other.index(b) for b in other]


@pytest.mark.parametrize("packet", [bytes(10), b"\xff" * 10, b""])
def test_what_has_no_comparison_is_refused(packet: bytes) -> None:
    """No other byte has no bits, or all of them."""
    with pytest.raises(WireError) as problem:
        comparison(packet, random.Random(1), lambda _: False)
    assert problem.value.fault is Fault.ARGUMENT
