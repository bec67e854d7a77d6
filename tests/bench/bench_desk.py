"""The pages over ten million measurements, asked without a socket; and the report of them.

Times are seconds of one processor: what else runs on the machine is not in them.
The store is made first (a minute, 1.2 GB): 300 endpoints of 100 services every half hour for
695 days. ``DESK_STORE`` names one that is kept, ``DESK_DAYS`` makes a smaller one.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import desk_store
import httpx
from bench_store import LINE, NETWORK, START, Site, _begin, _context, _rounds
from figures import Figure, peak_rss_mib

from probe.model.target import Catalog
from probe.report.html import render
from probe.report.stored import report_of
from probe.store.database import Store
from probe.web.app import create_app
from probe.web.asked import Asked
from probe.web.page import event_key

DAYS = int(os.environ.get("DESK_DAYS", "695"))
_ROUNDS = 40


def main() -> list[Figure]:
    """Measure on a kept store, or on one that goes again."""
    kept = os.environ.get("DESK_STORE")
    if kept:
        return [*_pages(Path(kept)), *_report(Path(kept)), *_beside(Path(kept))]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "desk.sqlite"
        desk_store.build(place, DAYS)
        return [*_pages(place), *_report(place), *_beside(place)]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def _pages(place: Path) -> list[Figure]:
    """Ask for each kind of page, the second time for the overview after it was made once."""
    end = START + timedelta(days=DAYS)
    app = create_app(place, Catalog(services=(), digest=""), lambda: end)

    def ask(address: str) -> Callable[[], int]:
        async def asked() -> int:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as one:
                answer = await one.get(address)
            if answer.status_code != 200:
                raise RuntimeError(f"{address}: {answer.status_code}")
            return len(answer.content)

        return lambda: asyncio.run(asked())

    cold, _size = _timed(ask("/"))
    warm, _size = _timed(ask("/"))
    figures = [
        Figure(
            "overview of 14 days, made anew (the server does so in the background)", f"{cold:.2f} s"
        ),
        Figure("overview as it is served", f"{warm:.2f} s", "< 0.5 s", warm < 0.5),
    ]
    for name, address in (
        ("service, 14 days", "/service/service2"),
        ("network, 14 days", f"/network/{NETWORK.key}"),
        ("the line, 14 days", "/rounds"),
        ("measurements, one service and state", "/measurements?service=service2&state=blocked"),
        ("measurements, a state that never was", "/measurements?state=down"),
        (
            "measurements, a state that a service never had, all days",
            "/measurements?service=service50&state=blocked&since=2000-01-01",
        ),
        *((f"event: {kind}", address) for kind, address in _events(app)),
        ("one measurement", "/measurement/20000/5"),
        ("compare, 14 days, made anew (in the background too)", "/compare"),
        ("compare as it is served", "/compare"),
        ("metrics", "/metrics"),
    ):
        took, _size = _timed(ask(address))
        figures.append(Figure(name, f"{took:.2f} s", "< 1 s", took < 1))
    app.state.desk.close()
    return figures


def _events(app: Any) -> list[tuple[str, str]]:
    """Return the address of one event of each kind that the overview shows."""
    found = {row.event.kind.value: event_key(row) for row in app.state.desk.report(Asked()).windows}
    return [(kind, f"/event/{key}") for kind, key in sorted(found.items())]


def _report(place: Path) -> list[Figure]:
    """Make reports of one month, of three, and of all that there is."""
    figures = []
    end = START + timedelta(days=DAYS)
    with Store.open(place, readonly=True) as store:
        for days in sorted({30, 90, DAYS}):
            took, page = _timed(
                lambda days=days: render(  # type: ignore[misc]
                    report_of(
                        store,
                        Catalog(services=(), digest=""),
                        now=end,
                        since=end - timedelta(days=days),
                    )
                )
            )
            figures.append(
                Figure(
                    f"report of {days} days of 100 services ({len(page) // 1024} KiB)",
                    f"{took:.1f} s",
                    "< 15 s",
                    took < 15,
                )
            )
    figures.append(Figure("memory at its highest", f"{peak_rss_mib():.0f} MiB"))
    return figures


def _beside(place: Path) -> list[Figure]:
    """Write rounds alone, and while another process keeps asking for the overview's values."""
    import subprocess

    sites = [Site.of(n) for n in range(300)]
    rounds = list(_rounds(_ROUNDS, sites))

    def write(folder: Path) -> float:
        with Store.open(folder / "written.sqlite") as store:
            store.save_vantage(LINE)
            start = time.perf_counter()
            for at, records in rounds:
                number = _begin(store, at)
                store.save(number, records)
                store.end_round(number, _context(at), at + timedelta(minutes=9))
            return time.perf_counter() - start

    reader = (
        "import sys, time; from probe.store.database import Store\n"
        "store = Store.open(sys.argv[1], readonly=True)\n"
        "print('reading', flush=True)\n"
        "while True: store.looks(); store.state(); time.sleep(0.2)"
    )
    del place
    with tempfile.TemporaryDirectory() as name:
        alone = min(write(_new(Path(name), n)) for n in range(3))
        folder = _new(Path(name), 9)
        with Store.open(folder / "written.sqlite") as store:
            store.save_vantage(LINE)
        with subprocess.Popen(
            [sys.executable, "-c", reader, str(folder / "written.sqlite")],
            stdout=subprocess.PIPE,
        ) as other:
            if other.stdout is None or not other.stdout.readline():
                raise RuntimeError("the reader did not start")
            beside = write(folder)
            other.kill()
    slower = beside / alone - 1
    return [
        Figure(
            f"writing {_ROUNDS} rounds beside a reader of the same store",
            f"{100 * slower:+.0f} % ({alone:.2f} s alone)",
            "<= 5 %",
            slower <= 0.05,
        )
    ]


def _new(folder: Path, number: int) -> Path:
    made = folder / str(number)
    made.mkdir()
    return made


if __name__ == "__main__":
    for figure in main():
        print(figure.row())
