"""What must hold for one endpoint, whoever wrote it."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from probe.model.address import parse_ip
from probe.model.target import (
    Category,
    Endpoint,
    Expect,
    Kind,
    Plan,
    Purpose,
    Role,
    Service,
    Trust,
    Wrap,
)
from probe.targets.defaults import TLS_KINDS, floor, rank
from probe.targets.hosts import host_problem, name_problem

__all__ = ["Problem", "endpoint_problems", "service_problems"]

_PATH_KINDS = frozenset({Kind.HTTP, Kind.DOH, Kind.TLS, Kind.QUIC, Kind.TOR_DIR, Kind.WHATSAPP})
_ASN = re.compile(r"AS[1-9][0-9]{0,9}\Z")

_KEY_FORMS = {
    Kind.OPENVPN: (re.compile(r"[0-9A-Fa-f]{512}\Z"), "write 512 hexadecimal digits"),
    Kind.WIREGUARD: (re.compile(r"[A-Za-z0-9+/]{43}=\Z"), "write 32 bytes in base64"),
}


class Problem(NamedTuple):
    """One thing that is wrong; where the file and the line are known elsewhere."""

    field: str
    text: str
    mend: str


def endpoint_problems(endpoint: Endpoint, category: Category) -> Iterator[Problem]:
    """Yield everything that is wrong with one endpoint by itself."""
    for rule in _RULES:
        yield from rule(endpoint)
    if rank(endpoint.risk) < rank(floor(category)):
        yield Problem(
            "risk",
            f"{endpoint.risk} is below the tier of {category}",
            f"write risk: {floor(category)} or higher",
        )


def service_problems(service: Service) -> Iterator[Problem]:
    """Yield what is wrong with a service by itself."""
    if service.retired_on is not None:
        planned = [e.id for e in service.endpoints if e.plan is not Plan.ALL]
        if planned:
            yield Problem(
                "plan", f"the service is retired, yet {planned[0]} is planned", "use plan: all"
            )


def _host(endpoint: Endpoint) -> Iterator[Problem]:
    if "{" in endpoint.host:
        if endpoint.off is None:
            yield Problem("host", "a template is not a host", "add off: with the reason")
        return
    problem = host_problem(endpoint.host)
    if problem:
        yield Problem("host", problem, "name a public host")
    for field, name in (("sni", endpoint.sni), ("host_header", endpoint.host_header)):
        wrong = None if name in (None, endpoint.host) else name_problem(name or "")
        if wrong:
            yield Problem(field, wrong, "name a public host")


def _port(endpoint: Endpoint) -> Iterator[Problem]:
    literal = parse_ip(endpoint.host) is not None
    if endpoint.kind is Kind.DNS:
        if endpoint.port is not None:
            yield Problem("port", "a name to resolve has no port", "remove it, or kind: resolver")
        if literal:
            yield Problem("host", "an address cannot be resolved", "name a host")
    elif endpoint.port is None:
        yield Problem("port", f"kind {endpoint.kind} needs a port", "add port:")


def _tls(endpoint: Endpoint) -> Iterator[Problem]:
    if endpoint.kind in TLS_KINDS and not endpoint.tls:
        yield Problem("tls", f"kind {endpoint.kind} speaks TLS", "write tls: true")
    elif endpoint.tls and endpoint.kind not in TLS_KINDS | {Kind.HTTP}:
        yield Problem("tls", f"kind {endpoint.kind} does not speak TLS", "write tls: false")
    if not endpoint.tls and (endpoint.sni or endpoint.alpn):
        yield Problem("sni", "SNI and ALPN without TLS", "write tls: true, or remove them")
    named = endpoint.tls and parse_ip(endpoint.host) is None
    if named and endpoint.kind not in (Kind.TOR_OR, Kind.SIGNAL_PROXY) and not endpoint.sni:
        yield Problem("sni", "TLS to a name without SNI", "leave sni out: it becomes the host")


def _request(endpoint: Endpoint) -> Iterator[Problem]:
    if endpoint.path is not None and endpoint.kind not in _PATH_KINDS:
        yield Problem("path", f"kind {endpoint.kind} has no path", "remove it")
    if endpoint.kind is not Kind.HTTP and (endpoint.method != "GET" or endpoint.expect):
        yield Problem("method", "method and expect are for kind http", "remove them")
    if endpoint.host_header and endpoint.kind is not Kind.HTTP:
        yield Problem("host_header", "only kind http sends one", "remove it")
    expect = endpoint.expect
    if expect and not all(100 <= status <= 599 for status in expect.status):
        yield Problem("expect", "not an HTTP status", "write statuses from 100 to 599")
    if expect and expect.body_contains is not None and endpoint.method == "HEAD":
        yield Problem("expect", "a HEAD request has no body", "use method: GET")


def _tunnel(endpoint: Endpoint) -> Iterator[Problem]:
    """Look at what only tunnels have: a transport, a wrapping, a published key."""
    openvpn = endpoint.kind is Kind.OPENVPN
    if not openvpn and endpoint.transport != "udp":
        yield Problem("transport", "only kind openvpn has a choice of transport", "remove it")
    if not openvpn and (endpoint.wrap is not None or endpoint.digest != "sha1"):
        yield Problem("wrap", "only kind openvpn has a wrapping", "remove wrap and digest")
    if endpoint.key is None:
        return
    if endpoint.kind not in (Kind.OPENVPN, Kind.WIREGUARD):
        yield Problem("key", f"kind {endpoint.kind} has no key", "remove it")
    elif openvpn and endpoint.wrap not in (Wrap.TLS_AUTH, Wrap.TLS_CRYPT):
        yield Problem("wrap", "a static key belongs to a wrapping", "wrap: tls-auth or tls-crypt")
    form, mend = _KEY_FORMS.get(endpoint.kind, (None, ""))
    if form is not None and not form.match(endpoint.key):
        yield Problem("key", "not a key of this protocol", mend)


def _purpose(endpoint: Endpoint) -> Iterator[Problem]:
    if endpoint.purpose is Purpose.DOMESTIC and endpoint.country is None:
        yield Problem("country", "a domestic control of which country?", "add country:")
    bound = endpoint.purpose is Purpose.DOMESTIC or endpoint.role is Role.LISTING
    if not bound and endpoint.country is not None:
        yield Problem("country", "only domestic controls have a country", "remove it")


def _download(endpoint: Endpoint) -> Iterator[Problem]:
    """Ask for a file by its first bytes, or read a page up to a limit; never both."""
    asked = (("range_bytes", endpoint.range_bytes), ("read_bytes", endpoint.read_bytes))
    for field, size in asked:
        if size is not None and (endpoint.kind is not Kind.HTTP or endpoint.method != "GET"):
            yield Problem(field, "only a GET request reads a body", "remove it, or method: GET")
    if None not in (endpoint.range_bytes, endpoint.read_bytes):
        yield Problem("read_bytes", "a range is read to its end", "remove one of the two")


def _listing(endpoint: Endpoint) -> Iterator[Problem]:
    expect = endpoint.expect
    if endpoint.role is not Role.LISTING:
        if expect is not None and (expect.absent is not None or expect.storefront is not None):
            yield Problem("expect", "absent and storefront are for listings", "remove them")
        if "{country}" in (endpoint.path or ""):
            yield Problem("path", "only a listing asks a country's storefront", "write it out")
        return
    if endpoint.kind is not Kind.HTTP or not endpoint.tls or endpoint.trust is not Trust.PUBLIC:
        yield Problem("kind", "a store speaks for itself only over HTTPS", "use kind: http")
    if not endpoint.store:
        yield Problem("role", "a listing of which store?", "write it in listings.yaml")
    if expect is None or expect.absent is None or not _has_mark(expect):
        yield Problem("expect", "a listing needs a mark for there and one for absent", "add both")
    elif (expect.storefront is None) is ("{country}" in (endpoint.path or "")):
        yield Problem("expect", "storefront and {country} go together", "give both or none")


def _has_mark(expect: Expect) -> bool:
    return expect.body_contains is not None or expect.location_contains is not None


def _anchor(endpoint: Endpoint) -> Iterator[Problem]:
    if not endpoint.anchor:
        return
    if endpoint.purpose is Purpose.TARGET:
        yield Problem("anchor", "a target cannot be an anchor", "purpose: control or domestic")
    if endpoint.kind is not Kind.HTTP or not endpoint.tls or endpoint.trust is not Trust.PUBLIC:
        yield Problem("anchor", "an anchor is HTTPS with a public certificate", "use kind: http")
    if not endpoint.operator:
        yield Problem("operator", "whose network is this anchor in?", "add operator:")
    if endpoint.plan is not Plan.CORE:
        yield Problem("plan", "anchors are measured in every round", "use plan: core")


def _off(endpoint: Endpoint) -> Iterator[Problem]:
    if endpoint.off is not None and (endpoint.plan is not Plan.ALL or endpoint.anchor):
        yield Problem("plan", "an endpoint that is off is in a plan", "use plan: all")


def _provenance(endpoint: Endpoint) -> Iterator[Problem]:
    if not endpoint.source:
        yield Problem("source", "where does this endpoint come from?", "add source:")
    if endpoint.identity is not None and endpoint.kind is not Kind.TOR_OR:
        yield Problem("identity", "only a relay of Tor has one", "kind: tor-or, or remove it")
    for entry in endpoint.expected:
        if not (_ASN.match(entry) or _is_network(entry)):
            yield Problem(
                "expected", f"{entry[:40]!r} is no address, network or AS number", "e.g. AS64500"
            )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


_RULES: tuple[Callable[[Endpoint], Iterator[Problem]], ...] = (
    _host,
    _port,
    _tls,
    _request,
    _tunnel,
    _purpose,
    _download,
    _listing,
    _anchor,
    _off,
    _provenance,
)
