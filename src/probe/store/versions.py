"""Which SQLite Python speaks to; only this package imports it."""

import sqlite3

__all__ = ["sqlite_version"]


def sqlite_version() -> str:
    """Return SQLite's own version."""
    return sqlite3.sqlite_version
