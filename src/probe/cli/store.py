"""``probe store``: look after the database, and make it forget."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import ConfigOption, Output, OutputOption, StoreOption, command_app
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.settings import Settings
    from probe.store.database import Forgotten

__all__ = ["app", "span_of"]

app = command_app(no_args_is_help=True)

FLASH = (
    "Flash storage, snapshots and backups may still hold copies; only encryption of the whole "
    "disk helps against that. Reports and exports that you saved elsewhere are untouched."
)
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _settings(config: Path | None, store: Path | None) -> "Settings":
    import os

    from probe.settings import load

    return load(config=config, environ=os.environ, store=store)


@app.command()
def info(
    store: StoreOption = None, config: ConfigOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Say how much is stored since when, and the head of the hash chain: write that down."""
    from probe.model.codec import to_builtins
    from probe.store.database import Store

    settings = _settings(config, store)
    with Store.open(settings.store, create=False, readonly=True) as opened:
        found = opened.info()
    if output is Output.TABLE:
        rows = [{"item": k, "value": v} for k, v in to_builtins(found).items()]
        emit(rows, output, ("item", "value"))
        say(f"The head of the chain is {found.chain_head}; written down elsewhere, it proves more.")
    else:
        emit([found], output)


@app.command()
def upgrade(store: StoreOption = None, config: ConfigOption = None) -> None:
    """Bring a store of an older probe up to date; measuring does so by itself.

    All of it is kept, or the store is left as it was.
    """
    from probe.schedule.lock import lock_path, run_lock
    from probe.store.database import Store

    settings = _settings(config, store)
    _must_exist(settings.store)
    with (
        run_lock(lock_path(settings.store)),
        Store.open(settings.store, create=False) as opened,
    ):
        found = opened.info()
    say(f"{settings.store}: schema {found.schema}, {found.rounds} rounds.")


@app.command()
def verify(
    store: StoreOption = None, config: ConfigOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Check pages, references, hash chain and certificates; exit code 5 if anything is wrong."""
    from probe.store.database import Store

    settings = _settings(config, store)
    with Store.open(settings.store, create=False, readonly=True) as opened:
        problems = opened.verify()
        found = opened.info() if not problems else None
    emit(problems, output, ("round", "what"))
    if found is None:
        say(f"{len(problems)} problems found.")
        raise typer.Exit(5)
    say(f"No problem found; {found.links} rounds are chained, the head is {found.chain_head}.")


@app.command()
def vacuum(store: StoreOption = None, config: ConfigOption = None) -> None:
    """Give free space back to the disk; needs as much free space as the store takes."""
    from probe.schedule.lock import lock_path, run_lock
    from probe.store.database import Store

    settings = _settings(config, store)
    _must_exist(settings.store)
    with (
        run_lock(lock_path(settings.store)),
        Store.open(settings.store, create=False) as opened,
    ):
        before = opened.info().bytes or 0
        opened.vacuum()
        after = opened.info().bytes or 0
    say(f"{before} bytes before, {after} after.")


@app.command()
def merge(
    other: Annotated[
        Path, typer.Argument(help="The store to take in; it is only read.", show_default=False)
    ],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Take in another store of yours: its rounds and series, none twice.

    For lines of one owner, who speaks for each of them. What other people measured comes as a
    bundle (probe import bundle), under the key that signed it.
    """
    from probe.clock import SystemClock
    from probe.errors import InputError
    from probe.schedule.lock import lock_path, run_lock
    from probe.store.database import Store
    from probe.store.merge import merge as merge_stores

    settings = _settings(config, store)
    _must_exist(other)
    if settings.store.exists() and other.samefile(settings.store):
        raise InputError("it is the same store", file=str(other), mend="name another one")
    with (
        run_lock(lock_path(settings.store)),
        Store.open(other, create=False, readonly=True) as source,
        Store.open(settings.store) as opened,
    ):
        done = merge_stores(opened, source, now=SystemClock().now())
    say(
        f"{done.rounds} rounds, {done.samples} samples and {done.notes} notes taken in;"
        f" {done.known} rounds were there already."
    )
    if done.open:
        say(f"{done.open} rounds are still open there; take them in when they are closed.")
    if done.notes_left:
        say(f"{done.notes_left} notes stay there: they are another line's.")


@app.command()
def prune(
    store: StoreOption = None,
    config: ConfigOption = None,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, help="Instead of retention_days.", show_default=False),
    ] = None,
) -> None:
    """Forget rounds and notes that are older than the retention; the chain's digests stay."""
    from probe.clock import SystemClock
    from probe.schedule.lock import lock_path, run_lock
    from probe.store.database import Store

    settings = _settings(config, store)
    keep = days or settings.retention_days
    if keep is None:
        say("retention_days is unlimited: nothing to do.")
        return
    _must_exist(settings.store)
    with (
        run_lock(lock_path(settings.store)),
        Store.open(settings.store, create=False) as opened,
    ):
        forgotten = opened.prune(SystemClock().now(), keep)
    say(f"Forgot {_counted(forgotten)} older than {keep} days.")


