"""QUIC's version negotiation: the question that a server must answer whoever asks.

Source: RFC 8999 (invariants), RFC 9000 sections 6, 14.1, 15 and 17.2.1; ooni/spec ts-031. A long
header with a version kept free for this (0x?a?a?a?a), in a datagram of 1200 bytes, is answered
with the versions that the server speaks. No name and no key is sent, so a filter that reads the
ClientHello sees nothing: compared with a full handshake this tells "UDP 443 or QUIC is blocked"
from "this name is".
"""

from dataclasses import dataclass

from probe.wire.cursor import Cursor
from probe.wire.errors import Fault, WireError

__all__ = [
    "RESERVED_VERSION",
    "LongHeader",
    "VersionNegotiation",
    "looks_like_quic",
    "read_long_header",
    "read_version_negotiation",
    "version_negotiation",
    "version_probe",
]

RESERVED_VERSION = 0xBABA_BABA
"""The one that OONI's quicping uses; any ``0x?a?a?a?a`` is as good."""

DATAGRAM_BYTES = 1200
_MAX_CID = 20  # RFC 9000 section 17.2, for versions 1 and 2
_MAX_VERSIONS = 64
_LONG = 0xC0
_LENGTH_2 = 0x4000  # a variable-length integer of two bytes


@dataclass(frozen=True, slots=True)
class LongHeader:
    """What every version has in common."""

    version: int
    destination: bytes
    source: bytes


@dataclass(frozen=True, slots=True)
class VersionNegotiation:
    """The versions that a server speaks, reserved ones (greasing) apart."""

    versions: tuple[int, ...]
    reserved: tuple[int, ...]


def version_probe(
    *, destination: bytes, source: bytes, filler: bytes, version: int = RESERVED_VERSION
) -> bytes:
    """Return a datagram of 1200 bytes that no server can understand and each must answer.

    ``destination`` (8 to 20 random bytes) and ``source`` come back swapped; ``filler`` is cut or
    must be long enough for the rest. Length and token fields are well-formed: aioquic drops a
    datagram whose are not.

    Raises:
        WireError: ``ARGUMENT``, a version that is not reserved, ids of a wrong length, or too
            little filler.

    """
    if not _is_reserved(version):
        raise WireError(Fault.ARGUMENT, "only a reserved version is never spoken")
    if not 8 <= len(destination) <= _MAX_CID or len(source) > _MAX_CID:
        raise WireError(Fault.ARGUMENT, "connection ids have 8 (of the source: 0) to 20 bytes")
    head = bytes([_LONG]) + version.to_bytes(4, "big")
    head += bytes([len(destination)]) + destination + bytes([len(source)]) + source
    head += b"\x00"  # no token
    size = DATAGRAM_BYTES - len(head) - 2
    if len(filler) < size:
        raise WireError(Fault.ARGUMENT, f"{size} bytes of filler are wanted")
    return head + (_LENGTH_2 | size).to_bytes(2, "big") + filler[:size]


def read_long_header(datagram: bytes) -> LongHeader:
    """Return the invariant part of a long header (RFC 8999 section 5.1).

    Raises:
        WireError: ``FORMAT``, a short header; ``SHORT``.

    """
    return _long_header(Cursor(datagram))


def version_negotiation(asked: LongHeader, versions: tuple[int, ...], first: int = 0x80) -> bytes:
    """Return a server's answer, as the lab and the tests send it; ``first`` has arbitrary bits.

    Raises:
        WireError: ``ARGUMENT``, a version of more than 32 bits, a first byte of more than 8.

    """
    if not all(0 <= number < 1 << 32 for number in versions) or not 0 <= first < 256:
        raise WireError(Fault.ARGUMENT, "a version has 32 bits, the first byte 8")
    listed = b"".join(version.to_bytes(4, "big") for version in versions)
    head = bytes([first | 0x80]) + bytes(4) + bytes([len(asked.source)]) + asked.source
    return head + bytes([len(asked.destination)]) + asked.destination + listed


def read_version_negotiation(
    datagram: bytes, *, destination: bytes, source: bytes, version: int = RESERVED_VERSION
) -> VersionNegotiation:
    """Return the versions of an answer to the probe with these ids.

    Raises:
        WireError: ``FORMAT``, no version negotiation, no versions, or the one that we asked for
            (RFC 9000 section 6.2); ``FOREIGN``, the ids are not ours swapped; ``SHORT``.

    """
    cursor = Cursor(datagram)
    header = _long_header(cursor)
    if header.version != 0:
        raise WireError(Fault.FORMAT, "not a version negotiation")
    if (header.destination, header.source) != (source, destination):
        raise WireError(Fault.FOREIGN, "the connection ids are not ours")
    if not cursor.left or cursor.left % 4 or cursor.left > 4 * _MAX_VERSIONS:
        raise WireError(Fault.FORMAT, "no list of versions")
    listed = tuple(cursor.number(4, "version") for _ in range(cursor.left // 4))
    if version in listed:
        raise WireError(Fault.FORMAT, "the list has the version that we asked for")
    return VersionNegotiation(
        tuple(v for v in listed if not _is_reserved(v)),
        tuple(v for v in listed if _is_reserved(v)),
    )


def looks_like_quic(packet: bytes) -> bool:
    """Return whether a filter could take this for QUIC: the fixed bit of RFC 9000 is set."""
    return bool(packet) and bool(packet[0] & 0xC0)


def _is_reserved(version: int) -> bool:
    return version & 0x0F0F_0F0F == 0x0A0A_0A0A and 0 < version < 1 << 32


def _long_header(cursor: Cursor) -> LongHeader:
    if not cursor.number(1, "first byte") & 0x80:
        raise WireError(Fault.FORMAT, "not a long header")
    version = cursor.number(4, "version")
    destination = cursor.take(cursor.number(1, "id length"), "destination id")
    source = cursor.take(cursor.number(1, "id length"), "source id")
    return LongHeader(version, destination, source)
