"""OONI's archival data formats df-001, 002, 005 and 006 as steps."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

from probe.ingest.ooni_certificates import accepted, refused
from probe.ingest.ooni_values import (
    Where,
    clean,
    failure_of,
    integer,
    items,
    mapping,
    place_of,
    raw_bytes,
    seconds,
    text,
    where_of,
)
from probe.model.address import parse_ip
from probe.model.fingerprint import Fingerprint
from probe.model.measurement import Answer, DnsEngine, DnsStep, HttpStep, TcpStep, TlsStep
from probe.model.target import Expect, Trust
from probe.net.trust import Roots
from probe.probes.resolvers import CONFIGURED, PUBLIC_RESOLVERS
from probe.wire.pages import mark_index, page_title
from probe.wire.scrub import scrub_literals, scrub_url

__all__ = ["Page", "Trace"]

_ENGINES = {"udp": DnsEngine.UDP, "tcp": DnsEngine.TCP, "dot": DnsEngine.DOT, "doh": DnsEngine.DOH}
_CERTIFICATE = ("ssl_invalid_certificate", "ssl_invalid_hostname", "ssl_unknown_authority")
_HEADERS = frozenset(
    {"location", "server", "content-type", "content-length", "cf-mitigated", "date", "retry-after"}
)
MAX_BODY = 1 << 20


class Page:
    """One request and its answer, before it is known which endpoint it belongs to."""

    def __init__(self, entry: dict[str, Any]) -> None:
        """Read the entry; nothing in it is believed to have its type."""
        request, response = mapping(entry, "request"), mapping(entry, "response")
        self.where: Where | None = where_of(request.get("url"))
        self.method = clean(text(request, "method") or "GET")[:10]
        self.by_tor = mapping(request, "tor").get("is_tor") is True
        self.failure = failure_of(entry.get("failure"))
        self.status = integer(response, "code") or None
        self.headers = _headers(response)
        self.body = raw_bytes(response.get("body"))
        self.place = place_of(entry.get("address"))
        self.t0_s, self.t_s = _times(entry)

    @cached_property
    def words(self) -> str:
        """Return the body as text, cut."""
        return (self.body or b"")[:MAX_BODY].decode("utf-8", "replace")


def _times(entry: dict[str, Any]) -> tuple[float, float]:
    end = seconds(entry, "t") or 0.0
    begin = seconds(entry, "t0")
    return (min(begin, end), end) if begin is not None else (end, end)


def _headers(response: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    listed = response.get("headers_list")
    pairs: Iterable[Any] = listed if isinstance(listed, list) and listed else ()
    if not pairs:
        pairs = mapping(response, "headers").items()
    found = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            continue
        name, value = pair
        if isinstance(name, str) and isinstance(value, str) and name.lower() in _HEADERS:
            found.append((name.lower(), _scrubbed(name.lower(), clean(value[:500]))))
    return tuple(found[:50])


def _scrubbed(name: str, value: str) -> str:
    if name == "date":
        return value
    return scrub_url(value) if name == "location" else scrub_literals(value)


class Trace:
    """The network evidence of one measurement, oldest first, to be cut into endpoints."""

    def __init__(
        self,
        keys: dict[str, Any],
        *,
        started: datetime,
        roots: Roots,
        fingerprints: tuple[Fingerprint, ...],
    ) -> None:
        """Keep the raw entries; steps are made when they are asked for.

        ``compared`` is what OONI itself found comparing the last page (``ooni_control``).
        """
        self._keys = keys
        self._started = started
        self._roots = roots
        self._marks = mark_index(fingerprints)
        self.compared: tuple[int | None, str | None] = (None, None)
        pages = [Page(entry) for entry in items(keys, "requests")]
        self.pages = [p for p in reversed(pages) if not p.by_tor]
        self.tor_pages = [p for p in reversed(pages) if p.by_tor]

    @cached_property
    def queries(self) -> tuple[DnsStep, ...]:
        """Return the address queries, oldest first."""
        trusted = _host_of(text(self._keys, "control_resolver") or "")
        found = (_dns_step(entry, trusted) for entry in items(self._keys, "queries"))
        return tuple(sorted((s for s in found if s is not None), key=lambda s: s.t_s))

    @cached_property
    def connects(self) -> tuple[TcpStep, ...]:
        """Return the connections, without those to this machine (tunnels)."""
        found = (_tcp_step(entry) for entry in items(self._keys, "tcp_connect"))
        return tuple(sorted((s for s in found if s is not None), key=lambda s: s.t_s))

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Return the names that were asked for."""
        return frozenset(s.hostname for s in self.queries)

    def addresses(self, host: str) -> frozenset[str]:
        """Return the addresses that ``host`` was resolved to; a literal is its own."""
        found = {a.address for s in self.queries if s.hostname == host for a in s.answers}
        return frozenset(found | ({host} if parse_ip(host) is not None else set()))

    @cached_property
    def _shaken(self) -> tuple[dict[str, Any], ...]:
        found = items(self._keys, "tls_handshakes")
        return tuple(sorted(found, key=lambda e: _times(e)[1]))

    @cached_property
    def server_names(self) -> tuple[str, ...]:
        """Return the names that handshakes were made for, in order."""
        names = (clean(text(e, "server_name") or "") for e in self._shaken)
        return tuple(dict.fromkeys(n for n in names if n))

    def handshakes(
        self, name: str, port: int, trust: Trust, addresses: frozenset[str]
    ) -> tuple[TlsStep, ...]:
        """Return the handshakes for ``name`` (or, for a literal, at its address)."""
        found = []
        for entry in self._shaken:
            place = place_of(entry.get("address"))
            shown = clean(text(entry, "server_name") or "")
            here = place is not None and place[0] in addresses and not shown
            if shown != name and not here:
                continue
            if place is not None and place[1] != port:
                continue
            address = place[0] if place is not None else min(addresses, default="")
            found.append(self._tls_step(entry, name, address, port, trust))
        return tuple(found)

    def _tls_step(
        self, entry: dict[str, Any], name: str, address: str, port: int, trust: Trust
    ) -> TlsStep:
        failure = failure_of(entry.get("failure"))
        chain = chain_of(entry)
        check = None
        if failure is None and entry.get("no_tls_verify") is not True:
            check = accepted(chain)
        elif failure in _CERTIFICATE:
            check = refused(chain, name, failure, self._roots, self._started, trust)
        elif failure is None and trust is Trust.NONE:
            check = accepted(chain)
        t0_s, t_s = _times(entry)
        return TlsStep(
            t0_s=t0_s,
            t_s=t_s,
            failure=failure,
            address=address,
            port=port,
            sni=name or None,
            alpn=clean(text(entry, "negotiated_protocol") or "") or None,
            version=clean(text(entry, "tls_version") or "") or None,
            cipher=clean(text(entry, "cipher_suite") or "") or None,
            alert=_alert(failure),
            certificate=check,
            chain=chain,
            bytes_received=self._received(entry),
        )

    def _received(self, entry: dict[str, Any]) -> int:
        """Return what was read during a handshake, by the events of its transaction."""
        number = integer(entry, "transaction_id")
        if not number:
            return 0
        _, end = _times(entry)
        return sum(
            integer(event, "num_bytes") or 0
            for event in items(self._keys, "network_events")
            if integer(event, "transaction_id") == number
            and event.get("operation") == "read"
            and (seconds(event, "t") or 0.0) <= end
        )

    def http_step(self, page: Page, expect: Expect | None, addresses: frozenset[str]) -> HttpStep:
        """Return the step of a page that has a place."""
        where = page.where
        if where is None:
            raise ValueError("a page without an address belongs to no endpoint")
        title = page_title(page.words)
        length = len(page.body or b"")
        answered = page.status is not None
        if self.pages and page is self.pages[-1]:
            length = length if self.compared[0] is None else self.compared[0]
            title = title or self.compared[1]
        marks = self._marks.find(
            status=page.status, headers=page.headers, title=title, page=page.words
        )
        return HttpStep(
            t0_s=page.t0_s,
            t_s=page.t_s,
            failure=page.failure,
            method=page.method,
            host=where.host,
            path=where.path,
            address=page.place[0] if page.place is not None else min(addresses, default=""),
            port=where.port,
            tls=where.scheme == "https",
            status=page.status,
            headers=page.headers,
            title=scrub_literals(title) if title else None,
            body_length=length,
            expected=_met(expect, page) if answered else None,
            fingerprints=marks if answered else (),
        )


