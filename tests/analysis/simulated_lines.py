"""Simulated lines with known truth; what the detector is tried on, and never sees the inside of."""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

START = datetime(2022, 3, 1, tzinfo=UTC)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Curfew:
    """A daily cut in local minutes; ``weekdays`` are ISO numbers, empty for all."""

    start: float
    end: float
    first_day: int = 0
    days: int = 10_000
    skip: float = 0.0
    edge_sigma: float = 4.0
    weekdays: tuple[int, ...] = ()


@dataclass(frozen=True)
class Noise:
    """What goes wrong without anybody meaning it."""

    false_bad: float = 0.03
    false_good: float = 0.05
    outages_a_day: float = 0.15
    outage_median_min: float = 120.0
    missing: float = 0.30
    off_hours: tuple[float, float] | None = None  # host off from, until (local hours)
    congestion: float = 0.0  # share of bad looks 19:00-23:00, targets and controls alike
    controls: int = 0  # 0: none are measured
    reboot: float | None = None  # local minute of a ten-minute reboot every night


@dataclass
class Line:
    """A line to be sampled."""

    tz: str = "Asia/Tehran"
    days: int = 60
    cadence_min: tuple[float, float] = (15.0, 15.0)  # spacing low, high; jittered
    curfews: Sequence[Curfew] = ()
    noise: Noise = field(default_factory=Noise)
    start: datetime = START
    subject: str = "whatsapp"
    signal: Signal = Signal.TARGETED
    block_from_day: float | None = None  # a block that stays


def sampled(line: Line, seed: int) -> Series:
    """Return one seeded run of ``line``."""
    rng = random.Random(seed)
    where = ZoneInfo(line.tz)
    cuts = _merged(_cuts(line, rng, where))
    outages = _merged(_outages(line, rng))
    samples = []
    at = line.start
    end = line.start + timedelta(days=line.days)
    while at < end:
        low, high = line.cadence_min
        if low == high:  # one look somewhere in each interval
            look, at = at + timedelta(minutes=rng.random() * low), at + timedelta(minutes=low)
        else:
            look = at
            at += timedelta(minutes=rng.uniform(low, high))
        sample = _look(line, look, rng, where, cuts, outages)
        if sample is not None:
            samples.append(sample)
    key = SeriesKey(vantage="v", network="AS64500/fixed", subject=line.subject, signal=line.signal)
    return Series(key=key, tz=line.tz, samples=tuple(sorted(samples, key=lambda s: s.time)))


def _look(
    line: Line,
    look: datetime,
    rng: random.Random,
    where: ZoneInfo,
    cuts: Sequence[Span],
    outages: Sequence[Span],
) -> Sample | None:
    noise = line.noise
    if rng.random() < noise.missing:
        return None
    local = look.astimezone(where)
    hour = local.hour + local.minute / 60
    if noise.off_hours and _between(hour, *noise.off_hours):
        return None
    down = _inside(look, outages)
    if noise.reboot is not None:
        down = down or 0 <= (hour * 60 - noise.reboot) % 1440 < 10
    bad = down or _inside(look, cuts)
    if line.block_from_day is not None:
        bad = bad or look >= line.start + timedelta(days=line.block_from_day)
    crowded = noise.congestion if 19 <= hour < 23 else 0.0
    seen = (rng.random() >= noise.false_good) if bad else (rng.random() < noise.false_bad)
    seen = seen or rng.random() < crowded
    share = None
    if noise.controls:
        chance = max(crowded, 0.02)
        share = sum(rng.random() < chance for _ in range(noise.controls)) / noise.controls
    return Sample(time=look, bad=seen, control_bad=share, mechanism="tcp.timeout" if seen else None)


def _between(hour: float, low: float, high: float) -> bool:
    return low <= hour < high if low < high else hour >= low or hour < high


def _inside(look: datetime, spans: Sequence[Span]) -> bool:
    place = bisect_right(spans, (look, look)) - 1
    return place >= 0 and look < spans[place][1]


def _merged(spans: list[Span]) -> list[Span]:
    """Return sorted spans that do not overlap."""
    merged: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _cuts(line: Line, rng: random.Random, where: ZoneInfo) -> list[Span]:
    cuts: list[Span] = []
    first = line.start.astimezone(where).replace(hour=0, minute=0, second=0, microsecond=0)
    for curfew in line.curfews:
        for day in range(curfew.first_day, min(line.days + 1, curfew.first_day + curfew.days)):
            date = (first + timedelta(days=day)).date()
            if rng.random() < curfew.skip:
                continue
            if curfew.weekdays and date.isoweekday() not in curfew.weekdays:
                continue
            midnight = datetime(date.year, date.month, date.day, tzinfo=where)
            edges = [
                midnight + timedelta(minutes=at + rng.gauss(0, curfew.edge_sigma))
                for at in (curfew.start, curfew.end)
            ]
            cuts.append((edges[0].astimezone(UTC), edges[1].astimezone(UTC)))
    return cuts


def _outages(line: Line, rng: random.Random) -> list[Span]:
    spans: list[Span] = []
    hours = 0.0
    if line.noise.outages_a_day <= 0:
        return spans
    while True:
        hours += rng.expovariate(line.noise.outages_a_day / 24)
        if hours > line.days * 24:
            return spans
        begun = line.start + timedelta(hours=hours)
        length = line.noise.outage_median_min * rng.lognormvariate(0, 0.8)
        spans.append((begun, begun + timedelta(minutes=length)))


def absent(series: Series, when: Callable[[Sample], bool], absence: Absence) -> Series:
    """Return ``series`` with the samples chosen by ``when`` turned into absences."""
    samples = tuple(
        Sample(time=s.time, bad=None, absence=absence) if when(s) else s for s in series.samples
    )
    return Series(key=series.key, tz=series.tz, samples=samples)
