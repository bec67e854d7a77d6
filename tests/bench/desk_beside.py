"""Writing beside a server that is asked all the time, so as to see how far reading slows it.

One process writes rounds, another does what ``probe serve`` does, without a pause, each on a core
of its own. Turns follow each other closely: alone, beside a server of the same store, and beside
a server of a copy of it, in every order. The other server takes as much of the machine, but
nothing of the store: what the same store costs more than the copy is locks, a log that cannot be
folded in, pages that have to be read again. The figures are medians of the ratios of turns that
stood side by side, with their intervals: what slows the machine slows both.
"""

import asyncio
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import desk_store
import httpx
from bench_store import NETWORK, START, Site, _begin, _context, _rounds
from figures import Figure

from probe.model.record import Record
from probe.model.target import Catalog
from probe.store.database import Store
from probe.web.app import create_app

DAYS = 4  # a page is then made in a second, so that turns can be short
PAIRS = int(os.environ.get("DESK_PAIRS", "30"))
ROUNDS = 8  # a turn: enough for a checkpoint of the log in each
END = START + timedelta(days=DAYS)
PAGES = (
    "/",
    "/measurements?service=service2&state=blocked",
    "/service/service2",
    "/metrics",
    f"/network/{NETWORK.key}",
    "/rounds",
    "/measurement/600/5",
    "/compare",
)
MOST = 1.05

ARMS = ("alone", "same", "copy")


class Turn(NamedTuple):
    """Seconds by the clock, seconds of the writer's processor, bytes of the log at the end."""

    took_s: float
    busy_s: float
    log: int


Turns = dict[str, Turn]


def main() -> list[Figure]:
    """Measure, in a folder that goes again."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "desk.sqlite"
        desk_store.build(place, DAYS)
        copy = place.with_name("copy.sqlite")
        shutil.copy(place, copy)
        with Store.open(place) as store, _reader(place, copy) as say:
            found = list(_turns(_Writer(store, place), say))
    return [
        _ratio(found, "same", "copy", "a server of the same store against one of a copy"),
        _ratio(found, "same", "alone", "a server of the same store against none"),
        _longest(found),
    ]


def _ratio(found: Sequence[Turns], one: str, other: str, what: str) -> Figure:
    said, middles = [], []
    for place, clock in enumerate(("clock", "writer's processor")):
        ratios = sorted(turns[one][place] / turns[other][place] for turns in found)
        low, high = interval(ratios)
        middles.append(median(ratios))
        said.append(f"{clock} {middles[-1] - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%})")
    alone = 1e3 * median(turns["alone"].took_s for turns in found) / ROUNDS
    return Figure(
        f"writing beside {what} ({len(found)} pairs, {alone:.0f} ms a round alone)",
        "; ".join(said),
        "<= 5 %" if other == "copy" else "",
        middles[0] <= MOST if other == "copy" else None,
    )


def _longest(found: Sequence[Turns]) -> Figure:
    logs = [max(turns[arm].log for turns in found) / 2**20 for arm in ARMS]
    return Figure(
        "the log at its longest: alone, same store, copy",
        ", ".join(f"{log:.1f} MiB" for log in logs),
    )


def interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval for the median, of whatever distribution, from its order (Conover)."""
    half = 0.98 * len(ordered) ** 0.5  # 1.96 times half the square root
    low = max(0, int(len(ordered) / 2 - half))
    return ordered[low], ordered[len(ordered) - 1 - low]


class _Writer:
    """Writes the next rounds of the store, each time it is asked."""

    def __init__(self, store: Store, place: Path) -> None:
        sites = [
            desk_store.replace_service(Site.of(n), f"service{n // 3}")
            for n in range(desk_store.ENDPOINTS)
        ]
        self._store, self._log = store, place.with_name(place.name + "-wal")
        self._rounds: list[tuple[datetime, list[Record]]] = list(_rounds(ROUNDS, sites))
        self._at = END

    def turn(self) -> Turn:
        """Write some rounds."""
        start, used = time.perf_counter(), time.process_time()
        for _, records in self._rounds:
            number = _begin(self._store, self._at)
            self._store.save(number, records)
            self._store.end_round(number, _context(self._at), self._at + timedelta(seconds=50))
            self._at += timedelta(minutes=1)  # so that pages of the last days have all of it
        took, busy = time.perf_counter() - start, time.process_time() - used
        return Turn(took, busy, self._log.stat().st_size)


def _turns(writer: _Writer, say: Callable[[str], None]) -> Iterator[Turns]:
    """Yield a turn of each arm, one after the other, in every order alike."""
    writer.turn()  # its own pages are in the memory from here on
    orders = list(permutations(ARMS))
    for number in range(PAIRS):
        found: Turns = {}
        for arm in orders[number % len(orders)]:
            if arm != "alone":
                say(arm)
            found[arm] = writer.turn()
            if arm != "alone":
                say("hold")
        yield found


@contextmanager
def _reader(place: Path, copy: Path) -> Iterator[Callable[[str], None]]:
    """Give what tells the reader which store to read, or to hold; it has heard at the return."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    command = [sys.executable, __file__, str(place), str(copy), str(cores[-1])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as other:

        def say(word: str) -> None:
            if other.stdin is None or other.stdout is None:
                raise RuntimeError("the reader has no pipes")
            print(word, file=other.stdin, flush=True)
            if other.stdout.readline() != f"{word}\n":
                raise RuntimeError("the reader has gone")

        try:
            say("ready")
            yield say
        finally:
            other.kill()
            os.sched_setaffinity(0, cores)


def _read(places: dict[str, Path]) -> None:
    """Ask for page after page of the store that is named, until another word comes.

    Each time all have been asked for, the server is a new one: it keeps no page from before.
    """
    word = sys.stdin.readline().strip()
    while word:
        print(word, flush=True)
        if word in places:
            with closing(_asked(places[word])) as pages:
                while not select.select([sys.stdin], [], [], 0)[0]:
                    next(pages)
        word = sys.stdin.readline().strip()


def _asked(place: Path) -> Generator[bool, None, None]:
    """Ask for a page each time."""
    while True:
        app = create_app(place, Catalog(services=(), digest=""), lambda: END + timedelta(days=1))
        try:
            app.state.desk.refresh()
            yield True
            for address in PAGES:
                asyncio.run(_ask(app, address))
                yield True
        finally:
            app.state.desk.close()


async def _ask(app: Any, address: str) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as one:
        answer = await one.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {int(sys.argv[3])})
        _read({"same": Path(sys.argv[1]), "copy": Path(sys.argv[2])})
    else:
        for figure in main():
            print(figure.row())
