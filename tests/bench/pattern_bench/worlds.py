"""Worlds with known truth: what was ordered, what went wrong by itself, what a line saw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from pattern_bench.clockwork import (
    Flags,
    Floats,
    Spans,
    at_local,
    inside,
    joined,
    local_minutes,
    weekday,
)
from pattern_bench.families import Family, Noise

__all__ = ["Line", "Looks", "Order", "Truth", "World", "draw_order", "order_spans", "seen_by"]

ABSENT, GOOD, BAD = -1, 0, 1


@dataclass(frozen=True, slots=True)
class Order:
    """A daily cut in local minutes; the end may lie beyond 1440. ``dates`` are those it held."""

    start: float
    end: float
    dates: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What should be found: windows (with the median edges of the noise), single outages."""

    orders: tuple[Order, ...] = ()
    outages: tuple[tuple[float, float], ...] = ()
    tz: str = "UTC"


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What one line saw: ``value`` is -1 where there is no evidence, ``why`` says why."""

    time_s: Floats
    value: Floats
    control: Floats  # share of failed controls, NaN where none was measured
    mechanism: tuple[str, ...] | None = None
    why: str = "host_off"
    burst: Flags | None = None
    vantage: str = "v0"
    network: str = "AS64501/fixed"
    subject: str = "service"
    signal: str = "targeted"
    tz: str = "UTC"


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One run of a cell: the lines that looked, and the truth."""

    lines: tuple[Looks, ...]
    truth: Truth
    days: int


Disturb = Callable[[Floats, Floats, Floats, np.random.Generator], tuple[Floats, Floats]]
"""(times, values, controls, rng) to values and controls: what else happens to a line's looks."""


@dataclass(frozen=True, slots=True)
class Line:
    """How a line looks: cadence in minutes (jittered over the interval, or low to high), noise."""

    family: Family
    tz: str
    first: date
    days: int
    every: float = 30.0
    irregular: tuple[float, float] | None = None
    lost: float | None = None
    outages: float = 0.15
    controls: int = 3
    off: tuple[float, float] | None = None  # local minutes between which the host is off
    retest: bool = False
    skew_s: Callable[[Floats], Floats] | None = None
    disturb: Sequence[Disturb] = field(default=())
    true_bad: float | None = None  # a leak: the share of looks in a cut that fail
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def span(self) -> tuple[float, float]:
        """Return the first and the last instant, UTC epoch seconds."""
        last = self.first + timedelta(days=self.days)
        return at_local(self.first, 0, self.tz), at_local(last, 0, self.tz)


