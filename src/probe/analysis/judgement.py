"""What a measured window must show before it is claimed, and which episodes it explains."""

import math
from collections.abc import Iterable

from probe.analysis.candidate import LEAST_DAYS, Candidate
from probe.analysis.episodes import Episode
from probe.analysis.study import Study
from probe.analysis.wallclock import DAY_MIN
from probe.analysis.window import Measured
from probe.model.event import Label, Reach
from probe.model.timeline import Signal

__all__ = ["accepted", "explained", "label_of", "overruled", "reach_of", "reach_of_window", "solid"]

INSIDE_BAD = 0.75
CONTRAST = 0.5
CONTROLS_GOOD = 0.25
CONTROLS_BAD = 0.9
FLIPS = 0.2
_FLIPS_SPARE = 1
CONTROLS_RISE = 0.1
_RISE_SPREAD = 0.03
KEPT = 1 / 3
KEPT_FEW = 0.55
ESTABLISHED_DAYS = 5
_INSIDE_WINDOW = 0.8
_HALF = 0.5


def accepted(study: Study, found: Candidate, measured: Measured) -> bool:
    """Return whether a recurrence is a window: enough days, bad inside, fine around it.

    Three quarters of the samples inside are bad and half of all fewer around; a day has it or
    has it not: one look in five at most says otherwise than the one before, whereas in
    congestion they come and go; it is there on one day of three at least; the controls either
    worked or failed altogether: a part of them failing is what congestion looks like. A day on
    which a gap hides one edge counts half, since what a host sees when it wakes begins then.
    """
    if seen_days(found) < LEAST_DAYS:
        return False
    few = seen_days(found) < ESTABLISHED_DAYS
    if measured.supports.size < (KEPT_FEW if few else KEPT) * measured.observable:
        return False
    return solid(study, measured)


def solid(study: Study, measured: Measured) -> bool:
    """Return whether a window is bad inside and fine around it, throughout, by good controls."""
    inside, around = measured.inside_share, measured.shoulder_share
    if inside is None or around is None:
        return False
    if inside < INSIDE_BAD or inside - around < CONTRAST:
        return False
    if measured.flips > _flips_allowed(measured.pairs):
        return False
    return reach_of_window(study, measured) is not Reach.MIXED


def _flips_allowed(pairs: int) -> float:
    """Return how often looks inside may disagree: one in five, and what chance adds to it."""
    return FLIPS * pairs + math.sqrt(FLIPS * (1 - FLIPS) * pairs) + _FLIPS_SPARE


def seen_days(found: Candidate) -> float:
    """Return the days that match, those with one hidden edge counted half."""
    hidden = sum(e.start.censored or e.end.censored for e in found.episodes)
    return float(found.days.size - hidden / 2)


def reach_of_window(study: Study, measured: Measured) -> Reach:
    """Return what failed with a window.

    Controls that mostly work but fail more inside than around are crowded as well: a tenth more
    is allowed, and what few looks leave open.
    """
    rise = CONTROLS_RISE + math.sqrt(_RISE_SPREAD / max(1, measured.control_looks))
    return reach_of(study, measured.control_inside, measured.control_outside, rise=rise)


def reach_of(
    study: Study, inside: float | None, outside: float | None = None, *, rise: float = 1.0
) -> Reach:
    """Return what failed with it, from the share of failed controls inside and around.

    ``rise`` is by how much more may have failed inside than around while "the controls worked".
    """
    signal = study.series.key.signal
    if signal is Signal.UPSTREAM:
        return Reach.TOTAL
    if signal is Signal.INTL:
        return Reach.DOMESTIC_ONLY
    if inside is None:
        return Reach.UNKNOWN
    if inside <= CONTROLS_GOOD:
        return Reach.TARGETED if inside - (outside or 0.0) <= rise else Reach.MIXED
    if inside >= CONTROLS_BAD and inside - (outside or 0.0) >= CONTRAST:
        return Reach.TOTAL
    return Reach.MIXED


def label_of(found: Candidate) -> Label:
    """Return ``established`` from five days on; the label speaks of this line only."""
    return Label.ESTABLISHED if seen_days(found) >= ESTABLISHED_DAYS else Label.SUSPECTED


def explained(episodes: Iterable[Episode], found: Candidate, measured: Measured) -> set[Episode]:
    """Return the episodes that a window accounts for.

    These are the ones that match it, and, while it lasts, those that lie in it for at least
    four fifths of their length: a day that ended early, or of which only a part was seen.
    """
    return _within(episodes, found, measured, share=_INSIDE_WINDOW, always=False)


def overruled(episodes: Iterable[Episode], found: Candidate, measured: Measured) -> set[Episode]:
    """Return the episodes that cannot make a window once this one was measured and refused.

    What is left of crowded evenings would look regular by itself: all that lies by half in these
    hours, on whatever day, goes with it. A cut in the same hours of other days fits better than
    what was refused, and was therefore measured before it.
    """
    return _within(episodes, found, measured, share=_HALF, always=True)


def _within(
    episodes: Iterable[Episode], found: Candidate, measured: Measured, *, share: float, always: bool
) -> set[Episode]:
    mine = set(found.episodes)
    first, last = int(found.days[0]), int(found.days[-1])
    start, end = measured.start.minute, measured.end.minute
    for episode in episodes:
        begun = _minute(found, episode.start_s)
        ended = _minute(found, episode.end_s)
        length = max(ended - begun, 1.0)
        day = (begun - found.boundary) // DAY_MIN
        for near in (day - 1, day, day + 1):
            low, high = near * DAY_MIN + start, near * DAY_MIN + end
            shared = min(ended, high) - max(begun, low)
            if (always or first <= near <= last) and shared >= share * length:
                mine.add(episode)
    return mine


def _minute(found: Candidate, time_s: float) -> float:
    return (time_s + found.fold.offsets.at(time_s)) / 60
