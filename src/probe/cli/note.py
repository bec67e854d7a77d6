"""``probe note``: what a person saw, with its time; shown beside timelines, never a verdict."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from probe.cli.options import ConfigOption, Output, OutputOption, StoreOption, command_app
from probe.cli.output import emit, say
from probe.model.record import NoteKind

__all__ = ["app", "moment"]

app = command_app(no_args_is_help=True)
MAX_TEXT = 1000


@app.command()
def add(
    kind: Annotated[NoteKind, typer.Argument(help="What happened.", show_default=False)],
    service: Annotated[
        str | None,
        typer.Option("--service", help="Which service, by its id: whatsapp.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="When, in local time: 21:40, or 2026-02-03 21:40; now if left out.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[str, typer.Option("--text", help="In a few words; write no names.")] = "",
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write down what you saw: a failed call, a code that did not come, an app that is gone."""
    import os
    from zoneinfo import ZoneInfo

    from probe.clock import SystemClock
    from probe.errors import InputError
    from probe.model.record import Note
    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store)
    words = " ".join(text.split())
    if len(words) > MAX_TEXT:
        raise InputError(f"longer than {MAX_TEXT} characters", field="--text")
    now = SystemClock().now()
    if service is not None:
        _look_up(service, settings.catalog)
    with Store.open(settings.store) as opened:
        vantage = opened.vantage()
        zone = settings.tz if vantage is None else vantage.tz
        time = now if at is None else moment(at, zone, now)
        opened.add_note(Note(time=time, kind=kind, service=service, text=words))
    local = time.astimezone(ZoneInfo(zone))
    say(f"Noted {kind.value} at {local:%Y-%m-%d %H:%M} ({zone}).")


@app.command("list")
def list_(
    since: Annotated[
        str | None,
        typer.Option("--since", help="From this date or time on, or 14d back.", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Up to this time.", show_default=False)
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the notes by time (UTC)."""
    import os
    from zoneinfo import ZoneInfo

    from probe.cli.series_source import moment_of
    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store)
    zone = ZoneInfo(settings.tz)
    with Store.open(settings.store, create=False, readonly=True) as opened:
        notes = opened.notes(moment_of(since, "--since", zone), moment_of(until, "--until", zone))
    emit(notes, output, ("time", "kind", "service", "text"))
    if not notes:
        say("no notes")


def moment(text: str, tz: str, now: datetime) -> datetime:
    """Return the UTC time that a person means by ``21:40`` or ``2026-02-03 21:40``.

    An hour alone is the last time that the clock showed it. A time without an offset is local.

    Raises:
        InputError: it is no time, or it lies in the future.

    """
    from datetime import UTC, time
    from zoneinfo import ZoneInfo

    from probe.errors import InputError

    zone = ZoneInfo(tz)
    try:
        if len(text.strip()) <= 5:
            local = now.astimezone(zone)
            found = datetime.combine(local.date(), time.fromisoformat(text.strip()), zone)
            found = found if found <= now else found - timedelta(days=1)
        else:
            found = datetime.fromisoformat(text.strip())
            found = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        result = found.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InputError(
            f"not a time: {text[:40]!r}", field="--at", mend="21:40, or 2026-02-03 21:40"
        ) from exc
    if result > now + timedelta(minutes=5):
        raise InputError("lies in the future", field="--at", mend="check the date and the zone")
    return result


def _look_up(service: str, catalog: object) -> None:
    """Warn about a service that the catalog does not have; a person may see more than we do."""
    from difflib import get_close_matches
    from pathlib import Path

    from probe.targets.load import load_catalog

    known = load_catalog(catalog if isinstance(catalog, Path) else None)
    if known.service(service) is None:
        near = get_close_matches(service, [one.id for one in known.services], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        say(f"The catalog has no service {service!r}{hint} Noted all the same.")
