"""Tor's link cells, as far as a relay says who it is: VERSIONS, CERTS, AUTH_CHALLENGE, NETINFO.

Source: tor-spec, "Cell packet format", "Negotiating versions with VERSIONS cells", "NETINFO
cells" (spec.torproject.org/tor-spec). A probe sends VERSIONS, reads, and closes: no circuit.

A relay tells us our own address in NETINFO, and could repeat it anywhere in that cell. So nothing
of that cell but its clock ever gets into a value: :func:`split_cell` blanks the rest.
"""

from dataclasses import dataclass
from enum import IntEnum

from probe.wire.cursor import Cursor
from probe.wire.errors import Fault, WireError

__all__ = [
    "OUR_VERSIONS",
    "AuthChallenge",
    "Cell",
    "Command",
    "common_version",
    "encode_cell",
    "looks_like_versions",
    "netinfo_clock",
    "read_auth_challenge",
    "read_versions",
    "split_cell",
    "versions_cell",
]

OUR_VERSIONS = (3, 4, 5)
FIXED_PAYLOAD = 509
_CLOCK = 4
_MAX_VERSIONS = 64
_MAX_METHODS = 64


class Command(IntEnum):
    """The commands of a link that opens; others are kept as numbers."""

    PADDING = 0
    VERSIONS = 7
    NETINFO = 8
    VPADDING = 128
    CERTS = 129
    AUTH_CHALLENGE = 130


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; of NETINFO the payload holds the relay's clock and zeros."""

    command: int
    payload: bytes
    circuit: int = 0


@dataclass(frozen=True, slots=True)
class AuthChallenge:
    """What a relay would have a client authenticate with; a probe never does."""

    challenge: bytes
    methods: tuple[int, ...]


def encode_cell(cell: Cell, circuit_bytes: int = 4) -> bytes:
    """Return a cell's bytes; circuit ids have 2 bytes in VERSIONS and links of version 3.

    Raises:
        WireError: ``ARGUMENT``, a number or a payload out of range.

    """
    if not 0 <= cell.circuit < 1 << (8 * circuit_bytes) or not 0 <= cell.command < 256:
        raise WireError(Fault.ARGUMENT, "circuit or command out of range")
    head = cell.circuit.to_bytes(circuit_bytes, "big") + bytes([cell.command])
    if _is_variable(cell.command):
        if len(cell.payload) > 0xFFFF:
            raise WireError(Fault.ARGUMENT, "a payload has up to 65535 bytes")
        return head + len(cell.payload).to_bytes(2, "big") + cell.payload
    if len(cell.payload) > FIXED_PAYLOAD:
        raise WireError(Fault.ARGUMENT, "this cell's payload has 509 bytes")
    return head + cell.payload + bytes(FIXED_PAYLOAD - len(cell.payload))


def split_cell(buffer: bytes, circuit_bytes: int) -> tuple[Cell, bytes] | None:
    """Return the first cell of a link and what follows it; ``None``: more must come.

    The first cell, VERSIONS, has ``circuit_bytes`` 2; all after it 4 where version 4 or later was
    agreed on. Nothing is held beyond the 65,542 bytes of the longest cell.
    """
    if len(buffer) < circuit_bytes + 1:
        return None
    circuit = int.from_bytes(buffer[:circuit_bytes], "big")
    command, at = buffer[circuit_bytes], circuit_bytes + 1
    size = FIXED_PAYLOAD
    if _is_variable(command):
        if len(buffer) < at + 2:
            return None
        size, at = int.from_bytes(buffer[at : at + 2], "big"), at + 2
    if len(buffer) < at + size:
        return None
    payload = buffer[at : at + size]
    if command == Command.NETINFO:  # our own address, and perhaps more of it, goes here
        payload = payload[:_CLOCK] + bytes(len(payload) - _CLOCK)
    return Cell(command, payload, circuit), buffer[at + size :]


def versions_cell(versions: tuple[int, ...] = OUR_VERSIONS) -> bytes:
    """Return the bytes that open a link: ``0000 07 0006 0003 0004 0005`` by default.

    Raises:
        WireError: ``ARGUMENT``, a version that is none.

    """
    if not all(0 < version < 1 << 16 for version in versions):
        raise WireError(Fault.ARGUMENT, "a version has 16 bits")
    payload = b"".join(version.to_bytes(2, "big") for version in versions)
    return encode_cell(Cell(Command.VERSIONS, payload), 2)


def read_versions(cell: Cell) -> tuple[int, ...]:
    """Return the link versions that a VERSIONS cell lists.

    Raises:
        WireError: ``FORMAT``, another cell, a circuit id, half a version, or far too many.

    """
    _is(cell, Command.VERSIONS)
    if len(cell.payload) % 2 or not 0 < len(cell.payload) <= 2 * _MAX_VERSIONS:
        raise WireError(Fault.FORMAT, "no list of versions")
    cursor = Cursor(cell.payload)
    return tuple(cursor.number(2, "version") for _ in range(cursor.left // 2))


def common_version(theirs: tuple[int, ...], ours: tuple[int, ...] = OUR_VERSIONS) -> int:
    """Return the highest version of both sides.

    Raises:
        WireError: ``FORMAT``, there is none: not a relay of today.

    """
    both = set(theirs) & set(ours)
    if not both:
        raise WireError(Fault.FORMAT, "no link version in common")
    return max(both)


def read_auth_challenge(cell: Cell) -> AuthChallenge:
    """Return an AUTH_CHALLENGE: 32 random bytes and the methods offered.

    Raises:
        WireError: ``FORMAT`` or ``SHORT``.

    """
    _is(cell, Command.AUTH_CHALLENGE)
    cursor = Cursor(cell.payload)
    challenge = cursor.take(32, "challenge")
    count = cursor.number(2, "methods")
    if count > _MAX_METHODS:
        raise WireError(Fault.FORMAT, "too many methods")
    return AuthChallenge(challenge, tuple(cursor.number(2, "method") for _ in range(count)))


def netinfo_clock(cell: Cell) -> int:
    """Return the relay's clock in Unix seconds, all that is kept of NETINFO (0: it tells none).

    Raises:
        WireError: ``FORMAT``, another cell.

    """
    _is(cell, Command.NETINFO)
    return Cursor(cell.payload).number(_CLOCK, "clock")


def looks_like_versions(packet: bytes) -> bool:
    """Return whether a packet opens a Tor link."""
    return packet[:3] == b"\x00\x00\x07"


def _is(cell: Cell, command: Command) -> None:
    if cell.command != command or cell.circuit:
        raise WireError(Fault.FORMAT, f"not a {command.name} cell")


def _is_variable(command: int) -> bool:
    return command == Command.VERSIONS or command >= Command.VPADDING
