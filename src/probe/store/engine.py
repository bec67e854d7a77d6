"""One connection to one database, with the settings that keep data safe.

SQLite: WAL, ``synchronous=FULL`` (a WAL with NORMAL loses commits at a power cut), foreign
keys, ``secure_delete`` (what is deleted is overwritten), temporary tables in memory (no name
reaches a temporary file), and transactions that take the write lock at their start.
Any other database is reached by its SQLAlchemy URL with the same tables.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from probe.errors import StoreError
from probe.store.files import check_file, make_file, tighten
from probe.store.mapped import mapped
from probe.store.server import check_server

__all__ = ["MEMORY", "Database"]

MEMORY = ":memory:"
_WAL_TRIES = 4
_ADVISORY_LOCK = 0x70726F62  # "prob": PostgreSQL's writers queue here


class Database:
    """A connected database; safe to use from several threads, one at a time."""

    def __init__(self, engine: Engine, place: str, path: Path | None, *, readonly: bool) -> None:
        """Take an engine; ``place`` is what errors call it (never with a password)."""
        self.engine = engine
        self.place = place
        self.path = path
        self.readonly = readonly
        self._lock = threading.RLock()

    @classmethod
    def connect(
        cls, target: Path | str, *, create: bool, readonly: bool, busy_timeout_s: float
    ) -> "Database":
        """Connect to a file, to ``:memory:``, or to a SQLAlchemy URL.

        Raises:
            StoreError: when there is nothing to connect to, or it is not a database.
            ForbiddenNetwork: its server is where no packet may go.

        """
        if isinstance(target, str) and "://" in target:
            return cls._by_url(target, create, readonly, busy_timeout_s)
        if str(target) == MEMORY:
            return cls(
                _sqlite("file::memory:", 0.0, readonly=False), "memory", None, readonly=False
            )
        return cls._by_path(Path(target), create, readonly, busy_timeout_s)

    @classmethod
    def _by_url(
        cls, target: str, create: bool, readonly: bool, busy_timeout_s: float
    ) -> "Database":
        try:
            url = make_url(target)
            if url.get_backend_name() == "sqlite":
                return cls.connect(
                    url.database or MEMORY,
                    create=create,
                    readonly=readonly,
                    busy_timeout_s=busy_timeout_s,
                )
            engine = create_engine(url)
            check_server(engine)
        except (ArgumentError, NoSuchModuleError, ValueError) as exc:  # of a port, too
            raise StoreError(f"the store's URL is not understood: {type(exc).__name__}") from exc
        except ModuleNotFoundError as exc:
            raise StoreError(f"the store's URL needs the Python package {exc.name}") from exc
        return cls(engine, url.render_as_string(hide_password=True), None, readonly=readonly)

    @classmethod
    def _by_path(
        cls, path: Path, create: bool, readonly: bool, busy_timeout_s: float
    ) -> "Database":
        path = path.expanduser().absolute()
        if not path.exists():
            if readonly or not create:
                raise StoreError(f"{path}: there is no store yet; `probe run` makes one")
            make_file(path)
        check_file(path)
        uri = path.as_uri()
        if not readonly:
            return cls(_sqlite(f"{uri}?mode=rw", busy_timeout_s), str(path), path, readonly=False)
        engine = _sqlite(f"{uri}?mode=ro", busy_timeout_s, readonly=True)
        with mapped(str(path)):
            readable = _readable(engine)
        if not readable:
            # A WAL database in a folder that we may not write: SQLite cannot make its shared
            # memory there. Closed properly it has no WAL, and may be read as it lies.
            engine.dispose()
            wal = path.with_name(path.name + "-wal")
            if not (wal.exists() and wal.stat().st_size):
                engine = _sqlite(f"{uri}?mode=ro&immutable=1", busy_timeout_s, readonly=True)
        return cls(engine, str(path), path, readonly=True)

    @property
    def sqlite(self) -> bool:
        """Whether SQLite's own maintenance applies."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads."""
        with (
            self._lock,
            mapped(self.place),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in one transaction: all of the block is kept, or nothing.

        Raises:
            StoreError: the store is read-only, locked, full or damaged.

        """
        if self.readonly:
            raise StoreError(f"{self.place}: it was opened for reading only")
        with self._lock, mapped(self.place), self.engine.connect() as plain:
            connection = plain.execution_options(probe_writes=True)
            with connection.begin():
                if self.engine.dialect.name == "postgresql":
                    connection.execute(
                        text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
                    )
                yield connection

    def outside_transaction(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run SQLite's maintenance statements, which no transaction may hold; return all rows."""
        rows: list[tuple[Any, ...]] = []
        with self._lock, mapped(self.place):
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                for statement in statements:
                    cursor.execute(statement)
                    rows.extend(cursor.fetchall())
                cursor.close()
            finally:
                connection.close()
        return rows

    def claim(self) -> None:
        """Make a file ours, once it is known to be one: private, and in WAL mode."""
        if self.path is not None and not self.readonly:
            tighten(self.path)
            self._keep_a_wal()
            tighten(self.path)

    def _keep_a_wal(self) -> None:
        """Switch to a WAL; of those that do so at once SQLite sends all but one away, unwaited."""
        for _ in range(_WAL_TRIES):
            with suppress(StoreError):
                self.outside_transaction("PRAGMA journal_mode=WAL")
                return
        self.outside_transaction("PRAGMA journal_mode=WAL")

    def abandon(self) -> None:
        """Let go without writing anything."""
        with self._lock:
            self.engine.dispose()

    def close(self) -> None:
        """Fold the WAL into the file and let go of it; never raises for a full disk."""
        with self._lock:
            if self.path is not None and not self.readonly:
                with suppress(StoreError):  # what is committed stays safe in the WAL
                    self.outside_transaction("PRAGMA wal_checkpoint(TRUNCATE)")
            self.engine.dispose()


def _sqlite(uri: str, busy_timeout_s: float, *, readonly: bool = False) -> Engine:
    """Return an engine with one connection, whose transactions are ours to begin."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _set_up(connection, readonly=readonly)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("probe_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _set_up(connection: sqlite3.Connection, *, readonly: bool) -> None:
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA foreign_keys=ON")
    if readonly:
        connection.execute("PRAGMA query_only=ON")
        return
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _readable(engine: Engine) -> bool:
    """Say whether SQLite can open the file at all; other errors are raised as they are."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM sqlite_master"))
    except OperationalError as exc:
        name = str(getattr(exc.orig, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            return False
        raise
    return True
