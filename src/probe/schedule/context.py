"""The round context, measured: the line before any target is, and once more at the end."""

import asyncio
import dataclasses
from collections.abc import Collection, Sequence

from probe.model.address import is_public
from probe.model.measurement import DnsEngine, DnsStep, Measurement, Outcome, Variant
from probe.model.target import Endpoint, Purpose
from probe.probes.options import ProbeOptions
from probe.probes.resolvers import DOH_BY_ADDRESS
from probe.schedule.anchors import anchor_of, system_dns_ok
from probe.schedule.line import LineFacts, LineLook
from probe.schedule.own_address import own_public_address
from probe.schedule.patience import connect_s, silent
from probe.schedule.plan import RoundPlan, closing_anchors
from probe.schedule.work import MAIN_LOOK, Work

__all__ = ["close_look", "look"]

SECOND_OPINIONS = 3
"""Names that are asked for again, by an encrypted resolver, when the system's fails."""

IPV6_TRIES = 3
"""Anchors that are looked at over IPv6 on a line where none works over IPv4."""

ONCE_MORE = ProbeOptions(variant=Variant.RETEST, engines=(DnsEngine.SYSTEM,))
PATIENTLY = ProbeOptions(variant=Variant.RETEST)
BY_DOH = ProbeOptions(variant=Variant.DOH, engines=(DnsEngine.DOH,))


async def look(plan: RoundPlan, work: Work, facts: LineFacts) -> LineLook:
    """Measure the line: own network, anchors, captive portal, resolvers, IPv6.

    Through a tunnel nothing is measured: it would describe somebody else's line.
    """
    line = LineLook(facts)
    if facts.tunnel:
        return line
    await _find_network(plan, work, line)
    async with asyncio.TaskGroup() as group:
        tasks = {a.id: (a, group.create_task(work.measure(a))) for a in plan.anchors}
        captive = group.create_task(work.measure(plan.captive)) if plan.captive else None
    line.anchors = {key: (anchor, task.result()) for key, (anchor, task) in tasks.items()}
    if captive is not None and plan.captive is not None:
        line.captive = (plan.captive, captive.result())
    await _second_opinions(work, line)
    await _other_family(work, line)
    if await _patiently(plan, work, line):
        if not any(map(is_public, work.env.own_addresses)):
            await _find_network(plan, work, line)
        if line.ipv6 is not None and silent(line.ipv6[1]):
            await _other_family(work, line)
    return line


async def _find_network(plan: RoundPlan, work: Work, line: LineLook) -> None:
    """Look the own address up, keep its network, and let probes scrub the address."""
    own = set(line.facts.addresses)
    if plan.stun is not None:
        with work.door.measuring(plan.stun, MAIN_LOOK):
            address = await own_public_address(plan.stun, work.env)
        if address is not None:
            own.add(address)
    public = next((a for a in sorted(own) if is_public(a)), None)
    if public is not None and work.lookup is not None:
        line.seen = work.lookup.seen(public)
    if line.facts.gateway is not None:  # a router that answers in place of others names itself
        own.add(line.facts.gateway)
    known = frozenset(work.env.own_addresses)
    work.env = dataclasses.replace(work.env, own_addresses=known | own)


async def _second_opinions(work: Work, line: LineLook) -> None:
    """Ask again for the anchors' names that the system's resolver did not resolve.

    One failure is not "down": the resolver gets a second try, an encrypted one is asked by its
    address, and the anchor is dialled at what that one said, so that a broken resolver is not
    taken for a broken line.
    """
    failed = [e for e, m in line.anchors.values() if system_dns_ok(m) is False]

    async def one(anchor: Endpoint) -> None:
        again = await work.measure(anchor, ONCE_MORE)
        doh = await work.measure(anchor, BY_DOH)
        line.second[anchor.id] = [again, doh]
        if system_dns_ok(again):
            line.repaired[anchor.id] = again
        elif any(isinstance(s, DnsStep) and s.failure is None and s.answers for s in doh.steps):
            line.repaired[anchor.id] = doh

    async with asyncio.TaskGroup() as group:
        for anchor in failed[:SECOND_OPINIONS]:
            group.create_task(one(anchor))


async def _other_family(work: Work, line: LineLook) -> None:
    """Look at one anchor over IPv6, on a line that claims to have it; at one that works, if any.

    Where none does over IPv4, the line may have IPv6 only: a few are tried before it is believed
    to be cut.
    """
    if not line.facts.ipv6_route:
        return
    looks = line.anchors.values()
    working = [e for e, m in looks if anchor_of(e, m).ok]
    abroad = [e for e, _ in looks if e.purpose is not Purpose.DOMESTIC]
    for endpoint in working[:1] or abroad[:IPV6_TRIES]:
        options = ProbeOptions(variant=Variant.OTHER_FAMILY, families=(6,))
        line.ipv6 = (endpoint, await work.measure(endpoint, options))
        if anchor_of(*line.ipv6).ok:
            return


