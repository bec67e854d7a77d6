"""The recurrence test: overlap, its null, and the rate of false discoveries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.recurrence import (
    Arcs,
    benjamini_hochberg,
    matches,
    p_value,
    strongest,
)
from probe.analysis.wallclock import quietest_minute

FLAT = np.ones(48)


def arcs(rows: list[tuple[int, float, float]]) -> Arcs:
    rows = sorted(rows)
    return Arcs(
        np.array([r[0] for r in rows], dtype=np.int64),
        np.array([r[1] for r in rows], dtype=np.float64),
        np.array([r[2] for r in rows], dtype=np.float64),
    )


@given(st.integers(0, 1439), st.integers(1, 1200), st.integers(0, 1439), st.integers(1, 1200))
@settings(max_examples=200)
def test_the_overlap_is_that_of_minutes_counted_one_by_one(
    start: int, length: int, other: int, its: int
) -> None:
    """Circular intersection over union, also of arcs that meet at both ends."""
    mine = {(start + i) % 1440 for i in range(length)}
    yours = {(other + i) % 1440 for i in range(its)}
    _, iou = matches(float(start), float(length), arcs([(0, float(other), float(its))]))
    assert iou[0] == pytest.approx(len(mine & yours) / len(mine | yours), abs=1e-9)


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 1439), st.integers(45, 1200)),
        min_size=3,
        max_size=12,
        unique_by=lambda r: (r[0], r[1]),
    )
)
@settings(max_examples=100)
def test_t_counts_distinct_days_that_match_the_best_template(
    rows: list[tuple[int, int, int]],
) -> None:
    """T equals the count made plainly, template by template."""
    given_arcs = arcs([(d, float(s), float(n)) for d, s, n in rows])
    best = 0
    for i in range(len(given_arcs)):
        hit, iou = matches(float(given_arcs.start[i]), float(given_arcs.length[i]), given_arcs)
        if (abs(iou - 0.6) < 1e-6).any():
            return  # a tie at the threshold may round either way
        best = max(best, len(set(given_arcs.day[hit].tolist())))
    found = strongest(given_arcs, least_days=1)
    assert found is not None
    assert found.days == best


def test_days_more_than_28_apart_do_not_add_up() -> None:
    """Three matches over three months are no regime."""
    far = arcs([(0, 960, 480), (40, 960, 480), (80, 960, 480)])
    assert strongest(far) is None


def test_a_curfew_is_unlikely_by_chance_and_noise_is_not() -> None:
    """Ten evenings at the same hours: the least p there is. Ten random ones: a large p."""
    rng = np.random.default_rng(1)
    regular = arcs([(d, 960 + float(rng.normal(0, 4)), 480.0) for d in range(10)])
    found = strongest(regular)
    assert found is not None
    assert p_value(regular, found, FLAT, rng)[0] <= 0.001
    loose = arcs([(d, float(rng.uniform(0, 1440)), 480.0) for d in range(10)])
    chance = strongest(loose, least_days=1)
    assert chance is not None
    p, turns = p_value(loose, chance, FLAT, rng, least_days=1)
    assert p > 0.05
    assert turns < 200


def test_p_values_of_noise_are_not_too_small() -> None:
    """Under the null, p <= 0.1 in at most about a tenth of the runs."""
    rng = np.random.default_rng(7)
    small = 0
    for _ in range(60):
        noise = arcs(
            [
                (d, float(rng.uniform(0, 1440)), float(60 + rng.exponential(120)))
                for d in range(28)
                for _ in range(rng.poisson(0.5))
            ]
        )
        found = strongest(noise, least_days=2)
        small += found is not None and p_value(noise, found, FLAT, rng, least_days=2)[0] <= 0.1
    assert small <= 12


def test_troubles_of_a_host_that_is_on_in_the_evening_only_are_no_pattern() -> None:
    """What can only be seen in the evening is not regular for being seen in the evening."""
    rng = np.random.default_rng(3)
    evening = np.zeros(48)
    evening[36:44] = 1.0
    rows = [(d, float(rng.uniform(1080, 1260)), 100.0) for d in range(8)]
    found = strongest(arcs(rows), least_days=1)
    assert found is not None
    naive, _ = p_value(arcs(rows), found, FLAT, np.random.default_rng(4))
    honest, _ = p_value(arcs(rows), found, evening, np.random.default_rng(4))
    assert naive <= 0.05
    assert honest > 0.1


def test_benjamini_hochberg_against_the_paper() -> None:
    """The fifteen p-values of the paper's example: four are rejected at 0.05."""
    p: tuple[float, ...] = (
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
    )
    p = (*p, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000)
    q = benjamini_hochberg(p)
    assert sum(value <= 0.05 for value in q) == 4
    assert list(q) == sorted(q)
    assert benjamini_hochberg(()) == ()


def test_days_are_cut_where_the_least_is_going_on() -> None:
    """A window over midnight is not cut in two."""
    boundary = quietest_minute(np.array([1320.0, 1325.0]), np.array([480.0, 470.0]))
    assert 360 <= boundary < 1320
