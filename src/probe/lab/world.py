"""The small internet: names, addresses, ports and pages, made from any catalog.

Every name of the catalog resolves (but for retired services), every address answers on the
ports that the catalog states and on 80 and 443, and every page is what ``expect`` asks for.
The same catalog always gives the same world, so that two processes can build it apart.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from probe.lab.addresses import AddressBook
from probe.lab.protocols import DATAGRAM_KINDS, STREAM_KINDS, carrier_of
from probe.model.address import is_public, parse_ip
from probe.model.target import Category, Endpoint, Kind, Purpose, Role, Service, Trust
from probe.probes.resolver import NEUTRAL_NAME
from probe.probes.resolvers import PUBLIC_RESOLVERS

__all__ = [
    "BLOCK_PAGE",
    "DAEMONS",
    "NAMESERVER",
    "OPEN_RESOLVER",
    "OWN",
    "Host",
    "Page",
    "Site",
    "World",
    "build_world",
]

NAMESERVER = "resolver.isp.example"
BLOCK_PAGE = "blocked.isp.example"
COMPARISON = "comparison.example"
"""The host that stands for one whose operator consented to the SNI comparison."""
RESOLVER_NAMES = {
    "1.1.1.1": "one.one.one.one",
    "8.8.8.8": "dns.google",
    "9.9.9.9": "dns.quad9.net",
}
"""Names that open resolvers are called by; here they are stand-ins in the lab."""

OPEN_RESOLVER = "8.8.8.8"
OWN = "lab"
DAEMONS = ("nginx", "caddy")
"""Who serves a host: the lab's own servers, or (in namespaces) web servers of the real world."""

_DEFAULT_PORTS = {
    Kind.RESOLVER: 53,
    Kind.DOT: 853,
    Kind.DOH: 443,
    Kind.TLS: 443,
    Kind.TCP: 443,
    Kind.STUN: 3478,
    Kind.TOR_DIR: 80,
    Kind.QUIC: 443,
    Kind.OPENVPN: 1194,
    Kind.WIREGUARD: 51_820,
    Kind.IKEV2: 500,
}
_RESOLVING = (Kind.RESOLVER, Kind.DOH, Kind.DOT)
_CONTROLS = {Category.CONTROL.value, Category.DOMESTIC.value}


@dataclass(frozen=True, slots=True)
class Page:
    """What a path answers when nobody interferes."""

    status: int = 200
    body: bytes = b""
    location: str | None = None


_STOREFRONT = re.compile(r"\b(country|gl)=[a-z]{2}\b")


@dataclass(slots=True)
class Site:
    """A name: where it is, whose it is, what it serves."""

    name: str
    title: str
    foreign: bool
    trust: Trust = Trust.PUBLIC
    addresses: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()  # what the control sees instead (geo-DNS); empty: the same
    exists: bool = True
    services: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    pages: dict[str, Page] = field(default_factory=dict)

    def seen_from(self, *, abroad: bool) -> tuple[str, ...]:
        """Return the addresses that an asker inside, or outside, the country is given."""
        return self.elsewhere if abroad and self.elsewhere else self.addresses

    def page(self, path: str) -> Page:
        """Return what ``path`` answers; an unknown path is a plain 200 page as well.

        A store has every app in the storefronts of all countries.
        """
        asked = (path, _STOREFRONT.sub(r"\1={country}", path), path.partition("?")[0])
        found = next((self.pages[one] for one in asked if one in self.pages), None)
        return found or Page(200, default_body(self.title))


