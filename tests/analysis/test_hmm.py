"""The two-state model against brute force, and what it learns."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.evidence import Evidence, evidence_of
from probe.analysis.hmm import HmmParameters, false_bad, posterior, viterbi
from probe.model.timeline import Sample, Series, SeriesKey

P = HmmParameters()
START = datetime(2022, 3, 1, tzinfo=UTC)


def series(looks: list[tuple[float, bool]], **more: object) -> Series:
    """Return a series of (minutes since the start, bad)."""
    samples = tuple(
        Sample(time=START + timedelta(minutes=at), bad=bad, **more)  # type: ignore[arg-type]
        for at, bad in looks
    )
    return Series(key=SeriesKey(subject="s"), tz="UTC", samples=samples)


def _paths(evidence: Evidence) -> dict[tuple[bool, ...], float]:
    """Return ln P(path, samples) of every path, by the formulas as they are written."""
    a, b = P.fail_per_h, P.recover_per_h
    p0 = false_bad(evidence, P)
    found = {}
    for path in itertools.product((False, True), repeat=len(evidence)):
        total = math.log(a / (a + b) if path[0] else b / (a + b))
        for i, state in enumerate(path):
            chance = P.true_bad if state else p0
            total += math.log(chance if evidence.bad[i] else 1 - chance) * evidence.weight[i]
            if i:
                hours = max((evidence.time_s[i] - evidence.time_s[i - 1]) / 3600, 1 / 3600)
                moved = 1 - math.exp(-(a + b) * hours)
                to_bad, to_up = a / (a + b) * moved, b / (a + b) * moved
                step = {
                    (False, True): to_bad,
                    (False, False): 1 - to_bad,
                    (True, False): to_up,
                    (True, True): 1 - to_up,
                }
                total += math.log(step[path[i - 1], state])
        found[path] = total
    return found


looks = st.lists(
    st.tuples(st.floats(0, 2_000), st.booleans()), min_size=1, max_size=9, unique_by=lambda x: x[0]
)


@given(looks)
@settings(max_examples=80)
def test_viterbi_is_the_best_of_all_paths(given_looks: list[tuple[float, bool]]) -> None:
    """No path has a higher probability than the one returned."""
    evidence = evidence_of(series(given_looks))
    paths = _paths(evidence)
    mine = tuple(bool(state) for state in viterbi([evidence], P)[0])
    assert paths[mine] >= max(paths.values()) - 1e-9


@given(looks)
@settings(max_examples=80)
def test_the_posterior_is_the_sum_over_all_paths(given_looks: list[tuple[float, bool]]) -> None:
    """P(bad) at each sample equals the sum over the paths that are bad there."""
    evidence = evidence_of(series(given_looks))
    paths = _paths(evidence)
    total = sum(math.exp(value) for value in paths.values())
    for i, chance in enumerate(posterior([evidence], P)[0]):
        bad = sum(math.exp(value) for path, value in paths.items() if path[i])
        assert math.isclose(chance, bad / total, rel_tol=1e-9, abs_tol=1e-12)


def test_one_odd_sample_is_no_outage_and_a_run_is() -> None:
    """At 15 minutes one bad look is noise; four in a row are an outage."""
    quiet = [(15.0 * i, i == 20) for i in range(40)]
    assert not viterbi([evidence_of(series(quiet))], P)[0].any()
    cut = [(15.0 * i, 20 <= i < 24) for i in range(40)]
    assert list(np.flatnonzero(viterbi([evidence_of(series(cut))], P)[0])) == [20, 21, 22, 23]


def test_false_bad_is_learned_from_controls() -> None:
    """A vantage whose controls often fail trusts a failure less; broken rounds do not count."""
    many = [(15.0 * i, False) for i in range(200)]
    assert false_bad(evidence_of(series(many)), P) == P.false_bad
    lossy = false_bad(evidence_of(series(many, control_bad=0.08)), P)
    clean = false_bad(evidence_of(series(many, control_bad=0.0)), P)
    dead = false_bad(evidence_of(series(many, control_bad=1.0)), P)
    assert clean < P.false_bad < lossy < 0.1
    assert dead == P.false_bad


def test_a_burst_counts_as_two_samples_at_most() -> None:
    """Retests at 2, 5 and 9 minutes are correlated with the first look."""
    every = [15.0 * i for i in range(30)]
    times = sorted([*every, 152.0, 155.0, 159.0])
    evidence = evidence_of(series([(at, False) for at in times]))
    burst = (evidence.time_s >= evidence.time_s[0] + 150 * 60) & (
        evidence.time_s <= evidence.time_s[0] + 159 * 60
    )
    assert burst.sum() == 4
    assert math.isclose(evidence.weight[burst].sum(), 2.0)
    assert (evidence.weight[~burst] == 1.0).all()


def test_what_follows_a_burst_is_another_burst() -> None:
    """Looks of half an hour, each soon after the one before, are not one look in two."""
    every = [15.0 * i for i in range(30)]
    times = sorted([*every, 152.0, 155.0, 159.0, 161.0, 163.0, 167.0, 171.5, 173.0])
    evidence = evidence_of(series([(at, False) for at in times]))
    minute = (evidence.time_s - evidence.time_s[0]) / 60

    def weight(first: float, last: float) -> float:
        return float(evidence.weight[(minute >= first) & (minute <= last)].sum())

    assert math.isclose(weight(150, 159), 2.0)
    assert math.isclose(weight(161, 171.5), 2.0)
    assert math.isclose(weight(173, 180), 2.0)


def test_order_duplicates_and_weights() -> None:
    """Unsorted samples are sorted; equal times do no harm; a huge weight is capped."""
    shuffled = series([(30.0, True), (0.0, False), (0.0, True), (15.0, True)], weight=1e9)
    evidence = evidence_of(shuffled)
    assert list(evidence.time_s) == sorted(evidence.time_s)
    assert evidence.weight.max() <= 10
    assert np.isfinite(posterior([evidence], P)[0]).all()