def draw_order(
    rng: np.random.Generator,
    first: date,
    total: int,
    *,
    days: tuple[int, int] = (5, 21),
    hours: tuple[float, float] = (2, 10),
    skip: float = 0.15,
    start: float | None = None,
) -> Order:
    """Draw an order: mostly from a full or half hour on, some days at random, some skipped."""
    how = rng.random()
    if start is None:
        start = float(rng.integers(0, 1440))
        start = 60 * (start // 60) if how < 0.70 else 30 * (start // 30) if how < 0.84 else start
    length = 30 * round(60 * float(rng.uniform(*hours)) / 30)
    count = int(rng.integers(days[0], days[1] + 1))
    begin = int(rng.integers(2, max(3, total - count - 1)))
    dates = [first + timedelta(days=begin + i) for i in range(count)]
    held = tuple(day for day in dates if rng.random() >= skip)
    return Order(start, start + length, held or tuple(dates[:1]))


def order_spans(rng: np.random.Generator, orders: Sequence[Order], line: Line) -> Spans:
    """Return when the orders were carried out, each day with edges of its own."""
    rows = [
        (
            at_local(day, order.start + line.family.edge(rng), line.tz),
            at_local(day, order.end + line.family.edge(rng), line.tz),
        )
        for order in orders
        for day in order.dates
    ]
    return joined(np.array(rows, dtype=np.float64).reshape(-1, 2))


def median_edges(orders: Sequence[Order], family: Family) -> tuple[Order, ...]:
    """Return the orders with the edges that half of the days lie before."""
    return tuple(replace(o, start=o.start + family.late, end=o.end + family.late) for o in orders)


def seen_by(line: Line, cuts: Spans, rng: np.random.Generator) -> Looks:
    """Return what ``line`` saw of ``cuts``, through its family of noise."""
    first, last = line.span
    noise = line.family.draw(rng, first, last, line.tz, line.outages)
    time_s = _times(line, first, last, rng)
    lost = rng.random(time_s.size) < line.lost if line.lost is not None else None
    time_s = time_s[~(lost if lost is not None else noise.missing(time_s, rng))]
    if line.off is not None:
        since = (local_minutes(time_s, line.tz) - line.off[0]) % 1440
        time_s = time_s[since >= (line.off[1] - line.off[0]) % 1440]
    value, control = _values(line, noise, time_s, cuts, rng)
    burst = None
    if line.retest:
        time_s, value, control, burst = _retested(line, noise, time_s, value, control, cuts, rng)
    for disturb in line.disturb:
        value, control = disturb(time_s, value, control, rng)
    written = time_s if line.skew_s is None else time_s + line.skew_s(time_s)
    order = np.argsort(written, kind="stable")
    return Looks(
        time_s=written[order],
        value=value[order],
        control=control[order],
        burst=None if burst is None else burst[order],
        tz=line.tz,
        **line.labels,  # type: ignore[arg-type]
    )


def _times(line: Line, first: float, last: float, rng: np.random.Generator) -> Floats:
    if line.irregular is None:
        step = line.every * 60
        count = int((last - first) // step)
        return np.asarray(first + (np.arange(count) + rng.random(count)) * step, dtype=np.float64)
    low, high = (60 * one for one in line.irregular)
    steps = rng.uniform(low, high, int(2 * (last - first) / (low + high)) + 50)
    time_s = first + np.cumsum(steps)
    return np.asarray(time_s[time_s < last], dtype=np.float64)


def _values(
    line: Line, noise: Noise, time_s: Floats, cuts: Spans, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    cut, down = inside(time_s, cuts), inside(time_s, noise.outages)
    good = noise.false_good(time_s)
    if line.true_bad is not None:
        good = np.where(down, good, 1 - line.true_bad)
    chance = np.where(cut | down, 1 - good, noise.false_bad(time_s))
    value = (rng.random(time_s.size) < chance).astype(np.float64)
    if not line.controls:
        return value, np.full(time_s.size, np.nan)
    failed = rng.binomial(line.controls, 0.02, time_s.size) / line.controls
    return value, np.asarray(failed, dtype=np.float64)


def _retested(
    line: Line,
    noise: Noise,
    time_s: Floats,
    value: Floats,
    control: Floats,
    cuts: Spans,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats, Flags]:
    """Add looks 2, 5 and 9 minutes after each look that says otherwise than the one before.

    Where the last of them still says so, as many again, up to three times.
    """
    changed = np.concatenate([[False], value[1:] != value[:-1]])
    since, said = time_s[changed], value[changed]
    parts = []
    for _ in range(3):
        later = np.concatenate([since + 60 * minutes for minutes in (2, 5, 9)])
        parts.append((later, *_values(line, noise, later, cuts, rng)))
        last = slice(2 * since.size, None)
        lasts = parts[-1][1][last] == said
        since, said = later[last][lasts], said[lasts]
    more, again, beside = (np.concatenate(one) for one in zip(*parts, strict=True))
    flags = np.concatenate([np.zeros(time_s.size, np.bool_), np.ones(more.size, np.bool_)])
    every = np.concatenate([time_s, more])
    order = np.argsort(every, kind="stable")
    return (
        every[order],
        np.concatenate([value, again])[order],
        np.concatenate([control, beside])[order],
        flags[order],
    )


def evening(time_s: Floats, tz: str, low: float, high: float) -> Flags:
    """Return which looks fall between two local minutes."""
    minute = local_minutes(time_s, tz)
    return np.asarray((minute >= low) & (minute < high), dtype=np.bool_)


def sundays(time_s: Floats, tz: str) -> Flags:
    """Return which looks fall on a Sunday."""
    return np.asarray(weekday(time_s, tz) == 7, dtype=np.bool_)
