"""Kinds of noise that have little in common, so that no detector is fitted to one of them.

Each family draws, for a span of time: how likely a look is wrong, which looks are missing, which
outages nobody ordered, and how far a day's edge lies from the hour that was ordered.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pattern_bench.clockwork import Flags, Floats, Spans, inside, joined, local_minutes

__all__ = ["FAMILIES", "Family", "Noise"]

_HOUR = 3600.0
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Noise:
    """What was drawn for one line: chances by time, and what went wrong by itself."""

    false_bad: Callable[[Floats], Floats]
    false_good: Callable[[Floats], Floats]
    missing: Callable[[Floats, np.random.Generator], Flags]
    outages: Spans


@dataclass(frozen=True, slots=True)
class Family:
    """``edge`` draws minutes by which a day's edge misses the order; ``late`` is their median."""

    name: str
    about: str
    draw: Callable[[np.random.Generator, float, float, str, float], Noise]
    edge: Callable[[np.random.Generator], float]
    late: float = 0.0


def _flat(chance: float) -> Callable[[Floats], Floats]:
    return lambda time_s: np.full(time_s.size, chance)


def _lengths(rng: np.random.Generator, size: int) -> Floats:
    """Return lognormal lengths in seconds, two hours in the middle."""
    return np.asarray(2 * _HOUR * rng.lognormal(0, 0.8, size), dtype=np.float64)


def _spans(start: Floats, length: Floats) -> Spans:
    return joined(np.stack([start, start + length], axis=1))


def _poisson(
    rng: np.random.Generator, first: float, last: float, a_day: float, mean_s: float
) -> Spans:
    """Return stretches that begin at random and last exponentially."""
    size = int(rng.poisson(a_day * (last - first) / _DAY))
    return _spans(rng.uniform(first, last, size), rng.exponential(mean_s, size))


def independent(
    rng: np.random.Generator, first: float, last: float, tz: str, outages: float
) -> Noise:
    """Draw looks each of which is wrong or lost by itself, and outages like raindrops."""
    size = int(rng.poisson(outages * (last - first) / _DAY))
    return Noise(
        false_bad=_flat(0.03),
        false_good=_flat(0.05),
        missing=lambda time_s, rng: rng.random(time_s.size) < 0.30,
        outages=_spans(rng.uniform(first, last, size), _lengths(rng, size)),
    )


def bursty(rng: np.random.Generator, first: float, last: float, tz: str, outages: float) -> Noise:
    """Draw wrong looks in bursts, a host asleep for hours, long-tailed outages that cluster."""
    wrong = _poisson(rng, first, last, 2.0, 25 * 60)
    leaks = _poisson(rng, first, last, 4.0, 10 * 60)
    asleep = _poisson(rng, first, last, 1.8, 4 * _HOUR)
    parents = rng.uniform(first, last, int(rng.poisson(0.4 * outages * (last - first) / _DAY)))
    children = [parents] + [parents + rng.uniform(0, 2 * _DAY, parents.size) for _ in range(2)]
    start = np.concatenate(
        [c[rng.random(c.size) < (1.0 if i == 0 else 0.75)] for i, c in enumerate(children)]
    )
    length = 40 * 60 * (1 + rng.pareto(1.5, start.size))
    return Noise(
        false_bad=lambda time_s: np.where(inside(time_s, wrong), 0.6, 0.005),
        false_good=lambda time_s: np.where(inside(time_s, leaks), 0.6, 0.02),
        missing=lambda time_s, rng: inside(time_s, asleep),
        outages=_spans(start, np.minimum(length, 2 * _DAY)),
    )


def by_day(rng: np.random.Generator, first: float, last: float, tz: str, outages: float) -> Noise:
    """Draw looks that fail in the evening and are lost at night, outages in working hours."""

    def evening(time_s: Floats) -> Floats:
        away = (local_minutes(time_s, tz) - 1260 + 720) % 1440 - 720
        return np.asarray(0.01 + 0.06 * np.exp(-0.5 * (away / 120) ** 2), dtype=np.float64)

    def lost(time_s: Floats, rng: np.random.Generator) -> Flags:
        minute = local_minutes(time_s, tz)
        night = (minute >= 60) & (minute < 420)
        return np.asarray(rng.random(time_s.size) < np.where(night, 0.6, 0.15), dtype=np.bool_)

    size = int(rng.poisson(3 * outages * (last - first) / _DAY))
    start = rng.uniform(first, last, size)
    minute = local_minutes(start, tz)
    work = (minute >= 480) & (minute < 1080)
    start = start[rng.random(size) < np.where(work, 0.6, 0.143)]
    return Noise(evening, _flat(0.05), lost, _spans(start, _lengths(rng, start.size)))


def drifting(rng: np.random.Generator, first: float, last: float, tz: str, outages: float) -> Noise:
    """Draw error rates that wander by the day, days barely seen, trouble by the week."""
    days = int((last - first) // _DAY) + 2
    walk = np.clip(np.log(0.03) + np.cumsum(rng.normal(0, 0.25, days)), np.log(0.005), np.log(0.09))
    good, lost = rng.uniform(0, 0.12, days), rng.beta(2, 4, days)
    weekly = rng.gamma(1.0, outages * 7, days // 7 + 1)
    start = np.concatenate(
        [
            first + week * 7 * _DAY + rng.uniform(0, 7 * _DAY, int(rng.poisson(rate)))
            for week, rate in enumerate(weekly)
        ]
    )

    def daily(values: Floats) -> Callable[[Floats], Floats]:
        return lambda time_s: values[np.clip(((time_s - first) // _DAY).astype(int), 0, days - 1)]

    return Noise(
        false_bad=daily(np.exp(walk)),
        false_good=daily(good),
        missing=lambda time_s, rng: rng.random(time_s.size) < daily(lost)(time_s),
        outages=_spans(start, _lengths(rng, start.size)),
    )


def _now_and_then_astray(rng: np.random.Generator) -> float:
    return float(rng.normal(0, 40 if rng.random() < 0.1 else 2))


FAMILIES = (
    Family(
        "independent",
        "3 % false bad, 5 % false good, 30 % lost, each look by itself; outages at random",
        independent,
        lambda rng: float(rng.normal(0, 4)),
    ),
    Family(
        "bursty",
        "errors and leaks in bursts, the host asleep for hours, clustered long-tailed outages",
        bursty,
        lambda rng: float(rng.laplace(0, 3)),
    ),
    Family(
        "by day",
        "more errors in the evening, looks lost at night, outages in working hours, edges late",
        by_day,
        lambda rng: float(rng.exponential(5)),
        late=5 * float(np.log(2)),
    ),
    Family(
        "drifting",
        "error and loss rates wander by the day, outages by the week, every tenth edge astray",
        drifting,
        _now_and_then_astray,
    ),
)
