"""``probe vantage``: describe this line; never an address."""

from typing import Annotated

import typer

from probe.cli.database import app as database_app
from probe.cli.options import ConfigOption, Output, OutputOption, StoreOption, command_app
from probe.cli.output import emit, say
from probe.model.vantage import Access

__all__ = ["app"]

app = command_app(no_args_is_help=True)
app.add_typer(database_app, name="database", help="Offline files that name a network.")
MAX_LABEL = 60


@app.command()
def show(
    store: StoreOption = None, config: ConfigOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Show the random id, label, country, zone and access of this line, and its last network."""
    import os

    from probe.model.codec import to_builtins
    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store)
    with Store.open(settings.store, create=False, readonly=True) as opened:
        vantage = opened.vantage()
        last = opened.info().last_round
        newest = list(opened.rounds(since=last))[-1:] if last is not None else []
    if vantage is None:
        say("This line is not described yet: probe vantage set --country IR --tz Asia/Tehran")
        return
    row = to_builtins(vantage)
    row["network"] = next((r.network.key for r in newest if r.imported_from is None), None)
    emit([row], output, ("id", "label", "country", "tz", "access", "network"))


@app.command("set")
def set_(
    country: Annotated[
        str | None,
        typer.Option("--country", help="ISO 3166, two letters.", show_default=False),
    ] = None,
    tz: Annotated[
        str | None, typer.Option("--tz", help="IANA zone: Asia/Tehran.", show_default=False)
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", help="Your own word for it; nothing that names you.", show_default=False
        ),
    ] = None,
    access: Annotated[
        Access | None, typer.Option("--access", help="Kind of line.", show_default=False)
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Describe this line; what is not given stays as it is."""
    import os
    import secrets

    import msgspec

    from probe.errors import InputError
    from probe.model.vantage import Vantage
    from probe.places import check_country, check_zone
    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store)
    changes: dict[str, object] = {}
    if country is not None:
        changes["country"] = check_country(country)
    if tz is not None:
        changes["tz"] = check_zone(tz)
    if label is not None:
        if len(label) > MAX_LABEL or not label.isprintable():
            raise InputError(f"is not a line of at most {MAX_LABEL} characters", field="--label")
        changes["label"] = label.strip()
    if access is not None:
        changes["access"] = access
    with Store.open(settings.store) as opened:
        vantage = opened.vantage() or Vantage(
            id=secrets.token_hex(8),
            label=settings.label,
            country=settings.country,
            tz=settings.tz,
            access=settings.access,
        )
        changed = msgspec.structs.replace(vantage, **changes)
        opened.save_vantage(changed)
    say(
        f"This line is {changed.id}: country {changed.country}, zone {changed.tz},"
        f" {changed.access.value} access{f', {changed.label}' if changed.label else ''}."
    )
