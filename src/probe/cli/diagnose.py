"""``probe diagnose``: one service or host, step by step, with every step explained."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.measuring import ControlOption, CountryOption, LabOption, LiveControlOption
from probe.cli.options import CatalogOption, ConfigOption, Output, StoreOption, command_app
from probe.cli.output import say
from probe.cli.own import PrivateOption, add_own, own_of, with_own
from probe.model.target import Catalog, Risk
from probe.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from probe.analysis.narrative.values import Narrative
    from probe.analysis.verdict import JudgeFacts
    from probe.consent import Consent
    from probe.schedule.runner import RoundResult
    from probe.targets.named import Named
    from probe.targets.private import Private

__all__ = ["app"]

app = command_app(no_args_is_help=True)


class Told(StrEnum):
    """How a diagnosis is printed."""

    TABLE = "table"  # prose, which is no table; the word is that of all commands
    JSON = "json"


@dataclass(frozen=True)
class _Request:
    """What was asked on the command line."""

    subject: str
    settings: Settings
    controls: tuple[str, ...]
    lab: str | None
    keep: bool
    quick: bool
    yes: bool
    listing: bool = False
    private: "Private | None" = None


SubjectArgument = Annotated[
    str,
    typer.Argument(
        help="A service of the catalog, a host[:port], or a URL; with --private also `private`, "
        "or own-1, own-2 and so on."
    ),
]
TellOption = Annotated[
    Told, typer.Option("--output", "-o", help="Prose for people, or JSON for programs.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Keep the result in the store; --store does so, too.")
]


@app.command()
def diagnose(
    subject: SubjectArgument,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Each attempt: times, addresses, certificates, rule."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out what has to wait; weaker verdicts.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before measuring what needs a yes.")
    ] = False,
    listing: Annotated[
        bool, typer.Option("--listing", help="Ask the stores whether they offer its app, too.")
    ] = False,
    keep: KeepOption = False,
    control: ControlOption = None,
    live_control: LiveControlOption = False,
    country: CountryOption = None,
    lab: LabOption = None,
    private: PrivateOption = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 also when it is blocked.")
    ] = False,
    output: TellOption = Told.TABLE,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Look at one service or host with everything there is, and explain each step in plain words.

    First the line itself, then the name at each resolver, the connection at each address, the
    encrypted handshake, the page, and, when something fails, the same again and what to compare
    it with. Nothing is kept unless --keep or --store is given. A failure that has to be looked
    at again takes up to eight minutes; --quick takes seconds and says less.

    Exit codes: 0 it is not blocked, 1 interference found, 3 the line is offline or the result
    inconclusive, 4 consent missing, 5 storage, 130 interrupted.
    """
    from probe.cli.measuring import settings_of
    from probe.cli.results import always_json

    with always_json(Output(output.value)) as printing:
        settings = settings_of(
            config=config,
            store=store,
            catalog=catalog,
            country=country,
            live_control=live_control,
        )
        request = _Request(
            subject=subject,
            settings=settings,
            controls=tuple(control or ()),
            lab=lab,
            keep=keep or store is not None,
            quick=quick,
            yes=yes,
            listing=listing,
            private=own_of(private),
        )
        code = _diagnosed(request, printing, as_json=output is Told.JSON, verbose=verbose)
    raise typer.Exit(0 if exit_zero and code in (1, 3) else code)


def _diagnosed(
    request: _Request, printing: Callable[[], None], *, as_json: bool, verbose: bool
) -> int:
    """Measure, print, and return the exit code.

    Raises:
        ProbeError: consent, storage, a name that cannot be measured, or a forbidden network.

    """
    from msgspec import structs

    from probe.cli.measuring import until_stopped
    from probe.cli.results import exit_code_of
    from probe.cli.telling import tell
    from probe.targets.load import load_catalog

    catalog = load_catalog(request.settings.catalog)

    agreed = None
    if request.lab is None:  # asked before there is a loop: that would keep Ctrl-C from a question
        subject = _named(request, catalog)
        agreed = subject, _agreed(request, subject)

    async def work(stop: "asyncio.Event") -> "tuple[RoundResult, tuple[Narrative, ...]]":
        return await _round(request, catalog, agreed, stop)

    result, narratives = until_stopped(work)
    printing()
    told = {narrative.service for narrative in narratives}
    services = tuple(service for service in result.services if service.service in told)
    tell(request.subject, narratives, services, as_json=as_json, verbose=verbose)
    for problem in result.problems:
        say(f"A bug of ours, please report it: {problem}")
    if result.interrupted:
        say("Interrupted: what was measured until then is told.")
    return exit_code_of(structs.replace(result, services=services))  # the anchors are not asked


