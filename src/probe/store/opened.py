"""A store that is open: its connection, its transactions, and what it remembers between them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy import Connection

from probe.model.verdict import Verdict
from probe.store.dictionary import Dictionary
from probe.store.engine import Database
from probe.store.schema import prepare

if TYPE_CHECKING:
    from probe.store.scanning import Scan

__all__ = ["ROUNDS_AT_ONCE", "Opened"]

ROUNDS_AT_ONCE = 256
"""What one transaction of an iterator reads."""

T = TypeVar("T")


class Opened:
    """What every part of a store stands on: each method of a part is one transaction.

    An iterator reads in batches, each in a transaction of its own, so that writing may go on
    meanwhile.
    """

    def __init__(self, database: Database) -> None:
        """Take a prepared database; use ``Store.open``."""
        self._database = database
        self._dictionary = Dictionary()
        self._last: dict[str, Verdict] | None = None  # what thinning compares with

    @classmethod
    def open(
        cls,
        target: Path | str,
        *,
        create: bool = True,
        readonly: bool = False,
        busy_timeout_s: float = 5.0,
    ) -> Self:
        """Open a file, a SQLAlchemy URL, or ``":memory:"`` (``--no-store``: kept nowhere).

        A new file has mode 0600, a new folder 0700. An older schema is brought up to date.

        Raises:
            StoreError: there is none (with ``create=False``), it is another program's, damaged,
                locked, of a newer probe, or may not be written. It is then left as it is.

        """
        database = Database.connect(
            target, create=create, readonly=readonly, busy_timeout_s=busy_timeout_s
        )
        try:
            prepare(database, create=create)
        except BaseException:
            database.abandon()
            raise
        return cls(database)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Fold the WAL into the file and let go of it."""
        self._database.close()

    @property
    def place(self) -> str:
        """The file or URL, without a password."""
        return self._database.place

    @property
    def path(self) -> Path | None:
        """The file, ``None`` for a memory or a server."""
        return self._database.path

    @property
    def scan(self) -> "Scan":
        """What walks very many rows in columns."""
        from probe.store.scanning import Scan  # numpy, which few commands need

        return Scan(self._reading, self._dictionary)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._database.reading() as connection:
            self._dictionary.refresh(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._database.writing() as connection:
                self._dictionary.refresh(connection)
                yield connection
        except BaseException:  # rolled back: numbers given in it are void
            self._dictionary.forget()
            self._last = None
            raise

    def _batches(
        self, batch: Callable[[Connection, int], list[T]], number: Callable[[T], int]
    ) -> Iterator[list[T]]:
        after = 0
        while True:
            with self._reading() as connection:
                rows = batch(connection, after)
            if not rows:
                return
            yield rows
            after = number(rows[-1])
