"""The file of apps and stores: what becomes of a line, and what is refused where."""
# ruff: noqa: E501 - one case a line is read more easily

from pathlib import Path

import pytest
from target_text import service, written

from probe.errors import CatalogError
from probe.model.target import Category, Endpoint, Plan, Purpose, Risk, Role
from probe.targets.audit import audit
from probe.targets.load import load_catalog, read_catalog
from probe.targets.select import Reason, select

STORES = """
checked_on: 2026-11-29
stores:
  - id: big
    name: Big Store
    host: play.example.com
    path: /apps?id={app}&gl={country}
    listed: 'id={app}'
    absent: {status: [404]}
    storefront: US
    read_bytes: 131072
    source: a/b@c:d
  - id: home
    name: Home Store
    host: home.example.com
    path: /app/{app}
    redirects: true
    listed: '{package}'
    absent: {status: [404]}
    country: IR
    source: a/b@c:e
apps:
"""
APP = """  - id: way
    name: Way
    category: tor
    listings:
      - {store: big, app: org.way, source: x/y@z:w}
      - {store: home, app: C7, package: org.way, source: x/y@z:w}
"""


def reading(folder: Path, listings: str) -> tuple[tuple[Endpoint, ...], list[CatalogError]]:
    """Return the listings of a working copy of the catalog, and every problem of it."""
    written(folder, service("{kind: tls, host: a.example.com, tls: true}"))
    written(folder, listings, "listings.yaml")
    catalog, problems = read_catalog(folder, trusted=True)
    if catalog is None:
        return (), problems
    found = (s for s in catalog.services if s.category is Category.LISTING)
    return tuple(e for s in found for e in s.endpoints), problems


def test_a_line_becomes_an_endpoint_for_each_store(tmp_path: Path) -> None:
    """App, store and marks are put together; the app's service is one of the listings."""
    (big, home), problems = reading(tmp_path, STORES + APP)
    assert problems == []
    assert big.id == "listing-way/http/play.example.com:443/apps?id=org.way&gl={country}"
    assert (big.role, big.store, big.plan) == (Role.LISTING, "Big Store", Plan.ALL)
    assert big.purpose is Purpose.TARGET
    assert big.read_bytes == 131_072
    assert big.source == "x/y@z:w; a/b@c:d"
    assert big.expect is not None
    assert (big.expect.status, big.expect.body_contains) == ((200,), "id=org.way")
    assert (big.expect.storefront, big.expect.absent and big.expect.absent.status) == ("US", (404,))
    assert home.expect is not None
    assert (home.expect.status, home.expect.location_contains) == ((302,), "org.way")
    assert home.path == "/app/C7"


def test_a_store_at_home_sees_the_question(tmp_path: Path) -> None:
    """There it is as risky as the app; a store abroad is seen by all who want any of its apps."""
    (big, home), _ = reading(tmp_path, STORES + APP)
    assert (big.risk, big.country) == (Risk.MEDIUM, None)
    assert (home.risk, home.country) == (Risk.HIGH, "IR")
    chat = APP.replace("category: tor", "category: messaging")
    (_, home), _ = reading(tmp_path, STORES + chat)
    assert home.risk is Risk.MEDIUM


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("store: big", "store: bog", "apps[0].listings", "no store bog"),
        ("store: home, app: C7", "store: big, app: C7", "apps[0].listings", "given twice"),
        ("app: org.way", "app: org/way", "apps[0].listings[0].app", "regex"),
        ("/apps?id={app}", "/apps?id=x", "stores[0].path", "where does the app's id go"),
        ("absent: {status: [404]}\n    storefront", "absent: {}\n    storefront", "stores[0].absent", "how does it say"),
        ("    storefront: US\n", "", "apps[0].expect", "storefront and {country} go together"),
        ("id: home", "id: big", "stores[1].id", "given twice"),
        ("read_bytes: 131072", "read_bytes: 999999", "stores[0].read_bytes", "<= 262144"),
        ("    name: Way\n", "    name: Way\n    colour: red\n", "apps[0].colour", "unknown field"),
        ("host: play.example.com", "host: 192.168.1.1", "apps[0].host", "not a public"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, field: str, says: str
) -> None:
    """File, line, field and what is wrong; the rest of the file is read all the same."""
    text = STORES + APP
    assert text.count(old) >= 1
    _, problems = reading(tmp_path, text.replace(old, new, 1))
    found = [p for p in problems if p.field == field]
    assert found, problems
    assert says in found[0].problem
    assert found[0].file == str(tmp_path / "listings.yaml")
    assert found[0].line is not None
    assert found[0].mend


