"""Loading target files: defaults, refusals with file, line, field and mend."""
# ruff: noqa: E501 - one case a line is read more easily

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from target_text import HEAD, outcome, problems, refusal, service, written

from probe.errors import CatalogError
from probe.model.target import Catalog, Endpoint, Kind, Plan, Purpose, Risk, Role, Trust
from probe.targets.load import load_catalog, read_catalog


def only(folder: Path, entry: str) -> Endpoint:
    """Return the endpoint that an entry stands for."""
    catalog = load_catalog(written(folder, service(entry)))
    return catalog.services[0].endpoints[0]


@pytest.mark.parametrize(
    ("entry", "port", "sni", "alpn", "path"),
    [
        ("{kind: http, host: a.example.com, tls: true}", 443, "a.example.com", "h2 http/1.1", "/"),
        ("{kind: http, host: a.example.com, tls: false}", 80, None, "", "/"),
        ("{kind: http, host: 8.8.8.8, tls: true}", 443, None, "h2 http/1.1", "/"),
        ("{kind: tls, host: a.example.com, tls: true}", 443, "a.example.com", "", None),
        ("{kind: doh, host: a.example.com, tls: true}", 443, "a.example.com", "h2 http/1.1", "/dns-query"),
        ("{kind: dot, host: 9.9.9.9, tls: true}", 853, None, "dot", None),
        ("{kind: quic, host: a.example.com, tls: true}", 443, "a.example.com", "h3", None),
        ("{kind: dns, host: a.example.com, tls: false}", None, None, "", None),
        ("{kind: resolver, host: 8.8.8.8, tls: false}", 53, None, "", None),
        ("{kind: udp-stun, host: a.example.com, tls: false}", 3478, None, "", None),
        ("{kind: tor-or, host: 128.31.0.39, port: 9201, tls: true}", 9201, None, "", None),
        ("{kind: tls, host: a.example.com, tls: true, sni: b.example.com, alpn: [x]}", 443, "b.example.com", "x", None),
    ],
)  # fmt: skip
def test_defaults(
    tmp_path: Path, entry: str, port: int | None, sni: str | None, alpn: str, path: str | None
) -> None:
    """Port, SNI, ALPN and path follow from kind, TLS and host (targets/README.md)."""
    endpoint = only(tmp_path, entry)
    assert (endpoint.port, endpoint.sni, endpoint.path) == (port, sni, path)
    assert endpoint.alpn == tuple(alpn.split())


def test_an_endpoint_inherits_from_its_service_and_file(tmp_path: Path) -> None:
    """Source, risk and date come from the nearest place that states them."""
    text = service(
        "{kind: tcp, host: a.example.com, port: 5222, tls: false}\n"
        "{kind: tls, host: a.example.com, tls: true, source: own, risk: medium,"
        " checked_on: 2026-01-02}",
        extra="    risk: high\n",
    )
    catalog = load_catalog(written(tmp_path, text))
    first, second = catalog.services[0].endpoints
    assert (first.source, first.risk, str(first.checked_on)) == ("a/b@c:d", "high", "2026-11-21")
    assert (second.source, second.risk, str(second.checked_on)) == ("own", "medium", "2026-01-02")
    assert first.service == "chat"
    assert (first.purpose, first.role, first.plan) == (Purpose.TARGET, Role.OTHER, Plan.ALL)
    assert (first.trust, first.method, first.off) == (Trust.PUBLIC, "GET", None)


ENTRY = "{kind: http, host: a.example.com, tls: true}"


