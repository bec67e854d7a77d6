"""A sentence at the head of a report: which mark stands before it, and what stands below."""

from collections.abc import Callable, Hashable, Iterable
from enum import StrEnum
from typing import NamedTuple, TypeVar

from probe.report.data import LINE_SUBJECT, Bar, ServiceFinding, WindowRow

__all__ = ["Ground", "Headline", "Tone", "grouped", "subject_of"]

T = TypeVar("T")
Ground = ServiceFinding | WindowRow | Bar
"""What a sentence rests on: services, windows and outages, or stretches of the line."""


class Tone(StrEnum):
    """Which mark stands before a sentence."""

    CUT = "cut"
    LINE = "line_off"
    DOMESTIC = "domestic"
    REFUSED = "refused"
    FAILED = "failed"
    DOWN = "down"
    SLOW = "slow"
    UNCLEAR = "unclear"
    FINE = "fine"


class Headline(NamedTuple):
    """One sentence, the smaller ones below it, and what all of them are said of."""

    tone: Tone
    text: str
    details: tuple[str, ...] = ()
    grounds: tuple[Ground, ...] = ()


def subject_of(ground: Ground) -> str:
    """Return the service that it is about, or the line."""
    if isinstance(ground, ServiceFinding):
        return ground.id
    return LINE_SUBJECT if isinstance(ground, Bar) else ground.subject


def grouped(found: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Return what shares a key together, in the order in which the keys came."""
    groups: dict[Hashable, list[T]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())