@dataclass(slots=True)
class Host:
    """An address: the names it serves (the first is the default certificate's) and its ports."""

    address: str
    foreign: bool
    names: list[str] = field(default_factory=list)
    ports: set[int] = field(default_factory=lambda: {80, 443})
    resolver: bool = False
    doh: bool = False  # an endpoint asks it over HTTPS
    doh_paths: set[str] = field(default_factory=lambda: {"/dns-query"})
    speaks: dict[int, Kind] = field(default_factory=dict)  # ports with a protocol of their own
    terms: dict[tuple[str, int], Endpoint] = field(default_factory=dict)  # by carrier and port
    block_page: bool = False
    software: str = OWN

    def hears_datagrams(self, port: int) -> bool:
        """Return whether it answers datagrams at ``port``: DNS, or a protocol of its own."""
        return (self.resolver and port == 53) or ("udp", port) in self.terms


def short_body(title: str, text: str = "A page of the lab.") -> bytes:
    """Return a page that has ``title`` and one sentence, as notices are."""
    return (
        f"<!doctype html><html><head><title>{title}</title></head>"
        f"<body><h1>{title}</h1><p>{text}</p></body></html>"
    ).encode()


def default_body(title: str, path: str = "/") -> bytes:
    """Return a page that has ``title`` and some length, as front pages have.

    A path ``/size/N`` asks for at least N bytes.
    """
    wanted = re.fullmatch(r"/size/(\d{1,7})", path)
    sentences = 40 if wanted is None else int(wanted.group(1)) // len(title) + 1
    return short_body(
        title, " ".join(f"This is sentence {n} of {title}." for n in range(sentences))
    )


@dataclass(slots=True)
class World:
    """Sites by name, hosts by address, and the line's own resolver."""

    sites: dict[str, Site] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    nameserver: str = ""
    block_page: str = ""
    own_address: str = ""  # the line's own, as others see it
    own_address_v6: str = ""
    abroad_address: str = ""  # of the uncensored vantage
    abroad_address_v6: str = ""
    authority: tuple[str, ...] = ()  # where the name servers of all names are
    open_resolver: str = OPEN_RESOLVER  # whom the vantage abroad asks

    def site(self, name: str | None) -> Site | None:
        """Return the site called ``name`` (any case, a final dot allowed)."""
        return None if name is None else self.sites.get(name.lower().rstrip("."))

    @property
    def consenting(self) -> str | None:
        """``address:port`` of the host that agreed to the SNI comparison, if there is one."""
        site = self.site(COMPARISON)
        return None if site is None else f"{site.addresses[0]}:443"

    def default_site(self, host: Host) -> Site | None:
        """Return the site that answers when no name is given."""
        return self.sites.get(host.names[0]) if host.names else None

    def sites_at(self, host: Host) -> Iterator[Site]:
        """Return the sites that ``host`` serves."""
        return (self.sites[name] for name in host.names if name in self.sites)