async def _patiently(plan: RoundPlan, work: Work, line: LineLook) -> bool:
    """Give all of the round the time that the line takes; return whether it is a slow one.

    Where nothing was heard but silence, the line may be cut, or too slow for the usual
    deadlines. It is asked once more, for longer and all at once, before it is called offline.
    Where nothing was heard from abroad alone, what was silent is asked once more as usual: a
    line that loses many connections is none that reaches only domestic sites.
    """
    usual = work.env.timeouts
    line.connect_s = connect_s(line.looks())
    longer = usual.following(line.connect_s) if line.connect_s is not None else usual
    if line.connect_s is None and _may_be_slow(line):
        longer = usual.patiently()
    again = longer != usual or (usual.patience > 1.0 and _only_home(line))
    if not again or not _in_time(work, longer.tcp_s):
        return False
    work.env = dataclasses.replace(work.env, timeouts=longer)
    await _once_more(plan, work, line)
    line.connect_s = connect_s(line.looks())
    slow = longer != usual and line.connect_s is not None
    found = usual.following(line.connect_s) if line.connect_s is not None else usual
    work.env = dataclasses.replace(work.env, timeouts=found)
    return slow


def _may_be_slow(line: LineLook) -> bool:
    """Return whether there is a way out, and all looks at neutral hosts met silence alone."""
    cut = line.facts.default_route is False or line.facts.gateway_reachable is False
    looks = [measurement for _, measurement in line.current()]
    return not cut and bool(looks) and all(map(silent, looks))


def _only_home(line: LineLook) -> bool:
    """Return whether domestic hosts answered, and of those abroad none, and some were silent."""
    looks = line.current()
    home = any(anchor_of(e, m).ok for e, m in looks if e.purpose is Purpose.DOMESTIC)
    abroad = [(e, m) for e, m in looks if e.purpose is not Purpose.DOMESTIC]
    none = not any(anchor_of(e, m).ok for e, m in abroad)
    return home and none and any(silent(m) for _, m in abroad)


def _in_time(work: Work, seconds: float) -> bool:
    return work.env.clock.monotonic_s() + seconds < work.spending.deadline_s


async def _once_more(plan: RoundPlan, work: Work, line: LineLook) -> None:
    """Ask all that was silent again, with the deadlines of now.

    The system's own resolver keeps to deadlines of its own; the configured one is therefore
    asked directly as well, and for a few names each of the encrypted ones, by its address.
    """
    waited = [endpoint for endpoint, look in line.current() if silent(look)]
    unnamed = [e for e in waited if not _named(line.anchors[e.id][1])]
    async with asyncio.TaskGroup() as group:
        tasks = {e.id: group.create_task(work.measure(e, PATIENTLY)) for e in waited}
        by_doh = {
            endpoint.id: group.create_task(
                work.measure(endpoint, dataclasses.replace(BY_DOH, doh_url=url))
            )
            for endpoint, url in zip(unnamed, DOH_BY_ADDRESS, strict=False)
        }
        captive = None
        if plan.captive is not None and line.captive is not None and silent(line.captive[1]):
            captive = group.create_task(work.measure(plan.captive))
    for key, task in tasks.items():
        others = [by_doh[key].result()] if key in by_doh else []
        line.heard_later(key, [task.result(), *others])
    if captive is not None and plan.captive is not None:
        line.captive = (plan.captive, captive.result())


def _named(look: Measurement) -> bool:
    return any(isinstance(s, DnsStep) and s.answers for s in look.steps)


async def close_look(work: Work, line: LineLook) -> LineLook:
    """Return the line as it is at the end: a few anchors again, all when one of them changed."""
    anchors = [endpoint for endpoint, _ in line.current()]
    before = {a.endpoint: a.ok for a in line.anchor_values()}
    few = closing_anchors(anchors)
    by_doh = {key for key, look in line.repaired.items() if look.variant is Variant.DOH}
    again = await _again(work, few, by_doh)
    if any(anchor_of(e, m).ok != before[e.id] for e, m in again):
        rest = [anchor for anchor in anchors if anchor not in few]
        again.extend(await _again(work, rest, by_doh))
    closed = dataclasses.replace(
        line, anchors=dict(line.anchors), repaired=dict(line.repaired), again=again
    )
    for endpoint, measurement in again:
        if endpoint.id in line.repaired:
            closed.repaired[endpoint.id] = measurement
        else:
            closed.anchors[endpoint.id] = (endpoint, measurement)
    return closed


async def _again(
    work: Work, anchors: Sequence[Endpoint], by_doh: Collection[str]
) -> list[tuple[Endpoint, Measurement]]:
    """Measure anchors again, each by the resolver that served it at the beginning.

    What a budget did not allow any more is left out: it says nothing about the line.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [
            (a, group.create_task(work.measure(a, BY_DOH if a.id in by_doh else MAIN_LOOK)))
            for a in anchors
        ]
    looks = [(anchor, task.result()) for anchor, task in tasks]
    return [(anchor, m) for anchor, m in looks if m.outcome is Outcome.MEASURED]
