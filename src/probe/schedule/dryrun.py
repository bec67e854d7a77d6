"""What a round would do, for somebody to read before it does: nothing is sent."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from probe.analysis.udp_facts import UDP_KINDS
from probe.model.address import authority
from probe.model.measurement import Variant
from probe.model.target import Catalog, Endpoint, Kind, Plan
from probe.probes.transfer import OwnServer
from probe.schedule.choose import Wanted, plan_round
from probe.schedule.contacts import Contacts, contacts_of, port_of
from probe.schedule.cost import MEASURED_KINDS, cost_of, follow_up_bytes, total_bytes
from probe.schedule.goodput import timed_of
from probe.schedule.goodput_tasks import cost_of_tasks
from probe.schedule.pace import Pace, pace_of
from probe.schedule.plan import RoundPlan
from probe.settings import Settings
from probe.targets.select import anchors

__all__ = ["DryRow", "DryRun", "describe"]

_NO_NAME = ("retest", "other address", "a silent connection", "neutral hosts beside it")
_FOLLOW_UPS: dict[Kind, tuple[str, ...]] = {
    Kind.DNS: ("retest", "encrypted resolver", "other resolver"),
    Kind.RESOLVER: ("retest",),
    Kind.TCP: ("retest", "encrypted resolver", "other address", "IPv6"),
    Kind.OBFS4: ("retest",),
    Kind.MTPROTO: ("the same in another form", *_NO_NAME),
    Kind.TOR_OR: ("another hello", *_NO_NAME),
}
_FOLLOW_UPS_UDP = (
    "random bytes",
    "retest",
    "other address",
    "IPv6",
    "another service over UDP",
    "neutral hosts beside it",
    "a neighbour of this round",
)
_FOLLOW_UPS_TLS = (
    "retest",
    "encrypted resolver",
    "other resolver",
    "neutral name",
    "other address",
    "IPv6",
    "neutral hosts beside it",
    "a neighbour of this round",
)
_FOLLOW_UPS |= dict.fromkeys(UDP_KINDS, _FOLLOW_UPS_UDP)
_FOLLOW_UPS[Kind.QUIC] = ("random bytes", "TLS at its port", "neutral name", *_FOLLOW_UPS_UDP[1:])

_BY_QUIC = "; over QUIC too, where the server speaks it"
_TRANSFER_S = 2.0  # of a line with 0.5 Mbit/s; each has 20 s at most

RETESTS_S = 460.0
"""When the last retest of a cut handshake is due after the first look."""


class DryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint of the plan, or one that was asked for and does not run."""

    service: str
    kind: str
    host: str
    port: int
    runs: bool
    reason: str = ""  # why it does not run, or what it is for
    bytes: int = 0
    seconds: float = 0.0
    follow_ups: tuple[str, ...] = ()
    follow_up_bytes: int = 0
    endpoint: str = ""


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """A round described; bytes are on the wire, with headers."""

    plan: str
    endpoints: tuple[DryRow, ...]
    contacts: Contacts
    left_out: int
    bytes: int
    bytes_if_all_fail: int
    seconds: float
    seconds_if_some_fail: float
    pace: Pace


