"""Rules of names: lies, races, refusals, silence."""

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Need, Predicate, Rule, contrast
from probe.analysis.rules_ok import proven
from probe.model.verdict import Confidence, Locus, State

__all__ = ["DNS", "DNS_ARTEFACTS"]

_VETTED = "An answer from elsewhere serves {service}'s own certificate."
_PUBLIC = "Another resolver gives public addresses."
_TWO = "A second resolver, asked over the same line, seems to say the same: it is said on the way."
_WHOSE = "Whether it is this line's resolver, a filter at home or the network is not shown."


def _unproven(f: Features) -> bool:
    return f.target and not proven(f)


def _lied(f: Features) -> bool:
    return _unproven(f) and bool(f.dns.bogons)


def _resolves_elsewhere(f: Features) -> bool:
    return f.dns.resolves_elsewhere is True


def _vetted(f: Features) -> bool:
    return f.dns.vetted is True


def _on_the_way(f: Features) -> bool:
    """Return whether the lie was shown to be told on the way, beside a truth that was shown."""
    return f.dns.on_the_way and (_vetted(f) or (_resolves_elsewhere(f) and bool(f.dns.bogons)))


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
        id="dns.bogon.local",
        layer=Layer.DNS,
        when=lambda f: _lied(f) and f.dns.local,
        state=State.INCONCLUSIVE,
        mechanism="dns.injection.bogon",
        locus=Locus.LOCAL,
        confidence=Confidence.LIKELY,
        sentence="The name {host} is answered with an address of this line's own network: its "
        "router, or a filter at home.",
        fooled_by="A provider whose network begins at the same private addresses.",
        cites=("main",),
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


def _no_everywhere(f: Features) -> bool:
    """Return whether others get no address either; a plain resolver may be lied for as well."""
    no = f.dns.said_no_sealed or (f.dns.said_no_elsewhere is True and not f.control.live)
    return f.target and f.failed(Layer.DNS) and no


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
    neutral = Rule(
        id=f"{name}.neutral",
        layer=Layer.DNS,
        when=lambda f: when(f) and f.dns.denied_alike,
        state=State.INCONCLUSIVE,
        mechanism=name,
        locus=Locus.LOCAL,
        confidence=Confidence.WEAK,
        sentence=f"{sentence} It does so for neutral names, too.",
        fooled_by="A network that denies a neutral name, perhaps by mistake.",
        cites=("main", "gate"),
    )
    return (neutral, *_denied(name, when, sentence, fooled_by))


def _denied(name: str, when: Predicate, sentence: str, fooled_by: str) -> tuple[Rule, ...]:
    return contrast(
        name,
        when,
        layer=Layer.DNS,
        mechanism=name,
        locus=Locus.UNKNOWN,
        sentence=sentence,
        fooled_by=f"{fooled_by} A router at home that takes all port 53 for itself.",
        needs=(Need.REPRODUCED, Need.NEUTRAL_NAME, Need.UNDISPUTED),
        path=_on_the_way,
        path_says=f"{_TWO} {_VETTED}",
        ab=_vetted,
        ab_says=f"{_VETTED} {_WHOSE}",
        elsewhere=_resolves_elsewhere,
        version=2,
    )


def _wrong_certificate(f: Features) -> bool:
    wrong = f.failed(Layer.TLS) and f.ending.kind is FailureClass.CERTIFICATE
    return f.target and wrong and not f.tls.expired


def _led_elsewhere(f: Features) -> bool:
    asked = f.dns.resolves_elsewhere is True  # an address from a list may be an old one
    return asked and f.dns.vetted is True and f.dns.matches_elsewhere is False


def _stranger(f: Features) -> bool:
    """Return whether another machine answers than the one that an answer from elsewhere names."""
    own = f.dns.honest or f.tls.issuer_on_neutral is True
    return _wrong_certificate(f) and _led_elsewhere(f) and not own


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
        locus=Locus.UNKNOWN,
        sentence="The name {host} is answered with a private address.",
        fooled_by="Home routers, filters and companies that answer names inside.",
        path=_on_the_way,
        path_says=f"{_TWO} {_PUBLIC}",
        ab=_resolves_elsewhere,
        ab_says=f"{_PUBLIC} {_WHOSE}",
        outage=False,
        version=2,
    ),
    *contrast(
        "dns.null",
        _lied,
        layer=Layer.DNS,
        mechanism="dns.injection.bogon",
        locus=Locus.UNKNOWN,
        sentence="The name {host} is answered with no address at all (0.0.0.0 or this machine).",
        fooled_by="Ad-blockers on the line answer so, too, and may take all port 53 for "
        "themselves.",
        path=_on_the_way,
        path_says=f"{_TWO} {_PUBLIC}",
        outage=False,
        ab=_resolves_elsewhere,
        ab_says=f"{_PUBLIC} {_WHOSE}",
        version=2,
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
        version=2,
    ),
    Rule(
        id="dns.other.certificate.path",
        layer=Layer.DNS,
        when=lambda f: _stranger(f) and f.dns.second_lies is True,
        state=State.BLOCKED,
        mechanism="dns.injection.other",
        locus=Locus.NETWORK,
        confidence=Confidence.LIKELY,
        needs=(Need.REPRODUCED,),
        sentence=f"The name {{host}} leads to a machine that is not {{service}}. {_TWO} {_VETTED}",
        fooled_by="A content network whose nearest machine is set up wrongly, and to which both "
        "resolvers lead.",
        cites=("main", "comparison"),
    ),
    Rule(
        id="dns.other.certificate",
        layer=Layer.DNS,
        when=_stranger,
        state=State.BLOCKED,
        mechanism="dns.injection.other",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="The name {host} leads to a machine that is not {service}. "
        f"{_VETTED} {_WHOSE}",
        fooled_by="A content network whose nearest machine is set up wrongly.",
        cites=("main", "comparison"),
        version=2,
    ),
    Rule(
        id="dns.other.silent",
        layer=Layer.DNS,
        when=lambda f: _led_astray(f) and f.dns.same_network is False,
        state=State.INCONCLUSIVE,
        mechanism="dns.injection.other",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="The name {host} leads into another network, where {service} is not. " + _VETTED,
        fooled_by="A cache inside the provider's network that is down; a service on two content "
        "networks of which one is. Only a foreign certificate shows that it is not its own.",
        version=2,
        cites=("main", "comparison"),
    ),
    Rule(
        id="dns.other.unplaced",
        layer=Layer.DNS,
        when=_led_astray,
        state=State.INCONCLUSIVE,
        mechanism="dns.injection.other",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="The name {host} leads to an address that fails, other than elsewhere. " + _VETTED,
        fooled_by="A content network's nearest machine that is down; networks were not known.",
        version=2,
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
        locus=Locus.UNKNOWN,
        sentence="The name {host} leads to other addresses than the control's, and the machine "
        "there has no certificate for it.",
        fooled_by="A machine of a content network that is set up wrongly; an interception on the "
        "way.",
        live=Confidence.WEAK,
        alone=False,
        version=2,
    ),
    Rule(
        id="dns.everywhere",
        layer=Layer.DNS,
        when=_no_everywhere,
        state=State.INCONCLUSIVE,
        mechanism="dns.failure.everywhere",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="An encrypted resolver, asked from here, gets no address for {host} either: the "
        "service's own name servers, or a name that is gone.",
        fooled_by="A network that cuts resolvers from the service's name servers.",
        version=2,
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
