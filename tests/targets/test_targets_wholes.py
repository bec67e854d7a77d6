"""Parts of a whole, baselines and ranges in target files; what the packaged catalog has of them."""
# ruff: noqa: E501 - one case a line is read more easily

from pathlib import Path

import pytest
from target_text import HEAD, service, written

from probe.errors import CatalogError
from probe.model.target import Catalog, Category, Endpoint, PartOf, Plan, Purpose, Role, Whole
from probe.targets.load import load_catalog, read_catalog
from probe.targets.select import select

WHOLES = HEAD.replace("services:", "wholes:\n  - {id: way, name: The Way}\nservices:")
TLS = "{kind: tls, host: a.example.com, tls: true}"
PART = "    part_of: {whole: way, part: entrances}\n"


def read(folder: Path, text: str) -> tuple[Catalog | None, list[CatalogError]]:
    """Return what a packaged file of this text would be."""
    return read_catalog(written(folder, text), trusted=True)


def test_a_service_may_be_part_of_a_whole(tmp_path: Path) -> None:
    """The file names the whole once, and each service its part."""
    catalog, problems = read(tmp_path, service(TLS, head=WHOLES, extra=PART))
    assert problems == []
    assert catalog is not None
    assert catalog.wholes == (Whole(id="way", name="The Way"),)
    assert catalog.services[0].part_of == PartOf(whole="way", part="entrances")


@pytest.mark.parametrize(
    ("head", "id_", "says"),
    [
        (HEAD, "chat", "which no file names"),
        (WHOLES, "way", "is a service and cannot be a whole"),
        (WHOLES.replace("services:", "  - {id: way, name: Again}\nservices:"), "chat", "named twice"),
    ],
)  # fmt: skip
def test_a_whole_is_named_once_and_is_no_service(
    tmp_path: Path, head: str, id_: str, says: str
) -> None:
    """Else its timeline would be another's, or nobody's."""
    catalog, problems = read(tmp_path, service(TLS, head=head, id_=id_, extra=PART))
    assert catalog is None
    assert says in problems[0].problem
    assert (problems[0].field, problems[0].line is not None) == ("services[0].part_of", True)


SITE = "chat/tls/site.example.com:443"


def company(more: str = "", site: str = "", of: str = SITE) -> str:
    """Return a service whose product is compared with its site."""
    return service(
        f"{{kind: tls, host: site.example.com, tls: true{site}}}\n"
        f"{{kind: tls, host: product.example.com, tls: true{more}}}",
        extra=f"    baseline: '{of}'\n",
    )


def test_a_baseline_of_a_service_is_its_endpoints_and_not_its_own(tmp_path: Path) -> None:
    """Nothing is compared with itself."""
    catalog, problems = read(tmp_path, company())
    assert problems == []
    assert catalog is not None
    assert [e.baseline for e in catalog.endpoints()] == [None, SITE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (company(of="chat/tls/nobody.example.com:443"), "no endpoint chat/tls/nobody"),
        (company(more=", plan: default"), "it is in plan all, this endpoint in default"),
        (company(site=", off: 'asked not to'"), "it is off"),
        (company(site=", purpose: control"), "a baseline is a target"),
        (company(site=", baseline: 'chat/tls/product.example.com:443'"), "a baseline is a target"),
    ],
)  # fmt: skip
def test_a_baseline_is_there_when_its_endpoint_is(tmp_path: Path, text: str, says: str) -> None:
    """It exists, is measured in the same rounds, and is compared with nothing itself."""
    catalog, problems = read(tmp_path, text)
    assert catalog is None
    assert any(says in p.problem and p.field is not None for p in problems), problems


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{kind: http, host: a.example.com, tls: true, range_bytes: 65537}", "<= 65536"),
        ("{kind: http, host: a.example.com, tls: true, range_bytes: 12}", ">= 1024"),
        ("{kind: http, host: a.example.com, tls: true, read_bytes: 262145}", "<= 262144"),
        ("{kind: http, host: a.example.com, tls: true, method: HEAD, range_bytes: 4096}", "only a GET"),
        ("{kind: tls, host: a.example.com, tls: true, read_bytes: 4096}", "only a GET"),
        ("{kind: http, host: a.example.com, tls: true, range_bytes: 4096, read_bytes: 4096}", "to its end"),
    ],
)  # fmt: skip
def test_what_a_file_may_cost_is_bounded(tmp_path: Path, entry: str, says: str) -> None:
    """64 KiB of a file, 256 KiB of a page, and only where a body is read at all."""
    catalog, problems = read(tmp_path, service(entry))
    assert catalog is None
    assert says in problems[0].problem


@pytest.fixture(scope="module")
def packaged() -> Catalog:
    """Return the packaged catalog."""
    return load_catalog()


def roles(catalog: Catalog, service_id: str) -> set[Role]:
    """Return the roles that a service's measured endpoints have."""
    found = catalog.service(service_id)
    assert found is not None
    return {e.role for e in found.endpoints if e.off is None}


