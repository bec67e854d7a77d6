"""Whom a line sought, and what that cost: a promise about packets can be held against it."""

import socket
from collections import Counter
from typing import Final

from probe.lab.path.packets import TCP, UDP, Packet

__all__ = ["MAX_PLACES", "Sought"]

MAX_PLACES = 20_000
"""More destinations than any catalog has; what goes beyond is counted as one."""

_NAMES: Final = {TCP: "tcp", UDP: "udp"}
_BEYOND = "beyond count"


class Sought:
    """Packets of the line by destination (``tcp 192.0.2.1 443``), and bytes of IP each way."""

    __slots__ = ("down", "packets", "up")

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.packets: Counter[str] = Counter()
        self.up = 0
        self.down = 0

    def outward(self, packet: Packet, size: int) -> None:
        """Count one packet of the line, as it left the home router."""
        self.up += size
        name = _NAMES.get(packet.protocol, f"ip-{packet.protocol}")
        port = packet.target_port if packet.protocol in _NAMES else 0
        place = f"{name} {_written(packet.target)} {port}"
        if place not in self.packets and len(self.packets) >= MAX_PLACES:
            place = _BEYOND
        self.packets[place] += 1

    def homeward(self, size: int) -> None:
        """Count one packet that goes down the line."""
        self.down += size


def _written(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed)
