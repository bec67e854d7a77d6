"""OONI measurements get the verdict that our rules give, with OONI's control as the control."""

import json
from pathlib import Path
from typing import Any

import pytest
from ooni_documents import (
    ADDRESS,
    HOST,
    connect,
    document,
    helper,
    keys,
    query,
    request,
    shake,
    write,
)

from probe.analysis.verdict import JudgeFacts
from probe.ingest.ooni import OoniResult, read
from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.model.measurement import DnsStep, TlsStep
from probe.model.target import Catalog, Category, Endpoint, Kind, Service
from probe.model.verdict import Confidence, State
from probe.net.trust import Roots

NOBODY = Roots(packaged_pem=b"", system_pem=b"")
MARKS = JudgeFacts(
    (
        Fingerprint(
            id="page",
            mark=Mark.BLOCKPAGE,
            place=Place.BODY,
            pattern="access denied by order",
            countries=("IR",),
            source="test",
        ),
        Fingerprint(
            id="sink",
            mark=Mark.SINKHOLE,
            place=Place.DNS,
            pattern="10.10.34.36",
            countries=("IR",),
            source="test",
        ),
    )
)
TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
PLAIN = f"http://{HOST}/"


def judged(folder: Path, found: dict[str, Any], **more: Any) -> OoniResult:
    """Return the result of one measurement."""
    (result,) = list(read(write(folder, found), facts=MARKS, roots=NOBODY, **more))
    assert isinstance(result, OoniResult)
    return result


def said(folder: Path, found: dict[str, Any]) -> str:
    """Return rule and state of one measurement."""
    verdict = judged(folder, found).verdict
    return f"{verdict.rule_id} {verdict.state} {verdict.confidence}"


NX = {"dns": {"failure": "dns_nxdomain_error", "addrs": []}}
TCP_DEAD = {"tcp_connect": {f"{ADDRESS}:443": {"status": False, "failure": TIMEOUT}}}
ELSEWHERE: dict[str, Any] = {"headers": {"Location": "http://notice.isp.example/"}}
REDIRECTED = [
    request(url="http://notice.isp.example/", body="<title>Notice</title>"),
    request(302, url=PLAIN, body="", **ELSEWHERE),
]

WEB: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("works", keys(), "ok.answer ok confirmed"),
    (
        "a known lie in the DNS",
        keys(queries=[query("10.10.34.36")], tcp_connect=[], tls_handshakes=[], requests=[]),
        "dns.sinkhole blocked confirmed",
    ),
    (
        "a name that exists for the control",
        keys(
            queries=[query(failure="dns_nxdomain_error")],
            tcp_connect=[],
            tls_handshakes=[],
            requests=[request(failure="dns_nxdomain_error")],
        ),
        "dns.nxdomain.live blocked weak",
    ),
    (
        "a name that exists for nobody",
        keys(
            queries=[query(failure="dns_nxdomain_error")],
            tcp_connect=[],
            tls_handshakes=[],
            requests=[],
            control=helper(**NX),
        ),
        "down.one down weak",
    ),
    (
        "silence here only",
        keys(
            tcp_connect=[connect(TIMEOUT)],
            tls_handshakes=[],
            requests=[request(failure=TIMEOUT)],
        ),
        "tcp.timeout.live blocked weak",
    ),
    (
        "silence for the helper as well",
        keys(
            tcp_connect=[connect(TIMEOUT)],
            tls_handshakes=[],
            requests=[],
            control=helper(**TCP_DEAD),
        ),
        "down.one down weak",
    ),
    (
        "silence, and no control",
        keys(tcp_connect=[connect(TIMEOUT)], tls_handshakes=[], requests=[], control={}),
        "tcp.timeout.alone inconclusive weak",
    ),
    (
        "silence, and a control that could not be asked",
        keys(
            tcp_connect=[connect(TIMEOUT)],
            tls_handshakes=[],
            requests=[],
            control_failure="unknown_error",
        ),
        "tcp.timeout.alone inconclusive weak",
    ),
    (
        "cut after the ClientHello",
        keys(tls_handshakes=[shake(RESET)], requests=[request(failure=RESET)]),
        "tls.reset.live blocked weak",
    ),
    (
        "a foreign certificate",
        keys(
            tls_handshakes=[shake("ssl_unknown_authority")],
            requests=[request(failure="ssl_unknown_authority")],
        ),
        "tls.mitm.path blocked weak",
    ),
    (
        "a block page in plain text",
        keys(
            tcp_connect=[connect(port=80)],
            tls_handshakes=None,
            requests=[request(url=PLAIN, body="Access denied by order of the court")],
        ),
        "http.blockpage blocked confirmed",
    ),
    (
        "sent to a page of the provider",
        keys(tcp_connect=[connect(port=80)], tls_handshakes=None, requests=REDIRECTED),
        "http.sent_away.live blocked weak",
    ),
    (
        "plain text like the helper's",
        keys(tcp_connect=[connect(port=80)], tls_handshakes=[], requests=[request(url=PLAIN)]),
        "ok.consistent ok likely",
    ),
    (
        "refused here, served elsewhere",
        keys(requests=[request(403)]),
        "server.refusal.live blocked likely",
    ),
    (
        "an alert",
        keys(
            tls_handshakes=[shake("unknown_failure: remote error: tls: handshake failure")],
            requests=[request(failure="unknown_failure: remote error: tls: handshake failure")],
        ),
        "tls.alert inconclusive weak",
    ),
)


