"""Mutants of the rule table: what a slip of the pen in one row could turn it into.

A mutant is one table. Ids are masked: whatever a mutant decides carries the id that the true
table gives for the same features, so that only what is *said* (state, mechanism, locus,
confidence, reason, sentence) can give a mutant away, never the name of a row.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from probe.analysis.features import Features
from probe.analysis.rule import Rule, missing
from probe.model.verdict import Confidence, Locus, State

__all__ = ["Mutant", "distinct", "mutants"]


@dataclass(frozen=True)
class Mutant:
    """One changed table; ``rule`` is the row that was changed, or is asked later."""

    name: str
    rule: str
    table: tuple[Rule, ...]


def mutants(table: Sequence[Rule], pool: Sequence[Features]) -> Iterator[Mutant]:
    """Yield every mutant of ``table``; ``pool`` tells which rows can hold at the same time."""
    met = _met(table, pool)
    for place, rule in enumerate(table):
        yield Mutant(f"{rule.id}: deleted", rule.id, _without(table, place))
        for changed, what in _changes(rule):
            yield Mutant(f"{rule.id}: {what}", rule.id, _with(table, place, changed))
        later = _next_met(table, place, met[place], pool)
        if later is not None:
            name = f"{rule.id}: asked after {table[later].id}"
            yield Mutant(name, rule.id, _swapped(table, place, later))


def _without(table: Sequence[Rule], place: int) -> tuple[Rule, ...]:
    """Return the table less one row; a last row that holds always stands, so there is one."""
    rest = (*table[:place], *table[place + 1 :])
    return rest if place < len(table) - 1 else (*rest, replace(table[0], when=lambda _: True))


def _with(table: Sequence[Rule], place: int, rule: Rule) -> tuple[Rule, ...]:
    return (*table[:place], rule, *table[place + 1 :])


def _swapped(table: Sequence[Rule], one: int, two: int) -> tuple[Rule, ...]:
    """Return the table with row ``two`` asked just before row ``one``."""
    rest = [rule for place, rule in enumerate(table) if place != two]
    return (*rest[:one], table[two], *rest[one:])


def _changes(rule: Rule) -> Iterator[tuple[Rule, str]]:
    for state in State:
        if state is not rule.state:
            yield replace(rule, state=state), f"state {state}"
    for locus in Locus:
        if locus is not rule.locus:
            yield replace(rule, locus=locus), f"locus {locus}"
    for confidence in Confidence:
        if confidence is not rule.confidence:
            yield replace(rule, confidence=confidence), f"confidence {confidence}"
    yield replace(rule, mechanism=f"{rule.mechanism}.x"), "another mechanism"
    for need in rule.needs:
        rest = tuple(n for n in rule.needs if n is not need)
        yield replace(rule, needs=rest), f"no need {need.name.lower()}"


def _met(table: Sequence[Rule], pool: Sequence[Features]) -> list[frozenset[int]]:
    """Return for each row the features, by place in ``pool``, for which it is the first to hold.

    A row that holds only where an earlier one does as well says nothing there.
    """
    first: list[set[int]] = [set() for _ in table]
    for index, features in enumerate(pool):
        for place, rule in enumerate(table):
            if rule.when(features):
                first[place].add(index)
                break
    return [frozenset(found) for found in first]


def _next_met(
    table: Sequence[Rule], place: int, met: frozenset[int], pool: Sequence[Features]
) -> int | None:
    """Return the next row that could hold where this one decides, and would say otherwise."""
    for later in range(place + 1, len(table)):
        if any(_differs(table[place], table[later], pool[i]) for i in met):
            return later
    return None


def _differs(one: Rule, two: Rule, features: Features) -> bool:
    return two.when(features) and _says(one, features) != _says(two, features)


def _says(rule: Rule, features: Features) -> tuple[object, ...]:
    sure = Confidence.WEAK if missing(rule, features) else rule.confidence
    return (rule.state, rule.mechanism, rule.locus, sure, rule.sentence)


def distinct(pool: Iterable[Features]) -> tuple[Features, ...]:
    """Return the features, each once."""
    return tuple({repr(features): features for features in pool}.values())
