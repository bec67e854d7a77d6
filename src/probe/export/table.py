"""Tables as columns: what an export consists of, before it becomes text or Parquet.

Most cells of a long table say one of few things. So columns that belong together come as a
``Coded`` part, one number a row and a few tuples of values beside them, and each writer turns a
tuple into its own form once, not once a row.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray

__all__ = [
    "Batch",
    "Cell",
    "Coded",
    "Column",
    "Part",
    "Plain",
    "Table",
    "Times",
    "distinct",
    "only",
    "plain_batch",
    "present",
]

Cell = str | int | float | bool | None

_WIDEST = 4_000_000  # from the lowest key to the highest, for marks

Type = Literal["string", "integer", "number", "boolean", "datetime"]
"""Names of Frictionless Table Schema; a datetime is an integer here: microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as the data dictionary tells it; ``private`` ones are never published."""

    name: str
    type: Type
    description: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of export: its columns in order."""

    name: str
    title: str
    columns: tuple[Column, ...]

    def without_private(self) -> "Table":
        """Return the table without its private columns."""
        kept = tuple(column for column in self.columns if not column.private)
        return Table(self.name, self.title, kept)


@dataclass(frozen=True, slots=True)
class Coded:
    """Columns whose values hang on one key a row; ``values`` gives the tuple of a key.

    A key means the same in every batch of a table; writers keep what they made of one.
    """

    columns: tuple[str, ...]
    keys: Sequence[Hashable] | IntArray
    values: Callable[[Any], tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Plain:
    """One column of values of its own."""

    column: str
    values: Sequence[Cell] | IntArray | FloatArray


@dataclass(frozen=True, slots=True)
class Times:
    """One column of instants, microseconds since 1970; ``None`` where there is none."""

    column: str
    us: Sequence[int | None] | IntArray


Part = Coded | Plain | Times


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a table: its parts, in the order of the columns."""

    size: int
    parts: tuple[Part, ...]


def distinct(part: Coded) -> tuple[IntArray, list[Any]]:
    """Return, a row, which of the keys it has, and the keys: each once."""
    if isinstance(part.keys, np.ndarray):
        codes, found = present(part.keys)
        return codes, found.tolist()
    keys = list(dict.fromkeys(part.keys))
    number = {key: index for index, key in enumerate(keys)}
    return np.fromiter(map(number.__getitem__, part.keys), np.int64, len(part.keys)), keys


def present(keys: IntArray) -> tuple[IntArray, IntArray]:
    """Return, a row, which of the distinct numbers it has, and these in order.

    They mostly lie close to each other: a mark at each is made faster than they are sorted.
    """
    if not len(keys):
        return keys, keys
    low, high = int(keys.min()), int(keys.max())
    if high - low > _WIDEST:
        found, codes = np.unique(keys, return_inverse=True)
        return codes, found
    places = keys - low
    marks = np.zeros(high - low + 1, dtype=bool)
    marks[places] = True
    return (np.cumsum(marks) - 1)[places], np.flatnonzero(marks) + low


def plain_batch(table: Table, rows: Sequence[Sequence[Cell]]) -> Batch:
    """Return a batch out of rows of values, in the order of the table's columns."""
    parts: list[Part] = []
    for place, column in enumerate(table.columns):
        values = [row[place] for row in rows]
        if column.type == "datetime":
            times = [value if isinstance(value, int) else None for value in values]
            parts.append(Times(column.name, times))
        else:
            parts.append(Plain(column.name, values))
    return Batch(len(rows), tuple(parts))


def only(batch: Batch, table: Table) -> Batch:
    """Return the batch with the columns of ``table`` alone."""
    wanted = {column.name for column in table.columns}
    parts: list[Part] = []
    for part in batch.parts:
        if isinstance(part, Coded):
            kept = [place for place, name in enumerate(part.columns) if name in wanted]
            if kept:
                parts.append(_narrowed(part, kept))
        elif part.column in wanted:
            parts.append(part)
    return Batch(batch.size, tuple(parts))


def _narrowed(part: Coded, kept: Sequence[int]) -> Coded:
    if len(kept) == len(part.columns):
        return part
    values = part.values

    def fewer(key: Hashable) -> tuple[Cell, ...]:
        whole = values(key)
        return tuple([whole[place] for place in kept])

    return Coded(tuple([part.columns[place] for place in kept]), part.keys, fewer)
