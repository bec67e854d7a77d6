"""From what a person wrote to a whole endpoint: the defaults, all in one place.

The table is repeated for people in targets/README.md.
"""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import UnsetType, structs

from probe.model.address import parse_ip
from probe.model.target import Category, Endpoint, Kind, Purpose, Risk
from probe.targets.format import CatalogHead, EndpointEntry, ServiceHead

__all__ = ["DEFAULT_CATEGORIES", "TLS_KINDS", "complete", "floor", "rank"]

T = TypeVar("T")

TLS_KINDS = frozenset(
    {
        Kind.TLS,
        Kind.DOH,
        Kind.DOT,
        Kind.QUIC,
        Kind.TOR_OR,
        Kind.SIGNAL_PROXY,
        Kind.WHATSAPP,
    }
)
"""Kinds that speak TLS by their nature; ``http`` may or may not, the others never do."""

DEFAULT_CATEGORIES = frozenset(
    {
        Category.MESSAGING,
        Category.APP_STORE,
        Category.DNS_RESOLVER,
        Category.CONTROL,
        Category.DOMESTIC,
    }
)
"""Measured without an opt-in; every other category is asked for by name."""

_FLOOR: Mapping[Category, Risk] = {
    Category.APP_STORE: Risk.BASELINE,
    Category.DNS_RESOLVER: Risk.BASELINE,
    Category.CONTROL: Risk.BASELINE,
    Category.DOMESTIC: Risk.BASELINE,
    Category.TOR: Risk.HIGH,
    Category.VPN: Risk.HIGH,
    Category.CIRCUMVENTION: Risk.HIGH,
    Category.HUMAN_RIGHTS: Risk.HIGH,
}
_ORDER = (Risk.BASELINE, Risk.MEDIUM, Risk.HIGH)

_PORTS: Mapping[Kind, int] = {
    Kind.TLS: 443,
    Kind.DOH: 443,
    Kind.DOT: 853,
    Kind.RESOLVER: 53,
    Kind.QUIC: 443,
    Kind.STUN: 3478,
    Kind.SIGNAL_PROXY: 443,
    Kind.MTPROTO: 443,
    Kind.WHATSAPP: 443,
    Kind.IKEV2: 500,
    Kind.WIREGUARD: 51_820,
    Kind.OPENVPN: 1194,
}
_ALPN: Mapping[Kind, tuple[str, ...]] = {
    Kind.HTTP: ("h2", "http/1.1"),
    Kind.DOH: ("h2", "http/1.1"),
    Kind.DOT: ("dot",),
    Kind.QUIC: ("h3",),
    Kind.WHATSAPP: ("http/1.1",),
}
_PATHS: Mapping[Kind, str] = {Kind.HTTP: "/", Kind.DOH: "/dns-query", Kind.WHATSAPP: "/ws/chat"}
_NO_SNI = frozenset({Kind.TOR_OR, Kind.SIGNAL_PROXY})
_PURPOSES: Mapping[Category, Purpose] = {
    Category.CONTROL: Purpose.CONTROL,
    Category.DOMESTIC: Purpose.DOMESTIC,
}


def floor(category: Category) -> Risk:
    """Return the lowest risk that an endpoint of this category may state."""
    return _FLOOR.get(category, Risk.MEDIUM)


def rank(risk: Risk) -> int:
    """Return a number that grows with the risk."""
    return _ORDER.index(risk)


def complete(head: CatalogHead, service: ServiceHead, entry: EndpointEntry) -> Endpoint:
    """Return the endpoint that an entry stands for; none is compared with itself."""
    endpoint = _complete(head, service, entry)
    if endpoint.baseline != endpoint.id:
        return endpoint
    return structs.replace(endpoint, baseline=None)


def _complete(head: CatalogHead, service: ServiceHead, entry: EndpointEntry) -> Endpoint:
    return Endpoint(
        service=service.id,
        kind=entry.kind,
        host=entry.host,
        port=_set(entry.port, _port(entry)),
        tls=entry.tls,
        sni=_set(entry.sni, _sni(entry)),
        alpn=_set(entry.alpn, _ALPN.get(entry.kind, ()) if entry.tls else ()),
        path=_set(entry.path, _PATHS.get(entry.kind)),
        method=entry.method,
        transport=entry.transport,
        wrap=entry.wrap,
        digest=entry.digest,
        key=entry.key,
        host_header=entry.host_header,
        expect=entry.expect,
        range_bytes=entry.range_bytes,
        read_bytes=entry.read_bytes,
        trust=entry.trust,
        purpose=_set(
            entry.purpose, service.purpose or _PURPOSES.get(head.category, Purpose.TARGET)
        ),
        role=entry.role,
        risk=_set(entry.risk, service.risk or floor(head.category)),
        plan=entry.plan,
        country=_set(entry.country, service.country),
        anchor=entry.anchor,
        operator=entry.operator,
        expected=entry.expected,
        identity=entry.identity,
        baseline=entry.baseline or service.baseline,
        source=_set(entry.source, service.source or ""),
        checked_on=_set(entry.checked_on, service.checked_on or head.checked_on),
        off=entry.off,
        note=entry.note,
    )


def _set(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value


def _port(entry: EndpointEntry) -> int | None:
    if entry.kind is Kind.HTTP:
        return 443 if entry.tls else 80
    return _PORTS.get(entry.kind)


def _sni(entry: EndpointEntry) -> str | None:
    if not entry.tls or entry.kind in _NO_SNI or parse_ip(entry.host) is not None:
        return None
    return entry.host
