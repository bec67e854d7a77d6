"""Packets as the lab's own writer makes them, for who reads them by other means."""

from probe.lab.path.crafting import icmp_error, tcp_segment, udp_datagram
from probe.lab.path.packets import read_packet
from probe.lab.path.plumbing import packed

__all__ = [
    "HOST",
    "HOST_6",
    "OWN",
    "OWN_6",
    "OWN_PORT",
    "PORT",
    "ROUTER",
    "ROUTER_6",
    "datagram",
    "error",
    "segment",
]

OWN, HOST, ROUTER = "192.168.1.23", "33.1.2.3", "29.8.8.8"
OWN_6, HOST_6, ROUTER_6 = "3ffe:b::23", "3ffe:a::80", "3ffe:b::1"
PORT, OWN_PORT = 443, 50_000


def segment(source: str, target: str, flags: int, *, payload: bytes = b"", **more: int) -> bytes:
    """Return a TCP segment between the host's port and ours."""
    mine = source in (OWN, OWN_6)
    ports = (OWN_PORT, PORT) if mine else (PORT, OWN_PORT)
    values = {"sequence": 1_000, "acknowledgement": 2_000, "window": 77, "ttl": 55} | more
    return tcp_segment(
        (packed(source), ports[0]), (packed(target), ports[1]), flags, payload=payload, **values
    )


def datagram(source: str, target: str, payload: bytes, ttl: int = 55) -> bytes:
    """Return a UDP datagram between the host's port and ours."""
    mine = source in (OWN, OWN_6)
    ports = (OWN_PORT, PORT) if mine else (PORT, OWN_PORT)
    return udp_datagram((packed(source), ports[0]), (packed(target), ports[1]), payload, ttl=ttl)


def error(about: bytes, router: str, kind: tuple[int, int] | None = None) -> bytes:
    """Return what ``router`` says about a packet: by default that it died there."""
    packet = read_packet(about)
    assert packet is not None
    exceeded = (11, 0) if packet.family == 4 else (3, 0)
    made = icmp_error(packed(router), packet, kind or exceeded, ttl=61, quoted_ttl=1)
    assert made is not None
    return made
