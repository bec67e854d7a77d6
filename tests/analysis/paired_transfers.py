"""Pairs of transfers made by hand: rates that are known, marks that are even or jerky."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypedDict

import numpy as np

from probe.model.goodput import Pair, Pairing, PairKey, Speed

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
SIZE = 256 * 1024
MARK = 4096
KEY = PairKey(vantage="v", network="AS64500/fixed", subject="forum", pairing=Pairing.NEUTRAL)

Factor = Callable[[float], float]
"""By how much something is slower at an hour since the beginning."""


class Slowing(TypedDict, total=False):
    """What slows a pair, as ``rounds`` takes it."""

    target: Factor
    controls: Factor
    target_rtt: Factor
    line_rtt: Factor


def always(_: float) -> float:
    return 1.0


def marks_of(
    rate: float, *, jerky: bool = False, size: int = SIZE
) -> tuple[tuple[int, float], ...]:
    """Return marks of a transfer at ``rate`` bytes/s; jerky ones come four in a heap."""
    step = MARK / rate
    even = [((i + 1) * MARK, i * step) for i in range(size // MARK)]
    if not jerky:
        return tuple(even)
    return tuple((n, at // (4 * step) * 4 * step + i % 4 * 1e-4) for i, (n, at) in enumerate(even))


def speed(rate: float, *, rtt_s: float = 0.05, jerky: bool = False) -> Speed:
    """Return a whole transfer at ``rate`` bytes/s."""
    marks = marks_of(rate, jerky=jerky)
    return Speed(rate=rate, received=SIZE, rtt_s=rtt_s, marks=marks)


def stalled(after: int, rate: float = 1e6) -> Speed:
    """Return a transfer that stops after so many bytes."""
    marks = marks_of(rate, size=after)
    return Speed(
        rate=rate, censored=True, received=after, rtt_s=0.05, stalled_at=after, marks=marks
    )


def rounds(
    hours: list[float],
    *,
    target: Factor = always,
    controls: Factor = always,
    target_rtt: Factor = always,
    line_rtt: Factor = always,
    jerky: bool = False,
    noise: float = 0.08,
    rate: float = 1e6,
    seed: int = 1,
    tz: str = "UTC",
) -> tuple[Pair, ...]:
    """Return one round at each hour; what slows the controls slows the target as well."""
    rng = np.random.default_rng(seed)
    pairs = []
    for hour in hours:
        line = controls(hour)
        spread = np.exp(rng.normal(0, noise, 3))
        slow = line * target(hour)
        queued = 0.05 * (line_rtt(hour) - 1)
        own_rtt = 0.05 * target_rtt(hour) + queued
        jerks = jerky and slow > 1
        pairs.append(
            Pair(
                time=SINCE + timedelta(hours=hour),
                tz=tz,
                target=speed(rate / slow * spread[0], rtt_s=own_rtt, jerky=jerks),
                controls=(
                    speed(rate / line * spread[1], rtt_s=0.05 + queued),
                    speed(1.3 * rate / line * spread[2], rtt_s=0.05 + queued),
                ),
            )
        )
    return tuple(pairs)


def every(minutes: float, days: float, *, seed: int = 2) -> list[float]:
    """Return hours at random places of equal parts of some days."""
    rng = np.random.default_rng(seed)
    count = round(days * 1440 / minutes)
    return [(i + late) * minutes / 60 for i, late in enumerate(rng.random(count).tolist())]


def since(hour: float, factor: float) -> Factor:
    """Return slower by ``factor`` from an hour on."""
    return lambda at: factor if at >= hour else 1.0


def daily(start: float, end: float, factor: float) -> Factor:
    """Return slower by ``factor`` between two hours of each day."""
    return lambda at: factor if start <= at % 24 < end else 1.0


def hill(factor: float, *, peak: float = 21.0, width: float = 3.0) -> Factor:
    """Return slower by up to ``factor`` around an hour of each day, smoothly."""

    def at(hour: float) -> float:
        away = abs((hour - peak + 12) % 24 - 12)
        return float(factor ** np.exp(-0.5 * (away / width) ** 2))

    return at
