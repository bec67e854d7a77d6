"""The little of Protocol Buffers that a handshake needs.

Source: protobuf.dev/programming-guides/encoding.
"""

from probe.wire.cursor import Cursor
from probe.wire.errors import Fault, WireError

__all__ = ["encode_field", "fields"]

_MAX_FIELDS = 64
_VARINT, _FIXED_8, _BYTES, _FIXED_4 = 0, 1, 2, 5


def encode_field(number: int, value: bytes | int) -> bytes:
    """Return one field: bytes behind their length, or a number as a varint."""
    if isinstance(value, int):
        return _encode_varint(number << 3 | _VARINT) + _encode_varint(value)
    return _encode_varint(number << 3 | _BYTES) + _encode_varint(len(value)) + value


def fields(data: bytes) -> dict[int, bytes | int]:
    """Return the fields of a message by number; of a field that comes twice, the last.

    Raises:
        WireError: ``SHORT``; ``FORMAT``, a type that is none, or more than 64 fields.

    """
    cursor = Cursor(data)
    found: dict[int, bytes | int] = {}
    for _ in range(_MAX_FIELDS):
        if not cursor.left:
            return found
        tag = _varint(cursor)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            found[number] = _varint(cursor)
        elif kind == _BYTES:
            found[number] = cursor.take(_varint(cursor), "field")
        elif kind in (_FIXED_4, _FIXED_8):
            found[number] = cursor.little(4 if kind == _FIXED_4 else 8, "field")
        else:
            raise WireError(Fault.FORMAT, "not Protocol Buffers")
    raise WireError(Fault.FORMAT, "too many fields")


def _varint(cursor: Cursor) -> int:
    value = 0
    for place in range(10):
        byte = cursor.number(1, "varint")
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF
    raise WireError(Fault.FORMAT, "a varint has up to ten bytes")


def _encode_varint(value: int) -> bytes:
    if not 0 <= value < 1 << 64:
        raise WireError(Fault.ARGUMENT, "a varint has 64 bits")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
