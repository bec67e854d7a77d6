"""``probe timeline``: when a service worked, when it did not, and when nobody looked."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

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
from probe.errors import InputError
from probe.model.record import Note
from probe.model.timeline import Interval, IntervalState, Series, Signal

__all__ = ["app"]

app = command_app()

_TABLE = ("subject", "state", "start", "end", "zone", "looks", "detail")
_CSV = (
    *("type", "subject", "vantage", "network", "signal", "locus", "tz", "state", "absence"),
    *("start", "start_earliest", "start_latest", "start_censored"),
    *("end", "end_earliest", "end_latest", "end_censored"),
    *("samples", "bad_samples", "probability", "control_bad", "detail"),
)


@app.command()
def timeline(
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
    samples: Annotated[
        bool,
        typer.Option("--samples", help="Print every sample as a timeline CSV, not intervals."),
    ] = False,
    draw: Annotated[
        bool | None,
        typer.Option(
            "--draw/--rows",
            help="A drawing of hours and lanes, or a row each [a drawing on a terminal].",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show when a service worked and when it did not; a gap is a gap, never "fine"."""
    if samples and output in (Output.JSON, Output.JSONL):
        raise InputError("samples are CSV only", field="--samples", mend="leave out --output")
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
            wholes=not service,
        )
    )
    source = _with_timed(source)
    if samples:
        from probe.export.timeline_csv import write

        write(source.series, sys.stdout)
        return
    drawing = sys.stdout.isatty() if draw is None else draw
    if output is Output.TABLE and drawing:
        _draw(source)
    elif output is Output.TABLE:
        emit(_table(source), output, _TABLE)
    else:
        emit(_entries(source), output, _CSV if output is Output.CSV else ())
    if not source.series:
        say("nothing was measured in this time")


def _with_timed(source: Source) -> Source:
    """Return the source with the series of its timed transfers: slow or usual, round by round."""
    from dataclasses import replace

    from probe.analysis.throttle_series import goodput_series

    return replace(source, series=(*source.series, *goodput_series(source.pairs)))


def _draw(source: Source) -> None:
    """Draw on the terminal, as wide as it is; 80 columns where there is none."""
    from rich.console import Console

    from probe.cli.drawn import draw_timeline

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else 80, highlight=False)
    draw_timeline(source.series, source.names, console, width=console.width)


def _entries(source: Source) -> Iterator[dict[str, Any]]:
    """Yield each interval, and each note, as one flat mapping; times are UTC."""
    from probe.analysis.timeline import intervals
    from probe.model.codec import to_builtins

    for series in source.series:
        for interval in intervals(series):
            built: dict[str, Any] = to_builtins(interval)
            start, end = built.pop("start"), built.pop("end")
            yield {
                "type": "interval",
                **to_builtins(series.key),
                "tz": series.tz,
                "start": start["at"],
                "end": end["at"],
                **{f"start_{name}": start[name] for name in ("earliest", "latest", "censored")},
                **{f"end_{name}": end[name] for name in ("earliest", "latest", "censored")},
                **built,
                "detail": _detail(interval),
            }
    for note in source.notes:
        yield {
            "type": "note",
            "subject": note.service or "line",
            "state": str(note.kind),
            "start": to_builtins(note.time),
            "detail": note.text,
        }


def _table(source: Source) -> list[dict[str, Any]]:
    """Return the rows of the table, notes beside what was measured; times are local."""
    from probe.analysis.timeline import intervals

    rows: list[dict[str, Any]] = []
    for series in source.series:
        name = source.names.get(series.key.subject, series.key.subject)
        if series.key.signal != "targeted":
            name = f"{name} ({series.key.signal})"
        elif series.key.locus != "network":
            name = f"{name} ({series.key.locus})"
        own = [(one.start.at, _interval_row(one, series, name)) for one in intervals(series)]
        mine = [note for note in source.notes if note.service == series.key.subject]
        own += [(note.time, _note_row(note, series.tz, name)) for note in mine]
        rows += [row for _, row in sorted(own, key=lambda pair: pair[0])]
    shown = {series.key.subject for series in source.series}
    zone = source.series[0].tz if source.series else "UTC"
    others = [note for note in source.notes if note.service not in shown]
    return rows + [_note_row(note, zone, note.service or "line") for note in others]


def _interval_row(interval: Interval, series: Series, name: str) -> dict[str, Any]:
    """Return a row; a slow stretch has no mechanism in it: only many rounds are a throttling."""
    from probe.analysis.wording import local_time

    start = ("before " if interval.start.censored else "") + local_time(
        interval.start.at, series.tz
    )
    end = local_time(interval.end.at, series.tz) + (" or later" if interval.end.censored else "")
    timed = series.key.signal is Signal.GOODPUT
    what = "slow" if timed else "bad"
    looks = f"{interval.bad_samples}/{interval.samples} {what}" if interval.state != "gap" else ""
    return {
        "subject": name,
        "state": what if interval.state is IntervalState.BAD else str(interval.state),
        "start": start,
        "end": end,
        "zone": series.tz,
        "looks": looks,
        "detail": "" if timed and interval.absence is None else _detail(interval),
    }


def _note_row(note: Note, tz: str, name: str) -> dict[str, Any]:
    from probe.analysis.wording import local_time

    return {
        "subject": name,
        "state": "note",
        "start": local_time(note.time, tz),
        "end": "",
        "zone": tz,
        "looks": "",
        "detail": f"{note.kind}: {note.text}" if note.text else str(note.kind),
    }


def _detail(interval: Interval) -> str:
    if interval.absence is not None:
        return str(interval.absence)
    return ", ".join(f"{name} ({count})" for name, count in interval.mechanisms[:3])
