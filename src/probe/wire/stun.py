"""STUN binding: one question, and the address that the other side saw (RFC 8489)."""

import ipaddress

__all__ = ["binding_request", "mapped_address"]

_COOKIE = 0x2112A442
_REQUEST = 0x0001
_SUCCESS = 0x0101
_HEADER = 20
_MAPPED = 0x0001
_XOR_MAPPED = 0x0020
_SIZES = {0x01: 4, 0x02: 16}  # address family -> bytes


def binding_request(transaction: bytes) -> bytes:
    """Return a binding request without attributes (RFC 8489 section 5).

    Raises:
        ValueError: the transaction id is not 12 bytes long.

    """
    if len(transaction) != 12:
        raise ValueError("a STUN transaction id has 12 bytes")
    return _REQUEST.to_bytes(2, "big") + bytes(2) + _COOKIE.to_bytes(4, "big") + transaction


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


def _address(value: bytes, mask: bytes) -> str | None:
    """Read an address attribute; ``mask`` is the cookie and transaction id, or zeros."""
    size = _SIZES.get(value[1]) if len(value) >= 2 else None
    if size is None or len(value) != 4 + size:
        return None
    raw = bytes(a ^ b for a, b in zip(value[4:], mask[:size], strict=True))
    return str(ipaddress.ip_address(raw))
