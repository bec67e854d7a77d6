"""The last ten rounds against a pair's own past: what is found, how large, and what is silent."""

import dataclasses
import math

import numpy as np
import pytest
from msgspec.structs import replace
from paired_transfers import KEY, Slowing, every, hill, rounds, since, speed

from probe.analysis.throttle import (
    Finding,
    assess,
    finding,
    history_of,
    line_key,
    throttle_of,
    told_apart,
)
from probe.model.codec import decode, encode
from probe.model.goodput import Pair, Pairing, PairKey
from probe.model.throttle import Grade, Shape, Throttle, ThrottleScope

DAY = every(15, 1)
TEN = DAY[-10]


def said(pairs: tuple[Pair, ...], key: PairKey = KEY) -> tuple[Finding, Finding]:
    """Return what is found of the pair, and of its line."""
    (pair, _), (line, _) = assess([history_of(key, pairs), history_of(key, pairs, general=True)])
    assert line.history.key == line_key(key)
    return pair, line


@pytest.mark.parametrize("factor", [4.0, 10.0, 50.0])
def test_ten_rounds_show_it_with_its_size_and_level(factor: float) -> None:
    """The ratio and the level are those that were made, within their intervals."""
    pair, line = said(rounds(DAY, target=since(TEN, factor), seed=6))
    assert pair.found
    assert not line.found
    told = throttle_of(pair)
    assert told.ratio == pytest.approx(factor, rel=0.1)
    assert told.at_most is not None
    assert told.at_least <= factor <= told.at_most
    assert told.level_kbps == pytest.approx(8e3 / factor, rel=0.1)
    assert told.level_interval is not None
    assert told.level_interval[0] <= 8e3 / factor <= told.level_interval[1]
    assert told.before_kbps == pytest.approx(8e3, rel=0.1)
    assert (told.rounds, told.scope) == (10, ThrottleScope.TARGETED)
    assert decode(encode(told), Throttle) == told


def test_a_quarter_slower_and_half_slower_is_nothing() -> None:
    """More than a factor of two is asked for: paths and servers move within it by themselves."""
    for factor in (1.3, 1.9):
        assert not said(rounds(DAY, target=since(TEN, factor)))[0].found


def test_twice_is_the_bound_of_the_test_and_not_of_the_estimate() -> None:
    """A little more than twice is slow as it looks, and not beyond chance."""
    pair, _ = said(rounds(DAY, target=since(TEN, 2.15), noise=0.15, seed=2))
    assert pair.grade is Grade.SLOW
    assert pair.p > 0.01
    assert not pair.found


def test_a_pair_is_compared_with_what_was_before() -> None:
    """Where twenty earlier rounds are known, none that came later is taken."""
    history = history_of(KEY, rounds(DAY[:60]))
    chosen = np.zeros(60, dtype=np.bool_)
    chosen[25:35] = True
    assert set(finding(history, chosen).base.tolist()) == set(range(25))
    chosen[:20] = True
    assert set(finding(history, chosen).base.tolist()) >= {20, 36, 39}


SILENT: dict[str, Slowing] = {
    "quiet": {},
    "the line's evening, 25 %": {"controls": hill(1 / 0.75)},
    "the line's evening, 50 %": {"controls": hill(2), "line_rtt": hill(2.5)},
    "the line's evening, 75 %": {"controls": hill(4), "line_rtt": hill(4)},
    "the way's evening, 50 %, with its queue": {"target": hill(2), "target_rtt": hill(2.5)},
    "the way's evening, 75 %, with its queue": {"target": hill(4), "target_rtt": hill(4)},
    "a server 40 % slower": {"target": hill(1 / 0.6)},
    "always a hundred times slower": {"target": lambda _: 100.0},
}


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_each_innocent_evening_stays_silent(name: str, noise: float) -> None:
    """At 21:00, its worst hour, neither the service nor the line is said to be slowed."""
    hours = [hour for hour in DAY if hour <= 21.5]
    pair, line = said(rounds(hours, noise=noise, **SILENT[name]))
    assert not pair.found
    assert not line.found


@pytest.mark.parametrize("pairing", list(Pairing))
def test_what_came_as_before_was_not_slowed(pairing: Pairing) -> None:
    """A line that became eight times faster leaves behind what its own server holds at a rate."""
    pairs = rounds(DAY, controls=since(TEN, 1 / 8), target=since(TEN, 8))
    pair, line = said(pairs, replace(KEY, pairing=pairing))
    assert pair.p < 0.01
    assert pair.overtaken
    assert not pair.found
    assert not line.found


def test_one_control_that_moved_nearer_slows_nobody() -> None:
    """The middle of two controls goes up with one of them; the target came as before."""
    pairs = rounds(DAY)
    nearer = tuple(
        replace(pair, controls=(pair.controls[0], speed(1e8))) if at >= TEN else pair
        for at, pair in zip(DAY, pairs, strict=True)
    )
    pair, _ = said(nearer)
    assert pair.p < 0.01
    assert not pair.found


