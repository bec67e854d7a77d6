"""Events of several vantages: the same subject, at the same time, on more than one line.

Beside the lines' own events, never in their place. The recurrence test runs on the consensus
episodes, whose days are turned as wholes: one angle for all vantages of a calendar day, so that
a common cause is counted once. Single outages are joined when so many starting and ending
together is unlikely by chance.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from probe.analysis.claims import outage_event, window_event
from probe.analysis.consensus import Consensus, consensus, merged
from probe.analysis.episodes import Episode
from probe.analysis.scope import agreement_of, counts, scope_of
from probe.analysis.score import score_of
from probe.analysis.search import ALPHA, Search, search_of, search_together
from probe.analysis.spans import last_look, spans_of, vote
from probe.analysis.study import Study
from probe.analysis.wording_joint import joint_sentence
from probe.analysis.zones import country_of
from probe.model.event import Event, Label, Scope, Witness
from probe.model.timeline import SeriesKey
from probe.model.verdict import Locus

__all__ = ["joint_events"]

SUSPECTED = 0.05
_NETWORK, _UNKNOWN = str(Locus.NETWORK), str(Locus.UNKNOWN)
_SHORT_DAYS = 3


@dataclass(slots=True, eq=False)
class _Group:
    """The lines of one subject in one country."""

    country: str
    lines: list[Study]
    shared: tuple[Consensus, ...]
    search: Search


def joint_events(
    searches: Sequence[Search],
    *,
    seed: int,
    names: Mapping[str, str],
    sources: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Event, ...]:
    """Return the events that at least two vantages share, with who saw them and who did not.

    Nothing is returned of what stays within one line's scope. The windows of all groups share
    one false-discovery rate. ``sources`` says whose word a foreign vantage is: one source never
    decides a scope alone.
    """
    groups = [group for lines in _grouped(searches) if (group := _group(*lines, seed)) is not None]
    search_together([group.search for group in groups])
    return tuple(event for group in groups for event in _events(group, names, sources))


def _grouped(searches: Sequence[Search]) -> list[tuple[str, list[Study]]]:
    """Group by subject, signal, locus, and country: that of the zone, or else the zone itself.

    A line on which no failure named its locus goes with those whose failures were the network's:
    the same block may be a reset here and silence there.
    """
    groups: dict[tuple[str, str, str, str], list[Study]] = defaultdict(list)
    for search in searches:
        key, tz = search.study.series.key, search.study.series.tz
        place = country_of(tz) or tz
        locus = _NETWORK if key.locus == _UNKNOWN else key.locus
        groups[key.subject, str(key.signal), locus, place].append(search.study)
    return [
        (country_of(studies[0].series.tz), studies)
        for _, studies in sorted(groups.items())
        if len({study.series.key.vantage for study in studies}) > 1
    ]


def _group(country: str, lines: list[Study], seed: int) -> _Group | None:
    """Make the joint series of a group; ``None`` when no two vantages shared anything."""
    witnesses = [study for study in lines if counts(study.series.key.network)]
    shared = consensus(witnesses)
    if not shared:
        return None
    attended = Counter(place for one in shared for place, _ in one.members)
    seen_by = [witnesses[place] for place in sorted(attended)]
    first = lines[0].series.key
    loci = {study.series.key.locus for study in seen_by}
    locus = _NETWORK if _NETWORK in loci else min(loci)
    key = SeriesKey(subject=first.subject, signal=first.signal, locus=locus)
    tz = Counter(study.series.tz for study in seen_by).most_common(1)[0][0]
    joint = merged(key, tz, seen_by, [one.joint for one in shared])
    return _Group(country, lines, shared, search_of(joint, seed))


def _events(group: _Group, names: Mapping[str, str], sources: Mapping[str, str]) -> list[Event]:
    study = group.search.study
    name = names.get(study.series.key.subject, study.series.key.subject)
    windows = [
        window_event(study, found, measured, q, name) for found, measured, q in group.search.windows
    ]
    claimed = group.search.claimed()
    chances = [(one, _by_chance(group, one)) for one in group.shared if one.joint not in claimed]
    singles = [_single(study, one.joint, p, name) for one, p in chances if p <= SUSPECTED]
    finished = [_finished(group, event, name, sources) for event in (*windows, *singles)]
    return [event for event in finished if event is not None]


def _single(study: Study, episode: Episode, p: float, name: str) -> Event:
    event = outage_event(study, episode, name)
    label = (
        Label.ESTABLISHED if p <= ALPHA and event.label is Label.ESTABLISHED else Label.SUSPECTED
    )
    return msgspec.structs.replace(event, p=p, label=label)


def _by_chance(group: _Group, one: Consensus) -> float:
    """Return the chance that unrelated outages of these lines begin so close together.

    The expected number, over the whole time, of coincidences of as many lines as tight: the
    first line's outages, each met by one of every other line within the spread of the starts
    and what the looks leave open, for any such choice among the lines. How often a line has
    trouble of its own is told by the outages that it shared with nobody.
    """
    lines = [s for s in group.lines if counts(s.series.key.network)]
    starts = [e.start for _, e in one.members if not e.start.censored]
    if len(starts) < 2:
        return 1.0
    times = [start.at.timestamp() for start in starts]
    open_s = max((start.latest - start.earliest).total_seconds() for start in starts)
    spread = max(times) - min(times) + open_s
    shared = Counter(place for other in group.shared for place, _ in other.members)
    chance = float(math.comb(len(lines), len(one.members)))
    for place, (i, _) in enumerate(one.members):
        evidence, episodes = lines[i].evidence, lines[i].episodes
        observed = max(float(evidence.time_s[-1] - evidence.time_s[0]), 86_400.0)
        own = len(episodes) - shared[i] + 1
        chance *= len(episodes) if place == 0 else min(1.0, 2 * spread * own / observed)
    return -math.expm1(-chance)


def _finished(group: _Group, event: Event, name: str, sources: Mapping[str, str]) -> Event | None:
    """Add who saw it and what that makes of it; ``None`` when it stays one line's."""
    now = last_look(study.evidence for study in group.lines)
    spans = spans_of(event, now=now)
    witnesses = []
    for study in group.lines:
        key = study.series.key
        said = vote(study.evidence, spans)
        witnesses.append(
            Witness(
                vantage=key.vantage,
                network=key.network,
                saw=said.shares,
                counts=counts(key.network),
                supported=said.bad,
                observable=said.seen,
                source=sources.get(key.vantage, ""),
            )
        )
    agreement = agreement_of(witnesses, group.country)
    scope = scope_of(agreement)
    if scope is Scope.THIS_LINE:
        return None
    several = scope is not Scope.ONE_AS
    label = event.label
    if event.window is not None and several and event.window.days.supported >= _SHORT_DAYS:
        label = Label.ESTABLISHED
    whole = msgspec.structs.replace(
        event,
        vantage="",
        network="",
        label=label,
        scope=scope,
        agreement=agreement,
        vantages=tuple(sorted({w.vantage for w in witnesses if w.saw and w.counts})),
    )
    whole = msgspec.structs.replace(whole, score=score_of(whole))
    return msgspec.structs.replace(whole, sentence=joint_sentence(whole, name))
