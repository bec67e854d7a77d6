"""What turned since the last round, by the stored verdicts of the last days.

Nothing but what was told is remembered between rounds: the series are made from the store each
time, so a restart, a corrected zone or verdicts that were judged again lose nothing. The rules are
``probe.analysis.onset``'s. How often a look fails for nothing is learned from the controls, where
they fail more often than is assumed: else the bound would not be this line's.

What is promised, one false alarm in ten years over all series, is of looks that fail for nothing
one by one. Retests of one change count as two looks; what lasts is looked at in up to three such
bursts, so that trouble of a quarter of an hour can be told, and is trouble.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
import numpy as np

from probe.analysis.hmm import HmmParameters, learned_false_bad
from probe.analysis.onset import LiveParameters, Turn, replay
from probe.analysis.series import series_of
from probe.model.timeline import Series, SeriesKey, Signal
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
        self._turns: dict[SeriesKey, Turn] = {}
        self._names = names

    def news(self, now: datetime) -> tuple[Alarm, ...]:
        """Return what turned since the last call, in time order.

        Raises:
            StoreError: the store cannot be read.

        """
        since = min(now - LOOK_BACK, self._told)
        kept = series_of(self._store.judged(since=since), self._store.rounds(since=since))
        watched = [one for one in kept if one.key.signal is not Signal.GOODPUT]
        found = [alarm for one in watched for alarm in self._of(one, len(watched))]
        fresh = [alarm for alarm in found if self._told <= alarm.turn.at <= now]
        self._told = now + timedelta(microseconds=1)
        ordered = sorted(fresh, key=lambda alarm: (alarm.turn.at, alarm.series.key))
        return tuple(alarm for alarm in ordered if self._first(alarm))

    def _first(self, alarm: Alarm) -> bool:
        """Return whether this turn was not told yet; what is usual moves with each round."""
        key, turn = alarm.series.key, alarm.turn
        before = self._turns.get(key)
        if before is not None and before.bad is turn.bad and turn.since <= before.at:
            return False
        self._turns[key] = turn
        return True

    def _of(self, series: Series, many: int) -> Iterator[Alarm]:
        parameters = LiveParameters(false_bad=_false_bad(series), series=many)
        _, turns = replay(series.samples, spacing_s=self._every_s, parameters=parameters)
        name = self._names.get(series.key.subject, series.key.subject)
        for turn in turns:
            yield Alarm(series=series, turn=turn, sentence=_sentence(series, turn, name))


def _false_bad(series: Series) -> float:
    """Return P(bad look | nothing wrong): that assumed, or more where more controls failed."""
    shares = [s.control_bad for s in series.samples if s.control_bad is not None]
    learned = learned_false_bad(np.array(shares, dtype=np.float64), HmmParameters())
    return max(LiveParameters().false_bad, learned)


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
