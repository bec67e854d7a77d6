"""Several simulated lines under one order: shared days and edges, noise of their own."""

import random
from collections.abc import Sequence

import msgspec
from simulated_lines import Curfew, Line, Noise, sampled

from probe.model.timeline import Series, SeriesKey

NETWORKS = ("AS64501/mobile", "AS64502/fixed", "AS64503/fixed")


def ordered(curfew: Curfew, seed: int) -> tuple[Curfew, ...]:
    """Return the days of a curfew one by one, so that every line gets the same ones."""
    rng = random.Random(seed)
    days = []
    for day in range(curfew.first_day, curfew.first_day + curfew.days):
        late = rng.gauss(0, curfew.edge_sigma)
        if rng.random() >= curfew.skip:
            days.append(
                Curfew(curfew.start + late, curfew.end + late, first_day=day, days=1, edge_sigma=1)
            )
    return tuple(days)


def named(series: Series, vantage: str, network: str, subject: str = "") -> Series:
    """Return ``series`` as that of another vantage."""
    key = series.key
    return msgspec.structs.replace(
        series,
        key=SeriesKey(
            vantage=vantage,
            network=network,
            subject=subject or key.subject,
            signal=key.signal,
            locus=key.locus,
        ),
    )


def several(
    curfews: Sequence[Curfew],
    seed: int,
    *,
    networks: Sequence[str] = NETWORKS,
    days: int = 60,
    cadence: float = 30.0,
    noise: Noise | None = None,
    tz: str = "Asia/Tehran",
) -> tuple[Series, ...]:
    """Return one line of the same country for each of ``networks``."""
    line = Line(
        tz=tz, days=days, cadence_min=(cadence, cadence), curfews=curfews, noise=noise or Noise()
    )
    return tuple(
        named(sampled(line, 1000 * seed + i), f"v{i}", network)
        for i, network in enumerate(networks)
    )
