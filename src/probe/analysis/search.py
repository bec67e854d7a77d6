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
from typing import Protocol

import msgspec
import numpy as np

from probe.analysis.candidate import Candidate, candidate
from probe.analysis.claims import outage_event, window_event
from probe.analysis.episodes import Episode
from probe.analysis.hmm import HmmParameters
from probe.analysis.judgement import accepted, explained, overruled
from probe.analysis.recurrence import benjamini_hochberg
from probe.analysis.study import Study, shortfall, study
from probe.analysis.window import Measured, measure_window
from probe.model.event import Event
from probe.model.timeline import Series, SeriesKey, Signal

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


class Rng(Protocol):
    """What the search needs of ``random.Random``: a seed for its own generators."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of ``k`` random bits."""
        ...


@dataclass(slots=True, eq=False)
class Search:
    """One series under search: what is left of its episodes, and what was found."""

    study: Study
    generator: np.random.Generator
    left: list[Episode]
    windows: list[tuple[Candidate, Measured, float]] = field(default_factory=list)
    found: Candidate | None = None
    enough: bool = True

    def claimed(self) -> set[Episode]:
        """Return the episodes that the windows found account for."""
        return {
            episode
            for found, measured, _ in self.windows
            for episode in explained(self.study.episodes, found, measured)
        }


def prepared(series: Iterable[Series], seed: int, parameters: HmmParameters) -> list[Search]:
    """Cut every series but those of goodput, each with a generator seeded by its own key.

    The series are taken one by one, so that those of a generator need not be held at once.

    Raises:
        InputError: when a series names a zone that does not exist.

    """
    searches = [
        search_of(study(one, parameters), seed)
        for one in series
        if one.key.signal is not Signal.GOODPUT
    ]
    return sorted(searches, key=lambda search: search.study.series.key)


def search_of(ready: Study, seed: int) -> Search:
    """Return the search of one series, not begun."""
    return Search(
        study=ready,
        generator=np.random.default_rng([seed, _digest(ready.series.key)]),
        left=list(ready.episodes),
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
    going = list(searches)
    for _ in range(_PASSES):
        for search in going:
            search.found = (
                candidate(search.study, search.left, search.generator) if search.enough else None
            )
        q_values = benjamini_hochberg([s.found.p if s.found else 1.0 for s in going])
        going = [s for s, q in zip(going, q_values, strict=True) if _settle(s, q)]
        if not going:
            return


def _settle(search: Search, q: float) -> bool:
    """Keep, or drop, what a pass found in one series; return whether to search on."""
    found = search.found
    if found is None or found.p > ALPHA or q > FALSE_DISCOVERY:
        return False
    measured = measure_window(search.study, found, search.generator)
    if accepted(search.study, found, measured):
        search.windows.append((found, measured, q))
        gone = explained(search.left, found, measured)
    else:
        gone = overruled(search.left, found, measured)
    search.left = [episode for episode in search.left if episode not in gone]
    return bool(gone)


def events_of(search: Search, names: Mapping[str, str]) -> list[Event]:
    """Return the windows of one series by time, then its other outages and onsets."""
    key = search.study.series.key
    name = names.get(key.subject, key.subject)
    windows = [
        window_event(search.study, found, measured, q, name)
        for found, measured, q in search.windows
    ]
    claimed = search.claimed()
    outages = [
        outage_event(search.study, episode, name)
        for episode in search.study.episodes
        if episode not in claimed
    ]
    return sorted(windows, key=lambda event: event.start.at) + outages
