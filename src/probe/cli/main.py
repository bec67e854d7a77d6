"""The root command: a table of subcommands, each imported only when it is called."""

import errno
import os
import signal
import sys
from importlib import import_module
from typing import Any

import typer
import typer.core
from typer.main import get_command

from probe.errors import BusyError, ConsentError, ProbeError, StoreError, Terminated, UnfitLineError

__all__ = ["COMMANDS", "main"]

COMMANDS: dict[str, str] = {
    "run": "Measure once, judge, store, and say what is cut.",
    "watch": "Measure again and again, at jittered intervals, until stopped.",
    "diagnose": "Look at one service or host, and explain every step in plain words.",
    "trace": "Find the hop at which a network reacts to a name, and whose hop that is.",
    "demo": "Show everything on a censored network inside this machine; sends nothing outside.",
    "lab": "Run any program on a censored internet in a box: network namespaces on this machine.",
    "targets": "List, show and check the catalog of what is measured.",
    "timeline": "Show when a service worked and when it did not.",
    "patterns": "Find outages and daily windows in stored or given timelines.",
    "judge": "Judge OONI measurements, or the store again, by today's rules.",
    "import": "Take in measurements and series of others: OONI, bundles, timelines, overlays.",
    "export": "Write rows for other programs: CSV, JSON, Parquet, OONI's format, a bundle.",
    "report": "Write a self-contained HTML report.",
    "serve": "Show the store as pages on this machine; read-only.",
    "metrics": "Write metrics for Prometheus, for a cron job.",
    "control": "Make and check control snapshots; serve and use a live control.",
    "note": "Write down what a person saw: a failed call, a missing app.",
    "vantage": "Describe this line: country, zone, network; never an address.",
    "consent": "Read the risks and give, show or withdraw consent.",
    "store": "Look after the database: info, verify, upgrade, merge, vacuum, purge, wipe.",
    "doctor": "Check this installation and show where each setting comes from.",
    "about": "Version, licences and the software bill of materials.",
}
"""Subcommand -> one line of help; the code is ``probe.cli.<name>`` (``import`` is ``import_``)."""


class LazyGroup(typer.core.TyperGroup):
    """A group whose subcommands are imported when called, so that ``--help`` stays fast.

    ``Any`` stands for click's types, which typer carries in a private package.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the subcommands in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return one subcommand, ``None`` if there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"probe.cli.{cmd_name}{'_' if cmd_name == 'import' else ''}")
        command = get_command(module.app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command; typer would end with 1, "interference", where it was broken off.

        Raises:
            typer.Exit: 130 when a question was not answered (Ctrl-C, Ctrl-D) or at a signal,
                141 when the reader of our output went away.
            StoreError: the output goes to a full disk.

        """
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (KeyboardInterrupt, typer.Abort):
            sys.stderr.write("\nprobe: interrupted\n")
            raise typer.Exit(130) from None
        except OSError as exc:
            if exc.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            _forget_output()
            if exc.errno == errno.EPIPE:
                raise typer.Exit(141) from None
            raise StoreError("the disk is full: not all could be written") from exc
        return result

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the subcommands from the table, importing none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _forget_output() -> None:
    """Point standard output at nothing, so that leaving does not fail at the same once more."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError):  # no file stands behind it, so nothing is flushed either
        return


app = typer.Typer(
    name="probe",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Show what a network cuts, how, who cuts it, where, and since when.

    Measuring contacts the services that it measures, and whoever watches your line can see
    that. Read "probe consent show" before the first run; "probe demo" sends nothing outside.
    """


def exit_code(error: ProbeError) -> int:
    """Return the exit code that stands for an error (2 usage, 3 line, 4 consent, 5 storage)."""
    if isinstance(error, UnfitLineError):
        return 3
    if isinstance(error, ConsentError):
        return 4
    if isinstance(error, StoreError | BusyError):
        return 5
    return 2


def _terminate(*_: object) -> None:
    """Stop as Ctrl-C does.

    Raises:
        Terminated: always.

    """
    raise Terminated


def main() -> None:
    """Run the command line; every error that a user can cause is one plain line.

    SIGTERM ends as Ctrl-C does, so that what was begun, JSON also, is closed properly.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="probe")
    except ProbeError as error:
        sys.stderr.write(f"probe: {error}\n")
        sys.exit(exit_code(error))
