"""Onset and end while they happen: how soon, how seldom for nothing, and between which samples."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.onset import (
    Live,
    LiveParameters,
    replay,
    step,
    threshold,
)
from probe.model.timeline import Absence, Sample

START = datetime(2026, 3, 2, tzinfo=UTC)
QUARTER_S = 900.0
HOUR_S = 3600.0


def samples(text: str, *, every_s: float = QUARTER_S, start: datetime = START) -> list[Sample]:
    """Return one sample a letter: ``g`` good, ``b`` bad, ``-`` an absence."""
    return [
        Sample(
            time=start + timedelta(seconds=place * every_s),
            bad=None if letter == "-" else letter == "b",
            absence=Absence.INVALID if letter == "-" else None,
        )
        for place, letter in enumerate(text)
    ]


def test_the_threshold_is_the_logarithm_of_the_samples_between_false_alarms() -> None:
    """One false alarm in ten years at 15 minutes is ln 350,640; each series gets its share."""
    assert threshold(QUARTER_S, years=10) == pytest.approx(math.log(350_640))
    more = threshold(QUARTER_S, years=10, series=20) - threshold(QUARTER_S, years=10)
    assert more == pytest.approx(math.log(20))


@pytest.mark.parametrize("bad", [(0.0, 1.0, 1), (900.0, 0.0, 1), (900.0, 1.0, 0)])
def test_a_threshold_of_nothing_is_refused(bad: tuple[float, float, int]) -> None:
    """There is no rate without a spacing, a time and a series."""
    with pytest.raises(ValueError, match="above zero"):
        threshold(bad[0], years=bad[1], series=bad[2])


def test_four_bad_looks_in_a_row_are_an_onset_and_its_bracket_is_named() -> None:
    """Three are not; the change lies between the last good look and the first bad one."""
    _, none = replay(samples("gggbbbggg"), spacing_s=QUARTER_S)
    assert none == ()
    live, turns = replay(samples("gggbbbb"), spacing_s=QUARTER_S)
    (turn,) = turns
    assert turn.bad
    assert live.bad
    assert turn.after == START + timedelta(seconds=2 * QUARTER_S)
    assert turn.since == START + timedelta(seconds=3 * QUARTER_S)
    assert turn.at == START + timedelta(seconds=6 * QUARTER_S)
    assert turn.samples == 4
    assert turn.score > turn.threshold


def test_one_good_look_in_the_middle_does_not_hide_when_it_began() -> None:
    """A leak of one look: the bracket is still that of the first bad one."""
    _, turns = replay(samples("gggbbgbbbbb"), spacing_s=QUARTER_S)
    assert [turn.since for turn in turns] == [START + timedelta(seconds=3 * QUARTER_S)]
    assert turns[0].after == START + timedelta(seconds=2 * QUARTER_S)


def test_the_end_is_found_as_well() -> None:
    """After an onset, good looks in a row say that it works again, with a bracket."""
    live, turns = replay(samples("gg" + "b" * 8 + "g" * 8), spacing_s=QUARTER_S)
    assert [turn.bad for turn in turns] == [True, False]
    assert not live.bad
    assert turns[1].since == START + timedelta(seconds=10 * QUARTER_S)
    assert turns[1].after == START + timedelta(seconds=9 * QUARTER_S)


def test_what_was_bad_from_the_first_look_has_no_look_before() -> None:
    """A watch that starts within trouble does not claim to have seen it begin."""
    _, turns = replay(samples("bbbbb"), spacing_s=QUARTER_S)
    assert [turn.after for turn in turns] == [None]


def test_a_burst_counts_as_two_looks() -> None:
    """Retests within ten minutes of a change repeat one observation; they alone are no onset."""
    burst = [
        Sample(time=START + timedelta(minutes=minute), bad=True, burst=minute > 0)
        for minute in (0, 2, 5, 9)
    ]
    live, turns = replay(burst, spacing_s=QUARTER_S)
    assert turns == ()
    assert live.score == pytest.approx(2 * math.log(0.92 / 0.03))


def test_a_burst_and_two_more_looks_are_an_onset() -> None:
    """So trouble is known about half an hour after its first look, at 15 minutes."""
    times = (0, 2, 5, 9, 15, 30)
    looks = [
        Sample(time=START + timedelta(minutes=m), bad=True, burst=m in (2, 5, 9)) for m in times
    ]
    _, turns = replay(looks, spacing_s=QUARTER_S)
    assert [turn.at for turn in turns] == [START + timedelta(minutes=30)]


def test_a_second_burst_is_evidence_of_its_own() -> None:
    """What lasts is known after two bursts, before the next regular look."""
    looks = [
        Sample(time=START + timedelta(minutes=m), bad=True, burst=m > 0)
        for m in (0, 2, 5, 9, 12, 14, 18)
    ]
    _, turns = replay(looks, spacing_s=QUARTER_S)
    assert [turn.at for turn in turns] == [START + timedelta(minutes=14)]


def test_samples_that_say_nothing_change_nothing() -> None:
    """Absences, no weight, failed controls and what comes out of order are passed over."""
    live = Live(score=2.0, last=START, rising=START)
    mute = [
        Sample(time=START + timedelta(hours=1), bad=None, absence=Absence.HOST_OFF),
        Sample(time=START + timedelta(hours=1), bad=True, weight=0.0),
        Sample(time=START + timedelta(hours=1), bad=True, control_bad=0.8),
        Sample(time=START - timedelta(hours=1), bad=True),
    ]
    for sample in mute:
        assert step(live, sample, spacing_s=QUARTER_S) == (live, None)


def test_half_a_weight_is_half_the_evidence() -> None:
    """A failure of unknown locus joins at half weight, and needs twice as many looks."""
    half = [
        Sample(time=START + timedelta(seconds=place * QUARTER_S), bad=True, weight=0.5)
        for place in range(7)
    ]
    assert replay(half, spacing_s=QUARTER_S)[1] == ()
    eighth = Sample(time=START + timedelta(hours=4), bad=True, weight=0.5)
    assert len(replay([*half, eighth], spacing_s=QUARTER_S)[1]) == 1


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Mean run length without trouble is at least e^h (Lorden), at the assumed rate of errors."""
    rng = random.Random(5)
    parameters = LiveParameters(years=400 * QUARTER_S / (365.25 * 86_400))
    promised = 400
    lengths = []
    for _ in range(60):
        live = Live()
        for place in range(100_000):
            look = Sample(
                time=START + timedelta(seconds=place * QUARTER_S), bad=rng.random() < 0.03
            )
            live, turn = step(live, look, spacing_s=QUARTER_S, parameters=parameters)
            if turn is not None:
                lengths.append(place + 1)
                break
    assert len(lengths) == 60
    assert sum(lengths) / len(lengths) >= promised


