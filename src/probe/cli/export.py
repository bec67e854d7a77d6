"""``probe export``: the rows behind every bar, for other programs and other people."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.cli.options import CatalogOption, ConfigOption, StoreOption, command_app
from probe.cli.output import say
from probe.cli.series_source import (
    By,
    ByOption,
    ServiceOption,
    SinceOption,
    UntilOption,
    span_of,
)
from probe.errors import InputError
from probe.export.kinds import Form, What

if TYPE_CHECKING:
    from probe.export.job import Job
    from probe.export.publish import Removed
    from probe.model.selection import Selection
    from probe.model.target import Catalog
    from probe.settings import Settings
    from probe.store.database import Store

__all__ = ["app"]

app = command_app()

_STEPS = {"m": "minutes", "h": "hours", "d": "days"}


@app.command()
def export(
    what: Annotated[What, typer.Argument(help="Which rows.", show_default=False)] = What.VERDICTS,
    form: Annotated[Form, typer.Option("--format", "-f", help="How they are written.")] = Form.CSV,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="A new folder for the files and their data dictionary, in place of stdout.",
            show_default=False,
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    service: ServiceOption = None,
    category: Annotated[
        list[str] | None,
        typer.Option("--category", help="Only services of this category; may be repeated."),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", help="Only AS64500, or AS64500/mobile; may be repeated."),
    ] = None,
    vantage: Annotated[
        list[str] | None, typer.Option("--vantage", help="Only this vantage; may be repeated.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="Only records that were judged so; may be repeated."),
    ] = None,
    by: ByOption = By.SERVICE,
    step: Annotated[
        str, typer.Option("--step", help="Length of the steps of a grid: 15m, 1h, 1d.")
    ] = "1h",
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Made for others: whole hours, nothing private, small networks unnamed.",
        ),
    ] = False,
    k: Annotated[
        int,
        typer.Option("--k", min=2, help="With --publish: lines that a network needs to be named."),
    ] = 3,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            help="Write the rounds, scrubbed and signed, into this file for another store.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Write stored rows for other programs: tables, OONI's format, or a bundle; sends nothing.

    Without --out the rows go to standard output alone; with it, a data dictionary with the
    question, the versions and a checksum of every file lies beside them. --bundle is for another
    store (probe import bundle): all of a vantage's rounds, exact times, signed, nothing that
    names the household.
    """
    import os

    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store)
    known = _catalog(catalog)
    with Store.open(settings.store, create=False, readonly=True) as opened:
        chosen = _selection(
            opened,
            settings,
            known,
            span=(since, until),
            services=service or (),
            categories=category or (),
            networks=network or (),
            vantages=vantage or (),
            states=state or (),
        )
        if bundle is not None:
            _bundle(opened, settings, chosen, bundle, publish=publish)
            return
        job = _job(
            what,
            form,
            chosen,
            known,
            by_endpoint=by is By.ENDPOINT,
            step=_step(step),
            publish=publish,
            k=k,
        )
        _write(job, opened, out)


def _write(job: "Job", store: "Store", out: Path | None) -> None:
    from random import SystemRandom

    from probe.clock import SystemClock
    from probe.export.job import to_folder, to_stream

    now, dice = SystemClock().now(), SystemRandom()
    if out is None:
        rows, removed = to_stream(job, store, sys.stdout.buffer, now=now, dice=dice)
        say(f"{rows} rows. With --out FOLDER a data dictionary is written beside them.")
    else:
        rows, removed = to_folder(job, store, out, now=now, dice=dice)
        say(f"{out}: {rows} rows, and what they mean in datapackage.json.")
    _say_removed(removed)


def _say_removed(removed: "tuple[Removed, ...]") -> None:
    if removed:
        say("Taken out for publishing:")
    for one in removed:
        count = "" if one.count is None else f" ({one.count} rounds)"
        say(f"  - {one.what}{count}: {one.why}")


