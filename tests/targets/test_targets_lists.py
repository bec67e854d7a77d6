"""Fingerprints and country rules: what is packaged, and what is refused."""
# ruff: noqa: E501 - one case a line is read more easily

from pathlib import Path

import pytest
from target_text import written

from probe.errors import CatalogError
from probe.model.fingerprint import Mark, Place
from probe.model.target import Category
from probe.targets.defaults import DEFAULT_CATEGORIES
from probe.targets.listed import read_fingerprints
from probe.targets.load import load_countries, load_country_rules, load_fingerprints
from probe.wire.pages import MarkIndex

MARK = "  - {id: x, mark: blockpage, place: body, pattern: blocked by us, source: s}\n"
HEAD = "checked_on: 2026-11-21\nfingerprints:\n"


def test_every_mark_has_packaged_fingerprints() -> None:
    """No kind of mark is left without an example, and all are sourced."""
    marks = load_fingerprints()
    assert {mark.mark for mark in marks} == set(Mark)
    assert len(marks) > 300
    assert all(mark.source for mark in marks)
    assert len({mark.id for mark in marks}) == len(marks)


def test_interference_is_scoped_and_refusals_are_not() -> None:
    """A block page or sinkhole belongs to countries; a bot check may come anywhere."""
    for mark in load_fingerprints():
        if mark.mark in (Mark.BLOCKPAGE, Mark.SINKHOLE, Mark.INTERCEPTING_CA):
            assert mark.countries, mark.id
        if mark.mark in (Mark.CHALLENGE, Mark.GEOBLOCK, Mark.LOCAL_INTERCEPTOR):
            assert not mark.countries, mark.id


def test_a_state_and_a_company_are_told_apart_by_name() -> None:
    """No issuer pattern of the one kind meets one of the other, and each names a whole part."""
    names = [k for k in load_fingerprints() if k.place is Place.ISSUER]
    states = [k.pattern for k in names if k.mark is Mark.INTERCEPTING_CA]
    local = [k.pattern for k in names if k.mark is Mark.LOCAL_INTERCEPTOR]
    assert len(states) >= 6
    assert len(local) >= 20
    assert not [(s, c) for s in states for c in local if s in c or c in s]
    assert all(pattern.startswith(("CN=", "O=")) for pattern in local)


@pytest.mark.parametrize(
    ("place", "text", "mark"),
    [
        (Place.DNS, "10.10.34.35", Mark.SINKHOLE),
        (Place.ISSUER, "CN=Information Security Certification Authority,O=ISCA,C=KZ", Mark.INTERCEPTING_CA),
        (Place.ISSUER, "CN=Qaznet Trust Network,C=KZ", Mark.INTERCEPTING_CA),
        (Place.ISSUER, "CN=Russian Trusted Sub CA,O=The Ministry,C=RU", Mark.INTERCEPTING_CA),
        (Place.ISSUER, "CN=Zscaler Intermediate Root CA,O=Zscaler Inc.,C=US", Mark.LOCAL_INTERCEPTOR),
        (Place.ISSUER, "CN=FG100,OU=Certificate Authority,O=Fortinet Ltd.", Mark.LOCAL_INTERCEPTOR),
        (Place.ISSUER, "CN=ESET SSL Filter CA,O=ESET\\, spol. s r. o.,C=SK", Mark.LOCAL_INTERCEPTOR),
        (Place.BODY, "prohibited for viewership from within Pakistan", Mark.BLOCKPAGE),
        (Place.BODY, '<iframe src="http://10.10.34.35?type=Invalid Site">', Mark.BLOCKPAGE),
        (Place.HEADER, "location: http://lawfilter.ertelecom.ru/?x", Mark.BLOCKPAGE),
        (Place.HEADER, "cf-mitigated: challenge", Mark.CHALLENGE),
        (Place.STATUS, "451", Mark.LEGAL_ORDER_STATED),
        (Place.BODY, "Since Docker is a US company, we must comply with US export control regulations.", Mark.SANCTIONS_STATED),
        (Place.BODY, "The owner (a.example) has banned the country or region your IP address is in (XX)", Mark.GEOBLOCK),
        (Place.BODY, "<title>Welcome to nginx!</title>", Mark.FALSE_POSITIVE),
    ],
)  # fmt: skip
def test_known_texts_are_found_by_substring(place: Place, text: str, mark: Mark) -> None:
    """Texts of published cases meet a pattern of the right mark."""
    found = {
        known.mark
        for known in load_fingerprints()
        if known.place is place and known.pattern.lower() in text.lower()
    }
    assert mark in found


def test_ordinary_texts_meet_no_mark() -> None:
    """A news page that talks of blocking, and a public issuer, are not marks."""
    page = (
        "<html><head><title>Site blocked again, court says</title></head><body>The ministry said "
        "that access to the site was restricted. Error 403. Cloudflare. Access denied.</body></html>"
    ).lower()
    issuer = "cn=r11,o=let's encrypt,c=us"
    for known in load_fingerprints():
        if known.place in (Place.BODY, Place.TITLE):
            assert known.pattern.lower() not in page, known.id
        if known.place is Place.ISSUER:
            assert known.pattern.lower() not in issuer, known.id


