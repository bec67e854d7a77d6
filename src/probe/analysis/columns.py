"""A series as arrays: what is read of millions of looks, without an object for each.

``Columns`` says the same as ``Series``, and either may be given where a series is only read.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe.analysis.arrays import BoolArray, Codes, FloatArray, IntArray
from probe.model.timeline import Absence, Sample, Series, SeriesKey
from probe.model.times import instant, microseconds

__all__ = [
    "ABSENCES",
    "NONE",
    "Columns",
    "SeriesLike",
    "absence_code",
    "columns_of",
    "of_samples",
]

NONE = -1
"""No value: of ``bad`` no evidence, of ``absence`` no absence, of ``mechanism`` no name."""

ABSENCES = tuple(Absence)


def absence_code(absence: Absence | None) -> int:
    """Return the place of an absence in ``ABSENCES``."""
    return NONE if absence is None else ABSENCES.index(absence)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The samples of one series, in time order.

    ``time_us`` is microseconds since 1970, ``bad`` 1, 0 or -1 (no evidence), ``absence`` and
    ``mechanism`` are places in ``ABSENCES`` and ``names`` (-1: none), ``control_bad`` the share
    of failed controls (NaN: none measured).
    """

    key: SeriesKey
    tz: str
    time_us: IntArray
    bad: NDArray[np.int8]
    weight: FloatArray
    absence: NDArray[np.int8]
    control_bad: FloatArray
    mechanism: Codes
    names: tuple[str, ...]
    burst: BoolArray

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.time_us.size)

    def samples(self, places: Iterable[int] | None = None) -> tuple[Sample, ...]:
        """Return samples as values: those in these places, or all."""
        chosen = range(len(self)) if places is None else places
        return tuple(self._sample(place) for place in chosen)

    def _sample(self, place: int) -> Sample:
        bad, absence = int(self.bad[place]), int(self.absence[place])
        control, code = float(self.control_bad[place]), int(self.mechanism[place])
        return Sample(
            time=instant(int(self.time_us[place])),
            bad=None if bad == NONE else bool(bad),
            weight=float(self.weight[place]),
            absence=None if absence == NONE else ABSENCES[absence],
            control_bad=None if math.isnan(control) else control,
            mechanism=None if code == NONE else self.names[code],
            burst=bool(self.burst[place]),
        )

    def where(self, kept: BoolArray | IntArray) -> "Columns":
        """Return the series with some of its samples, in the order of their places."""
        return Columns(
            key=self.key,
            tz=self.tz,
            time_us=self.time_us[kept],
            bad=self.bad[kept],
            weight=self.weight[kept],
            absence=self.absence[kept],
            control_bad=self.control_bad[kept],
            mechanism=self.mechanism[kept],
            names=self.names,
            burst=self.burst[kept],
        )


SeriesLike: TypeAlias = Series | Columns


def columns_of(series: SeriesLike) -> Columns:
    """Return a series as arrays."""
    if isinstance(series, Columns):
        return series
    return of_samples(series.key, series.tz, series.samples)


def of_samples(key: SeriesKey, tz: str, samples: Sequence[Sample]) -> Columns:
    """Return samples as arrays."""
    places: dict[str, int] = {}
    codes = [
        NONE if s.mechanism is None else places.setdefault(s.mechanism, len(places))
        for s in samples
    ]
    control = [math.nan if s.control_bad is None else s.control_bad for s in samples]
    return Columns(
        key=key,
        tz=tz,
        time_us=np.array([microseconds(s.time) for s in samples], dtype=np.int64),
        bad=np.array([NONE if s.bad is None else s.bad for s in samples], dtype=np.int8),
        weight=np.array([s.weight for s in samples], dtype=np.float64),
        absence=np.array([absence_code(s.absence) for s in samples], dtype=np.int8),
        control_bad=np.array(control, dtype=np.float64),
        mechanism=np.array(codes, dtype=np.int16),
        names=tuple(places),
        burst=np.array([s.burst for s in samples], dtype=np.bool_),
    )
