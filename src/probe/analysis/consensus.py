"""Outages that several vantages had at the same time, made one each.

A common cause is one observation, however many lines saw it: episodes of several vantages that
cover the same time become one consensus episode. Days of consensus are then turned as wholes,
which is the same as turning all vantages of a calendar day by one angle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np

from probe.analysis.episodes import Episode
from probe.analysis.evidence import Evidence
from probe.analysis.study import Study
from probe.analysis.zones import offsets
from probe.model.timeline import Bracket, Series, SeriesKey

__all__ = ["Consensus", "consensus", "merged"]

AGREE = 0.5
"""Intersection over union, of times and not of hours, from which two episodes are one."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """One joint episode, and each line's own (by the line's place)."""

    joint: Episode
    members: tuple[tuple[int, Episode], ...]


def consensus(studies: Sequence[Study]) -> tuple[Consensus, ...]:
    """Return the episodes that at least two vantages shared, in time order.

    The best attended come first; an episode belongs to one consensus at most.
    """
    vantages = [study.series.key.vantage for study in studies]
    lines = [sorted(study.episodes, key=lambda e: e.start_s) for study in studies]
    reach = [max((e.length_s for e in line), default=0.0) for line in lines]
    seeds = [(i, episode) for i, line in enumerate(lines) for episode in line]
    starts = [np.array([e.start_s for e in line]) for line in lines]

    def near(i: int, seed: Episode) -> Iterator[Episode]:
        low = np.searchsorted(starts[i], seed.start_s - reach[i])
        high = np.searchsorted(starts[i], seed.end_s, side="right")
        yield from lines[i][int(low) : int(high)]

    def attended(own: int, seed: Episode, gone: set[tuple[int, Episode]]) -> _Members:
        members = [(own, seed)]
        for i in range(len(lines)):
            rivals = [(_agree(seed, e), e) for e in near(i, seed) if (i, e) not in gone]
            best = max(rivals, key=lambda item: item[0], default=None)
            if i != own and best is not None and best[0] >= AGREE:
                members.append((i, best[1]))
        return tuple(members)

    counted = [(len(attended(i, e, set())), -e.start_s, i, e) for i, e in seeds]
    found: list[Consensus] = []
    gone: set[tuple[int, Episode]] = set()
    for size, _, i, seed in sorted(counted, key=lambda item: item[:3], reverse=True):
        if size < 2 or (i, seed) in gone:
            continue
        members = attended(i, seed, gone)
        if len({vantages[place] for place, _ in members}) < 2:
            continue
        gone.update(members)
        found.append(Consensus(_joint([e for _, e in members]), members))
    return tuple(sorted(found, key=lambda one: one.joint.start_s))


_Members = tuple[tuple[int, Episode], ...]


def _agree(mine: Episode, other: Episode) -> float:
    """Return the overlap of two episodes, an edge in a gap taken where the other one has it."""
    a, b = _edges(mine, other), _edges(other, mine)
    shared = min(a[1], b[1]) - max(a[0], b[0])
    united = max(a[1], b[1]) - min(a[0], b[0])
    return shared / united if shared > 0 and united > 0 else 0.0


def _edges(mine: Episode, other: Episode) -> tuple[float, float]:
    start = _within(mine.start, other.start_s)
    return start, max(start, _within(mine.end, other.end_s))


def _within(edge: Bracket, wish_s: float) -> float:
    if not edge.censored:
        return edge.at.timestamp()
    return min(max(wish_s, edge.earliest.timestamp()), edge.latest.timestamp())


def _joint(parts: Sequence[Episode]) -> Episode:
    counts: dict[str, int] = {}
    for part in parts:
        for name, count in part.mechanisms:
            counts[name] = counts.get(name, 0) + count
    samples = sum(part.samples for part in parts)
    known = [(p.control_bad, p.bad_samples) for p in parts if p.control_bad is not None]
    weight = sum(count for _, count in known)
    start = _edge([p.start for p in parts])
    end = _edge([p.end for p in parts])
    return Episode(
        start=start,
        end=end if end.at > start.at else _edge([p.end for p in parts[:1]]),
        samples=samples,
        bad_samples=sum(part.bad_samples for part in parts),
        probability=sum(part.probability * part.samples for part in parts) / samples,
        mechanisms=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        control_bad=sum(share * n for share, n in known) / weight if weight else None,
        unseen_s=min(part.unseen_s for part in parts),
        from_start=all(part.from_start for part in parts),
        open=all(part.open for part in parts),
    )


def _edge(edges: Sequence[Bracket]) -> Bracket:
    """Return the middle one of the edges that were seen, or of all when none was."""
    seen = [edge for edge in edges if not edge.censored]
    used = seen or list(edges)
    at = _utc(median(edge.at.timestamp() for edge in used))
    low = max(edge.earliest for edge in used)
    high = min(edge.latest for edge in used)
    if not low <= at <= high:  # each line had an edge of its own
        low = min(edge.at for edge in used)
        high = max(edge.at for edge in used)
    return Bracket(at=at, earliest=min(low, at), latest=max(high, at), censored=not seen)


def _utc(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def merged(key: SeriesKey, tz: str, studies: Sequence[Study], episodes: Sequence[Episode]) -> Study:
    """Return the evidence of several lines as one series, with these episodes.

    Its spacing is that of the slowest line, so that a day on which the others slept still
    counts as observed.
    """
    evidences = [study.evidence for study in studies]
    order = np.argsort(np.concatenate([e.time_s for e in evidences]), kind="stable")
    evidence = Evidence(
        time_s=np.concatenate([e.time_s for e in evidences])[order],
        bad=np.concatenate([e.bad for e in evidences])[order],
        weight=np.concatenate([e.weight for e in evidences])[order],
        control_bad=np.concatenate([e.control_bad for e in evidences])[order],
        mechanism=np.full(order.size, -1, dtype=np.int16),
        names=(),
        spacing_s=max(e.spacing_s for e in evidences),
    )
    return Study(
        series=Series(key=key, tz=tz, samples=()),
        evidence=evidence,
        ratio=np.asarray(np.concatenate([study.ratio for study in studies])[order]),
        episodes=tuple(episodes),
        offsets=offsets(tz, float(evidence.time_s[0]), float(evidence.time_s[-1])),
    )
