"""Packets made from nothing: TCP segments, UDP datagrams, ICMP messages, with right checksums.

Addresses are packed (4 or 16 bytes); their length says which family it is.
"""

import struct

from probe.lab.path.checksums import checksum, pseudo_sum
from probe.lab.path.packets import ICMP, ICMP6, TCP, UDP, Packet

__all__ = ["TTL", "icmp_error", "icmp_message", "ip_packet", "tcp_segment", "udp_datagram"]

TTL = 64
_QUOTE = {4: 576 - 28, 6: 1280 - 48}
"""Bytes of the offending packet that an error quotes (RFC 1812 4.3.2.3, RFC 4443 2.4)."""

_ERRORS = {4: frozenset({3, 4, 5, 11, 12}), 6: frozenset(range(1, 128))}


def ip_packet(
    source: bytes, target: bytes, protocol: int, body: bytes, *, ttl: int = TTL, ident: int = 0
) -> bytes:
    """Return ``body`` in an IP packet; IPv4 forbids fragmentation, as TCP stacks do."""
    if len(source) == 16:
        head = struct.pack("!IHBB", 0x60000000, len(body), protocol, ttl)
        return head + source + target + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, 0x4000, ttl, protocol, 0)
    whole = head + source + target
    return whole[:10] + checksum(whole).to_bytes(2, "big") + whole[12:] + body


def tcp_segment(
    source: tuple[bytes, int],
    target: tuple[bytes, int],
    flags: int,
    *,
    sequence: int,
    acknowledgement: int = 0,
    window: int = 0,
    payload: bytes = b"",
    ttl: int = TTL,
    ident: int = 0,
) -> bytes:
    """Return a TCP segment without options (RFC 9293); numbers are taken modulo 2**32."""
    body = struct.pack(
        "!HHIIBBHHH",
        source[1],
        target[1],
        sequence & 0xFFFFFFFF,
        acknowledgement & 0xFFFFFFFF,
        0x50,
        flags,
        window,
        0,
        0,
    )
    body = _covered(source[0], target[0], TCP, body + payload, 16)
    return ip_packet(source[0], target[0], TCP, body, ttl=ttl, ident=ident)


def udp_datagram(
    source: tuple[bytes, int],
    target: tuple[bytes, int],
    payload: bytes,
    *,
    ttl: int = TTL,
    ident: int = 0,
) -> bytes:
    """Return a UDP datagram (RFC 768)."""
    head = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0)
    body = _covered(source[0], target[0], UDP, head + payload, 6)
    return ip_packet(source[0], target[0], UDP, body, ttl=ttl, ident=ident)


def _covered(source: bytes, target: bytes, protocol: int, body: bytes, where: int) -> bytes:
    """Return ``body`` with its checksum, which covers the pseudo-header, at ``where``."""
    found = checksum(body, pseudo_sum(source, target, protocol, len(body)))
    if found == 0 and protocol == UDP:
        found = 0xFFFF
    return body[:where] + found.to_bytes(2, "big") + body[where + 2 :]


def icmp_message(
    source: bytes,
    target: bytes,
    kind: tuple[int, int],
    body: bytes,
    *,
    rest: bytes = b"\0\0\0\0",
    ttl: int = TTL,
) -> bytes:
    """Return an ICMP or ICMPv6 message; ``kind`` is type and code, ``rest`` the second word."""
    message = bytes((*kind, 0, 0)) + rest + body
    if len(source) == 16:
        covered = _covered(source, target, ICMP6, message, 2)
        return ip_packet(source, target, ICMP6, covered, ttl=ttl)
    message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
    return ip_packet(source, target, ICMP, message, ttl=ttl)


def icmp_error(
    source: bytes, packet: Packet, kind: tuple[int, int], *, ttl: int = TTL, quoted_ttl: int
) -> bytes | None:
    """Return the error that ``source`` sends about ``packet``, to where it came from.

    ``None`` where none may be sent: about errors, later fragments, and packets from nobody
    (RFC 1812 4.3.2.7, RFC 4443 2.4). It quotes the packet as the router has it, with
    ``quoted_ttl`` left.
    """
    control = packet.protocol == (ICMP if packet.family == 4 else ICMP6)
    if packet.fragment == 2 or not any(packet.source):
        return None
    if control and (packet.fragment or packet.raw[packet.at] in _ERRORS[packet.family]):
        return None
    quote = bytes(packet.raw[: _QUOTE[packet.family]])
    if packet.family == 6:
        quote = quote[:7] + bytes((quoted_ttl,)) + quote[8:]
    else:
        header = packet.at
        bare = quote[:8] + bytes((quoted_ttl,)) + quote[9:10] + b"\0\0" + quote[12:header]
        whole = bare[:10] + checksum(bare).to_bytes(2, "big") + bare[12:]
        quote = whole + quote[header:]
    return icmp_message(source, packet.source, kind, quote, ttl=ttl)
