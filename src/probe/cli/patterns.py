"""``probe patterns``: outages and daily windows in stored or given timelines."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.cli.options import ConfigOption, Output, OutputOption, StoreOption, command_app
from probe.cli.output import emit, say
from probe.cli.series_source import (
    By,
    ByOption,
    InputOption,
    Request,
    ServiceOption,
    SinceOption,
    Source,
    TzOption,
    UntilOption,
    VantageOption,
    load,
)
from probe.model.event import Event, EventKind
from probe.model.throttle import THROTTLE_FIELDS
from probe.model.timeline import Series, Signal

if TYPE_CHECKING:
    from probe.analysis.survey import Known

__all__ = ["app"]

app = command_app()

SEED = 20220921
"""The rotations of the test are drawn from this, so that the same data say the same thing."""

_TABLE = ("kind", "label", "subject", "when", "days", "p", "scope")
_CSV = (
    *("kind", "label", "series", "vantage", "network", "signal", "locus", "start", "end", "tz"),
    *("start_minute", "end_minute", "snapped_start", "snapped_end", "first_day", "last_day"),
    *("supported", "observable", "total", "p", "q", "reach", "scope", "sentence"),
    *("vantages", "breadth", "shared", "spared", "own_fault", "bad_share"),
    *(f"throttle_{name}" for name in THROTTLE_FIELDS),
)
_KINDS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


@app.command()
def patterns(
    input_: InputOption = None,
    tz: TzOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    service: ServiceOption = None,
    vantage: VantageOption = None,
    by: ByOption = By.SERVICE,
    output: OutputOption = Output.TABLE,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what speaks for each event and against it.")
    ] = False,
    dates: Annotated[
        Path | None,
        typer.Option(
            "--dates",
            help="Dates to test against the days around: date[,name[,from,to]] a line.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the test's random rotations.")] = SEED,
) -> None:
    """Find outages, onsets, daily windows and throttling, each with its uncertainty.

    A window is claimed only when chance is an unlikely explanation; nothing found is a result
    too. One line never shows more than what happened on this line; what several vantages of one
    country share is shown beside their own events.
    """
    import random

    from probe.analysis.patterns import shortfalls
    from probe.analysis.survey import survey

    source = load(
        Request(
            input=input_,
            store=store,
            config=config,
            tz=tz,
            since=since,
            until=until,
            services=tuple(service or ()),
            vantage=vantage,
            by=by,
        )
    )
    known = _known(source, dates)
    rng = random.Random(seed)  # noqa: S311
    events = survey(source.series, pairs=source.pairs, rng=rng, known=known)
    if output is Output.TABLE:
        _print_table(events, explain=explain)
    elif output is Output.CSV:
        from probe.export.events import flat

        emit([flat(event) for event in events], output, _CSV)
    else:
        emit(events, output)
    if explain and output is not Output.TABLE:
        _print_explained(events)
    searched = [one for one in source.series if one.key.signal is not Signal.GOODPUT]
    _say_rest(searched, events, shortfalls(searched))
    _say_timed(source, events)
    for given in known.dates:
        if not any(event.calendar and event.calendar.name == given.name for event in events):
            say(f"no window that keeps to the {len(given.days)} dates of {given.name!r}")


def _known(source: Source, dates: Path | None) -> "Known":
    from dataclasses import replace

    from probe.export.known import known_of
    from probe.ingest.dates import read_dates

    known = known_of(source.names, source.shelves, source.sources)
    return known if dates is None else replace(known, dates=read_dates(dates))


def _print_table(events: Sequence[Event], *, explain: bool) -> None:
    if not events:
        return
    several = len({event.vantage for event in events if event.vantage}) > 1
    emit([_row(event, several=several) for event in events], Output.TABLE, _TABLE)
    from probe.analysis.explain import explain as explained

    for number, event in enumerate(events, start=1):
        sys.stdout.write(f"\n{number}. {event.sentence}\n")
        for line in explained(event) if explain else ():
            sys.stdout.write(f"   - {line}\n")


def _print_explained(events: Sequence[Event]) -> None:
    from probe.analysis.explain import explain as explained

    for number, event in enumerate(events, start=1):
        say(f"{number}. {event.sentence}")
        for line in explained(event):
            say(f"   - {line}")


def _say_timed(source: Source, events: Sequence[Event]) -> None:
    """Say how many pairs of transfers were compared, and what they lack."""
    from probe.analysis.throttle import LEAST_ROUNDS

    rated = sum(one.key.signal is Signal.GOODPUT for one in source.series)
    if rated:
        say(
            f"{_many(rated, 'series')} of goodput passed over: slow or not is judged by the rates, "
            "which a timeline does not hold"
        )
    if not source.pairs:
        return
    most = max(map(len, source.pairs.values()))
    if most < LEAST_ROUNDS:
        say(
            "not enough timed transfers to call anything slow: needs "
            f"{LEAST_ROUNDS} rounds of a pair; there are {most}"
        )
        return
    slowed = sum(event.throttle is not None for event in events)
    say(f"{_many(slowed, 'throttling')} found in {_many(len(source.pairs), 'pair')} of transfers")


def _say_rest(
    series: Sequence[Series], events: Sequence[Event], short: Sequence[tuple[Any, str]]
) -> None:
    """Say, beside the data, what was not found and what could not be looked for."""
    if not series:
        say("not enough data: needs at least 12 samples over 3 days; there is none")
    for key, needs in short[:5]:
        say(f"not enough data for daily windows in {key.subject}: {needs}")
    if len(short) > 5:
        say(f"not enough data for daily windows in {len(short) - 5} more series")
    own = [event for event in events if event.agreement is None and event.throttle is None]
    windows = sum(event.kind in _KINDS for event in own)
    degraded = sum(event.kind is EventKind.DEGRADED_WINDOW for event in own)
    dated = sum(event.kind is EventKind.CALENDAR_WINDOW for event in own)
    others = len(own) - windows - degraded - dated
    count = len(series)
    parts = [_many(windows, "daily or weekly window", none="no window")]
    parts += [_many(degraded, "stretch of degraded hours", "stretches of degraded hours")][
        :degraded
    ]
    parts += [_many(dated, "window on the dates given", "windows on the dates given")][:dated]
    parts.append(_many(others, "outage"))
    say(f"{', '.join(parts[:-1])} and {parts[-1]} found in {count} series")
    joint = sum(event.agreement is not None for event in events)
    if joint:
        say(f"{_many(joint, 'event')} shared by several vantages")


def _many(count: int, one: str, many: str = "", *, none: str = "") -> str:
    if not count:
        return none or f"no {one}"
    return f"{count} {one if count == 1 or one.endswith('series') else many or one + 's'}"


def _row(event: Event, *, several: bool) -> dict[str, Any]:
    from probe.analysis.wording import local_time, window_hours

    window = event.window
    subject = event.series if event.signal == "targeted" else f"{event.series} ({event.signal})"
    if event.agreement is not None:
        saw, said = event.agreement.vantages
        subject = f"{subject}, {saw} of {said} vantages"
    elif several:
        subject = f"{subject}, {event.vantage or 'unnamed'}"
    if window is not None:
        when = f"{window_hours(window)} {event.tz}, {window.first_day} to {window.last_day}"
        days = f"{window.days.supported} of {window.days.observable}"
    else:
        end = local_time(event.end.at, event.tz) if event.end else "now"
        when, days = f"{local_time(event.start.at, event.tz)} to {end} {event.tz}", ""
    kind = str(event.kind)
    if event.throttle is not None and event.kind is not EventKind.THROTTLE:
        kind = f"{kind} (throttle)"
    return {
        "kind": kind,
        "label": str(event.label),
        "subject": subject,
        "when": when,
        "days": days,
        "p": "" if event.p is None else f"{event.p:.3g}",
        "scope": str(event.scope),
    }
