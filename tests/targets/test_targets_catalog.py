"""The packaged catalog: nothing is lost, and what people know is mapped by hand."""

import re
from collections import Counter
from pathlib import Path

import pytest

import probe
from probe.model.target import Catalog, Category, Endpoint, Kind, Plan, Purpose, Risk, Role, Trust
from probe.targets import sources
from probe.targets.defaults import floor, rank
from probe.targets.load import load_catalog

# The sources gave 850 endpoints of 296 services; stores, sign-up pages and listings came later.
# A change of these numbers is a change of the catalog: say in the changelog what came or went.
ENDPOINTS = {
    "messaging": 250, "app-store": 68, "social": 28, "news": 28, "human-rights": 16, "email": 13,
    "code-hosting": 13, "sanctions": 42, "push": 6, "vpn": 54, "tor": 71, "circumvention": 26,
    "dns-resolver": 85, "control": 26, "domestic": 150, "listing": 68,
}  # fmt: skip
SERVICES = 321
TOTAL = 944


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Return the packaged catalog."""
    return load_catalog()


def of(catalog: Catalog, service: str) -> tuple[Endpoint, ...]:
    """Return a service's endpoints."""
    found = catalog.service(service)
    assert found is not None, service
    return found.endpoints


def test_nothing_is_dropped(catalog: Catalog) -> None:
    """Every sourced endpoint is there, in its category, with its source and date."""
    counted = Counter[str]()
    for service in catalog.services:
        counted[service.category] += len(service.endpoints)
    assert counted == ENDPOINTS
    assert sum(counted.values()) == TOTAL
    assert len(catalog.services) == SERVICES
    assert all(endpoint.source for endpoint in catalog.endpoints())
    assert len({endpoint.id for endpoint in catalog.endpoints()}) == TOTAL


def test_the_kinds_are_those_of_the_sources(catalog: Catalog) -> None:
    """A name to resolve and a resolver to ask are two kinds."""
    kinds = Counter(str(endpoint.kind) for endpoint in catalog.endpoints())
    assert kinds == {
        "http": 587, "tls": 87, "tcp": 73, "doh": 29, "dot": 25, "obfs4": 16, "udp-stun": 15,
        "tor-or": 15, "tor-dir": 10, "quic": 8, "openvpn": 8, "wireguard": 6, "signal-proxy": 1,
        "mtproto": 5, "whatsapp": 1,
        "dns": 30, "resolver": 28,
    }  # fmt: skip
    assert all(e.port == 53 for e in catalog.endpoints() if e.kind is Kind.RESOLVER)


def test_what_is_off_says_why(catalog: Catalog) -> None:
    """Templates, weak sources, old bridges, testbeds of others, pages that echo the line."""
    off = [endpoint for endpoint in catalog.endpoints() if endpoint.off]
    assert len(off) == 41
    assert all(endpoint.plan is Plan.ALL for endpoint in off)
    for endpoint in catalog.endpoints():
        only_weak = all(part.strip().startswith("weak:") for part in endpoint.source.split(";"))
        if "{" in endpoint.host or only_weak:
            assert endpoint.off, endpoint.id
    for service in ("ooni-openvpn-testbed", "control-geoip"):
        assert all(endpoint.off for endpoint in of(catalog, service))
    assert sum(1 for e in of(catalog, "tor-bridge-obfs4") if e.off) == 9


def test_risk_follows_the_category(catalog: Catalog) -> None:
    """Never below the tier; media in exile are high."""
    for service in catalog.services:
        for endpoint in service.endpoints:
            assert rank(endpoint.risk) >= rank(floor(service.category)), endpoint.id
    for service_id in ("iran-international", "radio-farda", "14ymedio", "rferl"):
        assert {e.risk for e in of(catalog, service_id)} == {Risk.HIGH}
    assert {e.risk for e in of(catalog, "bbc")} == {Risk.MEDIUM}


def test_telegram_speaks_plain_http_on_443(catalog: Catalog) -> None:
    """POST without TLS on both ports; the website has TLS."""
    plain = [e for e in of(catalog, "telegram") if e.kind is Kind.HTTP and not e.tls]
    assert {(e.port, e.method, e.path, e.sni) for e in plain} == {
        (80, "POST", "/", None),
        (443, "POST", "/", None),
    }
    assert len(plain) == 12
    assert all(e.tls for e in catalog.endpoints() if e.host == "web.telegram.org")


def test_only_hosts_that_signal_pins_have_its_trust(catalog: Catalog) -> None:
    """The website and the update hosts have public certificates."""
    pinned = {e.host for e in catalog.endpoints() if e.trust is Trust.SIGNAL}
    assert {"chat.signal.org", "storage.signal.org", "sfu.voip.signal.org"} <= pinned
    assert pinned.isdisjoint({"signal.org", "updates2.signal.org", "signalcaptchas.org"})
    assert all(host.endswith(".signal.org") for host in pinned)


def test_self_signed_by_design(catalog: Catalog) -> None:
    """Tor's links and Session's seeds cannot be verified, and nothing else is exempt."""
    unverified = [e for e in catalog.endpoints() if e.trust is Trust.NONE]
    assert {e.kind for e in unverified} == {Kind.TOR_OR, Kind.TLS}
    assert all(e.service == "session" for e in unverified if e.kind is Kind.TLS)
    assert len(unverified) == 18


def test_fronted_endpoints_carry_their_host_header(catalog: Catalog) -> None:
    """SNI and address are the front's, the Host header is the reflector's."""
    fronted = [e for e in catalog.endpoints() if e.host_header]
    assert len(fronted) == 10
    assert all(e.sni == e.host != e.host_header for e in fronted)


