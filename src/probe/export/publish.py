"""What a published export may hold: whole hours, no line that can be followed, no small network.

A time to the second can be laid beside a provider's logs; a network with one volunteer in it
names the volunteer; a name of a line ties one export to the next. So times go down to the local
hour, lines are numbered anew in each export, a network is named only on days on which at least
``k`` lines measured in it, and what is fresher than a day is held back (facts: k-anonymity
after Sweeney 2002; the field's own rule is never to publish single probes in real time).
What was taken out is counted and said in the data dictionary.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from probe.model.event import Event, Instant
from probe.model.measurement import HttpStep, Measurement, Step, TlsStep
from probe.model.timeline import Bracket, Interval, Series
from probe.model.vantage import Network
from probe.store.scan import RoundFacts
from probe.wire.scrub import SCRUBBED

__all__ = [
    "DEFAULT_K",
    "HOLD",
    "HOUR_S",
    "Publisher",
    "Removed",
    "published",
    "published_query",
    "published_step",
]

DEFAULT_K: Final = 3
HOLD: Final = timedelta(days=1)
HOUR_S: Final = 3_600
_HOUR: Final = timedelta(hours=1)
_DAY_US: Final = 86_400_000_000


_TIMED: Final = frozenset({"date", "retry-after", "via", "x-cache"})
"""Headers of an answer that say when it was given, to the second, or by which machine nearby."""

_NAMING: Final = frozenset({"networks", "vantages"})
"""Parts of a question that name what the rows do not."""


def published(measurement: Measurement) -> Measurement:
    """Return a measurement as it may be told: no clock of a server, no certificate of a machine.

    Where an authority stands behind a certificate that this machine trusts and the packaged roots
    do not know, it is an antivirus's, a company's or a state's. Programs make such a key for each
    machine, and companies write their names into it: that there is one stays, which one does not.
    """
    steps = tuple(published_step(step) for step in measurement.steps)
    return measurement if steps == measurement.steps else replace(measurement, steps=steps)


def published_step(step: Step) -> Step:
    """Return a step as it may be told."""
    if isinstance(step, HttpStep):
        headers = tuple(pair for pair in step.headers if pair[0].lower() not in _TIMED)
        return step if headers == step.headers else replace(step, headers=headers)
    if not isinstance(step, TlsStep) or step.certificate is None:
        return step
    check = step.certificate
    if check.packaged is None or check.system is not None:
        return step
    bare = replace(check, issuer=SCRUBBED, issuer_spki_sha256=None, leaf_sha256="")
    return replace(step, chain=(), certificate=bare)


def published_query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the question behind an export without the names of lines and networks."""
    return {name: value for name, value in query.items() if name not in _NAMING}


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing that was taken out, and why; ``count`` where it can be counted."""

    what: str
    why: str
    count: int | None = None


class Publisher:
    """Decides what may be told; made from all rounds that an export is about."""

    def __init__(self, rounds: Iterable[RoundFacts], *, dice: Random, k: int = DEFAULT_K) -> None:
        """Count the lines of each network and day, and number the lines by ``dice``.

        In the order of a store's rounds its own line would be the first.

        Raises:
            ValueError: ``k`` is less than 2, which would protect nobody.

        """
        if k < 2:
            raise ValueError("k is at least 2")
        self._k = k
        self._daily: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._ever: dict[str, set[str]] = defaultdict(set)
        self._numbers: dict[str, str] = {}
        self._withheld: set[int] = set()
        for facts in rounds:
            self._daily[facts.network.key, facts.started_us // _DAY_US].add(facts.vantage)
            self._ever[facts.network.key].add(facts.vantage)
        lines = sorted(set().union(*self._ever.values()))
        dice.shuffle(lines)
        for line in lines:
            self.line(line)

    def line(self, vantage: str) -> str:
        """Return what a line is called in this export."""
        if not vantage:
            return ""
        return self._numbers.setdefault(vantage, f"line{len(self._numbers) + 1}")

    def round(self, facts: RoundFacts) -> RoundFacts:
        """Return a round as it may be told."""
        lines = self._daily[facts.network.key, facts.started_us // _DAY_US]
        network = facts.network
        if len(lines) < self._k:
            network = Network(access=network.access)
            self._withheld.add(facts.id)
        return facts._replace(
            id=0,
            vantage=self.line(facts.vantage),
            network=replace(network, gateway=None),
            imported_from=None,
            digest="",
        )

    def network(self, key: str) -> str:
        """Return a network key as a series may name it: its kind alone where few lines are."""
        if not key or len(self._ever[key]) >= self._k:
            return key
        return f"AS0/{key.rpartition('/')[2]}"

    def series(self, series: Series) -> Series:
        """Return a series under the names that may be told; its times are left to its rows."""
        key = series.key
        told = replace(key, vantage=self.line(key.vantage), network=self.network(key.network))
        return replace(series, key=told)

    def interval(self, interval: Interval, tz: str) -> Interval:
        """Return an interval with its edges moved out to whole local hours."""
        start, end = _bracket(interval.start, tz), _bracket(interval.end, tz)
        return replace(interval, start=start, end=end)

    def event(self, event: Event) -> Event:
        """Return an event under the names and hours that may be told, without its sentence.

        The minutes of a window stay: they are drawn from many days and belong to no moment.
        """
        return replace(
            event,
            vantage=self.line(event.vantage),
            network=self.network(event.network),
            start=_instant(event.start, event.tz),
            end=None if event.end is None else _instant(event.end, event.tz),
            sentence="",
        )

    def removed(self) -> tuple[Removed, ...]:
        """Return what was taken out; call it when all rows are written."""
        return (
            Removed(what="minutes and seconds", why="could be laid beside a provider's logs"),
            Removed(
                what="names of lines, labels, numbers of rounds, provenance, chain digests",
                why="would tie this export to others, or to a device",
            ),
            Removed(
                what="notes of people",
                why="only the writer knows whom they name",
            ),
            Removed(
                what=f"the network of rounds with fewer than {self._k} lines in it that day",
                why="would name who measured",
                count=len(self._withheld) or None,
            ),
            Removed(
                what="rounds of the last 24 hours",
                why="would say where somebody is measuring now",
            ),
            Removed(
                what="own bridges and proxies",
                why="that there are any would tell too much",
            ),
            Removed(
                what="certificates and addresses of machines at home",
                why="would find the household",
            ),
            Removed(
                what="certificates that this machine alone trusts; sentences, which may name them",
                why="an antivirus makes its key for one machine, and a company names itself",
            ),
            Removed(
                what="the clocks and caches of servers in their answers' heads",
                why="would undo the whole hours, and tell the place",
            ),
        )


def floor_hour(time: datetime, tz: str) -> datetime:
    """Return the start of the local hour that a time lies in, UTC."""
    local = time.astimezone(ZoneInfo(tz))
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return time.astimezone(UTC) - past


def _edges(at: datetime, earliest: datetime, latest: datetime, tz: str) -> tuple[datetime, ...]:
    late = floor_hour(latest, tz)
    return (
        floor_hour(at + _HOUR / 2, tz),
        floor_hour(earliest, tz),
        late if late == latest else late + _HOUR,
    )


def _bracket(edge: Bracket, tz: str) -> Bracket:
    at, earliest, latest = _edges(edge.at, edge.earliest, edge.latest, tz)
    return replace(edge, at=at, earliest=earliest, latest=latest)


def _instant(edge: Instant, tz: str) -> Instant:
    at, earliest, latest = _edges(edge.at, edge.earliest, edge.latest, tz)
    return replace(edge, at=at, earliest=earliest, latest=latest)
