"""Every page: what it shows, in which words, and that it stays a page whatever it is asked."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from desk_fixtures import HOSTILE, START, catalog, fill
from html_page import Page
from msgspec.structs import replace
from sqlalchemy import create_engine
from store_records import LINE, blocked, context, good

from probe.model.target import PartOf, Whole
from probe.model.vantage import Access, Network
from probe.report.tongue import LANGUAGES
from probe.store.database import Store
from probe.web.asked import Asked
from probe.web.page import PageLinks

Ask = Callable[..., httpx.Response]
PAGES = (
    "/",
    "/service/chat",
    "/network/AS64500/fixed",
    "/measurements",
    "/measurement/6/0",
    "/rounds",
    "/compare",
)


def words(answer: httpx.Response) -> str:
    """Return what a page says, without its tags."""
    return " ".join(" ".join(Page(answer.text).said).split())


@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_one_well_formed_document(ask: Ask, address: str) -> None:
    """Tags close, ids are unique, one h1, and nothing inline that the policy would stop."""
    answer = ask(address)
    assert answer.status_code == 200
    page = Page(answer.text)
    ids = [of["id"] for _, of in page.tags if "id" in of]
    assert len(ids) == len(set(ids))
    assert [tag for tag, _ in page.tags].count("h1") == 1
    for tag, of in page.tags:
        assert tag != "style"
        assert not [name for name in of if name == "style" or name.startswith("on")], (tag, of)
        assert tag != "script" or of.get("src") == "/static/live.js"
        for name in ("aria-labelledby", "aria-describedby"):
            assert of.get(name) is None or of[name] in ids


def test_every_link_of_every_page_leads_somewhere(ask: Ask) -> None:
    """No link of the first pages ends in an error, also with a filter in the address."""
    seen: set[str] = set()
    for address in (*PAGES, "/?since=2026-03-02&tz=UTC&lang=fa"):
        seen |= {link for link in Page(ask(address).text).links if link.startswith("/")}
    assert len(seen) > 40
    kinds = {re.sub(r"[0-9a-f]{10}|\d+", "N", link.partition("?")[0]): link for link in seen}
    for link in kinds.values():
        assert ask(link).status_code == 200, link


def test_the_overview_says_what_is_cut_and_links_to_the_rows(ask: Ask) -> None:
    """The service that is cut is named; its count of failed looks leads to just those looks."""
    answer = ask("/")
    assert "Chat" in words(answer)
    assert "Everything" not in words(answer)
    links = [link for link in Page(answer.text).links if link.startswith("/measurements?")]
    rows = next(link for link in links if "service=chat" in link)
    listed = ask(rows.replace("/measurements", "/download/measurements.json")).json()
    (found,) = (row for row in ask("/api/services").json() if row["service"] == "chat")
    assert len(listed) == found["looks_good"] + found["looks_bad"] + found["looks_unclear"]
    assert {row["vantage"] for row in listed} == {LINE.id}  # the far one's are no part of it


def test_each_sentence_leads_to_what_it_rests_on(ask: Ask) -> None:
    """One of a service to its looks, of the line to its rounds, of several to a table of theirs."""
    leads = re.findall(r'<p class="lead">(.*?)</p>', ask("/").text)
    leading = {re.sub("[^a-z ]", "", lead.lower()): Page(lead).links for lead in leads}
    ((mail,),) = (links for said, links in leading.items() if "mail worked" in said)
    assert mail.startswith("/measurements?")
    assert parse_qs(urlsplit(mail).query)["service"] == ["mail"]
    assert [links for said, links in leading.items() if "the line reached" in said] == [["/rounds"]]
    ((several,),) = (links for said, links in leading.items() if "are blocked" in said)
    page = ask("/").text
    (table,) = re.findall(rf'<tbody id="{several[1:]}">(.*?)</tbody>', page, re.DOTALL)
    assert {link.partition("?")[0] for link in Page(table).links} == {"/measurements"}
    assert all(links for links in leading.values())


@pytest.mark.parametrize("address", PAGES)
def test_no_link_of_a_page_leads_to_a_place_that_is_not_on_it(ask: Ask, address: str) -> None:
    """Of all that point into the page itself."""
    page = ask(address).text
    within = {link[1:] for link in Page(page).links if link.startswith("#")}
    assert within <= set(re.findall(r' id="([^"]+)"', page))


def test_what_worked_leads_on_as_well(ask: Ask) -> None:
    """A service in which nothing failed has a page, and its count the looks behind it."""
    links = Page(ask("/").text).links
    assert "/service/mail" in links
    (rows,) = {link for link in links if link.startswith("/measurements?") and "mail" in link}
    (found,) = (row for row in ask("/api/services").json() if row["service"] == "mail")
    listed = ask(rows.replace("/measurements", "/download/measurements.json")).json()
    assert len(listed) == found["looks_good"] + found["looks_bad"] + found["looks_unclear"]
    assert found["looks_good"] > 0


def test_a_network_is_not_told_what_another_showed(
    ask_of: Callable[..., Ask], tmp_path: Path
) -> None:
    """One line on two networks: each page has its own looks alone, and of no network is none."""
    place = tmp_path / "probe.sqlite"
    home = Network(asn=64500, access=Access.FIXED)
    phone = Network(asn=64501, access=Access.MOBILE)
    with Store.open(place) as store:
        store.save_vantage(LINE)
        for slot in range(8):
            at = START + timedelta(hours=slot)
            network, record = (phone, good(at=at)) if slot % 2 else (home, blocked(at=at))
            number = store.begin_round(
                vantage=LINE.id, plan="core", started=at, catalog_digest="", network=network
            )
            store.save(number, [record])
            store.end_round(number, replace(context(at), network=network), at)
    ask = ask_of(place)
    for network, looks in ((home, ("blocked", 0, 4)), (phone, ("ok", 4, 0))):
        rows = ask(f"/api/services?network={network.key}").json()
        (found,) = (row for row in rows if row["service"] == "chat")
        assert (found["state"], found["looks_good"], found["looks_bad"]) == looks
        assert ("is blocked" in words(ask(f"/network/{network.key}"))) is (network is home)
    assert ask("/network/AS64999/fixed").status_code == 404
    assert "blocked" not in words(ask("/?network=AS64999/fixed")).partition("Services looked at")[0]


def test_a_desk_without_an_own_line_offers_those_that_it_has(
    ask_of: Callable[..., Ask], tmp_path: Path
) -> None:
    """What several others measured: a link for each, to the page that was asked for."""
    place = tmp_path / "probe.sqlite"
    with Store.open(place) as store:
        for name in ("near", "far"):
            store.import_round(
                vantage=replace(LINE, id=name),
                network=context().network,
                plan="core",
                started=START,
                ended=START,
                records=[blocked(at=START)],
                imported_from=f"bundle:{name}:1",
                context=context(START),
            )
    ask = ask_of(place)
    for page in ("/", "/service/chat", "/rounds?since=2026-03-01"):
        answer = ask(page)
        assert answer.status_code == 300
        (link,) = (link for link in Page(answer.text).links if "vantage=near" in link)
        assert urlsplit(link).path == urlsplit(page).path
        assert ask(link).status_code == 200
    assert ask("/compare").status_code == 200
    assert ask("/api/services").status_code == 400


def test_a_far_network_leads_to_what_the_far_vantage_saw(ask: Ask) -> None:
    """The own line was never on it: its page without the vantage would be none."""
    for page in ("/compare", "/measurements"):
        (link, *_) = (link for link in Page(ask(page).text).links if "AS64511" in link)
        assert "vantage=far" in link
        assert ask(link).status_code == 200
    assert ask("/network/AS64511/mobile").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/measurement/99999999999999999999/0",
        "/measurement/1/99999999999999999999",
        "/download/measurement-99999999999999999999-0.json",
        "/api/measurements/99999999999999999999/0",
    ],
)
def test_a_number_that_no_database_holds_is_nothing(ask: Ask, address: str) -> None:
    """Not found, as every other that is not there."""
    assert ask(address).status_code == 404


def test_all_state_is_in_the_address(ask: Ask) -> None:
    """A filter given in an address stands in its form and in every link that leads on."""
    page = Page(ask("/service/chat?since=2026-03-02&tz=UTC&lang=es").text)
    inner = [link for link in page.links if link.startswith(("/measurements", "/rounds", "/?"))]
    assert inner
    assert all("since=" in link and "tz=UTC" in link for link in inner)
    fields = {of.get("name"): of.get("value") for tag, of in page.tags if tag == "input"}
    assert fields["since"] == "2026-03-02"
    assert fields["lang"] == "es"


def test_the_heatmap_can_be_turned_to_utc(ask: Ask) -> None:
    """The zone is printed on it, and a link changes it."""
    assert "hour of day in Asia/Tehran" in words(ask("/service/chat"))
    assert "tz=UTC" in ask("/service/chat").text
    assert "hour of day in UTC" in words(ask("/service/chat?tz=UTC"))


def test_a_measurement_shows_its_steps_and_the_rule(ask: Ask) -> None:
    """Steps, failure, certificate hash, body hash, rule and its version, and what could fool it."""
    mail = words(ask("/measurement/1/1"))
    assert "certificate.leaf_sha256" in mail
    assert "body_sha256" in mail
    assert "ok.application" in mail
    cut = words(ask("/measurement/8/0"))
    assert "connection_reset" in cut
    assert "tls.reset.sni v 2" in cut or "tls.reset.sni v2" in cut
    assert "neutral_sni" in cut


def test_vantages_stand_side_by_side(ask: Ask) -> None:
    """The far vantage on its network has a column, and what it saw is in it."""
    page = ask("/compare").text
    assert "AS64511/mobile" in page
    assert "far" in page
    assert "1 of 1 looks failed" in words(ask("/compare"))


def test_filters_of_the_list_hold(ask: Ask) -> None:
    """State, service and network filter together; nothing that fits is a plain sentence."""
    assert "chat/http" in ask("/measurements?state=blocked").text
    assert "mail/http" not in ask("/measurements?state=blocked").text
    assert "mail/http" not in ask("/measurements?service=chat").text
    one = ask("/measurements?network=AS64511/mobile").text
    assert one.count("chat/http/chat.example") == 1
    none = ask("/measurements?service=chat&state=down")
    assert "Nothing was measured that fits these filters." in words(none)


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("/?since=yesterday", "since: not a time"),
        ("/?tz=Mars/Base", "tz: no such zone"),
        ("/?lang=tlh", "lang: no such language"),
        ("/measurements?state=fine", "state: no such state"),
        ("/measurements?before=x", "before: not a place in the list"),
        ("/measurements?before=99999999999999999999.1", "before: not a place in the list"),
        ("/?since=2026-03-02&until=2026-03-01", "until: not after since"),
        ("/?vantage=nobody", "--vantage: no round of this vantage"),
        (f"/?service={'x' * 300}", "service: too long"),
    ],
)
def test_a_broken_filter_is_a_plain_page(ask: Ask, address: str, part: str) -> None:
    """It says the field, what is wrong and the mend; the way back is on it."""
    answer = ask(address)
    assert answer.status_code == 400
    assert part in words(answer)
    assert "/" in Page(answer.text).links


def test_what_is_not_there_is_said(ask: Ask) -> None:
    """Unknown pages, services, events and measurements are 404 with a page."""
    for address in ("/nope", "/service/nope", "/event/0123456789", "/measurement/99999/0"):
        answer = ask(address)
        assert answer.status_code == 404
        assert "There is no such page" in words(answer)
    assert ask("/measurement/x/0").status_code == 400


def test_hostile_strings_are_only_text(ask: Ask) -> None:
    """Host names, titles and issuers of strangers become no markup, direction or template code."""
    listed = ask("/measurements?service=" + quote(HOSTILE))
    link = next(x for x in Page(listed.text).links if x.startswith("/measurement/"))
    for answer in (
        listed,
        ask(link),
        ask("/"),
        ask("/compare"),
        ask("/service/" + quote(HOSTILE, safe="")),
    ):
        assert answer.status_code == 200
        page = Page(answer.text)
        assert "img" not in [tag for tag, _ in page.tags]
        assert [of.get("src") for tag, of in page.tags if tag == "script"] == ["/static/live.js"]
        assert "\u202e" not in answer.text
        assert "\x07" not in answer.text
        assert any("<script>alert(1)" in said for said in page.said)
    assert "{{7*7}}" in ask(link).text


def test_an_empty_store_is_a_plain_page(ask_of: Callable[..., Ask], tmp_path: Path) -> None:
    """No round yet: every page stands, and says that nothing was measured."""
    with Store.open(tmp_path / "empty.sqlite"):
        pass
    ask = ask_of(tmp_path / "empty.sqlite")
    for address in ("/", "/rounds", "/measurements", "/compare", "/metrics", "/api/services"):
        assert ask(address).status_code == 200, address
    assert "Nothing was measured in this period." in words(ask("/"))


def test_a_store_of_one_row_is_a_page(ask_of: Callable[..., Ask], tmp_path: Path) -> None:
    """One round of one endpoint."""
    with Store.open(tmp_path / "one.sqlite") as store:
        store.save_vantage(LINE)
        number = store.begin_round(
            vantage=LINE.id,
            plan="core",
            started=START,
            catalog_digest="",
            network=context().network,
        )
        store.save(number, [good(at=START)])
        store.end_round(number, context(START), START)
    ask = ask_of(tmp_path / "one.sqlite")
    for address in ("/", "/service/chat", "/measurement/1/0", "/compare", "/rounds"):
        assert ask(address).status_code == 200, address
    assert "Chat worked." in words(ask("/")).replace("\u2068", "").replace("\u2069", "")


def test_no_store_and_a_newer_one_are_said(ask_of: Callable[..., Ask], tmp_path: Path) -> None:
    """A page that says what to do; once there is a store, the same server shows it."""
    place = tmp_path / "later.sqlite"
    ask = ask_of(place)
    answer = ask("/")
    assert answer.status_code == 503
    assert "there is no store yet" in words(answer)
    assert ask("/api/state").json()["error"]
    with Store.open(place) as store:
        fill(store, days=1)
    assert ask("/").status_code == 200
    newer = tmp_path / "newer.sqlite"
    with Store.open(newer):
        pass
    engine = create_engine(f"sqlite:///{newer}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE probe_version SET version_num = '9999'")
    engine.dispose()
    answer = ask_of(newer)("/")
    assert answer.status_code == 503
    assert "newer probe" in words(answer)


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_every_page_speaks_every_language(ask: Ask, code: str) -> None:
    """The language, its direction, and hosts that are never turned."""
    for address in ("/", "/measurement/1/1"):
        text = ask(f"{address}?lang={code}").text
        direction = "rtl" if code in ("fa", "ar") else "ltr"
        assert f'<html lang="{code}" dir="{direction}">' in text
    assert '<bdi dir="ltr">mail/http/mail.example:443/</bdi>' in text
    assert 'class="chart-box' not in text or 'dir="ltr"' in text


def test_a_new_round_is_shown(ask_of: Callable[..., Ask], tmp_path: Path) -> None:
    """The version changes with the store, and so do the pages that are not the overview."""
    place = tmp_path / "live.sqlite"
    with Store.open(place) as store:
        fill(store, days=1)
        ask = ask_of(place)
        before = ask("/api/state").json()["version"]
        assert ask("/rounds").text.count('data-label="The line"') == 12
        at = START.replace(day=2)
        number = store.begin_round(
            vantage=LINE.id, plan="core", started=at, catalog_digest="", network=context().network
        )
        assert ask("/api/state").json()["open_since"] == "2026-03-02T00:10:00Z"
        store.save(number, [good(at=at)])
        store.end_round(number, context(at), at)
        assert ask("/api/state").json()["version"] != before
        assert ask("/rounds").text.count('data-label="The line"') == 13


def test_the_catalog_is_that_of_the_fixture() -> None:
    """The fixture's endpoints are those that the records name."""
    assert [e.id for e in catalog().services[0].endpoints] == [good().endpoint]


