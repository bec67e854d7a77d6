"""Which numbers of others stand beside a timeline, and as which points; pure.

They are drawn and never judged by. In a report made for publishing none of one network is drawn:
out of a file about many networks it would name the network of the line.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from probe.model.timeline import Overlay
from probe.report.data import Numbers, Period
from probe.report.text import clean

__all__ = ["MOST", "overlaid"]

MOST = 12
"""Overlays that are drawn: a file of OONI's may hold hundreds."""

_MOST_POINTS = 400
_HOUR_S = 3_600


def overlaid(
    overlays: Iterable[Overlay],
    period: Period,
    *,
    country: str,
    networks: Iterable[str],
    private: bool,
) -> tuple[tuple[Numbers, ...], int]:
    """Return the numbers that are about the place of a line, and how many more there are.

    Those of no country are about anywhere. Of a network they are shown to the owner of a line in
    it (``networks`` are network keys), and to nobody else. Of more points than can be told apart,
    means of whole hours are drawn, weighted as the points are.
    """
    asns = {key.partition("/")[0] for key in networks} if private else set()
    found = []
    for one in overlays:
        if one.country not in ("ZZ", country) or (one.network and one.network not in asns):
            continue
        inside = [point for point in one.points if period.start <= point[0] < period.end]
        if inside:
            found.append(_numbers(one, inside, period, private=private))
    return tuple(found[:MOST]), len(found[MOST:])


def _numbers(
    one: Overlay,
    points: Sequence[tuple[datetime, float, float]],
    period: Period,
    *,
    private: bool,
) -> Numbers:
    step_s = 0
    if len(points) > _MOST_POINTS:
        span_s = (period.end - period.start).total_seconds()
        step_s = int(-(-span_s // (_MOST_POINTS * _HOUR_S))) * _HOUR_S
        points = _means(points, step_s)
    return Numbers(
        name=clean(one.name, 80),
        unit=clean(one.unit, 40),
        source=clean(one.source, 80) if private else "",  # the name of a file may be anything
        country=one.country,
        network=one.network,
        grain_s=step_s,
        points=tuple((time, value) for time, value, _weight in points),
    )


def _means(
    points: Sequence[tuple[datetime, float, float]], step_s: int
) -> list[tuple[datetime, float, float]]:
    """Return weighted means of each stretch, at its start; a stretch of no weight is left out."""
    sums: dict[int, list[float]] = {}
    for time, value, weight in points:
        held = sums.setdefault(int(time.timestamp() // step_s), [0.0, 0.0])
        held[0] += value * weight
        held[1] += weight
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        (start + timedelta(seconds=place * step_s), total / weight, weight)
        for place, (total, weight) in sorted(sums.items())
        if weight > 0
    ]
