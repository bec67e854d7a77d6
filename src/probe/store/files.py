"""The database's file on disk: made private, and looked at before SQLite is let near it."""

import os
import stat
from pathlib import Path
from typing import Final

from probe.errors import StoreError

__all__ = ["SIDE_FILES", "check_file", "disk_bytes", "make_file", "tighten"]

SIDE_FILES: Final = ("-wal", "-shm", "-journal")
"""What SQLite puts beside its file."""

_COMPLETE = ("-wal", "-journal")  # from these SQLite can

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100


def make_file(path: Path) -> None:
    """Make the folder (0700) and an empty file (0600) where there is none yet.

    Raises:
        StoreError: when that is not possible.

    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        return
    except OSError as exc:
        raise StoreError(f"{path}: cannot be made: {exc.strerror}") from exc


def tighten(path: Path) -> None:
    """Take the store away from other users of this machine, where the system lets us."""
    for file in (path, *(path.with_name(path.name + end) for end in SIDE_FILES)):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o077:
                file.chmod(mode & 0o700)
        except OSError:  # not there, not ours, or a file system without modes
            continue


def check_file(path: Path) -> None:
    """Refuse what is no whole SQLite file, before anything could write to it.

    A file that is shorter than its own header says was cut; with a WAL or a journal beside it,
    SQLite can still complete it, so only a file alone is refused. Another process may be making
    it at this moment: the header is read first and the size last, when what it promised is there.

    Raises:
        StoreError: not a file, not readable, not a database, or truncated.

    """
    try:
        if not path.is_file():
            raise StoreError(f"{path}: is not a file")
        with path.open("rb") as file:
            header = file.read(_HEADER)
        completed = any(map(_holds_bytes, (path.with_name(path.name + end) for end in _COMPLETE)))
        size = path.stat().st_size
    except OSError as exc:
        raise StoreError(f"{path}: cannot be read: {exc.strerror}") from exc
    if not header:
        return
    if not header.startswith(_MAGIC):
        raise StoreError(f"{path}: it is not a probe database, or it is damaged; left as it is")
    if not completed and size < _promised(header):
        raise StoreError(
            f"{path}: it is damaged (cut short at {size} bytes); it was left as it is:"
            " keep a copy and start a new --store"
        )


def _holds_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def disk_bytes(path: Path) -> int:
    """Return the bytes that the store and SQLite's files beside it take."""
    files = (path, *(path.with_name(path.name + end) for end in SIDE_FILES))
    return sum(file.stat().st_size for file in files if file.exists())


def _promised(header: bytes) -> int:
    """Return the size that a header states (SQLite file format, section 1.3); 0 when unsure."""
    if len(header) < _HEADER:
        return _HEADER
    if header[24:28] != header[92:96]:  # the page count is valid only with an equal counter
        return 0
    page = int.from_bytes(header[16:18])
    return int.from_bytes(header[28:32]) * (65_536 if page == 1 else page)
