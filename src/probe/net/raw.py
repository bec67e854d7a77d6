"""Packets as they arrived, read by scapy: the one module that imports it (extra ``raw``).

Scapy is licensed under the GPL 2.0 and is not part of probe: it is imported when a trace reads
packets, and nothing else needs it. It reads here and sends nothing.

Every byte may be the censor's. Whatever does not read as IP with TCP, UDP or ICMP in it is
``None``, never an exception.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

__all__ = ["Heard", "Quote", "read_packet", "scapy_is_here"]

_MAX_OPTIONS = 40
_ICMP_BYTES = 576
"""Of an ICMP error so much is read (RFC 1812 section 4.3.2.3): what it quotes begins at once."""

_CARRIED_4, _CARRIED_6 = frozenset({1, 6, 17}), frozenset({6, 17, 58})
"""ICMP, TCP, UDP. What is wrapped once more, a thousand times perhaps, takes long to unwrap."""

_UNREACHABLE_4, _EXCEEDED_4 = 3, 11
_UNREACHABLE_6, _EXCEEDED_6 = 1, 3


@dataclass(frozen=True, slots=True)
class Quote:
    """The packet that an ICMP error is about, as far as it is quoted."""

    source: str
    target: str
    source_port: int
    target_port: int
    sequence: int | None = None  # TCP


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet; ``about`` and ``expired`` are of ICMP errors, the rest of TCP and UDP.

    ``expired`` is time exceeded in transit, else it is an unreachable of code ``code``.
    """

    source: str
    target: str
    ttl: int
    ident: int | None
    protocol: str  # tcp, udp, icmp
    source_port: int = 0
    target_port: int = 0
    flags: str = ""
    sequence: int = 0
    acknowledgement: int = 0
    window: int = 0
    options: tuple[str, ...] = ()
    payload: bytes = b""
    about: Quote | None = None
    expired: bool = False
    code: int = 0


@cache
def scapy_is_here() -> bool:
    """Return whether the extra ``raw`` is installed."""
    return find_spec("scapy") is not None


@cache
def _layers() -> Any:
    """Return scapy's layers for IP; importing them takes half a second.

    It would leave tables in the user's cache folder, where no ``wipe`` of ours looks: told that
    there is none, it does not.
    """
    from types import SimpleNamespace

    import scapy.main

    scapy.main.SCAPY_CACHE_FOLDER = None
    from scapy.layers import inet, inet6

    return SimpleNamespace(four=inet, six=inet6)


def read_packet(data: bytes) -> Heard | None:
    """Return what ``data`` (from the IP header on) is, ``None`` for anything else."""
    if not data or data[0] >> 4 not in (4, 6):
        return None
    try:
        return _four(_bounded(data, 9)) if data[0] >> 4 == 4 else _six(_bounded(data, 6))
    except Exception:  # noqa: BLE001 - a parser of others over bytes of anybody
        return None


def _bounded(data: bytes, at: int) -> bytes:
    """Return as much as is worth reading of a packet whose protocol's number is byte ``at``.

    Raises:
        ValueError: it carries nothing that is read here.

    """
    carried = data[at]
    if carried not in (_CARRIED_4 if at == 9 else _CARRIED_6):
        raise ValueError("not a protocol that is read")
    return data if carried in (6, 17) else data[:_ICMP_BYTES]


def _four(data: bytes) -> Heard | None:
    inet = _layers().four
    packet = inet.IP(data)
    if packet.frag or int(packet.flags) & 1:  # a fragment: ports and quotes are not all there
        return None
    outer = (str(packet.src), str(packet.dst), int(packet.ttl), int(packet.id))
    if packet.haslayer(inet.ICMP):
        error = packet[inet.ICMP]
        about = _quote_four(error, inet)
        expired = (error.type, error.code) == (_EXCEEDED_4, 0)
        return _error(outer, about, error, expired, _UNREACHABLE_4)
    return _transport(outer, packet)


def _six(data: bytes) -> Heard | None:
    six = _layers().six
    packet = six.IPv6(data)
    if packet.haslayer(six.IPv6ExtHdrFragment):
        return None
    outer = (str(packet.src), str(packet.dst), int(packet.hlim), None)
    for kind in (six.ICMPv6TimeExceeded, six.ICMPv6DestUnreach):
        if packet.haslayer(kind):
            error = packet[kind]
            about = _quote_six(error, six)
            expired = (error.type, error.code) == (_EXCEEDED_6, 0)
            return _error(outer, about, error, expired, _UNREACHABLE_6)
    return _transport(outer, packet)


def _error(
    outer: tuple[str, str, int, int | None],
    about: Quote | None,
    error: Any,
    expired: bool,
    unreachable: int,
) -> Heard | None:
    if about is None or not (expired or int(error.type) == unreachable):
        return None
    source, target, ttl, ident = outer
    return Heard(
        source, target, ttl, ident, "icmp", about=about, expired=expired, code=int(error.code)
    )


def _quote_four(error: Any, inet: Any) -> Quote | None:
    if not error.haslayer(inet.IPerror):
        return None
    inner = error[inet.IPerror]
    return _quote(str(inner.src), str(inner.dst), inner, inet)


def _quote_six(error: Any, six: Any) -> Quote | None:
    if not error.haslayer(six.IPerror6):
        return None
    inner = error[six.IPerror6]
    return _quote(str(inner.src), str(inner.dst), inner, _layers().four)


def _quote(source: str, target: str, inner: Any, inet: Any) -> Quote | None:
    if inner.haslayer(inet.TCPerror):
        tcp = inner[inet.TCPerror]
        return Quote(source, target, int(tcp.sport), int(tcp.dport), int(tcp.seq))
    if inner.haslayer(inet.UDPerror):
        udp = inner[inet.UDPerror]
        return Quote(source, target, int(udp.sport), int(udp.dport))
    return None


def _transport(outer: tuple[str, str, int, int | None], packet: Any) -> Heard | None:
    inet = _layers().four
    source, target, ttl, ident = outer
    if packet.haslayer(inet.TCP):
        tcp = packet[inet.TCP]
        return Heard(
            source,
            target,
            ttl,
            ident,
            "tcp",
            int(tcp.sport),
            int(tcp.dport),
            str(tcp.flags),
            int(tcp.seq),
            int(tcp.ack),
            int(tcp.window),
            _options(tcp.options),
            _payload(tcp, inet),
        )
    if packet.haslayer(inet.UDP):
        udp = packet[inet.UDP]
        payload = _payload(udp, inet)
        ports = int(udp.sport), int(udp.dport)
        return Heard(source, target, ttl, ident, "udp", *ports, payload=payload)
    return None


def _payload(layer: Any, inet: Any) -> bytes:
    """Return what follows a header, without the padding of short Ethernet frames."""
    carried = layer.payload
    padding = carried.getlayer("Padding")
    data = bytes(carried)
    if padding is not None and not isinstance(carried, inet.IP):
        data = data[: len(data) - len(bytes(padding))]
    return data


def _options(options: Any) -> tuple[str, ...]:
    """Return the names of TCP options; scapy gives unknown ones by number."""
    if not isinstance(options, list):
        return ()
    return tuple(str(name)[:20] for name, _ in options[:_MAX_OPTIONS])