@pytest.mark.parametrize(("name", "found", "expected"), WEB, ids=[w[0] for w in WEB])
def test_web_connectivity(name: str, found: Any, expected: str, tmp_path: Path) -> None:
    """One measurement has no retest: a control makes it blocked, and no more than weak."""
    plain = any(PLAIN in json.dumps(r) for r in found["requests"] or ())
    given = document(found, input=PLAIN if plain else f"https://{HOST}/")
    assert said(tmp_path, given) == expected


def test_redirect_to_tls_is_followed(tmp_path: Path) -> None:
    """Of a chain from plain text to TLS the last page decides."""
    to_tls = request(301, url=PLAIN, body="", headers={"Location": f"https://{HOST}/"})
    found = keys(tcp_connect=[connect(port=80), connect()], requests=[request(), to_tls])
    result = judged(tmp_path, document(found, input=PLAIN))
    assert [r.verdict.rule_id for r in result.records] == ["ok.sent_to_tls", "ok.answer"]
    assert result.verdict.rule_id == "ok.answer"


def test_removed_bodies_are_compared_by_oonis_ratio(tmp_path: Path) -> None:
    """Where the body was taken out, OONI's own comparison of it stands in."""
    page = request(url=PLAIN, body=None)
    base = {"tcp_connect": [connect(port=80)], "tls_handshakes": [], "requests": [page]}
    same = keys(**base, body_proportion=0.99, title_match=True)
    other = keys(**base, body_proportion=0.1, title_match=False)
    assert said(tmp_path, document(same, input=PLAIN)).startswith("ok.consistent")
    assert said(tmp_path, document(other, input=PLAIN)).startswith("http.diff inconclusive")


def test_vpn_spoils(tmp_path: Path) -> None:
    """A measurement through a VPN is invalid, and its network is not the country's."""
    found = document(keys(tcp_connect=[connect(TIMEOUT)]), annotations={"network_type": "vpn"})
    assert judged(tmp_path, found).verdict.mechanism == "vpn_on"


def test_address_of_a_site_in_the_catalog(tmp_path: Path) -> None:
    """A site of the catalog is stored under its service, so that timelines join."""
    from datetime import date

    ep = Endpoint(
        service="example", kind=Kind.HTTP, host=HOST, source="t", checked_on=date(2026, 1, 1)
    )
    service = Service(id="example", name="Example", category=Category.NEWS, endpoints=(ep,))
    catalog = Catalog(services=(service,), digest="d")
    (record,) = judged(tmp_path, document(keys()), catalog=catalog).records
    assert (record.service, record.endpoint) == ("example", f"example/http/{HOST}:443/")


DC = "149.154.175.50"


def telegram(web_failure: str | None = None) -> dict[str, Any]:
    """Return the keys of a Telegram test."""
    web = "web.telegram.org"
    return {
        "queries": [query(ADDRESS, host=web)],
        "tcp_connect": [connect(ip=DC, port=80), connect(web_failure)],
        "tls_handshakes": [] if web_failure else [shake(name=web)],
        "requests": [
            request(404, url=f"http://{DC}/"),
            request(200, url=f"https://{web}/", failure=web_failure),
        ],
    }


