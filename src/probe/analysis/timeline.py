"""A series cut into intervals: ok, bad, and gaps that are never taken for good."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray
from probe.analysis.columns import NONE, SeriesLike, columns_of
from probe.analysis.evidence import Evidence, evidence_of
from probe.analysis.hmm import HmmParameters, posterior, viterbi
from probe.analysis.spacing import silence_s
from probe.model.timeline import Absence, Bracket, Interval, IntervalState, Sample, Signal

__all__ = ["DEFAULT", "GOODPUT", "absences", "cut", "intervals"]

DEFAULT = HmmParameters()

GOODPUT = HmmParameters(false_bad=0.05, true_bad=0.88, learned=True)
"""Rates vary more than reachability does: a limit lets one round in eight look usual."""


def intervals(
    series: SeriesLike, *, parameters: HmmParameters | None = None
) -> tuple[Interval, ...]:
    """Return the intervals of ``series`` in time order, from first to last sample.

    States are the likeliest path of the two-state HMM. An edge between two states lies after
    the last credible sample of the one and at or before the first of the other; ``at`` is the
    middle. A silence longer than three usual spacings (at least 3 h) is a gap named by its
    absence; an edge that it touches is censored, and ``at`` is then the sample on our side.
    Without ``parameters`` they are those of its signal: ``GOODPUT``'s or ``DEFAULT``.
    """
    usual = GOODPUT if series.key.signal is Signal.GOODPUT else DEFAULT
    (found,) = cut([(evidence_of(series), absences(series))], parameters or usual)
    return found


def absences(series: SeriesLike) -> tuple[Sample, ...]:
    """Return the samples that say nothing, in time order."""
    columns = columns_of(series)
    nothing = columns.where((columns.bad == NONE) | (columns.weight <= 0))
    return nothing.where(np.argsort(nothing.time_us, kind="stable")).samples()


def cut(
    given: Sequence[tuple[Evidence, Sequence[Sample]]], parameters: HmmParameters
) -> list[tuple[Interval, ...]]:
    """Do what ``intervals`` does, on the evidence and the absences of many series at a time."""
    evidences = [evidence for evidence, _ in given]
    states = viterbi(evidences, parameters)
    chances = posterior(evidences, parameters)
    return [
        tuple(
            _Cutter(
                evidence=evidence,
                states=mine,
                probability=chance,
                silence=silence_s(evidence.spacing_s),
                absent=absent,
            ).intervals()
        )
        for (evidence, absent), mine, chance in zip(given, states, chances, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Run:
    """Samples ``first`` to ``last`` (inclusive) of one state with no silence in between."""

    first: int
    last: int
    bad: bool


@dataclass(frozen=True, slots=True)
class _Cutter:
    evidence: Evidence
    states: BoolArray
    probability: FloatArray
    silence: float
    absent: Sequence[Sample]

    def intervals(self) -> Iterator[Interval]:
        if not len(self.evidence):
            if self.absent:
                yield from self._gaps(self.absent[0].time, self.absent[-1].time)
            return
        first, last = self._time(0), self._time(len(self.evidence) - 1)
        if self.absent and self._far(self.absent[0].time, first):
            yield from self._gaps(self.absent[0].time, first)
        before: _Run | None = None
        runs = self._runs()
        for place, run in enumerate(runs):
            after = runs[place + 1] if place + 1 < len(runs) else None
            if before is not None and self._silent(before, run):
                yield from self._gaps(self._time(before.last), self._time(run.first))
            yield self._interval(before, run, after)
            before = run
        if self.absent and self._far(last, self.absent[-1].time):
            yield from self._gaps(last, self.absent[-1].time)

    def _time(self, i: int) -> datetime:
        return _utc(float(self.evidence.time_s[i]))

    def _far(self, a: datetime, b: datetime) -> bool:
        return (b - a).total_seconds() > self.silence

    def _silent(self, a: _Run, b: _Run) -> bool:
        return bool(self.evidence.time_s[b.first] - self.evidence.time_s[a.last] > self.silence)

    def _runs(self) -> list[_Run]:
        broken = (np.diff(self.evidence.time_s) > self.silence) | (
            self.states[1:] != self.states[:-1]
        )
        starts = [0, *(np.flatnonzero(broken) + 1).tolist(), len(self.evidence)]
        return [_Run(a, b - 1, bool(self.states[a])) for a, b in pairwise(starts)]

    def _interval(self, before: _Run | None, run: _Run, after: _Run | None) -> Interval:
        inside = slice(run.first, run.last + 1)
        bad = self.evidence.bad[inside]
        chance = float(self.probability[inside].mean())
        return Interval(
            state=IntervalState.BAD if run.bad else IntervalState.OK,
            start=self._start(before, run),
            end=self._end(run, after),
            samples=int(bad.size),
            bad_samples=int(bad.sum()),
            probability=round(chance if run.bad else 1 - chance, 6),
            mechanisms=self.evidence.mechanisms(inside) if run.bad else (),
            control_bad=self._control_bad(inside) if run.bad else None,
        )

    def _start(self, before: _Run | None, run: _Run) -> Bracket:
        if before is None:
            return _one_sided(self._time(run.first), self._time(run.first))
        if self._silent(before, run):
            return _one_sided(self._time(run.first), self._time(before.last))
        return self._change(before, run)

    def _end(self, run: _Run, after: _Run | None) -> Bracket:
        at = self._time(run.last)
        if after is None:
            beyond = self.absent[-1].time if self.absent else at
            return _one_sided(at, beyond if self._far(at, beyond) else at)
        if self._silent(run, after):
            return _one_sided(at, self._time(after.first))
        return self._change(run, after)

    def _change(self, before: _Run, after: _Run) -> Bracket:
        earliest = self._time(self._credible(before, last=True))
        latest = self._time(self._credible(after, last=False))
        return Bracket(at=earliest + (latest - earliest) / 2, earliest=earliest, latest=latest)

    def _credible(self, run: _Run, *, last: bool) -> int:
        """Return the last (or first) sample of a run that agrees with the run's state."""
        agree = np.flatnonzero(self.evidence.bad[run.first : run.last + 1] == run.bad)
        if not agree.size:
            return run.last if last else run.first
        return run.first + int(agree[-1 if last else 0])

    def _control_bad(self, inside: slice) -> float | None:
        known = self.evidence.control_bad[inside][self.evidence.bad[inside]]
        known = known[~np.isnan(known)]
        return round(float(known.mean()), 4) if known.size else None

    def _gaps(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """Name the stretch between two samples by the absences recorded in it."""
        inside = [s for s in self.absent if start <= s.time <= end]
        kinds = [(kind, list(some)) for kind, some in groupby(inside, key=lambda s: s.absence)]
        if not kinds:
            yield _gap(start, end, Absence.NOT_SCHEDULED, 0)
            return
        edges = [start, *(some[0].time for _, some in kinds[1:]), end]
        for (kind, some), left, right in zip(kinds, edges, edges[1:], strict=False):
            yield _gap(left, right, kind or Absence.INVALID, len(some))


def _utc(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _one_sided(at: datetime, beyond: datetime) -> Bracket:
    """Return an edge that a gap hides: known on our side only."""
    return Bracket(at=at, earliest=min(at, beyond), latest=max(at, beyond), censored=True)


def _gap(start: datetime, end: datetime, absence: Absence, samples: int) -> Interval:
    return Interval(
        state=IntervalState.GAP,
        start=Bracket(at=start, earliest=start, latest=start),
        end=Bracket(at=end, earliest=end, latest=end),
        absence=absence,
        samples=samples,
    )
