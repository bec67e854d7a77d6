"""Values stored once and called by a small number: names, step contents, rulings.

A shelf caches what it has seen. Numbers are given by the writer (the highest plus one, inside
the transaction that holds the write lock), so that a batch is looked up with one query and
inserted with one statement.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Row, Table, select

from probe.errors import StoreError
from probe.store.bulk import bulk_insert

__all__ = ["CHUNK", "NameShelf", "PrefixShelf", "chunks"]

CHUNK: Final = 500
"""Values in one ``IN (...)``, well under every database's limit of parameters."""

_MAX_CACHED = 50_000

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterable[list[T]]:
    """Yield ``values`` in lists of at most ``size``."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


class Shelf(Generic[K]):
    """What both kinds share: the caches in both directions, and numbering."""

    def __init__(
        self,
        table: Table,
        columns_of: Callable[[K], Mapping[str, Any]],
        key_of: Callable[[Row[Any]], K],
    ) -> None:
        """Take the table (with an ``id``) and how its rows and the keys become each other."""
        self.table = table
        self._columns_of = columns_of
        self._key_of = key_of
        self.ids: dict[K, int] = {}
        self._keys: dict[int, K] = {}
        self.highest = 0

    def forget(self) -> None:
        """Drop the caches: a transaction was rolled back, or somebody deleted rows."""
        self.ids.clear()
        self._keys.clear()

    def id_of(self, key: K) -> int:
        """Return the number of a key that was resolved before."""
        return self.ids[key]

    def key_of(self, number: int) -> K:
        """Return the key of a number that was loaded before.

        Raises:
            StoreError: there is no such row.

        """
        try:
            return self._keys[number]
        except KeyError:
            raise StoreError(f"row {number} of {self.table.name} is missing") from None

    def load(self, connection: Connection, numbers: Iterable[int]) -> None:
        """Make ``key_of`` work for ``numbers``; unknown ones stay unknown."""
        if len(self._keys) > _MAX_CACHED:
            self._keys.clear()
        missing = {number for number in numbers if number not in self._keys}
        for part in chunks(sorted(missing)):
            for row in connection.execute(select(self.table).where(self.table.c.id.in_(part))):
                self._keys[row.id] = self._key_of(row)

    def _add(self, connection: Connection, keys: Sequence[K]) -> None:
        columns: tuple[str, ...] = ()
        rows: list[tuple[Any, ...]] = []
        for key in keys:
            self.highest += 1
            row = {"id": self.highest, **self._columns_of(key)}
            columns = tuple(row)
            rows.append(tuple(row.values()))
            self.ids[key] = self.highest
            self._keys[self.highest] = key
        bulk_insert(connection, self.table, columns, rows)


class NameShelf(Shelf[K]):
    """A table small enough to be held whole: services, endpoints, networks."""

    _loaded = False

    def forget(self) -> None:
        """Drop the caches."""
        super().forget()
        self._loaded = False

    def resolve(self, connection: Connection, keys: Iterable[K]) -> None:
        """Make ``id_of`` work for ``keys``, storing those that are new."""
        self.load_all(connection)
        self._add(connection, [key for key in dict.fromkeys(keys) if key not in self.ids])

    def load_all(self, connection: Connection) -> None:
        """Read the whole table, once."""
        if self._loaded:
            return
        for row in connection.execute(select(self.table)):
            key = self._key_of(row)
            self.ids[key] = row.id
            self._keys[row.id] = key
        self._loaded = True

    def matching(self, connection: Connection, test: Callable[[K], bool]) -> list[int]:
        """Return the numbers of all keys that pass ``test``."""
        self.load_all(connection)
        return [number for key, number in self.ids.items() if test(key)]


class PrefixShelf(Shelf[K]):
    """A table that may grow large: keys are found by a prefix of their hash, then compared."""

    def __init__(
        self,
        table: Table,
        columns_of: Callable[[K], Mapping[str, Any]],
        key_of: Callable[[Row[Any]], K],
        prefix_of: Callable[[K], int],
    ) -> None:
        """Take also what computes the ``prefix`` column of a key."""
        super().__init__(table, columns_of, key_of)
        self._prefix_of = prefix_of

    def make_room(self) -> None:
        """Drop the caches when they have grown large; called before a batch, never inside one."""
        if len(self.ids) > _MAX_CACHED:
            self.forget()

    def resolve(self, connection: Connection, keys: Iterable[K]) -> None:
        """Make ``id_of`` work for ``keys``, storing those that are new."""
        missing = {key: self._prefix_of(key) for key in keys if key not in self.ids}
        prefix = self.table.c.prefix
        for part in chunks(set(missing.values())):
            for row in connection.execute(select(self.table).where(prefix.in_(part))):
                key = self._key_of(row)
                if key in missing:
                    self.ids[key] = row.id
                    self._keys[row.id] = key
        self._add(connection, [key for key in missing if key not in self.ids])