def describe(
    catalog: Catalog,
    wanted: Wanted,
    plan: RoundPlan,
    settings: Settings,
    *,
    nameservers: Sequence[str] = (),
    controls: Sequence[str] = (),
    every_s: float = 900.0,
    server: OwnServer | None = None,
) -> DryRun:
    """Return what the round of ``plan`` would contact and cost.

    ``nameservers`` are the system's own, when they are known; ``controls`` are live ones;
    ``server`` is the one of one's own that a watch would time transfers at.
    """
    purposes = {e.id: "line: at both ends of the round" for e in plan.anchors}
    for endpoint in (plan.captive, plan.stun):
        if endpoint is not None:
            purposes[endpoint.id] = (
                "line: own address, used and discarded"
                if endpoint.kind is Kind.STUN
                else "line: login page?"
            )
    timed_only = _timed_only(plan)
    rows = [
        _row(e, purposes.get(e.id, ""), sni_host=settings.sni_host)
        for e in plan.endpoints
        if e.id not in timed_only
    ]
    rows += [
        DryRow(
            service=left.endpoint.service,
            kind=str(left.endpoint.kind),
            host=left.endpoint.private or left.endpoint.host,
            port=0 if left.endpoint.private else port_of(left.endpoint),
            runs=False,
            reason=left.reason,
            endpoint=left.endpoint.id,
        )
        for left in plan.not_run
    ]
    rows += _timed_rows(plan)
    drawn = _other_anchors(catalog, wanted, plan)
    rows += [_row(e, "line: may be drawn in the place of another", sni_host=None) for e in drawn]
    sizes = [cost_of(e).bytes + follow_up_bytes(e) for e in plan.targets]
    seconds = _seconds(plan, settings)
    return DryRun(
        plan=plan.name,
        endpoints=tuple(rows),
        contacts=msgspec.structs.replace(
            _contacts(
                (*plan.endpoints, *drawn),
                plan.stun,
                nameservers,
                (settings.sni_host, *_servers(plan)),
            ),
            controls=tuple(controls),
        ),
        left_out=len(plan.left_out),
        bytes=plan.bytes,
        bytes_if_all_fail=sum(sizes)
        + cost_of_tasks(plan.goodput, quic=True)
        + 2 * sum(cost_of(a).bytes for a in plan.anchors),
        seconds=seconds,
        seconds_if_some_fail=min(settings.run_seconds, seconds + RETESTS_S),
        pace=usual_pace(catalog, wanted, settings, every_s, server=server),
    )


def _row(endpoint: Endpoint, purpose: str, *, sni_host: str | None) -> DryRow:
    cost = cost_of(endpoint)
    has_probe = endpoint.kind in MEASURED_KINDS
    follow_ups = _FOLLOW_UPS.get(endpoint.kind, _FOLLOW_UPS_TLS) if has_probe else ()
    if endpoint.private is not None:
        follow_ups = ("retest", "neutral hosts beside it")
    elif sni_host is not None and endpoint.tls:
        follow_ups = (*follow_ups, f"its name at {sni_host}")
    if endpoint.expect is not None and endpoint.expect.storefront is not None:
        follow_ups = (*follow_ups, f"storefront of {endpoint.expect.storefront}")
    return DryRow(
        service=endpoint.service,
        kind=str(endpoint.kind),
        host=endpoint.private or endpoint.host,
        port=0 if endpoint.private else port_of(endpoint),
        runs=has_probe or bool(purpose),
        reason=purpose if has_probe or purpose else "not measured yet: no probe for this kind",
        bytes=cost.bytes,
        seconds=cost.seconds,
        follow_ups=follow_ups,
        follow_up_bytes=follow_up_bytes(endpoint),
        endpoint=endpoint.id,
    )


_TIMED: dict[Variant, str] = {
    Variant.GOODPUT: "transfer: its file",
    Variant.GOODPUT_SNI: "transfer: its file, under a neutral name",
    Variant.GOODPUT_NEUTRAL: "transfer: a neutral file beside it",
    Variant.GOODPUT_ABROAD: "transfer: a file abroad beside it",
    Variant.GOODPUT_OWN: "transfer: its name at the throughput server",
    Variant.GOODPUT_OWN_NEUTRAL: "transfer: a neutral name at the throughput server",
}


def _timed_rows(plan: RoundPlan) -> list[DryRow]:
    """Return the transfers of a round, and what has none in it."""
    rows = []
    for task in plan.goodput:
        for look in task.looks:
            server = look.transfer.server
            rows.append(
                DryRow(
                    service=task.endpoint.service,
                    kind=f"{look.transfer.direction}/{look.transfer.transport}",
                    host=look.endpoint.host if server is None else server.address,
                    port=port_of(look.endpoint) if server is None else server.port,
                    runs=True,
                    reason=_TIMED[look.variant] + (_BY_QUIC if look in task.repeated else ""),
                    bytes=look.bytes,
                    seconds=_TRANSFER_S,
                    endpoint=look.endpoint.id,
                )
            )
    rows += [
        DryRow(
            service=left.endpoint.service,
            kind="transfer",
            host=left.endpoint.host,
            port=port_of(left.endpoint),
            runs=False,
            reason=left.reason,
            endpoint=left.endpoint.id,
        )
        for left in plan.untimed
    ]
    return rows


