"""Leaky blocking: hours at which a part of the looks fails, day after day, and the controls work.

The second chance of a series in which no solid window was found. It is claimed as degraded
hours with the share that failed, never as a cut, and only where controls were measured: a
crowded line fails in part as well, and takes its controls with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.cylinder import BINS, Cylinder, grid_of, scan, significance, stands_out
from probe.analysis.edges import edge_likelihood
from probe.analysis.episodes import Episode
from probe.analysis.recurrence import benjamini_hochberg
from probe.analysis.search import ALPHA, FALSE_DISCOVERY, Search, by_vantage
from probe.analysis.spans import Span, spans_of
from probe.analysis.wallclock import DAY_MIN, Fold, day_iso
from probe.analysis.wording_degraded import degraded_sentence
from probe.model.event import Days, Event, EventKind, Instant, Label, Reach, Window
from probe.model.timeline import SeriesKey, Signal

__all__ = ["Degraded", "degraded_events"]

LOW, HIGH = 0.35, 0.75
CONTRAST = 0.25
CONTROLS_MOST = 0.10
_SOLID = 0.85
_SOLID_SAMPLES = 6
_DAY_LOOKS = 3
_DAY_SHARE = 0.2
_DAYS_KEPT = 0.6
_LEAST_DAYS = 5
_ESTABLISHED_DAYS = 10
_SHOULDER_MIN = 300.0
_EDGE_REACH = 90.0
_INSIDE = 0.8
_WIDER_MIN = 30.0
_WORTH_SHARE = 0.8 * LOW
_WORTH_BAD = 6.0
_AGAIN_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Degraded:
    """The degraded hours of one series, and the time that they account for."""

    event: Event
    spans: tuple[Span, ...]

    def explains(self, event: Event) -> bool:
        """Return whether a single outage is but a run of bad looks within these hours."""
        if event.window is not None or event.end is None:
            return False
        ((start_s, end_s),) = spans_of(event)
        inside = sum(max(0.0, min(end_s, b) - max(start_s, a)) for a, b in self.spans)
        return inside >= _INSIDE * max(end_s - start_s, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """The looks of one series that no solid trouble explains, on the local clock."""

    fold: Fold
    minute: FloatArray
    time_s: FloatArray
    bad: FloatArray
    weight: FloatArray
    control: FloatArray
    places: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class _Hours:
    """A cylinder measured: local minutes of its days, and what the looks say."""

    start: float
    end: float
    start_interval: tuple[float, float]
    end_interval: tuple[float, float]
    supports: tuple[int, ...]
    against: tuple[int, ...]
    total: int
    inside: BoolArray
    share: float
    around: float
    control: float


@dataclass(frozen=True, slots=True, eq=False)
class _Leaky:
    """Leaky hours of one series, and their chance."""

    looks: _Looks
    hours: _Hours
    p: float


def degraded_events(
    searches: Sequence[Search], *, names: Mapping[str, str]
) -> dict[SeriesKey, Degraded]:
    """Return the degraded hours of each series, with one false-discovery rate a vantage."""
    found: dict[SeriesKey, Degraded] = {}
    for mine in by_vantage(searches):
        tried = [(search, one) for search in mine if (one := _candidate(search))]
        q_values = benjamini_hochberg([one.p for _, one in tried])
        for (search, one), q in zip(tried, q_values, strict=True):
            if one.p <= ALPHA and q <= FALSE_DISCOVERY:
                key = search.study.series.key
                name = names.get(key.subject, key.subject)
                event = _event(search, one.looks, one.hours, one.p, q, name)
                found[key] = Degraded(event, _all_spans(one.looks.fold, one.hours))
    return found


def _all_spans(fold: Fold, hours: _Hours) -> tuple[Span, ...]:
    """Return these hours of every day from the first to the last, half an hour wider."""
    days = range(min(hours.supports), max(hours.supports) + 1)
    minutes = [
        (day * DAY_MIN + hours.start - _WIDER_MIN, day * DAY_MIN + hours.end + _WIDER_MIN)
        for day in days
    ]
    return tuple((fold.instant(a).timestamp(), fold.instant(b).timestamp()) for a, b in minutes)


def _candidate(search: Search) -> _Leaky | None:
    """Return the hours that stand out; what was found within the last days still stands.

    Leaky hours need many days, so that in a series under watch they are looked for each week.
    """
    evidence = search.study.evidence
    if search.windows or not search.enough or search.study.series.key.signal is not Signal.TARGETED:
        return None
    last_s = float(evidence.time_s[-1])
    if search.leaky is None or last_s - search.leaky[0] >= _AGAIN_S:
        search.leaky = last_s, _looked_for(search)
    found = search.leaky[1]
    return found if isinstance(found, _Leaky) else None


def _looked_for(search: Search) -> _Leaky | None:
    """Return the hours that stand out, if they are leaky and the controls worked; tested last."""
    if np.isnan(search.study.evidence.control_bad).all():
        return None
    looks = _unexplained(search)
    if not looks.bad.any() or np.isnan(looks.control).all():
        return None
    grid = grid_of(looks.minute, looks.bad, looks.weight)
    cylinder = scan(grid) if stands_out(grid, share=_WORTH_SHARE, least=_WORTH_BAD) else None
    if cylinder is None:
        return None
    hours = _measured(looks, grid.first_day, grid.boundary, cylinder)
    if hours is None or not _leaky(hours):
        return None
    return _Leaky(looks, hours, significance(grid, cylinder, search.generator))


def _unexplained(search: Search) -> _Looks:
    """Leave out what failed solidly: an outage is no leak, and must not pass for one."""
    evidence = search.study.evidence
    keep = np.ones(len(evidence), dtype=np.bool_)
    for episode in search.study.episodes:
        if _is_solid(episode):
            first, last = np.searchsorted(evidence.time_s, [episode.start_s, episode.end_s])
            keep[int(first) : int(last) + 1] = False
    fold = search.study.folds()[0]
    return _Looks(
        fold=fold,
        minute=fold.minutes(evidence.time_s[keep]),
        time_s=evidence.time_s[keep],
        bad=evidence.bad[keep].astype(np.float64),
        weight=np.minimum(evidence.weight[keep], 1.0),
        control=evidence.control_bad[keep],
        places=np.flatnonzero(keep),
    )


def _is_solid(episode: Episode) -> bool:
    many = episode.samples >= _SOLID_SAMPLES
    return many and episode.bad_samples >= _SOLID * episode.samples


def _measured(looks: _Looks, first_day: int, boundary: int, found: Cylinder) -> _Hours | None:
    """Measure a cylinder on the looks themselves: edges, days, shares."""
    bin_min = DAY_MIN / BINS
    rows = np.arange(first_day + found.first, first_day + found.last)
    origin = (boundary + found.start) * bin_min  # of row 0's arc, from midnight of that row
    frame = looks.minute - origin
    day = np.floor((frame + DAY_MIN / 4) / DAY_MIN)
    since = frame - day * DAY_MIN  # -360 .. 1080, 0 is the start of the arc
    mine = (day >= rows[0]) & (day <= rows[-1])
    width = found.width * bin_min
    inside = mine & (since >= 0) & (since < width)
    around = mine & ~inside & (since >= -_SHOULDER_MIN) & (since < width + _SHOULDER_MIN)
    if not inside.any() or not around.any():
        return None
    share, rest = float(looks.bad[inside].mean()), float(looks.bad[around].mean())
    edges = [_edge(looks, since - at, mine, (share, rest), start=at == 0.0) for at in (0.0, width)]
    start, end = edges[0][0], width + edges[1][0]
    inside = mine & (since >= start) & (since < end)
    around = mine & ~inside & (since >= start - _SHOULDER_MIN) & (since < end + _SHOULDER_MIN)
    if not inside.any() or not around.any():
        return None
    known = inside & ~np.isnan(looks.control)
    days = _days(looks, day, inside, rows)
    shift = int((origin + start) // DAY_MIN)
    base = origin - shift * DAY_MIN
    (_, *first), (_, *last) = edges
    return _Hours(
        start=base + start,
        end=base + end,
        start_interval=(base + first[0], base + first[1]),
        end_interval=(base + width + last[0], base + width + last[1]),
        supports=tuple(d + shift for d in days[0]),
        against=tuple(d + shift for d in days[1]),
        total=rows.size,
        inside=inside,
        share=float(looks.bad[inside].mean()),
        around=float(looks.bad[around].mean()),
        control=float(looks.control[known].mean()) if known.sum() * 2 >= inside.sum() else 1.0,
    )


def _days(
    looks: _Looks, day: FloatArray, inside: BoolArray, rows: IntArray
) -> tuple[list[int], list[int]]:
    """Return the days with at least three looks inside of which a fifth failed, and the others."""
    supports: list[int] = []
    against: list[int] = []
    for row in rows.tolist():
        bad = looks.bad[inside & (day == row)]
        if bad.size >= _DAY_LOOKS:
            (supports if bad.mean() >= _DAY_SHARE else against).append(row)
    return supports, against


def _edge(
    looks: _Looks,
    away: FloatArray,
    mine: BoolArray,
    shares: tuple[float, float],
    *,
    start: bool,
) -> tuple[float, float, float]:
    """Return an edge relative to the cylinder's, and its 95 % interval.

    One edge is fitted for all days: a leaky day says too little to have one of its own.
    """
    inside, outside = (min(0.99, max(0.01, share)) for share in shares)
    ratio = (
        np.where(looks.bad > 0, np.log(inside / outside), np.log((1 - inside) / (1 - outside)))
        * looks.weight
    )
    weighted = np.asarray(ratio, dtype=np.float64)
    near = mine & (np.abs(away) <= _EDGE_REACH)
    grid = np.arange(-_EDGE_REACH, _EDGE_REACH + 1)
    total = edge_likelihood(grid, [(away[near], weighted[near])], start=start)[0]
    chance = np.exp(total - total.max())
    cumulated = np.cumsum(chance / chance.sum())
    low, middle, high = (
        float(grid[min(int(np.searchsorted(cumulated, q)), grid.size - 1)])
        for q in (0.025, 0.5, 0.975)
    )
    return middle, low, high


def _leaky(hours: _Hours) -> bool:
    """Return whether a part fails, day after day, far more than around, and the controls do not."""
    observable = len(hours.supports) + len(hours.against)
    return (
        LOW <= hours.share < HIGH
        and hours.share - hours.around >= CONTRAST
        and hours.share - hours.control >= CONTRAST
        and hours.control <= CONTROLS_MOST
        and len(hours.supports) >= _LEAST_DAYS
        and len(hours.supports) >= _DAYS_KEPT * observable
    )


def _event(search: Search, looks: _Looks, hours: _Hours, p: float, q: float, name: str) -> Event:
    series = search.study.series
    days = [*hours.supports, *hours.against]
    start, end = round(hours.start), round(hours.end)
    window = Window(
        start_minute=start,
        end_minute=end,
        start_interval=hours.start_interval,
        end_interval=hours.end_interval,
        first_day=day_iso(min(hours.supports)),
        last_day=day_iso(max(hours.supports)),
        days=Days(supported=len(hours.supports), observable=len(days), total=hours.total),
        supports=tuple(day_iso(day) for day in hours.supports),
        against=tuple(day_iso(day) for day in hours.against),
        bad_share=round(hours.share, 4),
        shoulder_share=round(hours.around, 4),
        control_share=round(hours.control, 4),
    )
    failed = np.zeros(len(search.study.evidence), dtype=np.bool_)
    failed[looks.places[hours.inside & (looks.bad > 0)]] = True
    event = Event(
        kind=EventKind.DEGRADED_WINDOW,
        series=series.key.subject,
        vantage=series.key.vantage,
        network=series.key.network,
        label=(Label.ESTABLISHED if len(hours.supports) >= _ESTABLISHED_DAYS else Label.SUSPECTED),
        start=_instant(looks.fold, min(hours.supports) * DAY_MIN + start),
        end=_instant(looks.fold, max(hours.supports) * DAY_MIN + end),
        tz=series.tz,
        window=window,
        p=p,
        q=q,
        mechanisms=search.study.evidence.mechanisms(failed),
        locus=series.key.locus,
        reach=Reach.TARGETED,
        samples=int(hours.inside.sum()),
        bad_samples=int(failed.sum()),
    )
    return _worded(event, name)


def _worded(event: Event, name: str) -> Event:
    return replace(event, sentence=degraded_sentence(event, name))


def _instant(fold: Fold, minute: float) -> Instant:
    at = fold.instant(minute).replace(microsecond=0)
    return Instant(at=at, earliest=at, latest=at)
