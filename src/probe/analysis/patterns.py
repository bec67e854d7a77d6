"""Outages, onsets and daily windows of many series, with one false-discovery rate a vantage.

The search: facts of docs/design/005-timelines-and-windows.md. A window is claimed when its
recurrence is unlikely by chance (p <= 0.01, and q <= 0.05 over all series of its vantage), on
at least three days, bad inside and fine around it, while the controls worked or failed
altogether. What it explains is masked and the rest searched again, three times at most. What
no window explains is an outage, or an onset when it is still going on.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np

from probe.analysis.candidate import Candidate, candidate
from probe.analysis.claims import outage_event, window_event
from probe.analysis.episodes import Episode
from probe.analysis.hmm import HmmParameters
from probe.analysis.judgement import accepted, explained
from probe.analysis.recurrence import benjamini_hochberg
from probe.analysis.study import Study, shortfall, study
from probe.analysis.timeline import DEFAULT
from probe.analysis.window import Measured, measure_window
from probe.model.event import Event
from probe.model.timeline import Series, SeriesKey, Signal

__all__ = ["Rng", "find", "shortfalls"]

ALPHA = 0.01
FALSE_DISCOVERY = 0.05
_PASSES = 3


class Rng(Protocol):
    """What the search needs of ``random.Random``: a seed for its own generators."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of ``k`` random bits."""
        ...


@dataclass(slots=True, eq=False)
class _Search:
    """One series under search: what is left of its episodes, and what was found."""

    study: Study
    generator: np.random.Generator
    left: list[Episode]
    windows: list[tuple[Candidate, Measured, float]] = field(default_factory=list)
    found: Candidate | None = None
    enough: bool = True


def find(
    series: Sequence[Series],
    *,
    rng: Rng,
    names: Mapping[str, str] | None = None,
    parameters: HmmParameters = DEFAULT,
) -> tuple[Event, ...]:
    """Return the events of ``series``: windows first, then outages and onsets, by time.

    ``rng`` (a ``random.Random``) seeds the rotations, each series by its own key, so that one
    more series does not change what is said of another. ``names`` gives the names that the
    sentences use. Series of goodput are not searched here.

    Raises:
        InputError: when a series names a zone that does not exist.

    """
    seed = rng.getrandbits(64)
    searches = [
        _Search(
            study=(one_study := study(one, parameters)),
            generator=np.random.default_rng([seed, _digest(one.key)]),
            left=list(one_study.episodes),
            enough=shortfall(one_study) is None,
        )
        for one in sorted(series, key=lambda s: s.key)
        if one.key.signal is not Signal.GOODPUT
    ]
    vantages: dict[str, list[_Search]] = defaultdict(list)
    for search in searches:
        vantages[search.study.series.key.vantage].append(search)
    for mine in vantages.values():
        _search_vantage(mine)
    return tuple(event for search in searches for event in _events(search, names or {}))


def shortfalls(
    series: Sequence[Series], *, parameters: HmmParameters = DEFAULT
) -> tuple[tuple[SeriesKey, str], ...]:
    """Return which series are too short or too sparse for daily windows, and what they need."""
    return tuple(
        (one.key, needs)
        for one in series
        if (needs := shortfall(study(one, parameters))) is not None
    )


def _digest(key: SeriesKey) -> int:
    return zlib.crc32(msgspec.json.encode(key))


def _search_vantage(searches: Sequence[_Search]) -> None:
    """Search all series of one vantage, pass by pass; each pass has one false-discovery rate."""
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


def _settle(search: _Search, q: float) -> bool:
    """Keep, or drop, what a pass found in one series; return whether to search on."""
    found = search.found
    if found is None or found.p > ALPHA or q > FALSE_DISCOVERY:
        return False
    measured = measure_window(search.study, found, search.generator)
    if accepted(search.study, found, measured):
        search.windows.append((found, measured, q))
        gone = explained(search.left, found, measured)
    else:
        gone = set(found.episodes)
    search.left = [episode for episode in search.left if episode not in gone]
    return bool(gone)


def _events(search: _Search, names: Mapping[str, str]) -> list[Event]:
    key = search.study.series.key
    name = names.get(key.subject, key.subject)
    windows = [
        window_event(search.study, found, measured, q, name)
        for found, measured, q in search.windows
    ]
    claimed = {
        e
        for found, measured, _ in search.windows
        for e in explained(search.study.episodes, found, measured)
    }
    outages = [
        outage_event(search.study, episode, name)
        for episode in search.study.episodes
        if episode not in claimed
    ]
    return sorted(windows, key=lambda event: event.start.at) + outages
