"""Each cell played and judged: how often something was found, how large, and how it came."""

import random
import zlib
from collections import Counter

import numpy as np

from probe.analysis.throttle import FALSE_DISCOVERY, assess, history_of
from probe.analysis.throttle_events import throttle_events
from probe.model.event import Event
from probe.model.goodput import Pair
from probe.model.throttle import Shape, ThrottleScope
from throttle_bench.cells import RECENT, Cell, Played, played
from throttle_bench.days import END_MIN, START_MIN, DayCell, fortnight
from throttle_bench.seen import KEY, pairs_of
from throttle_bench.wehe import differs

__all__ = ["judged_cell", "judged_fortnights"]

_SEED = 20260302
_BATCH = 100
_NEAR = 0.15
Counts = dict[str, float | list[float]]


def judged_cell(cell: Cell, runs: int) -> Counts:
    """Return the counts over ``runs`` pairs of a cell, played in batches."""
    rng = np.random.default_rng([_SEED, zlib.crc32(cell.id.encode())])
    counts: Counter[str] = Counter()
    for start in range(0, runs, _BATCH):
        part = played(cell, min(_BATCH, runs - start), rng)
        for place, pairs in enumerate(pairs_of(part.rounds)):
            counts.update(_one(cell, part, place, pairs))
    return {"runs": runs, **counts}


def _one(cell: Cell, part: Played, place: int, pairs: tuple[Pair, ...]) -> Counter[str]:
    pair, line = history_of(KEY, pairs), history_of(KEY, pairs, general=True)
    counts = Counter[str]()
    found = {
        said.history.general: said if said.found and q <= FALSE_DISCOVERY else None
        for said, q in assess([pair, line])
    }
    counts["pair"] = int(found[False] is not None)
    counts["line"] = int(found[True] is not None)
    counts["any"] = int(counts["pair"] + counts["line"] > 0)
    counts["wehe"] = int(differs(pairs[-RECENT:]))
    mine = found[cell.limit is not None and cell.limit.general]
    if mine is None or cell.limit is None:
        return counts
    counts["found"] = 1
    counts[f"grade-{mine.grade}"] = 1
    counts[f"shape-{mine.looks.shape}"] = 1
    if part.level is not None and (level := mine.level) is not None:
        truth = part.level[place]
        counts["levels"] = 1
        counts["near"] = int(abs(level.rate / truth - 1) <= _NEAR)
        counts["held"] = int(level.low <= truth <= level.high)
        counts["told"] = int(level.fitted)
    counts["frozen"] = int(mine.looks.shape is Shape.FROZEN)
    return counts


def judged_fortnights(cell: DayCell, runs: int) -> Counts:
    """Return what was found in ``runs`` fortnights: windows with their edges, and periods."""
    rng = np.random.default_rng([_SEED, zlib.crc32(cell.id.encode())])
    counts: Counter[str] = Counter()
    edges: list[float] = []
    for start in range(0, runs, _BATCH // 10):
        rounds = fortnight(cell, min(_BATCH // 10, runs - start), rng)
        for place, pairs in enumerate(pairs_of(rounds)):
            events = throttle_events({KEY: pairs}, rng=random.Random(start + place))
            mine = [event for event in events if event.window is not None and _whose(cell, event)]
            counts["window"] += int(bool(mine))
            counts["any"] += bool(events)
            counts["events"] += len(events)
            counts["period"] += any(event.window is None for event in events)
            if mine:
                edges.append(_off(mine[0]))
                counts["covered"] += _covered(mine[0])
    return {"runs": runs, **counts, "edges": sorted(edges)}


def _whose(cell: DayCell, event: Event) -> bool:
    """Return whether an event is of what the limit slows; where there is none, any is."""
    said = event.throttle
    if said is None or cell.limit is None:
        return said is not None
    return (said.scope is ThrottleScope.GENERAL) == cell.limit.general


def _off(event: Event) -> float:
    """Return how far the worse edge lies from the truth, in minutes."""
    window = event.window
    assert window is not None
    return float(max(abs(window.start_minute - START_MIN), abs(window.end_minute - END_MIN)))


def _covered(event: Event) -> bool:
    """Return whether both intervals hold the truth."""
    window = event.window
    assert window is not None
    low, high = window.start_interval
    first, last = window.end_interval
    return low <= START_MIN <= high and first <= END_MIN <= last
