"""The web socket, client side: the upgrade, and frames (RFC 6455)."""

import base64
import hashlib
from dataclasses import dataclass
from enum import IntEnum

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError

__all__ = [
    "Frame",
    "FrameKind",
    "accept_value",
    "encode_frame",
    "key_value",
    "split_frame",
]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_MAX_PAYLOAD = 1 << 20  # of what a probe reads
_MAX_CONTROL = 125


class FrameKind(IntEnum):
    """The opcodes (section 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, unmasked."""

    kind: FrameKind
    payload: bytes
    final: bool = True


def key_value(nonce: bytes) -> str:
    """Return the ``Sec-WebSocket-Key`` of 16 random bytes."""
    return base64.b64encode(exactly(nonce, 16, "a key's nonce")).decode("ascii")


def accept_value(key: str) -> str:
    """Return the ``Sec-WebSocket-Accept`` that a server must answer a key with (section 4.2.2)."""
    digest = hashlib.sha1(key.encode("utf-8", "replace") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def encode_frame(frame: Frame, mask: bytes = b"") -> bytes:
    """Return a frame; a client's has a ``mask`` of 4 fresh random bytes, a server's none.

    Raises:
        WireError: ``ARGUMENT``, a mask of another length, or a control frame that is too long.

    """
    size = len(frame.payload)
    if frame.kind >= FrameKind.CLOSE and (size > _MAX_CONTROL or not frame.final):
        raise WireError(Fault.ARGUMENT, "a control frame is whole, of up to 125 bytes")
    if mask:
        exactly(mask, 4, "a mask")
    first = (_FINAL if frame.final else 0) | frame.kind
    masked = _MASKED if mask else 0
    if size < 126:
        head = bytes([first, masked | size])
    elif size < 1 << 16:
        head = bytes([first, masked | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, masked | 127]) + size.to_bytes(8, "big")
    return head + mask + (_mask(frame.payload, mask) if mask else frame.payload)


def split_frame(buffer: bytes) -> tuple[Frame, bytes] | None:
    """Return the first frame of a stream and what follows it; ``None``: more must come.

    Raises:
        WireError: ``FORMAT``, reserved bits, an unknown opcode, a broken control frame, or more
            than 1 MiB.

    """
    if len(buffer) < 2:
        return None
    first, second = buffer[0], buffer[1]
    try:
        kind = FrameKind(first & 0x0F)
    except ValueError as problem:
        raise WireError(Fault.FORMAT, "an opcode of no web socket") from problem
    final, size, at = bool(first & _FINAL), second & 0x7F, 2
    if first & _RESERVED or (kind >= FrameKind.CLOSE and (size > _MAX_CONTROL or not final)):
        raise WireError(Fault.FORMAT, "not a frame of a web socket")
    if size >= 126:
        at += 2 if size == 126 else 8
        if len(buffer) < at:
            return None
        size = int.from_bytes(buffer[2:at], "big")
    if size > _MAX_PAYLOAD:
        raise WireError(Fault.FORMAT, "a frame of more than 1 MiB")
    mask = buffer[at : at + 4] if second & _MASKED else b""
    at += 4 if second & _MASKED else 0
    if len(buffer) < at + size:
        return None
    payload = buffer[at : at + size]
    return Frame(kind, _mask(payload, mask) if mask else payload, final), buffer[at + size :]


def _mask(payload: bytes, mask: bytes) -> bytes:
    """Return the payload masked or unmasked (section 5.3), in one number's exclusive or."""
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(size, "big")
