"""The pages over ten million measurements, asked without a socket; and the report of them.

Times are seconds of one processor: what else runs on the machine is not in them.
The store is made first (a minute, 1.2 GB): 300 endpoints of 100 services every half hour for
695 days. ``DESK_STORE`` names one that is kept, ``DESK_DAYS`` makes a smaller one.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import desk_beside
import desk_store
import httpx
from bench_store import NETWORK, START
from figures import Figure, peak_rss_mib

from probe.model.target import Catalog
from probe.report.html import render
from probe.report.stored import report_of
from probe.store.database import Store
from probe.web.app import create_app
from probe.web.asked import Asked
from probe.web.page import event_key

DAYS = int(os.environ.get("DESK_DAYS", "695"))


def main() -> list[Figure]:
    """Measure on a kept store, or on one that goes again."""
    kept = os.environ.get("DESK_STORE")
    if kept:
        return [*_pages(Path(kept)), *_report(Path(kept)), *desk_beside.main()]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "desk.sqlite"
        desk_store.build(place, DAYS)
        return [*_pages(place), *_report(place), *desk_beside.main()]


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


if __name__ == "__main__":
    for figure in main():
        print(figure.row())
