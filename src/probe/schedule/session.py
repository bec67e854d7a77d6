"""What stays the same from round to round, and one round made of it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import msgspec

from probe.analysis.verdict import JudgeFacts
from probe.clock import Clock
from probe.model.measurement import Outcome, Variant
from probe.model.record import RoundRow
from probe.model.target import Catalog, Endpoint
from probe.model.vantage import Network, Vantage
from probe.probes.env import ProbeEnv
from probe.probes.transfer import OwnServer
from probe.schedule.budget import Allowance, allowance, day_start
from probe.schedule.chain import FollowUps, Waiting
from probe.schedule.choose import Wanted, plan_round
from probe.schedule.controls import Controls
from probe.schedule.goodput import FILES_A_DAY, Timed, files_of, spared_files, timed_of
from probe.schedule.line import LineFacts
from probe.schedule.network import NetworkLookup
from probe.schedule.reasons import DOWNLOADS
from probe.schedule.runner import Progress, RoundResult, RunDeps, run_round
from probe.schedule.work import MeasureOne
from probe.settings import Settings
from probe.store.database import Store

__all__ = [
    "Session",
    "described_vantage",
    "last_network",
    "measured_since",
    "unfinished",
    "vantage_of",
]

RESUME_WITHIN = timedelta(hours=12)
"""An interrupted round older than this is not continued: its first half says nothing of now."""


@dataclass(kw_only=True)
class Session:
    """Everything that rounds of one process share; ``env`` carries clock, network and limits."""

    settings: Settings
    catalog: Catalog
    env: ProbeEnv
    rng: Random
    vantage: Vantage
    secret: bytes
    store: Store | None = None
    facts: JudgeFacts = field(default_factory=JudgeFacts)
    controls: Controls = ()
    lookup: NetworkLookup | None = None
    line: Callable[[], LineFacts] = LineFacts
    previous: Network | None = None
    progress: Callable[[Progress], None] = lambda _: None
    stop: asyncio.Event | None = None
    spread_s: float = 0.0
    quick: bool = False
    waiting: Waiting = lambda _wanted, _due_s, _last_s: None
    measure: MeasureOne | None = None
    uncounted: bool = False  # a real network without a store: its files are left out
    server: OwnServer | None = None  # of throughput, for transfers under other names

    @property
    def clock(self) -> Clock:
        """Return the clock of all rounds."""
        return self.env.clock

    def allowance(self) -> Allowance:
        """Return what a round may spend now."""
        return allowance(self.settings, self.store, self.clock.now())

    async def round(
        self,
        wanted: Wanted,
        *,
        done: Collection[str] = (),
        also: Sequence[Endpoint] = (),
        name: str | None = None,
        follow_ups: FollowUps = FollowUps.ALWAYS,
        goodput: bool = False,
    ) -> RoundResult:
        """Plan and run one round; with ``goodput`` transfers are timed at its end.

        Raises:
            InputError: a name is not in the catalog.
            StoreError: the store cannot be written.
            ForbiddenNetwork: a packet was about to leave where it must not.

        """
        allowed = self.allowance()
        plan = plan_round(
            self.catalog,
            wanted,
            rng=self.rng,
            allowed=allowed,
            done=done,
            also=also,
            name=name,
            spared=self._spared(),
            timed=self._timed() if goodput else None,
        )
        result = await run_round(
            RunDeps(
                env=self.env,
                catalog=self.catalog,
                plan=plan,
                vantage=self.vantage,
                allowed=allowed,
                secret=self.secret,
                rng=self.rng,
                store=self.store,
                controls=self.controls,
                facts=self.facts,
                lookup=self.lookup,
                line=self.line,
                previous=self.previous,
                progress=self.progress,
                stop=self.stop,
                follow_ups=follow_ups,
                quick=self.quick,
                waiting=self.waiting,
                spread_s=self.spread_s,
                concurrency=self.settings.concurrency,
                sni_host=self.settings.sni_host,
                measure=self.measure,
            )
        )
        self.previous = result.context.network
        return result

    def _spared(self) -> dict[str, str]:
        """Return the files that are not downloaded now, and why."""
        files = files_of(self.catalog)
        spared = spared_files(self.settings, self.catalog, uncounted=self.uncounted)
        if spared or self.store is None or not files:
            return spared
        today = day_start(self.clock.now())
        often = self.store.times_looked((Variant.MAIN,), today)
        most = min(max(1, self.settings.goodput_rounds), FILES_A_DAY)
        return {name: DOWNLOADS for name in files if often.get(name, 0) >= most}

    def _timed(self) -> Timed | None:
        """Return what is wanted of transfers, ``None`` where each byte is paid for."""
        kinds, today = (Variant.GOODPUT, Variant.GOODPUT_OWN), day_start(self.clock.now())
        taken = {} if self.store is None else self.store.times_looked(kinds, today)
        return timed_of(self.settings, self.server, taken)


def vantage_of(settings: Settings, store: Store | None, rng: Random) -> Vantage:
    """Return the vantage: the stored one, with what the settings say of it now.

    A new one gets a random id that says nothing. It is saved when it is new or has changed.
    """
    known = store.vantage() if store is not None else None
    base = known or Vantage(id=f"{rng.getrandbits(64):016x}")
    said = {
        name: getattr(settings, name)
        for name in ("label", "country", "tz", "access")
        if known is None or settings.origins.get(name, "default") not in ("default", "system")
    }
    vantage = msgspec.structs.replace(base, **said)
    if store is not None and vantage != known:
        store.save_vantage(vantage)
    return vantage


def described_vantage(settings: Settings, rng: Random) -> Vantage | None:
    """Return what the store knows of this line, with what is said of it now; else ``None``."""
    if not settings.store.exists():
        return None
    with Store.open(settings.store, create=False) as opened:
        return vantage_of(settings, opened, rng)


def _own_rounds(store: Store, since: datetime) -> list[RoundRow]:
    """Return the own rounds since a time, in the order in which they were made."""
    return [row for row in store.rounds(since=since) if row.imported_from is None]


def last_network(store: Store, now: datetime) -> Network | None:
    """Return the network of the last own round of the past 31 days."""
    for days in (2, 31):
        rows = _own_rounds(store, now - timedelta(days=days))
        if rows:
            return rows[-1].network
    return None


def measured_since(store: Store, since: datetime) -> frozenset[str]:
    """Return the endpoints that own rounds have measured since a time."""
    return frozenset(
        record.endpoint
        for row in _own_rounds(store, since)
        for record in store.records(row.id)
        if record.main.outcome is Outcome.MEASURED
    )


def unfinished(store: Store, plan: str, now: datetime) -> frozenset[str] | None:
    """Return what the last round of ``plan`` has measured, when it was cut short; else ``None``.

    A round was cut short when it was killed (it has no context), or when some endpoint of it
    was not run or was interrupted.
    """
    rows = [row for row in _own_rounds(store, now - RESUME_WITHIN) if row.plan == plan]
    if not rows:
        return None
    outcomes = {r.endpoint: r.main.outcome for r in store.records(rows[-1].id)}
    cut = {Outcome.NOT_RUN, Outcome.INTERRUPTED} & set(outcomes.values())
    if rows[-1].context is not None and not cut:
        return None
    done = {endpoint for endpoint, outcome in outcomes.items() if outcome is Outcome.MEASURED}
    return frozenset(done)
