"""A candidate window measured: its edges, the days for and against it, and its contrast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.candidate import Candidate
from probe.analysis.edges import Edge, estimate, is_jittered
from probe.analysis.study import Study
from probe.analysis.wallclock import DAY_MIN
from probe.analysis.weekly import on_weekdays, weekdays_of

__all__ = ["Measured", "measure_window"]

SHOULDER_MIN = 5 * 60.0
_GRID_MIN = 75.0
_GRID_MAX = 240.0
_MARGIN = 0.1
_SEEN_SHARE = 0.5
_BAD = 0.75
_AROUND_BAD = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What the samples say about a window; shares are of samples, ``None`` when there are none.

    ``inside_share`` and ``shoulder_share`` are pooled over the matching days, ``flips``
    of ``pairs`` neighbouring looks inside disagree on any day, ``control_inside`` (of
    ``control_looks`` failed looks) and ``control_outside`` are shares of failed controls on
    matching days. ``weekdays`` are those
    that it keeps to, () for all; ``observable`` and ``total`` count only these.
    """

    start: Edge
    end: Edge
    supports: IntArray
    against: IntArray
    observable: int
    total: int
    weekdays: tuple[int, ...]
    inside_share: float | None
    flips: int
    pairs: int
    shoulder_share: float | None
    control_inside: float | None
    control_outside: float | None
    control_looks: int
    missing_share: float


def measure_window(study: Study, found: Candidate, generator: np.random.Generator) -> Measured:
    """Measure a candidate on the evidence of its series."""
    clock = _Clock.of(study, found)
    start = clock.edge(start=True)
    end = clock.edge(start=False)
    span = range(int(found.days[0]), int(found.days[-1]) + 1)
    looks = [clock.look(day, start.minute, end.minute) for day in span]
    shift = int(round(start.minute) // DAY_MIN)
    matched = {day + shift for day in found.days.tolist()}
    pooled = [look for look in looks if look.day in matched]
    supports = [look for look in looks if look.day in matched or look.supports]
    against = [look for look in looks if look.against and look.day not in matched]
    weekdays = weekdays_of(_days(supports), _days(against), generator)
    against = [look for look in against if on_weekdays(look.day, weekdays)]
    flips, pairs = _flips(looks)
    return Measured(
        start=start,
        end=end,
        supports=_days(supports),
        against=_days(against),
        observable=len(supports) + len(against),
        total=sum(on_weekdays(day + shift, weekdays) for day in span),
        weekdays=weekdays,
        inside_share=_mean([look.inside for look in pooled]),
        flips=flips,
        pairs=pairs,
        shoulder_share=_mean([look.shoulder for look in pooled]),
        control_inside=_mean([look.control_inside for look in pooled]),
        control_outside=_mean([look.control_shoulder for look in pooled]),
        control_looks=sum(int((~np.isnan(look.control_inside)).sum()) for look in pooled),
        missing_share=float(np.mean([look.missing for look in looks])),
    )


def _days(looks: "Sequence[_Look]") -> IntArray:
    return np.array([look.day for look in looks], dtype=np.int64)


def _flips(looks: "Sequence[_Look]") -> tuple[int, int]:
    """Return how often a look inside says otherwise than the one before it, and the pairs."""
    flips = sum(int(np.count_nonzero(np.diff(look.inside))) for look in looks)
    return flips, sum(max(0, look.inside.size - 1) for look in looks)


def _mean(parts: list[FloatArray]) -> float | None:
    values = np.concatenate(parts) if parts else np.zeros(0)
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else None


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One day's samples inside the window and around it."""

    day: int  # the local calendar day on which the window begins
    inside: FloatArray
    shoulder: FloatArray
    control_inside: FloatArray
    control_shoulder: FloatArray
    missing: float

    @property
    def observable(self) -> bool:
        return self.inside.size > 0 and self.missing <= 1 - _SEEN_SHARE

    @property
    def _bad_inside(self) -> bool:
        return self.observable and float(self.inside.mean()) >= _BAD

    @property
    def supports(self) -> bool:
        """Bad inside and mostly fine around, even where a gap cut the episode short."""
        fine = self.shoulder.size > 0 and float(self.shoulder.mean()) < _AROUND_BAD
        return self._bad_inside and fine

    @property
    def against(self) -> bool:
        """Observed, and not bad; bad as part of something longer cannot say."""
        return self.observable and not self._bad_inside


@dataclass(frozen=True, slots=True, eq=False)
class _Clock:
    """The evidence of a series in local minutes, sorted by them."""

    found: Candidate
    minute: FloatArray
    bad: BoolArray
    ratio: FloatArray
    control: FloatArray
    spacing: float
    fixed_min: float | None

    @classmethod
    def of(cls, study: Study, found: Candidate) -> "_Clock":
        minute = found.fold.minutes(study.evidence.time_s)
        order = np.argsort(minute, kind="stable")
        return cls(
            found=found,
            minute=minute[order],
            bad=study.evidence.bad[order],
            ratio=study.ratio[order],
            control=study.evidence.control_bad[order],
            spacing=study.evidence.spacing_s / 60,
            fixed_min=(
                None
                if is_jittered(study.evidence.time_s, study.evidence.spacing_s)
                else study.evidence.spacing_s / 60
            ),
        )

    def _between(self, day: int, low: float, high: float) -> slice:
        """Return the samples of local day ``day`` with low <= minute < high."""
        base = day * DAY_MIN
        first, last = np.searchsorted(self.minute, [base + low, base + high], side="left")
        return slice(int(first), int(last))

    def edge(self, *, start: bool) -> Edge:
        """Fit one edge on the matching days."""
        length = self.found.length
        centre = self.found.start + (0.0 if start else length)
        reach = min(
            max(_GRID_MIN, 1.5 * self.spacing), _GRID_MAX, length / 2, (DAY_MIN - length) / 2
        )
        grid = np.arange(np.floor(centre - reach), np.ceil(centre + reach) + 1)
        days = []
        for day in self.found.days.tolist():
            part = self._between(day, float(grid[0]), float(grid[-1]) + 1)
            days.append((self.minute[part] - day * DAY_MIN, self.ratio[part]))
        return estimate(grid, days, start=start, fixed_min=self.fixed_min)

    def look(self, day: int, start: float, end: float) -> _Look:
        """Collect one day's samples, a tenth of the length away from the edges."""
        margin = _MARGIN * (end - start)
        inside = self._between(day, start + margin, end - margin)
        around = min(SHOULDER_MIN + margin, max(0.0, (DAY_MIN - (end - start)) / 2))
        before = self._between(day, start - around, start - margin)
        after = self._between(day, end + margin, end + around)
        expected = max(1.0, (end - start - 2 * margin) / max(self.spacing, 1.0))
        seen = min(1.0, (inside.stop - inside.start) / expected)
        bad_inside = self.control[inside][self.bad[inside]]
        return _Look(
            day=day + int(round(start) // DAY_MIN),
            inside=self.bad[inside].astype(np.float64),
            shoulder=np.concatenate([self.bad[p].astype(np.float64) for p in (before, after)]),
            control_inside=bad_inside,
            control_shoulder=np.concatenate([self.control[p] for p in (before, after)]),
            missing=1 - seen,
        )
