"""Hours of the day that are slow, where a few rounds a day leave no outage to be seen as one.

Rounds hours apart show no beginning and no end of a throttling, but over many days together they
show its hours: the scan of ``cylinder`` over days times an arc of the day, whose null turns each
day by itself. All days share one window, whose edges lie between the last usual and the first
slow round of all of them: an hour or so after a fortnight of four rounds a day. It stays suspected.
"""

from dataclasses import dataclass, replace

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.cylinder import BINS, Cylinder, Grid, grid_of, scan, significance, stands_out
from probe.analysis.edges import Edge, estimate
from probe.analysis.judgement import CONTRAST, INSIDE_BAD, KEPT_FEW
from probe.analysis.study import MAX_SPACING_S, Study
from probe.analysis.wallclock import DAY_MIN, Fold, day_iso
from probe.model.event import Days, Event, EventKind, Instant, Label, Window

__all__ = ["SlowHours", "hours_event", "slow_hours"]

_LEAST_DAYS = 7
_LEAST_LOOKS = 24
_LEAST_SUPPORTS = 5
_LEAST_BAD = 3.0
_REACH_MIN = 180.0
_SHARE = 0.5
_BIN_MIN = DAY_MIN / BINS


@dataclass(frozen=True, slots=True, eq=False)
class SlowHours:
    """What a fit says; edges are in minutes after midnight of the day that the window begins on.

    ``inside`` marks looks of the evidence; ``supports`` and ``against`` are days of which it has
    a look in these hours.
    """

    fold: Fold
    start: Edge
    end: Edge
    inside: BoolArray
    supports: tuple[int, ...]
    against: tuple[int, ...]
    share: float
    around: float
    p: float


def slow_hours(study: Study, generator: np.random.Generator) -> SlowHours | None:
    """Return the hours that were slow day after day; nothing where rounds are close together."""
    evidence = study.evidence
    days = float(np.ptp(evidence.time_s)) / 86_400 if len(evidence) else 0.0
    if days < _LEAST_DAYS or len(evidence) < _LEAST_LOOKS or evidence.spacing_s <= MAX_SPACING_S:
        return None
    fold = study.folds()[0]
    minute, bad = fold.minutes(evidence.time_s), evidence.bad.astype(np.float64)
    grid = grid_of(minute, bad, np.ones_like(bad))
    found = scan(grid) if stands_out(grid, share=_SHARE, least=_LEAST_BAD) else None
    if found is None:
        return None
    hours = _Frame.of(grid, found, minute).hours(study, fold, significance(grid, found, generator))
    if hours is None or hours.share < INSIDE_BAD or hours.share - hours.around < CONTRAST:
        return None
    many = len(hours.supports) + len(hours.against)
    kept = len(hours.supports) >= max(_LEAST_SUPPORTS, KEPT_FEW * many)
    return hours if kept else None


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Looks by the day of the cylinder and the minutes ``since`` its arc begins on that day."""

    origin: float
    width: float
    day: IntArray
    since: FloatArray
    rows: tuple[int, ...]

    @classmethod
    def of(cls, grid: Grid, found: Cylinder, minute: FloatArray) -> "_Frame":
        origin, width = (grid.boundary + found.start) * _BIN_MIN, found.width * _BIN_MIN
        day = np.floor((minute - origin + (DAY_MIN - width) / 2) / DAY_MIN).astype(np.int64)
        rows = range(grid.first_day + found.first, grid.first_day + found.last)
        return cls(origin, width, day, minute - origin - day * DAY_MIN, tuple(rows))

    def hours(self, study: Study, fold: Fold, p: float) -> SlowHours | None:
        """Fit the edges, and count looks and days in what lies between."""
        start, end = self._edge(study, start=True), self._edge(study, start=False)
        first, last = start.minute, self.width + end.minute
        mine = np.isin(self.day, self.rows)
        inside = mine & (self.since >= first) & (self.since < last)
        around = mine & ~inside
        if not inside.any() or not around.any():
            return None
        bad = study.evidence.bad
        shift = int((self.origin + first) // DAY_MIN)
        seen = [row for row in self.rows if (inside & (self.day == row)).any()]
        slow = {row for row in seen if bad[inside & (self.day == row)].mean() >= INSIDE_BAD}
        base = self.origin - shift * DAY_MIN
        return SlowHours(
            fold=fold,
            start=_moved(start, base),
            end=_moved(end, base + self.width),
            inside=inside,
            supports=tuple(row + shift for row in seen if row in slow),
            against=tuple(row + shift for row in seen if row not in slow),
            share=float(bad[inside].mean()),
            around=float(bad[around].mean()),
            p=p,
        )

    def _edge(self, study: Study, *, start: bool) -> Edge:
        """Fit one edge on the looks of all days near it, in minutes after that of the arc."""
        reach = float(np.floor(min(_REACH_MIN, self.width / 2, (DAY_MIN - self.width) / 2)))
        away = self.since - (0.0 if start else self.width)
        near = np.abs(away) <= reach
        days = [near & (self.day == row) for row in self.rows]
        looks = [(away[one], study.ratio[one]) for one in days]
        return estimate(np.arange(-reach, reach + 1), looks, start=start)


def _moved(edge: Edge, by: float) -> Edge:
    return replace(edge, minute=edge.minute + by, low=edge.low + by, high=edge.high + by)


def hours_event(study: Study, hours: SlowHours, q: float) -> Event:
    """Return the event of slow hours, without its words."""
    key, evidence = study.series.key, study.evidence
    window = Window(
        start_minute=round(hours.start.minute),
        end_minute=round(hours.end.minute),
        start_interval=(round(hours.start.low, 1), round(hours.start.high, 1)),
        end_interval=(round(hours.end.low, 1), round(hours.end.high, 1)),
        first_day=day_iso(hours.supports[0]),
        last_day=day_iso(hours.supports[-1]),
        days=Days(
            supported=len(hours.supports),
            observable=len(hours.supports) + len(hours.against),
            total=hours.supports[-1] - hours.supports[0] + 1,
        ),
        supports=tuple(day_iso(day) for day in hours.supports),
        against=tuple(day_iso(day) for day in hours.against),
        bad_share=round(hours.share, 4),
        shoulder_share=round(hours.around, 4),
    )
    return Event(
        kind=EventKind.DAILY_WINDOW,
        series=key.subject,
        vantage=key.vantage,
        network=key.network,
        label=Label.SUSPECTED,
        start=_instant(hours, hours.supports[0], hours.start),
        end=_instant(hours, hours.supports[-1], hours.end),
        tz=study.series.tz,
        window=window,
        p=hours.p,
        q=q,
        mechanisms=evidence.mechanisms(hours.inside),
        signal=str(key.signal),
        locus=key.locus,
        samples=int(hours.inside.sum()),
        bad_samples=int((hours.inside & evidence.bad).sum()),
    )


def _instant(hours: SlowHours, day: int, edge: Edge) -> Instant:
    at, low, high = (
        hours.fold.instant(day * DAY_MIN + minute).replace(microsecond=0)
        for minute in (edge.minute, edge.low, edge.high)
    )
    return Instant(at=at, earliest=low, latest=high)
