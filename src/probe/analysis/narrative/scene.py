"""Everything that a narrative is told from, put together once."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from probe.analysis.attempts import looks
from probe.analysis.controls import Controls, choose
from probe.analysis.features import Features, features_of
from probe.analysis.marks import JudgeFacts
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Outcome, Variant, main_look
from probe.model.target import Endpoint, Service
from probe.model.verdict import State, Verdict

__all__ = ["Scene", "scene_of"]


@dataclass(frozen=True, slots=True)
class Scene:
    """One endpoint in one round: what was seen, the facts drawn from it, and the verdict."""

    endpoint: Endpoint
    service: Service
    bundle: tuple[Measurement, ...]
    context: RoundContext | None
    controls: Controls
    features: Features
    verdict: Verdict

    @property
    def main(self) -> Measurement | None:
        """Return the first look, ``None`` where it was not finished."""
        found = looks(self.bundle, Variant.MAIN)
        return found[0][1] if found else None

    @property
    def host(self) -> str:
        """Return the name that is shown to the network."""
        return self.endpoint.private or self.endpoint.sni or self.endpoint.host

    def of(self, *variants: Variant) -> tuple[tuple[int, Measurement], ...]:
        """Return the finished looks of these variants, with their place in the bundle."""
        return looks(self.bundle, *variants)


def scene_of(
    endpoint: Endpoint,
    service: Service,
    bundle: Sequence[Measurement],
    verdict: Verdict,
    *,
    context: RoundContext | None,
    controls: Sequence[ControlObservation],
    facts: JudgeFacts,
) -> Scene:
    """Return the scene; the features are those that the judge was asked about."""
    context = _judged_by(context, verdict)
    features = features_of(
        endpoint, service, bundle, context=context, controls=controls, facts=facts
    )
    first = main_look(bundle)
    started = first if first is not None and first.outcome is Outcome.MEASURED else None
    chosen = choose(controls, endpoint.id, started.started) if started else Controls()
    return Scene(
        endpoint=endpoint,
        service=service,
        bundle=tuple(bundle),
        context=context,
        controls=chosen,
        features=features,
        verdict=verdict,
    )


def _judged_by(context: RoundContext | None, verdict: Verdict) -> RoundContext | None:
    """Return the line that ``verdict`` was made by: what passed, by the line at the beginning."""
    if context is None or context.opened is None or verdict.state is State.INVALID:
        return context
    if verdict.state is not State.OK and context.invalid is None:
        return context
    opened = context.opened
    return structs.replace(context, inputs=opened.inputs, gates=opened.gates, opened=None)