def whatsapp(chat_failure: str | None = None) -> dict[str, Any]:
    """Return the keys of a WhatsApp test."""
    sign_up = "v.whatsapp.net"
    return {
        "queries": [query("15.197.1.1", host="e1.whatsapp.net"), query(ADDRESS, host=sign_up)],
        "tcp_connect": [connect(chat_failure, ip="15.197.1.1"), connect()],
        "tls_handshakes": [shake(name=sign_up)],
        "requests": [request(200, url=f"https://{sign_up}/v2/register")],
    }


def tor(alive: int, dead: int) -> dict[str, Any]:
    """Return the keys of a Tor test with so many bridges that shake hands, and that do not."""
    targets: dict[str, Any] = {}
    for i in range(alive + dead):
        failure = None if i < alive else TIMEOUT
        targets[f"t{i}"] = {
            "failure": failure,
            "target_address": f"192.0.2.{i + 1}:443",
            "target_protocol": "or_port",
            "tcp_connect": [connect(failure, ip=f"192.0.2.{i + 1}")],
            "tls_handshakes": [shake()] if failure is None else None,
        }
    return {"targets": targets}


STUN: dict[str, Any] = {"endpoint": "stun.example:3478", "failure": None, "queries": []}
LOOKUP = {"queries": [query(ADDRESS)], "tcp_connect": [connect()], "tls_handshakes": [shake()]}
FRONTED = request(url="https://cdn.example/", body="I'm just a happy little web server.")

OTHERS: tuple[tuple[str, str, Any, str], ...] = (
    ("telegram", "works", telegram(), "rollup.ok ok weak"),
    ("telegram", "the page is silent", telegram(TIMEOUT), "rollup.ok ok weak"),
    ("whatsapp", "chats only connect", whatsapp(), "rollup.ok ok weak"),
    ("whatsapp", "chats are silent", whatsapp(TIMEOUT), "rollup.unknown inconclusive weak"),
    ("tor", "works", tor(3, 1), "role ok"),
    ("tor", "hardly any works", tor(1, 4), "rollup.unknown inconclusive weak"),
    ("psiphon", "came up", {"failure": None, "bootstrap_time": 5.8}, "ooni.tunnel.up ok likely"),
    ("psiphon", "gave up", {"failure": TIMEOUT}, "ooni.tunnel.failed inconclusive weak"),
    ("vanilla_tor", "came up", {"success": True}, "ooni.tunnel.up ok likely"),
    ("torsf", "gave up", {"success": False, "error": "x"}, "ooni.tunnel.failed inconclusive weak"),
    ("openvpn", "says nothing", {}, "ooni.not_judged.no_evidence inconclusive weak"),
    ("ndt", "speed", {"x": 1}, "ooni.not_judged.of_no_service inconclusive weak"),
    ("new_test", "nothing", {"x": 1}, "ooni.not_judged.no_evidence inconclusive weak"),
    ("urlgetter", "works", keys(control=None), "ok.answer ok confirmed"),
    ("stunreachability", "works", STUN, "ok.udp ok likely"),
    ("dnscheck", "works", {"lookups": {"https://r/": LOOKUP}}, "ok.handshake ok likely"),
    ("meek_fronted_requests_test", "works", {"requests": [FRONTED]}, "ok.expected ok weak"),
)


@pytest.mark.parametrize(
    ("test", "name", "found", "expected"), OTHERS, ids=[f"{o[0]}: {o[1]}" for o in OTHERS]
)
def test_other_tests(test: str, name: str, found: Any, expected: str, tmp_path: Path) -> None:
    """Every test gives a verdict, or says why not."""
    given = document(found, test_name=test, input=None)
    got = said(tmp_path, given)
    assert got == expected if expected != "role ok" else " ok " in got


def test_http_requests_with_tor_as_control(tmp_path: Path) -> None:
    """In old tests the same request through Tor is the control."""
    by_tor = request(url=PLAIN)
    by_tor["request"]["tor"] = {"is_tor": True}
    both = {"requests": [request(url=PLAIN), by_tor]}
    given = document(both, test_name="http_requests", input=PLAIN)
    assert said(tmp_path, given) == "ok.consistent ok likely"