@pytest.mark.parametrize(
    ("entry", "field", "word"),
    [
        ("{id: X, mark: blockpage, place: body, pattern: blocked by us, source: s}", "id", "not an id"),
        ("{id: y, mark: blockpage, place: body, pattern: short, source: s}", "pattern", "shorter"),
        ("{id: y, mark: blockpage, place: header, pattern: no colon here, source: s}", "pattern", "name: substring"),
        ("{id: y, mark: sinkhole, place: dns, pattern: somewhere, source: s}", "pattern", "network"),
        ("{id: y, mark: sinkhole, place: body, pattern: a sinkhole, source: s}", "place", "DNS"),
        ("{id: y, mark: blockpage, place: dns, pattern: 10.0.0.1, source: s}", "place", "DNS"),
        ("{id: y, mark: intercepting_ca, place: spki, pattern: ABC, source: s}", "pattern", "SHA-256"),
        ("{id: y, mark: legal_order_stated, place: status, pattern: '999', source: s}", "pattern", "status"),
        ("{id: y, mark: blockpage, place: body, pattern: blocked by us, source: s, countries: [Iran]}", "countries", "country"),
        ("{id: y, mark: blockpage, place: body, pattern: blocked by us, source: ''}", "source", "come from"),
        ("{id: y, mark: blocked, place: body, pattern: blocked by us, source: s}", "mark", "enum"),
        ("{id: y, mark: blockpage, place: body, pattern: blocked by us, status: 4030, source: s}", "status", "status code"),
        ("{id: y, mark: intercepting_ca, place: issuer, pattern: State Root, status: 403, source: s}", "status", "only a page"),
        ("{id: x, mark: blockpage, place: body, pattern: blocked by them, source: s}", "id", "twice"),
    ],
)  # fmt: skip
def test_a_wrong_fingerprint_is_refused(tmp_path: Path, entry: str, field: str, word: str) -> None:
    """With file, line, field and mend; the right ones of the file are still known."""
    path = written(tmp_path, HEAD + MARK + f"  - {entry}\n", "fingerprints.yaml")
    values, problems = read_fingerprints(path)
    assert [value.id for value in values] == ["x"]
    assert problems[0].line == 4
    assert problems[0].field == f"fingerprints[1].{field}"
    assert word in problems[0].problem
    with pytest.raises(CatalogError):
        load_fingerprints(tmp_path)


def test_fingerprints_of_a_folder_or_a_file(tmp_path: Path) -> None:
    """A path may be either."""
    path = written(tmp_path, HEAD + MARK, "fingerprints.yaml")
    assert load_fingerprints(path) == load_fingerprints(tmp_path) != load_fingerprints()


def test_a_raised_default_has_its_reason_and_sources() -> None:
    """No rule without somebody who said so; rules take away from the default profile only."""
    raised = [rules for rules in load_countries() if rules.opt_in]
    assert raised
    for rules in raised:
        assert rules.why, rules.country
        assert rules.sources, rules.country
        assert set(rules.opt_in) <= DEFAULT_CATEGORIES
        assert Category.CONTROL not in rules.opt_in
        assert Category.DOMESTIC not in rules.opt_in


def test_a_country_is_found_by_its_code() -> None:
    """In either case; an unknown one has no rules."""
    iran = load_country_rules("ir")
    assert iran is not None
    assert (iran.name, iran.weekend, iran.opt_in) == ("Iran", (5,), ())
    assert load_country_rules("ZZ") is None


def test_every_country_of_the_catalog_is_named() -> None:
    """Each country with domestic controls has a name and a weekend."""
    from probe.targets.load import load_catalog

    used = {endpoint.country for endpoint in load_catalog().endpoints()} - {None}
    known = {rules.country: rules for rules in load_countries()}
    assert used <= set(known)
    assert all(known[country].weekend for country in used if country)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("{country: XX, name: X, weekend: [0], checked_on: 2026-01-01}", "weekend"),
        ("{country: XX, name: X, opt_in: [messaging], checked_on: 2026-01-01}", "opt_in"),
        ("{country: YY, name: X, checked_on: 2026-01-01}", "country"),
        ("{country: xx, name: X, checked_on: 2026-01-01}", "country"),
    ],
)
def test_a_wrong_country_is_refused(tmp_path: Path, entry: str, field: str) -> None:
    """Weekdays are 1 to 7, raised defaults are sourced, a country stands once."""
    text = f"weekend_source: s\ncountries:\n  - {{country: YY, name: Y, checked_on: 2026-01-01}}\n  - {entry}\n"
    with pytest.raises(CatalogError) as caught:
        load_countries(written(tmp_path, text, "countries.yaml"))
    assert caught.value.line == 4
    assert caught.value.field is not None
    assert field in caught.value.field


_EXPLORER = (
    '<h2 id="ietext" style="font:8pt/11pt verdana; color:black">HTTP 404 - File not found<br>'
)
_IIS = '<h2 style="font:8pt/11pt verdana; color:000000">HTTP 404 - File not found<br>'


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [(_EXPLORER, 403, True), (_EXPLORER, 404, False), (_IIS, 403, False)],
)
def test_a_false_404_is_a_browsers_own_page(body: str, status: int, found: bool) -> None:
    """Microsoft's web server says the same of its own, and may be told to say it for a 403."""
    marks = MarkIndex(load_fingerprints()).find(status=status, headers=(), title=None, page=body)
    assert ("tn-404-in-a-403" in marks) is found
