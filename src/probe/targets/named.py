"""What somebody names on a command line: a service, a host, a URL, also one of no catalog."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from msgspec import structs

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.model.target import Catalog, Category, Endpoint, Kind, Plan, Risk, Service
from probe.targets.convert import quoted
from probe.targets.hosts import host_problem
from probe.targets.listings import PREFIX as LISTING
from probe.targets.select import suggest
from probe.targets.untrusted import KnownHosts, untrusted_problems

__all__ = ["Named", "named", "with_listing"]

_MAX = 2_000
_PLAIN_PORTS = frozenset({80, 8080})
_TLS_PORTS = frozenset({443, 8443})


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a name stands for.

    ``catalog`` is the given one, with a service of its own for what is not in it; ``names`` are
    what to select from it. ``categories`` is what the catalog knows of an ``outside`` host's
    kind; a consent has to cover it.
    """

    catalog: Catalog
    names: tuple[str, ...]
    outside: bool = False
    risk: Risk = Risk.MEDIUM
    categories: Collection[Category] = ()


class _Place(NamedTuple):
    host: str
    port: int | None
    tls: bool | None  # None: nobody said
    path: str | None  # None: no URL


def named(text: str, catalog: Catalog, *, today: date) -> Named:
    """Return what ``text`` stands for: a service or endpoint id, ``host[:port]``, or a URL.

    What is private is named by its label, and by nothing else.

    A host or URL that the catalog measures stands for its endpoints there; any other public one
    becomes an endpoint of its own, under the rules for files from elsewhere: no mail, no remote
    administration, nothing private.

    Raises:
        InputError: it is none of these, or must not be measured.

    """
    if len(text) > _MAX:
        raise InputError("that is too long for a name", mend="name a service, a host or a URL")
    if catalog.service(text) is not None or any(e.id == text for e in catalog.endpoints()):
        return Named(catalog=catalog, names=(text,))
    own = next((e.id for e in catalog.endpoints() if e.private == text), None)
    if own is not None:
        return Named(catalog=catalog, names=(own,))
    place = _url(text) if "://" in text else _host_and_port(text)
    if place.path is None and "." not in place.host and parse_ip(place.host) is None:
        raise InputError(
            f"no service or host {quoted(text)}", mend=suggest(catalog, text, categories=False)
        )
    wrong = host_problem(place.host)
    if wrong:
        raise InputError(f"{quoted(place.host)} cannot be measured: {wrong}")
    found = tuple(e for e in catalog.endpoints() if e.off is None and _is(e, place))
    for endpoint in found:
        if endpoint.private is not None:  # under its own name it would be kept and shown
            raise InputError("that place is on your own list", mend=f"name {endpoint.private}")
    if found:
        return Named(catalog=catalog, names=tuple(e.id for e in found))
    return _outside(place, catalog, today)


def with_listing(found: Named) -> Named:
    """Return what was named and, beside it, its app in the stores.

    Raises:
        InputError: no app of it is known.

    """
    apps = tuple(
        f"{LISTING}{name}"
        for name in found.names
        if found.catalog.service(f"{LISTING}{name}") is not None
    )
    if not apps:
        mend = "probe run --listing asks for all apps that are known"
        raise InputError("no app of it is known in any store", field="--listing", mend=mend)
    return replace(found, names=(*found.names, *apps))


def _is(endpoint: Endpoint, place: _Place) -> bool:
    """Return whether a catalog's endpoint is what a place names."""
    if endpoint.host != place.host or place.port not in (None, endpoint.port):
        return False
    if place.path is None:
        return True
    asked = endpoint.kind is Kind.HTTP and endpoint.tls is place.tls
    port = place.port or (443 if place.tls else 80)
    return asked and endpoint.port == port and (endpoint.path or "/") == place.path


def _host_and_port(text: str) -> _Place:
    ip = parse_ip(text)
    if ip is not None:
        return _Place(str(ip), None, None, None)
    host, colon, number = text.rpartition(":")
    if not colon:
        return _Place(_ascii(text), None, None, None)
    if not number.isdecimal() or not 1 <= int(number[:6]) <= 65_535:
        raise InputError(f"{quoted(text)} has no port from 1 to 65535", mend="write host:443")
    return _Place(_ascii(host), int(number), None, None)


def _url(text: str) -> _Place:
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError as exc:
        raise InputError(f"{quoted(text)} is no URL") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"{quoted(text)} is no web address", mend="write https://host/path")
    if parts.username is not None or parts.password is not None:
        raise InputError("a URL with a user or password in it is not measured", mend="leave it out")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    tls = parts.scheme == "https"
    return _Place(_ascii(host), port, tls, f"{path}?{query}" if query else path)


def _ascii(host: str) -> str:
    """Return a name in the form in which it is asked for.

    Raises:
        InputError: it is no host name.

    """
    ip = parse_ip(host)
    if ip is not None:
        return str(ip)
    plain = host.rstrip(".").lower()
    if plain.isascii():
        return plain
    try:
        return plain.encode("idna").decode("ascii")
    except UnicodeError as exc:
        raise InputError(f"{quoted(host)} is no host name") from exc


def _outside(place: _Place, catalog: Catalog, today: date) -> Named:
    from probe.targets.load import load_catalog

    packaged = load_catalog()
    hosts = KnownHosts(packaged)
    category = _category(place.host, (packaged, catalog))
    port, tls, kind = _how(place)
    ident = f"named-{place.host.replace('.', '-').replace(':', '-')}"
    endpoint = Endpoint(
        service=ident,
        kind=kind,
        host=place.host,
        port=port,
        tls=tls,
        sni=place.host if tls and parse_ip(place.host) is None else None,
        alpn=("h2", "http/1.1") if tls else (),
        path=(place.path or "/") if kind is Kind.HTTP else None,
        risk=hosts.floor(place.host),
        plan=Plan.ALL,
        source="named on the command line",
        checked_on=today,
    )
    for problem in untrusted_problems(endpoint, hosts):
        raise InputError(f"{quoted(place.host)} cannot be measured: {problem.text}")
    service = Service(
        id=ident, name=place.host, category=category or Category.NEWS, endpoints=(endpoint,)
    )
    return Named(
        catalog=structs.replace(catalog, services=(*catalog.services, service)),
        names=(ident,),
        outside=True,
        risk=endpoint.risk,
        categories=() if category is None else (category,),
    )


def _how(place: _Place) -> tuple[int, bool, Kind]:
    """Return port, encryption and kind; of an unusual port only a connection can be asked."""
    if place.tls is not None:
        return place.port or (443 if place.tls else 80), place.tls, Kind.HTTP
    port = place.port or 443
    if port in _TLS_PORTS or port in _PLAIN_PORTS:
        return port, port in _TLS_PORTS, Kind.HTTP
    return port, False, Kind.TCP


def _category(host: str, catalogs: Collection[Catalog]) -> Category | None:
    """Return the category of the closest known name above ``host``, ``None`` for a stranger."""
    labels = host.split(".")
    names = [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
    shelves = {
        endpoint.host.removeprefix("www."): service.category
        for catalog in catalogs
        for service in catalog.services
        for endpoint in service.endpoints
        if endpoint.host_header is None
    }
    return next((shelves[name] for name in names if name in shelves), None)
