"""Many rows at once: a Core insert, compiled once, handed to the driver as it takes it.

SQLAlchemy's own ``execute(insert(table), rows)`` builds the parameters of each row anew, which
takes longer than SQLite needs to store them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

__all__ = ["bulk_insert"]


def bulk_insert(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of ``columns``, whose values the driver takes as they are."""
    if not rows:
        return
    statement, order = _compiled(table, connection.dialect, columns)
    if order == columns:
        connection.exec_driver_sql(statement, list(rows))
    elif order is None:
        connection.exec_driver_sql(statement, [dict(zip(columns, r, strict=True)) for r in rows])
    else:
        places = [columns.index(name) for name in order]
        connection.exec_driver_sql(statement, [tuple([r[i] for i in places]) for r in rows])


@lru_cache(maxsize=64)
def _compiled(
    table: Table, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, tuple[str, ...] | None]:
    """Return the driver's SQL, and the order of its parameters when they go by position."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(columns))
    order: list[str] | None = getattr(compiled, "positiontup", None)
    return str(compiled), None if order is None else tuple(order)