class _Builder:
    """Collects sites and hosts; literal addresses of the catalog keep their meaning."""

    def __init__(self, country: str, cdn: Sequence[str]) -> None:
        self.world = World()
        self._country = country
        self._cdn = frozenset(cdn)
        self._book = AddressBook()

    def foreign(self, endpoint: Endpoint) -> bool:
        """Return whether the endpoint's host stands outside the vantage's country."""
        if endpoint.country is not None:
            return endpoint.country != self._country
        return endpoint.purpose is not Purpose.DOMESTIC

    def site(self, name: str, title: str, *, foreign: bool, at: Sequence[str] = ()) -> Site:
        """Return the site, made with addresses of its own unless it is served ``at`` others."""
        name = name.lower()
        known = self.world.sites.get(name)
        if known is not None:
            return known
        addresses = tuple(at) or self._addresses(name, foreign=foreign)
        elsewhere = self._addresses(f"{name} abroad", foreign=True) if name in self._cdn else ()
        site = Site(name, title, foreign, addresses=addresses, elsewhere=elsewhere)
        self.world.sites[name] = site
        for address in (*addresses, *elsewhere):
            self.host(address, foreign=foreign).names.append(name)
        return site

    def vantages(self) -> None:
        """Give the line and the vantage abroad their addresses; nothing is served there."""
        world, book = self.world, self._book
        world.own_address = book.v4("the measured line", foreign=False)
        world.own_address_v6 = book.v6("the measured line", foreign=False)
        world.abroad_address = book.v4("the vantage abroad", foreign=True)
        world.abroad_address_v6 = book.v6("the vantage abroad", foreign=True)

    def authority(self) -> None:
        """Add the name servers of all names; nothing else is served there."""
        book = self._book
        label = "the name servers"
        addresses = (book.v4(label, foreign=True), book.v6(label, foreign=True))
        self.world.authority = addresses
        for address in addresses:
            self.host(address, foreign=True).ports = {53}

    def software(self) -> None:
        """Give the web sites of controls, in turn, to nginx and to caddy.

        Targets are served by the lab's own servers, which misbehave on demand; those that speak
        QUIC by caddy, where nothing is demanded of them.
        """
        hosts: dict[str, list[Host]] = {}
        for host in self.world.hosts.values():
            if host.names and self._plain_web(host):
                hosts.setdefault(host.names[0], []).append(host)
        for number, name in enumerate(sorted(hosts)):
            for host in hosts[name]:
                host.software = DAEMONS[number % len(DAEMONS)]
        for host in self.world.hosts.values():
            if host.software == OWN and self._fast_web(host):
                host.software = DAEMONS[1]

    def _fast_web(self, host: Host) -> bool:
        """Return whether a host speaks QUIC besides the web, and nothing else: that is caddy's."""
        bare = host.ports == {80, 443} and not (host.resolver or host.doh or host.block_page)
        return (
            bare
            and host.speaks == {443: Kind.QUIC}
            and all(
                site.trust is Trust.PUBLIC and parse_ip(site.name) is None
                for site in self.world.sites_at(host)
            )
        )

    def _plain_web(self, host: Host) -> bool:
        """Return whether a host does nothing but serve pages of controls."""
        sites = tuple(self.world.sites_at(host))
        special = host.resolver or host.speaks or host.block_page or host.ports != {80, 443}
        return not special and all(
            site.pages
            and site.categories <= _CONTROLS
            and site.trust is Trust.PUBLIC
            and parse_ip(site.name) is None
            for site in sites
        )

    def _addresses(self, name: str, *, foreign: bool) -> tuple[str, ...]:
        return (
            self._book.v4(name, foreign=foreign),
            self._book.v4(f"{name} second", foreign=foreign),
            self._book.v6(name, foreign=foreign),
        )

    def host(self, address: str, *, foreign: bool) -> Host:
        """Return the host at ``address``, made when it is new."""
        return self.world.hosts.setdefault(address, Host(address, foreign))

    def endpoint(self, service: Service, endpoint: Endpoint) -> None:
        """Make the world answer ``endpoint``."""
        foreign = self.foreign(endpoint)
        literal = parse_ip(endpoint.host)
        if literal is not None:
            hosts = [self.host(str(literal), foreign=foreign)]
        else:
            first = self.site(endpoint.host, service.name, foreign=foreign)
            hosts = [self.world.hosts[a] for a in (*first.addresses, *first.elsewhere)]
        at = [host.address for host in hosts]
        names = {endpoint.sni, endpoint.host_header} | ({endpoint.host} if not literal else set())
        for name in sorted(n.lower() for n in names if n and parse_ip(n) is None):
            site = self.site(name, service.name, foreign=foreign, at=at)
            self._describe(site, service, endpoint)
            for host in hosts:
                if name not in host.names:
                    host.names.append(name)
        if literal is not None and not hosts[0].names:
            self._unnamed(hosts[0], service, endpoint)
        for host in hosts:
            host.ports.add(_port(endpoint))
            host.resolver = host.resolver or endpoint.kind in _RESOLVING
            host.doh = host.doh or endpoint.kind is Kind.DOH
            if endpoint.kind is Kind.DOH and endpoint.path:
                host.doh_paths.add(endpoint.path.partition("?")[0])
            if endpoint.kind in (*DATAGRAM_KINDS, *STREAM_KINDS):
                host.speaks[_port(endpoint)] = endpoint.kind
                host.terms[carrier_of(endpoint), _port(endpoint)] = endpoint

    def _unnamed(self, host: Host, service: Service, endpoint: Endpoint) -> None:
        """Give an address without a name a site of its own, for its certificate and page."""
        site = Site(host.address, service.name, host.foreign, addresses=(host.address,))
        self.world.sites[host.address] = site
        host.names.append(host.address)
        self._describe(site, service, endpoint)

    def _describe(self, site: Site, service: Service, endpoint: Endpoint) -> None:
        alive = service.retired_on is None
        site.exists = alive if not site.services else site.exists or alive
        site.services.add(service.id)
        site.categories.add(service.category.value)
        if endpoint.trust is not Trust.PUBLIC:
            site.trust = endpoint.trust
        if endpoint.kind is not Kind.HTTP:
            return
        listing = endpoint.role is Role.LISTING
        path = endpoint.path or "/"
        site.pages[path if listing else path.partition("?")[0]] = _page_of(service, endpoint)


