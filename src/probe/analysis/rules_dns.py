"""Rules of names: lies, races, refusals, silence."""

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Need, Predicate, Rule, contrast
from probe.analysis.rules_ok import proven
from probe.model.verdict import Confidence, Locus, State

__all__ = ["DNS", "DNS_ARTEFACTS"]

_VETTED = "An encrypted resolver's answer serves {service}'s own certificate."


def _unproven(f: Features) -> bool:
    return f.target and not proven(f)


def _lied(f: Features) -> bool:
    return _unproven(f) and bool(f.dns.bogons)


def _resolves_elsewhere(f: Features) -> bool:
    return f.dns.resolves_elsewhere is True


def _vetted(f: Features) -> bool:
    return f.dns.vetted is True


DNS_ARTEFACTS: tuple[Rule, ...] = (
    Rule(
        id="dns.bogon.neutral",
        layer=Layer.DNS,
        when=lambda f: _lied(f) and f.dns.bogon_on_neutral is True,
        state=State.INCONCLUSIVE,
        mechanism="dns.injection.bogon",
        locus=Locus.LOCAL,
        confidence=Confidence.LIKELY,
        sentence="The resolver of this line gives neutral names the same private address as "
        "{host}: an ad-blocker or a router, not about {service}.",
        fooled_by="A network that lies about every name; the line's own gates see it.",
        cites=("main", "gate"),
    ),
    Rule(
        id="dns.sinkhole",
        layer=Layer.DNS,
        when=lambda f: _unproven(f) and f.dns.sinkhole is not None and not f.dns.null_answer,
        state=State.BLOCKED,
        mechanism="dns.injection.blockpage",
        locus=Locus.NETWORK,
        confidence=Confidence.CONFIRMED,
        sentence="The name {host} is answered with an address that is known to belong to a "
        "block page in this country.",
        fooled_by="A stale list; marks hold only in the countries that their source names.",
        cites=("main",),
    ),
)
"""Asked before controls: no state of the service explains them."""


def _failed_as(kind: FailureClass, *failures: str) -> Predicate:
    def when(f: Features) -> bool:
        named = not failures or f.ending.failure in failures
        return f.target and f.failed(Layer.DNS) and f.ending.kind is kind and named

    return when


def _refused_connection(f: Features) -> bool:
    """Return whether the resolver's host itself turned away: that is no answer code."""
    odd = (FailureClass.RESET, FailureClass.UNREACHABLE, FailureClass.OTHER, FailureClass.ALERT)
    turned_away = f.ending.kind is FailureClass.REFUSED and f.ending.failure != "dns_refused_error"
    return f.target and f.failed(Layer.DNS) and (f.ending.kind in odd or turned_away)


def _name_rule(name: str, when: Predicate, sentence: str, fooled_by: str) -> tuple[Rule, ...]:
    return contrast(
        name,
        when,
        layer=Layer.DNS,
        mechanism=name,
        locus=Locus.NETWORK,
        sentence=sentence,
        fooled_by=fooled_by,
        needs=(Need.REPRODUCED, Need.NEUTRAL_NAME),
        ab=_vetted,
        ab_says=_VETTED,
        elsewhere=_resolves_elsewhere,
    )


def _wrong_certificate(f: Features) -> bool:
    wrong = f.failed(Layer.TLS) and f.ending.kind is FailureClass.CERTIFICATE
    return f.target and wrong and not f.tls.expired


def _led_elsewhere(f: Features) -> bool:
    return f.dns.vetted is True and f.dns.matches_elsewhere is False


def _path_failed(f: Features) -> bool:
    reached = f.ending.kind in (FailureClass.CERTIFICATE, FailureClass.ALERT)
    return f.target and f.ending.layer in (Layer.TCP, Layer.TLS) and not reached


def _led_astray(f: Features) -> bool:
    """Return whether an address that only this line's resolver knows fails.

    One that the service is known to have is a machine of its own that is down, or is blocked.
    """
    return _path_failed(f) and _led_elsewhere(f) and f.dns.matches_control is not True


