"""A STUN server's half of the binding exchange (RFC 8489): tell the line its own address."""

import ipaddress

__all__ = ["binding_reply", "stun_server", "unauthorized"]

_COOKIE = 0x2112A442.to_bytes(4, "big")


def stun_server(request: bytes, seen: tuple[str, int]) -> tuple[bytes, ...]:
    """Answer a datagram as a STUN server does: only a binding request gets a reply."""
    reply = binding_reply(request, *seen)
    return () if reply is None else (reply,)


def binding_reply(request: bytes, address: str, port: int) -> bytes | None:
    """Return the success response that tells ``address``, ``None`` for anything else."""
    if not _asks(request):
        return None
    ip = ipaddress.ip_address(address)
    # XOR-MAPPED-ADDRESS: IPv4 against the cookie, IPv6 against cookie and transaction id
    masked = bytes(a ^ b for a, b in zip(ip.packed, request[4:20], strict=False))
    masked_port = port ^ int.from_bytes(_COOKIE[:2], "big")
    family = b"\x00\x01" if ip.version == 4 else b"\x00\x02"
    value = family + masked_port.to_bytes(2, "big") + masked
    attribute = b"\x00\x20" + len(value).to_bytes(2, "big") + value
    return b"\x01\x01" + len(attribute).to_bytes(2, "big") + request[4:20] + attribute


def unauthorized(request: bytes) -> bytes | None:
    """Return the answer of a server that wants credentials: error 401, whoever asks."""
    if not _asks(request):
        return None
    text = b"Unauthorized"
    attribute = b"\x00\x09" + (4 + len(text)).to_bytes(2, "big") + b"\x00\x00\x04\x01" + text
    return b"\x01\x11" + len(attribute).to_bytes(2, "big") + request[4:20] + attribute


def _asks(request: bytes) -> bool:
    return len(request) >= 20 and request[:2] == b"\x00\x01" and request[4:8] == _COOKIE
