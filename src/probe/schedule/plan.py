"""A round's plan, made before anything is sent: what, in which order, at what cost; pure."""

from collections.abc import Collection, Mapping, Sequence
from random import Random

import msgspec

from probe.model.target import Endpoint, Kind, Plan, Purpose
from probe.schedule.budget import Allowance
from probe.schedule.cost import FAILING_SHARE, cost_of, follow_up_bytes
from probe.schedule.goodput_tasks import GoodputTask

__all__ = ["Left", "RoundPlan", "closing_anchors", "is_captive_check", "make_plan", "round_anchors"]

ANCHORS_A_SIDE = 5
"""Anchors measured on each side of the border; the quorum needs three distinct networks."""


CLOSING_A_SIDE = 2
"""Anchors of each side looked at again at the end; all of them when one of these changed."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that will not run in this round, and why."""

    endpoint: Endpoint
    reason: str


class RoundPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one round does: anchors, targets in order, anchors again."""

    name: str  # core, default, all, or selection
    anchors: tuple[Endpoint, ...]
    captive: Endpoint | None  # the URL that answers 204 where no portal stands
    stun: Endpoint | None  # tells the line's own address, which is used and discarded
    targets: tuple[Endpoint, ...]
    not_run: tuple[Left, ...] = ()
    left_out: tuple[Left, ...] = ()  # by risk tier, category, country or mark: never asked for
    bytes: int = 0  # expected on the wire, follow-ups at their expected share
    goodput: tuple[GoodputTask, ...] = ()  # transfers to time when all else is over
    untimed: tuple[Left, ...] = ()  # what has no transfers in this round, and why

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return every endpoint that the round may contact, each once."""
        extra = tuple(e for e in (self.captive, self.stun) if e is not None)
        timed = (look.endpoint for task in self.goodput for look in task.looks)
        return tuple({e.id: e for e in (*self.anchors, *extra, *self.targets, *timed)}.values())


def is_captive_check(endpoint: Endpoint) -> bool:
    """Return whether ``endpoint`` is a control page that answers 204 over plain HTTP."""
    return (
        endpoint.kind is Kind.HTTP
        and endpoint.purpose is Purpose.CONTROL
        and not endpoint.tls
        and endpoint.expect is not None
        and endpoint.expect.status == (204,)
        and endpoint.off is None
    )


def round_anchors(anchors: Sequence[Endpoint], rng: Random) -> tuple[Endpoint, ...]:
    """Return up to five anchors for each side, networks as distinct as they can be.

    They are drawn anew for each round: one dead anchor then cannot colour a whole timeline.
    """
    chosen: list[Endpoint] = []
    for domestic in (False, True):
        side = [a for a in anchors if (a.purpose is Purpose.DOMESTIC) is domestic]
        rng.shuffle(side)
        seen: dict[str, int] = {}
        ranked: list[tuple[int, int, Endpoint]] = []
        for place, anchor in enumerate(side):
            network = anchor.operator or anchor.host
            seen[network] = seen.get(network, 0) + 1
            ranked.append((seen[network], place, anchor))
        ranked.sort(key=lambda row: row[:2])
        chosen.extend(anchor for _, _, anchor in ranked[:ANCHORS_A_SIDE])
    rng.shuffle(chosen)
    return tuple(map(_cheap, chosen))


def closing_anchors(chosen: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the few of each side that are looked at again at the end."""
    sides = [[a for a in chosen if (a.purpose is Purpose.DOMESTIC) is d] for d in (False, True)]
    return tuple(a for side in sides for a in side[:CLOSING_A_SIDE])


def _cheap(anchor: Endpoint) -> Endpoint:
    """Ask for the head of a page whose body nobody compares: an answer is all that is needed."""
    expect = anchor.expect
    if anchor.kind is not Kind.HTTP or (expect is not None and expect.body_contains):
        return anchor
    return msgspec.structs.replace(anchor, method="HEAD")


def make_plan(
    endpoints: Sequence[Endpoint],
    anchors: Sequence[Endpoint],
    *,
    name: str,
    rng: Random,
    allowed: Allowance,
    captive: Endpoint | None = None,
    stun: Endpoint | None = None,
    left_out: Sequence[Left] = (),
    done: Collection[str] = (),
    spared: Mapping[str, str] | None = None,
) -> RoundPlan:
    """Order ``endpoints`` and keep those that fit into ``allowed``.

    Order: the core first, then the daily plan, then the rest, each shuffled, so that a budget
    that runs out cuts the least important, and that nobody sees one fixed sequence of names.
    ``done`` are ids that an earlier, interrupted round of the same day has measured already.
    ``spared`` are ids that are not to be measured now, and why.
    Some of the anchors are paid for twice: they stand at both ends of the round.
    """
    lines = round_anchors(anchors, rng)
    checks = [e for e in (captive, stun) if e is not None]
    spent = sum(cost_of(e).bytes for e in (*lines, *closing_anchors(lines), *checks))
    beside = {e.id for e in (*lines, *checks)}
    targets: list[Endpoint] = []
    not_run: list[Left] = []
    for endpoint in _ordered(endpoints, rng):
        if endpoint.id in beside or endpoint.id in done:
            continue
        if spared is not None and endpoint.id in spared:
            not_run.append(Left(endpoint=endpoint, reason=spared[endpoint.id]))
            continue
        price = cost_of(endpoint).bytes + round(FAILING_SHARE * follow_up_bytes(endpoint))
        if spent + price > allowed.bytes:
            not_run.append(Left(endpoint=endpoint, reason=allowed.bytes_reason))
            continue
        spent += price
        targets.append(endpoint)
    return RoundPlan(
        name=name,
        anchors=lines,
        captive=captive,
        stun=stun,
        targets=tuple(targets),
        not_run=tuple(not_run),
        left_out=tuple(left_out),
        bytes=spent,
    )


def _ordered(endpoints: Sequence[Endpoint], rng: Random) -> list[Endpoint]:
    unique = list({e.id: e for e in endpoints if e.off is None}.values())
    rng.shuffle(unique)
    rank = {Plan.CORE: 0, Plan.DEFAULT: 1, Plan.ALL: 2}
    return sorted(unique, key=lambda endpoint: rank[endpoint.plan])
