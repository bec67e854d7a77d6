"""Series out of files of others, beside what was measured: shown, marked, and leading nowhere."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from desk_fixtures import HOSTILE, NOW, START, catalog, fill
from html_page import Page

from probe.model.timeline import Sample, Series, SeriesKey, Signal
from probe.report import compare
from probe.store.database import Store
from probe.store.foreign import ForeignFile
from probe.web import pages

Ask = Callable[..., httpx.Response]
NOTE = "* Taken from a file of somebody else's"


def series(
    subject: str, *, bad: bool, vantage: str = "friend", signal: Signal = Signal.TARGETED
) -> Series:
    """Return six hourly looks."""
    return Series(
        key=SeriesKey(vantage=vantage, network="AS64777/fixed", subject=subject, signal=signal),
        tz="UTC",
        samples=tuple(Sample(time=START + timedelta(hours=n), bad=bad) for n in range(6)),
    )


@pytest.fixture
def ask(ask_of: Callable[..., Ask], tmp_path: Path) -> Ask:
    """Return pages over a store that took in a file of others."""
    place = tmp_path / "probe.sqlite"
    theirs = [
        series("chat", bad=True),
        series("forum", bad=False),
        series("chat", bad=True, signal=Signal.UPSTREAM),
        series(HOSTILE, bad=True, vantage=HOSTILE),
    ]
    with Store.open(place) as store:
        fill(store)
        store.import_series(
            ForeignFile("1" * 64, "theirs.csv", "timeline"), [(one, "IR") for one in theirs], NOW
        )
    return ask_of(place)


def test_they_stand_beside_the_measured_and_say_what_they_are(ask: Ask) -> None:
    """A column with an asterisk and what the asterisk means; it leads to no measurement."""
    page = Page(ask("/compare").text)
    said = " ".join(" ".join(page.said).split())
    assert "friend *" in said
    assert NOTE in said
    assert "6 of 6 looks failed" in said
    assert not [link for link in page.links if "friend" in link or "forum" in link]
    assert [link for link in page.links if "/service/chat" in link]


def test_whose_doing_it_was_a_file_cannot_show(ask: Ask) -> None:
    """A failure without evidence is drawn as one, not as a cut; a line is no service."""
    found = [row for row in ask("/api/compare").json() if row["source"] == "file"]
    assert {(row["service"], row["vantage"]) for row in found} >= {
        ("chat", "friend"),
        ("forum", "friend"),
    }
    assert {row["mark"] for row in found} == {"failed", "fine"}
    assert {row["looks_bad"] for row in found if row["service"] == "chat"} == {6}
    measured = [row for row in ask("/api/compare").json() if row["source"] == "measured"]
    assert "cut" in {row["mark"] for row in measured}


def test_the_period_that_is_asked_for_holds_for_them(ask: Ask) -> None:
    """A day on which nobody but the own line looked has no column of theirs."""
    assert NOTE not in ask("/compare?since=2026-03-02").text
    assert {row["source"] for row in ask("/api/compare?since=2026-03-02").json()} == {"measured"}


def test_what_strangers_call_themselves_is_shown_as_text(ask: Ask) -> None:
    """No tag comes out of a name, and none changes the direction of what follows."""
    text = ask("/compare").text
    assert "&lt;script&gt;alert(1)" in text
    assert "<img" not in text
    assert "<script>alert" not in text
    assert "\u202e" not in text


def test_a_file_of_thousands_is_not_drawn_to_its_end(
    ask_of: Callable[..., Ask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chart has the first rows out of files, the page says so, and the table has all."""
    monkeypatch.setattr(compare, "MOST_OF_FILES", 2)
    monkeypatch.setattr(pages, "MOST_OF_FILES", 2)
    place = tmp_path / "probe.sqlite"
    theirs = [(series(f"s{number}", bad=True), "IR") for number in range(3)]
    with Store.open(place) as store:
        fill(store)
        store.import_series(ForeignFile("1" * 64, "theirs.csv", "timeline"), theirs, NOW)
        drawn = compare.compare(store, catalog(), START - timedelta(days=1), None)
    assert [lane.name for lane in drawn.lanes if lane.name.startswith("*")] == ["* s0", "* s1"]
    assert [lane.name for lane in drawn.lanes if not lane.name.startswith("*")]
    said = " ".join(" ".join(Page(ask_of(place)("/compare").text).said).split())
    assert "Of 3 rows out of files, the first 2 are drawn" in said
    assert "s2" in said


def test_an_asterisk_is_not_cut_off_with_the_end_of_a_name() -> None:
    """Charts shorten names from the end, and what a stranger calls himself may be long."""
    column = compare.Column(file=True, vantage="v" * 40, network="AS64777/fixed")
    assert column.name.startswith("* v")
    assert not compare.Column(vantage="v", network="AS64777/fixed").name.startswith("*")
