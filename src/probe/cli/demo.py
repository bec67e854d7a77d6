"""``probe demo``: the whole path in a minute, on a censored network inside this machine."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import Output, OutputOption, command_app
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.lab.demo import Demo, Moment
    from probe.report.data import ReportData, ServiceFinding, WindowRow

__all__ = ["app"]

app = command_app()

_SERVICES = ("service", "finding", "who", "how", "when", "confidence")
_WINDOWS = ("what", "who", "hours", "days", "confidence")
_EVERY = 16
"""Rounds between two plain lines of progress: about a day."""

_OPENING = (
    "This is a simulation. Nothing leaves this machine: a second process plays servers and a "
    "censor on loopback.\nThe country is made up. Services carry real names so that you "
    "recognise them; what happens to them here is invented."
)


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder for the store and the report [PROBE_RESULTS]."),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=14, help="Stop after so many days.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of jitter and order.")] = 20260302,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure fourteen days of a made-up censored country in a minute; nothing goes outside."""
    import asyncio
    import gc

    from probe.control.observe import observation_of
    from probe.lab.controls import live_observation
    from probe.lab.demo import run_demo
    from probe.lab.scenario import load_scenario
    from probe.net import guard
    from probe.targets.load import load_fingerprints

    guard.confine()
    folder = out or Path(os.environ.get("PROBE_RESULTS") or "results")
    _make_folder(folder)
    say(_OPENING)
    gc.freeze()  # what is loaded now stays until the end: no need to look at it again and again,
    gc.set_threshold(20_000, 20, 20)  # and what a minute leaves behind fits into memory
    with _progress() as moment:
        played = asyncio.run(
            run_demo(
                folder / "demo.sqlite",
                scenario=load_scenario("demo"),
                observe=live_observation(observation_of),
                fingerprints=load_fingerprints(),
                seed=seed,
                days=days,
                moment=moment,
            )
        )
    _show(played, folder, output)


def _make_folder(folder: Path) -> None:
    from probe.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(
            f"the folder cannot be made: {exc.strerror or exc}",
            file=str(folder),
            mend="choose another place with --out",
        ) from exc


@contextmanager
def _progress() -> Iterator[Callable[["Moment"], None]]:
    """Yield what each round is told to: a bar on a terminal, a line a day elsewhere."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description:44}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting the lab", total=1.0)

        def show(moment: "Moment") -> None:
            bar.update(task, completed=_share(moment), description=_words(moment))

        yield show


def _plain(moment: "Moment") -> None:
    if moment.round % _EVERY == 0:
        say(f"{_share(moment):4.0%}  {_words(moment)}")


def _share(moment: "Moment") -> float:
    return (moment.now - moment.start) / (moment.end - moment.start)


def _words(moment: "Moment") -> str:
    from zoneinfo import ZoneInfo

    from probe.report.words import GATES

    local = moment.now.astimezone(ZoneInfo(moment.tz))
    failed = f"{moment.bad} of {moment.measured} looks failed"
    state = GATES.get(moment.gate, moment.gate) if moment.gate else failed
    return f"day {(moment.now - moment.start).days + 1:2}, {local:%H:%M}: {state}"


def _show(played: "Demo", folder: Path, output: Output) -> None:
    """Print what was found, and write the report."""
    from probe.cli.report import write_report
    from probe.report.html import render
    from probe.report.stored import report_of
    from probe.store.database import Store

    with Store.open(played.store, create=False, readonly=True) as store:
        data = report_of(
            store,
            played.catalog,
            now=played.ended,
            title="A simulated country, seen from one line",
            simulated=True,
            private=True,
        )
    emit([_service(found, data) for found in data.services], output, _SERVICES, "Services")
    if output is Output.TABLE:
        emit([_window(row) for row in data.windows], output, _WINDOWS, "Windows and outages")
    write_report(render(data), folder / "demo.html", private=False)
    say(
        f"{played.rounds} rounds, {played.measurements} measurements and {played.controls} "
        f"controls over loopback, {played.bytes / 1e6:.1f} MB; kept in {played.store}"
    )
    for problem in dict.fromkeys(played.problems):
        say(f"a fault of probe's own cost a measurement: {problem}")
    say("This was a simulation: it says nothing about any real network or service.")


def _service(found: "ServiceFinding", data: "ReportData") -> dict[str, str]:
    """Return one row of the table: what, who, how, when, how sure."""
    from probe.report.mechanisms import how
    from probe.report.phrases import since_words, weekdays, window_hours
    from probe.report.words import CONFIDENCE, FINDING, REASON, WHO

    fine = found.kind.value in ("works", "retired", "not_measured")
    when = since_words(found.since, data.place.tz)
    if found.window is not None:
        start, end = window_hours(found.window.event)
        when = f"{weekdays(found.window.event)} {start}-{end}"
    reason = f" ({REASON[found.reason]})" if found.reason is not None else ""
    return {
        "service": found.name,
        "finding": FINDING[found.kind],
        "who": "" if fine else WHO[found.locus],
        "how": "" if fine else how(found.mechanism) + reason,
        "when": "" if fine else when,
        "confidence": CONFIDENCE[found.confidence] if found.confidence else "",
    }


def _window(row: "WindowRow") -> dict[str, str]:
    """Return one row of the table of windows and outages."""
    from probe.analysis.wording import odds_words
    from probe.model.verdict import Locus
    from probe.report.mechanisms import how
    from probe.report.phrases import moment, weekdays, window_hours
    from probe.report.words import WHO

    event = row.event
    blamed = next((one for one in Locus if one.value == row.locus), None)
    what = row.name
    if blamed is None and event.mechanisms:  # the line's own trouble: the signal says no locus
        what = f"{row.name}: {how(event.mechanisms[0][0])}"
    if event.window is None:
        hours = moment(event.start.at, event.tz)
        if event.end is not None:
            hours += f" to {moment(event.end.at, event.tz)}"
        days, sure = "", f"{event.bad_samples} of {event.samples} looks failed"
    else:
        start, end = window_hours(event)
        seen = event.window.days
        hours = f"{weekdays(event)} {start}-{end}"
        days = f"{seen.supported} of {seen.observable}"
        edges = "-".join(_edge(e) for e in (event.window.start_interval, event.window.end_interval))
        sure = f"{event.label.value}; by chance alone {odds_words(event.p)}; 95 %: {edges}"
    return {
        "what": what,
        "who": WHO[blamed or Locus.UNKNOWN],
        "hours": hours,
        "days": days,
        "confidence": sure,
    }


def _edge(interval: tuple[float, float]) -> str:
    """Return an edge's interval in local clock times, as ``(15:50..16:10)``."""
    from probe.report.phrases import clock_minute

    return f"({clock_minute(interval[0])}..{clock_minute(interval[1])})"
