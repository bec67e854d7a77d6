"""One endpoint in one round: the first look, what is asked for after it, and the verdict."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from probe.analysis.attempts import RESIDUE
from probe.analysis.endings import ending_of
from probe.analysis.features import retired
from probe.analysis.followup import FollowUp, followups
from probe.analysis.thorough import thorough
from probe.analysis.verdict import JudgeFacts, judge
from probe.model.address import family_of
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.record import Record
from probe.model.target import Endpoint, Service
from probe.model.verdict import Verdict
from probe.probes.options import UNSET, ProbeOptions
from probe.schedule.beside import Beside, reached_at
from probe.schedule.contacts import OTHER_RESOLVERS
from probe.schedule.delays import Delays
from probe.schedule.lanes import Lanes, is_trigger
from probe.schedule.reasons import RESTING
from probe.schedule.work import MAIN_LOOK, Partial, Work, blank

__all__ = ["ChainDeps", "FollowUps", "Waiting", "measure_endpoint", "options_of", "record_of"]

SOON_S = 30.0
"""What is due later waits for residual blocking to pass; a quick round does without."""

_HARMLESS = (Variant.NEUTRAL_SNI, Variant.CONNECT)
"""Looks that nobody cuts for what they say: they need not wait until a place has rested."""

_URGENT = (*_HARMLESS, Variant.ANCHOR, Variant.NEIGHBOUR, Variant.OTHER_UDP)

Waiting = Callable[[FollowUp, float, float], None]
"""Told before each further look: seconds until it is due, and until the last one is."""

APART_S = 5.0
"""Retests keep so much more than the residue from the last cut at their address."""

ControlsOf = Callable[[Endpoint, Measurement], Sequence[ControlObservation]]
AskControls = Callable[[Endpoint, Measurement], Awaitable[None]]
"""Waits until those who look from elsewhere have answered about an endpoint."""


async def _nobody_to_ask(endpoint: Endpoint, main: Measurement) -> None:
    del endpoint, main


class FollowUps(StrEnum):
    """When a failure is looked into."""

    ALWAYS = "always"
    ON_CHANGE = "on_change"  # all when it is new; the comparisons, without retests, when known
    NEVER = "never"
    THOROUGH = "thorough"  # and whatever can be compared also when all is well


@dataclass(slots=True)
class ChainDeps:
    """What the chains of a round share."""

    work: Work
    delays: Delays
    lanes: Lanes
    context: RoundContext
    facts: JudgeFacts
    controls: ControlsOf
    services: Mapping[str, Service]
    ask_controls: AskControls = _nobody_to_ask
    last: Mapping[str, Verdict] = field(default_factory=dict)
    follow_ups: FollowUps = FollowUps.ALWAYS
    quick: bool = False
    sni_host: str | None = None  # address:port of a consenting host
    beside: Beside | None = None  # neutral hosts and neighbours
    waiting: Waiting = lambda _wanted, _due_s, _last_s: None


async def measure_endpoint(
    endpoint: Endpoint, deps: ChainDeps, done: Callable[[Record], None], start_s: float
) -> None:
    """Measure ``endpoint`` from ``start_s`` on, and hand its record to ``done``.

    When it is cancelled, what was measured is judged and handed over all the same; a look that
    had not ended is ``interrupted``, never a failure.
    """
    bundle: list[Measurement] = []
    try:
        await deps.delays.until(start_s)
        main = await _in_lane(endpoint, deps, MAIN_LOOK, bundle.append)
        bundle.append(main)
        if main.outcome is Outcome.MEASURED:
            await deps.ask_controls(endpoint, main)
            await _follow(endpoint, main, deps, bundle)
    except asyncio.CancelledError:
        if bundle:
            done(record_of(endpoint, bundle, deps))
        raise
    done(record_of(endpoint, bundle, deps))


def record_of(
    endpoint: Endpoint,
    bundle: Sequence[Measurement],
    deps: ChainDeps,
    controls: Sequence[ControlObservation] | None = None,
) -> Record:
    """Judge ``bundle`` and return the record; by the controls of now, or by those given."""
    seen = tuple(deps.controls(endpoint, bundle[0]) if controls is None else controls)
    verdict = judge(
        endpoint,
        deps.services[endpoint.service],
        bundle,
        context=deps.context,
        controls=seen,
        facts=deps.facts,
    )
    return Record(
        endpoint=endpoint.id,
        service=endpoint.service,
        role=endpoint.role,
        bundle=tuple(bundle),
        verdict=verdict,
        controls=seen,
    )


async def _in_lane(
    endpoint: Endpoint, deps: ChainDeps, options: ProbeOptions, on_interrupt: Partial
) -> Measurement:
    """Measure when the destination is free and has rested; quick rounds do not wait for it."""
    key = deps.lanes.key(endpoint, options.addresses)
    urgent = options.variant in _HARMLESS
    if deps.quick and not urgent and deps.lanes.rests(key):
        clock = deps.work.env.clock
        return blank(endpoint, clock, Outcome.NOT_RUN, RESTING, options.variant)
    async with deps.lanes.turn(key, urgent=urgent):
        measurement = await deps.work.measure(endpoint, options, on_interrupt)
        deps.lanes.note(key, endpoint, measurement)
    if deps.beside is not None:
        deps.beside.note(endpoint, measurement)
    return measurement


async def _follow(
    endpoint: Endpoint, main: Measurement, deps: ChainDeps, bundle: list[Measurement]
) -> None:
    """Run the follow-ups in order; what comes late delays what must keep its distance.

    The other family's first look has follow-ups of its own, and its own instants.
    """
    queue = _due(main, _wanted(endpoint, main, deps))
    traces: dict[str, float] = {}  # until when an address may show the trace of a cut
    _leave_trace(main, traces)
    while queue:
        queue.sort(key=lambda row: row[0])
        due_s, wanted = queue.pop(0)
        late_s = _distance(wanted, traces) - due_s
        if late_s > 0:
            queue = [(when + late_s, later) for when, later in queue]
            due_s += late_s
        if due_s >= deps.work.spending.deadline_s:
            continue
        _tell(endpoint, wanted, deps, due_s, queue)
        await deps.delays.until(due_s)
        for measurement in await _looks(endpoint, wanted, deps, bundle):
            if measurement.outcome is not Outcome.MEASURED:
                continue
            bundle.append(measurement)
            _leave_trace(measurement, traces)
            if wanted.variant is Variant.OTHER_FAMILY:
                queue += _due(measurement, _wanted(endpoint, measurement, deps))


def _tell(
    endpoint: Endpoint,
    wanted: FollowUp,
    deps: ChainDeps,
    due_s: float,
    queue: Sequence[tuple[float, FollowUp]],
) -> None:
    """Say how long it is until this look, and until the last one."""
    now_s = deps.work.env.clock.monotonic_s()
    urgent = wanted.variant in _URGENT
    free_s = deps.lanes.free_at_s(deps.lanes.key(endpoint, wanted.addresses))
    starts_s = due_s if urgent else max(due_s, free_s)
    last_s = max((when for when, _ in queue), default=starts_s)
    deps.waiting(wanted, max(0.0, starts_s - now_s), max(0.0, starts_s - now_s, last_s - now_s))


def _due(main: Measurement, wanted: Sequence[FollowUp]) -> list[tuple[float, FollowUp]]:
    ended_s = main.monotonic_s + main.duration_s
    return [(ended_s + one.delay_s, one) for one in wanted]


def _leave_trace(measurement: Measurement, traces: dict[str, float]) -> None:
    address = reached_at(measurement)
    neutral = measurement.variant is Variant.NEUTRAL_SNI
    if address is not None and is_trigger(measurement) and not neutral:
        ended_s = measurement.monotonic_s + measurement.duration_s
        traces[address] = ended_s + RESIDUE.total_seconds() + APART_S


def _distance(wanted: FollowUp, traces: Mapping[str, float]) -> float:
    """Return the instant from which a look that has to wait is clear of the last one's trace.

    A late look through an encrypted resolver may be led to any of the addresses. A neutral
    name does not wait: it is asked for within the trace on purpose.
    """
    if wanted.variant is Variant.RETEST:
        places = [traces[a] for a in wanted.addresses if a in traces]
    elif wanted.variant is Variant.DOH and wanted.delay_s > SOON_S:
        places = list(traces.values())
    else:
        places = []
    return max(places, default=float("-inf"))


async def _looks(
    endpoint: Endpoint, wanted: FollowUp, deps: ChainDeps, bundle: list[Measurement]
) -> Sequence[Measurement]:
    """Take one follow-up: at the endpoint, at neutral hosts, or at a neighbour."""
    options = options_of(wanted, deps.work.env.net.nameservers())
    if wanted.variant is Variant.ANCHOR:
        return await deps.beside.anchors(options) if deps.beside is not None else ()
    if wanted.variant is Variant.OTHER_UDP:
        return await _other_udp(endpoint, options, deps, bundle)
    if wanted.variant is not Variant.NEIGHBOUR:
        return [await _in_lane(endpoint, deps, options, bundle.append)]
    failed = next((m for m in bundle if not ending_of(m).passed), None)
    if deps.beside is None or failed is None:
        return ()
    found = deps.beside.neighbour(endpoint, failed)
    if found is None:
        return ()
    here = replace(options, addresses=(found.address,), families=_families((found.address,)))
    return [await _in_lane(found.endpoint, deps, here, bundle.append)]


async def _other_udp(
    endpoint: Endpoint, options: ProbeOptions, deps: ChainDeps, bundle: list[Measurement]
) -> Sequence[Measurement]:
    """Look at another service that speaks UDP, and at one more when that one fails as well."""
    found: list[Measurement] = []
    others = () if deps.beside is None else deps.beside.over_udp(endpoint)
    for other in others:
        here = replace(options, addresses=(other.address,), families=_families((other.address,)))
        found.append(await _in_lane(other.endpoint, deps, here, bundle.append))
        if ending_of(found[-1]).passed:
            break
    return found


def _wanted(endpoint: Endpoint, main: Measurement, deps: ChainDeps) -> list[FollowUp]:
    """Return the follow-ups to run, the soonest first; a retired service has nothing to explain."""
    if deps.follow_ups is FollowUps.NEVER or deps.context.invalid is not None:
        return []
    if retired(deps.services[endpoint.service], main):
        return []
    found = followups(
        endpoint,
        main,
        deps.context,
        authentic=_authentic(deps.controls(endpoint, main)),
        sni_host=deps.sni_host,
    )
    if deps.follow_ups is FollowUps.THOROUGH and main.variant is Variant.MAIN:
        found = thorough(endpoint, main, deps.context, found)
    if deps.quick:
        found = tuple(f for f in found if f.delay_s <= SOON_S)
    known = deps.last.get(endpoint.id)
    if deps.follow_ups is FollowUps.ON_CHANGE and known is not None and known.bad:
        found = _without_retests(found)
    return sorted(found, key=lambda f: f.delay_s)


def _without_retests(found: Sequence[FollowUp]) -> tuple[FollowUp, ...]:
    """Leave the comparisons of what is known to fail; nothing leaves a trace to look for."""
    first = next((f for f in found if f.variant is Variant.NEUTRAL_SNI), None)
    return tuple(
        f
        for f in found
        if f.variant is not Variant.RETEST and (f.variant is not Variant.NEUTRAL_SNI or f is first)
    )


def _authentic(controls: Sequence[ControlObservation]) -> tuple[str, ...]:
    """Return addresses that a control that passed has seen."""
    good = (a for c in controls if c.failure is None for a in c.addresses)
    return tuple(dict.fromkeys(good))


def options_of(wanted: FollowUp, nameservers: Sequence[str]) -> ProbeOptions:
    """Return how a follow-up is measured on a line with these resolvers."""
    plain = ProbeOptions()
    resolver = None
    if wanted.variant in (Variant.OTHER_RESOLVER, Variant.ANCHOR):
        resolver = next(r for r in OTHER_RESOLVERS if r not in nameservers[:1])
    return ProbeOptions(
        variant=wanted.variant,
        addresses=wanted.addresses,
        sni=UNSET if wanted.keep_sni else wanted.sni,
        families=wanted.families or _families(wanted.addresses) or plain.families,
        engines=plain.engines if wanted.engine is None else (wanted.engine,),
        resolver=resolver,
        random_payload=wanted.variant is Variant.COMPARISON,
        over_tcp=wanted.variant is Variant.BY_TCP,
        storefront=wanted.storefront,
    )


def _families(addresses: Sequence[str]) -> tuple[int, ...]:
    """Return the families of pinned addresses: an IPv6 one is not dialled as IPv4."""
    found = (family_of(address) for address in addresses)
    return tuple(dict.fromkeys(family for family in found if family is not None))
