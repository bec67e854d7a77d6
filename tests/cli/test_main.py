"""The root command: lazy, fast, and plain about errors."""

import subprocess
import sys

import pytest

from probe.cli.main import COMMANDS, exit_code
from probe.errors import BusyError, ConsentError, InputError, ProbeError, StoreError, UnfitLineError

HEAVY = ("sqlmodel", "sqlalchemy", "alembic", "httpx", "dns", "numpy", "rich", "cryptography")


def probe(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "probe", *args], capture_output=True, text=True, check=False
    )


def test_help_imports_nothing_heavy() -> None:
    """``probe --help`` loads none of the libraries that take long to import."""
    script = (
        "import sys; sys.argv = ['probe', '--help']\n"
        "from probe.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("HEAVY []")


def test_help_names_every_command() -> None:
    """Each subcommand stands in the help with its line."""
    text = probe("--help").stdout
    assert all(name in text for name in COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_loads(name: str) -> None:
    """Each subcommand of the table explains itself in a process of its own."""
    done = probe(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: probe" in done.stdout


def test_unknown_command_is_a_usage_error() -> None:
    """A command that is not there ends with 2 and no traceback."""
    done = probe("frobnicate")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (ConsentError("x"), 4),
        (StoreError("x"), 5),
        (BusyError("x"), 5),
        (UnfitLineError("x"), 3),
        (ProbeError("x"), 2),
    ],
)
def test_exit_codes(error: ProbeError, code: int) -> None:
    """Each kind of error ends with its own exit code."""
    assert exit_code(error) == code
