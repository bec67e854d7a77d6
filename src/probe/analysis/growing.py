"""One series that grows: what is settled is not cut again.

The end of a series is cut anew with every look, the rest not: where a state has stood for some
samples two days ago, no later sample changes what was before it. There the series is parted; what
lies before is kept as intervals and arrays, and joined with the intervals of the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from msgspec import structs

from probe.analysis.arrays import FloatArray
from probe.analysis.episodes import Episode, episodes_of
from probe.analysis.evidence import Evidence, evidence_of
from probe.analysis.hmm import HmmParameters, learned_false_bad, log_ratios
from probe.analysis.spacing import spacing_s
from probe.analysis.study import Study
from probe.analysis.timeline import absences, cut
from probe.analysis.zones import Offsets, offsets
from probe.errors import InputError
from probe.model.timeline import Interval, IntervalState, Sample, Series, SeriesKey

__all__ = ["Growing"]

SETTLED = timedelta(days=2)
_STABLE = 8
_LEARN_AGAIN = 1.01
_FIELDS = ("time_s", "bad", "weight", "control_bad", "mechanism", "ratio")
_TYPES = (np.float64, np.bool_, np.float64, np.float64, np.int16, np.float64)


@dataclass(slots=True, eq=False)
class _Columns:
    """Arrays that grow at the end; room is doubled, so that a day costs what a day has."""

    arrays: dict[str, np.ndarray] = field(
        default_factory=lambda: {
            name: np.zeros(1024, kind) for name, kind in zip(_FIELDS, _TYPES, strict=True)
        }
    )
    settled: int = 0
    size: int = 0

    def put(self, evidence: Evidence, ratio: FloatArray) -> None:
        """Write what comes after the settled part, over what was there."""
        self.size = self.settled + len(evidence)
        if self.size > self.arrays["time_s"].size:
            for name, array in self.arrays.items():
                more = np.zeros(2 * self.size, array.dtype)
                more[: self.settled] = array[: self.settled]
                self.arrays[name] = more
        for name in _FIELDS:
            new = ratio if name == "ratio" else getattr(evidence, name)
            self.arrays[name][self.settled : self.size] = new

    def view(self, name: str) -> np.ndarray:
        """Return a column up to now."""
        return self.arrays[name][: self.size]


class Growing:
    """A series to which looks are added, and the study of all of it."""

    def __init__(self, series: Series, parameters: HmmParameters) -> None:
        """Begin with what there is."""
        self._given = self._parameters = parameters
        self._empty = structs.replace(series, samples=())
        self._columns = _Columns()
        self._names: dict[str, int] = {}
        self._over: tuple[Episode, ...] = ()
        self._done: list[Interval] = []
        self._rest: list[Sample] = []
        self._offsets: Offsets | None = None
        self._spacing_s = 0.0
        self._learned = 0
        self.study = self._extended(series.samples)

    @property
    def key(self) -> SeriesKey:
        """Return the key of the series."""
        return self._empty.key

    @property
    def rest_days(self) -> float:
        """Return how many days are cut again with the next look."""
        if not self._rest:
            return 0.0
        return (self._rest[-1].time - self._rest[0].time) / timedelta(days=1)

    def extend(self, samples: Sequence[Sample]) -> Study:
        """Add looks that are later than all before; return the study of the whole.

        Raises:
            InputError: when a look is not later than the last one.

        """
        if samples and self._rest and samples[0].time <= self._rest[-1].time:
            raise InputError(
                f"{samples[0].time.isoformat()} is not after the last look",
                field="time",
                mend="add looks in order, or begin anew",
            )
        self.study = self._extended(samples)
        return self.study

    def _extended(self, samples: Sequence[Sample]) -> Study:
        self._rest.extend(samples)
        rest = structs.replace(self._empty, samples=tuple(self._rest))
        evidence = self._named(evidence_of(rest))
        if not self._columns.size:  # the first part is cut by what it teaches itself
            self._columns.put(evidence, evidence.weight)
            self._learn()
            evidence = self._named(evidence)
        (found,) = cut([(evidence, absences(rest))], self._parameters)
        self._columns.put(evidence, log_ratios(evidence, self._parameters))
        self._learn()
        whole = _joined(self._done, found)
        study = self._study((*self._over, *episodes_of(whole)))
        if self._rest and self._rest[-1].time - self._rest[0].time > 2 * SETTLED:
            self._settle(found, evidence)
        return study

    def _learn(self) -> None:
        """Take spacing and error rate of all looks up to now for those that are still to come.

        A hundredth more looks changes neither by anything that matters.
        """
        if self._columns.size < _LEARN_AGAIN * self._learned:
            return
        self._learned = self._columns.size
        self._spacing_s = spacing_s(self._columns.view("time_s"))
        known = self._columns.view("control_bad")
        learned = learned_false_bad(known, self._given)
        self._parameters = structs.replace(self._given, false_bad=learned, learned=True)

    def _named(self, evidence: Evidence) -> Evidence:
        """Return the evidence with the spacing and the mechanisms' numbers of the whole."""
        numbers = [self._names.setdefault(one, len(self._names)) for one in evidence.names]
        codes = np.array([*numbers, -1], dtype=np.int16)[evidence.mechanism]
        return Evidence(
            time_s=evidence.time_s,
            bad=evidence.bad,
            weight=evidence.weight,
            control_bad=evidence.control_bad,
            mechanism=codes,
            names=tuple(self._names),
            spacing_s=self._spacing_s or evidence.spacing_s,
        )

    def _study(self, episodes: tuple[Episode, ...]) -> Study:
        columns = self._columns
        time_s = columns.view("time_s")
        return Study(
            series=self._empty,
            evidence=Evidence(
                time_s=time_s,
                bad=columns.view("bad"),
                weight=columns.view("weight"),
                control_bad=columns.view("control_bad"),
                mechanism=columns.view("mechanism"),
                names=tuple(self._names),
                spacing_s=self._spacing_s,
            ),
            ratio=columns.view("ratio"),
            episodes=episodes,
            offsets=self._zone(time_s),
        )

    def _zone(self, time_s: FloatArray) -> Offsets:
        """Return the offsets of the whole span; only what is new is searched for changes."""
        if not time_s.size:
            return offsets(self._empty.tz, 0.0, 0.0)
        first, last = float(time_s[0]), float(time_s[-1])
        known = self._offsets
        if known is None:
            self._offsets, self._until = offsets(self._empty.tz, first, last), last
            return self._offsets
        more = offsets(self._empty.tz, self._until, last)
        self._offsets = Offsets(
            (*known.starts_s, *more.starts_s[1:]), (*known.seconds, *more.seconds[1:])
        )
        self._until = last
        return self._offsets

    def _settle(self, found: Sequence[Interval], evidence: Evidence) -> None:
        """Part the rest at the last place, two days ago at least, that no later look changes."""
        place = _parting(found, evidence)
        if place is None:
            return
        at = float(evidence.time_s[place])
        count = next(i for i, s in enumerate(self._rest) if s.time.timestamp() >= at)
        before = structs.replace(self._empty, samples=tuple(self._rest[:count]))
        part = self._named(evidence_of(before))
        (parted,) = cut([(part, absences(before))], self._parameters)
        done = _joined(self._done, _as_found(parted, found))
        good = [i for i, one in enumerate(done) if one.state is IntervalState.OK]
        if good:  # a good interval parts episodes: those before the last one are over
            self._over = (*self._over, *episodes_of(done[: good[-1] + 1]))
            done = done[good[-1] :]
        self._done = done
        self._rest = self._rest[count:]
        self._columns.settled += len(part)


