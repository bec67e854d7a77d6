"""``probe run``: measure once, judge, store, and say what is cut."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.goodput import GoodputOption, MeteredOption, own_server, require_counting
from probe.cli.measuring import (
    AllOption,
    ControlOption,
    CountryOption,
    IncludeOption,
    LabOption,
    LiveControlOption,
    NamesArgument,
    NoStoreOption,
    PlanOption,
    settings_of,
)
from probe.cli.options import (
    CatalogOption,
    ConfigOption,
    Output,
    OutputOption,
    StoreOption,
    command_app,
)
from probe.cli.output import say
from probe.cli.own import PrivateOption, add_own, own_categories, own_of
from probe.model.target import Catalog, Category, Plan
from probe.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from probe.schedule.choose import Wanted
    from probe.schedule.runner import RoundResult
    from probe.schedule.session import Session
    from probe.targets.private import Private

__all__ = ["app"]

app = command_app()


@dataclass(frozen=True)
class _Request:
    """What was asked on the command line."""

    settings: Settings
    catalog: Catalog
    wanted: "Wanted"
    output: Output
    controls: tuple[str, ...]
    lab: str | None
    keep: bool
    quick: bool
    resume: bool
    private: "Private | None" = None
    goodput: bool = False

    @property
    def uncounted(self) -> bool:
        """Return whether this is a real network, and no store counts what was downloaded today."""
        return self.lab is None and not self.keep


DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be contacted, and its cost; send nothing."),
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask before measuring what needs an opt-in.")
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Leave out what has to wait; weaker verdicts.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted run of today's.")
]
SecondsOption = Annotated[
    float | None,
    typer.Option("--seconds", help="The most that this run may take.", show_default=False),
]
BytesOption = Annotated[
    int | None,
    typer.Option("--bytes", help="The most that this run may transfer.", show_default=False),
]
ListingOption = Annotated[
    bool,
    typer.Option(
        "--listing", help="Ask the stores whether they offer the apps: `probe run listing`."
    ),
]
ExitZeroOption = Annotated[
    bool, typer.Option("--exit-zero", help="Exit with 0 also when something is blocked.")
]


@app.command()
def run(
    names: NamesArgument = None,
    plan: PlanOption = Plan.DEFAULT,
    everything: AllOption = False,
    country: CountryOption = None,
    include: IncludeOption = None,
    listing: ListingOption = False,
    dry_run: DryRunOption = False,
    no_store: NoStoreOption = False,
    yes: YesOption = False,
    quick: QuickOption = False,
    resume: ResumeOption = False,
    control: ControlOption = None,
    live_control: LiveControlOption = False,
    lab: LabOption = None,
    goodput: GoodputOption = False,
    metered: MeteredOption = False,
    seconds: SecondsOption = None,
    bytes_: BytesOption = None,
    private: PrivateOption = None,
    exit_zero: ExitZeroOption = False,
    output: OutputOption = Output.TABLE,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Measure once, judge, store, and say what is cut.

    Exit codes: 0 nothing is blocked, 1 interference found, 3 the line is offline or the result
    inconclusive, 4 consent missing, 5 storage, 130 interrupted.
    """
    from probe.cli.results import always_json

    with always_json(output) as printing:
        settings = settings_of(
            config=config,
            store=store,
            catalog=catalog,
            country=country,
            include=include,
            run_seconds=seconds,
            run_bytes=bytes_,
            live_control=live_control,
            metered=metered,
        )
        keep = not no_store and (lab is None or store is not None)
        require_counting(settings, goodput=goodput, keep=keep, lab=lab)
        request = _request(
            settings,
            names=(*(names or ()), *((str(Category.LISTING),) if listing else ())),
            plan=plan,
            everything=everything,
            output=output,
            controls=tuple(control or ()),
            lab=lab,
            keep=keep,
            quick=quick,
            resume=resume,
            private=private,
            goodput=goodput,
        )
        if dry_run:
            _describe(request, printing)
            return
        if lab is None and not yes:
            _confirm(request)
        code = _measured(request, printing)
    raise typer.Exit(0 if exit_zero and code in (1, 3) else code)


def _request(
    settings: Settings,
    *,
    names: tuple[str, ...],
    plan: Plan,
    everything: bool,
    output: Output,
    controls: tuple[str, ...],
    lab: str | None,
    keep: bool,
    quick: bool,
    resume: bool,
    private: Path | None,
    goodput: bool,
) -> _Request:
    from probe.schedule.choose import Wanted
    from probe.targets.load import load_catalog

    return _Request(
        settings=settings,
        catalog=load_catalog(settings.catalog),
        private=own_of(private),
        wanted=Wanted(
            plan=plan,
            names=names,
            include=settings.include,
            everything=everything,
            country=_country(settings, known=keep and lab is None),
        ),
        output=output,
        controls=controls,
        lab=lab,
        keep=keep,
        quick=quick,
        resume=resume,
        goodput=goodput,
    )


