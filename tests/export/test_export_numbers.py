"""Numbers for lists: one list one number, never one number two lists."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.arrays import IntArray
from probe.export.numbers import ListNumbers, Numbers
from probe.store.traces import NO_STEP

LISTS = st.lists(st.lists(st.integers(0, 2**40) | st.integers(0, 3), max_size=4), max_size=30)


def matrix(lists: Sequence[Sequence[int]], *, deeper: int = 0) -> IntArray:
    """Return lists as columns, as deep as the longest."""
    deepest = max([len(one) for one in lists], default=0) + deeper
    found = np.full((deepest, len(lists)), NO_STEP, dtype=np.int64)
    for row, one in enumerate(lists):
        found[: len(one), row] = one
    return found


@given(st.lists(LISTS, max_size=4))
def test_equal_lists_have_equal_numbers(batches: list[list[list[int]]]) -> None:
    """From batch to batch, however deep the batch is."""
    numbers = ListNumbers()
    seen: dict[int, tuple[int, ...]] = {}
    for deeper, lists in enumerate(batches):
        found, fresh = numbers.of(matrix(lists, deeper=deeper % 2))
        assert all(number not in seen for number in fresh)
        seen |= fresh
        assert [seen[number] for number in found.tolist()] == [tuple(one) for one in lists]
    assert len(set(seen.values())) == len(seen)


def test_lists_that_share_a_place_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every hash is the same, lists are still told apart."""
    monkeypatch.setattr(
        "probe.export.numbers._hashed", lambda lists: np.zeros(lists.shape[1], dtype=np.int64)
    )
    numbers = ListNumbers()
    lists = [[1, 2], [2, 1], [1], [], [1, 2]]
    first, _ = numbers.of(matrix(lists))
    again, fresh = numbers.of(matrix(lists))
    assert first.tolist() == again.tolist() == [0, 1, 2, 3, 0]
    assert fresh == {}


def test_a_forgotten_list_gets_a_new_number() -> None:
    """What a writer kept under the old number stays true."""
    numbers = ListNumbers()
    assert numbers.of(matrix([[5], [6]]))[0].tolist() == [0, 1]
    numbers.forget()
    found, fresh = numbers.of(matrix([[6], [7]]))
    assert found.tolist() == [2, 3]
    assert fresh == {2: (6,), 3: (7,)}


def test_a_forgotten_value_gets_a_new_number() -> None:
    """The same for single values."""
    numbers: Numbers[str | None] = Numbers()
    assert [numbers.of(word) for word in (None, "a", None)] == [0, 1, 0]
    numbers.forget()
    assert (numbers.of("a"), numbers.key(2), len(numbers)) == (2, "a", 1)
