"""Outages, onsets and daily windows of many series, each line for itself.

What several lines say together, and what else a line's series say of each other, is
``probe.analysis.survey``.
"""

from collections.abc import Iterable, Mapping, Sequence

from probe.analysis.columns import SeriesLike
from probe.analysis.hmm import HmmParameters
from probe.analysis.search import Rng, by_vantage, events_of, prepared, search_together
from probe.analysis.study import shortfall, study
from probe.analysis.timeline import DEFAULT
from probe.model.event import Event
from probe.model.timeline import SeriesKey

__all__ = ["Rng", "find", "shortfalls"]


def find(
    series: Iterable[SeriesLike],
    *,
    rng: Rng,
    names: Mapping[str, str] | None = None,
    parameters: HmmParameters = DEFAULT,
) -> tuple[Event, ...]:
    """Return the events of ``series``: windows first, then outages and onsets, by time.

    ``rng`` (a ``random.Random``) seeds the rotations, each series by its own key, so that one
    more series does not change what is said of another. ``names`` gives the names that the
    sentences use. Series of goodput are not searched here.

    Raises:
        InputError: when a series names a zone that does not exist.

    """
    searches = prepared(series, rng.getrandbits(64), parameters)
    for mine in by_vantage(searches):
        search_together(mine)
    return tuple(event for search in searches for event in events_of(search, names or {}))


def shortfalls(
    series: Sequence[SeriesLike], *, parameters: HmmParameters = DEFAULT
) -> tuple[tuple[SeriesKey, str], ...]:
    """Return which series are too short or too sparse for daily windows, and what they need."""
    return tuple(
        (one.key, needs)
        for one in series
        if (needs := shortfall(study(one, parameters))) is not None
    )
