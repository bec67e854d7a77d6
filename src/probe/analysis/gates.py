"""Gates: what this line itself could do in a round, decided before any target is judged.

The table is facts of facts/verdicts.md section 2 with the quorums of domestic-control.md:
a group of anchors is good when at least 60 % of it pass at application level, bad when at most
20 % do, and says nothing with fewer than three distinct networks. A gate that cannot be shown
stays open: too few anchors never close one.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

from probe.analysis.endings import FailureClass, class_of
from probe.model.context import Anchor, AnchorGroup, Gate, GateId, RoundInputs

__all__ = [
    "CLOCK_LIMIT_S",
    "TLS_CLOCK_LIMIT_S",
    "Quorum",
    "control_bad",
    "evaluate",
    "login_page",
    "quorum",
    "slow_line",
]

GOOD_SHARE = 0.6
BAD_SHARE = 0.2
MIN_NETWORKS = 3

CLOCK_LIMIT_S = 300.0
"""Beyond this, a time of day is not to be used, and a timeline is made of times of day."""

TLS_CLOCK_LIMIT_S = 12 * 3600.0
"""Beyond this, no certificate can be judged either."""

SLOW_CONNECT_S = 5.0
"""Where connects to neutral hosts take so long, deadlines are doubled, and silence means little."""


class Quorum(StrEnum):
    """What a group of anchors says."""

    GOOD = "good"
    MIXED = "mixed"
    BAD = "bad"
    UNKNOWN = "unknown"  # too few distinct networks


def quorum(anchors: Iterable[Anchor], group: AnchorGroup) -> Quorum:
    """Return what the anchors of ``group`` say together."""
    mine = [a for a in anchors if a.group is group]
    if len({a.network for a in mine}) < MIN_NETWORKS:
        return Quorum.UNKNOWN
    share = sum(a.ok for a in mine) / len(mine)
    if share >= GOOD_SHARE:
        return Quorum.GOOD
    return Quorum.BAD if share <= BAD_SHARE else Quorum.MIXED


def control_bad(anchors: Iterable[Anchor]) -> float | None:
    """Return the share of anchors that failed, ``None`` without any."""
    seen = [a.ok for a in anchors]
    return 1 - sum(seen) / len(seen) if seen else None


def slow_line(inputs: RoundInputs) -> bool:
    """Return whether connects to neutral hosts took seconds when the round began."""
    return inputs.connect_s is not None and inputs.connect_s >= SLOW_CONNECT_S


def evaluate(inputs: RoundInputs) -> tuple[Gate, ...]:
    """Return the gates that closed, in the order in which they are asked.

    In a tunnel the rest describes somebody else's line, so nothing further is asked. Of the
    gates of the line (G1 to G4) the first match stands alone, for each explains the next.
    """
    tunnel = _vpn(inputs)
    if tunnel is not None:
        return (tunnel,)
    gates = [g for g in (_path(inputs), _clock(inputs)) if g is not None]
    for ask in _LINE:
        gate = ask(inputs)
        if gate is not None:
            return (*gates, gate)
    gates.extend(g for g in (_resolver(inputs), _ipv6(inputs)) if g is not None)
    return tuple(gates)


def _close(gate_id: GateId, detail: str, *, invalidates: bool = True) -> Gate:
    return Gate(id=gate_id, invalidates=invalidates, detail=detail)


def _vpn(inputs: RoundInputs) -> Gate | None:
    if not inputs.tunnel:
        return None
    return _close(GateId.VPN_ON, "the default route is a tunnel: what is measured is its far end")


def _path(inputs: RoundInputs) -> Gate | None:
    """G-1: another network is a new network key, no outage, so nothing becomes invalid."""
    known = inputs.declared_country not in (None, "ZZ") and inputs.seen_country not in (None, "ZZ")
    if known and inputs.seen_country != inputs.declared_country:
        detail = (
            f"the line is in {inputs.seen_country}, the vantage is declared in "
            f"{inputs.declared_country}: a tunnel on the router, roaming, or a wrong declaration"
        )
        return _close(GateId.PATH_CHANGED, detail, invalidates=False)
    if inputs.network_changed:
        detail = "this is another network than in the last round: a series of its own"
        return _close(GateId.PATH_CHANGED, detail, invalidates=False)
    return None


def _clock(inputs: RoundInputs) -> Gate | None:
    """G0: two TLS-authenticated sources must agree; a suspended machine spoils a round too."""
    if inputs.suspended:
        return _close(
            GateId.CLOCK,
            "the machine slept, or stood still, in the round: its timeouts mean nothing",
        )
    skews = inputs.clock_skews_s
    ahead = [s for s in skews if s > CLOCK_LIMIT_S]
    behind = [s for s in skews if s < -CLOCK_LIMIT_S]
    off = max(ahead, behind, key=len)
    if len(off) < 2 or 2 * len(off) <= len(skews):
        return None
    skew = sorted(off)[len(off) // 2]
    much = "; no certificate can be judged" if abs(skew) > TLS_CLOCK_LIMIT_S else ""
    side = "ahead" if skew > 0 else "behind"
    detail = f"the clock is {abs(skew) / 60:.0f} min {side} of {len(off)} servers{much}: set it"
    return _close(GateId.CLOCK, detail)


def _offline_local(inputs: RoundInputs) -> Gate | None:
    """G1: a gateway that drops ICMP while anchors pass is no outage."""
    if any(a.ok or a.tcp_ok for a in inputs.anchors):
        return None
    if inputs.default_route is False:
        return _close(GateId.OFFLINE_LOCAL, "this machine has no default route")
    if inputs.gateway_reachable is False:
        return _close(GateId.OFFLINE_LOCAL, "the gateway of this line is silent")
    if inputs.anchors and all(_turned_away(a, inputs) for a in inputs.anchors):
        return _close(GateId.OFFLINE_LOCAL, "this machine itself lets nothing out: a firewall?")
    return None


def _turned_away(anchor: Anchor, inputs: RoundInputs) -> bool:
    """Return whether no packet to ``anchor`` left this machine.

    "Network unreachable" is this machine's own word only while nobody knows of a route: a
    router whose uplink is down makes the kernel say the same.
    """
    if anchor.failure == "network_unreachable":
        return inputs.default_route is None
    return class_of(anchor.failure) is FailureClass.LOCAL


def _captive(inputs: RoundInputs) -> Gate | None:
    """G2: a redirect or page instead of a 204, and no group of anchors that passes TLS.

    Domestic anchors pass by any answer, hence also by a portal's: they overrule nothing where
    all hosts alike lead to one page.
    """
    works = (Quorum.GOOD, Quorum.MIXED)
    if quorum(inputs.anchors, AnchorGroup.INTERNATIONAL) in works:
        return None
    everywhere, page = inputs.captive_same_everywhere is True, login_page(inputs)
    at_home = quorum(inputs.anchors, AnchorGroup.DOMESTIC) in works
    if (everywhere and page) or ((everywhere or page) and not at_home):
        return _close(GateId.CAPTIVE_PORTAL, "a login page answers in place of every page")
    return None


def login_page(inputs: RoundInputs) -> bool:
    """Return whether a page or a redirect came in place of the 204."""
    status = inputs.captive_status
    redirected = inputs.captive_redirect is not None
    answered = status is not None and (200 <= status < 400 or status == 511) and status != 204
    return answered and (redirected or status in (200, 511))


def _offline_upstream(inputs: RoundInputs) -> Gate | None:
    """G3: both groups fail; one vantage can say so of its own line only.

    Anchors are asked over IPv4; a line that has only IPv6, and on which that works, is not cut.
    A slow line on which somebody was connected to is not cut either, whatever was silent.
    """
    if inputs.ipv6_ok or (slow_line(inputs) and any(a.tcp_ok for a in inputs.anchors)):
        return None
    abroad = quorum(inputs.anchors, AnchorGroup.INTERNATIONAL)
    home = quorum(inputs.anchors, AnchorGroup.DOMESTIC)
    domestic = any(a.group is AnchorGroup.DOMESTIC and a.ok for a in inputs.anchors)
    if Quorum.BAD not in (abroad, home) or {abroad, home} & {Quorum.GOOD, Quorum.MIXED}:
        return None
    if abroad is Quorum.UNKNOWN or (home is Quorum.UNKNOWN and domestic):
        return None
    detail = "nothing beyond this line answers"
    if home is Quorum.UNKNOWN:
        detail += "; too few domestic anchors to tell it from a domestic-only network"
    return _close(GateId.OFFLINE_UPSTREAM, detail)


def _domestic_only(inputs: RoundInputs) -> Gate | None:
    """G4: never called national; a spent prepaid balance looks the same.

    Hosts abroad that answer with somebody else's certificate are read on the way (a proxy, an
    antivirus, a portal), not out of reach.
    """
    if inputs.ipv6_ok:
        return None
    if quorum(inputs.anchors, AnchorGroup.DOMESTIC) is not Quorum.GOOD:
        return None
    if quorum(inputs.anchors, AnchorGroup.INTERNATIONAL) is not Quorum.BAD:
        return None
    if _read_on_the_way(inputs.anchors) > BAD_SHARE:
        return None
    return _close(GateId.DOMESTIC_ONLY, "this line reaches only domestic sites")


def _read_on_the_way(anchors: Iterable[Anchor]) -> float:
    """Return the share of the hosts abroad that showed a certificate that is not theirs."""
    abroad = [a for a in anchors if a.group is AnchorGroup.INTERNATIONAL]
    strange = sum(class_of(a.failure) is FailureClass.CERTIFICATE for a in abroad)
    return strange / len(abroad) if abroad else 0.0


_LINE: tuple[Callable[[RoundInputs], Gate | None], ...] = (
    _offline_local,
    _captive,
    _offline_upstream,
    _domestic_only,
)


def _resolver(inputs: RoundInputs) -> Gate | None:
    """G5: two control names fail here and resolve elsewhere; targets are not invalid by it."""
    asked = inputs.system_resolver_ok
    if len(asked) < 2 or any(asked):
        return None
    if not (any(inputs.other_resolver_ok) or any(a.ok for a in inputs.anchors)):
        return None
    detail = "the resolver of this line fails for neutral names that another one resolves"
    return _close(GateId.RESOLVER_DOWN, detail, invalidates=False)


def _ipv6(inputs: RoundInputs) -> Gate | None:
    """G6: what is measured over IPv6 says nothing while IPv4 works."""
    if inputs.ipv6_ok is False and inputs.ipv4_ok is True:
        return _close(GateId.IPV6_BROKEN, "IPv6 does not work on this line", invalidates=False)
    return None
