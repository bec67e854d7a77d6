"""From pairs of transfers to what a chart of them shows: points in time, and levels; pure.

The points of a report made for publishing are medians of an hour or more: no single transfer can
be laid beside a log. In a long period they are medians in any report, as nobody could tell more
points apart.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from probe.analysis.line_series import LINE
from probe.analysis.throttle import History
from probe.analysis.throttle_series import goodput_key, histories_of, series_of
from probe.model.event import Event
from probe.model.goodput import Pair, PairKey
from probe.model.throttle import ThrottleScope
from probe.model.timeline import Series
from probe.report.data import LINE_SUBJECT, Goodput, Level, TimedPoint
from probe.report.publish import Grain
from probe.report.text import clean

__all__ = ["Timed", "timed_of"]

_MOST_POINTS = 400
_KBIT = 8 / 1000
_HOUR_S = 3_600.0


class Timed:
    """One pair over the period: its history, its series of slow and usual rounds, its events."""

    def __init__(self, history: History, series: Series, events: Sequence[Event]) -> None:
        """Keep what belongs together."""
        self.history = history
        self.series = series
        self.events = tuple(events)

    @property
    def subject(self) -> str:
        """Return the service that it is about, or the line."""
        return self.history.key.subject or LINE_SUBJECT

    def goodput(self, name: str, network: str, grain: Grain, tz: str) -> Goodput:
        """Return what a chart draws, under the names and times that the report may show."""
        key = self.history.key
        points = [self._point(place) for place in range(len(self.history.rounds))]
        step_s = _step_s(points, least_s=0.0 if grain.private else _HOUR_S)
        if step_s:
            points = list(_together(points, step_s, grain))
        return Goodput(
            subject=self.subject,
            name=clean(name, 80),
            network=network,
            tz=tz,
            pairing=key.pairing,
            direction=key.direction,
            transport=key.transport,
            family=key.family,
            general=self.history.general,
            own_server=key.own_server,
            grain_s=step_s,
            points=tuple(points),
            levels=tuple(self._levels(grain)),
        )

    def _point(self, place: int) -> TimedPoint:
        rounds, sample = self.history.rounds, self.series.samples[place]
        beside = float(rounds.beside[place])
        control = None if self.history.general else _kbps(math.exp(-beside))
        return TimedPoint(
            time=sample.time,
            kbps=_kbps(float(rounds.rate[place])),
            control_kbps=control,
            slow=sample.bad,
        )

    def _levels(self, grain: Grain) -> Iterable[Level]:
        last = self.series.samples[-1].time
        for event in self.events:
            said = event.throttle
            if said is None or said.level_kbps is None:
                continue
            low, high = said.level_interval or (said.level_kbps, said.level_kbps)
            yield Level(
                start=grain.down(event.start.at),
                end=grain.up(event.end.at if event.end is not None else last),
                kbps=said.level_kbps,
                low=low,
                high=high,
            )


def timed_of(pairs: Mapping[PairKey, Sequence[Pair]], events: Iterable[Event]) -> tuple[Timed, ...]:
    """Return every pair, and every line, with the events that were found in it.

    Raises:
        InputError: when a pair names a zone that does not exist.

    """
    histories = histories_of(pairs)
    found: dict[tuple[object, ...], list[Event]] = {}
    for event in events:
        if event.throttle is not None:
            found.setdefault(_about_event(event), []).append(event)
    return tuple(
        Timed(one, series_of(one, histories), found.get(_about(one), [])) for one in histories
    )


def _about(history: History) -> tuple[object, ...]:
    key = history.key
    how = (key.pairing, key.direction, key.transport, key.family, key.own_server)
    if history.general:
        how = (*how[:-1], False)
    series = key.subject or goodput_key(history).subject.partition("/")[0]
    return key.vantage, key.network, series, history.general, *how


def _about_event(event: Event) -> tuple[object, ...]:
    said = event.throttle
    if said is None:
        return ()
    general = said.scope is ThrottleScope.GENERAL
    how = (said.pairing, said.direction, said.transport, said.family, said.own_server)
    return event.vantage, event.network, event.series or LINE, general, *how


def _kbps(rate: float) -> float | None:
    """Return kbit/s to three figures, ``None`` for what is not known."""
    return float(f"{rate * _KBIT:.3g}") if rate > 0 else None  # false for NaN


def _step_s(points: Sequence[TimedPoint], *, least_s: float) -> float:
    """Return how long a stretch one point stands for: whole hours, 0 for one round each."""
    if not points or (len(points) <= _MOST_POINTS and not least_s):
        return 0.0
    span_s = (points[-1].time - points[0].time).total_seconds()
    hours = -(-span_s // (_MOST_POINTS * _HOUR_S))
    return max(hours * _HOUR_S, least_s, _HOUR_S)


def _together(points: Sequence[TimedPoint], step_s: float, grain: Grain) -> Iterable[TimedPoint]:
    """Yield the medians of each stretch, of slow and of usual rounds apart, in time order."""
    groups: dict[tuple[datetime, str], list[TimedPoint]] = {}
    for point in points:
        start = grain.hour(point.time)
        past_s = start.timestamp() % step_s if step_s > _HOUR_S else 0.0
        groups.setdefault((start - timedelta(seconds=past_s), str(point.slow)), []).append(point)
    for (start, _), group in sorted(groups.items()):
        yield TimedPoint(
            time=start.astimezone(UTC),
            kbps=_median([one.kbps for one in group]),
            control_kbps=_median([one.control_kbps for one in group]),
            slow=group[0].slow,
            rounds=len(group),
        )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(f"{median(known):.3g}") if known else None
