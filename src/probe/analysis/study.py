"""One series made ready for the search: evidence, episodes, clock, and what was observed when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from probe.analysis.arrays import FloatArray
from probe.analysis.columns import SeriesLike
from probe.analysis.episodes import Episode, episodes_of
from probe.analysis.evidence import Evidence, evidence_of
from probe.analysis.hmm import HmmParameters, log_ratios
from probe.analysis.timeline import absences, cut
from probe.analysis.wallclock import DAY_MIN, Fold
from probe.analysis.zones import Offsets, offsets
from probe.model.timeline import Interval, Sample, Series

__all__ = ["Study", "exposure", "shortfall", "studies", "study"]

EXPOSURE_BINS = 48
MAX_SPACING_S = 4 * 3600.0
MIN_DAYS = 3.0
MIN_SAMPLES = 12
_AT_ONCE = 32


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A series, cut; ``ratio`` is ln P(sample | bad) / P(sample | up).

    ``series`` has key and zone only: what its samples say is in ``evidence``, a tenth the size.
    ``intervals`` are all of it, but () of a series that grows.
    """

    series: Series
    evidence: Evidence
    ratio: FloatArray
    episodes: tuple[Episode, ...]
    offsets: Offsets
    intervals: tuple[Interval, ...] = ()

    def folds(self) -> tuple[Fold, ...]:
        """Return the wall clock, and UTC as well where the clocks changed inside."""
        wall = Fold(self.offsets)
        if not self.offsets.changes:
            return (wall,)
        first_s = float(self.evidence.time_s[0])
        return (wall, Fold(self.offsets.fixed(first_s), utc=True))


def study(series: SeriesLike, parameters: HmmParameters) -> Study:
    """Cut one series and keep what the search for windows needs.

    Raises:
        InputError: when the series names a zone that does not exist.

    """
    (found,) = studies([series], parameters)
    return found


def studies(series: Iterable[SeriesLike], parameters: HmmParameters) -> Iterator[Study]:
    """Yield the study of each series; some are cut together, which takes much less time.

    Raises:
        InputError: when a series names a zone that does not exist.

    """
    each = iter(series)
    while some := [_read(one) for one in islice(each, _AT_ONCE)]:
        found = cut([(evidence, absent) for _, evidence, absent in some], parameters)
        for (bare, evidence, _), intervals in zip(some, found, strict=True):
            times = evidence.time_s
            span = (float(times[0]), float(times[-1])) if len(evidence) else (0.0, 0.0)
            yield Study(
                series=bare,
                evidence=evidence,
                ratio=log_ratios(evidence, parameters),
                episodes=episodes_of(intervals),
                offsets=offsets(bare.tz, *span),
                intervals=intervals,
            )


def _read(series: SeriesLike) -> tuple[Series, Evidence, tuple[Sample, ...]]:
    """Return what is kept of a series, so that its samples need not be held."""
    bare = Series(key=series.key, tz=series.tz, samples=())
    return bare, evidence_of(series), absences(series)


def exposure(evidence: Evidence, fold: Fold) -> FloatArray:
    """Return how many samples lie in each half hour of the local day (retests count little)."""
    place = fold.minutes(evidence.time_s) % DAY_MIN / DAY_MIN * EXPOSURE_BINS
    counts = np.bincount(
        place.astype(np.int64) % EXPOSURE_BINS,
        weights=np.minimum(evidence.weight, 1.0),
        minlength=EXPOSURE_BINS,
    )
    return np.asarray(counts, dtype=np.float64)


def shortfall(study: Study) -> str | None:
    """Return what a search for daily windows would still need, ``None`` when there is enough."""
    evidence = study.evidence
    days = float(np.ptp(evidence.time_s)) / 86_400 if len(evidence) else 0.0
    if len(evidence) < MIN_SAMPLES or days < MIN_DAYS - 1:
        return (
            f"needs at least {MIN_SAMPLES} samples over {MIN_DAYS:.0f} days; "
            f"has {len(evidence)} over {days:.1f} days"
        )
    if evidence.spacing_s > MAX_SPACING_S:
        return (
            f"needs samples at most {MAX_SPACING_S / 3600:.0f} hours apart; "
            f"these are {evidence.spacing_s / 3600:.1f} hours apart"
        )
    return None
