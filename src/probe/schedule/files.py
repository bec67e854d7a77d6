"""Small private files beside the store: made once, read whole, replaced in one step."""

import os
import secrets
import tempfile
from pathlib import Path

from probe.errors import StoreError

__all__ = ["read_private", "write_whole"]


def read_private(path: Path, size: int, what: str) -> bytes:
    """Return the ``size`` random bytes of ``path``, made at the first use with mode 0600.

    Raises:
        StoreError: the file cannot be read or made, or has another size; ``what`` names it.

    """
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        return _read(path, size, what)
    except OSError as exc:
        raise StoreError(f"{path}: the {what} cannot be made: {exc.strerror}") from exc
    value = secrets.token_bytes(size)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise StoreError(f"{path}: the {what} cannot be written: {exc.strerror}") from exc
    return value


def _read(path: Path, size: int, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            value = file.read(size + 1)
    except OSError as exc:
        raise StoreError(f"{path}: the {what} cannot be read: {exc.strerror}") from exc
    if len(value) != size:
        raise StoreError(f"{path}: the {what} is damaged; remove it and a new one is made")
    return value


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Put ``data`` at ``path`` in one step, so that a reader sees the old file or the new one.

    Raises:
        StoreError: it cannot be written.

    """
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        # named after the file, so that ``probe store wipe`` finds what a kill has left of it
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f"{path.name}.", suffix=".part"
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{path}: cannot be written: {exc.strerror}") from exc
