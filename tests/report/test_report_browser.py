"""Chromium draws the page without a word of complaint and without asking anybody for anything."""

import html
import os
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.report.data import ReportData
from probe.report.html import render

CHROMIUM = next((p for n in ("chromium", "chromium-browser") if (p := shutil.which(n))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]


_BROWSERS_OWN = (b".googleapis.com", b".google.com", b".gvt1.com", b".gstatic.com")
"""Where Chromium itself calls home, whatever page it shows; the trap stops these too."""


class Trap(socketserver.ThreadingTCPServer):
    """A proxy that serves nobody and remembers who asked."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Asked)

    def of_the_page(self) -> list[bytes]:
        """Return what was asked for by anything but the browser itself."""
        found = [re.match(rb"[A-Z]+ (?:http://)?([^/:? ]+)", line) for line in self.asked]
        hosts = [one.group(1) if one else b"?" for one in found]
        return [host for host in hosts if not host.endswith(_BROWSERS_OWN)]


class Asked(socketserver.BaseRequestHandler):
    server: Trap

    def handle(self) -> None:
        """Keep the first line of what was asked for."""
        self.server.asked.append(self.request.recv(2048).split(b"\r\n")[0])


@pytest.fixture
def trap() -> Iterator[Trap]:
    """Run the trap for one test."""
    with Trap() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def chromium(file: Path, trap: Trap, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Open a file; every request of the browser, whatever for, goes to the trap."""
    assert CHROMIUM is not None
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}",
            f"--proxy-server=http://127.0.0.1:{trap.server_address[1]}",
            "--proxy-bypass-list=<-loopback>",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            *flags,
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_it_renders_in_silence(page: str, trap: Trap, tmp_path: Path) -> None:
    """No console message, no request, and a picture that is not blank."""
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    picture = tmp_path / "report.png"
    done = chromium(file, trap, tmp_path, f"--screenshot={picture}", "--window-size=1200,4000")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CONSOLE" not in done.stderr
    assert trap.of_the_page() == []
    assert picture.stat().st_size > 100_000


def test_the_trap_catches_a_request(trap: Trap, tmp_path: Path) -> None:
    """The test above can fail: a page that fetches is caught, and what a policy stops is said."""
    file = tmp_path / "bad.html"
    file.write_text("<!doctype html><img src='http://fetch.example/x.png'>", encoding="utf-8")
    chromium(file, trap, tmp_path, "--dump-dom")
    assert any(b"fetch.example" in host for host in trap.of_the_page())
    file.write_text(
        "<!doctype html><meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
        "<script>1</script>",
        encoding="utf-8",
    )
    assert "CONSOLE" in chromium(file, trap, tmp_path, "--dump-dom").stderr


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_nothing_is_wider_than_the_screen(
    page: str, trap: Trap, tmp_path: Path, width: int
) -> None:
    """From a small phone to a desk, the page never scrolls sideways."""
    measured = page.replace(
        "</body>",
        "<script>onload = () => { parent.document.title ="
        " 'wide ' + document.documentElement.scrollWidth }</script></body>",
    )
    measured = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", measured)
    frame = tmp_path / "frame.html"
    frame.write_text(
        f"<!doctype html><title>-</title><iframe style='width:{width}px;height:800px;border:0'"
        f' srcdoc="{html.escape(measured)}"></iframe>',
        encoding="utf-8",
    )
    done = chromium(frame, trap, tmp_path, "--dump-dom", "--window-size=1600,900")
    found = re.search(r"<title>wide (\d+)</title>", done.stdout)
    assert found, done.stderr[-2000:]
    assert int(found.group(1)) <= width


@pytest.mark.parametrize("lang", ["en", "fa"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_report_has_no_barrier(
    fortnight: ReportData, tmp_path: Path, lang: str, width: int
) -> None:
    """Nothing serious by axe in either direction of writing, and no sideways scrolling."""
    from axe_core_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(render(fortnight, lang), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        # axe is a script, and the page's own policy allows none
        tab = browser.new_context(bypass_csp=True).new_page()
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(file.as_uri())
        assert tab.evaluate("getComputedStyle(document.documentElement).direction") == (
            "rtl" if lang == "fa" else "ltr"
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        serious = [
            (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
            for one in Axe().run(tab)["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        if folder := os.environ.get("PROBE_PICTURES"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            tab.screenshot(path=str(Path(folder) / f"report-{lang}-{width}.png"), full_page=True)
        browser.close()


def test_a_number_is_followed_to_its_rows(fortnight: ReportData, tmp_path: Path) -> None:
    """A click on a sentence shows what it rests on; one more, the stretches, closed before."""
    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(render(fortnight), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(file.as_uri())
        tab.locator(".lead a").first.click()
        shown = tab.locator("tbody:target")
        assert "WhatsApp" in shown.inner_text()
        shown.locator("tr a").first.click()
        assert tab.locator("details:target td").first.is_visible()
        tab.go_back()
        tab.go_back()
        tab.locator(".facts a", has_text=str(fortnight.coverage.rounds)).first.click()
        assert tab.locator("table:target tbody tr").count() == len(fortnight.calendar)
        assert tab.locator("table:target tbody tr").first.is_visible()
        browser.close()