def _page_of(service: Service, endpoint: Endpoint) -> Page:
    """Return what an endpoint is answered where nobody interferes: what is expected of it."""
    expect = endpoint.expect
    status = expect.status[0] if expect is not None and expect.status else 200
    if status in (204, 304):
        return Page(status)
    if endpoint.range_bytes is not None:
        return Page(200, bytes(4 * endpoint.range_bytes))
    location = expect.location_contains if expect is not None else None
    body = default_body(service.name, (endpoint.path or "/").partition("?")[0])
    if expect is not None and expect.body_contains is not None:
        body = expect.body_contains.encode()
    return Page(status, body, None if location is None else f"https://files.example/{location}.apk")


def _port(endpoint: Endpoint) -> int:
    if endpoint.port is not None:
        return endpoint.port
    if endpoint.kind is Kind.HTTP:
        return 443 if endpoint.tls else 80
    return _DEFAULT_PORTS.get(endpoint.kind, 443)


def _usable(endpoint: Endpoint) -> bool:
    """Return whether the host is a name or a public address (no template, nothing private)."""
    if "{" in endpoint.host or not endpoint.host:
        return False
    return parse_ip(endpoint.host) is None or is_public(endpoint.host)


def _infrastructure(builder: _Builder) -> None:
    """Add what is everywhere: a resolver, a block page, open resolvers, a name to ask them for."""
    world = builder.world
    builder.site(NEUTRAL_NAME, "Example", foreign=True)
    builder.vantages()
    builder.authority()
    world.nameserver = builder.site(NAMESERVER, "Resolver", foreign=False).addresses[0]
    world.hosts[world.nameserver].resolver = True
    world.hosts[world.nameserver].ports.add(53)
    site = builder.site(BLOCK_PAGE, "Access to this site is blocked", foreign=False)
    world.block_page = site.addresses[0]
    for address in site.addresses:
        world.hosts[address].block_page = True
    for address in sorted(PUBLIC_RESOLVERS):
        host = builder.host(address, foreign=True)
        host.resolver = True
        host.ports |= {53, 853}
        name = RESOLVER_NAMES.get(address, address)
        site = builder.site(name, "Resolver", foreign=True, at=[address])
        if site.name not in host.names:
            host.names.append(site.name)


def build_world(services: Iterable[Service], country: str, *, cdn: Sequence[str] = ()) -> World:
    """Return a world in which every endpoint of ``services`` answers as it should.

    ``country`` (ISO 3166) is where the vantage stands; ``cdn`` are names whose addresses differ
    by where one asks from.
    """
    builder = _Builder(country, cdn)
    for service in services:
        for endpoint in service.endpoints:
            if _usable(endpoint):
                builder.endpoint(service, endpoint)
    _infrastructure(builder)
    builder.software()
    return builder.world
