"""Timed transfers on the pages: the chart of a service, what was slow, and the rows behind it."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx
import pytest
from desk_fixtures import NOW
from timed_rounds import LIMIT_KBIT, evening, keep_rounds, spread_rounds

from probe.store.database import Store

Ask = Callable[..., httpx.Response]
SPAN = "?since=2026-03-01&until=2026-03-15"


@pytest.fixture(scope="module")
def slowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of two services timed for a fortnight, one of them limited in the evening."""
    place = tmp_path_factory.mktemp("slowed") / "probe.sqlite"
    with Store.open(place) as store:
        dice = Random(3)
        keep_rounds(store, spread_rounds(14, dice), evening, dice)
        few = [NOW - timedelta(hours=hours) for hours in range(6)]
        keep_rounds(store, few, evening, dice, host="mail.example")
    return place


@pytest.fixture
def ask_slowed(ask_of: Callable[..., Ask], slowed: Path) -> Ask:
    """Return a function that asks for an address of that store."""
    return ask_of(slowed)


def test_a_services_page_has_its_transfers(ask_slowed: Ask) -> None:
    """The chart with the sentence; where there are too few to compare, the points alone."""
    page = ask_slowed(f"/service/chat{SPAN}").text
    assert "may be slow every day from about 16:" in page
    assert 'aria-label="Chat: goodput against control (Asia/Tehran)"' in page
    assert "Slowed down" in page
    other = ask_slowed(f"/service/mail{SPAN}").text
    assert 'aria-label="Mail: goodput against control (Asia/Tehran)"' in other
    assert "not compared" in other
    assert "Slowed down" not in other


def test_the_overview_leads_to_the_event_and_it_to_the_chart(ask_slowed: Ask) -> None:
    """What is slow now stands among what is cut, with a page of its own."""
    overview = ask_slowed(f"/{SPAN}").text
    assert "may be slow every day" in overview
    key = overview.partition('href="/event/')[2].partition("?")[0].partition('"')[0]
    event = ask_slowed(f"/event/{key}{SPAN}")
    assert event.status_code == 200
    assert "About " in event.text
    assert "times slower than before" in event.text
    assert 'aria-label="Chat: goodput against control (Asia/Tehran)"' in event.text


def test_the_points_can_be_downloaded(ask_slowed: Ask) -> None:
    """As rows and as a picture; what was not timed has neither, and says so."""
    address = "/download/goodput{}?service=chat&since=2026-03-01&until=2026-03-15"
    rows = list(csv.DictReader(io.StringIO(ask_slowed(address.format(".csv")).text)))
    mine = [row for row in rows if row["line"].lower() == "false"]
    assert len(mine) == 55  # the last one was after midnight
    slow = [float(row["kbps"]) for row in mine if row["slow"].lower() == "true"]
    assert len(slow) > 10
    assert all(rate == pytest.approx(LIMIT_KBIT, rel=0.3) for rate in slow)
    assert ask_slowed(address.format(".svg")).text.startswith("<svg")
    gone = "/download/goodput.svg?service=chat&since=2026-02-01&until=2026-02-02"
    assert "no transfer was timed" in ask_slowed(gone).text


def test_the_interface_has_the_same(ask_slowed: Ask) -> None:
    """Events with their size, and the points, as JSON."""
    (event,) = ask_slowed(f"/api/events{SPAN}").json()
    assert event["level_kbps"] == pytest.approx(LIMIT_KBIT, rel=0.15)
    assert event["beside"] == "neutral"
    points = ask_slowed(f"/api/goodput{SPAN}&service=chat").json()
    assert {point["slow"] for point in points} >= {True, False}
