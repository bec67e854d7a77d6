"""``probe watch``: measure again and again, at jittered intervals, until stopped."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.goodput import MeteredOption, own_server
from probe.cli.measuring import (
    ControlOption,
    CountryOption,
    IncludeOption,
    LabOption,
    LiveControlOption,
    NoStoreOption,
)
from probe.cli.options import CatalogOption, ConfigOption, StoreOption, command_app
from probe.cli.output import say
from probe.cli.own import PrivateOption, add_own, own_categories, own_of
from probe.errors import InputError
from probe.model.target import Catalog, Category
from probe.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from probe.model.event import Event
    from probe.schedule.alarms import Alarm
    from probe.schedule.runner import RoundResult
    from probe.schedule.session import Session
    from probe.store.database import Store
    from probe.targets.private import Private

__all__ = ["app", "seconds_of", "seen_windows"]

app = command_app()

_DURATION = re.compile(r"(\d{1,6}(?:\.\d+)?)(s|m|min|h|d)?")
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, None: 60.0}
_SHORTEST_S = 60.0
_LONGEST_S = 86_400.0
_SPREAD_S = 5.0


@dataclass(frozen=True)
class _Request:
    """What was asked on the command line."""

    settings: Settings
    catalog: Catalog
    every_s: float
    rounds: int | None
    controls: tuple[str, ...]
    lab: str | None
    keep: bool
    private: "Private | None" = None


def seconds_of(text: str) -> float:
    """Return the seconds of a duration such as ``15m``, ``90s`` or ``1h``; bare is minutes.

    Raises:
        InputError: it is none, or below a minute, or above a day.

    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise InputError(
            f"{text[:40]!r} is no duration", field="--every", mend="such as 15m, 90s or 1h"
        )
    seconds = float(match[1]) * _UNITS[match[2]]
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise InputError("must be between a minute and a day", field="--every", mend="15m is usual")
    return seconds


