"""A round: the line first, then the targets, then the line again; everything is kept.

Nothing here decides what a result means: gates, follow-ups and verdicts come from
``probe.analysis``. What ends early (a signal, a budget, a full disk) ends with the round closed
and with every endpoint of the plan accounted for.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

from msgspec import structs

from probe.analysis.gates import evaluate
from probe.analysis.line_facts import line_facts
from probe.analysis.wholes import roll_up_wholes
from probe.errors import ProbeError
from probe.model.context import GateId, Opening, RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Outcome, TlsStep
from probe.model.record import Record
from probe.model.target import Endpoint, Plan, Purpose
from probe.model.vantage import Network
from probe.net.trust import verify_chain
from probe.schedule.beside import Beside
from probe.schedule.budget import Spending
from probe.schedule.chain import ChainDeps, measure_endpoint, record_of
from probe.schedule.context import close_look, look
from probe.schedule.controls import ControlBook, without_own
from probe.schedule.delays import Delays
from probe.schedule.deps import Keeps, Progress, RoundResult, RunDeps
from probe.schedule.lanes import Lanes
from probe.schedule.line import (
    MOVED,
    LineFacts,
    LineLook,
    facts_now,
    inputs_of,
    moved,
    network_changed,
    network_of,
)
from probe.schedule.planned_net import PlannedNet
from probe.schedule.reasons import INTERRUPTED, under_gate
from probe.schedule.settle import spoils_all
from probe.schedule.taken import Taken, claims
from probe.schedule.transfers import Transfers, answers
from probe.schedule.work import MeasureOne, Work, blank
from probe.schedule.zone import offset_s, zone_data
from probe.steady import LONG_S, long_stops

__all__ = ["Keeps", "Progress", "RoundResult", "RunDeps", "run_round"]

NOTHING_UNDER = frozenset({GateId.VPN_ON, GateId.OFFLINE_LOCAL, GateId.CAPTIVE_PORTAL})
"""Gates under which no target is contacted: the packets would go nowhere, or to a stranger."""


class _Stopped(Exception):  # noqa: N818 - a signal, no error
    """Somebody asked the round to end."""


async def run_round(deps: RunDeps) -> RoundResult:
    """Run one round and return what it gave.

    When ``stop`` is set, or the task is cancelled, what was measured is kept and the round is
    closed; a cancelled task still raises ``CancelledError`` after that.

    Raises:
        StoreError: the store cannot be written; what was committed before stays.
        ForbiddenNetwork: a packet was about to leave where it must not.

    """
    run = _Round(deps)
    failed: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(_until(deps.stop))
            await run.measure()
            watcher.cancel()
    except* _Stopped:
        run.interrupted = True
    except* ProbeError as errors:
        failed.extend(_leaves(errors))
    finally:
        run.finish()
    if failed:
        raise failed[0]
    return run.result()


async def _until(stop: asyncio.Event | None) -> None:
    """End the round when ``stop`` is set.

    Raises:
        _Stopped: it was.

    """
    if stop is not None:
        await stop.wait()
        raise _Stopped


def _leaves(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else (error,))
    return found


class _Round:
    """One round in progress."""

    def __init__(self, deps: RunDeps) -> None:
        self._deps = deps
        self._clock = deps.env.clock
        self._started = self._clock.now()
        self._started_s = self._clock.monotonic_s()
        self._stops = long_stops()
        door = PlannedNet(deps.env.net, deps.plan.endpoints)
        self._work = Work(
            env=replace(deps.env, net=door, country=deps.vantage.country),
            door=door,
            measure_one=deps.measure or _default_measure(),
            spending=Spending(deps.allowed, self._started_s + deps.allowed.seconds),
            places=asyncio.Semaphore(deps.concurrency),
            lookup=deps.lookup,
        )
        self._delays = Delays(self._clock)
        self._lanes = Lanes(self._clock, self._delays)
        self._beside = Beside(self._work, ())
        self._last = deps.store.last_verdicts() if deps.store is not None else {}
        self._controls = ControlBook(deps.controls, deps.store, self._started)
        self._services = {service.id: service for service in deps.catalog.services}
        self._network = Network()
        self._line = LineLook(LineFacts())
        self._context = self._context_of(self._line)
        self._begun = False
        self._round_id: int | None = None
        self._taken = Taken()
        self.interrupted = False

    # --- the round, step by step

    async def measure(self) -> None:
        """Look at the line, measure the targets, look at the line again."""
        deps = self._deps
        deps.progress(Progress(phase="line"))
        line = await look(deps.plan, self._work, deps.line())
        self._ask_gateway_again(line)
        self._begin(line)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._taken.writer.run())
            self._take_anchors(line)
            await self._targets()
            await self._transfers()
            await self._close_line(line)
            writing.cancel()

    def _ask_gateway_again(self, line: LineLook) -> None:
        """Look at the gateway once more where nothing passed: only now was it asked for (ARP)."""
        unknown = line.facts.default_route is True and line.facts.gateway_reachable is None
        if unknown and not any(anchor.tcp_ok for anchor in line.anchor_values()):
            seen = self._deps.line().gateway_reachable
            line.facts = structs.replace(line.facts, gateway_reachable=seen)

    def _begin(self, line: LineLook) -> None:
        deps = self._deps
        self._line = line
        self._network = network_of(
            line, secret=deps.secret, access=deps.vantage.access, previous=deps.previous
        )
        self._context = self._context_of(line)
        if deps.store is not None:
            self._round_id = deps.store.begin_round(
                vantage=deps.vantage.id,
                plan=deps.plan.name,
                started=self._started,
                catalog_digest=deps.catalog.digest,
                network=self._network,
                opening=self._context,
            )
        self._taken.keep_in(deps.store, self._round_id)
        self._beside = Beside(self._work, _neutral(line))
        self._begun = True

    async def _targets(self) -> None:
        chain = self._chain()
        runnable: list[Endpoint] = []
        for left in self._deps.plan.not_run:
            self._not_run(left.endpoint, left.reason, chain)
        for endpoint in self._deps.plan.targets:
            reason = self._gate_reason(endpoint)
            if reason is None:
                runnable.append(endpoint)
            else:
                self._not_run(endpoint, reason, chain)
        done = 0
        timed = {task.endpoint.id for task in self._deps.plan.goodput}

        def take(endpoint: Endpoint, record: Record) -> None:
            nonlocal done
            done += 1
            if endpoint.id in timed:
                self._taken.hold(endpoint, record)
            else:
                self._taken.take(endpoint, record)
            progress = Progress(phase="targets", done=done, total=len(runnable), record=record)
            self._deps.progress(progress)

        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._controls.run(runnable, self._work.problems.append))
            async with asyncio.TaskGroup() as chains:
                for endpoint in runnable:
                    starts_s = self._clock.monotonic_s() + self._deps.rng.uniform(
                        0, self._deps.spread_s
                    )
                    work = partial(
                        measure_endpoint, endpoint, chain, partial(take, endpoint), starts_s
                    )
                    self._delays.spawn(chains, work)
            asking.cancel()

    async def _transfers(self) -> None:
        """Time the transfers of the plan, one after the other, with nothing of ours beside them.

        Their looks join the record that they are about, which is kept only then.
        """
        transfers = Transfers(self._work, self._deps.vantage.country)
        for number, task in enumerate(self._deps.plan.goodput):
            progress = Progress(phase="goodput", done=number, total=len(self._deps.plan.goodput))
            self._deps.progress(progress)
            record = self._taken.held(task.endpoint.id)
            if record is None:
                continue
            looks: list[Measurement] = []
            try:
                if self._context.invalid is None and answers(record.bundle, task):
                    await transfers.take(task, record.bundle, looks.append)
            finally:
                self._taken.release(task.endpoint.id, looks)

    async def _close_line(self, line: LineLook) -> None:
        """Look at the line again; what failed while it went away was not the target's fault."""
        self._deps.progress(Progress(phase="closing"))
        if self._context.invalid is not None:
            return
        opened = line.facts
        line = replace(line, facts=facts_now(opened, self._deps.line()))
        if line.anchors and not line.facts.tunnel:  # a tunnel's far end says nothing of this line
            line = await close_look(self._work, line)
            for endpoint, measurement in line.again:
                self._taken.take(endpoint, record_of(endpoint, (measurement,), self._chain()))
        context = self._context_of(line)
        if moved(opened, line.facts):
            context = structs.replace(context, gates=(MOVED, *context.gates))
        self._settle(context)

    def _settle(self, context: RoundContext) -> None:
        """Judge again by the line as it is at the end.

        Of two looks at a line that say different things, the one that claims less stands: nobody
        knows at which moment between them it changed.
        """
        before, records = self._context, self._taken.records
        gate = context.invalid
        self._context = context
        if gate is None and line_facts(context) == line_facts(before):
            return
        opened = Opening(inputs=before.inputs, gates=before.gates)
        self._context = structs.replace(context, opened=opened)
        again = self._taken.judged_again(
            self._chain(), all_of_them=gate is not None and spoils_all(gate)
        )
        if gate is None and claims(again) > claims(records):
            self._context = before
        else:
            self._taken.replace(again)

    # --- pieces

    def _chain(self) -> ChainDeps:
        deps = self._deps
        return ChainDeps(
            work=self._work,
            delays=self._delays,
            lanes=self._lanes,
            context=self._context,
            facts=deps.facts,
            controls=self._seen_elsewhere,
            ask_controls=self._controls.asked,
            services=self._services,
            last=self._last,
            follow_ups=deps.follow_ups,
            quick=deps.quick,
            sni_host=deps.sni_host,
            beside=self._beside,
            waiting=deps.waiting,
        )

    def _seen_elsewhere(
        self, endpoint: Endpoint, main: Measurement
    ) -> tuple[ControlObservation, ...]:
        own = self._work.env.own_addresses
        return tuple(without_own(seen, own) for seen in self._controls.of(endpoint, main))

    def _context_of(self, line: LineLook) -> RoundContext:
        vantage = self._deps.vantage
        inputs = inputs_of(
            line,
            country=vantage.country,
            changed=network_changed(self._network, self._deps.previous),
            suspended=self._suspended(),
            authentic=self._deps.authentic or self._by_roots,
        )
        return RoundContext(
            started=self._started,
            tz=vantage.tz,
            utc_offset_s=offset_s(self._started, vantage.tz),
            tzdata=zone_data(),
            network=self._network,
            country=vantage.country,
            inputs=inputs,
            gates=evaluate(inputs),
        )

    def _by_roots(self, endpoint: Endpoint, step: TlsStep, at: datetime) -> bool:
        name = step.sni or endpoint.host
        check = verify_chain(step.chain, name, self._deps.env.roots, at, endpoint.trust)
        return check.packaged is None

    def _suspended(self) -> bool:
        """Return whether, since the start, the loop stood still for long or the clocks parted."""
        if long_stops() > self._stops:
            return True
        wall_s = (self._clock.now() - self._started).total_seconds()
        return abs(wall_s - (self._clock.monotonic_s() - self._started_s)) >= LONG_S

    def _gate_reason(self, endpoint: Endpoint) -> str | None:
        """Return why the round's gate keeps ``endpoint`` from being measured.

        While the line is cut off, the core is still looked at: what passes then shows an
        allowlist, and the record of the cut is the point. Their verdicts stay ``invalid``.
        """
        gate = self._context.invalid
        if gate is None or (gate.id not in NOTHING_UNDER and endpoint.plan is Plan.CORE):
            return None
        return under_gate(gate.id)

    def _take_anchors(self, line: LineLook) -> None:
        chain = self._chain()
        for endpoint, bundle in line.bundles():
            self._taken.take(endpoint, record_of(endpoint, bundle, chain))

    def _not_run(self, endpoint: Endpoint, reason: str, chain: ChainDeps) -> None:
        measurement = blank(endpoint, self._clock, Outcome.NOT_RUN, reason)
        self._taken.take(endpoint, record_of(endpoint, (measurement,), chain))

    # --- the end

    def finish(self) -> None:
        """Account for every endpoint and close the round; nothing of it can be interrupted.

        A store that failed is left alone: the next start closes the round (``Store.recover``).
        """
        if not self._begun or self._taken.writer.failed:
            return
        self._begun = False
        self._taken.release_all()
        if self._context.invalid is None and self._suspended():  # and then it was interrupted
            self._settle(self._context_of(self._line))
        seen = self._taken.seen()
        chain = self._chain()
        for endpoint in self._deps.plan.targets:
            if endpoint.id not in seen:
                self._not_run(endpoint, INTERRUPTED, chain)
        self._taken.writer.close()
        store = self._deps.store
        sent, received = self._controls.crossed()
        self._work.spending.book(0, sent + received)
        if store is not None and self._round_id is not None:
            if sent or received:
                store.count_traffic(self._started, sent, received)
            store.end_round(self._round_id, self._context, self._clock.now())

    def result(self) -> RoundResult:
        """Return what the round gave."""
        services = tuple(self._taken.service_verdicts(self._services))
        catalog = self._deps.catalog
        return RoundResult(
            context=self._context,
            records=tuple(self._taken.records),
            services=services,
            wholes=roll_up_wholes(catalog.wholes, catalog.services, services),
            round_id=self._round_id,
            interrupted=self.interrupted,
            bytes=self._work.spending.spent_bytes,
            seconds=self._clock.monotonic_s() - self._started_s,
            changed=self._taken.changed(self._last),
            problems=tuple(self._work.problems),
        )


def _neutral(line: LineLook) -> tuple[Endpoint, ...]:
    """Return the anchors abroad that passed when the round began."""
    good = {anchor.endpoint for anchor in line.anchor_values() if anchor.ok}
    return tuple(
        endpoint
        for endpoint, _ in line.current()
        if endpoint.id in good and endpoint.purpose is not Purpose.DOMESTIC
    )


def _default_measure() -> MeasureOne:
    from probe.probes.measure import measure

    return measure
