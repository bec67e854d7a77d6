"""The demo: the real engine over real sockets, fourteen days of a made-up country in a minute.

Rounds come at jittered intervals of 60 to 120 minutes of virtual time; the lab's censor and its
servers follow the clock. What comes out is a store like any other; this module judges nothing
and draws nothing.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec

from probe.analysis.verdict import JudgeFacts
from probe.clock import SystemClock
from probe.lab.controls import LabControls, Observe
from probe.lab.process import Lab
from probe.lab.registry import open_registry
from probe.lab.rules import Scenario
from probe.model.control import ControlObservation
from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.model.target import Catalog, Kind, Plan, Purpose
from probe.model.vantage import Access, Network, Vantage
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.schedule.budget import Allowance
from probe.schedule.chain import FollowUps
from probe.schedule.line import LineFacts
from probe.schedule.network import NetworkLookup
from probe.schedule.plan import RoundPlan, is_captive_check, make_plan
from probe.schedule.runner import RoundResult, RunDeps, run_round
from probe.store.database import Store

__all__ = ["DEADLINES", "MAX_OPERATIONS", "Demo", "Moment", "run_demo", "simulated_catalog"]

MAX_OPERATIONS = 30
"""Endpoint measurements of one round's plan: anchors, the same again at the end, and targets."""

GAP_MINUTES = (70.0, 120.0)
HURRIED_GAP_MINUTES = (100.0, 120.0)
TARGET_S = 40.0
"""Real seconds that the whole demo may take; a slow machine gets fewer and smaller rounds."""

DEADLINES = Timeouts(dns_s=0.3, tcp_s=0.1, tls_s=0.5, http_s=0.5, late_s=0.01, patience=1.0)
"""How long a demo waits: what is dropped is given up after 0.1 s (real rounds wait 10 s); what
only a busy machine can delay has more time."""

CONCURRENCY = 8
TURNS = 3
HURRIED_TURNS = 6
"""Endpoints outside the core are measured in every third round, or sixth in a hurry."""

THOROUGH_EVERY = timedelta(days=1)
"""How often what is bad and unchanged is looked into again, with all that costs."""

BLOCK_PAGE = Fingerprint(
    id="lab.block_page",
    mark=Mark.BLOCKPAGE,
    place=Place.TITLE,
    pattern="blocked by order of the ministry",
    countries=("XX",),
    source="the demo's scenario",
)
"""A block page that is known, as those of many real networks are."""

