"""One series made ready for the search: evidence, episodes, clock, and what was observed when."""

from dataclasses import dataclass

import numpy as np
from msgspec import structs

from probe.analysis.episodes import Episode, episodes_of
from probe.analysis.evidence import Evidence, FloatArray, evidence_of
from probe.analysis.hmm import HmmParameters, log_ratios
from probe.analysis.timeline import cut
from probe.analysis.wallclock import DAY_MIN, Fold
from probe.analysis.zones import Offsets, offsets
from probe.model.timeline import Series

__all__ = ["Study", "exposure", "shortfall", "study"]

EXPOSURE_BINS = 48
MAX_SPACING_S = 4 * 3600.0
MIN_DAYS = 3.0
MIN_SAMPLES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A series, cut; ``ratio`` is ln P(sample | bad) / P(sample | up).

    ``series`` has key and zone only: what its samples say is in ``evidence``, a tenth the size.
    """

    series: Series
    evidence: Evidence
    ratio: FloatArray
    episodes: tuple[Episode, ...]
    offsets: Offsets

    def folds(self) -> tuple[Fold, ...]:
        """Return the wall clock, and UTC as well where the clocks changed inside."""
        wall = Fold(self.offsets)
        if not self.offsets.changes:
            return (wall,)
        first_s = float(self.evidence.time_s[0])
        return (wall, Fold(self.offsets.fixed(first_s), utc=True))


def study(series: Series, parameters: HmmParameters) -> Study:
    """Cut one series and keep what the search for windows needs.

    Raises:
        InputError: when the series names a zone that does not exist.

    """
    evidence = evidence_of(series)
    span = (float(evidence.time_s[0]), float(evidence.time_s[-1])) if len(evidence) else (0.0, 0.0)
    return Study(
        series=structs.replace(series, samples=()),
        evidence=evidence,
        ratio=log_ratios(evidence, parameters),
        episodes=episodes_of(cut(series, evidence, parameters)),
        offsets=offsets(series.tz, *span),
    )


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
