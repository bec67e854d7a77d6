"""What the round says about the line that a target was measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.endings import FailureClass, class_of
from probe.analysis.gates import Quorum, login_page, quorum, slow_line
from probe.model.context import Anchor, AnchorGroup, Gate, GateId, RoundContext

__all__ = ["LineFacts", "line_facts"]

_LOSS_SHARE = 0.05
_TIMEOUTS = ("generic_timeout_error", "timed_out")


@dataclass(frozen=True, slots=True)
class LineFacts:
    """Facts about the line; ``None`` is not looked at (there may be no context at all)."""

    gate: Gate | None = None  # the one that makes targets invalid
    country: str = "ZZ"
    portal: bool | None = None  # a login page answered, and anchors do not overrule it
    login_page: bool = False  # ... whether or not they do
    resolver_down: bool | None = None
    resolver_ok: bool | None = None  # a neutral name resolves on the system's resolver
    ipv6_broken: bool | None = None
    abroad_fails: bool | None = None  # nearly no international anchor passes
    lossy: bool | None = None  # anchors on two networks or more time out
    slow: bool = False  # connects to neutral hosts take seconds
    clock_ok: bool | None = None
    bogons: frozenset[str] | None = None  # non-public answers to control names
    denials: frozenset[FailureClass] = frozenset()  # how neutral names failed on plain resolvers
    strange_issuers: frozenset[str] | None = None  # on neutral names, unknown to the roots
    neutral_tls_clean: bool | None = None  # neutral names show certificates of known roots


def line_facts(context: RoundContext | None) -> LineFacts:
    """Return the facts of ``context``."""
    if context is None:
        return LineFacts()
    inputs = context.inputs
    asked = inputs.system_resolver_ok
    strange = frozenset(inputs.neutral_issuers)
    unknown_ca = any(a.failure == "ssl_unknown_authority" for a in inputs.anchors)
    abroad = quorum(inputs.anchors, AnchorGroup.INTERNATIONAL)
    return LineFacts(
        gate=context.invalid,
        country=context.country,
        portal=login_page(inputs) and abroad is not Quorum.GOOD,
        login_page=login_page(inputs),
        resolver_down=context.gate(GateId.RESOLVER_DOWN) is not None if asked else None,
        resolver_ok=any(asked) if asked else None,
        ipv6_broken=None if inputs.ipv6_ok is None else not inputs.ipv6_ok,
        abroad_fails=None if abroad is Quorum.UNKNOWN else abroad is Quorum.BAD,
        lossy=_lossy(inputs.anchors),
        slow=slow_line(inputs),
        clock_ok=None if not inputs.clock_skews_s else context.gate(GateId.CLOCK) is None,
        bogons=frozenset(inputs.neutral_bogons) if asked or inputs.neutral_bogons else None,
        denials=frozenset(k for f in inputs.neutral_denials if (k := class_of(f)) is not None),
        strange_issuers=strange if inputs.anchors or strange else None,
        neutral_tls_clean=_clean(inputs.anchors, strange=bool(strange) or unknown_ca),
    )


def _lossy(anchors: Sequence[Anchor]) -> bool | None:
    """One dead host is no loss: it takes timeouts on two networks, and over 5 % of anchors."""
    if not anchors:
        return None
    silent = [a for a in anchors if a.failure in _TIMEOUTS]
    two = len({a.network for a in silent}) >= 2
    return two and len(silent) / len(anchors) > _LOSS_SHARE


def _clean(anchors: Sequence[Anchor], *, strange: bool) -> bool | None:
    if strange:
        return False
    return True if any(a.ok for a in anchors) else None