def test_dns_consistency(tmp_path: Path) -> None:
    """Other addresses than the trusted resolver's prove nothing; no name does, with a control."""
    trusted = query("93.184.216.35", resolver_address="192.0.2.53:53", engine="udp")
    trusted["resolver_address"] = "192.0.2.53"
    mine = query(ADDRESS, resolver_address="10.0.0.1", engine="udp")
    base = {"control_resolver": "192.0.2.53:53", "queries": [mine, trusted]}
    given = document(base, test_name="dns_consistency", input=HOST)
    assert said(tmp_path, given) == "unproven.name_diff inconclusive weak"


@pytest.mark.parametrize(
    ("resolver", "kept"),
    [
        ("192.168.1.1:53", "configured"),
        ("198.51.100.53", "configured"),
        ("[2001:db8::1]:53", "configured"),
        ("8.8.8.8:53", "8.8.8.8:53"),
        ("https://dns.google/dns-query", "https://dns.google/dns-query"),
        ("", "system"),
    ],
)
def test_the_resolver_of_a_line_is_not_kept(tmp_path: Path, resolver: str, kept: str) -> None:
    """It may be the home router's or serve one town; a public one says nothing of where."""
    found = keys(queries=[query(ADDRESS, resolver_address=resolver)])
    (result,) = list(read(write(tmp_path, document(found)), roots=NOBODY))
    assert isinstance(result, OoniResult)
    steps = [s for r in result.records for m in r.bundle for s in m.steps]
    assert {s.resolver for s in steps if isinstance(s, DnsStep)} == {kept}


def test_an_address_in_a_header_is_not_kept(tmp_path: Path) -> None:
    """A proxy on the way writes the client's address into what it adds."""
    page = request(headers={"Server": "squid (for 198.51.100.7)"})
    (result,) = list(read(write(tmp_path, document(keys(requests=[page]))), roots=NOBODY))
    assert isinstance(result, OoniResult)
    assert "198.51.100.7" not in str(result)
    assert "squid (for [scrubbed])" in str(result)


def test_signals_own_root_refused_by_an_old_probe(tmp_path: Path) -> None:
    """A probe too old for Signal's root is the instrument's fault, another issuer is not."""
    import base64
    from importlib.resources import files

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from probe.net.trust import default_roots

    pem = files("probe.net").joinpath("data", "signal_root.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    shown = {"format": "base64", "data": base64.b64encode(der).decode()}
    host = "chat.signal.org"
    found = {
        "queries": [query(ADDRESS, host=host)],
        "tcp_connect": [connect()],
        "tls_handshakes": [
            shake("ssl_unknown_authority", name=host, peer_certificates=[shown]),
        ],
        "requests": [request(url=f"https://{host}/", failure="ssl_unknown_authority")],
    }
    given = write(tmp_path, document(found, test_name="signal", input=None))
    (old,) = list(read(given, roots=default_roots()))
    assert isinstance(old, OoniResult)
    assert old.verdict.mechanism == "instrument.outdated_roots"
    found["tls_handshakes"][0]["peer_certificates"] = []
    given = write(tmp_path, document(found, test_name="signal", input=None))
    (foreign,) = list(read(given, roots=default_roots()))
    assert isinstance(foreign, OoniResult)
    assert foreign.verdict.rule_id == "tls.mitm.alone"


def test_bytes_of_a_handshake_come_from_its_events(tmp_path: Path) -> None:
    """A reset after the server began to answer is told from one after the ClientHello."""
    events = [
        {"operation": "read", "num_bytes": 1400, "t": 0.25, "transaction_id": 1},
        {"operation": "read", "num_bytes": 99, "t": 0.25, "transaction_id": 2},
    ]
    found = keys(tls_handshakes=[shake(RESET)], requests=[], network_events=events)
    (record,) = judged(tmp_path, document(found)).records
    (step,) = [s for s in record.main.steps if isinstance(s, TlsStep)]
    assert step.bytes_received == 1400
    assert record.verdict.mechanism == "tls.reset.late"


def test_one_measurement_alone_is_never_likely_by_contrast(tmp_path: Path) -> None:
    """Without a retest only an artefact is more than weak."""
    for _, found, _ in WEB:
        verdict = judged(tmp_path, document(found)).verdict
        if verdict.state is State.BLOCKED and verdict.confidence is not Confidence.WEAK:
            artefact = ("dns.sinkhole", "http.blockpage", "server.refusal")
            assert verdict.rule_id.startswith(artefact)
