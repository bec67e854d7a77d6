"""All that can be said of many series together.

Each line's own events, with what else failed on that line in the same hours; the events that
several vantages share; leaky blocking, as degraded hours; what was slowed; and dates that were
given.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from probe.analysis.breadth import breadth_sentence, with_breadth
from probe.analysis.calendar_days import DayList, calendar_events
from probe.analysis.columns import SeriesLike
from probe.analysis.degraded import degraded_events
from probe.analysis.fault import fault_sentence, with_fault
from probe.analysis.hmm import HmmParameters
from probe.analysis.joint import joint_events
from probe.analysis.search import Rng, Search, by_vantage, events_of, prepared, search_together
from probe.analysis.spans import last_look, overlap, spans_of
from probe.analysis.throttle_events import throttle_events
from probe.analysis.timeline import DEFAULT
from probe.analysis.wording import sentence
from probe.analysis.wording_weekend import Weekend, weekend_sentence
from probe.model.event import Event, EventKind
from probe.model.goodput import Pair, PairKey

__all__ = ["SEED", "Known", "described", "searched", "survey", "surveyed"]

SEED = 20220921
"""The rotations of tests are drawn from this, so that the same data say the same thing."""

_SHARED = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the subjects beside their series.

    ``names`` are what a person calls them; ``families`` say which are related; ``domestic`` are
    those at home; ``dates`` are lists of days given beforehand; ``sources`` say whose word a
    foreign vantage is; ``weekends`` are the days of rest by country.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    domestic: Collection[str] = ()
    dates: Sequence[DayList] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    weekends: Mapping[str, Weekend] = field(default_factory=dict)


_NOTHING_KNOWN = Known()
_NO_PAIRS: Mapping[PairKey, Sequence[Pair]] = {}


def survey(
    series: Iterable[SeriesLike],
    *,
    rng: Rng,
    pairs: Mapping[PairKey, Sequence[Pair]] = _NO_PAIRS,
    known: Known = _NOTHING_KNOWN,
    parameters: HmmParameters = DEFAULT,
) -> tuple[Event, ...]:
    """Return the events of each line, what was slowed, the joint ones, those of the dates given.

    This is the one way to the events of a store: ``pairs`` are its timed transfers. The lines'
    own windows are those of ``patterns.find`` for the same seed, and what is said of them is the
    same with and without pairs.

    Raises:
        InputError: when a series names a zone that does not exist.

    """
    seed = rng.getrandbits(64)
    searches = prepared(series, seed, parameters)
    return surveyed(searches, seed=seed, rng=rng, pairs=pairs, known=known)


def surveyed(
    searches: Sequence[Search],
    *,
    seed: int,
    rng: Rng,
    pairs: Mapping[PairKey, Sequence[Pair]] = _NO_PAIRS,
    known: Known = _NOTHING_KNOWN,
) -> tuple[Event, ...]:
    """Do what ``survey`` does on series that are cut already: ``seed`` was drawn of ``rng``."""
    own, joint, dated = searched(searches, seed=seed, known=known)
    slowed = throttle_events(pairs, rng=rng, names=known.names)
    return (*described(own, searches, joint, known), *slowed, *joint, *dated)


def searched(
    searches: Sequence[Search], *, seed: int, known: Known
) -> tuple[list[Event], tuple[Event, ...], tuple[Event, ...]]:
    """Return the lines' own events, not yet compared; the joint ones; those of dates given.

    Leaky hours stand in place of what they explain.
    """
    for mine in by_vantage(searches):
        search_together(mine)
    joint = joint_events(searches, seed=seed, names=known.names, sources=known.sources)
    leaky = degraded_events(searches, names=known.names)
    own: list[Event] = []
    for search in searches:
        found = leaky.get(search.study.series.key)
        mine_events = events_of(search, known.names)
        if found is not None:
            mine_events = [e for e in mine_events if not found.explains(e)] + [found.event]
        own.extend(mine_events)
    return own, joint, calendar_events(searches, known.dates, names=known.names)


def described(
    events: Sequence[Event], searches: Sequence[Search], joint: Sequence[Event], known: Known
) -> list[Event]:
    """Return lines' own events with what else failed, and who shared them, in their sentences."""
    studies = [search.study for search in searches]
    now = last_look(study.evidence for study in studies)
    marked = _with_joint(events, joint, known.names, now)
    with_others = with_breadth(marked, studies, domestic=known.domestic)
    checked = with_fault(with_others, studies, families=known.families)
    return [_worded(event, known) for event in checked]


def _with_joint(
    events: Sequence[Event],
    joint: Sequence[Event],
    names: Mapping[str, str],
    now: datetime | None,
) -> list[Event]:
    """Mark, and word again, the lines' events of which a joint event says that others shared it."""
    wholes: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for whole in joint:
        for vantage in whole.vantages:
            wholes[vantage, whole.series, whole.signal].append(whole)
    marked = []
    for event in events:
        beside = wholes[event.vantage, event.series, event.signal]
        if any(_meets(event, whole, now) for whole in beside):
            shared = msgspec.structs.replace(event, joined=True)
            name = names.get(event.series, event.series)
            marked.append(msgspec.structs.replace(shared, sentence=sentence(shared, name)))
        else:
            marked.append(event)
    return marked


def _meets(event: Event, whole: Event, now: datetime | None) -> bool:
    """Return whether a line's event is its part of a joint one."""
    if event.kind is EventKind.DEGRADED_WINDOW or not event.start.at <= _last(whole):
        return False
    if whole.start.at > _last(event):
        return False
    return overlap(spans_of(event, now=now), spans_of(whole, now=now)) >= _SHARED


def _last(event: Event) -> datetime:
    return event.end.at if event.end is not None else datetime.max.replace(tzinfo=UTC)


def _worded(event: Event, known: Known) -> Event:
    """Add the weekend of the country, and what shared the event, to its sentence."""
    parts = (
        event.sentence,
        weekend_sentence(event, known.weekends),
        breadth_sentence(event, known.names),
        fault_sentence(event),
    )
    return msgspec.structs.replace(event, sentence=" ".join(part for part in parts if part))
