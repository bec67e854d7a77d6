"""What turned since the last round, by the stored verdicts of the last days.

Nothing is remembered between rounds: the series are made from the store each time, so a restart,
a corrected zone or verdicts that were judged again lose nothing. The rules are
``probe.analysis.onset``'s.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from probe.analysis.onset import LiveParameters, Turn, replay
from probe.analysis.series import series_of
from probe.model.timeline import Series, Signal
from probe.model.verdict import Locus
from probe.store.database import Store

__all__ = ["LOOK_BACK", "Alarm", "Alarms"]

LOOK_BACK = timedelta(days=4)
"""Long enough to know what was usual, short enough to be read after each round."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A turn of one series; ``sentence`` names it, and claims no cause."""

    series: Series
    turn: Turn
    sentence: str


class Alarms:
    """Watches all series of one store; each turn is told once."""

    def __init__(
        self, store: Store, *, every_s: float, since: datetime, names: Mapping[str, str]
    ) -> None:
        """Tell turns known at or after ``since``; looks come every ``every_s`` seconds.

        ``names`` gives what people call a service.
        """
        self._store = store
        self._every_s = every_s
        self._told = since
        self._names = names

    def news(self, now: datetime) -> tuple[Alarm, ...]:
        """Return what turned since the last call, in time order.

        Raises:
            StoreError: the store cannot be read.

        """
        since = min(now - LOOK_BACK, self._told)
        kept = series_of(self._store.judged(since=since), self._store.rounds(since=since))
        watched = [one for one in kept if one.key.signal is not Signal.GOODPUT]
        parameters = LiveParameters(series=max(1, len(watched)))
        found = [alarm for one in watched for alarm in self._of(one, parameters)]
        fresh = [alarm for alarm in found if self._told <= alarm.turn.at <= now]
        self._told = now + timedelta(microseconds=1)
        return tuple(sorted(fresh, key=lambda alarm: (alarm.turn.at, alarm.series.key)))

    def _of(self, series: Series, parameters: LiveParameters) -> Iterator[Alarm]:
        _, turns = replay(series.samples, spacing_s=self._every_s, parameters=parameters)
        name = self._names.get(series.key.subject, series.key.subject)
        for turn in turns:
            yield Alarm(series=series, turn=turn, sentence=_sentence(series, turn, name))


def _sentence(series: Series, turn: Turn, name: str) -> str:
    return f"{_what(series, name, bad=turn.bad)} {_when(turn)} ({turn.samples} looks since)."


def _what(series: Series, name: str, *, bad: bool) -> str:
    key = series.key
    if key.signal is Signal.UPSTREAM:
        return "Nothing is reachable on this line" if bad else "This line reaches the Internet"
    if key.signal is Signal.INTL:
        return "This line reaches only domestic sites" if bad else "Sites abroad are reachable"
    if key.locus == Locus.SERVER:
        return f"{name} refuses or does not serve this line" if bad else f"{name} serves this line"
    return f"{name} fails on this line" if bad else f"{name} works on this line"


def _when(turn: Turn) -> str:
    since = f"{turn.since:%Y-%m-%d %H:%M} UTC"
    if turn.after is None:
        return f"at least since {since}"
    return f"since some time between {turn.after:%Y-%m-%d %H:%M} and {since}"
