"""Stretches of trouble: bad intervals, joined where only a gap parts them.

A block that stays while a laptop sleeps must not look like one block an evening. Two bad
intervals with nothing but a gap between them are one episode, since nobody saw it end; the
gap's length is kept, and after three days of silence they are two again.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec

from probe.model.timeline import Bracket, Interval, IntervalState

__all__ = ["Episode", "episodes_of"]

_JOIN = timedelta(hours=72)


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of trouble, and how much of it nobody saw."""

    start: Bracket
    end: Bracket
    samples: int
    bad_samples: int
    probability: float
    mechanisms: tuple[tuple[str, int], ...] = ()
    control_bad: float | None = None
    unseen_s: float = 0.0  # in gaps inside
    from_start: bool = False  # the series begins inside it
    open: bool = False  # the series ends inside it

    @property
    def start_s(self) -> float:
        """Return the best estimate of its start, UTC epoch seconds."""
        return self.start.at.timestamp()

    @property
    def end_s(self) -> float:
        """Return the best estimate of its end, UTC epoch seconds."""
        return self.end.at.timestamp()

    @property
    def length_s(self) -> float:
        """Return its estimated length."""
        return self.end_s - self.start_s

    @property
    def edged(self) -> bool:
        """Whether at least one end was seen."""
        return not (self.start.censored and self.end.censored)


def episodes_of(intervals: Sequence[Interval]) -> tuple[Episode, ...]:
    """Return the episodes of a timeline, in time order."""
    seen = [place for place, one in enumerate(intervals) if one.state is not IntervalState.GAP]
    if not seen:
        return ()
    return tuple(
        _episode(parts, from_start=parts[0] is intervals[seen[0]], open_=parts[-1] is last)
        for parts in _groups(intervals)
        for last in (intervals[seen[-1]],)
    )


def _groups(intervals: Sequence[Interval]) -> Iterator[list[Interval]]:
    group: list[Interval] = []
    for one in intervals:
        if one.state is IntervalState.GAP:
            continue
        near = bool(group) and one.start.at - group[-1].end.at <= _JOIN
        if group and (one.state is not IntervalState.BAD or not near):
            yield group
            group = []
        if one.state is IntervalState.BAD:
            group.append(one)
    if group:
        yield group


def _episode(parts: Sequence[Interval], *, from_start: bool, open_: bool) -> Episode:
    samples = sum(one.samples for one in parts)
    bad = sum(one.bad_samples for one in parts)
    counts: dict[str, int] = {}
    for one in parts:
        for name, count in one.mechanisms:
            counts[name] = counts.get(name, 0) + count
    known = [(one.control_bad, one.bad_samples) for one in parts if one.control_bad is not None]
    weight = sum(count for _, count in known)
    seen_s = sum((one.end.at - one.start.at).total_seconds() for one in parts)
    whole_s = (parts[-1].end.at - parts[0].start.at).total_seconds()
    return Episode(
        start=parts[0].start,
        end=parts[-1].end,
        samples=samples,
        bad_samples=bad,
        probability=sum((one.probability or 0.0) * one.samples for one in parts) / samples,
        mechanisms=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        control_bad=sum(share * n for share, n in known) / weight if weight else None,
        unseen_s=max(0.0, whole_s - seen_s),
        from_start=from_start,
        open=open_,
    )
