"""A limit told from a crowd, and how its bytes come."""

import random
from dataclasses import replace

import numpy as np
import pytest
from paired_transfers import KEY, SINCE, daily, every, hill, rounds, since, speed, stalled

from probe.analysis.rate_limit import Character, character
from probe.analysis.throttle import history_of
from probe.model.goodput import Pair
from probe.model.throttle import Shape

FOUR_DAYS = every(15, 4)


def looks(pairs: tuple[Pair, ...], *, general: bool = False) -> Character:
    """Return the character of all rounds that were slow against their past."""
    history = history_of(KEY, pairs, general=general)
    slow = np.array([bool(one) for one in history.past.bad])
    base = np.flatnonzero(~slow)
    return character(history.rounds, slow, base, history.past.bad, alone=not general)


def test_one_level_with_abrupt_edges_is_a_limit() -> None:
    """Each evening from one round to the next, the round trip as ever."""
    found = looks(rounds(FOUR_DAYS, target=daily(16, 24, 4)))
    assert (found.flat, found.abrupt, found.rtt_up) == (True, True, False)
    assert found.limit
    assert found.votes == 3


def test_a_crowd_takes_hours_and_lengthens_the_round_trip() -> None:
    """Three votes against: rates that scatter, gradual edges, queues."""
    crowd = hill(8)
    found = looks(rounds(FOUR_DAYS, target=crowd, target_rtt=hill(3), noise=0.05))
    assert (found.flat, found.abrupt, found.rtt_up) == (False, False, True)
    assert not found.limit


def test_a_limit_by_queueing_is_one_all_the_same() -> None:
    """Level and edges stand against the round trip, which a shaper lengthens too."""
    found = looks(rounds(FOUR_DAYS, target=daily(16, 24, 4), target_rtt=daily(16, 24, 3)))
    assert found.rtt_up is True
    assert found.limit


def test_edges_that_take_hours_are_no_limit_whatever_the_rest() -> None:
    """A server that is overloaded has a level at its worst hours, and no queue on the way."""
    found = Character(flat=True, abrupt=False, rtt_up=False)
    assert found.votes == 1
    assert not found.limit
    assert replace(found, abrupt=None).limit


def test_a_queue_before_both_sides_is_not_the_targets() -> None:
    """What the controls' round trips grew by is taken off; of a line by itself it counts."""
    pairs = tuple(
        Pair(
            time=one.time,
            tz=one.tz,
            target=speed(one.target.rate or 0, rtt_s=rtt),
            controls=tuple(speed(c.rate or 0, rtt_s=rtt) for c in one.controls),
        )
        for one in rounds(FOUR_DAYS, target=since(72, 4), controls=since(72, 3))
        for rtt in (0.15 if (one.time - SINCE).total_seconds() >= 72 * 3600 else 0.05,)
    )
    assert looks(pairs).rtt_up is False
    assert looks(pairs, general=True).rtt_up is True


@pytest.mark.parametrize(("jerky", "shape"), [(True, Shape.POLICED), (False, Shape.SHAPED)])
def test_what_is_dropped_comes_in_jerks(jerky: bool, shape: Shape) -> None:
    """Heaps after waits are policed, an even stream is shaped."""
    assert looks(rounds(FOUR_DAYS, target=since(72, 4), jerky=jerky)).shape is shape


def test_without_one_level_there_is_no_shape() -> None:
    """Jerks of a path whose rates scatter are not a limit's."""
    found = looks(rounds(FOUR_DAYS, target=since(72, 8), jerky=True, noise=0.5))
    assert found.flat is False
    assert found.shape is Shape.UNKNOWN


def frozen(places: list[int]) -> Character:
    usual = rounds(every(15, 1))
    slow = [
        Pair(
            time=SINCE.replace(day=3, hour=i // 4, minute=i % 4 * 15),
            tz="UTC",
            target=stalled(place) if place else speed(1e6),
            controls=(speed(1e6),),
        )
        for i, place in enumerate(places)
    ]
    return looks((*usual, *slow))


def test_stalls_at_one_place_are_a_freeze() -> None:
    """After 16 to 20 KiB each time: a mechanism of its own, which needs no votes."""
    found = frozen([random.Random(i).randrange(16_384, 20_480) for i in range(10)])
    assert found.frozen_at is not None
    assert 16_384 <= found.frozen_at[0] <= found.frozen_at[1] <= 20_480
    assert found.shape is Shape.FROZEN
    assert found.limit


def test_stalls_anywhere_are_none() -> None:
    """What a bad radio breaks off, it breaks off anywhere; and four are too few."""
    assert frozen([random.Random(i).randrange(4_096, 250_000) for i in range(10)]).frozen_at is None
    assert frozen([18_000] * 4).frozen_at is None
