"""Columns of very many rows out of SQL: one row a group, its numbers as text.

SQLite joins the numbers of a group to one text for each column, and numpy reads it: a third of
the time of a tuple for each row.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    String,
    cast,
    func,
    literal,
    literal_column,
)

from probe.analysis.arrays import IntArray
from probe.store.reading import plain_rows

__all__ = ["as_bytes", "as_texts", "packed"]


def as_texts(
    connection: Connection, columns: Sequence[ColumnElement[Any]]
) -> list[ColumnElement[Any]]:
    """Return each column's numbers of a group as one text, with commas.

    SQLite does so by itself, and takes half as long again for a separator that is named.
    """
    if connection.dialect.name == "sqlite":
        return [func.group_concat(column) for column in columns]
    return [func.aggregate_strings(cast(column, String), ",") for column in columns]


def as_bytes(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column's bytes of a group, one after the other.

    SQLite before 3.38 ends them at the first zero byte: whoever asks has to know how many
    there must be.
    """
    if connection.dialect.name == "sqlite":
        return cast(func.group_concat(column, literal_column("''")), LargeBinary)
    return func.string_agg(column, literal(b"", LargeBinary))


def packed(
    connection: Connection, queries: Iterable[Select[Any]], numbers: int
) -> tuple[IntArray, list[IntArray], bytes]:
    """Return the group and the numbers of each row, and the bytes of all of them.

    A query gives a row for each group: its number, how many rows it has, ``numbers`` texts, and
    perhaps bytes.
    """
    rows = [row for query in queries for row in plain_rows(connection, query)]
    groups, counts, *rest = list(zip(*rows, strict=True)) or [()] * (numbers + 2)
    group = np.repeat(np.array(groups, dtype=np.int64), np.array(counts, dtype=np.int64))
    columns = [np.fromstring(",".join(text), dtype=np.int64, sep=",") for text in rest[:numbers]]
    return group, columns, b"".join(rest[numbers]) if len(rest) > numbers else b""
