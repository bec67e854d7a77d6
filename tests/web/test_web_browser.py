"""Chromium on every page: both directions, small and large, by keyboard, without barriers.

Pictures of each page go to the folder that ``PROBE_PICTURES`` names, for people to look at.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from desk_fixtures import START, filled
from store_records import LINE, blocked, context

from probe.store.database import Store

CHROMIUM = next((p for n in ("chromium", "chromium-browser") if (p := shutil.which(n))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PAGES = {
    "overview": "/",
    "service": "/service/chat",
    "network": "/network/AS64500/fixed",
    "measurements": "/measurements",
    "measurement": "/measurement/6/0",
    "rounds": "/rounds",
    "compare": "/compare",
    "missing": "/nope",
}
EVENT = "event"
"""Its address is made of what was found, so it is asked for."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run ``probe serve`` on a store of its own; yield its address and the store."""
    place = filled(tmp_path_factory.mktemp("site") / "probe.sqlite")
    environ = {**os.environ, "PROBE_STORE": str(place), "PYTHONUNBUFFERED": "1"}
    code = (
        "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 0));"
        " p = s.getsockname()[1]; s.close(); print(p, flush=True);"
        " sys.argv = ['probe', 'serve', '--port', str(p)]; from probe.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        _until_it_answers(address)
        yield address, place
        server.terminate()
        server.wait(timeout=20)


def _until_it_answers(address: str) -> None:
    import urllib.error
    import urllib.request
    from threading import Event

    waiting = Event()
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{address}/api/state", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            waiting.wait(0.1)
    raise AssertionError("the server never answered")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Yield Debian's Chromium under Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """Yield a tab whose every complaint fails the test, and which may ask this site only."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert [line for line in said if "404" not in line] == []
    assert all(url.startswith(("http://127.0.0.1:", "data:", "blob:")) for url in asked)


def _pages(address: str) -> dict[str, str]:
    """Return every page: an address for each template of the site."""
    import json
    import urllib.request

    with urllib.request.urlopen(f"{address}/api/events", timeout=30) as answer:
        keys = [row["key"] for row in json.load(answer)]
    return PAGES | {EVENT: f"/event/{keys[0]}"}


def test_no_page_of_the_site_is_left_out() -> None:
    """Each template that is a page is looked at by this file's tests."""
    folder = files("probe.web").joinpath("templates")
    found = {one.name.partition(".")[0] for one in folder.iterdir()}
    parts = {"site", "widgets", "error"}  # the last is what a missing page is drawn by
    parts |= {"vantages"}  # a list of links, in place of a page, where no line is the own
    assert found - parts == set(PAGES) - {"missing"} | {EVENT}


def _picture(page: Any, name: str) -> None:
    folder = os.environ.get("PROBE_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("lang", ["en", "fa"])
def test_every_page_fits_and_has_no_barrier(
    tab: Any, site: tuple[str, Path], lang: str, width: int
) -> None:
    """No sideways scrolling, nothing serious by axe, in either direction of writing."""
    from axe_core_python.sync_playwright import Axe

    axe = Axe()
    for name, path in _pages(site[0]).items():
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(f"{site[0]}{path}?lang={lang}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        found = axe.run(tab)["violations"]
        serious = [
            (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
        _picture(tab, f"{name}-{lang}-{width}")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_dark_and_print_are_readable(tab: Any, site: tuple[str, Path], scheme: str) -> None:
    """Contrast holds in the dark too; in print the form and the navigation are gone."""
    from axe_core_python.sync_playwright import Axe

    tab.emulate_media(color_scheme=scheme)
    tab.goto(f"{site[0]}/service/chat")
    found = Axe().run(tab, options={"runOnly": ["color-contrast"]})["violations"]
    assert [node["html"][:160] for one in found for node in one["nodes"]] == []
    _picture(tab, f"service-{scheme}")
    tab.emulate_media(media="print")
    assert not tab.locator("form.asked").is_visible()
    assert not tab.locator("nav.site").is_visible()
    assert tab.locator("svg.chart").first.is_visible()


def test_charts_never_turn(tab: Any, site: tuple[str, Path]) -> None:
    """On a page from right to left, time runs from left to right, and hosts stand as they are."""
    tab.goto(f"{site[0]}/service/chat?lang=fa")
    places = tab.locator("figure.heat svg text").evaluate_all(
        "all => all.filter(t => ['۰۰', '۱۲', '۲۴'].includes(t.textContent))"
        ".map(t => [t.textContent, t.getBoundingClientRect().left])"
    )
    order = [text for text, _left in sorted(places, key=lambda one: one[1])]
    assert order[:3] == ["۰۰", "۱۲", "۲۴"]
    host = tab.locator("bdi[dir=ltr]", has_text="chat/http").first
    assert host.evaluate("e => getComputedStyle(e).direction") == "ltr"
    assert tab.locator("html").evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_everything_can_be_reached_by_keyboard(tab: Any, site: tuple[str, Path]) -> None:
    """The first stop skips to the content; every stop is visible; a form is sent by Enter."""
    tab.goto(f"{site[0]}/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.locator(".skip").bounding_box()["width"] > 20
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
    stops = set()
    for _ in range(25):
        tab.keyboard.press("Tab")
        stops.add(tab.evaluate("document.activeElement.tagName"))
        ring = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none"
    assert {"A", "INPUT", "SELECT", "BUTTON"} <= stops
    tab.locator("input[name=since]").focus()
    tab.keyboard.type("2026-03-03")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**since=2026-03-03**")
    assert tab.locator("input[name=since]").input_value() == "2026-03-03"


def test_no_page_holds_the_keyboard(tab: Any, site: tuple[str, Path]) -> None:
    """From the top of every page Tab leads through all stops, each to be seen, and out again."""
    for name, path in _pages(site[0]).items():
        tab.goto(f"{site[0]}{path}")
        stops = tab.evaluate(_STOPS)
        seen: list[int] = []
        for _ in range(stops + 1):
            tab.keyboard.press("Tab")
            found = tab.evaluate(_FOCUSED)
            if found is None or found["place"] in seen[:1]:
                break  # out of the page, or around to its top
            assert found["ring"] != "none", (name, found)
            assert found["shown"], (name, found)
            seen.append(found["place"])
        assert len(seen) == len(set(seen)) == stops, name


_STOPS = """
[...document.querySelectorAll(
  'a[href], input:not([type=hidden]), select, button, summary, [tabindex="0"]')]
  .filter(e => e.checkVisibility()).length
"""
_FOCUSED = """
(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect();
  return {
    place: [...document.querySelectorAll('*')].indexOf(e), tag: e.outerHTML.slice(0, 120),
    ring: getComputedStyle(e).outlineStyle, shown: box.width > 0 && box.height > 0,
  };
})()
"""


def test_a_new_round_comes_without_reloading(tab: Any, site: tuple[str, Path]) -> None:
    """While something measures, the open page is brought up to date, and open tables stay open."""
    address, place = site
    tab.goto(f"{address}/rounds?since=2026-03-01")
    before = tab.locator("td[data-label='The line']").count()
    tab.locator("details > summary").first.click()
    at = START + timedelta(days=3, hours=1)
    with Store.open(place) as store:
        number = store.begin_round(
            vantage=LINE.id, plan="core", started=at, catalog_digest="", network=context().network
        )
        store.save(number, [blocked(at=at)])
        store.end_round(number, context(at), at)
    from playwright.sync_api import expect

    expect(tab.locator("td[data-label='The line']")).to_have_count(before + 1, timeout=60_000)
    assert tab.locator("details").first.evaluate("e => e.open")
    assert "up to date" in tab.locator("#live").inner_text()


def test_what_is_shown_is_downloaded(tab: Any, site: tuple[str, Path]) -> None:
    """The link under a table gives a file of that name, with the rows of the filter."""
    tab.goto(f"{site[0]}/measurements?service=mail")
    with tab.expect_download() as waiting:
        tab.locator("p.downloads a", has_text="CSV").click()
    assert waiting.value.suggested_filename == "probe-measurements.csv"
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert set(re.findall(r",(chat|mail),", text)) == {"mail"}


def test_reduced_motion_is_respected(tab: Any, site: tuple[str, Path]) -> None:
    """Nothing moves for those who asked for that."""
    tab.emulate_media(reduced_motion="reduce")
    tab.goto(f"{site[0]}/")
    moving = tab.evaluate(
        "[...document.querySelectorAll('*')].filter(e => "
        "!['0s', ''].includes(getComputedStyle(e).transitionDuration) || "
        "getComputedStyle(e).animationName !== 'none').length"
    )
    assert moving == 0