def test_a_whole_has_a_page_with_its_parts(ask_of: Callable[..., Ask], place: Path) -> None:
    """It names the parts, those that work as well, and leads to the measurements of all."""
    services = tuple(
        replace(one, part_of=PartOf(whole="all", part=f"part {one.id}"))
        for one in catalog().services
    )
    whole = replace(catalog(), services=services, wholes=(Whole(id="all", name="All of It"),))
    ask = ask_of(place, of=whole)
    page = words(ask("/service/all"))
    assert "All of It" in page
    assert "part chat: " in page
    assert "Worked (1) Mail" in page
    assert "chat/http/chat.example:443/" in page
    listed = ask("/api/measurements?service=all&limit=1000").json()
    assert {row["service"] for row in listed} == {"chat", "mail"}
    assert "part chat" not in words(ask("/service/mail"))


def test_what_happened_in_one_look_has_its_measurements() -> None:
    """The period of a single look is a second long: an empty period would be refused."""
    at = datetime(2026, 3, 1, 10, 10, tzinfo=UTC)
    told = parse_qs(urlsplit(PageLinks(Asked()).rows("chat", at, at)).query)
    assert told["since"] == ["2026-03-01T10:10:00Z"]
    assert told["until"] == ["2026-03-01T10:10:01Z"]
