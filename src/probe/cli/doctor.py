"""``probe doctor``: whether this installation is fit to measure, and whence each setting comes."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from probe.cli.options import ConfigOption, Output, OutputOption, StoreOption, command_app
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.settings import Settings

__all__ = ["Finding", "Health", "app", "findings"]

app = command_app()
CLOCK_FLOOR = 2026  # a clock before the year of this release is wrong
BROKEN_STORE, BROKEN_SETUP = 5, 2


class Health(StrEnum):
    """How it looks."""

    OK = "ok"
    NOTE = "note"  # worth knowing
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the doctor's; ``value`` never holds an address."""

    about: str
    health: Health = Health.OK
    value: str
    source: str = ""


@app.callback(invoke_without_command=True)
def doctor(
    store: StoreOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also verify the whole store; may take minutes.")
    ] = False,
) -> None:
    """Check versions, settings, store, consent, catalog, clock and guard; sends nothing.

    Exit code 5 when the store is unusable, 2 when something else is.
    """
    rows = list(findings(store, config, deep=deep))
    emit(rows, output, ("about", "health", "value", "source"))
    bad = [row for row in rows if row.health is Health.BAD]
    if bad:
        say(f"{len(bad)} of {len(rows)} need mending: {', '.join(row.about for row in bad)}.")
        raise typer.Exit(BROKEN_STORE if all(row.about == "store" for row in bad) else BROKEN_SETUP)


def findings(store: Path | None, config: Path | None, *, deep: bool) -> Iterator[Finding]:
    """Yield every finding; a check that fails is a finding, never the end."""
    import os

    from probe.errors import ProbeError
    from probe.settings import load

    yield from _versions()
    yield from _clock()
    try:
        settings = load(config=config, environ=os.environ, store=store)
    except ProbeError as exc:
        yield Finding(about="settings", health=Health.BAD, value=str(exc))
        settings = None
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("guard", _guard),
        ("consent", _consent),
        ("trace", _trace),
    ]
    if settings is not None:
        known = settings
        yield from _settings(known)
        checks.append(("catalog", lambda: _catalog(known)))
        checks.append(("store", lambda: _store(known, deep=deep)))
    for about, check in checks:
        try:
            yield from check()
        except ProbeError as exc:
            yield Finding(about=about, health=Health.BAD, value=str(exc))


def _versions() -> Iterator[Finding]:
    import platform
    from importlib.metadata import version

    from probe import __version__
    from probe.net.versions import openssl_version
    from probe.store.versions import sqlite_version

    yield Finding(about="probe", value=__version__)
    yield Finding(about="python", value=platform.python_version())
    yield Finding(about="system", value=f"{platform.system()} {platform.machine()}")
    yield Finding(about="sqlite", value=sqlite_version())
    yield Finding(about="openssl", value=openssl_version())
    yield Finding(about="root certificates", value=version("certifi"), source="certifi")


def _clock() -> Iterator[Finding]:
    from importlib.metadata import version

    from probe.clock import SystemClock

    now = SystemClock().now()
    early = now.year < CLOCK_FLOOR
    yield Finding(
        about="clock",
        health=Health.BAD if early else Health.OK,
        value=f"{now.isoformat(timespec='seconds')}{' is before this release' if early else ''}",
    )
    yield Finding(about="zone data", value=version("tzdata"), source="tzdata")


def _settings(settings: "Settings") -> Iterator[Finding]:
    for field in msgspec.structs.fields(type(settings)):
        if field.name == "origins":
            continue
        value = getattr(settings, field.name)
        yield Finding(
            about=f"setting {field.name}",
            health=_opinion(field.name, value, settings.origins),
            value=_shown(field.name, value),
            source=settings.origins.get(field.name, "default"),
        )


def _opinion(name: str, value: object, origins: dict[str, str]) -> Health:
    """Point out what makes results worse when nobody chose it."""
    unsaid = origins.get(name) == "default"
    return Health.NOTE if unsaid and name in ("country", "tz") and value else Health.OK


def _shown(name: str, value: object) -> str:
    if name in ("sni_host", "goodput_server"):  # an address, and somebody else's
        return "set" if value else "none"
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _guard() -> Iterator[Finding]:
    from probe.net.guard import mode

    found = mode()
    yield Finding(
        about="guard", value=found or "the real network, after consent", source="PROBE_NET"
    )


def _consent() -> Iterator[Finding]:
    import os

    from probe.consent import read_consent, require
    from probe.settings import default_consent

    path = default_consent(os.environ)
    given = read_consent(path)
    if given is None:
        yield Finding(about="consent", health=Health.NOTE, value="not given", source=str(path))
        return
    require(path, ())
    extra = f", with {','.join(given.categories)}" if given.categories else ""
    yield Finding(
        about="consent",
        value=f"version {given.version} of {given.given.date()}{extra}",
        source=str(path),
    )


def _trace() -> Iterator[Finding]:
    from probe.net.capture import what_is_missing

    missing = what_is_missing()
    yield Finding(
        about="trace",
        health=Health.NOTE if missing else Health.OK,
        value=f"cannot be made: {'; '.join(missing)}" if missing else "can be made",
    )


def _catalog(settings: "Settings") -> Iterator[Finding]:
    from probe.targets.load import load_catalog

    catalog = load_catalog(settings.catalog)
    endpoints = catalog.endpoints()
    usable = sum(endpoint.off is None for endpoint in endpoints)
    yield Finding(
        about="catalog",
        value=f"{len(catalog.services)} services, {usable} of {len(endpoints)} endpoints usable",
        source=catalog.digest[:12],
    )


def _store(settings: "Settings", *, deep: bool) -> Iterator[Finding]:
    import stat

    from probe.store.database import Store

    path = settings.store
    if not path.exists():
        yield Finding(about="store", health=Health.NOTE, value="not made yet", source=str(path))
        return
    with Store.open(path, create=False, readonly=True) as opened:
        info = opened.info()
        problems = opened.verify() if deep else []
    yield Finding(
        about="store",
        health=Health.BAD if problems else Health.OK,
        value=f"{info.rounds} rounds, {info.measurements} measurements, {info.bytes} bytes"
        + (f"; {len(problems)} problems, the first: {problems[0]}" if problems else ""),
        source=str(path),
    )
    if info.open_rounds:
        yield Finding(
            about="store rounds",
            health=Health.NOTE,
            value=f"{info.open_rounds} not closed: a run is on, or was killed",
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            about="store mode", health=Health.NOTE, value=f"{mode:o}: others can read it; use 600"
        )