@pytest.mark.parametrize(
    ("text", "line", "field", "problem", "mend"),
    [
        (service("{kind: htp, host: a.example.com, tls: true}"), 8, "services[0].endpoints[0].kind", "invalid enum value 'htp'", "one of: dns, resolver, doh"),
        (service("{kind: http, hots: a.example.com, tls: true}"), 8, "services[0].endpoints[0].hots", "unknown field", "did you mean `host`?"),
        (service("{kind: http, host: a.example.com}"), 8, "services[0].endpoints[0]", "'tls' is missing", "add `tls:`"),
        (service("{kind: http, host: a.example.com, tls: yes}"), 8, "services[0].endpoints[0].tls", "expected `bool`, got `str`", "README"),
        (service("{kind: http, host: a.example.com, tls: true, port: 70000}"), 8, "services[0].endpoints[0].port", "<= 65535", "README"),
        (service("{kind: http, host: a.example.com, tls: true, method: PUT}"), 8, "services[0].endpoints[0].method", "invalid enum value 'PUT'", "one of: GET, HEAD, POST"),
        (service("{kind: http, host: a.example.com, tls: true, path: 'a b'}"), 8, "services[0].endpoints[0].path", "regex", "README"),
        (service("{kind: http, host: a.example.com, tls: true, expect: {stat: [200]}}"), 8, "services[0].endpoints[0].expect.stat", "unknown field", "did you mean `status`?"),
        (service(ENTRY + "\n" + ENTRY), 9, "services[0].endpoints[1].host", "the same endpoint as at", "remove one"),
        (service(ENTRY) + service(ENTRY, head=""), 9, "services[1].id", "service chat is also at", "another id"),
        (service("nothing"), 8, "services[0].endpoints[0]", "expected `object`", "pairs"),
        (service(ENTRY, id_="Chat!"), 4, "services[0].id", "regex", "README"),
        (HEAD.replace("messaging", "chatting"), 3, "services", "services must be a list", "add services:"),
        (service(ENTRY).replace("messaging", "chatting"), 1, "category", "invalid enum value 'chatting'", "one of: messaging"),
        (service(ENTRY).replace("2026-11-21", "yesterday"), 2, "checked_on", "", ""),
        (HEAD + "  - id: a\n    name: A\n", 4, "services[0].endpoints", "must be a list", "add endpoints:"),
        (HEAD + "  - just a word\n", 4, "services[0]", "pairs", "README"),
        ("- a\n", 1, None, "pairs", "README"),
        ("hello\n", 1, None, "pairs", "README"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(
    tmp_path: Path, text: str, line: int, field: str | None, problem: str, mend: str
) -> None:
    """A refusal names the file, the line, the field and the mend."""
    error = refusal(tmp_path, text)
    assert error.file == str(tmp_path / "own.yaml")
    assert error.line == line
    if field is not None:
        assert error.field == field
    assert problem in error.problem
    assert mend in (error.mend or "")


@pytest.mark.parametrize(
    ("entry", "field", "word"),
    [
        ("{kind: tls, host: a.example.com, tls: false}", "tls", "speaks TLS"),
        ("{kind: tcp, host: a.example.com, port: 443, tls: true}", "tls", "does not speak"),
        ("{kind: tcp, host: a.example.com, tls: false}", "port", "needs a port"),
        ("{kind: dns, host: a.example.com, port: 53, tls: false}", "port", "has no port"),
        ("{kind: dns, host: 8.8.8.8, tls: false}", "host", "cannot be resolved"),
        ("{kind: tls, host: a.example.com, tls: true, sni: null}", "sni", "without SNI"),
        ("{kind: http, host: a.example.com, tls: false, sni: b.example.com}", "sni", "without TLS"),
        ("{kind: tcp, host: a.example.com, port: 443, tls: false, path: /}", "path", "no path"),
        ("{kind: tls, host: a.example.com, tls: true, method: HEAD}", "method", "kind http"),
        ("{kind: tls, host: a.example.com, tls: true, host_header: b.example.com}", "host_header", "http"),
        ("{kind: http, host: a.example.com, tls: true, expect: {status: [99]}}", "expect", "status"),
        ("{kind: http, host: a.example.com, tls: true, method: HEAD, expect: {body_contains: x}}", "expect", "no body"),
        ("{kind: http, host: a.example.com, tls: true, country: IR}", "country", "only domestic"),
        ("{kind: wireguard, host: a.example.com, tls: false, key: abc}", "key", "not a key"),
        ("{kind: openvpn, host: a.example.com, tls: false, wrap: tls-auth, key: abc}", "key", "not a key"),
        (f"{{kind: openvpn, host: a.example.com, tls: false, key: {'ab' * 256}}}", "wrap", "belongs to a wrapping"),
        (f"{{kind: udp-stun, host: a.example.com, tls: false, key: {'A' * 43}=}}", "key", "has no key"),
        ("{kind: udp-stun, host: a.example.com, tls: false, wrap: none}", "wrap", "only kind openvpn"),
        ("{kind: udp-stun, host: a.example.com, tls: false, digest: sha512}", "wrap", "only kind openvpn"),
        ("{kind: wireguard, host: a.example.com, tls: false, transport: tcp}", "transport", "only kind openvpn"),
        ("{kind: http, host: a.example.com, tls: true, purpose: domestic}", "country", "which country"),
        ("{kind: http, host: a.example.com, tls: true, expected: [somewhere]}", "expected", "AS number"),
        ("{kind: http, host: a.example.com, tls: true, off: why, plan: core}", "plan", "off is in a plan"),
        ("{kind: http, host: a.example.com, tls: true, risk: baseline}", "risk", "below the tier"),
        ("{kind: http, host: 'g-{group}.example.com', tls: true}", "host", "template"),
        ("{kind: http, host: a.example.com, tls: true, anchor: true, plan: core, operator: o}", "anchor", "target"),
        ("{kind: http, host: a.example.com, tls: true, anchor: true, purpose: control, operator: o}", "plan", "every round"),
        ("{kind: http, host: a.example.com, tls: true, anchor: true, purpose: control, plan: core}", "operator", "whose"),
        ("{kind: tls, host: a.example.com, tls: true, anchor: true, purpose: control, plan: core, operator: o}", "anchor", "HTTPS"),
    ],
)  # fmt: skip
def test_rules_for_one_endpoint(tmp_path: Path, entry: str, field: str, word: str) -> None:
    """What does not fit together is refused, in the packaged catalog too."""
    found = problems(tmp_path, service(entry), trusted=True)
    assert any(
        error.field == f"services[0].endpoints[0].{field}" and word in error.problem
        for error in found
    ), [str(error) for error in found]


def test_a_source_is_required(tmp_path: Path) -> None:
    """Every endpoint says where it comes from."""
    text = service(ENTRY).replace("    source: a/b@c:d\n", "")
    assert refusal(tmp_path, text).problem == "where does this endpoint come from?"


def test_a_template_that_is_off_is_kept(tmp_path: Path) -> None:
    """Templates stay in the catalog, with their reason, and are never measured."""
    endpoint = only(tmp_path, "{kind: http, host: 'g-{x}.example.com', tls: true, off: template}")
    assert endpoint.off == "template"


def test_a_retired_service_is_in_no_plan(tmp_path: Path) -> None:
    """It is kept, and never planned."""
    text = service(
        "{kind: http, host: a.example.com, tls: true, plan: default}",
        extra="    retired_on: 2025-05-05\n",
    )
    assert "retired" in refusal(tmp_path, text).problem


def test_all_problems_are_found(tmp_path: Path) -> None:
    """A check goes on after the first problem, in the entry, the service and the file."""
    text = service(
        "{kind: htp, host: a.example.com, tls: true}\n"
        "{kind: tcp, host: 10.0.0.1, tls: false}\n"
        "{kind: http, host: b.example.com, tls: maybe}"
    )
    found = problems(tmp_path, text)
    assert [error.line for error in found] == [8, 9, 9, 10]


@pytest.mark.parametrize(
    ("plan", "count", "limit"), [("core", 21, 20), ("default", 151, 150)], ids=["core", "default"]
)
def test_a_plan_has_a_limit(tmp_path: Path, plan: str, count: int, limit: int) -> None:
    """More endpoints than a volunteer's data plan bears are refused."""
    entries = [
        f"{{kind: tls, host: a{n}.example.com, tls: true, plan: {plan}}}" for n in range(count)
    ]
    assert f"limit {limit}" in refusal(tmp_path, service("\n".join(entries))).problem
    load_catalog(written(tmp_path, service("\n".join(entries[:limit]))))


def test_a_country_counts_with_what_is_measured_everywhere(tmp_path: Path) -> None:
    """Domestic controls of two countries are not added up; one country's are."""
    everywhere = "\n".join(
        f"{{kind: http, host: a{n}.example.com, tls: true, plan: core}}" for n in range(15)
    )
    domestic = [
        f"{{kind: http, host: {cc.lower()}{n}.example.com, tls: true, plan: core,"
        f" purpose: domestic, country: {cc}}}"
        for cc in ("IR", "RU")
        for n in range(5)
    ]
    assert not problems(tmp_path, service("\n".join([everywhere, *domestic])), trusted=True)
    more = (
        "{kind: http, host: x.example.com, tls: true, plan: core, purpose: domestic, country: RU}"
    )
    found = problems(tmp_path, service("\n".join([everywhere, *domestic, more])), trusted=True)
    assert "21 endpoints in plan core for RU" in found[0].problem


def test_files_of_a_folder_are_joined_by_name(tmp_path: Path) -> None:
    """Services stand in the order of their files; other files are not read."""
    written(tmp_path, service(ENTRY, id_="b"), "2.yaml")
    written(tmp_path, service(ENTRY, id_="a"), "1.yml")
    written(tmp_path, "not: a catalog", "fingerprints.yaml")
    written(tmp_path, "not: a catalog", "countries.yaml")
    written(tmp_path, "not a catalog", "notes.txt")
    catalog = load_catalog(tmp_path)
    assert [s.id for s in catalog.services][:2] == ["a", "b"]


def test_the_digest_names_the_content(tmp_path: Path) -> None:
    """Comments do not change it, an endpoint does."""
    first = load_catalog(written(tmp_path, service(ENTRY)))
    same = load_catalog(written(tmp_path, "# hello\n" + service(ENTRY)))
    other = load_catalog(written(tmp_path, service(ENTRY.replace("a.ex", "b.ex"))))
    assert first.digest == same.digest != other.digest
    assert len(first.digest) == 64


@pytest.mark.parametrize("what", ["missing", "empty folder", "device", "link loop"])
def test_what_is_not_a_file_is_refused(tmp_path: Path, what: str) -> None:
    """No such file, an empty folder, a device that never ends, a link to itself."""
    path = {
        "missing": tmp_path / "none.yaml",
        "empty folder": tmp_path,
        "device": Path("/dev/zero"),
        "link loop": tmp_path / "loop.yaml",
    }[what]
    if what == "link loop":
        path.symlink_to(path)
    if what == "device" and not path.exists():
        pytest.skip("no such device on this platform")
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert caught.value.file is not None


def test_an_unreadable_file_in_a_folder_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """The others are still looked at."""
    (tmp_path / "1.yaml").mkdir()
    written(tmp_path, "hello", "2.yaml")
    found = read_catalog(tmp_path)[1]
    assert len(found) == 2


FIELDS = ["kind", "host", "tls", "port", "sni", "path", "role", "risk", "plan", "off", "expect"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    | st.sampled_from(["http", "tls", "a.example.com", "8.8.8.8", "10.0.0.1", "core", "high"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8), max_size=4))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_entries_never_raise_anything_else(
    tmp_path: Path, entries: list[dict[str, object]]
) -> None:
    """Fuzz: whatever an endpoint holds, the answer is a catalog or a CatalogError."""
    import json

    lines = "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) or "x"
    path = written(tmp_path, service(lines))
    found = outcome(path)
    assert found.untrusted if isinstance(found, Catalog) else found.mend
    assert isinstance(found, Catalog) or str(found).isprintable()


@given(st.binary(max_size=200))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_bytes_never_raise_anything_else(tmp_path: Path, data: bytes) -> None:
    """Fuzz: bytes appended to a good file."""
    path = written(tmp_path, service(ENTRY).encode() + data)
    found = outcome(path)
    assert isinstance(found, Catalog) or str(found).isprintable()


def test_kinds_and_tiers_are_all_known() -> None:
    """Each kind and tier of the model has a place in the defaults' tables."""
    from probe.model.target import Category
    from probe.targets.defaults import TLS_KINDS, floor, rank

    assert set(Kind) > TLS_KINDS
    assert {rank(risk) for risk in Risk} == {0, 1, 2}
    assert {floor(category) for category in Category} == set(Risk)
