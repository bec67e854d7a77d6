"""Target files from elsewhere: what they may not name, decide or lower."""
# ruff: noqa: E501 - one case a line is read more easily

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_text import problems, refusal, service, written

from probe.model.address import is_public
from probe.model.target import Category, Plan, Risk
from probe.targets.hosts import host_problem, name_problem
from probe.targets.load import load_catalog
from probe.targets.select import Reason, anchors, select
from probe.targets.untrusted import MAX_ENDPOINTS


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1",
        "2130706433", "0x7f000001", "0177.0.0.1", "1.2.3.0x4", "::1", "::", "fe80::1", "fc00::1",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "fe80::1%eth0", "[::1]", "localhost", "a.localhost", "router", "a.local",
        "printer.lan", "a.home.arpa", "metadata.google.internal", "kubernetes.default.svc",
        "x.cluster.local", "1.0.0.127.in-addr.arpa", "a.onion", "a..example.com", "-a.example.com",
        "a.example.com.", "a example.com", "a.example.com/b", "a@example.com", "a.example.com:80",
        "A.example.com", "пример.example.com", "a.example.com\\n", "*.example.com", ".", "x" * 64 + ".com",
    ],
)  # fmt: skip
def test_hosts_that_nobody_may_name(tmp_path: Path, host: str) -> None:
    """Loopback, private, link-local, metadata, local names, disguises: refused at load."""
    quoted = "'" + host + "'"
    error = refusal(tmp_path, service(f"{{kind: tcp, host: {quoted}, port: 443, tls: false}}"))
    assert error.field == "services[0].endpoints[0].host"
    assert error.line == 8


@pytest.mark.parametrize("field", ["sni", "host_header"])
@pytest.mark.parametrize("name", ["localhost", "metadata.google.internal", "router", "10.0.0.1"])
def test_names_in_other_fields_are_checked_too(tmp_path: Path, field: str, name: str) -> None:
    """The SNI and the Host header are names of the outside as well."""
    entry = f"{{kind: http, host: a.example.com, tls: true, {field}: {name}}}"
    assert refusal(tmp_path, service(entry)).field == f"services[0].endpoints[0].{field}"


@given(st.ip_addresses())
def test_an_accepted_address_is_public(address: object) -> None:
    """Property: no literal passes that must not be sent to."""
    if host_problem(str(address)) is None:
        assert is_public(str(address))


@given(st.text(alphabet="abc019.-_x:%[]", max_size=30))
def test_an_accepted_name_is_no_address(text: str) -> None:
    """Property: what passes as a name cannot be read as an address by any resolver."""
    if name_problem(text) is None:
        last = text.rsplit(".", 1)[-1]
        assert "." in text
        assert not last.isdigit()
        assert not last.startswith("0x") or not all(c in "0123456789abcdef" for c in last[2:])


@pytest.mark.parametrize(
    ("entry", "field", "word"),
    [
        ("{kind: http, host: a.example.com, tls: true, purpose: control}", "purpose", "packaged"),
        ("{kind: http, host: a.example.com, tls: true, purpose: domestic, country: IR}", "purpose", "packaged"),
        ("{kind: http, host: a.example.com, tls: true, purpose: control, anchor: true, operator: o, plan: core}", "anchor", "packaged"),
        ("{kind: tcp, host: a.example.com, port: 25, tls: false}", "port", "25"),
        ("{kind: tcp, host: a.example.com, port: 22, tls: false}", "port", "22"),
        ("{kind: tcp, host: a.example.com, port: 445, tls: false}", "port", "445"),
        ("{kind: udp-stun, host: a.example.com, port: 1900, tls: false}", "port", "1900"),
        ("{kind: http, host: a.example.com, tls: true, method: POST}", "method", "POST"),
        ("{kind: resolver, host: 212.2.3.4, tls: false}", "host", "public resolver"),
        ("{kind: http, host: www.torproject.org, tls: true, risk: medium}", "risk", "high at least"),
        ("{kind: http, host: x.torproject.org, tls: true, risk: medium}", "risk", "high at least"),
        ("{kind: tls, host: a.example.com, tls: true, sni: www.torproject.org, risk: medium}", "risk", "high at least"),
        ("{kind: http, host: a.example.com, host_header: www.torproject.org, tls: true, risk: medium}", "risk", "high at least"),
    ],
)  # fmt: skip
def test_what_only_the_packaged_catalog_may(
    tmp_path: Path, entry: str, field: str, word: str
) -> None:
    """Controls, anchors, odd ports, bodies, unknown resolvers, lower risks."""
    found = problems(tmp_path, service(entry))
    assert [e.field for e in found] == [f"services[0].endpoints[0].{field}"]
    assert word in found[0].problem
    if field != "risk":
        assert not problems(tmp_path, service(entry), trusted=True)


