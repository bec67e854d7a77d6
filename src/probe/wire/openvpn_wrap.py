"""The wrappings of OpenVPN's control packets: none, tls-auth, tls-crypt, tls-crypt-v2.

Source: the OpenVPN wire protocol draft, "HMAC authentication of control channel packets",
"Encrypting control channel packets", "Client-specific encryption keys"; layouts were compared
with openvpn 2.6.14 (tests). A server with a wrapping answers nothing at all to packets without
it, so the right key is what makes its silence mean something.
"""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from probe.wire.cursor import Cursor
from probe.wire.errors import Fault, WireError
from probe.wire.openvpn import (
    SESSION_BYTES,
    ControlPacket,
    Opcode,
    body,
    check_reset,
    head,
    read_body,
    read_head,
)
from probe.wire.openvpn_key import ClientKey, StaticKey

__all__ = [
    "Digest",
    "Plain",
    "Replay",
    "TlsAuth",
    "TlsCrypt",
    "TlsCryptV2",
    "Wrapping",
    "early_replay_id",
    "read_server_reset",
]

_TAG = 32
_IV = 16
_AES_KEY = 32
_EARLY_NEGOTIATION = 0x0F00_0000


class Digest(StrEnum):
    """The HMAC of tls-auth; SHA1 where a provider states none."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """Return the length of the HMAC and of its key, in bytes."""
        return {"sha1": 20, "sha256": 32, "sha512": 64}[self.value]


@dataclass(frozen=True, slots=True)
class Replay:
    """The counter and the clock that servers reject old packets by: fresh in every attempt."""

    packet_id: int
    unix_s: int

    def encode(self) -> bytes:
        """Return the 8 bytes on the wire.

        Raises:
            WireError: ``ARGUMENT``, a number that has more than 32 bits.

        """
        if not (0 <= self.packet_id < 1 << 32 and 0 <= self.unix_s < 1 << 32):
            raise WireError(Fault.ARGUMENT, "replay id and time have 32 bits")
        return self.packet_id.to_bytes(4, "big") + self.unix_s.to_bytes(4, "big")


class Wrapping(Protocol):
    """What a server's configuration asks for."""

    def seal(self, packet: ControlPacket, replay: Replay) -> bytes:
        """Return the bytes of a packet that we send."""

    def open(self, data: bytes) -> ControlPacket:
        """Return the packet that the other side sent; raises WireError, never anything else."""


@dataclass(frozen=True, slots=True)
class Plain:
    """No wrapping."""

    def seal(self, packet: ControlPacket, replay: Replay) -> bytes:  # noqa: ARG002 - the seam's
        """Return the packet as it is: 14 bytes for a client's reset."""
        return head(packet) + body(packet)

    def open(self, data: bytes) -> ControlPacket:
        """Read a packet.

        Raises:
            WireError: ``SHORT`` or ``FORMAT``.

        """
        cursor = Cursor(data)
        return read_body(*read_head(cursor), cursor.rest())


@dataclass(frozen=True, slots=True)
class TlsAuth:
    """An HMAC with a shared key.

    ``direction`` is OpenVPN's ``key-direction``: 1 for a client (as all providers do), 0 for its
    server, ``None`` where neither side has one and both use the same half.
    """

    key: StaticKey
    digest: Digest = Digest.SHA1
    direction: int | None = 1

    def __post_init__(self) -> None:
        if self.direction not in (0, 1, None):
            raise WireError(Fault.ARGUMENT, "a key direction is 0, 1 or none")

    def seal(self, packet: ControlPacket, replay: Replay) -> bytes:
        """Return head, HMAC, replay counter, body (42 bytes for a reset with SHA1, 86 SHA512)."""
        first, counter, rest = head(packet), replay.encode(), body(packet)
        return first + self._hmac(self.direction or 0, counter + first + rest) + counter + rest

    def open(self, data: bytes) -> ControlPacket:
        """Read a packet and verify its HMAC.

        Raises:
            WireError: ``SHORT``, ``FORMAT``, or ``UNPROVEN``: another key, digest or direction.

        """
        cursor = Cursor(data)
        opcode, key_id, session = read_head(cursor)
        tag = cursor.take(self.digest.size, "HMAC")
        counter, rest = cursor.take(8, "replay counter"), cursor.rest()
        which = 0 if self.direction is None else 1 - self.direction
        wanted = self._hmac(which, counter + data[: 1 + SESSION_BYTES] + rest)
        if not hmac.compare_digest(tag, wanted):
            raise WireError(Fault.UNPROVEN, "the HMAC does not hold")
        return read_body(opcode, key_id, session, rest)

    def _hmac(self, which: int, data: bytes) -> bytes:
        return hmac.digest(self.key.hmac(which)[: self.digest.size], data, self.digest.value)


