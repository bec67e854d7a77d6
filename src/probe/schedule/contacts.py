"""Whom a measurement may contact: the same table serves the dry run and the network's door."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from probe.model.address import is_public, parse_ip
from probe.model.target import Endpoint, Kind
from probe.probes.options import ProbeOptions
from probe.probes.resolvers import DOH_BY_ADDRESS, DOT_BY_ADDRESS

__all__ = [
    "OTHER_RESOLVERS",
    "Contacts",
    "Place",
    "contacts_of",
    "encrypted_resolvers",
    "may_dial",
    "port_of",
]

_PORTS = {
    Kind.DNS: 53,
    Kind.RESOLVER: 53,
    Kind.DOT: 853,
    Kind.STUN: 3478,
    Kind.IKEV2: 500,
    Kind.OPENVPN: 1194,
    Kind.WIREGUARD: 51_820,
}


OTHER_RESOLVERS = ("8.8.8.8", "9.9.9.9")
"""Asked in plain UDP when the line's own resolver fails: does another one fare alike?"""


class Place(NamedTuple):
    """An address and a port."""

    address: str
    port: int


class Contacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a round may contact, and the public addresses that ``names`` resolve to."""

    names: tuple[str, ...]
    literals: tuple[str, ...]
    ports: tuple[int, ...]
    resolvers: tuple[str, ...]
    controls: tuple[str, ...] = ()  # live ones, which are told what is measured


def port_of(endpoint: Endpoint) -> int:
    """Return the port that ``endpoint`` is measured on, its kind's own when it names none."""
    if endpoint.port is not None:
        return endpoint.port
    if endpoint.kind is Kind.HTTP and not endpoint.tls:
        return 80
    return _PORTS.get(endpoint.kind, 443)


def encrypted_resolvers() -> tuple[Place, ...]:
    """Return the public resolvers that are asked over TLS, by their addresses."""
    hosts = (urlsplit(url).hostname for url in DOH_BY_ADDRESS)
    doh = tuple(Place(host, 443) for host in hosts if host is not None)
    return (*doh, Place(DOT_BY_ADDRESS, 853))


def contacts_of(endpoints: Iterable[Endpoint], nameservers: Iterable[str]) -> Contacts:
    """Return the union of what measurements of ``endpoints`` may contact."""
    names: set[str] = set()
    literals: set[str] = set()
    encrypted = encrypted_resolvers()
    ports = {53} | {place.port for place in encrypted}
    for endpoint in endpoints:
        if endpoint.private is not None:
            names.add(f"{endpoint.private} (private)")
            continue
        (names if parse_ip(endpoint.host) is None else literals).add(endpoint.host)
        ports.add(port_of(endpoint))
    own = tuple(f"{address}:53" for address in nameservers) or ("this system's own",)
    plain = (*own, *(f"{address}:53" for address in OTHER_RESOLVERS))
    servers = [*plain, *(f"{place.address}:{place.port}" for place in encrypted)]
    return Contacts(
        names=tuple(sorted(names)),
        literals=tuple(sorted(literals)),
        ports=tuple(sorted(ports)),
        resolvers=tuple(dict.fromkeys(servers)),
    )


def may_dial(
    place: Place, endpoint: Endpoint, options: ProbeOptions, nameservers: Iterable[str]
) -> bool:
    """Return whether a measurement of ``endpoint`` may send to ``place``.

    That is: its resolvers; its own host, when that is an address; the addresses it was told to
    use; and public addresses on its own port, when its host is a name. A transfer to a server of
    one's own goes there and nowhere else.
    """
    server = options.transfer.server if options.transfer is not None else None
    if server is not None:
        return place == Place(server.address, server.port)
    if place in encrypted_resolvers():
        return True
    asked = (*nameservers, *OTHER_RESOLVERS)
    if place.address in asked and place.port == 53:
        return True
    if place.port != port_of(endpoint):
        return False
    literal = parse_ip(endpoint.host)
    if place.address in options.addresses or (literal and str(literal) == place.address):
        return True
    return literal is None and is_public(place.address)
