"""Who serves which address and port: the lab's own servers, or programs of the real world.

nginx and caddy serve the web sites of controls, unbound is the line's resolver and the open
ones, tor is all relays, and with obfs4proxy one bridge. Whatever a rule of ``by: server`` hits in
a way that these cannot play is served by the lab's own servers instead, which misbehave on demand.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from probe.lab.actions import Action, By, Layer
from probe.lab.censor import Request, active
from probe.lab.inside.roles import timeless
from probe.lab.inside.tunnels import TUNNEL_PROGRAMS, Stand, stands
from probe.lab.rules import Rule, Scenario
from probe.lab.world import Host, Site, World
from probe.model.address import family_of, parse_ip
from probe.model.target import Kind

__all__ = [
    "CADDY",
    "NGINX",
    "OBFS4PROXY",
    "PROGRAMS",
    "TOR",
    "UNBOUND",
    "Allotment",
    "Door",
    "Group",
    "allot",
]

UNBOUND, NGINX, CADDY = "unbound", "nginx", "caddy"
TOR, OBFS4PROXY = "tor", "obfs4proxy"
PROGRAMS = (UNBOUND, NGINX, CADDY, TOR, OBFS4PROXY, *TUNNEL_PROGRAMS)

Door = tuple[str, int]
"""An address and a port."""

_DNS = 53
_DNS_PORTS = (_DNS, 853)
_BARE = frozenset({Layer.ACCEPTED, Layer.HELLO, Layer.CERTIFICATE, Layer.SPEAKER, Layer.DATAGRAM})
"""Moments at which a program of the real world does what it was built for, not what we want."""

_ROUGH = frozenset({Action.HTTP_RESET, Action.FREEZE, Action.THROTTLE, Action.TRUNCATE})
_RELAYED = frozenset({Action.NXDOMAIN, Action.SERVFAIL, Action.BOGON, Action.FORGED})
"""What a name server can do that its resolvers pass on as it is."""


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts that serve the same names: one site of a web server."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allotment:
    """What each program serves; the rest is the lab's own."""

    nginx: tuple[Group, ...] = ()
    caddy: tuple[Group, ...] = ()
    line_resolver: tuple[Door, ...] = ()
    open_resolvers: tuple[Door, ...] = ()
    relays: tuple[Door, ...] = ()
    bridge: Door | None = None  # one: obfs4proxy listens at a single address
    tunnels: tuple[Stand, ...] = ()

    @property
    def taken(self) -> frozenset[Door]:
        """Return every address and port that is not the lab's own to serve."""
        web = ((a, p) for g in (*self.nginx, *self.caddy) for a in g.addresses for p in (80, 443))
        bridges = () if self.bridge is None else (self.bridge,)
        tunnels = (door for stand in self.tunnels for door in stand.doors)
        doors = (*self.line_resolver, *self.open_resolvers, *self.relays, *bridges, *tunnels)
        return frozenset((*web, *doors))

    @property
    def heard(self) -> frozenset[Door]:
        """Return the doors of ``taken`` at which the program hears datagrams as well.

        nginx and tor hear none, caddy hears HTTP/3, and unbound opens each of its ports for both.
        """
        resolvers = (*self.line_resolver, *self.open_resolvers)
        web = ((address, 443) for group in self.caddy for address in group.addresses)
        tunnels = (door for s in self.tunnels if s.carrier == "udp" for door in s.doors)
        return frozenset((*resolvers, *web, *tunnels))

    def programs(self) -> tuple[str, ...]:
        """Return the programs that serve anything."""
        resolvers = self.line_resolver or self.open_resolvers
        parts = {
            UNBOUND: resolvers,
            NGINX: self.nginx,
            CADDY: self.caddy,
            TOR: self.relays,
            OBFS4PROXY: self.bridge,
        }
        speakers = {stand.program for stand in self.tunnels}
        return tuple(name for name in PROGRAMS if name in speakers or parts.get(name))


