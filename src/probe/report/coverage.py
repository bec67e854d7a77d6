"""How much of a period was looked at: days whose hours and rounds add up, and long silences."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from probe.model.record import RoundRow
from probe.report.data import Coverage, DaySeen, Gap, Mark, Period
from probe.report.hours import HourGrid
from probe.report.publish import Grain

__all__ = ["coverage_of", "days_seen", "gaps_of"]

_MAX_GAPS = 12


def days_seen(rounds: Sequence[RoundRow], grid: HourGrid, period: Period) -> tuple[DaySeen, ...]:
    """Return how much of each local day was looked at, whatever came of it.

    An hour that touches the period counts, and one in which a round began; rounds outside the
    grid do not.
    """
    begun: dict[int, list[RoundRow]] = {}
    for row in rounds:
        position = grid.index(row.started)
        if position is not None:
            begun.setdefault(position, []).append(row)
    days: dict[str, list[list[RoundRow]]] = {}
    for position, hour in enumerate(grid.hours):
        if position in begun or (hour.end > period.start and hour.start < period.end):
            days.setdefault(hour.day, []).append(begun.get(position, []))
    return tuple(_day(date, hours) for date, hours in days.items())


def _day(date: str, hours: Sequence[Sequence[RoundRow]]) -> DaySeen:
    rounds = [row for hour in hours for row in hour]
    gates = Counter(gate.id.value for row in rounds if row.context for gate in row.context.gates)
    return DaySeen(
        date=date,
        hours=len(hours),
        hours_seen=sum(1 for hour in hours if hour),
        rounds=len(rounds),
        rounds_invalid=sum(1 for row in rounds if row.context and row.context.invalid),
        rounds_interrupted=sum(1 for row in rounds if row.context is None),
        gates=tuple(sorted(gates.items())),
    )


def coverage_of(days: Sequence[DaySeen], gaps: tuple[Gap, ...]) -> Coverage:
    """Return what the days add up to."""
    gates: Counter[str] = Counter()
    for day in days:
        gates.update(dict(day.gates))
    return Coverage(
        rounds=sum(day.rounds for day in days),
        rounds_invalid=sum(day.rounds_invalid for day in days),
        rounds_interrupted=sum(day.rounds_interrupted for day in days),
        hours=sum(day.hours for day in days),
        hours_seen=sum(day.hours_seen for day in days),
        gates=tuple(sorted(gates.items())),
        gaps=gaps,
    )


def gaps_of(rounds: Sequence[RoundRow], period: Period, grain: Grain) -> tuple[Gap, ...]:
    """Return the longest silences between rounds, at least twice as long as is usual."""
    times = [period.start, *sorted(row.started for row in rounds), period.end]
    silences = [(late - early, early, late) for early, late in pairwise(times)]
    usual = sorted(length for length, _, _ in silences)[len(silences) // 2]
    least = max(2 * usual, timedelta(hours=3))
    longest = sorted((s for s in silences if s[0] > least), reverse=True)[:_MAX_GAPS]
    return tuple(
        Gap(start=grain.down(early), end=grain.up(late), mark=Mark.NO_DATA)
        for _, early, late in sorted(longest, key=lambda silence: silence[1])
    )
