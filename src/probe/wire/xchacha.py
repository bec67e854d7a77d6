"""XChaCha20-Poly1305, which WireGuard's cookies are sealed with.

Source: draft-irtf-cfrg-xchacha-03. ``cryptography`` has ChaCha20-Poly1305 but not HChaCha20, the
step that makes 24-byte nonces out of it; that step is here, 20 rounds over 16 words.
"""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError

__all__ = ["hchacha20", "xchacha_open", "xchacha_seal"]

_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFF_FFFF
_ROUNDS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Return the 32-byte subkey of a 32-byte key and the first 16 bytes of a nonce."""
    words = [
        *_CONSTANTS,
        *struct.unpack("<8I", exactly(key, 32, "a key")),
        *struct.unpack("<4I", exactly(nonce, 16, "a nonce's first part")),
    ]
    for _ in range(10):
        for a, b, c, d in _ROUNDS:
            _quarter_round(words, a, b, c, d)
    return struct.pack("<8I", *words[:4], *words[12:])


def xchacha_seal(key: bytes, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
    """Return ``plain`` sealed under a 24-byte nonce, with ``bound`` authenticated beside it."""
    return _cipher(key, nonce).encrypt(bytes(4) + nonce[16:], plain, bound)


def xchacha_open(key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Return the plain text.

    Raises:
        WireError: ``UNPROVEN``, the tag does not hold.

    """
    try:
        return _cipher(key, nonce).decrypt(bytes(4) + nonce[16:], sealed, bound)
    except InvalidTag as problem:
        raise WireError(Fault.UNPROVEN, "a sealed field does not open") from problem


def _cipher(key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(hchacha20(key, exactly(nonce, 24, "a nonce")[:16]))


def _quarter_round(words: list[int], a: int, b: int, c: int, d: int) -> None:
    """RFC 8439 section 2.1, in place."""
    for first, second, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        words[first] = (words[first] + words[second]) & _MASK
        mixed = words[third] ^ words[first]
        words[third] = (mixed << turn | mixed >> (32 - turn)) & _MASK
