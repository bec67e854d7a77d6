"""Batches as text: CSV, JSON lines, one JSON array. Nothing is held but the batch at hand."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

import numpy as np

from probe.analysis.arrays import FloatArray, IntArray
from probe.export.cells import csv_cell, iso_times, json_cell
from probe.export.table import Batch, Cell, Coded, Part, Plain, Table, Times, distinct, present

__all__ = ["write_csv", "write_json", "write_jsonl"]

_AT_ONCE = 512  # rows that are written at a time
_MAX_REMEMBERED = 100_000
"""Texts kept for one part; then it is forgotten, and made again."""


class _Form(ABC):
    """How cells become text, by column; a ``Coded`` tuple becomes one text."""

    separator = ","

    @abstractmethod
    def cell(self, column: str, value: Cell) -> str:
        """Return one value as text."""

    @abstractmethod
    def times(self, column: str, texts: list[str]) -> list[str]:
        """Return instants, given as RFC 3339; an empty text is no time."""

    @abstractmethod
    def numbers(self, column: str, values: list[int]) -> list[str]:
        """Return whole numbers as text."""

    def floats(self, column: str, values: list[float]) -> list[str]:
        return self.plain(column, values)

    def plain(self, column: str, values: Sequence[Cell]) -> list[str]:
        return [self.cell(column, value) for value in values]


class _Csv(_Form):
    def cell(self, column: str, value: Cell) -> str:
        del column
        return csv_cell(value)

    def times(self, column: str, texts: list[str]) -> list[str]:
        del column
        return texts

    def numbers(self, column: str, values: list[int]) -> list[str]:
        del column
        return list(map(str, values))

    def floats(self, column: str, values: list[float]) -> list[str]:
        del column
        return list(map(repr, values))  # as ``csv_cell`` has them


class _Json(_Form):
    def cell(self, column: str, value: Cell) -> str:
        return f"{json_cell(column)}:{json_cell(value)}"

    def times(self, column: str, texts: list[str]) -> list[str]:
        return [f'"{column}":"{text}"' if text else f'"{column}":null' for text in texts]

    def numbers(self, column: str, values: list[int]) -> list[str]:
        return [f'"{column}":{value}' for value in values]


class _Rows:
    """Turns batches into rows of text; what a key stands for is written once."""

    def __init__(self, form: _Form) -> None:
        self._form = form
        self._known: dict[tuple[str, ...], dict[Hashable, str]] = {}

    def rows(self, batch: Batch) -> Iterator[list[str]]:
        """Yield the rows of a batch, some hundreds at a time: no more is made before it is out."""
        join = self._form.separator.join
        rows = map(join, zip(*(self._part(part) for part in batch.parts), strict=True))
        while some := list(islice(rows, _AT_ONCE)):
            yield some

    def _part(self, part: Part) -> Sequence[str]:
        form = self._form
        if isinstance(part, Times):
            return form.times(part.column, iso_times(part.us))
        if isinstance(part, Plain):
            if isinstance(part.values, np.ndarray):
                return _numbers(form, part.column, part.values)
            return form.plain(part.column, part.values)
        return self._coded(part)

    def _coded(self, part: Coded) -> Sequence[str]:
        known = self._known.setdefault(part.columns, {})
        if len(known) > _MAX_REMEMBERED:
            known.clear()
        cell, join = self._form.cell, self._form.separator.join
        codes, keys = distinct(part)
        for key in set(keys).difference(known):
            cells = zip(part.columns, part.values(key), strict=True)
            known[key] = join([cell(column, value) for column, value in cells])
        texts: list[str] = np.array([known[key] for key in keys], dtype=object)[codes].tolist()
        return texts


def _numbers(form: _Form, column: str, values: IntArray | FloatArray) -> Sequence[str]:
    """Return numbers as text; whole ones once each, where few are many rows'."""
    if values.dtype.kind == "f":
        return form.floats(column, values.tolist())
    if not len(values) or int(values.max()) - int(values.min()) > 2 * len(values):
        return form.numbers(column, values.tolist())
    codes, each = present(values.astype(np.int64, copy=False))
    texts: list[str] = np.array(form.numbers(column, each.tolist()), dtype=object)[codes].tolist()
    return texts


def write_csv(table: Table, batches: Iterable[Batch], out: BinaryIO) -> int:
    """Write a header and every row, as RFC 4180 has it (CRLF, UTF-8); return how many rows."""
    out.write((",".join(column.name for column in table.columns) + "\r\n").encode())
    return _write(_Rows(_Csv()), batches, out, lambda rows: "\r\n".join(rows) + "\r\n")


def write_jsonl(batches: Iterable[Batch], out: BinaryIO) -> int:
    """Write one JSON object a line; return how many."""
    return _write(_Rows(_Json()), batches, out, lambda rows: "{" + "}\n{".join(rows) + "}\n")


def write_json(batches: Iterable[Batch], out: BinaryIO) -> int:
    """Write one JSON array, which is whole also when the rows are broken off; return how many."""
    rows = _Rows(_Json())
    count = 0
    out.write(b"[")
    try:
        for batch in batches:
            for some in rows.rows(batch) if batch.size else ():
                start = ",\n{" if count else "\n{"
                out.write((start + "},\n{".join(some) + "}").encode())
                count += len(some)
    finally:
        out.write(b"\n]\n" if count else b"]\n")
    return count


def _write(
    rows: _Rows, batches: Iterable[Batch], out: BinaryIO, joined: Callable[[list[str]], str]
) -> int:
    count = 0
    for batch in batches:
        for some in rows.rows(batch) if batch.size else ():
            out.write(joined(some).encode("utf-8", "replace"))
            count += len(some)
    return count
