"""The detector of this project on a world of the benchmark."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from pattern_bench.claims import Claim
from pattern_bench.worlds import ABSENT, Looks, World
from probe.analysis.survey import survey
from probe.model.event import Event, EventKind, Reach, Scope
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

__all__ = ["WINDOWS", "claims_of", "events_of", "series_of"]

WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)
SEED = 7


def series_of(looks: Looks) -> Series:
    """Return what a line saw as a series."""
    why = Absence(looks.why)
    control = [None if one != one else one for one in looks.control.tolist()]
    names = looks.mechanism or ("tcp.timeout",) * looks.time_s.size
    burst = looks.burst if looks.burst is not None else np.zeros(looks.time_s.size, np.bool_)
    samples = tuple(
        Sample(time=datetime.fromtimestamp(at, UTC), bad=None, absence=why)
        if value == ABSENT
        else Sample(
            time=datetime.fromtimestamp(at, UTC),
            bad=value == 1,
            control_bad=share,
            mechanism=name if value == 1 else None,
            burst=again,
        )
        for at, value, share, name, again in zip(
            looks.time_s.tolist(), looks.value.tolist(), control, names, burst.tolist(), strict=True
        )
    )
    key = SeriesKey(
        vantage=looks.vantage,
        network=looks.network,
        subject=looks.subject,
        signal=Signal(looks.signal),
    )
    return Series(key=key, tz=looks.tz, samples=samples)


def events_of(world: World) -> tuple[Event, ...]:
    """Return all that is said of a world; the rotations have one seed."""
    return survey([series_of(one) for one in world.lines], rng=random.Random(SEED))


def claims_of(events: tuple[Event, ...], tz: str, *kinds: EventKind) -> list[Claim]:
    """Return the windows among the events, in minutes of zone ``tz``."""
    return [_claim(event, tz) for event in events if event.kind in (kinds or WINDOWS)]


def _claim(event: Event, tz: str) -> Claim:
    window = event.window
    assert window is not None
    turn = _turn(event, tz)
    snapped = window.snapped
    return Claim(
        start=window.start_minute + turn,
        end=window.end_minute + turn,
        first=date.fromisoformat(window.first_day),
        last=date.fromisoformat(window.last_day),
        start_interval=(window.start_interval[0] + turn, window.start_interval[1] + turn),
        end_interval=(window.end_interval[0] + turn, window.end_interval[1] + turn),
        snapped=(snapped[0] + turn, snapped[1] + turn) if snapped is not None else None,
        kind=str(event.kind),
        joint=event.agreement is not None,
        beyond=event.scope is not Scope.THIS_LINE or event.score is not None,
        of_line=event.reach is Reach.TOTAL and event.signal == Signal.TARGETED,
    )


def _turn(event: Event, tz: str) -> float:
    """Return what turns the minutes of the event's zone into those of ``tz``."""
    if event.tz == tz:
        return 0.0
    apart = (
        event.start.at.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
        for name in (tz, event.tz)
    )
    there, here = apart
    return (there - here).total_seconds() / 60
