"""``probe lab``: a censored internet in a box, for probe and for any other program."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, Output, OutputOption, command_app
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.lab.netns.check import Abilities
    from probe.lab.netns.request import LabRequest
    from probe.lab.rules import Expected, Scenario
    from probe.model.target import Service

__all__ = ["app"]

app = command_app(no_args_is_help=True)

NOT_HERE = 3
_CHECKED = ("about", "works", "needed", "value", "mend")
_LISTED = ("name", "stages", "description", "expected")
SEPARATOR = "; "
SHOWN = 3
"""Expectations of one scenario in a table; other outputs have all of them."""


@app.command()
def check(output: OutputOption = Output.TABLE) -> None:
    """Say what this machine allows of the lab in network namespaces; changes nothing.

    Exit code 0 when the lab can be built here, 3 when it cannot.
    """
    from dataclasses import asdict

    from probe.lab.netns.check import abilities, first_problem

    found = abilities()
    emit([asdict(line) for line in found.lines], output, _CHECKED, "The lab in namespaces")
    problem = first_problem(found)
    if problem is not None:
        say(str(problem))
        raise typer.Exit(NOT_HERE)
    say("The lab can be built here: probe lab up SCENARIO -- COMMAND")


@app.command()
def scenarios(output: OutputOption = Output.TABLE) -> None:
    """List the scenarios that are shipped: what happens in each, and what a right judge says."""
    from probe.lab.scenario import load_scenario, scenario_names

    rows = [_row(load_scenario(name)) for name in scenario_names()]
    if output is Output.TABLE:
        rows = [{**row, "expected": _some(row["expected"])} for row in rows]
    emit(rows, output, _LISTED, "Scenarios")


def _row(scenario: "Scenario") -> dict[str, str]:
    stages = " ".join(sorted(str(stage) for stage in scenario.stages))
    expected = SEPARATOR.join(_expected(one) for one in scenario.expect) or "all services work"
    return {
        "name": scenario.name,
        "stages": stages,
        "description": " ".join(scenario.description.split()),
        "expected": expected,
    }


def _expected(one: "Expected") -> str:
    """Return an expectation in a few words: of whom, what, and at which hour if not always."""
    if one.gate is not None:
        words = f"gate {one.gate} {'may close' if one.may else 'closes'}"
    else:
        words = f"{one.service}{f'@{one.host}' if one.host else ''}: {one.verdict}"
    return words if one.at is None else f"{words} at {one.at:%Y-%m-%d %H:%M}"


def _some(expected: str) -> str:
    """Return the first expectations; the whole of the longest would fill a screen."""
    parts = expected.split(SEPARATOR)
    more = len(parts) - SHOWN
    return expected if more <= 0 else SEPARATOR.join((*parts[:SHOWN], f"and {more} more"))


ScenarioArgument = Annotated[
    str, typer.Argument(help="A scenario's name (probe lab scenarios) or its file.")
]
CommandArgument = Annotated[
    list[str] | None,
    typer.Argument(help="What is run there, after --; a shell when nothing is given."),
]
PcapOption = Annotated[
    Path | None,
    typer.Option("--pcap", help="Keep what crosses the box in this file.", show_default=False),
]
AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        help="What time it is in the lab, in the scenario's zone; default: the machine's time.",
        show_default=False,
        formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%z"],
    ),
]
WorldOption = Annotated[
    str | None,
    typer.Option("--world", help="A world that is shipped, such as small.", show_default=False),
]
EverythingOption = Annotated[
    bool, typer.Option("--all", help="The whole shipped catalog as the world.")
]
DaemonsOption = Annotated[
    bool,
    typer.Option(
        "--daemons/--no-daemons",
        help="Run programs of the real world (resolver, web servers, tor) where they are "
        "installed, or only the lab's own.",
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        help="A command line of a server of your own, run in the lab's internet for as long: it "
        "may listen at any address there, at ports that nobody else uses.",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the censor's dice.")]


@app.command(context_settings={"ignore_unknown_options": False})
def up(
    scenario: ScenarioArgument,
    command: CommandArgument = None,
    pcap: PcapOption = None,
    at: AtOption = None,
    catalog: CatalogOption = None,
    world: WorldOption = None,
    everything: EverythingOption = False,
    daemons: DaemonsOption = True,
    server: ServerOption = None,
    seed: SeedOption = 1,
) -> None:
    """Build a censored internet and run a command in it; nothing of it leads outside.

    The command sees a home line with one network interface, the lab's resolver and certificate
    authorities. Its exit code is passed through; everything is gone when it ends. Exit code 3
    when this machine does not allow it (see probe lab check).
    """
    from dataclasses import replace

    from probe.lab.netns.check import abilities, first_problem

    found = abilities()
    problem = first_problem(found)
    if problem is not None:
        say(f"probe: {problem}")
        raise typer.Exit(NOT_HERE)
    request = replace(
        _request(scenario, tuple(command or ()), pcap, at, found, daemons=daemons, seed=seed),
        server=_split(server or ""),
    )
    raise typer.Exit(_run(_in_world(request, catalog, world, everything=everything)))


def _split(line: str) -> tuple[str, ...]:
    """Return the words of a command line, as a shell would.

    Raises:
        InputError: a quote is not closed.

    """
    import shlex

    from probe.errors import InputError

    try:
        return tuple(shlex.split(line))
    except ValueError as exc:
        raise InputError(f"this is no command line: {exc}", field="--server") from exc


def _request(
    scenario: str,
    command: tuple[str, ...],
    pcap: Path | None,
    at: datetime | None,
    found: "Abilities",
    *,
    daemons: bool,
    seed: int,
) -> "LabRequest":
    from probe.clock import SystemClock
    from probe.errors import InputError
    from probe.lab.actions import Stage
    from probe.lab.netns.request import LabRequest
    from probe.lab.scenario import load_scenario

    played = load_scenario(scenario)
    if Stage.NETNS not in played.stages:
        raise InputError(
            f"the scenario {played.name} is not for namespaces",
            field="stages",
            mend="write stages: [loopback, netns] if it is your own",
        )
    now = SystemClock().now()
    return LabRequest(
        scenario=played,
        services=played.services or (),
        command=command or (os.environ.get("SHELL") or "/bin/sh",),
        at=now if at is None else _instant(at, played.zone),
        real=now,
        environment=dict(os.environ),
        pcap=pcap,
        daemons=found.daemons if daemons else (),
        seed=seed,
        tun=found.has("tun"),
        sysfs=found.has("sysfs"),
        pids=found.has("pids"),
    )


def _instant(at: datetime, zone: str) -> datetime:
    """Return an instant; without an offset it is the scenario's local time."""
    from datetime import UTC

    from probe.lab.windows import find_zone

    return (at if at.tzinfo else at.replace(tzinfo=find_zone(zone))).astimezone(UTC)


def _in_world(
    request: "LabRequest", catalog: Path | None, world: str | None, *, everything: bool
) -> "LabRequest":
    """Return the request with its world: what was asked for, else the scenario's own.

    Raises:
        InputError: more than one was asked for, or it does not exist.

    """
    from dataclasses import replace

    from probe.errors import InputError

    if sum((catalog is not None, world is not None, everything)) > 1:
        raise InputError("one of --world, --catalog and --all is enough")
    services: tuple[Service, ...] = request.services
    if world is not None:
        from probe.lab.scenario import load_world

        services = load_world(world, request.scenario.starts.date().isoformat())
    elif catalog is not None or everything or not services:
        from probe.targets.load import load_catalog

        services = load_catalog(catalog).services
    return replace(request, services=services)


def _run(request: "LabRequest") -> int:
    from probe.lab.netns.up import up as lab_up

    return lab_up(request, say)
