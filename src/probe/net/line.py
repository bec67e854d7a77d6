"""What the operating system says about the line: way out, tunnel, gateway; sends nothing.

Linux only; elsewhere everything is ``None``, which means not known, never "no".
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probe.net.routes import Route, route_to

__all__ = ["LineState", "Lookup", "look"]

SOMEWHERE = "1.1.1.1"
SOMEWHERE_6 = "2606:4700:4700::1111"
"""Public addresses to ask the kernel the way to; no packet goes there."""

Lookup = Callable[[str], Route | None]
"""``route_to``, or what a test puts in its place; raises ``OSError`` when it cannot tell."""

_TUNNELS = frozenset({"65534", "768", "769", "778", "823"})
"""ARPHRD_NONE (tun, WireGuard), TUNNEL, TUNNEL6, IPGRE, IP6GRE of linux/if_arp.h."""

_PPP = "512"
_NAMES = ("tun", "tap", "wg", "utun", "ipsec", "nordlynx", "proton", "tailscale", "zt", "vpn")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """The line as the system shows it; ``None`` is not known.

    ``gateway`` and ``addresses`` (one's own, public or not) serve to make a keyed fingerprint
    and to scrub; a caller keeps neither.
    """

    default_route: bool | None = None
    gateway: str | None = None
    gateway_reachable: bool | None = None
    tunnel: bool | None = None
    ipv6_route: bool | None = None
    addresses: tuple[str, ...] = ()


def look(lookup: Lookup = route_to, root: Path = Path("/")) -> LineState:
    """Return the state of the line; ``root`` is where ``proc`` and ``sys`` are found."""
    known, route = _asked(lookup, SOMEWHERE)
    known6, route6 = _asked(lookup, SOMEWHERE_6)
    if not known and not known6:
        return LineState()
    first = route or route6
    gateway = first.gateway if first is not None else None
    return LineState(
        default_route=first is not None,
        gateway=gateway,
        gateway_reachable=_neighbour(gateway, root) if gateway else None,
        tunnel=_tunnel(_interface(first.interface), root) if first is not None else None,
        ipv6_route=route6 is not None if known6 else None,
        addresses=tuple(r.source for r in (route, route6) if r is not None and r.source),
    )


def _asked(lookup: Lookup, address: str) -> tuple[bool, Route | None]:
    """Return whether the kernel answered, and its answer."""
    try:
        return True, lookup(address)
    except OSError:
        return False, None


def _interface(number: int) -> str | None:
    try:
        return socket.if_indextoname(number)
    except OSError:
        return None


def _neighbour(gateway: str, root: Path) -> bool | None:
    """Return whether the gateway answers ARP, by the kernel's table; IPv6 is not shown there.

    An entry without the flag ATF_COM is one that was asked for in vain; no entry says nothing.
    """
    for line in _read(root / "proc/net/arp").splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 3 and fields[0] == gateway:
            return bool(int(fields[2], 16) & 0x2) if _is_hex(fields[2]) else None
    return None


def _is_hex(text: str) -> bool:
    try:
        int(text, 16)
    except ValueError:
        return False
    return True


def _tunnel(name: str | None, root: Path) -> bool | None:
    """Return whether an interface is a tunnel; PPP may be a DSL line or a VPN: not known.

    A modem in raw-IP mode has the type of a tunnel as well, but stands on a device.
    """
    if name is None or "/" in name:
        return None
    folder = root / "sys/class/net" / name
    if not folder.exists():
        return None
    if (folder / "tun_flags").exists() or "DEVTYPE=wireguard" in _read(folder / "uevent"):
        return True
    kind = _read(folder / "type").strip()
    if kind == _PPP:
        return None
    if kind in _TUNNELS and not (folder / "device").exists():
        return True
    return name.startswith(_NAMES) and not (folder / "device").exists()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