def test_a_baseline_category_does_not_hide_a_risk(tmp_path: Path) -> None:
    """Tor's website called an app store is high risk still, and waits for an opt-in."""
    text = service(
        "{kind: http, host: www.torproject.org, tls: true, plan: core}\n"
        "{kind: http, host: a.example.com, tls: true, plan: core}"
    ).replace("category: messaging", "category: app-store")
    catalog = load_catalog(written(tmp_path, text))
    tor, unknown = catalog.services[0].endpoints
    assert (tor.risk, unknown.risk) == (Risk.HIGH, Risk.MEDIUM)
    chosen = select(catalog, plan=Plan.CORE, country="DE")
    assert unknown in chosen.endpoints
    assert tor not in chosen.endpoints
    assert [left.reason for left in chosen.left_out if left.endpoint is tor] == [Reason.RISK]


def test_a_front_does_not_become_risky_by_its_guests() -> None:
    """Google's front pages are used by Signal's reflectors; they stay what they are."""
    from probe.targets.untrusted import KnownHosts

    known = KnownHosts(load_catalog())
    assert known.floor("www.google.com") is Risk.MEDIUM
    assert known.floor("torproject.org") is Risk.HIGH
    assert known.floor("never.seen.example.com") is Risk.MEDIUM


def test_an_untrusted_catalog_gets_the_packaged_anchors(tmp_path: Path) -> None:
    """The line is judged by ours, whatever a stranger's file holds."""
    catalog = load_catalog(
        written(tmp_path, service("{kind: http, host: a.example.com, tls: true}"))
    )
    assert catalog.untrusted
    assert anchors(catalog, "IR") == anchors(load_catalog(), "IR")
    assert len(anchors(catalog, "IR")) >= 8
    checks = [e for e in catalog.endpoints() if e.expect and e.expect.status == (204,)]
    assert [e.host for e in checks] == ["connectivitycheck.gstatic.com"]
    assert not load_catalog().untrusted


def test_an_untrusted_file_cannot_take_the_name_of_our_controls(tmp_path: Path) -> None:
    """Otherwise its service would stand in for the anchors."""
    own = anchors(load_catalog(), "DE")[0].service
    error = refusal(tmp_path, service("{kind: http, host: a.example.com, tls: true}", id_=own))
    assert "packaged" in error.problem


def test_too_many_endpoints_are_refused(tmp_path: Path) -> None:
    """A file cannot make a volunteer's line contact thousands of hosts."""
    entries = (
        f"{{kind: dns, host: a{number}.example.com, tls: false}}"
        for number in range(MAX_ENDPOINTS + 1)
    )
    assert "2,001 endpoints" in refusal(tmp_path, service("\n".join(entries))).problem


def test_an_untrusted_catalog_opts_nothing_in(tmp_path: Path) -> None:
    """Its categories wait for the same opt-ins as ours."""
    text = service("{kind: tls, host: a.example.com, tls: true, plan: core}").replace(
        "category: messaging", "category: vpn"
    )
    catalog = load_catalog(written(tmp_path, text))
    target = catalog.services[0].endpoints[0]
    assert target not in select(catalog, plan=Plan.CORE, country="DE").endpoints
    chosen = select(catalog, plan=Plan.CORE, country="DE", include=[Category.VPN])
    assert target in chosen.endpoints
