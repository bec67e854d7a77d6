"""The line's state, played in the vantage's and its router's namespaces: link, gateway, IPv6, VPN.

Each state is a list of batches, made without touching anything, so that one can be put in place
whatever was there before: first everything that comes and goes is taken away.
"""

from collections.abc import Collection
from dataclasses import dataclass

from probe.lab.line_spec import Ipv6, LineSpec
from probe.lab.netns.addresses import Addresses
from probe.lab.netns.links import LAN, LAN_ROUTER, ROUTED, TUNNEL
from probe.model.address import family_of

__all__ = ["LineState", "router_lines", "state_of", "vantage_lines"]

_ALL_V4, _ALL_V6 = "0.0.0.0/0", "::/0"
_FIREWALL = 50
"""Asked before the table of routes (32766)."""


@dataclass(frozen=True, slots=True)
class LineState:
    """What of a ``LineSpec`` the kernel plays at one time; the rest is the path's."""

    link: bool
    gateway: bool
    ipv6: Ipv6
    tunnel: bool
    walled: frozenset[str] | None = None


def state_of(spec: LineSpec, *, tunnelled: bool, walled: frozenset[str] | None = None) -> LineState:
    """Return the state of a line while its VPN is on or off.

    A firewall of the machine lets nobody out to the ``walled`` addresses; ``None`` is a machine
    that never had one.
    """
    return LineState(spec.link, spec.gateway, spec.ipv6, tunnelled, walled)


def vantage_lines(state: LineState, addresses: Addresses, *, ipv6: bool) -> list[str]:
    """Return the batch for the vantage; ``ipv6`` is whether this kernel has it.

    A VPN takes the default route by a lower metric, as its clients do; what goes to it leaves by
    the interface ``probetun0``. The machine's own firewall is a rule that prohibits: who sends
    there hears EACCES, and no packet leaves (ip-rule(8)).
    """
    lines = [
        f"link set {LAN} {'up' if state.link else 'down'}",
        f"neigh flush dev {LAN}",
        f"route flush {_ALL_V4}",
        f"addr flush dev {LAN} scope global",
        f"addr replace {addresses.line_v4}/24 dev {LAN}",
    ]
    if state.link:
        way = f"via {addresses.line_gateway_v4} dev {LAN}"
        lines += [f"route replace {_ALL_V4} {way} metric 100"]
    if ipv6:
        lines += [f"-6 route flush {_ALL_V6}"]
        if state.link and state.ipv6 is not Ipv6.NONE:
            gateway = addresses.line_gateway_v6
            lines += [
                f"-6 addr replace {addresses.line_v6}/64 dev {LAN} nodad",
                f"-6 route replace {_ALL_V6} via {gateway} dev {LAN} metric 100",
            ]
    if state.walled is not None:
        lines += _firewall_lines(state.walled, ipv6=ipv6)
    return lines + (_tunnel_lines(addresses) if state.tunnel else [])


def _firewall_lines(walled: Collection[str], *, ipv6: bool) -> list[str]:
    """Return rules, not routes: a route that prohibits has no interface, and the guard says so."""
    lines = [f"rule flush pref {_FIREWALL}"]
    four = sorted(a for a in walled if family_of(a) == 4)
    lines += [f"rule add to {a}/32 pref {_FIREWALL} prohibit" for a in four]
    if ipv6:
        six = sorted(a for a in walled if family_of(a) == 6)
        lines += [f"-6 rule flush pref {_FIREWALL}"]
        lines += [f"-6 rule add to {a}/128 pref {_FIREWALL} prohibit" for a in six]
    return lines


def _tunnel_lines(addresses: Addresses) -> list[str]:
    return [
        f"link set {TUNNEL} addrgenmode none",
        f"addr replace {addresses.tunnel_v4}/32 dev {TUNNEL}",
        f"link set {TUNNEL} mtu 1400 up",
        f"route replace {_ALL_V4} dev {TUNNEL} src {addresses.tunnel_v4} metric 50",
    ]


def router_lines(state: LineState, addresses: Addresses, *, ipv6: bool) -> list[str]:
    """Return the batch for the home router.

    A silent gateway does not answer ARP; with a broken IPv6 nothing that is sent comes anywhere,
    and nothing is said about it.
    """
    lines = [
        f"link set {LAN_ROUTER} arp {'on' if state.gateway else 'off'}",
        f"neigh flush dev {LAN_ROUTER}",
        f"addr flush dev {LAN_ROUTER} scope global",
        f"addr replace {addresses.line_gateway_v4}/24 dev {LAN_ROUTER}",
    ]
    if ipv6:
        broken = state.ipv6 is Ipv6.BROKEN
        lines += [
            f"-6 addr replace {addresses.line_gateway_v6}/64 dev {LAN_ROUTER} nodad",
            f"-6 route flush {_ALL_V6}",
            f"-6 route replace {'blackhole' if broken else 'unicast'} {_ALL_V6}"
            + ("" if broken else f" dev {ROUTED}"),
        ]
    return lines
