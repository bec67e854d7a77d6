"""What ``run``, ``watch`` and ``control snapshot`` share: the network, the store, the signals."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from probe.cli.output import say
from probe.errors import InputError
from probe.model.target import Catalog, Category, Endpoint, Plan
from probe.model.vantage import Vantage
from probe.settings import Settings

if TYPE_CHECKING:
    from probe.consent import Consent
    from probe.model.control import ControlObservation
    from probe.probes.env import ProbeEnv
    from probe.schedule.choose import Wanted
    from probe.schedule.controls import Controls
    from probe.schedule.line import LineFacts
    from probe.schedule.session import Session
    from probe.schedule.work import MeasureOne
    from probe.store.database import Store

__all__ = [
    "AllOption",
    "ControlOption",
    "CountryOption",
    "IncludeOption",
    "LabOption",
    "NamesArgument",
    "NoStoreOption",
    "PlanOption",
    "Stage",
    "consented",
    "controls_of",
    "holding",
    "keeping",
    "lab_stage",
    "open_session",
    "real_stage",
    "until_stopped",
]

T = TypeVar("T")

CountryOption = Annotated[
    str | None,
    typer.Option("--country", help="Where this line is, ISO 3166.", show_default=False),
]
IncludeOption = Annotated[
    list[Category] | None,
    typer.Option(
        "--include", help="Measure this category too; may be repeated.", show_default=False
    ),
]
ControlOption = Annotated[
    list[Path] | None,
    typer.Option("--control", help="A control snapshot; may be repeated.", show_default=False),
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Services, categories or endpoints; none: the plan."),
]
PlanOption = Annotated[Plan, typer.Option("--plan", help="How far to go.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="All that may be measured without an opt-in.")
]
NoStoreOption = Annotated[bool, typer.Option("--no-store", help="Keep nothing on this machine.")]
LabOption = Annotated[
    str | None,
    typer.Option(
        "--lab",
        help="Measure the built-in lab under this scenario instead of the real network; "
        "sends nothing outside, and is kept only with --store.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Stage:
    """Where a round takes place."""

    env: "ProbeEnv"
    catalog: Catalog
    line: "Callable[[], LineFacts]"
    vantage: Vantage | None = None  # None: the store's and the settings'
    controls: "Controls | None" = None  # None: the snapshots that are given
    measure: "MeasureOne | None" = None


def consented(catalog: Catalog, wanted: "Wanted") -> "Consent":
    """Return the consent that covers what is wanted.

    Raises:
        ConsentError: there is none, or it covers less.

    """
    from probe.consent import require
    from probe.schedule.choose import chosen_categories, selection_of
    from probe.settings import default_consent

    selection = selection_of(catalog, wanted)
    return require(default_consent(os.environ), chosen_categories(catalog, selection))


@asynccontextmanager
async def real_stage(
    settings: Settings, catalog: Catalog, consent: "Consent"
) -> AsyncIterator[Stage]:
    """Open the real network, as far as ``PROBE_NET`` allows."""
    from probe.clock import SystemClock
    from probe.net.real import RealNet
    from probe.net.trust import default_roots
    from probe.probes.env import ProbeEnv
    from probe.schedule.throttle import Throttle
    from probe.targets.load import load_fingerprints

    clock = SystemClock()
    net = RealNet(consent)
    env = ProbeEnv(
        net=net,
        clock=clock,
        rng=SystemRandom(),
        roots=default_roots(),
        fingerprints=load_fingerprints(),
        limits=Throttle.of(settings, clock),
    )
    yield Stage(env, catalog, line_facts)


def line_facts() -> "LineFacts":
    """Return what the operating system says about this line."""
    from probe.net.line import look
    from probe.schedule.line import LineFacts

    seen = look()
    return LineFacts(
        default_route=seen.default_route,
        gateway=seen.gateway,
        gateway_reachable=seen.gateway_reachable,
        tunnel=seen.tunnel,
        ipv6_route=seen.ipv6_route,
        addresses=seen.addresses,
    )


@asynccontextmanager
async def lab_stage(scenario_name: str, catalog: Catalog, seed: int = 1) -> AsyncIterator[Stage]:
    """Start the lab's servers and look at them from the measured line; time is virtual.

    What fails there is looked at from abroad as well, where no censor stands: a live control.

    Raises:
        InputError: there is no such scenario.

    """
    from probe.control.observe import observation_of
    from probe.lab.controls import LabControls, live_observation
    from probe.lab.demo import simulated_catalog
    from probe.lab.process import Lab
    from probe.lab.scenario import load_scenario
    from probe.probes.env import ProbeEnv, Timeouts
    from probe.probes.measure import measure
    from probe.schedule.line import LineFacts
    from probe.targets.load import load_fingerprints

    scenario = load_scenario(scenario_name)
    world = simulated_catalog(scenario) if scenario.services is not None else catalog
    async with Lab(scenario, world, seed=seed) as lab:
        env = ProbeEnv(
            net=lab.net(),
            clock=lab.clock,
            rng=Random(seed),  # noqa: S311 - a lab that repeats itself
            roots=lab.roots,
            fingerprints=load_fingerprints(),
            timeouts=Timeouts(0.5, 0.5, 0.5, 1.0, late_s=0.02),
        )
        vantage = Vantage(id="lab", label="lab", country=scenario.country, tz=scenario.zone)
        facts = LineFacts(default_route=True, gateway_reachable=True, tunnel=False)
        abroad = LabControls(lab, env, measure, live_observation(observation_of))

        def controls(endpoint: Endpoint) -> "tuple[ControlObservation, ...]":
            seen = abroad.live(endpoint.id, lab.clock.now())
            return () if seen is None else (seen,)

        yield Stage(env, world, lambda: facts, vantage, controls, abroad.measure)


@contextmanager
def keeping(settings: Settings, *, keep: bool) -> "Iterator[Store | None]":
    """Open the store for rounds, ``None`` when nothing is to be kept."""
    if not keep:
        yield None
        return
    from probe.store.database import Store

    with Store.open(settings.store) as store:
        yield store


def holding(settings: Settings, store: "Store | None") -> AbstractContextManager[None]:
    """Lock the store for one round, and close what a killed run has left open.

    Raises:
        BusyError: another run holds the lock.

    """
    return nullcontext() if store is None else _held(settings, store)


@contextmanager
def _held(settings: Settings, store: "Store") -> Iterator[None]:
    from probe.schedule.lock import lock_path, run_lock

    with run_lock(lock_path(settings.store)):
        for row in store.recover():
            say(
                f"Round {row.id} of {row.started:%Y-%m-%d %H:%M} UTC was cut off by a kill or a"
                " power cut; what was committed of it is kept."
            )
        yield


def controls_of(
    settings: Settings, given: Sequence[Path], stage: Stage
) -> "tuple[ControlObservation, ...]":
    """Return the observations of all snapshots that can be used; the others are said."""
    from probe.analysis.controls import from_snapshots
    from probe.control.keys import trusted_keys
    from probe.control.snapshot import load_snapshot

    now = stage.env.clock.now()
    files = [*given, *(Path(name) for name in settings.controls)]
    keys = trusted_keys(settings.store) if files else frozenset()
    snapshots = []
    for file in files:
        try:
            snapshots.append(load_snapshot(file, keys=keys, now=now))
        except InputError as error:
            say(f"This control is not used: {error}")
    observations, stale = from_snapshots(snapshots, now)
    for old in stale:
        say(f"The control {old.snapshot} is not used: {old.reason}.")
    return observations


@contextmanager
def open_session(
    settings: Settings, stage: Stage, store: "Store | None", controls: Sequence[Path] = ()
) -> "Iterator[Session]":
    """Put a session together; the databases it opens are closed at the end."""
    from probe.analysis.verdict import JudgeFacts
    from probe.schedule.database import database_path
    from probe.schedule.network import NetworkLookup
    from probe.schedule.secret import local_secret, secret_path
    from probe.schedule.session import Session, last_network, vantage_of

    rng = stage.env.rng
    vantage = stage.vantage or vantage_of(settings, store, SystemRandom())
    if store is not None and stage.vantage is not None:
        store.save_vantage(vantage)
    now = stage.env.clock.now()
    with NetworkLookup(
        database_path(settings, "asn"), database_path(settings, "country")
    ) as lookup:
        yield Session(
            settings=settings,
            catalog=stage.catalog,
            env=stage.env,
            rng=rng,
            vantage=vantage,
            secret=local_secret(None if store is None else secret_path(settings.store)),
            store=store,
            facts=JudgeFacts(fingerprints=stage.env.fingerprints),
            controls=_stage_controls(settings, stage, controls),
            measure=stage.measure,
            lookup=lookup,
            line=stage.line,
            previous=last_network(store, now) if store is not None else None,
        )


def _stage_controls(settings: Settings, stage: Stage, given: Sequence[Path]) -> "Controls":
    """Return the lab's own look from abroad, unless snapshots were given: then only these."""
    if stage.controls is not None and not given:
        return stage.controls
    return controls_of(settings, given, stage)


def until_stopped(work: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run ``work`` with an event that Ctrl-C and SIGTERM set; a second Ctrl-C ends at once."""

    async def body() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked() -> None:
            if not stop.is_set():
                say("stopping; what was measured is kept (once more: stop at once)")
            stop.set()
            signal.signal(signal.SIGINT, signal.default_int_handler)

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, asked)
            except NotImplementedError:  # Windows' loops
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked))
        return await work(stop)

    return asyncio.run(body())