def test_a_limit_on_a_line_that_became_faster_is_one() -> None:
    """Controls twice as fast and a target at a tenth: most of the change is the target's."""
    pair, _ = said(rounds(DAY, controls=since(TEN, 1 / 2), target=since(TEN, 20)))
    assert pair.found


def test_a_line_that_is_slowed_is_general() -> None:
    """All at once and to one level: the controls against their own past; the service is not it."""
    pair, line = said(rounds(DAY, controls=since(TEN, 5)))
    assert line.found
    assert not pair.found
    told = throttle_of(line)
    assert told.scope is ThrottleScope.GENERAL
    assert told.ratio == pytest.approx(5, rel=0.1)


def level(hour: float) -> float:
    return 0.2 if hour < TEN else 1.0


def test_who_was_faster_than_its_controls_falls_back_to_them() -> None:
    """Of a service that one level for all has cost its lead nothing is said beside the line."""
    pairs = rounds(DAY, controls=since(TEN, 5), target=level)
    pair, line = said(pairs)
    assert line.found
    assert pair.p < 0.01
    assert pair.of_line
    assert not pair.found
    alone = told_apart([finding(pair.history, pair.slow)])
    assert alone[0].found


def test_controls_that_are_slow_by_themselves_are_no_line() -> None:
    """While the target goes on as fast as ever."""
    pairs = rounds(DAY, controls=since(TEN, 6), target=lambda h: 1 / 6 if h >= TEN else 1.0)
    pair, line = said(pairs)
    assert line.p < 0.01
    assert not line.found
    assert not pair.found


def test_abroad_beside_the_country_is_the_border() -> None:
    """The same comparison with another meaning."""
    border = replace(KEY, subject="", pairing=Pairing.BORDER)
    pair, line = said(rounds(DAY, target=since(TEN, 4)), border)
    assert pair.found
    assert throttle_of(pair).scope is ThrottleScope.BORDER
    assert not line.found


def test_the_same_server_needs_no_votes() -> None:
    """All of its path is shared: scatter and round trips there are no crowd's."""
    pairs = rounds(DAY, target=since(TEN, 6), target_rtt=since(TEN, 4), noise=0.4)
    assert said(pairs)[0].crowded
    same = said(pairs, replace(KEY, pairing=Pairing.SAME_SERVER))[0]
    assert not same.crowded
    assert same.found


def test_grades_are_by_size_and_days() -> None:
    """Four times on one day is slow; on two of three it is throttled; ten times is extreme."""
    once = since(TEN, 5)
    assert said(rounds(DAY, target=once))[0].grade is Grade.SLOW
    few = every(360, 16)
    three_days = since(few[-10], 5)
    assert said(rounds(few, target=three_days))[0].grade is Grade.THROTTLED
    assert said(rounds(few, target=since(few[-10], 3)))[0].grade is Grade.SLOW
    assert said(rounds(DAY, target=since(TEN, 15)))[0].grade is Grade.EXTREME


def test_days_are_those_of_the_place() -> None:
    """Ten rounds over midnight in Tehran are two days there, and one in UTC."""
    hours = [one + 12 for one in DAY]
    until = [one for one in hours if one <= 24 - 2.5]
    pairs = rounds(until, target=since(until[-10], 5), tz="Asia/Tehran")
    assert said(pairs)[0].grade is Grade.THROTTLED
    assert said(tuple(replace(pair, tz="UTC") for pair in pairs))[0].grade is Grade.SLOW


def test_chances_are_corrected_for_all_pairs_of_a_vantage() -> None:
    """One of twenty is as likely found by chance as its p times twenty."""
    few = every(30, 1.1)
    slow = history_of(KEY, rounds(few, target=since(few[-10], 3)))
    quiet = history_of(KEY, rounds(few, seed=50))
    others = [dataclasses.replace(quiet, key=replace(KEY, subject=f"q{i}")) for i in range(19)]
    one, q = assess([slow, *others])[0]
    assert q == pytest.approx(one.p * 20)


def test_too_few_rounds_are_not_compared() -> None:
    """Four recent ones or a baseline of nineteen: chance 1, nothing said."""
    pair, _ = said(rounds(DAY[:22], target=since(DAY[12], 10)))
    assert pair.p == 1.0
    assert not pair.found
    with pytest.raises(ValueError, match="not slow"):
        throttle_of(pair)
    with pytest.raises(ValueError, match="needs a round"):
        history_of(KEY, ())


def test_transfers_that_all_stall_have_no_ratio() -> None:
    """At least so many times slower; the level of what did not come is not known."""
    usual = rounds(DAY[:-10])
    stall = [
        replace(
            pair,
            target=replace(pair.target, censored=True, stalled_at=18_000, received=18_000),
        )
        for pair in rounds(DAY[-10:])
    ]
    pair, _ = said((*usual, *stall))
    assert pair.found
    told = throttle_of(pair)
    assert (told.ratio, told.at_most) == (None, None)
    assert told.grade is Grade.EXTREME
    assert told.shape is Shape.FROZEN
    assert told.frozen_at == (18_000, 18_000)
    assert told.level_kbps is None
    assert math.isfinite(told.at_least)