def chain_of(entry: dict[str, Any]) -> tuple[bytes, ...]:
    """Return the certificates of a handshake, DER, at most 12."""
    listed = entry.get("peer_certificates")
    found = [raw_bytes(c) for c in listed[:12]] if isinstance(listed, list) else []
    return tuple(c for c in found if c)


def _alert(failure: str | None) -> str | None:
    """Return the alert that Go reports as ``remote error: tls: handshake failure``."""
    mark = "remote error: tls: "
    if failure is None or mark not in failure:
        return None
    return failure.partition(mark)[2].replace(" ", "_")


def _met(expect: Expect | None, page: Page) -> bool | None:
    if expect is None:
        return None
    status = not expect.status or page.status in expect.status
    return status and (expect.body_contains is None or expect.body_contains in page.words)


def _dns_step(entry: dict[str, Any], trusted: str = "") -> DnsStep | None:
    hostname, qtype = text(entry, "hostname"), text(entry, "query_type") or "A"
    if not hostname or qtype not in ("A", "AAAA", "ANY"):
        return None
    resolver = text(entry, "resolver_address") or text(entry, "resolver_hostname") or "system"
    named = text(entry, "engine")
    engine = _ENGINES.get(named or "", DnsEngine.SYSTEM)
    if named is None and resolver != "system":
        engine = DnsEngine.UDP
    answers: list[Answer] = []
    cnames: list[str] = []
    for answer in items(entry, "answers"):
        address = text(answer, "ipv4") or text(answer, "ipv6")
        if address is not None and parse_ip(address) is not None:
            answers.append(Answer(address=address, asn=integer(answer, "asn") or None))
        elif answer.get("answer_type") == "CNAME" and text(answer, "hostname"):
            cnames.append(clean(str(answer["hostname"])[:255]))
    t0_s, t_s = _times(entry)
    return DnsStep(
        t0_s=t0_s,
        t_s=t_s,
        failure=failure_of(entry.get("failure")),
        hostname=clean(hostname[:255]),
        qtype=qtype,
        engine=engine,
        resolver=_resolver(clean(resolver[:300]), trusted),
        rcode=integer(entry, "rcode"),
        answers=tuple(answers[:64]),
        cnames=tuple(cnames[:16]),
    )


def _resolver(said: str, trusted: str) -> str:
    """Return the resolver's name; an address is kept of public ones and of the control only.

    Any other may be the home router's, or a provider's that serves one town.
    """
    host = _host_of(said)
    known = host in PUBLIC_RESOLVERS or host == trusted
    return said if known or parse_ip(host) is None else CONFIGURED


def _host_of(place: str) -> str:
    """Return the address of ``address``, ``address:port`` or ``[address]:port``."""
    host = place.rpartition(":")[0] if place.count(":") == 1 or "]:" in place else place
    return host.strip("[]")


def _tcp_step(entry: dict[str, Any]) -> TcpStep | None:
    address, port = text(entry, "ip"), integer(entry, "port")
    if address is None or port is None or not 0 < port < 65_536:
        return None
    ip = parse_ip(address)
    if ip is not None and ip.is_loopback:
        return None
    status = mapping(entry, "status")
    failure = failure_of(status.get("failure"))
    if failure is None and status.get("success") is False:
        failure = "unknown_failure: not said"
    t0_s, t_s = _times(entry)
    return TcpStep(t0_s=t0_s, t_s=t_s, failure=failure, address=clean(address[:60]), port=port)
