"""The page stands alone: no outside address, nothing unescaped, three marks that differ."""

import re
from typing import Any

import msgspec
import pytest
from html_page import Page
from languages import one_fast
from report_fixtures import notes, report, rolled, service, verdict

from probe.model.record import Note, NoteKind
from probe.model.target import Role
from probe.model.verdict import Compared, Fate, Locus, State
from probe.report import mechanisms, words
from probe.report.data import FindingKind, Mark, ReportData, RoleRow, ServiceFinding
from probe.report.html import View, render
from probe.report.tongue import LANGUAGES, num, speaking

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egpj\x07{{7*7}}"


def test_no_outside_address(page: str) -> None:
    """No link, source, import, font or style leads anywhere; not even a namespace is a URL."""
    assert not re.search(r"https?:|ftp:|wss?:|javascript:|@import|@font-face", page)
    assert set(re.findall(r"url\(([^)]*)\)", page)) == {
        f"#p-{mark.value}" for mark in Mark if mark is not Mark.FINE
    }
    for tag, attributes in Page(page).tags:
        assert tag not in {"script", "iframe", "object", "embed", "img", "base", "form", "use"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"href", "src", "xlink:href", "action", "srcset"}:
                assert (value or "").startswith("#") or value == "data:,"


def test_the_policy_forbids_every_fetch(page: str) -> None:
    """The page's own content security policy allows inline style and nothing else."""
    policies = [
        attributes["content"]
        for tag, attributes in Page(page).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert "default-src 'none'" in (policies[0] or "")
    assert "script-src" not in (policies[0] or "")


def test_it_is_one_well_formed_document(page: str) -> None:
    """Tags close in order; ids are unique; language, title and one h1 are there."""
    parsed = Page(page)
    assert parsed.open == []
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    names = [tag for tag, _ in parsed.tags]
    assert names.count("h1") == 1
    assert names.count("title") >= 1
    html = next(attributes for tag, attributes in parsed.tags if tag == "html")
    assert html["lang"] == "en"
    for _, attributes in parsed.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert attributes.get(name) is None or attributes[name] in ids


def test_hostile_strings_are_only_text() -> None:
    """Titles, service names and notes cannot become markup, direction or template code."""
    one = msgspec.structs.replace(service("x"), name=HOSTILE)
    note = Note(time=notes()[0].time, kind=NoteKind.OTHER, service=HOSTILE, text=HOSTILE)
    text = render(
        report(
            title=HOSTILE,
            services=((one, rolled("x", verdict(State.BLOCKED, HOSTILE))),),
            series=(),
            intervals={},
            events=(),
            notes=(note,),
            private=True,
        )
    )
    parsed = Page(text)
    assert {"script", "img"}.isdisjoint(tag for tag, _ in parsed.tags)
    assert "\u202e" not in text
    assert "\x07" not in text
    assert text.count("{{7*7}}") >= 4
    assert any("<script>alert(1)</script>" in said for said in parsed.said)


def test_names_are_isolated_from_the_direction_of_their_neighbours(page: str) -> None:
    """Every service's name in the table stands in a ``bdi``."""
    rows = re.findall(r'<th scope="row"><a href="#rows-[^>]*>(.*?)</th>', page)
    assert len(rows) > 5
    assert all(row.startswith("<bdi>") for row in rows)


def test_three_marks_differ(page: str) -> None:
    """No data, offline and fine have three fills, three legends, and two of them a letter."""
    fills = {
        mark: re.search(rf"\.m-{mark} {{ fill: ([^;]+);", page)
        for mark in ("no_data", "line_off", "fine")
    }
    assert all(fills.values())
    assert len({found.group(1) for found in fills.values() if found}) == 3
    for name in ("worked", "line offline", "no data"):
        assert name in page
    drawn = set(re.findall(r'class="m-([a-z_]+)', page))
    assert {"no_data", "line_off", "fine", "cut", "refused", "domestic"} <= drawn


def test_the_zone_stands_on_each_heatmap(page: str, fortnight: ReportData) -> None:
    """Zone and offset are printed at every heatmap, and at the head of the page."""
    zones = re.findall(r"hour of day in <span[^>]*>Asia/Tehran</span>, UTC\+03:30", page)
    assert len(zones) == len(fortnight.heatmaps) > 0


def test_each_heatmap_has_a_table(page: str, fortnight: ReportData) -> None:
    """What is drawn can also be read."""
    assert page.count('-table"><thead>') == len(fortnight.heatmaps)
    assert page.count("The same as a table") == len(fortnight.heatmaps) + 1  # the days
    assert "16:00–24:00" in page or "17:00–23:00 cut by the network" in page


def test_a_simulation_is_called_one_everywhere() -> None:
    """In the title, in a banner before everything else."""
    text = render(report(simulated=True))
    assert "<title>Simulation: " in text
    assert text.index("This is a simulation.") < text.index("<h1>")


def test_a_measurement_is_not_called_a_simulation(page: str) -> None:
    """The banner belongs to the demo only."""
    assert "imulation" not in page


def test_the_page_names_what_made_it(page: str) -> None:
    """Versions, catalog, rules and a digest of its own data."""
    for part in ("probe 0.1.0", "c0ffee", "tls.reset.sni", "tzdata 2026a", "probe-report-1"):
        assert part in page
    assert re.search(r"SHA-256 <code>[0-9a-f]{64}</code>", page)


def test_an_empty_report_is_a_plain_page() -> None:
    """Nothing measured: a page that says so, without charts."""
    text = render(report(services=(), series=(), intervals={}, events=(), rounds=(), notes=()))
    assert "Nothing was measured in this period." in text
    assert text.count("<figure") == 1  # how much was looked at: nothing
    assert Page(text).open == []


def test_it_stays_small(page: str) -> None:
    """A fortnight of nine affected services must pass over a throttled line."""
    assert len(page.encode()) < 400_000


@pytest.mark.parametrize("private", [True, False])
def test_it_says_for_whom_it_is(*, private: bool) -> None:
    """The owner's copy warns; the other says that it is made for publishing."""
    text = render(report(private=private))
    assert ("This copy is private." in text) is private
    assert ("AS64500/fixed" in text) is private


def test_a_weak_role_is_perhaps_and_a_refused_role_is_refused() -> None:
    """The words beside a role are as careful as the finding."""
    from probe.model.verdict import Confidence, Locus
    from probe.report.words import role_state

    assert role_state(State.BLOCKED, Locus.NETWORK, Confidence.WEAK) == "perhaps blocked"
    assert role_state(State.BLOCKED, Locus.SERVER, Confidence.LIKELY) == "refused by the service"
    assert role_state(State.OK, Locus.UNKNOWN, Confidence.WEAK) == "works"
    assert role_state(None) == "not measured"


LISTED = RoleRow(
    role=Role.LISTING,
    of="app-store",
    state=State.BLOCKED,
    locus=Locus.SERVER,
    mechanism="listing.removed",
)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_stores_and_parts_are_named_in_the_place_of_roles(lang: str) -> None:
    """A store's listing says what the store said; a part of a whole is called by its name."""
    part = RoleRow(role=Role.OTHER, of="Snowflake", state=State.OK)
    with speaking(lang):
        said = empty_view().roles(finding(roles=(LISTED, part)))
        assert said == (
            f"app-store: {mechanisms.how('listing.removed')}; Snowflake: {words.STATE[State.OK]}"
        )


@pytest.mark.parametrize("lang", one_fast())
@pytest.mark.parametrize("fate", [Fate.CUT, Fate.REFUSED])
@pytest.mark.parametrize("other", [*Fate, None])
def test_baselines_are_told_of_in_every_language(lang: str, fate: Fate, other: Fate | None) -> None:
    """Hosts and baseline are named; of many hosts, four and how many more."""
    hosts = tuple(f"p{n}.example" for n in range(6))
    compared = Compared(baseline="www.example", other=other, hosts=hosts, fate=fate)
    with speaking(lang):
        said = empty_view().beside(finding(beside=(compared,)))
        assert "www.example" in said
        assert ("p3.example" in said) is (other is not None)
        assert "p4.example" not in said
        assert (f"(+{num(2)})" in said) is (other is not None)


def test_what_became_of_a_baseline_stands_in_the_table() -> None:
    """Below what is refused or cut, escaped as everything is."""
    compared = Compared(baseline=HOSTILE, other=Fate.WORKS, hosts=("p.example",), fate=Fate.CUT)
    data = report()
    first = msgspec.structs.replace(data.services[0], beside=(compared,), roles=())
    text = render(msgspec.structs.replace(data, services=(first,)))
    assert "cut: p.example; " in text
    assert "<img src=x" not in text


def empty_view() -> View:
    """Return the view of a report in which nothing is drawn."""
    return View(report(services=(), series=(), intervals={}, events=(), rounds=(), notes=()))


def finding(**of: Any) -> ServiceFinding:
    """Return the finding of a blocked service."""
    return ServiceFinding(id="app", name="App", category="listing", kind=FindingKind.BLOCKED, **of)