def test_the_same_app_twice_is_one_too_many(tmp_path: Path) -> None:
    """Two lines of one id would be one service."""
    _, problems = reading(tmp_path, STORES + APP + APP)
    assert [p.field for p in problems] == ["apps[1].id"]


def test_a_file_without_apps_is_refused(tmp_path: Path) -> None:
    """Nothing to read is not nothing wrong."""
    _, problems = reading(tmp_path, STORES)
    assert [p.field for p in problems] == ["apps"]


def test_a_folder_from_elsewhere_brings_no_listings(tmp_path: Path) -> None:
    """How the packaged stores are asked is not a stranger's business."""
    written(tmp_path, service("{kind: tls, host: a.example.com, tls: true}"))
    written(tmp_path, STORES + APP, "listings.yaml")
    catalog = load_catalog(tmp_path)
    assert all(s.category is not Category.LISTING for s in catalog.services)


def test_the_file_alone_can_be_checked(tmp_path: Path) -> None:
    """``probe targets check listings.yaml`` finds what is wrong in it."""
    assert audit(written(tmp_path, STORES + APP, "listings.yaml")) == []
    broken = audit(written(tmp_path, STORES + APP.replace("big", "bog"), "listings.yaml"))
    assert len(broken) == 1


@pytest.mark.parametrize(
    "entry",
    [
        "{kind: http, host: a.example.com, tls: true, role: listing}",
        "{kind: http, host: a.example.com, tls: true, path: '/x?c={country}'}",
        "{kind: http, host: a.example.com, tls: true, expect: {absent: {status: [404]}}}",
        "{kind: http, host: a.example.com, tls: true, expect: {status: [200], storefront: US}}",
    ],
)
def test_a_target_file_makes_no_listings(tmp_path: Path, entry: str) -> None:
    """They are made from the table alone."""
    catalog, problems = read_catalog(written(tmp_path, service(entry)), trusted=True)
    assert catalog is None
    assert problems


def test_the_packaged_listings() -> None:
    """Messengers, ways out and their stores; every endpoint is asked over the store's own TLS."""
    catalog = load_catalog()
    listings = [s for s in catalog.services if s.category is Category.LISTING]
    ids = {s.id.removeprefix("listing-") for s in listings}
    assert {"whatsapp", "signal", "telegram", "tor-browser", "psiphon", "mullvad"} <= ids
    stores = {e.store for s in listings for e in s.endpoints}
    assert stores == {
        "App Store", "Cafe Bazaar", "F-Droid", "Google Play", "Huawei AppGallery", "Myket",
    }  # fmt: skip
    assert all(e.tls and e.plan is Plan.ALL for s in listings for e in s.endpoints)
    domestic = [e for s in listings for e in s.endpoints if e.country is not None]
    assert {e.country for e in domestic} == {"IR"}
    assert {e.risk for e in domestic if e.service == "listing-tor-browser"} == {Risk.HIGH}


def test_naming_the_listings_asks_for_all_of_this_country() -> None:
    """``probe run listing``: every store abroad, and those at home only at home."""
    catalog = load_catalog()
    for country, has in (("IR", True), ("DE", False)):
        chosen = select(catalog, plan=Plan.DEFAULT, country=country, names=["listing"])
        assert {e.role for e in chosen.endpoints} == {Role.LISTING}
        assert ("Myket" in {e.store for e in chosen.endpoints}) is has
    away = select(catalog, plan=Plan.ALL, country="DE", names=["listing-signal", "listing-orbot"])
    left = {x.reason for x in away.left_out if x.endpoint.store == "Myket"}
    assert left == {Reason.OTHER_COUNTRY}
    none = select(catalog, plan=Plan.ALL, country="IR")
    assert not [e for e in none.endpoints if e.role is Role.LISTING]
