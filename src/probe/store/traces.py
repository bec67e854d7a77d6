"""Many traces at once: what a long table needs of each, as columns.

A trace is a short MessagePack array of whole numbers. Read one by one, Python's own work on each
number takes longer than all the rest of an export. So the traces of a batch lie one after the
other in one buffer, and numpy reads the first number of all of them, then the second, and so on.
What does not have the usual form (a reason, floats, numbers above 32 bits, more than nine steps,
damage) is left to ``skim_trace``, which reads it alone or refuses it.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.errors import StoreError
from probe.store.evidence import FULL, THIN, skim_trace

__all__ = ["NO_STEP", "Skimmed", "skim_traces"]

NO_STEP: Final = -1
"""Stands in the table of steps where a trace has no more of them."""

_HEAD: Final = 6  # form, sent, received, reason, monotonic, duration; the steps follow
_FIGURES: Final = 3  # of a step: its number, when it began, how long it took; counters follow
_ARRAY, _ARRAYS_END, _NIL = 0x90, 0xA0, 0xC0  # MessagePack's first bytes
_TOP: Final = np.uint64(56)
_TAIL: Final = bytes(2_048)
"""Follows the last trace: a damaged one is read on beyond its end, by 1,300 bytes at the most."""

WordArray = NDArray[np.uint64]


class Skimmed(NamedTuple):
    """Columns, one entry a trace; ``steps`` has a row for each place in a trace.

    ``duration_ms`` is rounded to three places. ``reason`` is 0 for none, and else one more than
    its place in ``reasons``.
    """

    steps: IntArray
    duration_ms: FloatArray
    sent: IntArray
    received: IntArray
    reason: IntArray
    reasons: tuple[str, ...]


def _by_first_byte() -> tuple[IntArray, WordArray, WordArray, WordArray]:
    """Return tables by the first byte of a whole number (MessagePack's ``int`` family).

    They are: how many bytes it takes, 0 for what is no number; and how its value is made of the
    eight bytes from there on, big-endian: a shift to the right, a mask, and the bit of the sign.
    """
    length = np.zeros(256, dtype=np.int64)
    shift, mask, sign = (np.zeros(256, dtype=np.uint64) for _ in range(3))
    length[:0x80] = length[0xE0:] = 1
    shift[:0x80] = shift[0xE0:] = 56
    mask[:0x80] = mask[0xE0:] = 0xFF
    sign[0xE0:] = 0x80
    for unsigned, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
        both = [unsigned, unsigned + 4]
        length[both] = 1 + size
        shift[both] = max(0, 56 - 8 * size)
        mask[both] = (1 << 8 * size) - 1
        sign[unsigned + 4] = 1 << (8 * size - 1)
    return length, shift, mask, sign


_LENGTH, _SHIFT, _MASK, _SIGN = _by_first_byte()
_SHORT: Final = np.where(_LENGTH <= 5, _LENGTH, 0)
"""Lengths of the numbers that fit into eight bytes with their first one; others are left."""


class _Cursor:
    """A place in each of some traces; a number is read of all of them, and it moves on.

    ``fine`` says of each whether all that was read of it had the usual form.
    """

    def __init__(self, padded: bytes, at: IntArray) -> None:
        self._padded = padded
        self._bytes = np.frombuffer(padded, np.uint8)
        self._words = np.ndarray((len(padded) - 7,), ">u8", padded, strides=(1,))
        self.at = at
        self.fine = np.ones(len(at), dtype=bool)

    def number(self) -> IntArray:
        """Return the whole number at each place, and go past it."""
        word = self._words[self.at].astype(np.uint64)
        first = (word >> _TOP).view(np.int64)
        length = _SHORT[first]
        self.fine &= length > 0
        self.at += length
        sign = _SIGN[first]
        word >>= _SHIFT[first]
        word &= _MASK[first]
        word ^= sign
        word -= sign
        return word.view(np.int64)

    def skip(self, where: BoolArray | bool = True) -> None:
        """Go past a whole number of any size, in the traces that are meant."""
        length = _LENGTH[self._first()]
        self.fine &= (length > 0) | np.logical_not(where)
        self.at += length * where

    def nothing(self) -> None:
        """Go past a nil."""
        self.fine &= self._first() == _NIL
        self.at += 1

    def array(self, least: int) -> IntArray:
        """Go into the short array at each place; return how many things it has."""
        first = self._first().astype(np.int64)
        usual = (first >= _ARRAY + least) & (first < _ARRAYS_END)
        self.fine &= usual
        self.at += 1
        return np.where(usual, first - _ARRAY, least)

    def over(self, rows: IntArray) -> "_Cursor":
        """Return a cursor of its own over some of the traces."""
        return _Cursor(self._padded, self.at[rows])

    def join(self, rows: IntArray, part: "_Cursor") -> None:
        """Go on where a cursor over some of the traces has come to."""
        self.at[rows] = part.at
        self.fine[rows] &= part.fine

    def _first(self) -> NDArray[np.uint8]:
        """Return the byte at each place."""
        return self._bytes.take(self.at)


def skim_traces(data: bytes, start: IntArray, length: IntArray) -> Skimmed:
    """Return in columns what ``skim_trace`` says of each of the traces in ``data``.

    Raises:
        StoreError: a trace is damaged or of a newer form.

    """
    found, fine = _usual(data, start, length)
    rest = np.flatnonzero(~fine)
    if not len(rest):
        return found
    ends = (start + length).tolist()
    alone = [skim_trace(data[start[row] : ends[row]]) for row in rest.tolist()]
    return _with_rest(found, rest, alone)


def _usual(data: bytes, start: IntArray, length: IntArray) -> tuple[Skimmed, BoolArray]:
    """Return what the traces of the usual form say, and which these are."""
    cursor = _Cursor(data + _TAIL, start.copy())
    count = cursor.array(_HEAD) - _HEAD
    form, sent, received = cursor.number(), cursor.number(), cursor.number()
    cursor.nothing()
    cursor.skip()
    time = cursor.number()
    steps = np.full((int(count.max(initial=0)), len(start)), NO_STEP, dtype=np.int64)
    number, lowest = (np.zeros(len(start), dtype=np.int64) for _ in range(2))
    for place, column in enumerate(steps):
        there = count > place
        rows = slice(None) if there.all() else np.flatnonzero(there)
        part = cursor if isinstance(rows, slice) else cursor.over(rows)
        forward, took = _step(part)
        number[rows] += forward
        time[rows] += took
        column[rows] = number[rows]
        lowest[rows] = np.minimum(lowest[rows], number[rows])
        if not isinstance(rows, slice):
            cursor.join(rows, part)
    fine = cursor.fine & (cursor.at == start + length) & ((form == FULL) | (form == THIN))
    fine &= lowest >= 0
    unit = np.where(form == FULL, 1e3, 1.0)
    none = np.zeros(len(start), dtype=np.int64)
    return Skimmed(steps, time / unit, sent, received, none, ()), fine


def _step(cursor: _Cursor) -> tuple[IntArray, IntArray]:
    """Go past a step of each trace; return how far its number is on, and how long it took."""
    more = cursor.array(_FIGURES) - _FIGURES
    number, took = cursor.number(), cursor.number()
    took += cursor.number()
    for counter in range(int(more.max(initial=0))):
        cursor.skip(more > counter)
    return number, took


def _with_rest(
    usual: Skimmed,
    rest: IntArray,
    alone: Sequence[tuple[tuple[int, ...], float, int, int, str | None]],
) -> Skimmed:
    """Put in what was read one by one."""
    deepest = max(len(usual.steps), *(len(one[0]) for one in alone))
    steps = np.full((deepest, usual.steps.shape[1]), NO_STEP, dtype=np.int64)
    steps[: len(usual.steps)] = usual.steps
    steps[:, rest] = NO_STEP
    reasons: dict[str, int] = {}
    try:
        for row, (numbers, duration_s, sent, received, reason) in zip(
            rest.tolist(), alone, strict=True
        ):
            steps[: len(numbers), row] = numbers
            usual.duration_ms[row] = round(duration_s * 1e3, 3)
            usual.sent[row], usual.received[row] = sent, received
            if reason is not None:
                usual.reason[row] = reasons.setdefault(reason, len(reasons) + 1)
    except (OverflowError, TypeError, ValueError) as exc:
        raise StoreError(f"a trace is damaged: {exc}") from exc
    return usual._replace(steps=steps, reasons=tuple(reasons))
