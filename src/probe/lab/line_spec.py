"""The measured line of a scenario: what its owner, his router and his provider make of it.

All defaults together are a healthy line at home with IPv4 only.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from probe.lab.actions import Limit
from probe.lab.windows import Window

__all__ = ["HOME", "LOOPBACK_FIELDS", "NETNS_FIELDS", "Hours", "Ipv6", "LineSpec"]

HOME = "home"
"""The label of the network that the line is usually on."""

NETNS_FIELDS = frozenset(
    {
        "down_kbit",
        "hours",
        "latency_ms",
        "limit",
        "loss",
        "mtu",
        "queue_ms",
        "silent_hops",
        "up_kbit",
    }
)
"""Fields of a line that need single packets."""

LOOPBACK_FIELDS = frozenset({"ipv4"})
"""Fields of a line that only the map of loopback can play."""


class Ipv6(StrEnum):
    """What the line has of IPv6."""

    NONE = "none"
    WORKS = "works"
    BROKEN = "broken"  # a route, and nothing beyond it


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """What the line is at some hours: crowded in the evening, or held to a rate altogether."""

    windows: tuple[Window, ...]
    latency_ms: float = 0.0
    loss: float = 0.0
    down_kbit: float | None = None
    up_kbit: float | None = None
    queue_ms: float = 200.0
    limit: Limit = Limit.SHAPED

    def covers(self, now: datetime) -> bool:
        """Return whether these are the hours."""
        return any(window.covers(now) for window in self.windows)


class LineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One line; rates are on the wire between the home router and the provider."""

    link: bool = True
    ipv4: bool = True  # without it, IPv4 hosts are reached below 64:ff9b::/96 (NAT64, RFC 6146)
    gateway: bool = True  # answers ARP
    tunnel: bool = False  # a VPN interface holds the default route
    tunnel_windows: tuple[Window, ...] = ()  # when it does; empty is always
    ipv6: Ipv6 = Ipv6.NONE
    clock_offset_s: float = 0.0  # the vantage's clock minus the truth
    network: str = HOME  # another label: another public address and AS than usual
    network_windows: tuple[Window, ...] = ()  # when it is there; empty is always
    firewall: tuple[str, ...] = ()  # hosts that the machine's own firewall lets nobody out to
    mtu: int | None = None  # longer packets towards the line vanish without a word
    latency_ms: float = 0.0  # one way
    loss: float = 0.0  # share of packets, each way
    down_kbit: float | None = None
    up_kbit: float | None = None
    queue_ms: float = 200.0  # what the shaper holds at most
    silent_hops: tuple[int, ...] = ()  # routers that do not say that a packet died there; 2 to 6
    limit: Limit = Limit.SHAPED  # what becomes of packets above the rates
    aioquic: bool = True  # the measuring machine has it (extra quic)
    hours: tuple[Hours, ...] = ()  # the first that covers an instant replaces latency to limit

    def at(self, now: datetime) -> "LineSpec":
        """Return the line as it is at ``now``."""
        line = self
        if not _within(self.network_windows, now):
            line = msgspec.structs.replace(line, network=HOME)
        hours = next((one for one in self.hours if one.covers(now)), None)
        if hours is None:
            return line
        names = [name for name in Hours.__struct_fields__ if name != "windows"]
        return msgspec.structs.replace(line, **{name: getattr(hours, name) for name in names})

    def tunnelled(self, now: datetime) -> bool:
        """Return whether the tunnel holds the default route at ``now``."""
        return self.tunnel and _within(self.tunnel_windows, now)


def _within(windows: tuple[Window, ...], now: datetime) -> bool:
    return not windows or any(window.covers(now) for window in windows)