def _country(settings: Settings, *, known: bool) -> str:
    """Return the country of this line: what was said, else what the store knows of it."""
    if not known or settings.country != "ZZ" or not settings.store.exists():
        return settings.country
    from probe.store.database import Store

    with Store.open(settings.store, create=False) as opened:
        vantage = opened.vantage()
    return vantage.country if vantage is not None else settings.country


def _describe(request: _Request, printing: Callable[[], None]) -> None:
    """Print what a round would contact and cost."""
    from random import Random

    from probe.cli.controlling import live_places
    from probe.cli.dry import show_dry_run
    from probe.cli.goodput import described_server
    from probe.cli.timed import NOTHING_TIMED
    from probe.clock import SystemClock
    from probe.schedule.budget import allowance
    from probe.schedule.choose import plan_round
    from probe.schedule.dryrun import describe
    from probe.schedule.goodput import spared_files, timed_of

    settings = request.settings
    allowed = allowance(settings, None, SystemClock().now())
    rng = Random(0)  # noqa: S311 - a description, the same each time
    own = request.private.service.endpoints if request.private is not None else ()
    server = described_server(settings, request.catalog)
    plan = plan_round(
        request.catalog,
        request.wanted,
        rng=rng,
        allowed=allowed,
        also=own,
        spared=spared_files(settings, request.catalog, uncounted=request.uncounted),
        timed=timed_of(settings, server) if request.goodput else None,
    )
    asked = live_places(settings, request.controls)
    found = describe(request.catalog, request.wanted, plan, settings, controls=asked, server=server)
    printing()
    show_dry_run(found, request.output)
    if request.goodput and not (plan.goodput or settings.metered):
        say(NOTHING_TIMED)


def _confirm(request: _Request) -> None:
    """Ask before measuring what was named though it needs an opt-in.

    Raises:
        ConsentError: the answer was no, or nobody is there to answer.

    """
    from probe.cli.asking import ask_named
    from probe.schedule.choose import selection_of

    selection = selection_of(request.catalog, request.wanted)
    if selection.by_name:
        services = sorted({endpoint.service for endpoint in selection.by_name})
        ask_named(services, private=request.settings.high_risk)


def _measured(request: _Request, printing: Callable[[], None]) -> int:
    """Measure, print, and return the exit code.

    Raises:
        ProbeError: consent, storage, or a forbidden network.

    """
    from probe.cli.measuring import until_stopped
    from probe.cli.results import exit_code_of, show_result

    async def work(stop: "asyncio.Event") -> "tuple[RoundResult, Catalog]":
        return await _round(request, stop)

    result, catalog = until_stopped(work)
    printing()
    asked = request.goodput and not request.settings.metered
    show_result(result, catalog, request.output, timed=asked)
    return exit_code_of(result)


async def _round(request: _Request, stop: "asyncio.Event") -> "tuple[RoundResult, Catalog]":
    from contextlib import AsyncExitStack

    from probe.cli.lab_stage import lab_stage
    from probe.cli.measuring import (
        consented,
        holding,
        keeping,
        open_session,
        real_stage,
    )
    from probe.cli.results import show_progress

    settings = request.settings
    async with AsyncExitStack() as stack:
        if request.lab is not None:
            stage = await stack.enter_async_context(lab_stage(request.lab, request.catalog))
        else:
            more = own_categories(request.private)
            consent = consented(request.catalog, request.wanted, more)
            stage = await stack.enter_async_context(real_stage(settings, request.catalog, consent))
        store = stack.enter_context(keeping(settings, keep=request.keep))
        stack.enter_context(holding(settings, store))
        opened = open_session(settings, stage, store, request.controls, stop)
        session = stack.enter_context(opened)
        own = add_own(request.private, session)
        if request.goodput and not settings.metered:
            session.server = own_server(settings, session.vantage, session.catalog)
        session.quick = request.quick
        session.spread_s = 0.0 if stage.env.clock.virtual else _SPREAD_S
        session.progress = stack.enter_context(show_progress())
        result = await session.round(
            _wanted(request, session),
            done=_done(request, session),
            also=own,
            goodput=request.goodput,
        )
        if store is not None and not result.interrupted:
            store.prune(session.clock.now(), settings.retention_days)
        return result, session.catalog


_SPREAD_S = 2.0
"""Endpoints start within this, so that no burst of packets marks the beginning of a run."""


def _wanted(request: _Request, session: "Session") -> "Wanted":
    """Return what is wanted where the line is; a lab is small, and contacts nobody: all of it."""
    from dataclasses import replace

    wanted = replace(request.wanted, country=session.vantage.country)
    if request.lab is None:
        return wanted
    return replace(wanted, everything=True, include=tuple(Category))


def _done(request: _Request, session: "Session") -> frozenset[str]:
    """Return what an interrupted run of the same plan has measured, if it is to be continued."""
    from probe.schedule.session import unfinished

    if not request.resume or session.store is None:
        return frozenset()
    done = unfinished(session.store, request.wanted.name, session.clock.now())
    if done is None:
        say("There is no interrupted run to go on with; this is a whole one.")
        return frozenset()
    say(f"Going on with an interrupted run: {len(done)} endpoints are done already.")
    return done
