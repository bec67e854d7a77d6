"""STUN binding: one question, and the address that the other side saw (RFC 8489)."""

import ipaddress
from enum import Enum

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError

__all__ = [
    "BindingAnswer",
    "binding_answer",
    "binding_request",
    "looks_like_stun",
    "mapped_address",
    "may_be_stun",
]

_COOKIE = 0x2112A442
_REQUEST = 0x0001
_SUCCESS = 0x0101
_ERROR = 0x0111
_FIRST_OTHER_CLASS = 0x0010  # below are the requests of all methods that servers know
_HEADER = 20
_MAPPED = 0x0001
_XOR_MAPPED = 0x0020
_SIZES = {0x01: 4, 0x02: 16}  # address family -> bytes


class BindingAnswer(Enum):
    """What a server said to a binding request; both prove that it was reached."""

    SUCCESS = "success"
    ERROR = "error"
    """An error response: a TURN server that wants credentials, a server under another rule."""


def binding_request(transaction: bytes) -> bytes:
    """Return a binding request without attributes (RFC 8489 section 5).

    Raises:
        WireError: ``ARGUMENT``, the transaction id is not 12 bytes long.

    """
    exactly(transaction, 12, "a STUN transaction id")
    return _REQUEST.to_bytes(2, "big") + bytes(2) + _COOKIE.to_bytes(4, "big") + transaction


def binding_answer(reply: bytes, transaction: bytes) -> BindingAnswer:
    """Return the kind of an answer to ``transaction``, without the address that is in it.

    A success says which address it saw (RFC 8489 section 6.3.1), and who only turns our own bytes
    round does not.

    Raises:
        WireError: ``SHORT``; ``FORMAT``, no answer to a binding request; ``FOREIGN``, to another.

    """
    cursor = Cursor(reply)
    kind, length = cursor.number(2, "message type"), cursor.number(2, "length")
    if cursor.number(4, "magic cookie") != _COOKIE or kind not in (_SUCCESS, _ERROR) or length % 4:
        raise WireError(Fault.FORMAT, "not an answer of STUN")
    if cursor.take(12, "transaction") != transaction:
        raise WireError(Fault.FOREIGN, "the answer is to another transaction")
    cursor.take(length, "attributes")
    if kind == _ERROR:
        return BindingAnswer.ERROR
    if mapped_address(reply, transaction) is None:
        raise WireError(Fault.FORMAT, "a success without an address")
    return BindingAnswer.SUCCESS


def mapped_address(reply: bytes, transaction: bytes) -> str | None:
    """Return the address in a success response to ``transaction``, ``None`` for all else.

    XOR-MAPPED-ADDRESS is preferred to MAPPED-ADDRESS, which middleboxes rewrite (section 14.2).
    """
    head = _SUCCESS.to_bytes(2, "big")
    length = int.from_bytes(reply[2:4], "big")
    if (
        len(reply) < _HEADER
        or reply[:2] != head
        or reply[4:8] != _COOKIE.to_bytes(4, "big")
        or reply[8:_HEADER] != transaction
        or len(reply) < _HEADER + length
    ):
        return None
    found: dict[int, str] = {}
    at = _HEADER
    while at + 4 <= _HEADER + length:
        kind = int.from_bytes(reply[at : at + 2], "big")
        size = int.from_bytes(reply[at + 2 : at + 4], "big")
        value = reply[at + 4 : at + 4 + size]
        if kind in (_MAPPED, _XOR_MAPPED) and len(value) == size:
            address = _address(value, reply[4:_HEADER] if kind == _XOR_MAPPED else bytes(16))
            if address is not None:
                found.setdefault(kind, address)
        at += 4 + size + (-size % 4)
    return found.get(_XOR_MAPPED, found.get(_MAPPED))


def looks_like_stun(packet: bytes) -> bool:
    """Return whether a filter could take a packet for STUN: the magic cookie is in its place."""
    return packet[4:8] == _COOKIE.to_bytes(4, "big")


def may_be_stun(packet: bytes) -> bool:
    """Return whether a filter or a server could take a packet for STUN.

    The STUN of RFC 3489 had no cookie, and servers that still speak it (coturn does) answer its
    requests: there, whatever has a request's type and its own length is one.
    """
    kind, length = int.from_bytes(packet[:2]), int.from_bytes(packet[2:4])
    old = len(packet) == _HEADER + length and kind < _FIRST_OTHER_CLASS
    return old or looks_like_stun(packet)


def _address(value: bytes, mask: bytes) -> str | None:
    """Read an address attribute; ``mask`` is the cookie and transaction id, or zeros."""
    size = _SIZES.get(value[1]) if len(value) >= 2 else None
    if size is None or len(value) != 4 + size:
        return None
    raw = bytes(a ^ b for a, b in zip(value[4:], mask[:size], strict=True))
    return str(ipaddress.ip_address(raw))
