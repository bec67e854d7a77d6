"""From a bundle to a verdict: pure, deterministic, and so recomputable at any time."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.details import details, other_family
from probe.analysis.endings import Layer
from probe.analysis.families import Side, sides
from probe.analysis.features import Features, features_of
from probe.analysis.marks import JudgeFacts
from probe.analysis.rule import Rule
from probe.analysis.rules import first_match
from probe.analysis.rules_ok import proven
from probe.model.address import family_of
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import GOODPUTS, Measurement, Variant
from probe.model.target import Endpoint, Service
from probe.model.verdict import Locus, Reason, State, Verdict

__all__ = ["JudgeFacts", "judge"]

_COMPARISONS = frozenset(Variant) - {Variant.MAIN, Variant.RETEST} - GOODPUTS

_REASONS = {
    Reason.SANCTIONS_STATED: "sanctions, as it states",
    Reason.LEGAL_ORDER_STATED: "a legal order, as it states",
    Reason.UNSTATED: "not stated",
}


@dataclass(frozen=True, slots=True)
class _Ruled:
    """One family's side of a bundle, its facts, and the rule that holds."""

    side: Side
    features: Features
    rule: Rule

    @property
    def blocked(self) -> bool:
        """Whether something before the service cuts it."""
        return self.rule.state is State.BLOCKED and self.rule.locus is not Locus.SERVER


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
    endpoints are passed over. The same values always give the same verdict. Where both
    families were looked at, each is judged by itself; where one is cut and the other works,
    the service works in part (``family.ipv6``), and the rule and the sentence are of the cut.
    """
    known = facts if facts is not None else JudgeFacts()

    def ruled(side: Side) -> _Ruled:
        features = features_of(
            endpoint,
            service,
            side.bundle,
            context=context,
            controls=_of_family(controls, side),
            facts=known,
        )
        return _Ruled(side, features, first_match(features))

    first, other = sides(bundle)
    here = ruled(first)
    if other is None:
        return _verdict(here, service)
    away = ruled(other)
    return _of_two(here, away, service)


def _of_two(here: _Ruled, away: _Ruled, service: Service) -> Verdict:
    """Return what both families say together; a name that one family lacks says nothing."""
    absent = away.features.failed(Layer.DNS) or away.features.line.ipv6_broken is not False
    if absent or here.rule.layer is Layer.ROUND:
        return _verdict(here, service)
    if here.blocked and away.features.ending.passed:
        return _verdict(here, service, alone=True, also=other_family(away.side))
    fails = away.blocked or away.rule.mechanism == "family"
    if proven(here.features) and fails and away.features.attempts.reproduced:
        return _verdict(away, service, alone=True, also=other_family(here.side))
    return _verdict(here, service)


def _of_family(
    controls: Sequence[ControlObservation], side: Side
) -> tuple[ControlObservation, ...]:
    """Return the controls that speak for a side: one that dialled IPv4 says nothing of IPv6."""
    if side.family is None:
        return tuple(controls)
    return tuple(
        c for c in controls if (family_of(c.address) if c.address is not None else 4) == side.family
    )


def _verdict(ruled: _Ruled, service: Service, *, alone: bool = False, also: str = "") -> Verdict:
    """Return the verdict of one side; ``alone``: the other family works."""
    rule, features, side = ruled.rule, ruled.features, ruled.side
    state, mechanism = rule.state, rule.mechanism
    if alone:
        state, mechanism = State.DEGRADED, f"family.ipv{side.family}"
    parts = (_sentence(rule, features, service), *details(rule, features), also)
    return Verdict(
        state=state,
        mechanism=mechanism,
        locus=rule.locus,
        confidence=rule.confidence_of(features),
        rule_id=rule.id,
        rule_version=rule.version,
        reason=features.http.reason if rule.mechanism == "server.geoblock" else None,
        sentence=" ".join(part for part in parts if part),
        evidence=_evidence(rule, features, side),
    )


def _sentence(rule: Rule, features: Features, service: Service) -> str:
    check = features.tls.certificate
    return rule.sentence.format(
        service=service.name,
        store=features.endpoint.store or features.endpoint.host,
        host=_called(features.endpoint),
        why=features.why or "no reason given",
        failure=features.ending.failure or "no failure",
        status=features.http.status,
        reason=_REASONS[features.http.reason],
        issuer=_short(check.issuer) if check is not None else "nobody known",
        reply=features.udp.reply or features.exchange.reply or "",
    )


def _called(endpoint: Endpoint) -> str:
    """Return what an endpoint is called in a sentence: its name, or the label of a private one."""
    return endpoint.private or endpoint.sni or endpoint.host


def _short(issuer: str) -> str:
    """Return the part of an issuer's name that people know it by, free of control characters."""
    parts = dict(p.split("=", 1) for p in issuer.split(",") if "=" in p)
    named = parts.get("CN") or parts.get("O") or issuer
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in named)
    return clean[:80].replace("{", "(").replace("}", ")") or "an unnamed issuer"


def _evidence(rule: Rule, features: Features, side: Side) -> tuple[str, ...]:
    """Return references to what the rule rests on: ``m0.s2``, ``control:ID``, ``gate:ID``."""
    refs: list[str] = []
    for topic in rule.cites:
        if topic == "main":
            refs.extend(_steps(side, frozenset({Variant.MAIN, Variant.RETEST})))
        elif topic == "comparison":
            refs.extend(_steps(side, _COMPARISONS))
        elif topic == "control":
            refs.extend(f"control:{source}" for source in features.sources)
        elif features.line.gate is not None:
            refs.append(f"gate:{features.line.gate.id}")
    return tuple(dict.fromkeys(refs))


def _steps(side: Side, variants: frozenset[Variant]) -> list[str]:
    return [
        f"m{index}.s{place}"
        for index, measurement in zip(side.places, side.bundle, strict=True)
        if measurement.variant in variants
        for place in range(len(measurement.steps))
    ]
