"""Which way a packet would take, asked of the Linux kernel by rtnetlink; nothing is sent.

``/proc/net/route`` shows the main table only, and a WireGuard tunnel made by ``wg-quick`` stands
in another one behind a rule. The kernel's own answer to "how would you reach this address" (what
``ip route get`` prints; RFC 3549, linux/rtnetlink.h) follows the rules.
"""

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Route", "parse_route", "route_question", "route_to"]

_NEWROUTE, _GETROUTE, _ERROR, _REQUEST = 24, 26, 2, 1
_DST, _OIF, _GATEWAY, _PREFSRC = 1, 4, 5, 7
_UNREACHABLE, _UNICAST, _LOCAL = (7, 6, 8), 1, 2
_HEADER, _MESSAGE, _ATTRIBUTE = struct.Struct("=LHHLL"), struct.Struct("=8BL"), struct.Struct("=HH")
_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Route:
    """One way out: interface by its number, next hop and own address where there are such."""

    interface: int
    gateway: str | None = None
    source: str | None = None


def route_question(address: str, sequence: int = 1) -> bytes:
    """Return the netlink request for the route to ``address``."""
    ip = ipaddress.ip_address(address)
    family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    body = _MESSAGE.pack(family, ip.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    body += _ATTRIBUTE.pack(4 + len(ip.packed), _DST) + ip.packed
    return _HEADER.pack(_HEADER.size + len(body), _GETROUTE, _REQUEST, sequence, 0) + body


def parse_route(answer: bytes) -> Route | None:
    """Return the route in the kernel's answer, ``None`` when there is none.

    Raises:
        ValueError: when it is no answer to such a request.

    """
    if len(answer) < _HEADER.size + 4:
        raise ValueError("a short netlink message")
    size, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        return None  # ENETUNREACH: no route
    if kind != _NEWROUTE or not _HEADER.size + _MESSAGE.size <= size <= len(answer):
        raise ValueError("not a route")
    if _MESSAGE.unpack_from(answer, _HEADER.size)[7] != _UNICAST:
        return None  # unreachable, prohibited, blackhole, or this machine itself
    found = dict(_attributes(answer[_HEADER.size + _MESSAGE.size : size]))
    interface = found.get(_OIF, b"")
    if len(interface) != 4:
        return None
    return Route(
        interface=struct.unpack("=I", interface)[0],
        gateway=_text(found.get(_GATEWAY)),
        source=_text(found.get(_PREFSRC)),
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each attribute; they are padded to four bytes."""
    while len(data) >= _ATTRIBUTE.size:
        size, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= size <= len(data):
            return
        yield kind, data[_ATTRIBUTE.size : size]
        data = data[(size + 3) & ~3 :]


def _text(packed: bytes | None) -> str | None:
    if packed is None or len(packed) not in (4, 16):
        return None
    return str(ipaddress.ip_address(packed))


def route_to(address: str) -> Route | None:
    """Return how this machine would reach ``address``, ``None`` when it could not.

    Raises:
        OSError: where the kernel does not answer such questions (not Linux, a sandbox).

    """
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError("no rtnetlink on this platform")
    with contextlib.closing(socket.socket(family, socket.SOCK_RAW, 0)) as sock:
        sock.settimeout(_WAIT_S)
        sock.sendto(route_question(address), (0, 0))
        answer = sock.recv(65_536)
    try:
        return parse_route(answer)
    except ValueError as exc:
        raise OSError(str(exc)) from exc
