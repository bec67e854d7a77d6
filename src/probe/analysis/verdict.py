"""From a bundle to a verdict: pure, deterministic, and so recomputable at any time."""

from collections.abc import Sequence

from probe.analysis.features import Features, features_of
from probe.analysis.marks import JudgeFacts
from probe.analysis.rule import Rule
from probe.analysis.rules import first_match
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Variant
from probe.model.target import Endpoint, Service
from probe.model.verdict import Reason, Verdict

__all__ = ["JudgeFacts", "judge"]

_COMPARISONS = frozenset(Variant) - {Variant.MAIN, Variant.RETEST}

_REASONS = {
    Reason.SANCTIONS_STATED: "sanctions, as it states",
    Reason.LEGAL_ORDER_STATED: "a legal order, as it states",
    Reason.UNSTATED: "not stated",
}


def judge(
    endpoint: Endpoint,
    service: Service,
    bundle: Sequence[Measurement],
    *,
    context: RoundContext | None,
    controls: Sequence[ControlObservation] = (),
    facts: JudgeFacts | None = None,
) -> Verdict:
    """Return the verdict on ``bundle``, naming the rule and the evidence that made it.

    ``context`` is ``None`` for foreign measurements that have no gates. Controls of other
    endpoints are passed over. The same values always give the same verdict.
    """
    known = facts if facts is not None else JudgeFacts()
    features = features_of(
        endpoint, service, bundle, context=context, controls=controls, facts=known
    )
    rule = first_match(features)
    return Verdict(
        state=rule.state,
        mechanism=rule.mechanism,
        locus=rule.locus,
        confidence=rule.confidence_of(features),
        rule_id=rule.id,
        rule_version=rule.version,
        reason=features.http.reason if rule.mechanism == "server.geoblock" else None,
        sentence=_sentence(rule, features, service),
        evidence=_evidence(rule, features, bundle),
    )


def _sentence(rule: Rule, features: Features, service: Service) -> str:
    check = features.tls.certificate
    return rule.sentence.format(
        service=service.name,
        host=features.endpoint.sni or features.endpoint.host,
        why=features.why or "no reason given",
        failure=features.ending.failure or "no failure",
        status=features.http.status,
        reason=_REASONS[features.http.reason],
        issuer=_short(check.issuer) if check is not None else "nobody known",
        reply=features.udp_reply or "",
    )


def _short(issuer: str) -> str:
    """Return the part of an issuer's name that people know it by, free of control characters."""
    parts = dict(p.split("=", 1) for p in issuer.split(",") if "=" in p)
    named = parts.get("CN") or parts.get("O") or issuer
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in named)
    return clean[:80].replace("{", "(").replace("}", ")") or "an unnamed issuer"


def _evidence(rule: Rule, features: Features, bundle: Sequence[Measurement]) -> tuple[str, ...]:
    """Return references to what the rule rests on: ``m0.s2``, ``control:ID``, ``gate:ID``."""
    refs: list[str] = []
    for topic in rule.cites:
        if topic == "main":
            refs.extend(_steps(bundle, frozenset({Variant.MAIN, Variant.RETEST})))
        elif topic == "comparison":
            refs.extend(_steps(bundle, _COMPARISONS))
        elif topic == "control":
            refs.extend(f"control:{source}" for source in features.sources)
        elif features.line.gate is not None:
            refs.append(f"gate:{features.line.gate.id}")
    return tuple(dict.fromkeys(refs))


def _steps(bundle: Sequence[Measurement], variants: frozenset[Variant]) -> list[str]:
    return [
        f"m{index}.s{place}"
        for index, measurement in enumerate(bundle)
        if measurement.variant in variants
        for place in range(len(measurement.steps))
    ]
