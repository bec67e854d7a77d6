"""What ``run``, ``watch`` and ``control snapshot`` share: the network, the store, the signals."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from msgspec import structs

from probe.cli.output import say
from probe.model.target import Catalog, Category, Plan
from probe.model.vantage import Vantage
from probe.settings import Settings
from probe.steady import loop_factory

if TYPE_CHECKING:
    from probe.consent import Consent
    from probe.lab.round_spec import RoundSpec
    from probe.probes.env import ProbeEnv
    from probe.schedule.choose import Wanted
    from probe.schedule.controls import Controls
    from probe.schedule.line import LineFacts
    from probe.schedule.session import Session
    from probe.schedule.work import MeasureOne
    from probe.store.database import Store

__all__ = [
    "AROUND",
    "AllOption",
    "ControlOption",
    "CountryOption",
    "IncludeOption",
    "LabOption",
    "LiveControlOption",
    "NamesArgument",
    "NoStoreOption",
    "PlanOption",
    "Stage",
    "consented",
    "holding",
    "keeping",
    "open_session",
    "real_stage",
    "settings_of",
    "surrounding",
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
    list[str] | None,
    typer.Option(
        "--control",
        help="A control snapshot's file, or https://host:port of a live one; may be repeated.",
        show_default=False,
    ),
]
LiveControlOption = Annotated[
    bool,
    typer.Option(
        "--live-control",
        help="Ask a live control from a line at home, too: you are seen talking to a rare host.",
    ),
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
AROUND = "around"
"""Stands for the lab that ``probe lab up`` has built around this process."""


def surrounding(lab: str | None) -> str | None:
    """Return the lab to measure: the one asked for, else the one that this process was put in."""
    from probe.net import guard

    if lab is not None:
        return lab
    return AROUND if (guard.mode() or "").startswith("lab:") else None


LabOption = Annotated[
    str | None,
    typer.Option(
        "--lab",
        callback=surrounding,
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
    consenting: str | None = None  # who agreed to the SNI comparison; the settings go before
    spec: "RoundSpec | None" = None  # what a scenario says of the round itself


def consented(catalog: Catalog, wanted: "Wanted", more: Sequence[Category] = ()) -> "Consent":
    """Return the consent that covers what is wanted, and ``more`` categories.

    Raises:
        ConsentError: there is none, or it covers less.

    """
    from probe.consent import require
    from probe.schedule.choose import chosen_categories, selection_of
    from probe.settings import default_consent

    selection = selection_of(catalog, wanted)
    chosen = chosen_categories(catalog, selection) | set(more)
    return require(default_consent(os.environ), chosen)


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


def settings_of(
    *,
    config: Path | None,
    store: Path | None,
    catalog: Path | None,
    country: str | None,
    include: list[Category] | None = None,
    **more: Any,
) -> Settings:
    """Return the settings under the options that all commands share which measure.

    ``more`` are further settings by name; ``None`` and ``False`` were not given.

    Raises:
        InputError: with the file, line and field, and how to mend it.

    """
    from probe.settings import load

    return load(
        config=config,
        environ=os.environ,
        store=store,
        catalog=catalog,
        country=country,
        include=tuple(include) if include else None,
        **{name: None if value is False else value for name, value in more.items()},
    )


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


@contextmanager
def open_session(
    settings: Settings,
    stage: Stage,
    store: "Store | None",
    controls: Sequence[str] = (),
    stop: asyncio.Event | None = None,
) -> "Iterator[Session]":
    """Put a session together whose rounds ``stop`` ends; its databases are closed at the end."""
    from probe.analysis.verdict import JudgeFacts
    from probe.cli.controlling import stage_controls
    from probe.schedule.database import database_path
    from probe.schedule.network import NetworkLookup
    from probe.schedule.secret import local_secret, secret_path
    from probe.schedule.session import Session, last_network, vantage_of

    if settings.sni_host is None:
        settings = structs.replace(settings, sni_host=stage.consenting)
    spec = stage.spec
    if spec is not None and spec.seconds is not None:
        seconds = min(settings.run_seconds, spec.seconds)
        settings = structs.replace(settings, run_seconds=seconds)
    unplaced = spec is not None and not spec.database
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
            controls=stage_controls(settings, stage, controls, vantage),
            measure=_measured_until(stop, stage),
            stop=stop,
            lookup=None if unplaced else lookup,
            line=stage.line,
            previous=last_network(store, now) if store is not None else None,
            uncounted=store is None and stage.vantage is None,
        )


def _measured_until(stop: asyncio.Event | None, stage: Stage) -> "MeasureOne | None":
    """Return what measures; in a lab with an owner who stops the round, if its scenario has one."""
    host = None if stage.spec is None else stage.spec.interrupted_at
    if host is None or stop is None or stage.measure is None:
        return stage.measure
    from probe.lab.owner import stopping_at

    return stopping_at(host, stage.measure, stop)


STOPPING = "stopping; what was measured is kept (once more: stop at once)"


def until_stopped(work: Callable[[asyncio.Event], Awaitable[T]], words: str = STOPPING) -> T:
    """Run ``work`` with an event that Ctrl-C and SIGTERM set; a second Ctrl-C ends at once."""

    async def body() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked() -> None:
            if not stop.is_set():
                say(words)
            stop.set()
            signal.signal(signal.SIGINT, signal.default_int_handler)

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, asked)
            except NotImplementedError:  # Windows' loops
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked))
        return await work(stop)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(body())
