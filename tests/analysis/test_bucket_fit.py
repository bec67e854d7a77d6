"""What buckets say of the places of losses."""

import math
from dataclasses import replace

import numpy as np
import pytest
from policed_transfers import RTT_S, policed

from probe.analysis.arrays import FloatArray
from probe.analysis.bucket_fit import depths_if_full, evidence
from probe.analysis.policed_arrivals import Arrivals
from probe.model.goodput import Speed

RATE, DEPTH = 300_000.0, 24_000.0
MARK = 4096
"""A bucket that is counted by marks is as much deeper: a step is taken from a full one whole."""


def arrivals(seed: int, depth: float = DEPTH) -> Arrivals:
    found = Arrivals.of(policed(RATE, depth, seed=seed))
    assert found is not None
    return found


def said(transfers: list[Arrivals], rate: float, depth: float = DEPTH + MARK) -> float:
    at = (np.array([[rate]]), np.array([[depth]]))
    return float(sum(evidence(one, *at)[0, 0] for one in transfers))


def test_the_bucket_that_was_there_explains_its_losses_best() -> None:
    """Better than one a fifth faster or slower, and better than nothing."""
    ten = [arrivals(seed) for seed in range(10)]
    right = said(ten, RATE)
    assert right > 10
    assert right > said(ten, 1.2 * RATE) + 3
    assert right > said(ten, RATE / 1.2) + 3


def test_a_bucket_that_is_overdrawn_says_nothing() -> None:
    """At half of the rate more came than it held: the transfer counts as not explained, no less."""
    assert said([arrivals(1)], RATE / 2) == pytest.approx(math.log(0.03), abs=0.01)


def test_a_bucket_that_is_always_full_says_nothing() -> None:
    """With ten times the rate all marks are alike, so losses might be anywhere."""
    assert said([arrivals(1)], 10 * RATE, 2.0**20) == pytest.approx(0.0, abs=0.1)


def test_a_pace_that_stays_is_the_policers() -> None:
    """A full bucket emptied at once, then a sender that keeps to what passes, and grows no more.

    Of the one loss alone, a bucket three times as fast and so much shallower is about as likely.
    """
    paced = [_paced(times) for times in (6.0, 7.0, 8.0)]
    at = np.array([RATE, 3 * RATE])
    depths = depths_if_full(paced, at)
    by_losses = [replace(one, steady=one.steady[:0]) for one in paced]
    leads = []
    for transfers in (paced, by_losses):
        right, fast = np.sum([evidence(one, at, depths) for one in transfers], axis=0)
        leads.append(right - fast)
    assert leads[1] < 3
    assert leads[0] > leads[1] + 5


def _paced(times: float) -> Arrivals:
    """Return 512 KiB: a bucket of 120,000 bytes at so many times its rate, a loss, its rate."""
    burst = round(120_000 * times / (times - 1) / MARK)
    waits = round(1.5 * RTT_S * RATE / MARK)
    steps = [MARK / (times * RATE)] * (burst - 1) + [1.5 * RTT_S] + [0.0005] * (waits - 1)
    steps += [MARK / RATE] * (127 - len(steps))
    found = Arrivals.of(Speed(rate=RATE, rtt_s=RTT_S, marks=_even(np.array(steps))))
    assert found is not None
    assert found.steady.size == 1
    return found


def test_losses_at_any_time_are_no_buckets() -> None:
    """Pauses strewn over a steady stream: even the best bucket says little, where one was much."""
    rng = np.random.default_rng(4)
    rates, depths = np.geomspace(1e5, 1e6, 30), np.geomspace(8192.0, 2.0**20, 12)
    total = np.zeros((rates.size, depths.size))
    for _ in range(6):
        steps = np.full(127, 4096 / RATE)
        steps[rng.choice(np.arange(5, 127), 4, replace=False)] += 2 * RTT_S
        times = np.cumsum(steps).tolist()
        marks = tuple((4096 * (place + 1), at_s) for place, at_s in enumerate(times))
        found = Arrivals.of(Speed(rate=RATE, rtt_s=RTT_S, marks=marks))
        assert found is not None
        total += evidence(found, rates[:, None], depths[None, :])
    strewn = total.max() / (6 * 4)
    ten = [arrivals(seed) for seed in range(10)]
    assert said(ten, RATE) / sum(one.losses.size for one in ten) > 2 * strewn


def test_a_full_bucket_has_the_depth_that_first_losses_say() -> None:
    """What had come by then, less what the rate gave meanwhile; of those without a loss nothing."""
    full = [_emptied(at_s) for at_s in (0.1, 0.2, 0.3)]
    calm = Arrivals.of(Speed(rate=RATE, rtt_s=RTT_S, marks=_even(np.full(40, 0.01))))
    assert calm is not None
    found = depths_if_full([*full, calm], np.array([RATE, 2 * RATE]))
    assert found[0] == pytest.approx(100_000, abs=6_000)
    assert found[1] == pytest.approx(40_000, abs=6_000)


def _emptied(at_s: float) -> Arrivals:
    """Return a transfer whose full bucket of 100,000 bytes is empty at ``at_s``."""
    count = round((100_000 + RATE * at_s) / 4096)
    steps = np.concatenate((np.full(count - 1, at_s / (count - 1)), [2 * RTT_S], np.full(20, 0.01)))
    found = Arrivals.of(Speed(rate=RATE, rtt_s=RTT_S, marks=_even(steps)))
    assert found is not None
    return found


def _even(steps_s: FloatArray) -> tuple[tuple[int, float], ...]:
    times = np.cumsum(np.append(0.0, steps_s)).tolist()
    return tuple((4096 * (place + 1), at_s) for place, at_s in enumerate(times))
