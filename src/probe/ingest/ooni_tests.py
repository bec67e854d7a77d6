"""What each OONI test measured, in our words: its service, its endpoints, their roles.

Expected answers are those of the tests' specifications (ooni/spec, ts-017 to ts-042).
"""

from collections.abc import Callable
from typing import Any

from probe.analysis.http_facts import same_site
from probe.ingest.ooni_control import compared, control_of, tor_control
from probe.ingest.ooni_parts import Cutter
from probe.ingest.ooni_values import (
    clean,
    failure_of,
    integer,
    items,
    mapping,
    place_of,
    text,
    where_of,
)
from probe.model.address import parse_ip
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import Step, TcpStep, TlsStep, UdpStep
from probe.model.target import Endpoint, Expect, Kind, Role, Trust

__all__ = ["READERS", "SERVICES", "UNJUDGED", "Reader"]

Reader = Callable[[Cutter, dict[str, Any], str | None], None]

UNJUDGED = {
    "http_header_field_manipulation": "it looks for middleboxes on the line, at no service",
    "http_invalid_request_line": "it looks for middleboxes on the line, at no service",
    "ndt": "it measures speed, at no service",
    "dash": "it measures speed, at no service",
    "bridge_reachability": "its format has no network evidence",
    "tcp_connect": "its format has no network evidence",
    "captiveportal": "it describes the line, no service",
    "multi_protocol_traceroute": "it describes the line, no service",
    "lantern": "its format has no network evidence",
    "portfiltering": "it describes the line, no service",
    "simplequicping": "it is not read yet",
}
"""Tests of which nothing can be judged, and why."""

SERVICES = {
    "facebook_messenger": "Facebook Messenger",
    "meek_fronted_requests_test": "meek",
    "openvpn": "OpenVPN",
    "psiphon": "Psiphon",
    "riseupvpn": "RiseupVPN",
    "signal": "Signal",
    "telegram": "Telegram",
    "tor": "Tor",
    "torsf": "Tor Snowflake",
    "vanilla_tor": "Tor",
    "whatsapp": "WhatsApp",
}
"""Tests that measure one service whatever their input."""

_ANY_ANSWER = Expect(status=(200, 400, 403, 404, 405, 501))
_SIGNAL_ROLES = {
    "chat.signal.org": Role.MESSAGES,
    "textsecure-service.whispersystems.org": Role.MESSAGES,
    "storage.signal.org": Role.SIGN_IN,
    "api.directory.signal.org": Role.SIGN_UP,
    "cdsi.signal.org": Role.SIGN_UP,
    "sfu.voip.signal.org": Role.CALL,
}
_UPTIME = "uptime.signal.org"
"""A name that is 127.0.0.1 or the like on purpose: it tells old tests whether Signal is up."""


