"""Read the server name from the first datagrams of a QUIC connection, as some censors do.

The client's Initial packets are encrypted with keys that follow from their own header (RFC 9001
5.2; version 2: RFC 9369), so whoever sees them can read them. The ClientHello may be spread
over several frames and datagrams.
"""

import hmac
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from probe.lab.client_hello import ClientHello, NotTls, read_client_hello
from probe.lab.path.stream import FirstBytes

__all__ = [
    "INITIAL_TYPE",
    "InitialKeys",
    "QuicOpening",
    "header_mask",
    "initial_keys",
    "looks_initial",
]

MAX_DATAGRAMS = 8
"""Of the client, after which nobody waits for the rest of its hello."""

_V1, _V2 = 0x00000001, 0x6B3343CF
_SALTS = {
    _V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    _V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
}
_LABELS = {_V1: b"quic ", _V2: b"quicv2 "}
INITIAL_TYPE = {_V1: 0x00, _V2: 0x10}
"""Bits of the first byte, by version."""

_PADDING, _PING, _CRYPTO = 0x00, 0x01, 0x06
_ACKS = (0x02, 0x03)


class _Malformed(Exception):  # noqa: N818 - it names what was found
    """A field runs past the end."""


@dataclass(frozen=True, slots=True)
class InitialKeys:
    """What protects the Initial packets of one side."""

    key: bytes
    iv: bytes
    header: bytes


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 for up to one hash's length (RFC 8446 7.1, RFC 5869)."""
    full = b"tls13 " + label
    info = struct.pack("!HB", length, len(full)) + full + b"\0"
    return hmac.digest(secret, info + b"\1", "sha256")[:length]


def initial_keys(version: int, connection: bytes, *, server: bool = False) -> InitialKeys:
    """Return a side's Initial keys for the destination connection id that the client chose."""
    side = b"server in" if server else b"client in"
    secret = _expand(hmac.digest(_SALTS[version], connection, "sha256"), side, 32)
    label = _LABELS[version]
    return InitialKeys(
        _expand(secret, label + b"key", 16),
        _expand(secret, label + b"iv", 12),
        _expand(secret, label + b"hp", 16),
    )


def looks_initial(datagram: bytes) -> bool:
    """Return whether a datagram starts like a client's Initial packet of a version known here."""
    if len(datagram) < 64 or datagram[0] & 0xC0 != 0xC0:
        return False
    version = int.from_bytes(datagram[1:5], "big")
    return version in _SALTS and datagram[0] & 0x30 == INITIAL_TYPE[version]


class QuicOpening:
    """Collects the client's first datagrams until they name a server."""

    def __init__(self) -> None:
        """Wait for the first."""
        self.version = 0
        self.connection = b""  # the id that the client chose for the server
        self.client = b""  # the client's own id
        self._keys: InitialKeys | None = None
        self._said = FirstBytes(0)
        self._datagrams = 0

    @property
    def over(self) -> bool:
        """Return whether so much was heard that waiting for more makes no sense."""
        return self._datagrams >= MAX_DATAGRAMS or self._said.full

    @property
    def heard(self) -> bool:
        """Return whether anything was heard at all."""
        return self._datagrams > 0

    def add(self, datagram: bytes) -> ClientHello | None:
        """Take a datagram; return the hello once it is complete.

        What is malformed, or protected by other keys, says nothing.
        """
        self._datagrams += 1
        if not looks_initial(datagram):
            return None
        try:
            self._read(datagram)
        except (_Malformed, InvalidTag):
            return None
        return self._hello()

    def _hello(self) -> ClientHello | None:
        """Read the handshake message; QUIC has no records around it."""
        data = self._said.data
        if len(data) < 4 or len(data) < 4 + int.from_bytes(data[1:4], "big"):
            return None
        try:
            return read_client_hello(b"\x16\3\1" + struct.pack("!H", len(data) & 0xFFFF) + data)
        except NotTls:
            return None

    def _read(self, datagram: bytes) -> None:
        """Unprotect the first packet of the datagram (RFC 9001 5.3, 5.4)."""
        version = int.from_bytes(datagram[1:5], "big")
        connection, at = _vector(datagram, 6, _byte(datagram, 5))
        client, at = _vector(datagram, at + 1, _byte(datagram, at))
        size, at = _number(datagram, at)
        _, at = _vector(datagram, at, size)  # the token
        length, at = _number(datagram, at)
        end = at + length
        if end > len(datagram) or at + 20 > end:
            raise _Malformed
        if self._keys is None:
            self._keys = initial_keys(version, connection)
            self.version, self.connection, self.client = version, connection, client
        keys = self._keys
        mask = header_mask(keys.header, datagram[at + 4 : at + 20])
        first = datagram[0] ^ (mask[0] & 0x0F)
        size = (first & 0x03) + 1
        number = bytes(a ^ b for a, b in zip(datagram[at : at + size], mask[1:], strict=False))
        head = bytes((first,)) + datagram[1:at] + number
        nonce = int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")
        plain = AESGCM(keys.key).decrypt(nonce.to_bytes(12, "big"), datagram[at + size : end], head)
        self._frames(plain)

    def _frames(self, plain: bytes) -> None:
        """Keep what CRYPTO frames carry (RFC 9000 19.6); stop at what is not expected here."""
        at = 0
        while at < len(plain):
            kind = plain[at]
            at += 1
            if kind in (_PADDING, _PING):
                continue
            if kind in _ACKS:
                at = _skip_ack(plain, at, counts=kind == _ACKS[1])
                continue
            if kind != _CRYPTO:
                return
            offset, at = _number(plain, at)
            size, at = _number(plain, at)
            data, at = _vector(plain, at, size)
            if offset < 1 << 31:
                self._said.add(offset, data)


def header_mask(key: bytes, sample: bytes) -> bytes:
    """Return what hides the header fields of a packet with this sample (RFC 9001 5.4.3)."""
    sealed = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - a single block, as RFC 9001 says
    return sealed.update(sample)


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise _Malformed
    return data[at]


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length integer and where it ends (RFC 9000 16)."""
    size = 1 << (_byte(data, at) >> 6)
    if at + size > len(data):
        raise _Malformed
    return int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


def _vector(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Return ``size`` bytes and where they end."""
    if at + size > len(data):
        raise _Malformed
    return data[at : at + size], at + size


def _skip_ack(data: bytes, at: int, *, counts: bool) -> int:
    """Return where an ACK frame ends (RFC 9000 19.3)."""
    _, at = _number(data, at)
    _, at = _number(data, at)
    ranges, at = _number(data, at)
    if ranges > len(data):
        raise _Malformed
    for _ in range(1 + 2 * ranges + (3 if counts else 0)):
        _, at = _number(data, at)
    return at
