"""How long a search takes, and how much it holds: processor seconds, the drawing left out.

Each figure is taken in a process of its own: ``python -m pattern_bench.speed NAME [NUMBER]``.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from figures import peak_rss_mib

from pattern_bench.families import FAMILIES
from pattern_bench.ours import series_of
from pattern_bench.worlds import Line, Order, order_spans, seen_by
from probe.analysis.survey import survey
from probe.analysis.tracker import Tracker
from probe.model.timeline import Series

__all__ = ["figures"]

YEAR = 365
SERIES = 300
FIRST = date(2022, 1, 1)


def drawn(number: int, days: int, lost: float = 0.0, *, lasts: bool = False) -> Series:
    """Return one series at 15 minutes; every tenth has a curfew of half its days.

    It is over when half the days are; where it ``lasts``, it goes on to the last day.
    """
    rng = np.random.default_rng([5, number])
    line = Line(
        family=FAMILIES[0],
        tz="Asia/Yangon",
        first=FIRST,
        days=days,
        every=15.0,
        lost=lost,
        labels={"subject": f"s{number:03d}"},
    )
    before = days - days // 2 if lasts else 10
    held = tuple(FIRST + timedelta(days=before + i) for i in range(days // 2))
    orders = (Order(960.0, 1320.0, held),) if number % 10 == 0 else ()
    return series_of(seen_by(line, order_spans(rng, orders, line), rng))


class _Drawing:
    """Series drawn one by one; the time that drawing took is kept apart."""

    def __init__(self, days: int) -> None:
        self.took = 0.0
        self._days = days

    def each(self) -> Iterator[Series]:
        for number in range(SERIES):
            begun = time.process_time()
            series = drawn(number, self._days)
            self.took += time.process_time() - begun
            yield series


def one_series(days: int) -> dict[str, Any]:
    """Return the seconds that a search of one series with a window takes, and its samples."""
    series = drawn(0, days)
    best = np.inf
    for _ in range(3):
        begun = time.process_time()
        survey([series], rng=random.Random(1))
        best = min(best, time.process_time() - begun)
    return {"days": days, "seconds": round(float(best), 3), "samples": len(series.samples)}


def many(days: int) -> dict[str, Any]:
    """Return the seconds of a year of all series, and the most memory held."""
    drawing = _Drawing(days)
    begun = time.process_time()
    events = survey(drawing.each(), rng=random.Random(1))
    took = time.process_time() - begun - drawing.took
    windows = sum(event.window is not None for event in events)
    return {"seconds": round(took, 1), "mib": round(peak_rss_mib()), "windows": windows}


def one_more_day(days: int, *, lasts: bool = False) -> dict[str, Any]:
    """Return the seconds that one more day takes, the year before it being known.

    Of two days the slower counts.
    """
    tracker = Tracker(seed=1)
    last_days = []
    for number in range(SERIES):
        series = drawn(number, days + 2, lasts=lasts)
        parts = [
            tuple(s for s in series.samples if (s.time.date() - FIRST).days < days + more)
            for more in (0, 1, 2)
        ]
        tracker.extend([Series(key=series.key, tz=series.tz, samples=parts[0])])
        last_days.append(
            [Series(key=series.key, tz=series.tz, samples=b[len(a) :]) for a, b in pairwise(parts)]
        )
    tracker.events()
    taken = []
    for place in (0, 1):
        begun = time.process_time()
        tracker.extend([days_of[place] for days_of in last_days])
        events = tracker.events()
        taken.append(time.process_time() - begun)
    return {
        "seconds": round(max(taken), 2),
        "mib": round(peak_rss_mib()),
        "windows": sum(event.window is not None for event in events),
    }


_PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "one": one_series,
    "many": many,
    "day": one_more_day,
    "lasting": partial(one_more_day, lasts=True),
}


def _apart(name: str, number: int) -> dict[str, Any]:
    folder = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "pattern_bench.speed", name, str(number)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def figures() -> dict[str, Any]:
    """Return all figures of speed and memory."""
    return {
        "years": [_apart("one", YEAR * years) for years in (1, 2, 4, 8)],
        "many": _apart("many", YEAR),
        "day": _apart("day", YEAR),
        "lasting": _apart("lasting", YEAR),
    }


if __name__ == "__main__":
    print(json.dumps(_PARTS[sys.argv[1]](int(sys.argv[2]))))
