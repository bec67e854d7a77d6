"""WireGuard's handshake, the initiator's side: initiation, response, cookie.

Source: wireguard.com/protocol and the white paper, section 5.4; Noise_IKpsk2. A server answers
only a peer that it knows, so silence is no sign of filtering; a verified response or cookie is
proof of reachability, since nobody without the server's private key can make one.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError
from probe.wire.noise import CHACHA_BLAKE2S, SymmetricState, agree, public_key
from probe.wire.xchacha import xchacha_open

__all__ = [
    "INITIATION_BYTES",
    "CookieReply",
    "Initiation",
    "Response",
    "initiation",
    "looks_like_wireguard",
    "mac",
    "read_answer",
    "start",
    "tai64n",
    "with_cookie",
]

INITIATION_BYTES = 148
RESPONSE_BYTES = 92
COOKIE_BYTES = 64
MAC_BYTES = 16
NO_PSK = bytes(32)
LABEL_MAC1 = b"mac1----"
LABEL_COOKIE = b"cookie--"

_INITIATION, _RESPONSE, _COOKIE = 1, 2, 3
_CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
_IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
_TAI64_BASE = 0x4000_0000_0000_000A  # 1970 in TAI64, with the 10 s of 1970 (the reference's base)
_SIZES = {_INITIATION: INITIATION_BYTES, _RESPONSE: RESPONSE_BYTES, _COOKIE: COOKIE_BYTES}


@dataclass(frozen=True, slots=True)
class Initiation:
    """The packet to send, and what reading its answer needs."""

    packet: bytes
    sender: bytes
    server_public: bytes
    static_private: bytes = field(repr=False)
    ephemeral_private: bytes = field(repr=False)
    psk: bytes = field(repr=False)
    state: SymmetricState = field(repr=False)

    @property
    def mac1(self) -> bytes:
        """Return the first MAC, to which a cookie is bound."""
        return self.packet[-2 * MAC_BYTES : -MAC_BYTES]


@dataclass(frozen=True, slots=True)
class Response:
    """The server accepted us: it knows our key, and we know it holds its own."""

    peer_index: bytes


@dataclass(frozen=True, slots=True)
class CookieReply:
    """The server is under load and wants ``cookie`` in the next initiation's second MAC."""

    cookie: bytes = field(repr=False)


def tai64n(unix_s: int, nanoseconds: int = 0) -> bytes:
    """Return the 12-byte time stamp; a server takes only newer ones from the same peer.

    Raises:
        WireError: ``ARGUMENT``, before 1970 or not a nanosecond of a second.

    """
    if not (0 <= unix_s < 1 << 62 and 0 <= nanoseconds < 1_000_000_000):
        raise WireError(Fault.ARGUMENT, "no time that TAI64N can hold")
    return (_TAI64_BASE + unix_s).to_bytes(8, "big") + nanoseconds.to_bytes(4, "big")


def start(server_public: bytes) -> SymmetricState:
    """Return the state that both sides start from."""
    state = SymmetricState.start(CHACHA_BLAKE2S, _CONSTRUCTION, _IDENTIFIER)
    return state.mix_hash(exactly(server_public, 32, "the server's public key"))


def mac(label: bytes, public: bytes, data: bytes) -> bytes:
    """Return the 16-byte MAC of ``data`` under the key that a public key and a label give."""
    key = hashlib.blake2s(label + public).digest()
    return hashlib.blake2s(data, key=key, digest_size=MAC_BYTES).digest()