@pytest.mark.parametrize(
    ("service", "roles"),
    [
        ("whatsapp", {Role.MESSAGES, Role.MEDIA, Role.SIGN_UP, Role.WEB}),
        ("signal", {Role.MESSAGES, Role.MEDIA, Role.CALL, Role.SIGN_UP, Role.UPDATE, Role.WEB}),
        ("telegram", {Role.MESSAGES, Role.WEB}),
        ("instagram", {Role.MESSAGES, Role.MEDIA, Role.SIGN_IN, Role.WEB}),
        ("facebook-messenger", {Role.MESSAGES, Role.MEDIA, Role.CALL, Role.SIGN_IN}),
        ("viber", {Role.WEB, Role.DOWNLOAD}),
        ("google-play", {Role.WEB, Role.DOWNLOAD, Role.SIGN_IN, Role.UPDATE}),
        ("apple-app-store", {Role.WEB, Role.DOWNLOAD, Role.SIGN_IN}),
        ("discord", {Role.MESSAGES, Role.MEDIA, Role.CALL, Role.SIGN_IN}),
        ("google-meet", {Role.CALL, Role.WEB}),
        ("ms-teams", {Role.WEB}),
        ("zoom", {Role.CALL, Role.WEB}),
        ("threema", {Role.SIGN_IN, Role.SIGN_UP, Role.MEDIA, Role.WEB}),
        ("wire", {Role.SIGN_IN, Role.WEB}),
        ("session", {Role.MESSAGES, Role.MEDIA, Role.CALL}),
        ("line", {Role.MESSAGES, Role.MEDIA, Role.WEB}),
        ("kakaotalk", {Role.MESSAGES, Role.MEDIA, Role.SIGN_IN}),
        ("f-droid", {Role.WEB, Role.DOWNLOAD}),
        ("github", {Role.WEB, Role.DOWNLOAD}),
        ("protonmail", {Role.MESSAGES, Role.SIGN_IN}),
    ],
)
def test_roles_of_the_services_that_people_know(
    catalog: Catalog, service: str, roles: set[Role]
) -> None:
    """So that "messages work, calls do not" can be said of them."""
    assert roles <= {e.role for e in of(catalog, service) if e.off is None}


@pytest.mark.parametrize(
    ("service", "roles"),
    [
        ("whatsapp", {Role.MESSAGES, Role.MEDIA}),
        ("telegram", {Role.MESSAGES, Role.WEB}),
        ("signal", {Role.MESSAGES, Role.CALL}),
        ("instagram", {Role.MESSAGES}),
        ("facebook-messenger", {Role.MESSAGES}),
        ("google-play", {Role.API}),
        ("apple-app-store", {Role.SIGN_IN}),
    ],
)
def test_the_core_holds_what_matters_most(catalog: Catalog, service: str, roles: set[Role]) -> None:
    """Frequent rounds look at messages, media, calls and the stores."""
    assert {e.role for e in of(catalog, service) if e.plan is Plan.CORE} == roles


def test_the_core_is_light(catalog: Catalog) -> None:
    """No whole page is fetched every quarter of an hour: HEAD, a small file, or TLS alone."""
    light = re.compile(r"robots\.txt|generate_204|/\Z")
    for endpoint in catalog.endpoints():
        if endpoint.plan is Plan.CORE and endpoint.kind is Kind.HTTP and endpoint.method == "GET":
            assert light.search(endpoint.path or ""), endpoint.id


def test_skype_is_kept_and_retired(catalog: Catalog) -> None:
    """It closed on 5 May 2025, and is in no plan."""
    skype = catalog.service("skype")
    assert skype is not None
    assert str(skype.retired_on) == "2025-05-05"
    assert {e.plan for e in skype.endpoints} == {Plan.ALL}
    assert [s.id for s in catalog.services if s.retired_on] == ["skype"]


def test_purposes(catalog: Catalog) -> None:
    """Status pages and Google's baseline are controls; domestic stores are domestic."""
    assert {e.purpose for e in of(catalog, "cafe-bazaar")} == {Purpose.DOMESTIC}
    assert {e.country for e in of(catalog, "rustore")} == {"RU"}
    for host in ("uptime.signal.org", "discordstatus.com", "protonstatus.com", "docs.google.com"):
        assert {e.purpose for e in catalog.endpoints() if e.host == host} == {Purpose.CONTROL}
    for service in catalog.services:
        if service.category in (Category.CONTROL, Category.DOMESTIC):
            assert {str(e.purpose) for e in service.endpoints} == {str(service.category)}


def test_connectivity_checks_expect_their_answer(catalog: Catalog) -> None:
    """The page that must answer 204 is in every round; the others know their text."""
    checks = of(catalog, "control")
    first = [e for e in checks if e.plan is Plan.CORE]
    assert [(e.host, e.expect.status) for e in first if e.expect] == [
        ("connectivitycheck.gstatic.com", (204,))
    ]
    assert all(e.expect for e in checks if not e.tls)


def test_the_wheel_finds_its_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside a checkout the catalog is looked for in the package itself."""
    monkeypatch.setattr(probe, "__file__", str(tmp_path / "site-packages/probe/__init__.py"))
    folder = sources.packaged_folder()
    assert folder.name == "_catalog"
    assert str(folder).endswith("probe/_catalog")


def test_a_checkout_reads_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder ``targets`` beside ``src``, only where there is a pyproject.toml."""
    (tmp_path / "targets").mkdir()
    monkeypatch.setattr(probe, "__file__", str(tmp_path / "src/probe/__init__.py"))
    assert sources.packaged_folder() != tmp_path / "targets"
    (tmp_path / "pyproject.toml").touch()
    assert sources.packaged_folder() == tmp_path / "targets"