@dataclass(frozen=True, slots=True)
class TlsCrypt:
    """AES-256-CTR and HMAC-SHA256 with a shared key; ``server`` for the other side."""

    key: StaticKey
    server: bool = False

    def seal(self, packet: ControlPacket, replay: Replay) -> bytes:
        """Return head, replay counter, tag and ciphertext: 54 bytes for a reset."""
        first, plain = head(packet) + replay.encode(), body(packet)
        which = 0 if self.server else 1
        tag = self._tag(which, first + plain)
        return first + tag + self._aes_ctr(which, tag, plain)

    def open(self, data: bytes) -> ControlPacket:
        """Decrypt a packet and verify its tag.

        Raises:
            WireError: ``SHORT``, ``FORMAT``, or ``UNPROVEN``: another key.

        """
        cursor = Cursor(data)
        opcode, key_id, session = read_head(cursor)
        cursor.take(8, "replay counter")
        tag = cursor.take(_TAG, "tag")
        which = 1 if self.server else 0
        plain = self._aes_ctr(which, tag, cursor.rest())
        if not hmac.compare_digest(tag, self._tag(which, data[: 1 + SESSION_BYTES + 8] + plain)):
            raise WireError(Fault.UNPROVEN, "the tag does not hold")
        return read_body(opcode, key_id, session, plain)

    def _tag(self, which: int, data: bytes) -> bytes:
        return hmac.digest(self.key.hmac(which)[:_TAG], data, "sha256")

    def _aes_ctr(self, which: int, tag: bytes, data: bytes) -> bytes:
        key = algorithms.AES(self.key.cipher(which)[:_AES_KEY])
        return Cipher(key, modes.CTR(tag[:_IV])).encryptor().update(data)


@dataclass(frozen=True, slots=True)
class TlsCryptV2:
    """tls-crypt with a key of one's own; a V3 reset carries the wrapped key at its end."""

    key: ClientKey

    def seal(self, packet: ControlPacket, replay: Replay) -> bytes:
        """Return the packet, behind a client's V3 reset the wrapped key."""
        sealed = TlsCrypt(self.key.key).seal(packet, replay)
        opening = packet.opcode is Opcode.HARD_RESET_CLIENT_V3
        return sealed + self.key.wrapped if opening else sealed

    def open(self, data: bytes) -> ControlPacket:
        """Decrypt a server's packet; raises as :class:`TlsCrypt` does."""
        return TlsCrypt(self.key.key).open(data)


def early_replay_id(attempt: int) -> int:
    """Return the replay id of a V3 reset that offers early negotiation (attempts from 1 on)."""
    return _EARLY_NEGOTIATION | (attempt & 0xFF)


def read_server_reset(data: bytes, session: bytes, wrapping: Wrapping) -> ControlPacket:
    """Return the server's reset that answers ours.

    Its payload is empty, or says that the wrapped key is wanted again.

    Raises:
        WireError: ``SHORT``, ``FORMAT``, ``UNPROVEN``, or ``FOREIGN``: not our session.

    """
    return check_reset(wrapping.open(data), session)
