"""Foreign errors at the seam: what the database and damaged bytes raise becomes StoreError."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError

from probe.errors import InputError, StoreError

__all__ = ["mapped"]

_WORDS = {
    "SQLITE_FULL": "the disk (or its quota) is full; nothing that was stored is lost",
    "SQLITE_READONLY": "it is read-only; give it write permission, or choose another --store",
    "SQLITE_CANTOPEN": "it cannot be opened; look at its folder's permissions",
    "SQLITE_PERM": "it cannot be opened; look at its permissions",
    "SQLITE_BUSY": "another program is using it; try again later",
    "SQLITE_LOCKED": "another program is using it; try again later",
    "SQLITE_NOTADB": "it is not a probe database, or it is damaged; it was left as it is",
    "SQLITE_CORRUPT": "it is damaged; it was left as it is: keep a copy and start a new --store",
    "SQLITE_IOERR": "the disk failed to read or write it; nothing that was committed is lost",
    "SQLITE_TOOBIG": "a value is too large to be stored",
    "SQLITE_CONSTRAINT": "its rows contradict each other; run `probe store verify`",
}


@contextmanager
def mapped(place: str) -> Iterator[None]:
    """Turn every error of the database, or of bytes read from it, into a ``StoreError``.

    A ``ProgrammingError`` (wrong SQL) and a ``ValueError`` (a wrong call) are bugs and propagate.
    """
    try:
        yield
    except ProgrammingError:
        raise
    except DBAPIError as exc:
        raise StoreError(f"{place}: {_words(exc.orig)}") from exc
    except sqlite3.Error as exc:
        raise StoreError(f"{place}: {_words(exc)}") from exc
    except SQLAlchemyError as exc:
        raise StoreError(f"{place}: {_one_line(exc)}") from exc
    except (msgspec.MsgspecError, InputError) as exc:
        raise StoreError(f"{place}: a row is damaged: {_one_line(exc)}") from exc


def _words(error: BaseException | None) -> str:
    """Return plain words for a driver's error, by SQLite's (extended) result code."""
    name = str(getattr(error, "sqlite_errorname", ""))
    for code, words in _WORDS.items():
        if name == code or name.startswith(code + "_"):
            return words
    return f"the database failed: {_one_line(error)}"


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:200]