def test_tor_is_one_thing(packaged: Catalog) -> None:
    """Ten authorities, bridges by transport, Snowflake, meek, bridges on request, the website."""
    parts: dict[str, int] = {}
    for one in packaged.services:
        if one.part_of is not None:
            assert (one.part_of.whole, one.category) == ("tor", Category.TOR)
            parts[one.part_of.part] = parts.get(one.part_of.part, 0) + 1
    assert parts["authorities"] == 10
    assert set(parts) == {
        "authorities", "obfs4 bridges", "Snowflake", "STUN servers of Snowflake", "meek",
        "bridges on request", "Conjure", "website",
    }  # fmt: skip
    everything = select(packaged, plan=Plan.ALL, country="DE", names=["tor"]).endpoints
    services = {s.id for s in packaged.services if s.part_of is not None}
    assert {e.service for e in everything} <= services


def test_each_vpn_and_google_product_has_its_baseline(packaged: Catalog) -> None:
    """A site beside the interface; www.google.com beside what Google keeps from some countries."""
    known = {e.id: e for e in packaged.endpoints()}
    for name in (
        "mullvad",
        "nordvpn",
        "protonvpn",
        "windscribe",
        "surfshark",
        "ivpn",
        "expressvpn",
    ):
        found = packaged.service(name)
        assert found is not None
        compared = [e for e in found.endpoints if e.baseline is not None]
        assert compared
        assert {known[e.baseline or ""].role for e in compared} == {Role.WEB}
    sanctioned = packaged.service("google-sanctioned")
    assert sanctioned is not None
    assert {e.baseline for e in sanctioned.endpoints} == {"google/http/www.google.com:443/"}


def test_a_baseline_comes_along(packaged: Catalog) -> None:
    """Naming what is compared measures what it is compared with, of the same category."""
    chosen = select(packaged, plan=Plan.CORE, country="IR", names=["google-sanctioned"])
    hosts = {e.host for e in chosen.endpoints if e.service == "google"}
    assert hosts == {"www.google.com"}
    assert {e.service for e in chosen.endpoints} == {"google", "google-sanctioned"}


@pytest.mark.parametrize(
    ("service_id", "wanted"),
    [
        ("google-play", {Role.WEB, Role.API, Role.DOWNLOAD}),
        ("apple-app-store", {Role.WEB, Role.API}),
        ("f-droid", {Role.WEB, Role.API, Role.DOWNLOAD}),
        ("huawei-appgallery", {Role.WEB, Role.DOWNLOAD}),
        ("samsung-galaxy-store", {Role.WEB, Role.DOWNLOAD}),
        ("microsoft-store", {Role.API, Role.SIGN_IN}),
        ("cafe-bazaar", {Role.WEB, Role.API}),
        ("myket", {Role.WEB, Role.API}),
        ("rustore", {Role.WEB, Role.API}),
        ("mullvad", {Role.WEB, Role.API, Role.TUNNEL, Role.SIGN_UP}),
        ("expressvpn", {Role.WEB, Role.TUNNEL}),
        ("lantern", {Role.WEB, Role.API, Role.UPDATE}),
        ("tor-dirauth-moria1", {Role.TUNNEL, Role.API}),
        ("google-fcm", {Role.MESSAGES}),
    ],
)
def test_page_catalogue_and_download_are_results_apart(
    packaged: Catalog, service_id: str, wanted: set[Role]
) -> None:
    """So that a page that works hides no download that freezes."""
    assert wanted <= roles(packaged, service_id)


@pytest.mark.parametrize(
    "service_id",
    ["discord", "instagram", "ms-account", "mullvad", "protonmail", "windscribe", "x-twitter", "zoom"],
)  # fmt: skip
def test_sign_up_pages_are_pages(packaged: Catalog, service_id: str) -> None:
    """Services that refuse a country often refuse there first; nothing is filled in."""
    found = packaged.service(service_id)
    assert found is not None
    pages = [e for e in found.endpoints if e.role is Role.SIGN_UP]
    assert pages
    assert all(e.method == "GET" and e.tls and e.purpose is Purpose.TARGET for e in pages)


def test_downloads_ask_for_their_first_bytes(packaged: Catalog) -> None:
    """64 KiB at most, a status for both kinds of server, and never in frequent rounds."""
    ranged = [e for e in packaged.endpoints() if e.range_bytes is not None]
    assert {e.service for e in ranged if e.purpose is Purpose.TARGET} == {"google-play", "f-droid"}
    here = [e.country for e in ranged if e.purpose is Purpose.DOMESTIC]
    assert sorted(filter(None, here)) == ["BY", "CN", "IR", "KZ", "RU", "TH", "TR", "VN"]
    for endpoint in ranged:
        assert endpoint.role is Role.DOWNLOAD
        assert endpoint.range_bytes == 65_536
        assert endpoint.expect is not None
        assert set(endpoint.expect.status) == {200, 206}
        assert endpoint.plan is not Plan.CORE


def test_only_what_nothing_says_of_is_other(packaged: Catalog) -> None:
    """Outside of resolvers, a role is missing only where no source says what a host carries."""
    shelves = {s.id: s.category for s in packaged.services}
    other: list[Endpoint] = [
        e
        for e in packaged.endpoints()
        if e.role is Role.OTHER
        and e.purpose is Purpose.TARGET
        and shelves[e.service] is not Category.DNS_RESOLVER
    ]
    assert len({e.host for e in other}) <= 12