def _other_anchors(catalog: Catalog, wanted: Wanted, plan: RoundPlan) -> tuple[Endpoint, ...]:
    """Return the neutral hosts that a round may draw and this description did not."""
    known = {endpoint.id for endpoint in plan.endpoints}
    return tuple(a for a in anchors(catalog, wanted.country) if a.id not in known)


def _contacts(
    endpoints: Sequence[Endpoint],
    stun: Endpoint | None,
    nameservers: Sequence[str],
    more: Iterable[str | None],
) -> Contacts:
    sending = [e for e in endpoints if e.kind in MEASURED_KINDS or e is stun]
    found = contacts_of(sending, nameservers)
    places = tuple(place for place in more if place is not None)
    return msgspec.structs.replace(found, literals=(*found.literals, *places))


def _servers(plan: RoundPlan) -> tuple[str, ...]:
    """Return the throughput servers of the plan."""
    found = (look.transfer.server for task in plan.goodput for look in task.looks)
    return tuple(dict.fromkeys(authority(s.address, s.port) for s in found if s is not None))


def _timed_only(plan: RoundPlan) -> frozenset[str]:
    """Return the endpoints that are asked for a transfer and for nothing else."""
    checks = (e for e in (plan.captive, plan.stun) if e is not None)
    measured = {e.id for e in (*plan.anchors, *checks, *plan.targets)}
    timed = {look.endpoint.id for task in plan.goodput for look in task.looks}
    return frozenset(timed - measured)


def _seconds(plan: RoundPlan, settings: Settings) -> float:
    """Return how long the round takes when everything answers, by its tightest limit.

    Transfers are timed after all else, one after the other.
    """
    costs = [cost_of(e) for e in plan.targets]
    looks = [look for task in plan.goodput for look in task.looks]
    fetched = len({look.endpoint.id for look in looks if look.plain})
    timed_s = _TRANSFER_S * (fetched + sum(not look.plain for look in looks))
    if not costs:
        return 2.0 + timed_s
    starts = 3 * len(costs) / settings.global_per_second  # name, address, resolver
    places = math.ceil(len(costs) / settings.concurrency)
    longest = max(cost.seconds for cost in costs)
    return round(4.0 + max(starts, places * longest) + timed_s, 1)


def usual_pace(
    catalog: Catalog,
    wanted: Wanted,
    settings: Settings,
    every_s: float,
    *,
    server: OwnServer | None = None,
) -> Pace:
    """Return what ``probe watch`` costs: the core at each round, the daily plan once a day.

    With a ``server`` of one's own its transfers are in it.
    """
    from random import Random

    from probe.schedule.budget import Allowance

    whole = Allowance(bytes=1 << 62, seconds=settings.run_seconds)
    sizes = {}
    for reach in (Plan.CORE, Plan.DEFAULT):
        choice = Wanted(plan=reach, include=wanted.include, country=wanted.country)
        rng = Random(0)  # noqa: S311 - a description, always the same
        timed = timed_of(settings, server)
        sizes[reach] = plan_round(catalog, choice, rng=rng, allowed=whole, timed=timed)
    core = sizes[Plan.CORE]
    timed_bytes = cost_of_tasks(sizes[Plan.DEFAULT].goodput)
    beyond = [e for e in sizes[Plan.DEFAULT].targets if e.plan is not Plan.CORE]
    return pace_of(
        core_bytes=core.bytes - cost_of_tasks(core.goodput),
        daily_bytes=total_bytes(beyond) + settings.goodput_rounds * timed_bytes,
        every_s=every_s,
        day_bytes=settings.day_bytes,
        month_bytes=settings.month_bytes,
    )
