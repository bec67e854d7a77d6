"""The Internet checksum (RFC 1071), and how it changes with a rewritten field (RFC 1624).

A ones' complement sum of 16-bit words is the number that the bytes spell, modulo 65535, since
65536 is 1 there. One division of a long integer is much faster than a loop.
"""

__all__ = ["MODULUS", "adjusted", "checksum", "pseudo_sum"]

MODULUS = 0xFFFF


def checksum(data: bytes | bytearray | memoryview, start: int = 0) -> int:
    """Return the checksum of ``data`` after ``start``, which is what a pseudo-header sums up to.

    Data of an odd length is padded with a zero byte. It must not be all zeros (no header is).
    """
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    return (MODULUS - (total + start) % MODULUS) % MODULUS


def pseudo_sum(source: bytes, target: bytes, protocol: int, length: int) -> int:
    """Return the sum of a pseudo-header (RFC 9293 3.1, RFC 8200 8.1); both families."""
    return (
        int.from_bytes(source, "big") + int.from_bytes(target, "big") + protocol + length
    ) % MODULUS


def adjusted(before: int, old: bytes, new: bytes) -> int:
    """Return the checksum ``before`` after a field of it went from ``old`` to ``new``.

    Fields have an even length and lie at an even offset. The result is never 0xFFFF.
    """
    total = (
        (MODULUS - before)
        + (MODULUS - int.from_bytes(old, "big") % MODULUS)
        + int.from_bytes(new, "big") % MODULUS
    )
    total = (total & MODULUS) + (total >> 16)
    return MODULUS - ((total & MODULUS) + (total >> 16))
