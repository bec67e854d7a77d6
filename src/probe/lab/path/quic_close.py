"""The end of a QUIC connection, made up by somebody who saw its first packet.

The keys of Initial packets follow from an id that the client sends in the clear (RFC 9001 5.2), so
that whoever is on the path can write one in the server's name; they protect from accidents only
(RFC 9001 7). What comes later cannot be made up.
"""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from probe.lab.path.quic import INITIAL_TYPE, QuicOpening, header_mask, initial_keys

__all__ = ["closing_datagram"]

_CLOSE = 0x1C  # CONNECTION_CLOSE of the transport (RFC 9000 19.19)
_CRYPTO_ERROR = 0x100  # and a TLS alert (RFC 9001 4.8)
_CRYPTO = 0x06  # the frame that is said to have caused it
_TAG_BYTES = 16
_NUMBER_BYTES = 4


def closing_datagram(said: QuicOpening, alert: int) -> bytes:
    """Return a server's Initial packet that ends what ``said`` has opened, with a TLS alert.

    ``alert`` is its number (RFC 8446 6). The server's id is the one that the client chose for it.
    """
    keys = initial_keys(said.version, said.connection, server=True)
    plain = bytes((_CLOSE,)) + _number(_CRYPTO_ERROR + alert) + bytes((_CRYPTO, 0))
    number = bytes(_NUMBER_BYTES)
    first = 0xC0 | INITIAL_TYPE[said.version] | (_NUMBER_BYTES - 1)
    size = _NUMBER_BYTES + len(plain) + _TAG_BYTES
    head = struct.pack("!BI", first, said.version)
    head += _vector(said.client) + _vector(said.connection) + b"\0" + _number(size)
    sealed = AESGCM(keys.key).encrypt(keys.iv, plain, head + number)  # of packet number 0
    mask = header_mask(keys.header, sealed[:16])
    hidden = bytes(a ^ b for a, b in zip(number, mask[1:], strict=False))
    return bytes((first ^ (mask[0] & 0x0F),)) + head[1:] + hidden + sealed


def _number(value: int) -> bytes:
    """Return a variable-length integer in two bytes (RFC 9000 16)."""
    return struct.pack("!H", 0x4000 | value)


def _vector(data: bytes) -> bytes:
    return bytes((len(data),)) + data