def _parting(found: Sequence[Interval], evidence: Evidence) -> int | None:
    """Return the place of a sample deep inside a state that has stood, long enough ago."""
    if not len(evidence):
        return None
    limit = float(evidence.time_s[-1]) - SETTLED.total_seconds()
    for one in reversed(found):
        if one.state is IntervalState.GAP or one.samples < 2 * _STABLE + 1:
            continue
        first = int(np.searchsorted(evidence.time_s, one.start.latest.timestamp()))
        last = int(np.searchsorted(evidence.time_s, one.end.earliest.timestamp(), side="right"))
        place = min(last - _STABLE, int(np.searchsorted(evidence.time_s, limit)))
        low = max(first + _STABLE, 1)
        bad = one.state is IntervalState.BAD
        while place >= low:
            around = evidence.bad[place - 2 : place + 2]
            if place + 1 < len(evidence) and (around == bad).all():
                return place
            place -= 1
    return None


def _as_found(parted: Sequence[Interval], found: Sequence[Interval]) -> list[Interval]:
    """Return the parted intervals, those that are the same as they were found: said once for all.

    Cut for itself a part has other probabilities in the sixth digit, and what was said of its
    outages would have to be said, and searched, again.
    """
    same = [
        old if (old.state, old.start, old.end) == (new.state, new.start, new.end) else new
        for new, old in zip(parted, found, strict=False)
    ]
    return [*same, *parted[len(same) :]]


def _joined(done: Sequence[Interval], more: Sequence[Interval]) -> list[Interval]:
    """Return the intervals of two parts of a series, parted inside one state."""
    if not done or not more or done[-1].state is not more[0].state:
        return [*done, *more]
    if done[-1].state is IntervalState.GAP:
        return [*done, *more]
    return [*done[:-1], _whole(done[-1], more[0]), *more[1:]]


def _whole(one: Interval, other: Interval) -> Interval:
    counts: dict[str, int] = dict(one.mechanisms)
    for name, count in other.mechanisms:
        counts[name] = counts.get(name, 0) + count
    samples = one.samples + other.samples
    chance = (one.probability or 0.0) * one.samples + (other.probability or 0.0) * other.samples
    known = [(i.control_bad, i.bad_samples) for i in (one, other) if i.control_bad is not None]
    weight = sum(count for _, count in known)
    return Interval(
        state=one.state,
        start=one.start,
        end=other.end,
        samples=samples,
        bad_samples=one.bad_samples + other.bad_samples,
        probability=round(chance / samples, 6) if samples else None,
        mechanisms=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        control_bad=sum(share * n for share, n in known) / weight if weight else None,
    )