def _web_connectivity(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    """Cut the chain of redirects into its endpoints; the last of them is the page."""
    asked = where_of(given)
    sites = {p.where.site: p.where for p in cut.trace.pages if p.where is not None}
    chain = [w for w in sites.values() if asked is None or same_site(w.host, asked.host)]
    if asked is not None and not chain:
        chain = [asked]
    cut.trace.compared = compared(keys)
    for where in chain:
        last = where.site == chain[-1].site
        endpoint = cut.page(where)
        seen = control_of(keys, cut, where, page=last)
        if endpoint is not None and seen is not None:
            cut.control(endpoint, seen)


def _http_requests(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    del keys
    asked = where_of(given)
    for where in dict.fromkeys(p.where for p in cut.trace.pages if p.where is not None):
        endpoint = cut.page(where)
        last = asked is None or where.site == asked.site
        seen = tor_control(cut) if last else None
        if endpoint is not None and seen is not None:
            cut.control(endpoint, seen(endpoint))


def _telegram(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    """Cut out data centres, which answer any POST with an error page, and the web client."""
    del keys, given
    for page in cut.trace.pages:
        if page.where is None:
            continue
        centre = parse_ip(page.where.host) is not None
        role = Role.MESSAGES if centre else Role.WEB
        cut.page(page.where, role, expect=_ANY_ANSWER if centre else None)
    cut.rest(Role.MESSAGES)


def _whatsapp(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    del keys, given
    for page in cut.trace.pages:
        if page.where is not None:
            sign_up = page.where.host == "v.whatsapp.net"
            cut.page(page.where, Role.SIGN_UP if sign_up else Role.WEB)
    for host in sorted(cut.trace.hosts):
        if host.endswith(".whatsapp.net") and host != "v.whatsapp.net":
            for port in (443, 5222):
                cut.connection(host, port, Role.MESSAGES)
    cut.rest(Role.MESSAGES)


def _signal(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    del keys, given
    for page in cut.trace.pages:
        if page.where is not None:
            role = _SIGNAL_ROLES.get(page.where.host, Role.MEDIA)
            cut.page(page.where, role, expect=_ANY_ANSWER, trust=Trust.SIGNAL)
    for host in sorted(cut.trace.hosts - {_UPTIME}):
        if not any(p.endpoint.host == host for p in cut.parts.values()):
            cut.name(host, _SIGNAL_ROLES.get(host, Role.MEDIA))


_FACEBOOK_ROLES = {"stun.fbsbx.com": Role.CALL, "edge-mqtt.facebook.com": Role.MESSAGES}


def _facebook(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    """Names must lead into Facebook's own network (AS32934), connections must open."""
    del keys, given
    for host in sorted(cut.trace.hosts):
        role = _FACEBOOK_ROLES.get(host, Role.MEDIA if "fbcdn" in host else Role.SIGN_IN)
        if host == "stun.fbsbx.com":
            cut.name(host, role, expected=("AS32934",))
        else:
            cut.connection(host, 443, role, expected=("AS32934",))


def _dns_consistency(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    """Compare the resolvers under test with the one that the test trusts."""
    trusted = (text(keys, "control_resolver") or "").rpartition(":")[0]
    host = where.host if (where := where_of(given)) is not None else given
    if not host:
        return
    mine = [s for s in cut.trace.queries if s.hostname == host and s.resolver != trusted]
    theirs = [s for s in cut.trace.queries if s.hostname == host and s.resolver == trusted]
    endpoint = cut.given(
        Endpoint(
            service=cut.service,
            kind=Kind.DNS,
            host=host,
            role=Role.WEB,
            source="ooni",
            checked_on=cut.started.date(),
        ),
        mine,
    )
    found = [a for s in theirs for a in s.answers]
    if endpoint is None or not theirs:
        return
    seen = ControlObservation(
        endpoint=endpoint.id,
        source="ooni-control-resolver",
        kind=ControlKind.LIVE,
        observed=cut.started,
        failure=None if found else theirs[-1].failure,
        failed_operation=None if found else "dns",
        addresses=tuple(a.address for a in found),
        asns=tuple(a.asn for a in found if a.asn is not None),
    )
    cut.control(endpoint, seen)


def _tor(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    del given
    for entry in mapping(keys, "targets").values():
        if isinstance(entry, dict):
            _tor_target(cut, entry)


_TOR_KINDS = {"dir_port": Kind.TOR_DIR, "obfs4": Kind.OBFS4}


def _tor_target(cut: Cutter, entry: dict[str, Any]) -> None:
    """One relay or bridge; the addresses of private bridges were taken out by OONI."""
    from probe.ingest.ooni_steps import Page

    steps: list[Step] = []
    for seen in items(entry, "tcp_connect"):
        address, port = clean(text(seen, "ip") or "")[:60], integer(seen, "port") or 0
        failure = failure_of(mapping(seen, "status").get("failure"))
        steps.append(TcpStep(t0_s=0.0, t_s=0.0, failure=failure, address=address, port=port))
    place = place_of(entry.get("target_address"))
    if not steps and entry.get("failure") is not False:
        address, port = place if place is not None else ("", 0)
        failure = failure_of(entry.get("failure"))
        if failure is None:
            return
        steps.append(TcpStep(t0_s=0.0, t_s=0.0, failure=failure, address=address, port=port))
    if not steps or not isinstance(steps[0], TcpStep):
        return
    kind = _TOR_KINDS.get(text(entry, "target_protocol") or "", Kind.TOR_OR)
    host, port = place if place is not None else (steps[0].address, steps[0].port)
    endpoint = Endpoint(
        service=cut.service,
        kind=kind,
        host=host or "private bridge",
        port=port or None,
        trust=Trust.NONE,
        role=Role.OTHER,
        expect=Expect(status=(200,)) if kind is Kind.TOR_DIR else None,
        note=clean(text(entry, "target_name") or "")[:60] or None,
        source="ooni",
        checked_on=cut.started.date(),
    )
    if steps[-1].failure is None and kind is Kind.TOR_OR:
        failures = [failure_of(seen.get("failure")) for seen in items(entry, "tls_handshakes")]
        steps += [
            TlsStep(t0_s=0.0, t_s=0.0, failure=f, address=host, port=port, sni=None)
            for f in failures
        ]
    if steps[-1].failure is None and kind is Kind.TOR_DIR:
        pages = [p for p in map(Page, items(entry, "requests")) if p.where is not None]
        steps += [cut.trace.http_step(p, endpoint.expect, frozenset({host})) for p in pages]
    cut.given(endpoint, steps)


def _stun(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    place = place_of(text(keys, "endpoint") or (given or "").removeprefix("stun://"))
    if place is None:
        return
    failure = failure_of(keys.get("failure"))
    host, port = place
    endpoint = Endpoint(
        service=cut.service,
        kind=Kind.STUN,
        host=host,
        port=port,
        role=Role.CALL,
        source="ooni",
        checked_on=cut.started.date(),
    )
    step = UdpStep(
        t0_s=0.0,
        t_s=0.0,
        failure=failure,
        address=min(cut.trace.addresses(host), default=""),
        port=port,
        protocol="stun",
        sent=1,
        received=int(failure is None),
        reply="binding success" if failure is None else None,
    )
    names = tuple(s for s in cut.trace.queries if s.hostname == host)
    resolved = any(s.answers for s in names) or not names
    cut.given(endpoint, (*names, step) if resolved else names)


_MEEK_WORDS = "happy little web server"


def _meek(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    """Expect the fixed sentence that the server behind a fronted meek request says."""
    del keys, given
    for page in cut.trace.pages:
        if page.where is not None:
            cut.page(page.where, Role.WEB, expect=Expect(body_contains=_MEEK_WORDS))


def _anything(cut: Cutter, keys: dict[str, Any], given: str | None) -> None:
    del keys, given
    cut.rest()


READERS: dict[str, Reader] = {
    "web_connectivity": _web_connectivity,
    "http_requests": _http_requests,
    "telegram": _telegram,
    "whatsapp": _whatsapp,
    "signal": _signal,
    "facebook_messenger": _facebook,
    "dns_consistency": _dns_consistency,
    "tor": _tor,
    "stunreachability": _stun,
    "meek_fronted_requests_test": _meek,
}
"""How a test's evidence is cut; what is not named is cut by what its evidence mentions."""

ANYTHING: Reader = _anything