def initiation(
    *,
    server_public: bytes,
    static_private: bytes,
    ephemeral_private: bytes,
    sender: bytes,
    timestamp: bytes,
    psk: bytes = NO_PSK,
) -> Initiation:
    """Return the first packet of a handshake: 148 bytes, valid to the server of this key.

    Keys are 32 bytes, ``sender`` 4 random bytes, ``timestamp`` of :func:`tai64n`. The second MAC
    is zero (no cookie yet).

    Raises:
        WireError: ``ARGUMENT``, a wrong length; ``UNPROVEN``, a server key of low order.

    """
    exactly(sender, 4, "a sender index")
    exactly(timestamp, 12, "a time stamp")
    exactly(psk, 32, "a pre-shared key")
    ephemeral = public_key(ephemeral_private)
    state = start(server_public).mix_hash(ephemeral).mix_key(ephemeral)
    state = state.mix_key(agree(ephemeral_private, server_public))
    state, sealed_static = state.encrypt(public_key(static_private))
    state = state.mix_key(agree(static_private, server_public))
    state, sealed_time = state.encrypt(timestamp)
    signed = bytes([_INITIATION, 0, 0, 0]) + sender + ephemeral + sealed_static + sealed_time
    packet = signed + mac(LABEL_MAC1, server_public, signed) + bytes(MAC_BYTES)
    return Initiation(packet, sender, server_public, static_private, ephemeral_private, psk, state)


def with_cookie(sent: Initiation, cookie: bytes) -> bytes:
    """Return the packet of ``sent`` with its second MAC made from a server's cookie.

    A server that saw ``sent`` itself wants a newer time stamp: make another initiation for it.
    """
    signed = sent.packet[:-MAC_BYTES]
    key = exactly(cookie, MAC_BYTES, "a cookie")
    return signed + hashlib.blake2s(signed, key=key, digest_size=MAC_BYTES).digest()


def read_answer(packet: bytes, sent: Initiation) -> Response | CookieReply:
    """Return what a server answered to ``sent``, verified.

    Raises:
        WireError: ``FORMAT``, no response and no cookie; ``FOREIGN``, to another sender index;
            ``UNPROVEN``, a MAC or a tag does not hold.

    """
    kind = _kind(packet)
    if kind == _COOKIE:
        return _read_cookie(packet, sent)
    if kind != _RESPONSE:
        raise WireError(Fault.FORMAT, "not an answer of WireGuard")
    signed = packet[: -2 * MAC_BYTES]
    wanted = mac(LABEL_MAC1, public_key(sent.static_private), signed)
    cursor = Cursor(packet[4:])
    peer_index = cursor.take(4, "sender index")
    if cursor.take(4, "receiver index") != sent.sender:
        raise WireError(Fault.FOREIGN, "the response is to another sender")
    if not hmac.compare_digest(wanted, packet[-2 * MAC_BYTES : -MAC_BYTES]):
        raise WireError(Fault.UNPROVEN, "the first MAC does not hold")
    ephemeral = cursor.take(32, "ephemeral key")
    state = sent.state.mix_hash(ephemeral).mix_key(ephemeral)
    state = state.mix_key(agree(sent.ephemeral_private, ephemeral))
    state = state.mix_key(agree(sent.static_private, ephemeral)).mix_psk(sent.psk)
    state.decrypt(cursor.take(16, "sealed nothing"))
    return Response(peer_index)


def looks_like_wireguard(packet: bytes) -> bool:
    """Return whether type and length are WireGuard's, as a filter would look."""
    if packet[1:4] != bytes(3):
        return False
    return _SIZES.get(packet[0]) == len(packet) or (packet[0] == 4 and len(packet) >= 32)


def _kind(packet: bytes) -> int | None:
    """Return the type of a message with the length of its type."""
    if packet[1:4] == bytes(3) and _SIZES.get(packet[0]) == len(packet):
        return packet[0]
    return None


def _read_cookie(packet: bytes, sent: Initiation) -> CookieReply:
    cursor = Cursor(packet[4:])
    if cursor.take(4, "receiver index") != sent.sender:
        raise WireError(Fault.FOREIGN, "the cookie is for another sender")
    nonce = cursor.take(24, "nonce")
    key = hashlib.blake2s(LABEL_COOKIE + sent.server_public).digest()
    return CookieReply(xchacha_open(key, nonce, cursor.rest(), sent.mac1))
