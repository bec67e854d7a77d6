"""One run at a time for one store: an advisory lock that the system drops when the process dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probe.errors import BusyError, StoreError

__all__ = ["lock_path", "run_lock"]

_MAX_PID = 20  # bytes of the file that are read back


def lock_path(store: Path) -> Path:
    """Return the lock's file, beside the store (``probe store wipe`` removes it too)."""
    return store.with_name(store.name + ".lock")


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock for the block; the file holds the owner's process id and nothing else.

    The file stays after the run: removing it would let two others lock two different files of
    one name.

    Raises:
        BusyError: another process holds it.
        StoreError: the file cannot be made.

    """
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(path, flags, 0o600)
    except OSError as exc:
        raise StoreError(f"{path}: the run's lock cannot be made: {exc.strerror}") from exc
    try:
        if not _try_lock(descriptor):
            raise BusyError(f"another run {_owner(descriptor)}holds {path}; nothing was done")
        _write_pid(descriptor)
        yield
    finally:
        os.close(descriptor)


def _owner(descriptor: int) -> str:
    try:
        pid = os.pread(descriptor, _MAX_PID, 0) if sys.platform != "win32" else b""
    except OSError:
        return ""
    return f"(process {int(pid)}) " if pid.strip().isdigit() else ""


def _write_pid(descriptor: int) -> None:
    """Say who holds it; a full disk must not keep a run from being recorded elsewhere."""
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b"%d\n" % os.getpid())
    except OSError:
        return


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        """Lock one byte far behind the process id, so that the file stays readable."""
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
