"""WireGuard's handshake, the responder's side: for a responder of one's own, the lab, the tests.

An owner of a line abroad can run a responder with a published test key: then WireGuard has a
true positive check. Source: as in :mod:`probe.wire.wireguard`.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError
from probe.wire.noise import SymmetricState, agree, public_key
from probe.wire.wireguard import (
    INITIATION_BYTES,
    LABEL_COOKIE,
    LABEL_MAC1,
    MAC_BYTES,
    NO_PSK,
    mac,
    start,
)
from probe.wire.xchacha import xchacha_seal

__all__ = ["Request", "cookie_reply", "read_initiation", "response"]


@dataclass(frozen=True, slots=True)
class Request:
    """An initiation that was made for our key."""

    sender: bytes
    ephemeral: bytes
    static_public: bytes
    timestamp: bytes
    mac1: bytes
    state: SymmetricState = field(repr=False)


def read_initiation(packet: bytes, server_private: bytes, cookie: bytes | None = None) -> Request:
    """Return an initiation, verified; with ``cookie``, its second MAC must be made from that.

    Raises:
        WireError: ``FORMAT``, not an initiation; ``UNPROVEN``, a MAC or tag does not hold;
            ``ARGUMENT``, a cookie or key of another length.

    """
    if len(packet) != INITIATION_BYTES or packet[:4] != b"\x01\x00\x00\x00":
        raise WireError(Fault.FORMAT, "not an initiation")
    server_public = public_key(server_private)
    signed, mac1 = packet[: -2 * MAC_BYTES], packet[-2 * MAC_BYTES : -MAC_BYTES]
    if not hmac.compare_digest(mac(LABEL_MAC1, server_public, signed), mac1):
        raise WireError(Fault.UNPROVEN, "the first MAC does not hold")
    if cookie is not None:
        key = exactly(cookie, MAC_BYTES, "a cookie")
        wanted = hashlib.blake2s(packet[:-MAC_BYTES], key=key, digest_size=MAC_BYTES).digest()
        if not hmac.compare_digest(wanted, packet[-MAC_BYTES:]):
            raise WireError(Fault.UNPROVEN, "the second MAC does not hold")
    cursor = Cursor(packet[4:])
    sender, ephemeral = cursor.take(4, "sender index"), cursor.take(32, "ephemeral key")
    state = start(server_public).mix_hash(ephemeral).mix_key(ephemeral)
    state = state.mix_key(agree(server_private, ephemeral))
    state, static = state.decrypt(cursor.take(48, "sealed static key"))
    state = state.mix_key(agree(server_private, static))
    state, timestamp = state.decrypt(cursor.take(28, "sealed time"))
    return Request(sender, ephemeral, static, timestamp, mac1, state)


def response(
    request: Request, *, ephemeral_private: bytes, sender: bytes, psk: bytes = NO_PSK
) -> bytes:
    """Return the 92-byte response to a known peer.

    Raises:
        WireError: ``ARGUMENT``, a wrong length; ``UNPROVEN``, a peer key of low order.

    """
    ephemeral = public_key(ephemeral_private)
    state = request.state.mix_hash(ephemeral).mix_key(ephemeral)
    state = state.mix_key(agree(ephemeral_private, request.ephemeral))
    state = state.mix_key(agree(ephemeral_private, request.static_public))
    _, nothing = state.mix_psk(exactly(psk, 32, "a pre-shared key")).encrypt(b"")
    signed = b"\x02\x00\x00\x00" + exactly(sender, 4, "a sender index") + request.sender
    signed += ephemeral + nothing
    return signed + mac(LABEL_MAC1, request.static_public, signed) + bytes(MAC_BYTES)


def cookie_reply(request: Request, *, server_public: bytes, nonce: bytes, cookie: bytes) -> bytes:
    """Return the 64-byte reply of a server under load; ``nonce`` has 24 bytes, ``cookie`` 16."""
    key = hashlib.blake2s(LABEL_COOKIE + server_public).digest()
    sealed = xchacha_seal(key, nonce, exactly(cookie, MAC_BYTES, "a cookie"), request.mac1)
    return b"\x03\x00\x00\x00" + request.sender + nonce + sealed