def _named(request: _Request, catalog: Catalog) -> "Named":
    from probe.clock import SystemClock
    from probe.targets.named import named, with_listing

    catalog = with_own(catalog, request.private)
    found = named(request.subject, catalog, today=SystemClock().now().date())
    return with_listing(found) if request.listing else found


def _agreed(request: _Request, subject: "Named") -> "Consent":
    """Return the consent that covers the subject, after a yes where it needs one.

    Raises:
        ConsentError: there is none, it covers less, or the answer was no.

    """
    from probe.cli.asking import ask_named
    from probe.consent import require
    from probe.schedule.choose import Wanted, chosen_categories, selection_of
    from probe.settings import default_consent

    wanted = Wanted(names=subject.names, country=request.settings.country)
    selection = selection_of(subject.catalog, wanted)
    by_name = [e for e in selection.by_name if e.private is None]  # the file is its own yes
    if (subject.outside or by_name) and not request.yes:
        private = request.settings.high_risk
        ask_named((request.subject,), private=private, warning=_warning(subject))
    categories = (
        subject.categories if subject.outside else chosen_categories(subject.catalog, selection)
    )
    return require(default_consent(os.environ), categories)


def _warning(subject: "Named") -> str:
    if not subject.outside:
        return ""
    if subject.risk is Risk.HIGH:
        kinds = ", ".join(str(category) for category in subject.categories)
        return (
            f"It belongs to what the catalog marks as high risk ({kinds}): in some countries "
            "being seen with it is dangerous."
        )
    return "It is not in the catalog, so nobody has weighed what it means to be seen with it."


async def _round(
    request: _Request,
    catalog: Catalog,
    agreed: "tuple[Named, Consent] | None",
    stop: "asyncio.Event",
) -> "tuple[RoundResult, tuple[Narrative, ...]]":
    from contextlib import AsyncExitStack
    from dataclasses import replace

    from probe.cli.lab_stage import lab_stage
    from probe.cli.measuring import (
        holding,
        keeping,
        open_session,
        real_stage,
    )
    from probe.cli.telling import show_waiting
    from probe.schedule.chain import FollowUps
    from probe.schedule.choose import Wanted

    settings = request.settings
    async with AsyncExitStack() as stack:
        if agreed is None:
            stage = await stack.enter_async_context(lab_stage(request.lab or "none", catalog))
            subject = _named(request, stage.catalog)
            stage = replace(stage, catalog=subject.catalog)
        else:
            subject, consent = agreed
            stage = await stack.enter_async_context(real_stage(settings, subject.catalog, consent))
        store = stack.enter_context(keeping(settings, keep=request.keep))
        stack.enter_context(holding(settings, store))
        opened = open_session(settings, stage, store, request.controls, stop)
        session = stack.enter_context(opened)
        add_own(request.private, session)
        session.quick = request.quick
        virtual = stage.env.clock.virtual
        session.progress, session.waiting = stack.enter_context(show_waiting(virtual=virtual))
        wanted = Wanted(names=subject.names, country=session.vantage.country)
        result = await session.round(wanted, follow_ups=FollowUps.THOROUGH)
        return result, _narratives(result, subject, session.facts)


def _narratives(
    result: "RoundResult", subject: "Named", facts: "JudgeFacts"
) -> "tuple[Narrative, ...]":
    """Return the narratives of what was named; the anchors are told with the line."""
    from probe.analysis.narrative.tell import narrate

    named = {
        e.id: (e, service)
        for service in subject.catalog.services
        for e in service.endpoints
        if e.id in subject.names or service.id in subject.names
    }
    return tuple(
        narrate(*named[r.endpoint], r, context=result.context, controls=r.controls, facts=facts)
        for r in result.records
        if r.endpoint in named
    )
