"""One row of figures for one run; rows are kept, and everything on the page is made of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pattern_bench import baselines
from pattern_bench.cells import Cell
from pattern_bench.claims import Claim, best_match, matches
from pattern_bench.ours import WINDOWS, claims_of, events_of, series_of
from pattern_bench.worlds import Truth, World
from probe.analysis.onset import replay
from probe.model.event import Event, EventKind, Label

__all__ = ["row_of"]

Row = dict[str, Any]
YEAR = 365.25


def row_of(cell: Cell, world: World) -> Row:
    """Return the figures of one run of a cell."""
    row = _SCORES[cell.score](world)
    row["years"] = round(world.days * len(world.lines) / YEAR, 5)
    if cell.baselines:
        row["others"] = {name: _other(method, world) for name, method in baselines.METHODS.items()}
    return row


def _other(method: Callable[..., Any], world: World) -> Row:
    (looks,) = world.lines
    spans = method(looks)
    scored = _windows(baselines.windows(spans, looks.tz), world.truth)
    return scored | {"alerts": baselines.alerts(spans)}


def _windows(claims: Sequence[Claim], truth: Truth) -> Row:
    """Score claims: which orders were found, how far off, and what else was claimed."""
    row: Row = {"hits": [], "false": 0}
    for order in truth.orders:
        best = best_match(claims, order)
        row["hits"].append(int(best is not None))
        if best is not None:
            _edges(row, best, order.start, order.end)
            row.setdefault("first", []).append((best.first - min(order.dates)).days)
            row.setdefault("last", []).append((best.last - max(order.dates)).days)
            if len(order.dates) < 3:
                row["few"] = 1
    row["false"] = sum(not any(matches(c, o) for o in truth.orders) for c in claims)
    row["days"] = min((len(o.dates) for o in truth.orders), default=0)
    return row


def _edges(row: Row, claim: Claim, start: float, end: float) -> None:
    """Add signed errors in minutes, and whether the intervals hold the truth."""
    turn = round((claim.start - start) / 1440) * 1440
    for name, value, low_high, true in (
        ("start", claim.start, claim.start_interval, start),
        ("end", claim.end, claim.end_interval, end),
    ):
        away = (value - true + 720) % 1440 - 720
        row.setdefault(f"{name}_error", []).append(round(away, 2))
        if low_high is not None:
            held = low_high[0] - turn <= true <= low_high[1] - turn
            row.setdefault(f"{name}_covered", []).append(int(held))
            row.setdefault(f"{name}_width", []).append(round(low_high[1] - low_high[0], 2))
    if claim.snapped is not None:
        away = (claim.snapped[0] - start + 720) % 1440 - 720
        row.setdefault("snapped_error", []).append(round(away, 2))


def windows(world: World) -> Row:
    """Score the windows of lines."""
    return _windows(claims_of(events_of(world), world.truth.tz), world.truth)


def joint(world: World) -> Row:
    """Score the joint windows; beside them, any line's own."""
    claims = claims_of(events_of(world), world.truth.tz)
    row = _windows([c for c in claims if c.joint], world.truth)
    alone = _windows([c for c in claims if not c.joint], world.truth)
    return row | {"any_line": alone["hits"], "false_lines": alone["false"]}


def degraded(world: World) -> Row:
    """Score degraded hours; a solid window claimed instead is counted apart."""
    events = events_of(world)
    row = _windows(claims_of(events, world.truth.tz, EventKind.DEGRADED_WINDOW), world.truth)
    return row | {"solid": sum(event.kind in WINDOWS for event in events)}


def null(world: World) -> Row:
    """Count what was claimed where nothing was ordered.

    A weekly stretch in which every control failed as well is said to be the line's: apart.
    """
    events = events_of(world)
    claims = claims_of(events, world.truth.tz)
    of_line = [c for c in claims if c.of_line and c.kind == "weekly_window"]
    return {
        "false": len(claims) - len(of_line),
        "of_line": len(of_line),
        "degraded": sum(event.kind is EventKind.DEGRADED_WINDOW for event in events),
        "joint": sum(claim.joint for claim in claims),
    }


def own(world: World) -> Row:
    """Score a clockwork of one line: whether it is seen, and whether it is said to be more."""
    events = events_of(world)
    claims = claims_of(events, world.truth.tz)
    words = " ".join(event.sentence for event in events)
    beyond = any(c.beyond or c.joint for c in claims) or any(e.score for e in events)
    return {
        "hits": [int(bool(claims))],
        "beyond": int(beyond or "consistent with" in words or "curfew" in words),
        "false": 0,
    }


def _spans(events: Sequence[Event]) -> list[tuple[float, float]]:
    far = max((e.start.latest.timestamp() for e in events), default=0.0) + 1e7
    return [
        (e.start.at.timestamp(), e.end.at.timestamp() if e.end is not None else far) for e in events
    ]


def _shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return (
        max(0.0, shared) / max(one[1], other[1], 1.0)
        if shared <= 0
        else shared / (max(one[1], other[1]) - min(one[0], other[0]))
    )


def outages(world: World) -> Row:
    """Score single outages: found when half of the united time is shared.

    What meets none is false: of the established ones; of those of little evidence, apart.
    """
    events = [e for e in events_of(world) if e.window is None]
    sure = [e for e in events if e.label is Label.ESTABLISHED]
    spans = _spans(events)
    row: Row = {"hits": [], "false": 0}
    for truth in world.truth.outages:
        best = max(spans, key=lambda s: _shared(s, truth), default=None)
        hit = best is not None and _shared(best, truth) >= 0.5
        row["hits"].append(int(hit))
        if hit and best is not None:
            row.setdefault("start_error", []).append(round((best[0] - truth[0]) / 60, 2))
            row.setdefault("end_error", []).append(round((best[1] - truth[1]) / 60, 2))
    row["false"] = _apart(_spans(sure), world.truth)
    row["false_suspected"] = _apart(spans, world.truth) - row["false"]
    return row


def _apart(spans: Sequence[tuple[float, float]], truth: Truth) -> int:
    """Return how many spans meet no outage of the truth."""
    return sum(all(s[1] <= t[0] or s[0] >= t[1] for t in truth.outages) for s in spans)


def live(world: World) -> Row:
    """Score the live alarm: minutes from the onset to the alarm; alarms before it are false."""
    (looks,) = world.lines
    _, turns = replay(series_of(looks).samples, spacing_s=900.0)
    alarms = [turn for turn in turns if turn.bad]
    begin = world.truth.outages[0][0] if world.truth.outages else np.inf
    early = [turn for turn in alarms if turn.at.timestamp() < begin]
    after = [turn.at.timestamp() for turn in alarms if turn.at.timestamp() >= begin]
    row: Row = {"false": len(early)}
    if world.truth.outages:
        row["hits"] = [int(bool(after))]
        row["delay"] = [round((after[0] - begin) / 60, 2)] if after else []
    return row


def method(world: World) -> Row:
    """Score whether a change of method stays one event, with both methods named."""
    (truth,) = world.truth.outages
    events = [e for e in events_of(world) if _shared(_spans([e])[0], truth) > 0]
    whole = [e for e in events if _shared(_spans([e])[0], truth) >= 0.5]
    both = [e for e in whole if len(e.mechanisms) == 2]
    return {"hits": [int(len(both) == 1 and len(events) == 1)], "false": 0}


_SCORES: dict[str, Callable[[World], Row]] = {
    "windows": windows,
    "joint": joint,
    "degraded": degraded,
    "null": null,
    "own": own,
    "outages": outages,
    "live": live,
    "method": method,
}