def retested(rng: random.Random, *, looks: int) -> Iterator[tuple[int, Sample]]:
    """Yield looks that fail for nothing one by one, each with its number among the regular ones.

    After a change they are followed by retests, up to three bursts while the change lasts.
    """
    worked = True
    for place in range(looks):
        at = START + timedelta(seconds=place * HOUR_S)
        bad = rng.random() < 0.03
        yield place, Sample(time=at, bad=bad)
        changed, worked = worked is bad, not bad
        for burst in range(3 if changed else 0):
            last = bad
            for minute in (2, 5, 9):
                last = rng.random() < 0.03
                again = at + timedelta(minutes=11 * burst + minute)
                yield place, Sample(time=again, bad=last, burst=True)
            worked = not last
            if last is not bad:
                break


def test_retests_do_not_break_the_promise() -> None:
    """A false look brings another counted one with it; alarms stay as rare in regular looks."""
    rng = random.Random(7)
    parameters = LiveParameters(years=400 * HOUR_S / (365.25 * 86_400))
    lengths = []
    for _ in range(60):
        live = Live()
        for place, look in retested(rng, looks=100_000):
            live, turn = step(live, look, spacing_s=HOUR_S, parameters=parameters)
            if turn is not None:
                lengths.append(place + 1)
                break
    assert len(lengths) == 60
    assert sum(lengths) / len(lengths) >= 400


@given(st.text(alphabet="gb-", max_size=60), st.integers(min_value=0, max_value=60))
def test_taking_samples_one_by_one_or_after_a_restart_is_the_same(text: str, cut: int) -> None:
    """What is known is all in ``Live``: a restart between any two samples changes nothing."""
    every = samples(text)
    whole = replay(every, spacing_s=QUARTER_S)
    first, turns = replay(every[:cut], spacing_s=QUARTER_S)
    second, more = replay(every[cut:], spacing_s=QUARTER_S, live=first)
    assert (second, (*turns, *more)) == whole
