"""Lines of a CSV file that somebody else wrote: bounded, UTF-8, without NUL."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from probe.errors import InputError

__all__ = ["lines", "opened"]

_MAX_LINE = 10_000


def opened(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a file, or standard input for ``-``."""
    return nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb")


def lines(file: IO[bytes], name: str) -> Iterator[str]:
    """Yield lines as text, each of a bounded length.

    Raises:
        InputError: a line is too long, not UTF-8, or holds a NUL byte.

    """
    number = 0
    while raw := file.readline(_MAX_LINE + 1):
        number += 1
        if len(raw) > _MAX_LINE:
            raise InputError(
                f"a line of more than {_MAX_LINE} bytes",
                file=name,
                line=number,
                mend="is this a CSV?",
            )
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as exc:
            raise InputError(
                "not UTF-8", file=name, line=number, mend="save the file as CSV UTF-8"
            ) from exc
        if "\0" in text:
            raise InputError(
                "a NUL byte", file=name, line=number, mend="save the file as CSV UTF-8"
            )
        yield text
