"""Numbers for what is seen again and again, so that columns of numbers can stand for it.

A number means one thing for as long as an export lasts, also after what it stood for was
forgotten: what a writer has kept under it stays true.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

import numpy as np

from probe.analysis.arrays import BoolArray, IntArray
from probe.store.traces import NO_STEP

__all__ = ["ListNumbers", "Numbers"]

_SLOTS_LOG2: Final = 20
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio (Knuth, TAOCP 6.4)
_NOBODY: Final = -1

K = TypeVar("K", bound=Hashable)


class Numbers(Generic[K]):
    """Gives each value a number; forgotten ones get a new one."""

    def __init__(self) -> None:
        """Know nothing."""
        self.first = 0
        self._keys: list[K] = []
        self._numbers: dict[K, int] = {}

    def __len__(self) -> int:
        """Return how many values are known."""
        return len(self._keys)

    def of(self, key: K) -> int:
        """Return the number of a value."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = self.first + len(self._keys)
            self._keys.append(key)
        return found

    def key(self, number: int) -> K:
        """Return the value of a number that is still known."""
        return self._keys[number - self.first]

    def forget(self) -> None:
        """Forget every value, but not which numbers were given."""
        self.first += len(self._keys)
        self._keys.clear()
        self._numbers.clear()


class ListNumbers:
    """Gives each list of numbers a number of its own, to many lists at once.

    A table is asked at a hash of each list; what it gives is compared with the list, so that no
    list is ever taken for another. The few that are not found there are looked up one by one.
    """

    def __init__(self) -> None:
        """Know no list."""
        self._lists: Numbers[tuple[int, ...]] = Numbers()
        self._slots = np.full(1 << _SLOTS_LOG2, _NOBODY, dtype=np.int64)
        self._known = np.full((1, 1_024), NO_STEP, dtype=np.int64)

    def of(self, lists: IntArray) -> tuple[IntArray, dict[int, tuple[int, ...]]]:
        """Return the number of each list, and the lists that were not known.

        A list is a column that ends with the first ``NO_STEP`` or with its last row.
        """
        slot = _hashed(lists)
        found = self._slots[slot]
        fresh: dict[int, tuple[int, ...]] = {}
        for row in np.flatnonzero(~self._same(found, lists)).tolist():
            one = tuple([number for number in lists[:, row].tolist() if number != NO_STEP])
            before = len(self._lists)
            number = self._lists.of(one)
            if len(self._lists) > before:
                fresh[number] = one
            self._slots[slot[row]] = found[row] = number
        self._keep(fresh)
        return found, fresh

    def forget(self) -> None:
        """Forget every list; none gets a number that another had."""
        self._lists.forget()
        self._slots.fill(_NOBODY)

    def _same(self, numbers: IntArray, lists: IntArray) -> BoolArray:
        """Say of each number whether it is known to be that of the list beside it."""
        place = numbers - self._lists.first
        same = place >= 0
        place[~same] = 0
        for row in range(max(len(lists), len(self._known))):
            known = self._known[row][place] if row < len(self._known) else NO_STEP
            same &= known == (lists[row] if row < len(lists) else NO_STEP)
        return same

    def _keep(self, fresh: dict[int, tuple[int, ...]]) -> None:
        """Keep lists where ``_same`` looks."""
        if not fresh:
            return
        deepest = max(len(self._known), *(len(one) for one in fresh.values()))
        size = self._known.shape[1]
        while size < len(self._lists):
            size *= 2
        if (deepest, size) != self._known.shape:
            grown = np.full((deepest, size), NO_STEP, dtype=np.int64)
            grown[: len(self._known), : self._known.shape[1]] = self._known
            self._known = grown
        for number, one in fresh.items():
            place = number - self._lists.first
            self._known[:, place] = NO_STEP
            self._known[: len(one), place] = one


def _hashed(lists: IntArray) -> IntArray:
    """Return a place in the table for each list (multiplicative hashing)."""
    found = np.zeros(lists.shape[1], dtype=np.uint64)
    for row in lists:
        found ^= row.view(np.uint64)
        found *= _FACTOR
        found ^= found >> np.uint64(29)
    return (found >> np.uint64(64 - _SLOTS_LOG2)).astype(np.int64)
