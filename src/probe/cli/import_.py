"""``probe import``: measurements, rounds and series of others, taken into the store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, ConfigOption, StoreOption, command_app
from probe.cli.output import say

if TYPE_CHECKING:
    from probe.ingest.ooni import OoniResult
    from probe.store.database import ForeignFile, Store

__all__ = ["app"]

app = command_app(no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The file.", show_default=False)]


@app.callback()
def import_() -> None:
    """Take in what others measured; sends nothing.

    Everything keeps where it came from, and one source never decides by itself how far an
    outage reached.
    """


@app.command()
def ooni(
    files: Annotated[
        list[str],
        typer.Argument(
            help="OONI measurements: JSON, JSONL, .gz, .zst, .tar; - is standard input."
        ),
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


@app.command()
def bundle(
    file: FileArgument,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            help="Key of whoever made it (64 hex digits), told to you by another way; may be"
            " repeated.",
        ),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Take in the signed rounds of another vantage (probe export --bundle).

    Nothing is believed of a bundle that was changed, or that another key signed. What is stored
    already is passed over, so that the same or a longer bundle may come again.
    """
    import os

    from probe.clock import SystemClock
    from probe.control.keys import checked_key, trusted_keys
    from probe.ingest.bundle import open_bundle
    from probe.ingest.bundle_rounds import keep
    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store)
    keys = {checked_key(text) for text in key or ()} | set(trusted_keys(settings.store))
    with open_bundle(file, keys=keys) as found, Store.open(settings.store) as opened:
        done = keep(opened, found, now=SystemClock().now())
    if done.gone:
        say(
            f"Beware: {done.gone} rounds that this vantage handed out before are not in its chain"
            " any more. Its history was written anew, or its store was replaced."
        )
    name = found.manifest.vantage.id
    say(f"{done.stored} rounds of vantage {name} stored, {done.known} known already.")


@app.command()
def timeline(
    file: FileArgument,
    tz: Annotated[
        str | None, typer.Option("--tz", help="IANA zone of rows without one.", show_default=False)
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Take in a timeline CSV, of probe (probe export samples) or of any other tool.

    Its series stand beside the store's own in timelines and patterns. A row of a series and time
    that was taken in before takes the older row's place.
    """
    from probe.clock import SystemClock
    from probe.ingest.timeline_csv import read_placed

    now = SystemClock().now()
    placed = read_placed(file, tz=tz, now=now)
    _keep_file(
        file,
        "timeline",
        store,
        config,
        lambda opened, found: opened.import_series(found, placed, now),
    )


@app.command()
def aggregation(file: FileArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
    """Take in a CSV of OONI's aggregation API, as overlays: shares of anomalies, no verdicts."""
    from probe.clock import SystemClock
    from probe.ingest.overlays import read_aggregation

    overlays = read_aggregation(file)
    now = SystemClock().now()
    _keep_file(
        file,
        "ooni_aggregation",
        store,
        config,
        lambda opened, found: opened.import_overlays(found, overlays, now),
    )


@app.command()
def overlay(
    file: FileArgument,
    name: Annotated[str, typer.Option("--name", help="What it is called.", show_default=False)],
    unit: Annotated[str, typer.Option("--unit", help="What is counted.")] = "value",
    tz: Annotated[str, typer.Option("--tz", help="IANA zone of times without an offset.")] = "UTC",
    country: Annotated[
        str, typer.Option("--country", help="What it is about, ISO 3166 alpha-2.")
    ] = "ZZ",
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Take in any two columns, a time and a number (IODA, traffic), to draw beside timelines."""
    from probe.analysis.zones import zone
    from probe.clock import SystemClock
    from probe.errors import InputError
    from probe.ingest.overlays import read_two_columns

    for field, text in (("--name", name), ("--unit", unit)):
        if not text.strip() or len(text) > 200 or not text.isprintable():
            raise InputError("empty, too long or not printable", field=field)
    if len(country) != 2 or not country.isalpha() or not country.isascii():
        raise InputError(f"not a country: {country[:20]!r}", field="--country", mend="IR")
    found = read_two_columns(file, name=name, unit=unit, zone=zone(tz), country=country.upper())
    now = SystemClock().now()
    _keep_file(
        file,
        "overlay",
        store,
        config,
        lambda opened, source: opened.import_overlays(source, [found], now),
    )


def _keep_file(
    path: Path,
    kind: str,
    store: Path | None,
    config: Path | None,
    keep: "Callable[[Store, ForeignFile], int]",
) -> None:
    """Store what a file held, unless the very same file was taken in before."""
    import os

    from probe.errors import InputError
    from probe.export.package import file_sha256
    from probe.settings import load
    from probe.store.database import ForeignFile, Store

    if str(path) == "-":
        raise InputError("a file is needed, to know it again", mend="save it and name it")
    settings = load(config=config, environ=os.environ, store=store)
    file = ForeignFile(file_sha256(path), path.name, kind)
    with Store.open(settings.store) as opened:
        if opened.has_file(file.digest):
            say(f"{path}: taken in already.")
            return
        count = keep(opened, file)
    say(f"{path}: {count} samples stored.")
