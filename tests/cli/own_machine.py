"""Running the command line in this process, on a machine of the test's own."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from probe.cli.main import main

__all__ = ["Done", "Machine", "Terminal", "machine"]


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Machine: TypeAlias = Callable[..., Done]


class Terminal(io.StringIO):
    """A standard input at which somebody sits."""

    def isatty(self) -> bool:
        """Say that it is a terminal."""
        return True


def machine(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return what runs ``probe`` with every folder of the platform below ``home``."""
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "Asia/Tehran")
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name in ("STORE", "CONFIG", "CONSENT", "COUNTRY", "INCLUDE"):
        monkeypatch.delenv(f"PROBE_{name}", raising=False)

    def run(*args: str, stdin: str = "", terminal: bool = False) -> Done:
        monkeypatch.setattr(sys, "argv", ["probe", *args])
        monkeypatch.setattr(sys, "stdin", Terminal(stdin) if terminal else io.StringIO(stdin))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run
