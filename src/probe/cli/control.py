"""``probe control``: snapshots of a trusted line and those of others, and the live control."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.control_server import serve, token, use
from probe.cli.measuring import (
    AllOption,
    CountryOption,
    IncludeOption,
    LabOption,
    NamesArgument,
    PlanOption,
)
from probe.cli.options import (
    CatalogOption,
    ConfigOption,
    Output,
    OutputOption,
    StoreOption,
    command_app,
)
from probe.cli.output import emit, say
from probe.model.target import Plan

if TYPE_CHECKING:
    import asyncio

    from probe.model.control import ControlSnapshot
    from probe.model.target import Catalog
    from probe.schedule.choose import Wanted
    from probe.settings import Settings

__all__ = ["app"]

app = command_app(no_args_is_help=True)
for _command in (serve, token, use):
    app.command()(_command)

FileArgument = Annotated[Path, typer.Argument(help="A control snapshot.", show_default=False)]
_COLUMNS = ("endpoint", "failure", "addresses", "issuer", "status", "title", "observed")


@app.command()
def snapshot(
    out: Annotated[Path, typer.Option("--out", help="The file to write.", show_default=False)],
    names: NamesArgument = None,
    plan: PlanOption = Plan.DEFAULT,
    everything: AllOption = False,
    days: Annotated[
        int, typer.Option("--days", min=1, max=90, help="How long it is to be believed.")
    ] = 30,
    country: CountryOption = None,
    include: IncludeOption = None,
    lab: LabOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Measure from this trusted line, and write what an uncensored observer sees, signed.

    The file tells others what answers look like; it never proves that a service is up now.
    """
    from probe.cli.measuring import settings_of, until_stopped
    from probe.control.keys import key_path, own_key
    from probe.control.snapshot import write_snapshot
    from probe.model.target import Category
    from probe.schedule.choose import Wanted
    from probe.targets.load import load_catalog

    settings = settings_of(
        config=config, store=store, catalog=catalog, country=country, include=include
    )
    wanted = Wanted(
        plan=plan,
        names=tuple(names or ()),
        include=settings.include if lab is None else tuple(Category),
        everything=everything or lab is not None,
        country=settings.country,
    )

    async def work(stop: "asyncio.Event") -> "ControlSnapshot":
        return await _taken(settings, wanted, lab, days, stop)

    optional = _optional(load_catalog(settings.catalog), wanted) if lab is None else ()
    if optional:
        say(
            f"The file will show that {len(optional)} services were asked about that nobody is"
            " asked about without choosing them. It is written for your eyes only (0600): who"
            " finds it, on the way or where you send it, knows. Take out what nobody needs."
        )
    taken = until_stopped(work)
    mode = 0o600 if optional else 0o644
    seal = write_snapshot(taken, own_key(key_path(settings.store)), out, mode=mode)
    failed = sum(observation.failure is not None for observation in taken.observations)
    say(
        f"{out}: {len(taken.observations)} endpoints, {failed} of them failed here; to be"
        f" believed until {taken.expires:%Y-%m-%d}."
    )
    say(f"Whoever uses it needs your public key, by another way than the file: {seal.key}")


def _optional(catalog: "Catalog", wanted: "Wanted") -> tuple[str, ...]:
    """Return the services in a selection that nobody measures without choosing them."""
    from probe.consent import COVERED
    from probe.model.target import Risk
    from probe.schedule.choose import selection_of

    selection = selection_of(catalog, wanted)
    opted = {s.id for s in catalog.services if s.category not in COVERED}
    risky = {e.service for e in selection.endpoints if e.risk is Risk.HIGH}
    named = {e.service for e in selection.by_name}
    chosen = {e.service for e in selection.endpoints}
    return tuple(sorted(chosen & (opted | risky) | named))


async def _taken(
    settings: "Settings", wanted: "Wanted", lab: str | None, days: int, stop: "asyncio.Event"
) -> "ControlSnapshot":
    """Measure on the stage that was asked for."""
    from dataclasses import replace
    from datetime import timedelta

    from probe.cli.lab_stage import lab_stage
    from probe.cli.measuring import consented, open_session, real_stage
    from probe.control.take import take_snapshot
    from probe.targets.load import load_catalog

    catalog = load_catalog(settings.catalog)
    stage_of = (
        lab_stage(lab, catalog)
        if lab is not None
        else real_stage(settings, catalog, consented(catalog, wanted))
    )
    async with stage_of as stage:
        with open_session(settings, stage, None, stop=stop) as session:
            place = replace(wanted, country=session.vantage.country)
            return await take_snapshot(session, place, valid_for=timedelta(days=days))


@app.command()
def show(file: FileArgument, output: OutputOption = Output.TABLE) -> None:
    """Show what a snapshot says, without believing it: the signature is not checked here."""
    from probe.control.snapshot import read_seal
    from probe.errors import InputError
    from probe.model.codec import decode
    from probe.model.control import ControlSnapshot

    seal, body = read_seal(file)
    try:
        content = decode(body, ControlSnapshot)
    except InputError as error:
        raise InputError("incomplete or of another version", file=str(file), line=2) from error
    say(
        f"{content.id}, made {content.created:%Y-%m-%d %H:%M} UTC in {content.country}, to be"
        f" believed until {content.expires:%Y-%m-%d}; says to be signed by {seal.key[:64]}"
    )
    emit(content.observations, output, _COLUMNS)


@app.command()
def verify(
    file: FileArgument,
    key: Annotated[
        str | None,
        typer.Option("--key", help="The signer's public key; none: the trusted ones."),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Check the signature, the dates and the content of a snapshot; exit code 2 if it is bad."""
    from probe.clock import SystemClock
    from probe.control.keys import checked_key, trusted_keys
    from probe.control.snapshot import load_snapshot
    from probe.settings import load

    if key is not None:
        keys = frozenset({checked_key(key)})
    else:
        settings = load(config=config, environ=os.environ, store=store)
        keys = trusted_keys(settings.store)
    content = load_snapshot(file, keys=keys, now=SystemClock().now())
    say(
        f"{file}: good. {len(content.observations)} endpoints seen from {content.country} on"
        f" {content.created:%Y-%m-%d}, to be believed until {content.expires:%Y-%m-%d}."
    )


@app.command()
def trust(
    key: Annotated[str, typer.Argument(help="A public key, 64 hex digits.", show_default=False)],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Believe snapshots that this key signed. Get the key from whoever made them, not by file."""
    from probe.control.keys import trust_key
    from probe.settings import load

    settings = load(config=config, environ=os.environ, store=store)
    say(f"Snapshots signed by {trust_key(settings.store, key)} are believed from now on.")


@app.command("key")
def key_(store: StoreOption = None, config: ConfigOption = None) -> None:
    """Print this machine's public key; it is made when there is none yet."""
    from probe.control.keys import key_path, own_key, public_key
    from probe.settings import load

    settings = load(config=config, environ=os.environ, store=store)
    typer.echo(public_key(own_key(key_path(settings.store))))
