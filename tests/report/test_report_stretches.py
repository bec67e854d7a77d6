"""Looks are cut at the longest silences, and none of them is lost."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from probe.model.times import instant
from probe.report.data import Looks, Stretch
from probe.report.stretches import counted, stretches_of

HOUR = 3_600_000_000


def stretches(hours: list[float], said: list[int] | None = None) -> tuple[Stretch, ...]:
    """Return the stretches of looks at these hours, good ones unless it is said."""
    moments = np.array([round(hour * HOUR) for hour in hours], dtype=np.int64)
    return stretches_of(moments, np.array(said or [0] * len(hours), dtype=np.int64))


def test_looks_are_counted_by_what_they_say() -> None:
    """One is a failure, nought is good, less than that tells nothing."""
    assert counted(np.array([1, 0, 0, -1, 1, 1])) == Looks(good=2, bad=3, unclear=1)


def test_a_silence_cuts() -> None:
    """Looks on both sides of a long silence are two stretches, each with its own looks."""
    before, after = stretches([0, 1, 2, 12, 13], [0, 1, -1, 0, 0])
    assert (before.start, before.end) == (instant(0), instant(2 * HOUR))
    assert before.looks == Looks(good=1, bad=1, unclear=1)
    assert (after.start, after.end, after.looks) == (
        instant(12 * HOUR),
        instant(13 * HOUR),
        Looks(good=2),
    )


@pytest.mark.parametrize("hours", [[0, 1, 2, 5, 6], [0, 24, 48, 90, 120]])
def test_a_usual_step_does_not_cut(hours: list[float]) -> None:
    """Neither three hours, nor less than twice the step of one look a day."""
    assert len(stretches(hours)) == 1


def test_only_the_longest_silences_cut() -> None:
    """Of many silences four cut, the longest, in the order of time; every look is counted."""
    hours, at = [], 0.0
    for silence in (5, 9, 6, 10, 7, 8):
        hours += [at, at + 1, at + 2]
        at += 2 + silence
    found = stretches([*hours, at])
    assert [one.looks.good for one in found] == [6, 6, 3, 3, 1]
    assert [after.start - one.end for one, after in pairwise(found)] == [
        timedelta(hours=silence) for silence in (9, 10, 7, 8)
    ]


def test_one_look_is_a_stretch_and_none_is_none() -> None:
    """A single look begins and ends where it was."""
    (only,) = stretches([7], [1])
    assert (only.start, only.end, only.looks) == (instant(7 * HOUR),) * 2 + (Looks(bad=1),)
    assert stretches([]) == ()