ABROAD = "XA"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """How far the demo is: the round just done, the lab's time, what it amounted to."""

    round: int
    now: datetime
    start: datetime
    end: datetime
    tz: str
    measured: int
    bad: int
    gate: str | None = None


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo did; the findings are in the store."""

    store: Path
    catalog: Catalog
    scenario: Scenario
    rounds: int
    measurements: int
    controls: int
    bytes: int
    ended: datetime  # the lab's time
    problems: tuple[str, ...] = ()


def simulated_catalog(scenario: Scenario) -> Catalog:
    """Return the scenario's own services as a catalog.

    Raises:
        ValueError: the scenario has no services of its own.

    """
    if scenario.services is None:
        raise ValueError(f"the scenario {scenario.name} has no world of its own")
    return Catalog(services=scenario.services, digest=f"scenario {scenario.name}")


class DemoStore(Store):
    """A store whose past is what the live control saw a moment ago.

    The runner asks for the past of an endpoint after it has measured it. Wherever something
    failed a control was taken meanwhile, which is the better answer to the same question.
    """

    controls: LabControls | None = None

    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        """Return the live control of this round, ``None`` where none was needed."""
        seen = () if self.controls is None else self.controls.live(endpoint, before)
        return seen[0] if seen else None


@dataclass
class _Run:
    """A demo in progress."""

    lab: Lab
    env: ProbeEnv
    store: DemoStore
    controls: LabControls
    lookup: NetworkLookup
    rng: Random
    catalog: Catalog
    facts: JudgeFacts
    vantage: Vantage
    turn: int = 0
    hurried: bool = False
    previous: Network | None = None
    measurements: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)

    async def round(self, *, thorough: bool) -> RoundResult:
        """Run one round, as ``probe run`` does; a thorough one looks into the unchanged, too."""
        plan = self._plan(whole=thorough)
        self.controls.thorough = thorough
        self.controls.known = self.store.last_verdicts()
        result = await run_round(
            RunDeps(
                env=self.env,
                catalog=self.catalog,
                plan=plan,
                vantage=self.vantage,
                allowed=_ENOUGH,
                secret=b"simulation",
                rng=self.rng,
                store=self.store,
                controls=await self.controls.second_opinions(plan.targets),
                facts=self.facts,
                lookup=self.lookup,
                line=lambda: _LINE,
                previous=self.previous,
                follow_ups=FollowUps.ALWAYS if thorough else FollowUps.ON_CHANGE,
                concurrency=CONCURRENCY,
                sni_host=self.lab.world.consenting,
                measure=self.controls.measure,
            )
        )
        if result.context.network.asn:
            self.previous = result.context.network
        self.measurements += sum(len(record.bundle) for record in result.records)
        self.bytes += result.bytes
        self.problems.extend(result.problems)
        return result

    def _plan(self, *, whole: bool) -> RoundPlan:
        """Plan as ``probe watch`` does: the core in each round, the rest in turns."""
        endpoints = self.catalog.endpoints()
        targets = [e for e in endpoints if e.purpose is Purpose.TARGET]
        rest = [e for e in targets if e.plan is not Plan.CORE]
        turns = HURRIED_TURNS if self.hurried else TURNS
        if not whole:
            targets = [e for e in targets if e.plan is Plan.CORE] + rest[self.turn % turns :: turns]
            self.turn += 1
        plan = make_plan(
            targets,
            [e for e in endpoints if e.anchor],
            name="simulation",
            rng=self.rng,
            allowed=_ENOUGH,
            captive=next((e for e in endpoints if is_captive_check(e)), None),
            stun=next((e for e in endpoints if e.kind is Kind.STUN), None),
        )
        operations = 2 * len(plan.anchors) + 2 + len(plan.targets)
        if operations > MAX_OPERATIONS:
            raise ValueError(f"{operations} operations a round, {MAX_OPERATIONS} are allowed")
        return plan


_ENOUGH = Allowance(bytes=1_000_000_000, seconds=3_000.0)
_LINE = LineFacts(default_route=True, gateway_reachable=True, tunnel=False, ipv6_route=False)


async def run_demo(
    path: Path,
    *,
    scenario: Scenario,
    observe: Observe,
    fingerprints: tuple[Fingerprint, ...] = (),
    seed: int = 20260302,
    days: float | None = None,
    moment: Callable[[Moment], None] = lambda _: None,
) -> Demo:
    """Play ``scenario`` and return what was done; the results are in a new store at ``path``.

    ``observe`` turns a measurement into a control's observation; ``days`` shortens the
    scenario; ``moment`` hears of each round. The same seed plans the same rounds on a machine
    that keeps pace; a slow one takes longer steps between them.

    Raises:
        LabError: the lab's servers could not be started, or died.
        StoreError: the store cannot be written.

    """
    for stale in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        stale.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    fingerprints = (*fingerprints, BLOCK_PAGE)
    rng = Random(seed)  # noqa: S311 - jitter and order, repeatable
    end = scenario.starts + timedelta(days=days or scenario.days)
    catalog = simulated_catalog(scenario)
    with tempfile.TemporaryDirectory(prefix="probe-demo-") as folder:
        lookup = open_registry(
            Path(folder), country=scenario.country, abroad=ABROAD, now=scenario.starts
        )
        with lookup, DemoStore.open(path) as store:
            async with Lab(scenario, catalog, seed=seed, http2=False) as lab:
                run = _prepare(lab, store, lookup, rng, catalog, fingerprints, observe)
                rounds = await _play(run, end, moment)
                ended = lab.clock.now()
    return Demo(
        store=path,
        catalog=catalog,
        scenario=scenario,
        rounds=rounds,
        measurements=run.measurements,
        controls=run.controls.taken,
        bytes=run.bytes,
        ended=ended,
        problems=tuple(run.problems),
    )


def _prepare(
    lab: Lab,
    store: DemoStore,
    lookup: NetworkLookup,
    rng: Random,
    catalog: Catalog,
    fingerprints: tuple[Fingerprint, ...],
    observe: Observe,
) -> _Run:
    scenario = lab.scenario
    env = ProbeEnv(
        net=lab.net(),
        clock=lab.clock,
        rng=rng,
        roots=lab.roots,
        fingerprints=fingerprints,
        timeouts=DEADLINES,
    )
    controls = LabControls(lab, env, measure, observe)
    store.controls = controls
    vantage = Vantage(
        id="simulation",
        label="simulation",
        country=scenario.country,
        tz=scenario.zone,
        access=Access.FIXED,
    )
    store.save_vantage(vantage)
    facts = JudgeFacts(fingerprints=fingerprints)
    return _Run(lab, env, store, controls, lookup, rng, catalog, facts, vantage)


async def _play(run: _Run, end: datetime, moment: Callable[[Moment], None]) -> int:
    """Run rounds until ``end``; return how many."""
    clock, watch = run.lab.clock, SystemClock()
    began_s = watch.monotonic_s()
    start = clock.now()
    due = start + _gap(run)
    rounds, thorough_at = 0, start
    while due < end:
        share = (due - start) / (end - start)
        run.hurried = watch.monotonic_s() - began_s > TARGET_S * (share + 0.05)
        following = due + _gap(run)
        thorough = due >= thorough_at or following >= end
        if thorough:
            thorough_at = due + THOROUGH_EVERY
        await clock.until(due)
        result = await run.round(thorough=thorough)
        rounds += 1
        gate = result.context.invalid
        moment(
            Moment(
                round=rounds,
                now=clock.now(),
                start=start,
                end=end,
                tz=run.vantage.tz,
                measured=len(result.records),
                bad=sum(record.verdict.bad for record in result.records),
                gate=gate.id.value if gate is not None else None,
            )
        )
        due = following
    return rounds


def _gap(run: _Run) -> timedelta:
    span = HURRIED_GAP_MINUTES if run.hurried else GAP_MINUTES
    return timedelta(minutes=run.rng.uniform(*span))
