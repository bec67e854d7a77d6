"""When an event was, and what a series says of those hours: the vote of one line or service."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray
from probe.analysis.evidence import Evidence
from probe.analysis.zones import zone
from probe.model.event import Event

__all__ = [
    "Span",
    "Stretches",
    "Vote",
    "last_look",
    "look_at",
    "looks_at",
    "overlap",
    "spans_of",
    "vote",
    "votes",
]

_MARGIN = 0.1
_BAD = 0.75
_SEEN_SHARE = 0.5
_LEAST_DAYS = 2

Span = tuple[float, float]
"""UTC epoch seconds, the end exclusive."""


def spans_of(event: Event, *, now: datetime | None = None) -> tuple[Span, ...]:
    """Return the stretches of time that an event covers: one a supporting day, or the one.

    ``now`` ends what is still going on; without it that has the length of an hour.
    """
    if event.window is None:
        start_s = event.start.at.timestamp()
        if event.end is not None:
            return ((start_s, event.end.at.timestamp()),)
        return ((start_s, max(start_s + 3600.0, now.timestamp() if now else 0.0)),)
    window = event.window
    return tuple(
        (
            _instant(day, window.start_minute, event.tz),
            _instant(day, window.end_minute, event.tz),
        )
        for day in window.supports
    )


def last_look(evidences: Iterable[Evidence]) -> datetime | None:
    """Return when the last of these series was last looked at: "now", for what still goes on."""
    times = [float(evidence.time_s[-1]) for evidence in evidences if len(evidence)]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _instant(day: str, minute: int, tz: str) -> float:
    midnight = datetime.combine(date.fromisoformat(day), datetime.min.time())
    local = midnight + timedelta(minutes=minute)
    return local.replace(tzinfo=zone(tz)).astimezone(UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Vote:
    """On how many of the spans a series was looked at, and on how many it was bad."""

    bad: int
    seen: int

    @property
    def shares(self) -> bool | None:
        """Whether half of what was seen of it was bad; ``None`` if too little was seen."""
        if self.seen == 0:
            return None
        return self.bad * 2 >= self.seen


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """The spans of many events in a row; event ``i`` owns those from ``first[i]`` on."""

    start_s: FloatArray
    end_s: FloatArray
    first: IntArray

    @classmethod
    def of(cls, events: Sequence[Sequence[Span]]) -> "Stretches":
        """Return the spans of events, each of which has at least one."""
        flat = np.array([span for spans in events for span in spans], dtype=np.float64)
        sizes = np.array([0, *(len(spans) for spans in events)], dtype=np.int64)
        flat = flat.reshape(-1, 2)
        return cls(flat[:, 0], flat[:, 1], np.cumsum(sizes)[:-1])


def looks_at(evidence: Evidence, start_s: FloatArray, end_s: FloatArray) -> IntArray:
    """Return 1 for each span that was bad, 0 for one that was not, -1 where too little was seen.

    A span is read a tenth of its length away from its edges; it was seen when half of the looks
    usual for this series fall in it, and bad when three quarters of them failed.
    """
    length = end_s - start_s
    low = np.searchsorted(evidence.time_s, start_s + _MARGIN * length)
    high = np.searchsorted(evidence.time_s, end_s - _MARGIN * length)
    looks = high - low
    total = np.concatenate(([0], np.cumsum(evidence.bad)))
    failed = total[high] - total[low]
    expected = (1 - 2 * _MARGIN) * length / max(evidence.spacing_s, 60.0)
    seen = (looks > 0) & (looks >= _SEEN_SHARE * expected)
    return np.asarray(np.where(seen, failed >= _BAD * looks, -1), dtype=np.int64)


def look_at(evidence: Evidence, span: Span) -> bool | None:
    """Return what ``looks_at`` says of one span; ``None`` when too little was seen."""
    said = int(looks_at(evidence, np.array([span[0]]), np.array([span[1]]))[0])
    return None if said < 0 else bool(said)


def votes(evidence: Evidence, stretches: Stretches) -> tuple[IntArray, IntArray]:
    """Return, for each event, on how many of its spans a series was bad, and seen.

    Of several spans at least two must have been seen; else none counts as seen.
    """
    if not stretches.first.size:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    said = looks_at(evidence, stretches.start_s, stretches.end_s)
    bad = np.add.reduceat((said == 1).astype(np.int64), stretches.first)
    seen = np.add.reduceat((said >= 0).astype(np.int64), stretches.first)
    sizes = np.diff(np.concatenate((stretches.first, [said.size])))
    enough = seen >= np.minimum(_LEAST_DAYS, sizes)
    return np.where(enough, bad, 0), np.where(enough, seen, 0)


def vote(evidence: Evidence, spans: Sequence[Span]) -> Vote:
    """Return the vote of a series on the spans of one event."""
    if not spans:
        return Vote(0, 0)
    bad, seen = votes(evidence, Stretches.of([spans]))
    return Vote(int(bad[0]), int(seen[0]))


def overlap(one: Sequence[Span], other: Sequence[Span]) -> float:
    """Return the shared time of two sets of spans over their united time."""
    shared = sum(max(0.0, min(b, d) - max(a, c)) for a, b in one for c, d in other)
    united = sum(b - a for a, b in one) + sum(d - c for c, d in other) - shared
    return shared / united if united > 0 else 0.0
