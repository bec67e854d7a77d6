"""The search for daily windows in many series, with one false-discovery rate a vantage.

Facts of docs/design/005-timelines-and-windows.md. A window is claimed when its recurrence is
unlikely by chance (p <= 0.01, and q <= 0.05 over all series of its vantage), on at least three
days, bad inside and fine around it, while the controls worked or failed altogether. What it
explains is masked and the rest searched again, twelve times at most: years may hold many exams.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np

from probe.analysis.candidate import Candidate, candidate
from probe.analysis.claims import outage_event, window_event
from probe.analysis.columns import SeriesLike
from probe.analysis.episodes import Episode
from probe.analysis.hmm import HmmParameters
from probe.analysis.judgement import accepted, explained, overruled
from probe.analysis.recurrence import benjamini_hochberg
from probe.analysis.study import Study, shortfall, studies
from probe.analysis.window import Measured, measure_window
from probe.model.event import Event
from probe.model.timeline import SeriesKey, Signal

__all__ = [
    "ALPHA",
    "FALSE_DISCOVERY",
    "Rng",
    "Search",
    "by_vantage",
    "events_of",
    "prepared",
    "search_of",
    "search_together",
]

ALPHA = 0.01
FALSE_DISCOVERY = 0.05
_PASSES = 12
_OVER_S = 86_400.0
_SAME_SPACING = 0.01
_SAME_MIN = 1e-6


class Rng(Protocol):
    """What the search needs of ``random.Random``: a seed for its own generators."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of ``k`` random bits."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """What one pass found in a series: the strongest recurrence, whether it is a window.

    ``left`` are the episodes that the next pass has; () where nothing was taken away.
    """

    found: Candidate
    measured: Measured | None = None
    claimed: bool = False
    left: tuple[Episode, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A candidate as it was measured, and what the measurement rested on."""

    found: Candidate
    measured: Measured
    spacing_s: float
    until_s: float
    drawn: tuple[Mapping[str, Any], Mapping[str, Any]]  # the generator's state before and after

    def holds(self, study: Study, found: Candidate, state: Mapping[str, Any]) -> bool:
        """Return whether measuring ``found`` now would say the same, and draw the same."""
        mine, spacing = self.found, study.evidence.spacing_s
        return (
            self.until_s >= mine.episodes[-1].end_s + _OVER_S
            and mine.fold.utc == found.fold.utc
            and abs(mine.start - found.start) + abs(mine.length - found.length) < _SAME_MIN
            and np.array_equal(mine.days, found.days)
            and abs(spacing - self.spacing_s) <= _SAME_SPACING * self.spacing_s
            and self.drawn[0] == state
        )


@dataclass(slots=True, eq=False)
class Search:
    """One series under search: what each pass finds, and which of it was claimed.

    What a pass finds depends on this series alone, and is found once; whether it is claimed
    depends on all series that are searched together.
    """

    study: Study
    generator: np.random.Generator
    windows: list[tuple[Candidate, Measured, float]] = field(default_factory=list)
    enough: bool = True
    told: dict[Episode, Event] = field(default_factory=dict)
    leaky: tuple[float, object] | None = (
        None  # when leaky hours were looked for, and what was found
    )
    _passes: list[_Pass | None] = field(default_factory=list)
    _taken: list[_Taken] = field(default_factory=list)

    def anew(self, ready: Study, seed: int) -> "Search":
        """Return the search of the same series with more looks, which keeps what still stands.

        Kept are the words said of single outages, leaky hours until their week is over, and the
        measurements of windows that ended at least a day before the looks did.
        """
        again = search_of(ready, seed)
        again.told, again.leaky, again._taken = self.told, self.leaky, self._taken
        return again

    def look(self, number: int) -> _Pass | None:
        """Return what pass ``number`` (from 0 on) finds, the ones before it having been taken."""
        while len(self._passes) <= number:
            self._passes.append(self._next() if self.enough else None)
        return self._passes[number]

    def _next(self) -> _Pass | None:
        last = self._passes[-1] if self._passes else None
        left = self.study.episodes if not self._passes else last.left if last else ()
        found = candidate(self.study, left, self.generator)
        if found is None or found.p > ALPHA:
            return None if found is None else _Pass(found)
        measured = self._measured(found)
        claimed = accepted(self.study, found, measured)
        gone = (explained if claimed else overruled)(left, found, measured)
        rest = tuple(episode for episode in left if episode not in gone)
        return _Pass(found, measured, claimed, rest if len(rest) < len(left) else ())

    def _measured(self, found: Candidate) -> Measured:
        """Measure a candidate, or take the measurement of the days before where it still holds."""
        bits = self.generator.bit_generator
        before = bits.state
        for one in self._taken:
            if one.holds(self.study, found, before):
                bits.state = one.drawn[1]
                return one.measured
        measured = measure_window(self.study, found, self.generator)
        evidence = self.study.evidence
        last_s, drawn = float(evidence.time_s[-1]), (before, bits.state)
        taken = _Taken(found, measured, evidence.spacing_s, last_s, drawn)
        self._taken = [*self._taken[-_PASSES:], taken]
        return measured

    def claimed(self) -> set[Episode]:
        """Return the episodes that the windows found account for."""
        return {
            episode
            for found, measured, _ in self.windows
            for episode in explained(self.study.episodes, found, measured)
        }


def prepared(series: Iterable[SeriesLike], seed: int, parameters: HmmParameters) -> list[Search]:
    """Cut every series but those of goodput, each with a generator seeded by its own key.

    The series are read one by one, so that those of a generator need not be held at once.

    Raises:
        InputError: when a series names a zone that does not exist.

    """
    searched = (one for one in series if one.key.signal is not Signal.GOODPUT)
    searches = [search_of(ready, seed) for ready in studies(searched, parameters)]
    return sorted(searches, key=lambda search: search.study.series.key)


def search_of(ready: Study, seed: int) -> Search:
    """Return the search of one series, not begun."""
    return Search(
        study=ready,
        generator=np.random.default_rng([seed, _digest(ready.series.key)]),
        enough=shortfall(ready) is None,
    )


def _digest(key: SeriesKey) -> int:
    return zlib.crc32(msgspec.json.encode(key))


def by_vantage(searches: Sequence[Search]) -> list[list[Search]]:
    """Return the searches of each vantage."""
    vantages: dict[str, list[Search]] = defaultdict(list)
    for search in searches:
        vantages[search.study.series.key.vantage].append(search)
    return list(vantages.values())


def search_together(searches: Sequence[Search]) -> None:
    """Search all these series, pass by pass; each pass has one false-discovery rate."""
    for search in searches:
        search.windows.clear()
    going = list(searches)
    for number in range(_PASSES):
        passes = [search.look(number) for search in going]
        q_values = benjamini_hochberg([one.found.p if one else 1.0 for one in passes])
        taken = zip(going, passes, q_values, strict=True)
        going = [search for search, one, q in taken if one and _taken(search, one, q)]
        if not going:
            return


def _taken(search: Search, one: _Pass, q: float) -> bool:
    """Keep, or drop, what a pass found in one series; return whether to search on."""
    if one.measured is None or q > FALSE_DISCOVERY:
        return False
    if one.claimed:
        search.windows.append((one.found, one.measured, q))
    return bool(one.left)


def events_of(search: Search, names: Mapping[str, str]) -> list[Event]:
    """Return the windows of one series by time, then its other outages and onsets."""
    key = search.study.series.key
    name = names.get(key.subject, key.subject)
    windows = [
        window_event(search.study, found, measured, q, name)
        for found, measured, q in search.windows
    ]
    claimed = search.claimed()
    for episode in search.study.episodes:
        if episode not in claimed and episode not in search.told:
            search.told[episode] = outage_event(search.study, episode, name)
    outages = [search.told[one] for one in search.study.episodes if one not in claimed]
    return sorted(windows, key=lambda event: event.start.at) + outages