def _bundle(
    store: "Store", settings: "Settings", chosen: "Selection", path: Path, *, publish: bool
) -> None:
    from probe.clock import SystemClock
    from probe.control.keys import public_key
    from probe.export.bundle import bundle_key_path, write_bundle
    from probe.schedule.files import read_private

    if publish:
        raise InputError(
            "a bundle has exact times, for somebody whom you trust",
            field="--bundle",
            mend="leave out --publish, or export a table in place of a bundle",
        )
    key = read_private(bundle_key_path(settings.store), 32, "vantage's key")
    done = write_bundle(store, chosen, path, private_key=key, now=SystemClock().now())
    say(f"{path}: {done.rounds} rounds with {done.records} records, signed by {public_key(key)}.")
    say("Give that key to whoever imports it, by another way than the file itself.")
    if done.redacted:
        say(f"{done.redacted} handshakes with certificates of machines at home were scrubbed.")


def _catalog(path: Path | None) -> "Catalog | None":
    from probe.errors import ProbeError
    from probe.targets.load import load_catalog

    if path is not None:
        return load_catalog(path)
    try:
        return load_catalog()
    except ProbeError:
        return None


def _selection(
    store: "Store",
    settings: "Settings",
    catalog: "Catalog | None",
    *,
    span: tuple[str | None, str | None],
    services: "list[str] | tuple[()]",
    categories: "list[str] | tuple[()]",
    networks: "list[str] | tuple[()]",
    vantages: "list[str] | tuple[()]",
    states: "list[str] | tuple[()]",
) -> "Selection":
    """Return what was asked for; a name of nothing is refused: no rows would look like "fine"."""
    from probe.model.selection import Selection
    from probe.model.verdict import State

    since, until = span_of(*span, settings.tz)
    known = {*store.scan.services(), *store.imported_services()}
    wanted: set[str] | None = set(services) or None
    for name in services:
        _must_be(name, known, "--service", "service in the store")
    if categories:
        shelves = {s.id: str(s.category) for s in catalog.services} if catalog else {}
        for name in categories:
            _must_be(name, set(shelves.values()), "--category", "category")
        of_them = {name for name in known if shelves.get(name) in categories}
        wanted = of_them if wanted is None else wanted & of_them
    for name in networks:
        if not re.fullmatch(r"AS\d{1,10}(/[a-z]+)?", name):
            raise InputError(
                f"not a network: {name[:40]!r}", field="--network", mend="AS64500 or AS64500/fixed"
            )
    for name in vantages:
        _must_be(name, set(store.countries()), "--vantage", "vantage in the store")
    for name in states:
        _must_be(name, set(State), "--state", "state")
    return Selection(
        since=since,
        until=until,
        services=None if wanted is None else frozenset(wanted),
        networks=frozenset(networks) or None,
        vantages=frozenset(vantages) or None,
        states=frozenset(State(name) for name in states) or None,
    )


def _must_be(name: str, known: set[Any], field: str, what: str) -> None:
    if name in known:
        return
    from difflib import get_close_matches

    words = sorted(map(str, known))
    near = get_close_matches(name, words, n=1)
    mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(words[:8]) or 'none'}"
    raise InputError(f"no {what} is called {name[:60]!r}", field=field, mend=mend)


def _step(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,3})([mhd])", text.strip())
    step = timedelta(**{_STEPS[found[2]]: int(found[1])}) if found else timedelta()
    if not step or (timedelta(days=1) % step and step % timedelta(days=1)):
        raise InputError(
            f"not a step: {text[:20]!r}", field="--step", mend="5m, 15m, 1h, 6h, 1d: whole to a day"
        )
    return step


def _job(
    what: What,
    form: Form,
    chosen: "Selection",
    catalog: "Catalog | None",
    *,
    by_endpoint: bool,
    step: timedelta,
    publish: bool,
    k: int,
) -> "Job":
    from probe.export.job import Job
    from probe.model.codec import to_builtins

    services = catalog.services if catalog is not None else ()
    query = {key: value for key, value in to_builtins(chosen).items() if value is not None}
    query |= {"table": what.value, "format": form.value}
    if what in (What.SAMPLES, What.INTERVALS, What.GRID, What.EVENTS):
        query["by"] = "endpoint" if by_endpoint else "service"
    if what is What.GRID:
        query["step_s"] = int(step.total_seconds())
    if publish:
        query |= {"publish": True, "k": k}
    return Job(
        what=what,
        form=form,
        chosen=chosen,
        query=query,
        categories={service.id: str(service.category) for service in services},
        names={service.id: service.name for service in services},
        catalog_digest=catalog.digest if catalog is not None else "",
        by_endpoint=by_endpoint,
        step=step,
        publish=publish,
        k=k,
    )
