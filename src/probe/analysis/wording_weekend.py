"""Whether the weekdays that a window keeps to are the weekend of the country, where it is known."""

from collections.abc import Mapping
from typing import NamedTuple

from probe.analysis.wording import day_names
from probe.analysis.zones import country_of
from probe.model.event import Event

__all__ = ["Weekend", "weekend_sentence"]


class Weekend(NamedTuple):
    """A country's name and its days of rest, ISO 1 (Monday) to 7."""

    country: str
    days: tuple[int, ...]


def weekend_sentence(event: Event, weekends: Mapping[str, Weekend]) -> str:
    """Return how a window's weekdays lie to the weekend; "" for every day, or where it is unknown.

    ``weekends`` is by ISO 3166 country; that of an event is its zone's. Days of work and of rest
    mixed say nothing.
    """
    kept = set(event.window.weekdays) if event.window is not None else set()
    known = weekends.get(country_of(event.tz)) if kept else None
    if known is None or not known.days:
        return ""
    rest = day_names(known.days)
    verb = "is" if len(known.days) == 1 else "are"
    there = f"{rest} {verb} the weekend in {known.country}"
    if kept == set(known.days):
        return f"{there} (Unicode CLDR)."
    if kept < set(known.days):
        return f"{there} (Unicode CLDR), of which it keeps to a part."
    if not kept & set(known.days):
        return f"{there} (Unicode CLDR): it keeps to working days."
    return ""
