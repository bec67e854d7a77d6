"""What kind of address is this? Pure checks on IP literals."""

import ipaddress
from functools import lru_cache

__all__ = [
    "NOWHERE",
    "NOWHERE_6",
    "IPAddress",
    "authority",
    "embedded_ipv4",
    "family_of",
    "is_public",
    "parse_ip",
]

NOWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it
"""Stands in a step for the address of a private place, which is not kept."""

NOWHERE_6 = "::"
"""The same, where the address family matters."""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out for the internet
_NOT_GLOBAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at .192
        "168.63.129.16/32",  # a cloud's metadata
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_remembered = lru_cache(maxsize=4_096)  # the same few addresses are asked about at every step


@_remembered
def parse_ip(text: str) -> IPAddress | None:
    """Return the address that ``text`` spells, brackets allowed, or ``None`` for a name."""
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def authority(host: str, port: int | None = None) -> str:
    """Return host and port as URLs join them, IPv6 in brackets (RFC 3986 section 3.2)."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def family_of(text: str) -> int | None:
    """Return 4 or 6 for an IP literal, ``None`` for a name."""
    ip = parse_ip(text)
    return None if ip is None else ip.version


def embedded_ipv4(ip: IPAddress) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address inside a v4-mapped, NAT64 (RFC 6052), 6to4 or Teredo address."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.sixtofour is not None:
        return ip.sixtofour
    return ip.teredo[1] if ip.teredo is not None else None


@_remembered
def is_public(text: str) -> bool:
    """Return whether ``text`` is an address that a probe may be sent to.

    False for names, loopback, private, link-local (169.254.169.254, the cloud metadata
    address, among them), carrier-grade NAT, multicast, documentation and reserved addresses,
    for IPv6 outside of 2000::/3 (``::192.168.1.1`` and site-local are "global" to Python), and
    for IPv6 forms that carry such an IPv4 address inside.
    """
    ip = parse_ip(text)
    if ip is None or ip.is_multicast or ip in _NAT64_LOCAL or any(ip in n for n in _NOT_GLOBAL):
        return False
    inner = embedded_ipv4(ip)
    if inner is not None:
        return is_public(str(inner))
    return ip.is_global and (ip.version == 4 or ip in _UNICAST)
