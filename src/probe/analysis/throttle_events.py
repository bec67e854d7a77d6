"""Throttling as events: daily windows of it, and plain periods.

The search for windows is that of every other series. What it finds, and each stretch of slow
rounds that it leaves, must then be slower than before by the rank test, and look like a limit
rather than like a crowd: an evening that is crowded every day is regular too.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from probe.analysis.arrays import BoolArray
from probe.analysis.claims import outage_event, window_event
from probe.analysis.episodes import Episode
from probe.analysis.judgement import explained
from probe.analysis.recurrence import benjamini_hochberg
from probe.analysis.search import Rng, Search, by_vantage, search_of, search_together
from probe.analysis.study import studies
from probe.analysis.throttle import (
    ALPHA,
    FALSE_DISCOVERY,
    RECENT,
    Finding,
    History,
    finding,
    throttle_of,
)
from probe.analysis.throttle_hours import hours_event, slow_hours
from probe.analysis.throttle_series import histories_of, series_of
from probe.analysis.timeline import GOODPUT
from probe.analysis.wording_throttle import throttle_sentence
from probe.model.event import Event, EventKind, Label, Reach
from probe.model.goodput import Pair, PairKey
from probe.model.throttle import Grade

__all__ = ["throttle_events"]

_LEAST_P = 1e-6
_LONG_S = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A search with the history that it is of."""

    search: Search
    history: History

    def during(self, episodes: Sequence[Episode]) -> Finding:
        """Return what the rounds of these stretches say together."""
        time_s = self.history.rounds.time_s
        inside: BoolArray = np.zeros(time_s.size, dtype=np.bool_)
        for one in episodes:
            inside |= (time_s >= one.start_s) & (time_s <= one.end_s)
        return finding(self.history, inside)


def throttle_events(
    pairs: Mapping[PairKey, Sequence[Pair]],
    *,
    rng: Rng,
    names: Mapping[str, str] | None = None,
) -> tuple[Event, ...]:
    """Return the windows and periods in which something was slowed, each series by time.

    ``rng`` (a ``random.Random``) seeds the rotations; ``names`` gives the names for sentences.

    Raises:
        InputError: when a pair names a zone that does not exist.

    """
    histories = histories_of(pairs)
    seed = rng.getrandbits(64)
    made = [series_of(history, histories) for history in histories]
    by_key = {one.key: history for one, history in zip(made, histories, strict=True)}
    searches = [search_of(ready, seed) for ready in studies(made, GOODPUT)]
    events: list[Event] = []
    for mine in by_vantage(searches):
        search_together(mine)
        found = [_Found(one, by_key[one.study.series.key]) for one in mine]
        windows = {id(one): _windows(one, names or {}) for one in found}
        _hours(found, windows, names or {})
        periods = _periods(found, windows, names or {})
        for one in found:
            events += [*(event for event, _ in windows[id(one)]), *periods[id(one)]]
    return tuple(events)


_Windows = list[tuple[Event, set[Episode]]]


def _windows(one: _Found, names: Mapping[str, str]) -> _Windows:
    """Return the windows of one series that are a limit's, and the stretches they account for."""
    found: _Windows = []
    for candidate, measured, q in one.search.windows:
        said = one.during(candidate.episodes)
        if said.found:
            event = window_event(one.search.study, candidate, measured, q, "")
            gone = explained(one.search.study.episodes, candidate, measured)
            found.append((_told(event, said, names), gone))
    return sorted(found, key=lambda pair: pair[0].start.at)


def _periods(
    found: Sequence[_Found], windows: Mapping[int, _Windows], names: Mapping[str, str]
) -> dict[int, list[Event]]:
    """Return the other slow stretches, with one false-discovery rate over all of a vantage."""
    tried: list[tuple[_Found, Episode, Finding]] = []
    for one in found:
        gone = set[Episode]().union(*(claimed for _, claimed in windows[id(one)]))
        left = [episode for episode in one.search.study.episodes if episode not in gone]
        tried += [(one, episode, _chosen(one.during((episode,)))) for episode in left]
    q_values = benjamini_hochberg([said.p for _, _, said in tried])
    events: dict[int, list[Event]] = {id(one): [] for one in found}
    for (one, episode, said), q in zip(tried, q_values, strict=True):
        if said.found and said.plain and q <= FALSE_DISCOVERY:
            plain = outage_event(one.search.study, episode, "")
            period = replace(plain, kind=EventKind.THROTTLE, label=_label(said), p=said.p, q=q)
            events[id(one)].append(_told(period, said, names))
    return events


def _chosen(said: Finding) -> Finding:
    """Return the finding with its chance corrected for having been chosen as the slow stretch.

    Multiplied by how many stretches as long the history has room for. None below 1e-6 is said.
    """
    many = max(1, int(np.count_nonzero(said.slow)))
    return dataclasses.replace(
        said, p=max(_LEAST_P, min(1.0, said.p * len(said.history.rounds) / many))
    )


def _hours(
    found: Sequence[_Found], windows: Mapping[int, _Windows], names: Mapping[str, str]
) -> None:
    """Add, to series of a few rounds a day, the hours at which they were slow."""
    tried = [
        (one, hours)
        for one in found
        if (hours := slow_hours(one.search.study, one.search.generator)) is not None
    ]
    q_values = benjamini_hochberg([hours.p for _, hours in tried])
    for (one, hours), q in zip(tried, q_values, strict=True):
        study_of = one.search.study
        inside = np.isin(one.history.rounds.time_s, study_of.evidence.time_s[hours.inside])
        said = finding(one.history, inside)
        if said.found and hours.p <= ALPHA and q <= FALSE_DISCOVERY:
            event = _told(hours_event(study_of, hours, q), said, names)
            windows[id(one)].append((event, set(study_of.episodes)))


def _label(said: Finding) -> Label:
    """Return ``established`` for ten rounds, four times as slow on two of three days at least."""
    rounds = said.history.rounds
    many = int(np.count_nonzero(said.slow)) >= RECENT
    long_s = float(np.ptp(rounds.time_s[said.slow])) if many else 0.0
    sure = said.grade is not Grade.SLOW and long_s >= _LONG_S
    return Label.ESTABLISHED if sure else Label.SUSPECTED


def _told(event: Event, said: Finding, names: Mapping[str, str]) -> Event:
    """Put size, shape and words to an event; its subject is the service's own name."""
    subject = said.history.key.subject
    series = subject or event.series.partition("/")[0]
    reach = Reach.UNKNOWN if said.history.general else Reach.TARGETED
    told = replace(event, series=series, throttle=throttle_of(said), reach=reach)
    return replace(told, sentence=throttle_sentence(told, names.get(subject, subject)))