@app.command()
def watch(
    every: Annotated[
        str, typer.Option("--every", help="How often: 15m, 90s, 1h; the budgets may stretch it.")
    ] = "15m",
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", min=1, help="Stop after so many rounds.", show_default=False),
    ] = None,
    country: CountryOption = None,
    include: IncludeOption = None,
    no_store: NoStoreOption = False,
    control: ControlOption = None,
    live_control: LiveControlOption = False,
    metered: MeteredOption = False,
    lab: LabOption = None,
    private: PrivateOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Measure again and again, at jittered intervals, until stopped.

    Each interval holds one round at a random instant: the core, and a share of the daily plan.
    A change of state is looked at again after 2, 5 and 9 minutes and, while it lasts, for half an
    hour. What begins to fail, and what works again, is told as soon as chance is ruled out: one
    false alarm in ten years from looks that fail one by one; of trouble in bursts, which a bad
    line has, there are more. Once a day it is asked whether failures keep to hours of the day,
    and whether transfers became slow; what was not there before is told. Transfers are timed in
    up to goodput_rounds rounds a day, unless the line is metered.
    """
    from probe.cli.measuring import settings_of, until_stopped
    from probe.targets.load import load_catalog

    settings = settings_of(
        config=config,
        store=store,
        catalog=catalog,
        country=country,
        include=include,
        live_control=live_control,
        metered=metered,
    )
    request = _Request(
        settings=settings,
        catalog=load_catalog(settings.catalog),
        every_s=seconds_of(every),
        rounds=rounds,
        controls=tuple(control or ()),
        lab=lab,
        keep=not no_store and (lab is None or store is not None),
        private=own_of(private),
    )

    async def work(stop: "asyncio.Event") -> int:
        return await _watch(request, stop)

    raise typer.Exit(until_stopped(work))


async def _watch(request: _Request, stop: "asyncio.Event") -> int:
    """Watch until stopped; return the exit code."""
    from contextlib import AsyncExitStack

    from probe.cli.lab_stage import lab_stage
    from probe.cli.measuring import (
        consented,
        holding,
        keeping,
        open_session,
        real_stage,
    )
    from probe.schedule.choose import Wanted
    from probe.schedule.watch import Watch

    settings, known, lab = request.settings, request.catalog, request.lab
    more = own_categories(request.private)
    wanted = Wanted(include=settings.include, country=settings.country)
    async with AsyncExitStack() as stack:
        if lab is not None:
            stage = await stack.enter_async_context(lab_stage(lab, known))
            wanted = replace(wanted, everything=True, include=tuple(Category))
        else:
            consent = consented(known, wanted, more)
            stage = await stack.enter_async_context(real_stage(settings, known, consent))
        kept = stack.enter_context(keeping(settings, keep=request.keep))
        opened = open_session(settings, stage, kept, request.controls, stop)
        session = stack.enter_context(opened)
        own = add_own(request.private, session)
        if not settings.metered and settings.goodput_rounds:
            session.server = own_server(settings, session.vantage, session.catalog)
        session.spread_s = 0.0 if stage.env.clock.virtual else _SPREAD_S
        wanted = replace(wanted, country=session.vantage.country)

        def permitted() -> None:
            if lab is None:
                consented(known, wanted, more)

        news = _News(settings, kept, session, request.every_s)
        await Watch(
            session=session,
            wanted=wanted,
            also=own,
            every_s=request.every_s,
            say=say,
            stop=stop,
            holding=lambda: holding(settings, kept),
            permitted=permitted,
            after=news.after,
        ).run(request.rounds)
    return 130 if stop.is_set() and request.rounds is None else 0


class _News:
    """What a watch says after each round, and what it then forgets."""

    def __init__(
        self, settings: Settings, kept: "Store | None", session: "Session", every_s: float
    ) -> None:
        """Look for turns and windows in what is kept; without a store there is only the round."""
        from probe.analysis.survey import SEED
        from probe.export.known import known_of
        from probe.schedule.alarms import Alarms
        from probe.schedule.windows import Windows

        self._settings, self._kept, self._clock = settings, kept, session.clock
        if kept is None:
            return
        names = {service.id: service.name for service in session.catalog.services}
        shelves = {one.id: str(one.category) for one in session.catalog.services}
        self._alarms = Alarms(kept, every_s=every_s, since=session.clock.now(), names=names)
        known = known_of(names, shelves)
        self._windows = Windows(kept, session.vantage.id, seed=SEED, known=known, say=say)

    def after(self, result: "RoundResult") -> None:
        """Say what a round gave and what is new since the last; forget what is too old."""
        say(_line(result))
        if self._kept is None or result.interrupted:
            return
        now, private = self._clock.now(), self._settings.high_risk
        for line in _turns(self._alarms.news(now), private=private):
            say(line)
        for line in seen_windows(self._windows.news(now), private=private):
            say(line)
        self._kept.prune(self._clock.now(), self._settings.retention_days)


def _line(result: "RoundResult") -> str:
    """Return one line for a journal: counts, never a name."""
    from collections import Counter

    from probe.report.words import GATES

    states = Counter(str(record.verdict.state) for record in result.records)
    counts = ", ".join(f"{state} {count}" for state, count in sorted(states.items()))
    gates = "; ".join(GATES[str(gate.id)] for gate in result.context.gates) or "the line was fine"
    began = f"{result.context.started:%Y-%m-%d %H:%M:%S} UTC"
    return f"{began}: {counts}; {gates}; {result.bytes / 1e6:.2f} MB"


def seen_windows(events: "tuple[Event, ...]", *, private: bool) -> list[str]:
    """Return the sentence of each event; where a journal may keep it, only how many there are."""
    if _told_in_full(private=private):
        return [event.sentence for event in events]
    slowed = sum(event.throttle is not None for event in events)
    told = []
    if windows := len(events) - slowed:
        told.append(f"windows of the day or week, new: {windows} (hours: probe patterns)")
    if slowed:
        told.append(f"slowed over many rounds, new: {slowed} (what and how much: probe patterns)")
    return told


def _told_in_full(*, private: bool) -> bool:
    """Return whether a person reads along, and may."""
    import sys

    return sys.stderr.isatty() and not private


def _turns(alarms: "tuple[Alarm, ...]", *, private: bool) -> list[str]:
    """Return a line for each turn; where a journal may keep it, only how many there were."""
    if _told_in_full(private=private):
        return [f"{alarm.turn.at:%Y-%m-%d %H:%M:%S} UTC: {alarm.sentence}" for alarm in alarms]
    began = sum(alarm.turn.bad for alarm in alarms)
    ended = len(alarms) - began
    told = []
    if began:
        told.append(f"began to fail: {began} (names: probe timeline)")
    if ended:
        told.append(f"work again: {ended} (names: probe timeline)")
    return told
