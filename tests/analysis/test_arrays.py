"""What is asked of arrays of any kind."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.arrays import greatest


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 10))))
def test_of_what_shares_a_time_the_greatest_is_kept(pairs: list[tuple[int, int]]) -> None:
    """Each time comes once, in order, whatever the order in which the values came."""
    times = np.array([time for time, _ in pairs], dtype=np.int64)
    values = np.array([value for _, value in pairs], dtype=np.int64)
    moments, kept = greatest(times, values)
    expected = dict(sorted(pairs))  # of one time, the last of them stays
    assert list(zip(moments.tolist(), kept.tolist(), strict=True)) == list(expected.items())
