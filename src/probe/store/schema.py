"""Making the tables, bringing older ones up to date, and refusing what is not ours."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from probe import __version__
from probe.errors import StoreError
from probe.store.engine import Database
from probe.store.rows import METADATA

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "VERSION_TABLE", "migrations_folder", "prepare", "upgrade"]

HEAD: Final = "0007"
"""The newest revision in ``migrations/versions``; a test keeps the two equal."""

VERSION_TABLE: Final = "probe_version"
_VERSION = Table(  # as Alembic makes it
    VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True)
)
_APPLICATION_ID = 0x50524F42  # "PROB", in the header of SQLite's file


def migrations_folder() -> Path:
    """Return the folder of the Alembic scripts, inside the package."""
    return Path(__file__).parent / "migrations"


def prepare(database: Database, *, create: bool) -> None:
    """See that the tables are there and of this version; upgrade older ones.

    Raises:
        StoreError: another program's database, a newer one, or one that may not be written.

    """
    with database.reading() as connection:
        version = _version(connection, database)
    if version == HEAD:
        database.claim()
        return
    if version is None and (database.readonly or not create):
        raise StoreError(f"{database.place}: there is no store yet; `probe run` makes one")
    if version is not None and version not in _known_revisions():
        raise StoreError(
            f"{database.place}: it was written by a newer probe (schema {version}, this probe"
            f" {__version__} knows {HEAD}); update probe, or choose another --store"
        )
    if database.readonly:
        raise StoreError(
            f"{database.place}: it is of an older probe; `probe store upgrade` brings it up to date"
        )
    database.claim()
    with database.writing() as connection:
        version = _version(connection, database)  # another process may have been first
        if version is None:
            _create(connection)
        elif version != HEAD:
            upgrade(connection)
        if database.sqlite:
            connection.exec_driver_sql(f"PRAGMA application_id={_APPLICATION_ID}")


def upgrade(connection: Connection) -> None:
    """Run the migrations up to the head, inside the caller's transaction."""
    from alembic import command

    command.upgrade(_config(connection), "head")


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _known_revisions() -> frozenset[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    return frozenset(script.revision for script in scripts.walk_revisions())


def _create(connection: Connection) -> None:
    """Make the tables from the metadata: what the migrations lead to, without loading Alembic."""
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    connection.execute(insert(_VERSION), {"version_num": HEAD})


@cache
def _statements(dialect: str) -> tuple[str, ...]:
    """Return what makes the tables and their indexes; its text takes longer than its execution."""
    spoken = make_url(f"{dialect}://").get_dialect()()
    tables = (*METADATA.sorted_tables, _VERSION)
    indexes = sorted(
        (index for table in tables for index in table.indexes), key=lambda index: str(index.name)
    )
    return (
        *(str(CreateTable(table).compile(dialect=spoken)) for table in tables),
        *(str(CreateIndex(index).compile(dialect=spoken)) for index in indexes),
    )


def _version(connection: Connection, database: Database) -> str | None:
    """Return the revision of the tables, ``None`` for an empty database."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        if tables and database.sqlite:
            raise StoreError(f"{database.place}: it is a database of another program")
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalars().first()