DNS: tuple[Rule, ...] = (
    *contrast(
        "dns.bogon",
        lambda f: _lied(f) and not f.dns.null_answer,
        layer=Layer.DNS,
        mechanism="dns.injection.bogon",
        locus=Locus.NETWORK,
        sentence="The name {host} is answered with an address inside the provider's network.",
        fooled_by="Home routers and companies that answer their own names inside.",
        ab=_resolves_elsewhere,
        ab_says="An encrypted resolver gives public addresses.",
        expected=Confidence.LIKELY,
    ),
    *contrast(
        "dns.null",
        _lied,
        layer=Layer.DNS,
        mechanism="dns.injection.bogon",
        locus=Locus.UNKNOWN,
        sentence="The name {host} is answered with no address at all (0.0.0.0 or this machine).",
        fooled_by="Ad-blockers on the line answer so, too; hence nobody is named.",
        ab=_resolves_elsewhere,
        ab_says="An encrypted resolver gives public addresses.",
    ),
    *contrast(
        "dns.race",
        lambda f: (
            _unproven(f)
            and f.dns.race is True
            and f.dns.matches_elsewhere is not True
            and f.ending.layer is not None
        ),
        layer=Layer.DNS,
        mechanism="dns.injection.race",
        locus=Locus.NETWORK,
        sentence="One question for {host} got two different answers, and the first leads nowhere.",
        fooled_by="A transparent proxy beside the resolver that was asked.",
        ab=_vetted,
        ab_says=_VETTED,
    ),
    Rule(
        id="dns.other.certificate",
        layer=Layer.DNS,
        when=lambda f: (
            _wrong_certificate(f) and _led_elsewhere(f) and f.tls.issuer_on_neutral is not True
        ),
        state=State.BLOCKED,
        mechanism="dns.injection.other",
        locus=Locus.NETWORK,
        confidence=Confidence.LIKELY,
        needs=(Need.REPRODUCED,),
        sentence="The name {host} leads to a machine that is not {service}. " + _VETTED,
        fooled_by="A content network whose nearest machine is set up wrongly.",
        cites=("main", "comparison"),
    ),
    Rule(
        id="dns.other.silent",
        layer=Layer.DNS,
        when=lambda f: _led_astray(f) and f.dns.same_network is False,
        state=State.BLOCKED,
        mechanism="dns.injection.other",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="The name {host} leads into another network, where {service} is not. " + _VETTED,
        fooled_by="A cache inside the provider's network that is down; a service on two content "
        "networks of which one is. Only a foreign certificate shows that it is not its own.",
        cites=("main", "comparison"),
    ),
    Rule(
        id="dns.other.unplaced",
        layer=Layer.DNS,
        when=_led_astray,
        state=State.BLOCKED,
        mechanism="dns.injection.other",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="The name {host} leads to an address that fails, other than elsewhere. " + _VETTED,
        fooled_by="A content network's nearest machine that is down; networks were not known.",
        cites=("main", "comparison"),
    ),
    *contrast(
        "dns.other.control",
        lambda f: (
            _wrong_certificate(f)
            and f.dns.matches_control is False
            and f.dns.same_network is not True
            and f.tls.issuer_on_neutral is not True
        ),
        layer=Layer.DNS,
        mechanism="dns.injection.other",
        locus=Locus.NETWORK,
        sentence="The name {host} leads to other addresses than the control's, and the machine "
        "there has no certificate for it.",
        fooled_by="An interception on the way looks alike; an encrypted resolver tells them apart.",
        alone=False,
    ),
    Rule(
        id="dns.everywhere",
        layer=Layer.DNS,
        when=lambda f: f.target and f.failed(Layer.DNS) and f.dns.said_no_elsewhere is True,
        state=State.INCONCLUSIVE,
        mechanism="dns.failure.everywhere",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="An encrypted resolver, asked from here, gets no address for {host} either: the "
        "service's own name servers, or a name that is gone.",
        fooled_by="A network that cuts resolvers from the service's name servers.",
        cites=("main", "comparison"),
    ),
    *_name_rule(
        "dns.nxdomain",
        _failed_as(FailureClass.NXDOMAIN),
        "The resolver of this line says that the name {host} does not exist.",
        "A name that its owner removed.",
    ),
    *_name_rule(
        "dns.refused",
        _failed_as(FailureClass.REFUSED, "dns_refused_error"),
        "The resolver of this line refuses to answer for {host}.",
        "A resolver that refuses everybody; a neutral name tells.",
    ),
    *_name_rule(
        "dns.servfail",
        _failed_as(FailureClass.SERVFAIL),
        "The resolver of this line fails for {host}.",
        "Name servers that refuse a country; then the encrypted resolver fails alike.",
    ),
    *_name_rule(
        "dns.no_answer",
        _failed_as(FailureClass.NO_ANSWER),
        "The resolver of this line answers for {host} without any address.",
        "A name that has addresses of the other family only.",
    ),
    *_name_rule(
        "dns.timeout",
        _failed_as(FailureClass.TIMEOUT),
        "The resolver of this line does not answer for {host}.",
        "Loss on the line; long names that a network drops.",
    ),
    *_name_rule(
        "dns.unreachable",
        _refused_connection,
        "The resolver of this line cannot be reached when it is asked for {host}.",
        "A resolver that is restarting.",
    ),
)
"""Asked after the guards and the controls' own failures."""
