"""IPv4 and IPv6 of one endpoint, apart: each is a path of its own, and is judged as one.

Applications try both and take what works (RFC 8305), which hides that one of them is cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from probe.model.address import family_of
from probe.model.measurement import DnsStep, Measurement, Outcome, Variant, main_look

__all__ = ["Side", "family_of_look", "sides"]

_OF_BOTH = (Variant.OTHER_HOST, Variant.ANCHOR, Variant.OTHER_UDP)
"""Looks that say something of the line and the name, whatever family they went over."""


@dataclass(frozen=True, slots=True)
class Side:
    """What belongs to one family: measurements, and their places in the whole bundle."""

    family: int | None
    bundle: tuple[Measurement, ...]
    places: tuple[int, ...]


def family_of_look(measurement: Measurement) -> int | None:
    """Return 4 or 6 by what was dialled, else by what was asked for; ``None`` is not known."""
    dialled = [family_of(s.address) for s in measurement.steps if not isinstance(s, DnsStep)]
    if dialled:
        return dialled[-1]
    asked = {s.qtype for s in measurement.steps if isinstance(s, DnsStep)}
    return {frozenset({"A"}): 4, frozenset({"AAAA"}): 6}.get(frozenset(asked))


def sides(bundle: Sequence[Measurement]) -> tuple[Side, Side | None]:
    """Return the side of the first look, and the other family's when that was looked at.

    On each side its own first look is the first look, and the other's is ``OTHER_FAMILY``.
    """
    whole = Side(None, tuple(bundle), tuple(range(len(bundle))))
    main = main_look(bundle)
    there = next(
        (m for m in bundle if m.variant is Variant.OTHER_FAMILY and m.outcome is Outcome.MEASURED),
        None,
    )
    if main is None or there is None:
        return whole, None
    mine, other = family_of_look(main), family_of_look(there)
    if other is None or mine == other:
        return whole, None
    here, away = [], []
    for place, m in enumerate(bundle):
        if m is there:
            here.append((place, m))
            away.append((place, replace(m, variant=Variant.MAIN)))
        elif m is main:
            here.append((place, m))
            away.append((place, replace(m, variant=Variant.OTHER_FAMILY)))
        elif m.variant in _OF_BOTH:
            here.append((place, m))
            away.append((place, m))
        elif family_of_look(m) == other:
            away.append((place, m))
        else:
            here.append((place, m))
    return _side(mine, here), _side(other, away)


def _side(family: int | None, parts: Sequence[tuple[int, Measurement]]) -> Side:
    return Side(family, tuple(m for _, m in parts), tuple(place for place, _ in parts))
