"""What the period amounts to for one service: one finding from verdict, intervals and windows."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np

from probe.analysis.arrays import BoolArray, greatest
from probe.analysis.columns import NONE, Columns, SeriesLike, absence_code, columns_of
from probe.analysis.episodes import episodes_of
from probe.model.event import EventKind, Label
from probe.model.timeline import Absence, Interval, IntervalState
from probe.model.times import instant
from probe.model.verdict import Confidence, Locus, ServiceVerdict, State, Verdict
from probe.report.data import (
    FindingKind,
    Looks,
    RoleRow,
    ServiceFinding,
    Since,
    Stretch,
    Subject,
    WindowRow,
)
from probe.report.stretches import counted, stretches_of

__all__ = ["finding_of", "kind_of", "looks_of"]

_NEVER_RAN = frozenset({"not_measured", "not_run"})
_TELL_NOTHING = [absence_code(Absence.INCONCLUSIVE), absence_code(Absence.INVALID)]
_WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


def finding_of(
    service: Subject,
    verdict: ServiceVerdict | None,
    own: Sequence[tuple[SeriesLike, Sequence[Interval]]],
    windows: Sequence[WindowRow],
) -> ServiceFinding:
    """Return the finding of one service; ``own`` are its series with their intervals."""
    window = next((w for w in windows if w.event.kind in _WINDOWS and not w.event.throttle), None)
    slowed = _slowed(windows)
    bad = _bad_intervals(own)
    kind = kind_of(service, verdict.verdict if verdict else None, window, slowed, has_bad=bool(bad))
    looks, last, stretches = looks_of([series for series, _ in own])
    finding = ServiceFinding(
        id=service.id,
        name=service.name,
        category=service.category,
        kind=kind,
        bad_s=_length_s(bad),
        window=slowed if kind is FindingKind.SLOWED else window,
        looks=looks,
        stretches=stretches,
        last_look=last,
        roles=_roles(verdict),
        beside=verdict.beside if verdict is not None else (),
    )
    if verdict is not None:
        finding = _with_verdict(finding, verdict.verdict)
    if kind in (FindingKind.WINDOW, FindingKind.SLOWED) and finding.window is not None:
        finding = _with_window(finding, finding.window)
    elif kind is FindingKind.RECOVERED:
        finding = _with_past(finding, own)
    elif kind in (FindingKind.BLOCKED, FindingKind.DEGRADED, FindingKind.DOWN, FindingKind.REFUSED):
        finding = msgspec.structs.replace(finding, since=_since(own))
    return finding


def _slowed(windows: Sequence[WindowRow]) -> WindowRow | None:
    """Return the throttling that matters most: one that is established, at set hours, the last."""
    found = [row for row in windows if row.event.throttle is not None]

    def weight(row: WindowRow) -> tuple[bool, bool, datetime]:
        event = row.event
        return event.label is Label.ESTABLISHED, event.window is not None, event.start.at

    return max(found, key=weight, default=None)


def kind_of(
    service: Subject,
    verdict: Verdict | None,
    window: WindowRow | None,
    slowed: WindowRow | None = None,
    *,
    has_bad: bool,
) -> FindingKind:
    """Return what kind of finding it is; weak interference is never ``blocked``."""
    retired = verdict is not None and verdict.mechanism == "service.retired"
    if service.retired or retired:
        return FindingKind.RETIRED
    if window is not None:
        return FindingKind.WINDOW
    if verdict is None or verdict.mechanism in _NEVER_RAN:
        return FindingKind.NOT_MEASURED
    if verdict.state is State.BLOCKED:
        if verdict.locus is Locus.SERVER:
            return FindingKind.REFUSED
        return FindingKind.BLOCKED if verdict.headline else FindingKind.SIGNS
    if verdict.state is State.DEGRADED:
        weak = verdict.confidence is Confidence.WEAK
        return FindingKind.SIGNS if weak else FindingKind.DEGRADED
    if verdict.state is State.DOWN:
        return FindingKind.DOWN
    if verdict.state is State.OK and has_bad:
        return FindingKind.RECOVERED
    if slowed is not None:
        return FindingKind.SLOWED
    return FindingKind.WORKS if verdict.state is State.OK else FindingKind.UNCLEAR


def looks_of(
    series: Sequence[SeriesLike],
) -> tuple[Looks, datetime | None, tuple[Stretch, ...]]:
    """Return how often a subject was looked at, when last with a result, and in which stretches.

    Series of one subject share their moments: a moment counts once, bad before good.
    """
    kept = [columns.where(_looked(columns)) for columns in map(columns_of, series)]
    if not any(map(len, kept)):
        return Looks(), None, ()
    time_us = np.concatenate([one.time_us for one in kept])
    bad = np.concatenate([one.bad for one in kept])
    moments, said = greatest(time_us, bad)  # 1 bad, 0 good, -1 nothing
    proven = moments[said != NONE]
    last = instant(int(proven[-1])) if proven.size else None
    return counted(said), last, stretches_of(moments, said)


def _looked(series: Columns) -> BoolArray:
    """Return which samples are looks: those with a result, and those that tell nothing."""
    return np.asarray((series.bad != NONE) | np.isin(series.absence, _TELL_NOTHING))


def _with_verdict(finding: ServiceFinding, verdict: Verdict) -> ServiceFinding:
    return msgspec.structs.replace(
        finding,
        state=verdict.state,
        mechanism=verdict.mechanism,
        locus=verdict.locus,
        confidence=verdict.confidence,
        reason=verdict.reason,
        rule_id=verdict.rule_id,
    )


def _with_window(finding: ServiceFinding, window: WindowRow) -> ServiceFinding:
    """Word how and who by what failed inside the window, not by the last look outside it."""
    mechanisms = window.event.mechanisms
    return msgspec.structs.replace(
        finding,
        mechanism=mechanisms[0][0] if mechanisms else None,
        locus=_locus(window.locus),
        reason=None,
    )


def _with_past(
    finding: ServiceFinding, own: Sequence[tuple[SeriesLike, Sequence[Interval]]]
) -> ServiceFinding:
    """Word how and who by the longest bad stretch: the last look was good."""
    stretches = [
        (interval.end.at - interval.start.at, series.key.locus, interval)
        for series, intervals in own
        for interval in intervals
        if interval.state is IntervalState.BAD
    ]
    _, locus, interval = max(stretches, key=lambda stretch: stretch[0])
    mechanism = interval.mechanisms[0][0] if interval.mechanisms else None
    return msgspec.structs.replace(finding, mechanism=mechanism, locus=_locus(locus))


def _locus(text: str) -> Locus:
    return next((locus for locus in Locus if locus.value == text), Locus.UNKNOWN)


def _bad_intervals(own: Sequence[tuple[SeriesLike, Sequence[Interval]]]) -> list[Interval]:
    found = [
        interval
        for _, intervals in own
        for interval in intervals
        if interval.state is IntervalState.BAD
    ]
    return sorted(found, key=lambda interval: interval.start.at)


def _length_s(intervals: Sequence[Interval]) -> float:
    """Return the seconds covered by at least one of the intervals (sorted by start)."""
    total = 0.0
    reached: datetime | None = None
    for interval in intervals:
        begin = interval.start.at if reached is None else max(interval.start.at, reached)
        if interval.end.at > begin:
            total += (interval.end.at - begin).total_seconds()
            reached = interval.end.at
    return total


def _since(own: Sequence[tuple[SeriesLike, Sequence[Interval]]]) -> Since | None:
    """Return the start of the bad stretch that still lasts at the end, if there is one.

    A stretch of failures with only a silence inside is one stretch, as in the event detector.
    """
    lasting = [
        episode for _, intervals in own for episode in episodes_of(intervals)[-1:] if episode.open
    ]
    if not lasting:
        return None
    first = min(lasting, key=lambda episode: episode.start.at)
    return Since(
        at=first.start.at,
        earliest=first.start.earliest,
        latest=first.start.latest,
        open=first.from_start or first.start.censored,
    )


def _roles(verdict: ServiceVerdict | None) -> tuple[RoleRow, ...]:
    if verdict is None:
        return ()
    return tuple(
        RoleRow(
            role=role.role,
            state=role.verdict.state if role.verdict else None,
            mechanism=role.verdict.mechanism if role.verdict else None,
            locus=role.verdict.locus if role.verdict else Locus.UNKNOWN,
            confidence=role.verdict.confidence if role.verdict else None,
            measured=role.measured,
            total=role.total,
            of=role.of,
        )
        for role in verdict.roles
    )
