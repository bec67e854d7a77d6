"""The packet that is like another in all but its protocol.

Sent beside a protocol's own packet, it tells "this protocol is filtered" from "this address is".
It must look the same to a filter that only measures. The Great Firewall's rule against fully
encrypted traffic looks at the share of set bits and at printable bytes (Wu et al., "How the Great
Firewall of China Detects and Blocks Fully Encrypted Traffic", USENIX Security 2023); others look
at size and at Shannon entropy. So every byte value is exchanged for another with as many set bits
and as printable, one for one: size, bits, printable places and entropy stay exactly what they
were, and magic numbers, types and identifiers do not.
"""

from collections.abc import Callable
from typing import Any, Protocol

from probe.wire.errors import Fault, WireError

__all__ = ["Randomness", "comparison"]

_PRINTABLE = range(0x20, 0x7F)
_TRIES = 200


class Randomness(Protocol):
    """What is used of a ``random.Random``; the codecs have none of their own."""

    def randbytes(self, n: int, /) -> bytes:
        """Return ``n`` random bytes."""

    def shuffle(self, x: Any, /) -> None:
        """Put a list in a random order, in place."""


def comparison(packet: bytes, rng: Randomness, is_protocol: Callable[[bytes], bool]) -> bytes:
    """Return a packet of the same size and entropy class as ``packet``, with another content.

    ``is_protocol`` says whether bytes would be taken for the protocol (each codec has one); the
    result never is. A run of zeros stays one (no other byte has no bits); what is told apart by
    zeros alone has no such comparison.

    Raises:
        WireError: ``ARGUMENT``, no such packet was found (all zeros, or all ones).

    """
    for _ in range(_TRIES):
        other = packet.translate(_exchange(rng))
        if other != packet and not is_protocol(other):
            return other
    raise WireError(Fault.ARGUMENT, "nothing else has the size and the bits of this packet")


def _exchange(rng: Randomness) -> bytes:
    """Return a table of 256 bytes: each value becomes one of its own class."""
    classes: dict[tuple[int, bool], list[int]] = {}
    for value in range(256):
        classes.setdefault((value.bit_count(), value in _PRINTABLE), []).append(value)
    table = bytearray(256)
    for members in classes.values():
        shuffled = list(members)
        rng.shuffle(shuffled)
        for value, other in zip(members, shuffled, strict=True):
            table[value] = other
    return bytes(table)
