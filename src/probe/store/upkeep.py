"""Looking after a database: checking all of it, giving space back, emptying the WAL."""

from collections.abc import Iterator
from contextlib import contextmanager

from probe.errors import StoreError
from probe.store.chain import Problem, verify_certificates, verify_chain
from probe.store.dictionary import Dictionary
from probe.store.engine import Database

__all__ = ["empty_wal", "vacuum", "verify", "without_parent_checks"]


def verify(database: Database, dictionary: Dictionary) -> list[Problem]:
    """Return what is wrong with pages, references, chain and certificates; never raises for it."""
    problems: list[Problem] = []
    try:
        if database.sqlite:
            problems.extend(_pages(database))
        with database.reading() as connection:
            dictionary.refresh(connection)
            problems.extend(verify_chain(connection, dictionary))
            problems.extend(verify_certificates(connection))
    except StoreError as exc:
        problems.append(Problem(what=str(exc)))
    return problems


def _pages(database: Database) -> Iterator[Problem]:
    for (line,) in database.outside_transaction("PRAGMA integrity_check"):
        if line != "ok":
            yield Problem(what=f"SQLite: {line}")
    for table, *_ in database.outside_transaction("PRAGMA foreign_key_check"):
        yield Problem(what=f"a row of {table} refers to nothing")


def vacuum(database: Database) -> None:
    """Rebuild SQLite's file without its free pages; other databases do so by themselves."""
    if database.sqlite:
        database.outside_transaction("VACUUM")
        empty_wal(database)


def empty_wal(database: Database) -> None:
    """Fold the WAL into the file and cut it to nothing: it holds copies of old pages.

    Raises:
        StoreError: another program still reads the old pages.

    """
    if database.path is None:
        return
    ((busy, *_),) = database.outside_transaction("PRAGMA wal_checkpoint(TRUNCATE)")
    if busy:
        raise StoreError(
            f"{database.place}: another program is reading it, so old pages may still lie in its"
            " WAL; close that program and do this again"
        )


@contextmanager
def without_parent_checks(database: Database) -> Iterator[None]:
    """Delete without SQLite's check of each parent row, which would scan all its children.

    What is deleted in this block is what nothing refers to; ``verify`` checks it.
    """
    if not database.sqlite:
        yield
        return
    database.outside_transaction("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        database.outside_transaction("PRAGMA foreign_keys=ON")
