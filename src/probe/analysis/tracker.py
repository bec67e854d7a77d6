"""Many series under watch: one more day costs what a day has, not what the year had.

The same events as ``survey`` gives of all samples at once, but for two things that are kept from
the first look on, usual spacing and error rate. A series whose outages fit for a window are the
same as before is not searched again: what is only good adds nothing to a recurrence.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from probe.analysis.candidate import fit_for_windows
from probe.analysis.episodes import Episode
from probe.analysis.growing import Growing
from probe.analysis.hmm import HmmParameters
from probe.analysis.search import Search, search_of
from probe.analysis.survey import Known, described, searched
from probe.analysis.timeline import DEFAULT
from probe.model.event import Event
from probe.model.timeline import Series, SeriesKey, Signal

__all__ = ["Tracker"]

_OLD = timedelta(days=3)


class Tracker:
    """Series that grow, and the events of all of them."""

    def __init__(
        self, *, seed: int, known: Known | None = None, parameters: HmmParameters = DEFAULT
    ) -> None:
        """Begin with no series; ``seed`` is that of the rotations."""
        self._seed = seed
        self._known = known or Known()
        self._parameters = parameters
        self._growing: dict[SeriesKey, Growing] = {}
        self._searches: dict[SeriesKey, Search] = {}
        self._fit: dict[SeriesKey, list[Episode]] = {}
        self._told: dict[int, tuple[Event, Event]] = {}

    def extend(self, series: Iterable[Series]) -> None:
        """Add what was looked at since the last time; new series begin here.

        Raises:
            InputError: for a zone that does not exist, or a look not later than the last.

        """
        for one in series:
            if one.key.signal is Signal.GOODPUT:
                continue
            growing = self._growing.get(one.key)
            if growing is None:
                growing = self._growing[one.key] = Growing(one, self._parameters)
            else:
                growing.extend(one.samples)
            self._search(growing)

    def _search(self, growing: Growing) -> None:
        """Search again only where an outage that may belong to a window is new or has changed."""
        study, key = growing.study, growing.key
        fit = fit_for_windows(study.episodes)
        before = self._searches.get(key)
        if before is not None and before.enough and fit == self._fit[key]:
            before.study = study
        else:
            fresh = (
                search_of(study, self._seed) if before is None else before.anew(study, self._seed)
            )
            self._searches[key] = fresh
        self._fit[key] = fit

    def events(self) -> tuple[Event, ...]:
        """Return all events up to now, in the order of ``survey``."""
        searches = [self._searches[key] for key in sorted(self._searches)]
        own, joint, dated = searched(searches, seed=self._seed, known=self._known)
        now = max((_last(search) for search in searches), default=None)
        fresh = [event for event in own if id(event) not in self._told]
        told = described(fresh, searches, joint, self._known)
        news = {id(raw): event for raw, event in zip(fresh, told, strict=True)}
        found = tuple(news.get(id(raw)) or self._told[id(raw)][1] for raw in own)
        if now is not None and not self._several():
            for raw in fresh:
                if _is_over(raw, now):  # raw is kept too, so that nothing else takes its id
                    self._told[id(raw)] = raw, news[id(raw)]
        return (*found, *joint, *dated)

    def _several(self) -> bool:
        return len({key.vantage for key in self._searches}) > 1


def _last(search: Search) -> datetime:
    evidence = search.study.evidence
    at = float(evidence.time_s[-1]) if len(evidence) else 0.0
    return datetime.fromtimestamp(at, UTC)


def _is_over(event: Event, now: datetime) -> bool:
    """Return whether no later look changes what else is said of an event."""
    return event.window is None and event.end is not None and event.end.latest < now - _OLD
