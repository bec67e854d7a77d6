"""From one endpoint's bundle and verdict to a narrative."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from probe.analysis.marks import JudgeFacts
from probe.analysis.narrative.attempted import attempt_line
from probe.analysis.narrative.conclusion import conclude
from probe.analysis.narrative.phrases import clean, quoted
from probe.analysis.narrative.scene import Scene, scene_of
from probe.analysis.narrative.told_answer import request_step
from probe.analysis.narrative.told_compared import again_step, beside_step, elsewhere_step
from probe.analysis.narrative.told_datagrams import compared_step, reply_step
from probe.analysis.narrative.told_exchange import exchange_step, other_form_step
from probe.analysis.narrative.told_handshake import encryption_step, neutral_step
from probe.analysis.narrative.told_line import line_step, target_step
from probe.analysis.narrative.told_listing import listing_step
from probe.analysis.narrative.told_name import name_step
from probe.analysis.narrative.told_path import addresses_step, connection_step
from probe.analysis.narrative.values import Explained, Narrative
from probe.analysis.udp_facts import speaks_udp
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import (
    GOODPUTS,
    DnsStep,
    ExchangeStep,
    HttpStep,
    Step,
    TcpStep,
    TlsStep,
    UdpStep,
    Variant,
)
from probe.model.record import Record
from probe.model.target import Endpoint, Kind, Service

__all__ = ["narrate"]


def narrate(
    endpoint: Endpoint,
    service: Service,
    record: Record,
    *,
    context: RoundContext | None,
    controls: Sequence[ControlObservation] = (),
    facts: JudgeFacts | None = None,
) -> Narrative:
    """Return the narrative of ``record``, judged with these very controls and facts.

    It says nothing that the verdict does not: what a step means is said of that step alone, and
    the verdict is the last word. The line's own address, resolver and gateway are in none of it.
    """
    scene = scene_of(
        endpoint,
        service,
        record.bundle,
        record.verdict,
        context=context,
        controls=controls,
        facts=facts if facts is not None else JudgeFacts(),
    )
    return Narrative(
        endpoint=endpoint.id,
        service=service.id,
        name=service.name,
        host=scene.host,
        verdict=record.verdict,
        steps=(line_step(context), *_steps(scene)),
        conclusion=conclude(scene),
    )


def _steps(scene: Scene) -> Iterator[Explained]:
    unseen = target_step(scene)
    if unseen is not None:
        yield replace(unseen, details=tuple(line for _, line in _attempted(scene, *_ALL)))
        return
    told = (
        (name_step(scene), (DnsStep,), (Variant.MAIN, Variant.DOH, Variant.OTHER_RESOLVER)),
        (connection_step(scene), (TcpStep,), (Variant.MAIN,)),
        (encryption_step(scene), (TlsStep,), (Variant.MAIN,)),
        (request_step(scene), (HttpStep,), (Variant.MAIN,)),
        (listing_step(scene), _ALL_STEPS, (Variant.OTHER_STOREFRONT,)),
        (reply_step(scene), (UdpStep,), (Variant.MAIN,)),
        (exchange_step(scene), (ExchangeStep,), (Variant.MAIN,)),
        (compared_step(scene), _ALL_STEPS, _OVER_UDP),
        (
            None if speaks_udp(scene.endpoint) else other_form_step(scene),
            _ALL_STEPS,
            (Variant.COMPARISON, Variant.CONNECT),
        ),
        (
            None if scene.endpoint.kind is Kind.QUIC else neutral_step(scene),
            _ALL_STEPS,
            (Variant.NEUTRAL_SNI, Variant.OTHER_HOST),
        ),
        (addresses_step(scene), _PATH, _OTHERS),
        (again_step(scene), _ALL_STEPS, (Variant.RETEST,)),
        (beside_step(scene), _ALL_STEPS, (Variant.ANCHOR, Variant.NEIGHBOUR)),
    )
    kept = [(step, kinds, variants) for step, kinds, variants in told if step is not None]
    shown: set[str] = set()
    for step, kinds, variants in kept:
        lines = {ref: line for ref, line in _attempted(scene, kinds, variants) if ref not in shown}
        shown |= set(lines)
        yield replace(step, details=tuple(lines.values()))
    rest = [line for ref, line in _attempted(scene, *_ALL) if ref not in shown]
    yield replace(elsewhere_step(scene), details=(*_controls(scene), *rest))


_OVER_UDP = (Variant.COMPARISON, Variant.BY_TCP, Variant.OTHER_UDP, Variant.NEUTRAL_SNI)
_PATH: tuple[type[Step], ...] = (TcpStep, TlsStep, HttpStep, UdpStep, ExchangeStep)
_ALL_STEPS: tuple[type[Step], ...] = (DnsStep, *_PATH)
_OTHERS = (Variant.DOH, Variant.OTHER_ADDRESS, Variant.OTHER_FAMILY)
_ALL = (_ALL_STEPS, tuple(v for v in Variant if v not in GOODPUTS))


def _attempted(
    scene: Scene, kinds: tuple[type[Step], ...], variants: tuple[Variant, ...]
) -> Iterator[tuple[str, str]]:
    """Yield the reference and the line of each step of these looks."""
    for index, measurement in scene.of(*variants):
        for place, step in enumerate(measurement.steps):
            if isinstance(step, kinds):
                ref = f"m{index}.s{place}"
                yield ref, attempt_line(ref, measurement, step)


def _controls(scene: Scene) -> Iterator[str]:
    seen = (*scene.controls.live, *((scene.controls.expected,) if scene.controls.expected else ()))
    for control in seen:
        when = f"{control.observed:%Y-%m-%dT%H:%M:%SZ}"
        yield (
            f"control {quoted(control.source)} ({control.kind}, {when}): "
            f"{control.failure or 'ok'}, status {control.status}, "
            f"addresses {', '.join(control.addresses) or 'none'}, "
            f"issuer {clean(control.issuer or 'none', 200)}"
        )
