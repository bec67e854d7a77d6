"""A bundle judged by the line as it was at both ends of the round; pure.

What passed stays passed: it was seen before the line changed. What failed is judged by the line
as it was at the end. A gate that leaves open when, or on whose line, something was measured
spoils all of it.
"""

from collections.abc import Sequence

from msgspec import structs

from probe.analysis.verdict import JudgeFacts, judge
from probe.model.context import Gate, GateId, RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement
from probe.model.target import Endpoint, Service
from probe.model.verdict import State, Verdict

__all__ = ["settled", "spoils_all"]

UNSURE_WHOSE = frozenset({GateId.CLOCK, GateId.VPN_ON, GateId.PATH_CHANGED})
"""Gates that, closing meanwhile, spoil successes too: when, or on whose line, is not known."""


def spoils_all(gate: Gate) -> bool:
    """Return whether a gate that closed during a round makes its good results useless, too."""
    return gate.id in UNSURE_WHOSE


def settled(
    endpoint: Endpoint,
    service: Service,
    bundle: Sequence[Measurement],
    *,
    context: RoundContext,
    controls: Sequence[ControlObservation],
    facts: JudgeFacts,
) -> Verdict:
    """Return the verdict that a whole round gives, from what is stored of it."""

    def by(line: RoundContext) -> Verdict:
        return judge(endpoint, service, bundle, context=line, controls=controls, facts=facts)

    opened, gate = context.opened, context.invalid
    if opened is None or (gate is not None and spoils_all(gate)):
        return by(context)
    begun = structs.replace(context, inputs=opened.inputs, gates=opened.gates, opened=None)
    first = by(begun)
    return first if first.state is State.OK else by(context)
