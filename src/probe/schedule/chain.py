"""One endpoint in one round: the first look, what is asked for after it, and the verdict."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from probe.analysis.features import retired
from probe.analysis.followup import FollowUp, followups
from probe.analysis.verdict import JudgeFacts, judge
from probe.model.address import family_of
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.record import Record
from probe.model.target import Endpoint, Service
from probe.model.verdict import Verdict
from probe.probes.options import UNSET, ProbeOptions
from probe.schedule.contacts import OTHER_RESOLVERS
from probe.schedule.delays import Delays
from probe.schedule.lanes import Lanes
from probe.schedule.reasons import RESTING
from probe.schedule.work import MAIN_LOOK, Partial, Work, blank

__all__ = ["ChainDeps", "FollowUps", "measure_endpoint", "options_of", "record_of"]

SOON_S = 30.0
"""What is due later waits for residual blocking to pass; a quick round does without."""

ControlsOf = Callable[[Endpoint, Measurement], Sequence[ControlObservation]]


class FollowUps(StrEnum):
    """When a failure is looked into."""

    ALWAYS = "always"
    ON_CHANGE = "on_change"  # all when it is new; the comparisons, without retests, when known
    NEVER = "never"


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
    last: Mapping[str, Verdict] = field(default_factory=dict)
    follow_ups: FollowUps = FollowUps.ALWAYS
    quick: bool = False
    sni_host: str | None = None  # address:port of a consenting host


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
            await _follow(endpoint, main, deps, bundle)
    except asyncio.CancelledError:
        if bundle:
            done(record_of(endpoint, bundle, deps))
        raise
    done(record_of(endpoint, bundle, deps))


def record_of(endpoint: Endpoint, bundle: Sequence[Measurement], deps: ChainDeps) -> Record:
    """Judge ``bundle`` and return the record."""
    verdict = judge(
        endpoint,
        deps.services[endpoint.service],
        bundle,
        context=deps.context,
        controls=deps.controls(endpoint, bundle[0]),
        facts=deps.facts,
    )
    return Record(
        endpoint=endpoint.id,
        service=endpoint.service,
        role=endpoint.role,
        bundle=tuple(bundle),
        verdict=verdict,
    )


async def _in_lane(
    endpoint: Endpoint, deps: ChainDeps, options: ProbeOptions, on_interrupt: Partial
) -> Measurement:
    """Measure when the destination is free and has rested; quick rounds do not wait for it."""
    key = deps.lanes.key(endpoint, options.addresses)
    if deps.quick and options.variant is not Variant.NEUTRAL_SNI and deps.lanes.rests(key):
        clock = deps.work.env.clock
        return blank(endpoint, clock, Outcome.NOT_RUN, RESTING, options.variant)
    async with deps.lanes.turn(key, urgent=options.variant is Variant.NEUTRAL_SNI):
        measurement = await deps.work.measure(endpoint, options, on_interrupt)
        deps.lanes.note(key, endpoint, measurement)
    return measurement


async def _follow(
    endpoint: Endpoint, main: Measurement, deps: ChainDeps, bundle: list[Measurement]
) -> None:
    ended_s = main.monotonic_s + main.duration_s
    for wanted in _wanted(endpoint, main, deps):
        options = options_of(wanted, deps.work.env.net.nameservers())
        due_s = ended_s + wanted.delay_s
        if due_s >= deps.work.spending.deadline_s:
            continue
        await deps.delays.until(due_s)
        measurement = await _in_lane(endpoint, deps, options, bundle.append)
        if measurement.outcome is Outcome.MEASURED:
            bundle.append(measurement)


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
    if deps.quick:
        found = tuple(f for f in found if f.delay_s <= SOON_S)
    known = deps.last.get(endpoint.id)
    if deps.follow_ups is FollowUps.ON_CHANGE and known is not None and known.bad:
        found = tuple(f for f in found if f.variant is not Variant.RETEST)
    return sorted(found, key=lambda f: f.delay_s)


def _authentic(controls: Sequence[ControlObservation]) -> tuple[str, ...]:
    """Return addresses that a control that passed has seen."""
    good = (a for c in controls if c.failure is None for a in c.addresses)
    return tuple(dict.fromkeys(good))


def options_of(wanted: FollowUp, nameservers: Sequence[str]) -> ProbeOptions:
    """Return how a follow-up is measured on a line with these resolvers."""
    plain = ProbeOptions()
    resolver = None
    if wanted.variant is Variant.OTHER_RESOLVER:
        resolver = next(r for r in OTHER_RESOLVERS if r not in nameservers[:1])
    return ProbeOptions(
        variant=wanted.variant,
        addresses=wanted.addresses,
        sni=UNSET if wanted.keep_sni else wanted.sni,
        families=wanted.families or _families(wanted.addresses) or plain.families,
        engines=plain.engines if wanted.engine is None else (wanted.engine,),
        resolver=resolver,
    )


def _families(addresses: Sequence[str]) -> tuple[int, ...]:
    """Return the families of pinned addresses: an IPv6 one is not dialled as IPv4."""
    found = (family_of(address) for address in addresses)
    return tuple(dict.fromkeys(family for family in found if family is not None))
