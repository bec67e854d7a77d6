"""The cells of the benchmark: what is drawn, how it is scored, and what it has to reach."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from pattern_bench.clockwork import Floats
from pattern_bench.families import FAMILIES, Family
from pattern_bench.worlds import (
    Line,
    Order,
    Truth,
    World,
    draw_order,
    median_edges,
    order_spans,
    seen_by,
)

__all__ = ["FOUND", "Cell", "Draw", "world", "world_of"]

ZONES = ("Asia/Yangon", "Asia/Tehran", "Asia/Baghdad", "Africa/Lagos", "Asia/Dhaka")
"""Without a change of the clocks in 2023, where most cells lie; two of them with half hours."""

ODD_ZONES = (
    "Asia/Kathmandu",
    "Asia/Kabul",
    "Asia/Kolkata",
    "Asia/Yangon",
    "America/St_Johns",
    "Australia/Lord_Howe",
)
CHANGES = (  # a zone and the day on which its clocks change
    ("Europe/Kyiv", date(2022, 10, 30)),
    ("Asia/Tehran", date(2022, 9, 21)),
    ("America/Havana", date(2023, 3, 12)),
    ("Asia/Beirut", date(2022, 10, 30)),
    ("Australia/Lord_Howe", date(2023, 4, 2)),
    ("America/St_Johns", date(2023, 11, 5)),
)


@dataclass(frozen=True, slots=True)
class Draw:
    """One run: its generator, its family of noise, and the line before anything special."""

    rng: np.random.Generator
    family: Family
    line: Line

    def with_line(self, **changes: object) -> "Draw":
        """Return the draw with its line changed."""
        return replace(self, line=replace(self.line, **changes))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Cell:
    """``score`` names the way of scoring; ``aims`` are figure -> (least or most, bound)."""

    id: str
    suite: str
    about: str
    make: Callable[[Draw], World]
    score: str = "windows"
    aims: dict[str, tuple[str, float]] = field(default_factory=dict)
    baselines: bool = False


def world_of(cell: Cell, run: int) -> World:
    """Return run number ``run`` of a cell: its seed is the cell's name and the number."""
    rng = np.random.default_rng([zlib.crc32(cell.id.encode()), run])
    family = FAMILIES[run % len(FAMILIES)]
    tz = ZONES[int(rng.integers(len(ZONES)))]
    first = date(2023, 1, 2) + timedelta(days=int(rng.integers(0, 290)))
    return cell.make(Draw(rng, family, Line(family=family, tz=tz, first=first, days=60)))


def world(draw: Draw, *orders: Order, **changes: object) -> World:
    """Return a world of one line under these orders."""
    line = draw.with_line(**changes).line
    cuts = order_spans(draw.rng, orders, line)
    truth = Truth(median_edges(orders, line.family), (), line.tz)
    return World((seen_by(line, cuts, draw.rng),), truth, line.days)


def curfew(every: float = 30.0, **changes: object) -> Callable[[Draw], World]:
    """Return cells of one curfew of 5-21 days, 2-10 hours, 15 % of its days skipped."""

    def make(draw: Draw) -> World:
        order = draw_order(draw.rng, draw.line.first, draw.line.days)
        return world(draw, order, every=every, **changes)

    return make


def irregular(draw: Draw) -> World:
    """Return looks 5 to 120 minutes apart, 30 % of them lost, the host off at night."""
    order = draw_order(draw.rng, draw.line.first, 60, start=60.0 * int(draw.rng.integers(8, 18)))
    short = replace(order, end=min(order.end, 22 * 60.0))
    return world(draw, short, irregular=(5.0, 120.0), lost=0.30, off=(1410, 390))


def clocks_change(draw: Draw) -> World:
    """Return a curfew that goes on over a change of the clocks."""
    tz, change = CHANGES[int(draw.rng.integers(len(CHANGES)))]
    count = int(draw.rng.integers(10, 22))
    before = int(draw.rng.integers(3, count - 3))
    order = draw_order(draw.rng, draw.line.first, 60)
    first = change - timedelta(days=before)
    dates = [first + timedelta(days=i) for i in range(count)]
    held = tuple(day for day in dates if draw.rng.random() >= 0.15)
    kept = Order(max(order.start, 180.0), max(order.end, 300.0), held)  # not in the hour itself
    return world(draw, kept, tz=tz, first=change - timedelta(days=30))


def odd_zone(draw: Draw) -> World:
    """Return a curfew where the clocks are half an hour or 45 minutes off."""
    tz = ODD_ZONES[int(draw.rng.integers(len(ODD_ZONES)))]
    first = date(2023, 5, 1) + timedelta(days=int(draw.rng.integers(0, 60)))
    order = draw_order(draw.rng, first, 60)
    return world(draw, order, tz=tz, first=first)


def every_other_day(draw: Draw) -> World:
    """Return a curfew on every second day of 14 to 30."""
    order = draw_order(draw.rng, draw.line.first, 60, days=(14, 30), skip=0.0)
    return world(draw, replace(order, dates=order.dates[::2]))


def two_windows(draw: Draw) -> World:
    """Return two windows on the same days, as in exam weeks."""
    first = 60.0 * int(draw.rng.integers(6, 10))
    length = 30.0 * int(draw.rng.integers(3, 6))
    order = draw_order(draw.rng, draw.line.first, 60, days=(7, 21), start=first)
    pause = 60.0 * int(draw.rng.integers(3, 6))
    morning = replace(order, end=first + length)
    second = first + length + pause
    afternoon = replace(order, start=second, end=second + length)
    return world(draw, morning, afternoon, every=15.0)


