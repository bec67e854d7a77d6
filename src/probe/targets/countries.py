"""What a country's law and week mean for a run: sourced, dated, and never guessed."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from probe.model.target import Category
from probe.targets.format import Country, Text
from probe.targets.rules import Problem

__all__ = ["CountriesHead", "CountryRules", "country_problems"]

Weekday = Annotated[int, Meta(ge=1, le=7, description="ISO: Monday is 1, Sunday is 7.")]


class CountryRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One country; ``opt_in`` categories are measured only when they are asked for.

    A rule can only take away from the default profile: nothing in it adds a target.
    """

    country: Country
    name: Text
    weekend: Annotated[tuple[Weekday, ...], Meta(max_length=3)] = ()
    opt_in: tuple[Category, ...] = ()
    why: Text | None = None
    sources: Annotated[tuple[Text, ...], Meta(max_length=12)] = ()
    checked_on: date


class CountriesHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``countries.yaml`` without its list ``countries``."""

    weekend_source: Text


def country_problems(rules: CountryRules, seen: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with one country's rules; ``seen`` holds the countries before it."""
    if rules.country in seen:
        yield Problem("country", "given twice", "join the two")
    if rules.opt_in and not (rules.sources and rules.why):
        yield Problem("opt_in", "a raised default needs its reason and its sources", "add why:")