@app.command()
def purge(
    store: StoreOption = None,
    config: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever its age.")] = False,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", help="Only what is older: 12h, 30d, 8w.", show_default=False),
    ] = None,
    yes: YesOption = False,
) -> None:
    """Delete measurements, notes and names of targets, and leave no trace of them in the file.

    Consent, settings, the description of this line and the chain's digests stay; none of them
    names a target.
    """
    from probe.clock import SystemClock
    from probe.errors import InputError
    from probe.schedule.lock import lock_path, run_lock
    from probe.store.database import Store

    if everything == (older_than is not None):
        raise InputError("say which", field="purge", mend="give --all, or --older-than 30d")
    settings = _settings(config, store)
    before = None if older_than is None else SystemClock().now() - span_of(older_than)
    what = "everything that was measured" if before is None else f"what is older than {older_than}"
    _must_exist(settings.store)
    _confirm(f"Delete {what} from {settings.store}?", yes=yes)
    with (
        run_lock(lock_path(settings.store)),
        Store.open(settings.store, create=False) as opened,
    ):
        forgotten = opened.purge(before)
    say(f"Deleted {_counted(forgotten)}. {FLASH}")


@app.command()
def wipe(store: StoreOption = None, config: ConfigOption = None, yes: YesOption = False) -> None:
    """Remove every file of probe's: store, logs, lock, schedule, settings and consent.

    In an emergency: probe store wipe --yes
    """
    import os

    from probe.cli.traces import our_files, our_folders
    from probe.errors import InputError
    from probe.settings import default_store
    from probe.store.wipe import wipe as wipe_files

    try:
        chosen = _settings(config, store).store
    except InputError as exc:  # a broken file of settings must not keep anybody from wiping
        say(f"The settings cannot be read ({exc}); wiping what is known.")
        chosen = store or default_store()
    files = our_files(chosen, config, os.environ)
    folders = our_folders()
    for found in (*files, *(folder for folder in folders if folder.exists())):
        say(f"  {found}")
    _confirm("Remove all of these?", yes=yes)
    done = wipe_files(files, folders)
    for path, reason in done.failed:
        say(f"could not remove {path}: {reason}")
    say(f"Removed {len(done.removed)} files and folders. {FLASH}")
    say("A line in a crontab, or a unit that an administrator installed, is yours to remove.")
    if done.failed:
        raise typer.Exit(5)


def span_of(text: str) -> timedelta:
    """Return the length of time that ``12h``, ``30d`` or ``8w`` means.

    Raises:
        InputError: for anything else.

    """
    from probe.errors import InputError

    found = re.fullmatch(r"(\d{1,5})([hdw])", text.strip().lower())
    if found is None:
        raise InputError(
            f"not a length of time: {text[:20]!r}", field="--older-than", mend="12h, 30d or 8w"
        )
    unit = {"h": "hours", "d": "days", "w": "weeks"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def _must_exist(path: Path) -> None:
    """Refuse a store that is not there, before a lock is made beside it."""
    from probe.errors import StoreError

    if not path.exists():
        raise StoreError(f"{path}: there is no store yet; `probe run` makes one")


def _confirm(question: str, *, yes: bool) -> None:
    import sys

    from probe.errors import InputError

    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("nobody is there to ask", mend="give --yes")
    if not typer.confirm(question, err=True):
        say("Nothing was done.")
        raise typer.Exit(2)


def _counted(forgotten: "Forgotten") -> str:
    return (
        f"{forgotten.rounds} rounds with {forgotten.measurements} measurements"
        f" and {forgotten.notes} notes"
    )
