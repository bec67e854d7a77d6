"""Columns of a batch as Arrow arrays: words as dictionaries, so that none is written twice.

What a key stands for is taken apart once for as long as the file is written, as far as the memory
for that goes; a batch then needs whole numbers alone. Needs the extra ``parquet`` (pyarrow).
"""

from array import array
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from probe.analysis.arrays import IntArray
from probe.export.table import Batch, Cell, Coded, Column, Plain, Table, Times, distinct

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowTables"]

_MAX_REMEMBERED: Final = 40_000
"""Keys kept for one part; then they are forgotten, and asked for again."""


def schema_of(table: Table) -> "pa.Schema":
    """Return a table's columns with their types and descriptions."""
    import pyarrow as pa

    return pa.schema(
        [pa.field(c.name, _type(c), metadata={"description": c.description}) for c in table.columns]
    )


def _type(column: Column) -> "pa.DataType":
    import pyarrow as pa

    return {
        "string": pa.dictionary(pa.int32(), pa.string()),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "datetime": pa.timestamp("us", tz="UTC"),
    }[column.type]


class ArrowTables:
    """Turns batches of a table into Arrow's."""

    def __init__(self, table: Table) -> None:
        """Take the table that all batches are of."""
        self.schema = schema_of(table)
        self._types = {field.name: field.type for field in self.schema}
        self.words = tuple(c.name for c in table.columns if c.type == "string")
        """The columns that are written as dictionaries."""
        self._parts: dict[tuple[str, ...], _Known] = {}

    def of(self, batch: Batch) -> "pa.Table":
        """Return a batch as a table of Arrow's."""
        import pyarrow as pa

        arrays: dict[str, Any] = {}
        for part in batch.parts:
            if isinstance(part, Coded):
                arrays |= self._coded(part)
            else:
                arrays[part.column] = _plain(part, self._types[part.column])
        return pa.table([arrays[name] for name in self.schema.names], schema=self.schema)

    def _coded(self, part: Coded) -> dict[str, Any]:
        known = self._parts.get(part.columns)
        if known is None or known.full:
            makers = [
                _Words() if name in self.words else _Values(self._types[name])
                for name in part.columns
            ]
            known = self._parts[part.columns] = _Known(makers)
        return dict(zip(part.columns, known.arrays(part), strict=True))


class _Known:
    """What is known of the keys of one part, column by column."""

    def __init__(self, makers: "list[_Words | _Values]") -> None:
        self._makers = makers
        self._numbers: dict[Hashable, int] = {}

    @property
    def full(self) -> bool:
        return len(self._numbers) > _MAX_REMEMBERED

    def arrays(self, part: Coded) -> Iterable[Any]:
        """Return each column's array."""
        codes, keys = distinct(part)
        numbers = self._numbers
        for key in keys:
            if key not in numbers:
                numbers[key] = len(numbers)
                for maker, value in zip(self._makers, part.values(key), strict=True):
                    maker.add(value)
        these = np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))
        rows = _Rows(codes)
        return [rows.of(maker.array(these)) for maker in self._makers]


class _Rows:
    """Which of the distinct keys each row has."""

    def __init__(self, codes: IntArray) -> None:
        import pyarrow as pa

        self._codes = codes
        self._places = pa.array(codes.astype(np.int32))

    def of(self, each: "pa.Array") -> "pa.Array":
        """Return a column of rows out of one of keys."""
        import pyarrow as pa

        if pa.types.is_dictionary(each.type):
            return pa.DictionaryArray.from_arrays(
                self.of(each.indices), each.dictionary, safe=False
            )
        if not each.null_count:
            return each.take(self._places)
        # Arrow's own take is eight times slower where something is null.
        valid = np.asarray(each.is_valid())[self._codes]
        values = pa.Array.from_buffers(each.type, len(each), [None, each.buffers()[1]])
        whole = values.take(self._places)
        marks = pa.py_buffer(np.packbits(valid, bitorder="little"))
        return pa.Array.from_buffers(each.type, len(whole), [marks, whole.buffers()[1]])


class _Words:
    """One column of words: which word each key has, and the words."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._known: dict[str, int] = {}
        self._words: pa.Array | None = None

    def add(self, value: Cell) -> None:
        """Take the word of the next key."""
        known = self._known
        self._codes.append(-1 if value is None else known.setdefault(str(value), len(known)))

    def array(self, keys: IntArray) -> "pa.Array":
        """Return the words of some keys, with no other word in the dictionary."""
        import pyarrow as pa

        codes = np.frombuffer(self._codes, np.intc)[keys]
        marks = np.zeros(len(self._known) + 1, dtype=bool)
        marks[codes] = True  # the last place is that of nothing
        inner = pa.array((np.cumsum(marks) - 1).astype(np.int32)[codes], mask=codes < 0)
        words = self._all().take(pa.array(np.flatnonzero(marks[:-1])))
        return pa.DictionaryArray.from_arrays(inner, words, safe=False)

    def _all(self) -> "pa.Array":
        import pyarrow as pa

        if self._words is None or len(self._words) < len(self._known):
            self._words = pa.array(self._known, type=pa.string())
        return self._words


class _Values:
    """One column of numbers, times or truths: the value of each key."""

    def __init__(self, kind: "pa.DataType") -> None:
        self._kind = kind
        self._values: list[Cell] = []

    def add(self, value: Cell) -> None:
        """Take the value of the next key."""
        self._values.append(value)

    def array(self, keys: IntArray) -> "pa.Array":
        """Return the values of some keys."""
        import pyarrow as pa

        values = self._values
        return pa.array([values[key] for key in keys.tolist()], type=self._kind)


def _plain(part: Plain | Times, kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    values: Any = part.us if isinstance(part, Times) else part.values
    if isinstance(values, np.ndarray):
        whole = pa.array(values)
        return whole.cast(kind) if isinstance(part, Times) else whole
    if pa.types.is_dictionary(kind):
        return pa.array(values, type=pa.string()).dictionary_encode()
    return pa.array(values, type=kind)
