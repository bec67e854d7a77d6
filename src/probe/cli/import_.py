"""``probe import``: foreign measurements, taken into the store and its timelines."""

from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, ConfigOption, StoreOption, command_app
from probe.cli.output import say

if TYPE_CHECKING:
    from probe.ingest.ooni import OoniResult
    from probe.store.database import Store

__all__ = ["app"]

app = command_app(no_args_is_help=True)


@app.callback()
def import_() -> None:
    """Take in foreign measurements; sends nothing."""


@app.command()
def ooni(
    files: Annotated[
        list[str],
        typer.Argument(help="OONI measurements: JSON, JSONL, .gz; - is standard input."),
    ],
    tz: Annotated[
        str,
        typer.Option("--tz", help="IANA zone of where they were taken, for daily windows."),
    ] = "UTC",
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Judge OONI measurements and store them, a round each, apart from your own.

    What is stored already is passed over. What holds no network evidence is not stored.
    Exit codes: 0 all were read, 2 a file could not be read.
    """
    import os

    from probe.analysis.zones import zone
    from probe.cli.judge import read_all
    from probe.settings import load
    from probe.store.database import Store

    zone(tz)
    settings = load(config=config, environ=os.environ, store=store)
    stored = known = empty = 0
    unreadable = False
    with Store.open(settings.store) as opened:
        for found in read_all(files, catalog, tz=tz):
            if isinstance(found, str):
                say(found)
                unreadable = True
            elif not found.records:
                empty += 1
            elif opened.has_import(_provenance(found)):
                known += 1
            else:
                _keep(opened, found)
                stored += 1
    say(f"{stored} measurements stored, {known} known already, {empty} without network evidence.")
    if unreadable:
        raise typer.Exit(2)


def _provenance(result: "OoniResult") -> str:
    return f"ooni:{result.test_name}:{result.digest[:32]}"


def _keep(store: "Store", result: "OoniResult") -> None:
    """Store one measurement as a round of a vantage named by its country and network.

    OONI names no line: measurements of one network are laid into one series, and so are many
    people's lines. A timeline of them is one of a network.
    """
    from probe.model.vantage import Vantage

    context = result.context
    network = context.network
    name = f"ooni-{context.country}-AS{network.asn}"
    vantage = Vantage(
        id=name, label=name, country=context.country, tz=context.tz, access=network.access
    )
    store.import_round(
        vantage=vantage,
        network=network,
        plan="ooni",
        started=result.started,
        ended=result.ended,
        records=result.records,
        imported_from=_provenance(result),
        context=context,
    )
