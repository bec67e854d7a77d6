"""Wiping: the files go, as far as a program can make files go.

Each file is overwritten once with random bytes, flushed to the disk, and unlinked. On flash
storage, on copy-on-write file systems, in snapshots and in backups older copies may stay: only
encryption of the whole disk helps against that, and the caller has to say so.
"""

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

__all__ = ["Wiped", "family", "wipe"]

_CHUNK = 1 << 20
_ENDINGS = ("-", ".")  # -wal, -shm, -journal, .lock, .secret, .log


class Wiped(msgspec.Struct, frozen=True, kw_only=True):
    """What is gone, and what could not be removed and why."""

    removed: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]


def family(store: Path) -> tuple[Path, ...]:
    """Return the store and every file beside it that begins with its name."""
    try:
        beside = sorted(store.parent.iterdir())
    except OSError:
        return ()
    return tuple(
        file
        for file in beside
        if file.name == store.name
        or (file.name.startswith(store.name) and file.name[len(store.name)] in _ENDINGS)
    )


def wipe(files: Iterable[Path], folders: Iterable[Path] = ()) -> Wiped:
    """Overwrite and remove ``files`` and everything in ``folders``; never follows a link.

    Goes on after a failure: what can go, goes.
    """
    removed: list[str] = []
    failed: list[tuple[str, str]] = []
    for file in files:
        _remove(file, removed, failed)
    for folder in folders:
        if folder.is_symlink() or not folder.is_dir():
            continue
        for top, inner, names in os.walk(folder, topdown=False, followlinks=False):
            for name in names:
                _remove(Path(top, name), removed, failed)
            for name in inner:
                _remove_folder(Path(top, name), removed, failed)
        _remove_folder(folder, removed, failed)
    return Wiped(removed=tuple(removed), failed=tuple(failed))


def _remove(file: Path, removed: list[str], failed: list[tuple[str, str]]) -> None:
    try:
        _overwrite(file)
        file.unlink()
        removed.append(str(file))
    except FileNotFoundError:
        return
    except OSError as exc:
        failed.append((str(file), exc.strerror or type(exc).__name__))


def _overwrite(file: Path) -> None:
    """Write random bytes over a regular file; a link, a device or a full disk is left as it is."""
    if not stat.S_ISREG(file.lstat().st_mode):
        return
    try:
        handle = os.open(file, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # read-only for us: it can still be unlinked
        return
    try:
        left = os.fstat(handle).st_size
        while left > 0:
            left -= os.write(handle, secrets.token_bytes(min(left, _CHUNK)))
        os.fsync(handle)
        os.ftruncate(handle, 0)
    except OSError:
        return
    finally:
        os.close(handle)


def _remove_folder(folder: Path, removed: list[str], failed: list[tuple[str, str]]) -> None:
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            folder.rmdir()
        removed.append(str(folder))
    except OSError as exc:
        failed.append((str(folder), exc.strerror or type(exc).__name__))