def fridays(draw: Draw) -> World:
    """Return twelve weeks with a cut on Friday mornings, for six to twelve of them."""
    line = draw.with_line(days=84).line
    all_days = [line.first + timedelta(days=i) for i in range(84)]
    mine = [day for day in all_days if day.isoweekday() == 5]
    count = int(draw.rng.integers(6, len(mine) + 1))
    begin = int(draw.rng.integers(0, len(mine) - count + 1))
    hours = 60.0 * int(draw.rng.integers(2, 6))
    start = 60.0 * int(draw.rng.integers(6, 10))
    return world(draw, Order(start, start + hours, tuple(mine[begin : begin + count])), days=84)


def over_midnight(draw: Draw) -> World:
    """Return a curfew that begins in the evening and ends in the morning."""
    start = 60.0 * int(draw.rng.integers(19, 24))
    order = draw_order(draw.rng, draw.line.first, 60, start=start, hours=(4, 10))
    return world(draw, replace(order, end=max(order.end, 1440 + 120.0)))


def leaky(draw: Draw) -> World:
    """Return hours in which 40 % of the looks fail, on 14 to 28 days, with good controls."""
    order = draw_order(draw.rng, draw.line.first, 60, days=(14, 28), hours=(4, 8), skip=0.0)
    return world(draw, order, every=15.0, true_bad=0.4)


def total(draw: Draw) -> World:
    """Return a curfew of everything: the series is the line's own, and it has no controls."""
    order = draw_order(draw.rng, draw.line.first, 60)
    labels = {"signal": "upstream", "subject": "line"}
    return world(draw, order, controls=0, labels=labels)


def throttled(draw: Draw) -> World:
    """Return a curfew of throttling: of the rounds in it 87 % are flagged, of others 1 %."""
    order = draw_order(draw.rng, draw.line.first, 60)
    return world(draw, order, true_bad=0.87)


def skewed(draw: Draw) -> World:
    """Return a clock that is up to two minutes off, drifts, and jumps by twenty for some days."""
    base, drift = draw.rng.uniform(-120, 120), draw.rng.uniform(-2, 2)
    first = draw.line.span[0]
    jump = first + 86_400 * draw.rng.uniform(5, 50)

    def skew(time_s: Floats) -> Floats:
        days = (time_s - first) / 86_400
        jumped = (time_s >= jump) & (time_s < jump + 4 * 86_400)
        return np.asarray(base + drift * days + 1200 * jumped, dtype=np.float64)

    return curfew()(draw.with_line(skew_s=skew))


def few_days(lines: int) -> Callable[[Draw], World]:
    """Return cells of a curfew of 3 to 5 days, seen by one line or by three of a country."""

    def make(draw: Draw) -> World:
        order = draw_order(draw.rng, draw.line.first, 60, days=(3, 5), skip=0.10)
        networks = ("AS64501/mobile", "AS64502/fixed", "AS64503/fixed")
        cuts = order_spans(draw.rng, (order,), draw.line)
        seen = tuple(
            seen_by(
                replace(draw.line, labels={"vantage": f"v{i}", "network": networks[i]}),
                cuts,
                draw.rng,
            )
            for i in range(lines)
        )
        truth = Truth(median_edges((order,), draw.family), (), draw.line.tz)
        return World(seen, truth, draw.line.days)

    return make


RECALL = {"recall": ("least", 0.97), "recall_low": ("least", 0.92)}
COVERED = {"start_covered": ("within", 0.95), "end_covered": ("within", 0.95)}  # 93 to 97 %
EDGES = {
    "start_median": ("most", 3.0),
    "start_p90": ("most", 10.0),
    **COVERED,
}

FOUND = (
    Cell(
        "S1-15",
        "S1",
        "clean curfew, every 15 min",
        curfew(15.0),
        aims=RECALL | COVERED,
        baselines=True,
    ),
    Cell(
        "S1-30",
        "S1",
        "clean curfew, every 30 min",
        curfew(30.0),
        aims=RECALL | EDGES,
        baselines=True,
    ),
    Cell(
        "S1-60",
        "S1",
        "clean curfew, every 60 min",
        curfew(60.0),
        aims=COVERED,
        baselines=True,
    ),
    Cell(
        "S1-30-bare",
        "S1",
        "the same at 30 min, no controls measured",
        curfew(controls=0),
        aims=RECALL,
    ),
    Cell("S2-irregular", "S2", "looks 5-120 min apart, 30 % lost, host off at night", irregular),
    Cell(
        "S2-sparse",
        "S2",
        "every 60 min, 60 % lost",
        curfew(60.0, lost=0.6),
        aims={"start_p90": ("most", 30.0)},
    ),
    Cell("S3", "S3", "a change of the clocks inside", clocks_change, aims=RECALL),
    Cell("S4", "S4", "zones of half hours and 45 minutes", odd_zone, aims=RECALL),
    Cell("S5-alternate", "S5", "every other day", every_other_day, aims=RECALL),
    Cell("S5-two", "S5", "two windows a day, every 15 min", two_windows),
    Cell("S5-friday", "S5", "Fridays only, 12 weeks", fridays),
    Cell("S6", "S6", "over midnight", over_midnight, aims=RECALL),
    Cell("S7", "S7", "40 % leaky, every 15 min", leaky, score="degraded"),
    Cell("S8", "S8", "everything cut: the line's own series", total, aims=RECALL),
    Cell("S9", "S9", "throttled rounds as bad looks (87 % flagged)", throttled),
    Cell("S12", "S12", "a clock that is off, drifts and jumps", skewed, aims=RECALL),
    Cell("short-1", "S1", "3-5 days, one line", few_days(1)),
    Cell(
        "short-3",
        "S1",
        "3-5 days, three lines of three AS",
        few_days(3),
        score="joint",
        aims={"recall": ("least", 0.70)},
    ),
)