def allot(world: World, scenario: Scenario, programs: Collection[str]) -> Allotment:
    """Share the world's hosts out among the ``programs`` that there are."""
    rules = timeless(tuple(rule for rule in scenario.rules if rule.by is By.SERVER))
    wild = [host for host in world.hosts.values() if not _tame(world, host, rules, scenario)]
    own = {host.address for host in wild}
    resolvers = UNBOUND in programs and not any(map(_resolver_acts, rules))
    line = (world.nameserver, _DNS)
    usable = [host for host in world.hosts.values() if host.address not in own]
    return Allotment(
        nginx=_groups(usable, NGINX) if NGINX in programs else (),
        caddy=_groups(usable, CADDY) if CADDY in programs else (),
        line_resolver=(line,) if resolvers and world.nameserver not in own else (),
        open_resolvers=tuple(_resolving(world, usable)) if resolvers else (),
        relays=tuple(_speaking(Kind.TOR_OR, usable)) if TOR in programs else (),
        bridge=_bridge(usable) if {TOR, OBFS4PROXY} <= set(programs) else None,
        tunnels=stands(world, usable, programs),
    )


def _speaking(kind: Kind, hosts: Iterable[Host]) -> Iterator[Door]:
    """Yield the doors at which hosts speak ``kind``, where there is one over IPv4 to begin with."""
    found = [
        (h.address, port) for h in hosts for port, spoken in h.speaks.items() if spoken is kind
    ]
    if any(family_of(address) == 4 for address, _ in found):
        yield from sorted(found)


def _bridge(hosts: Iterable[Host]) -> Door | None:
    """Return the first bridge over IPv4."""
    doors = _speaking(Kind.OBFS4, hosts)
    return next((door for door in doors if family_of(door[0]) == 4), None)


def _groups(hosts: Iterable[Host], software: str) -> tuple[Group, ...]:
    found: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        if host.software == software:
            found.setdefault(tuple(host.names), []).append(host.address)
    return tuple(Group(names, tuple(found[names])) for names in sorted(found))


def _resolving(world: World, hosts: Iterable[Host]) -> Iterator[Door]:
    """Yield the doors of the open resolvers; web pages at such an address stay ours."""
    for host in hosts:
        if not host.resolver or host.address == world.nameserver:
            continue
        ports = [port for port in _DNS_PORTS if port in host.ports]
        if _https_only_for_dns(world, host):
            ports.append(443)
        for port in ports:
            if port == _DNS or not host.hears_datagrams(port):  # as over QUIC, which it cannot
                yield host.address, port


def _https_only_for_dns(world: World, host: Host) -> bool:
    """Return whether nobody asks for a page here, so that a resolver may hold the port."""
    named = bool(host.names) and parse_ip(host.names[0]) is None
    plain = host.doh_paths == {"/dns-query"} and host.doh
    return named and plain and not any(site.pages for site in world.sites_at(host))


def _resolver_acts(rule: Rule) -> bool:
    """Return whether a rule on DNS is the resolver's doing, not the name servers'."""
    if Layer.DNS not in rule.layers:
        return False
    return bool(rule.who.address or rule.who.port) or rule.action not in _RELAYED


def _tame(world: World, host: Host, rules: tuple[Rule, ...], scenario: Scenario) -> bool:
    """Return whether no rule of the servers hits ``host`` beneath what a program relays."""
    rough = tuple(rule for rule in rules if rule.layers & _BARE or rule.action in _ROUGH)
    if not rough:
        return True
    sites = tuple(world.sites_at(host))
    requests = (
        request
        for rule in rough
        for layer in rule.layers
        for port in host.ports
        for request in _requests(layer, host, port, sites)
    )
    return not any(active(rough, request, scenario.starts) for request in requests)


def _requests(layer: Layer, host: Host, port: int, sites: tuple[Site, ...]) -> Iterator[Request]:
    """Yield what may be seen of a connection to ``host``: its address, and each of its names."""
    services = frozenset().union(*(site.services for site in sites))
    categories = frozenset().union(*(site.categories for site in sites))
    names: tuple[str | None, ...] = (None, *(site.name for site in sites))
    for name in names:
        yield Request(
            layer=layer,
            address=host.address,
            port=port,
            name=name,
            names=frozenset(site.name for site in sites),
            services=services,
            categories=categories,
            foreign=host.foreign,
        )
