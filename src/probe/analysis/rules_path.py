"""Rules of connections and handshakes: silence, resets, alerts, foreign certificates."""

from functools import partial

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Need, Predicate, Rule, contrast, row
from probe.model.verdict import Confidence, Locus, State

__all__ = ["CERTIFICATE_ARTEFACTS", "PATH"]

_SAME_TCP = "A refusal by the service itself looks the same from here."
_NEUTRAL_WORKS = "With a neutral name the same address answers."
_THREE_WAY = (
    _NEUTRAL_WORKS + " And the name fails in the same way at a host that has nothing to do with it."
)


def _tcp(kind: FailureClass) -> Predicate:
    return lambda f: f.target and f.failed(Layer.TCP) and f.ending.kind is kind


def _tls(kind: FailureClass) -> Predicate:
    return lambda f: f.target and f.failed(Layer.TLS) and f.ending.kind is kind


def _certificate(f: Features) -> bool:
    return _tls(FailureClass.CERTIFICATE)(f)


def _tcp_rule(name: str, kind: FailureClass, sentence: str, fooled_by: str) -> tuple[Rule, ...]:
    return contrast(
        name,
        _tcp(kind),
        layer=Layer.TCP,
        mechanism=name,
        locus=Locus.UNKNOWN,
        sentence=f"{sentence} {_SAME_TCP}",
        fooled_by=fooled_by,
        needs=(Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP),
        version=2,
    )


def _sni_rules(how: str, kind: FailureClass, sentence: str) -> tuple[Rule, ...]:
    """Return the rules of one way of failing, from the best to the least localised."""
    base = _tls(kind)
    return (
        Rule(
            id=f"tls.{how}.sni.three_way",
            layer=Layer.TLS,
            when=lambda f: base(f) and f.tls.neutral is True and f.tls.other_host is True,
            state=State.BLOCKED,
            mechanism=f"tls.{how}.sni",
            locus=Locus.NETWORK,
            confidence=Confidence.LIKELY,
            version=2,
            needs=(Need.REPRODUCED,),
            sentence=f"{sentence} {_THREE_WAY}",
            fooled_by="Residual blocking after one trigger; tests to one address are spaced.",
            cites=("main", "comparison"),
        ),
        *contrast(
            f"tls.{how}.sni",
            lambda f: base(f) and f.tls.neutral is True,
            layer=Layer.TLS,
            mechanism=f"tls.{how}.sni",
            locus=Locus.UNKNOWN,
            sentence=f"{sentence} {_NEUTRAL_WORKS}",
            fooled_by="A service that cuts by name itself; the name at another host would tell.",
            needs=(Need.REPRODUCED, Need.SAME_ADDRESS),
            version=2,
        ),
        *contrast(
            f"tls.{how}.all",
            lambda f: base(f) and f.tls.neutral is False,
            layer=Layer.TLS,
            mechanism=f"tls.{how}.all",
            locus=Locus.UNKNOWN,
            sentence=f"{sentence} A neutral name fares no better at that address.",
            fooled_by="A machine that opens connections and serves nothing.",
            needs=(Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP),
            version=2,
        ),
        *contrast(
            f"tls.{how}.late",
            lambda f: base(f) and f.tls.silent is False,
            layer=Layer.TLS,
            mechanism=f"tls.{how}.late",
            locus=Locus.UNKNOWN,
            sentence=f"{sentence} The server had already begun to answer.",
            fooled_by="A broken path that loses large packets.",
            needs=(Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP),
            version=2,
        ),
        *contrast(
            f"tls.{how}",
            base,
            layer=Layer.TLS,
            mechanism=f"tls.{how}",
            locus=Locus.UNKNOWN,
            sentence=sentence,
            fooled_by="Without a neutral name at that address it may be any of several causes.",
            needs=(Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP),
            version=2,
        ),
    )


def _seen_everywhere(f: Features) -> bool:
    return f.tls.issuer_on_neutral is True or f.line.neutral_tls_clean is False


_row = partial(row, layer=Layer.TLS, cites=("main", "control"))


def _made_for_it(f: Features) -> bool:
    """Return whether the certificate names the host, and a control got another at one address.

    A machine that is set up wrongly shows its own default, which names something else (then
    the name is what is wrong, ``ssl_invalid_hostname``).
    """
    named = f.ending.failure == "ssl_unknown_authority"
    return named and f.control.live and f.control.same_address is True


def _opened_here(f: Features) -> bool:
    """Return whether a program or appliance that people choose for themselves signed."""
    named = bool(f.tls.local_interceptor)
    return _certificate(f) and named and f.tls.issuer_matches is not True


def _its_own_place(f: Features) -> bool:
    """Return whether the address is the service's; half of the Web has one issuer otherwise."""
    named = f.ending.failure == "ssl_unknown_authority"
    return named or f.literal or f.dns.honest or f.dns.matches_control is None


def _intercepted(f: Features) -> bool:
    """Return whether a known interceptor signed; the service's own choice is none."""
    return _certificate(f) and bool(f.tls.interceptor) and f.tls.issuer_matches is not True


_MITM = "Somebody on the way reads what goes to {service}: its certificate is by {issuer}"

CERTIFICATE_ARTEFACTS: tuple[Rule, ...] = (
    _row(
        "tls.interceptor.trusted",
        lambda f: _intercepted(f) and f.tls.system_trusts is True,
        State.BLOCKED,
        "tls.mitm.trusted_ca",
        Locus.NETWORK,
        Confidence.CONFIRMED,
        _MITM + ", known to intercept and trusted by this machine.",
        "A name that is put on the list by mistake; each has a source.",
    ),
    _row(
        "tls.interceptor",
        _intercepted,
        State.BLOCKED,
        "tls.mitm",
        Locus.NETWORK,
        Confidence.CONFIRMED,
        _MITM + ", known to intercept.",
        "Anybody can write that name into a certificate of their own.",
    ),
    _row(
        "tls.interceptor.local",
        _opened_here,
        State.INCONCLUSIVE,
        "tls.mitm",
        Locus.LOCAL,
        Confidence.LIKELY,
        "What goes to {service} is opened by {issuer}: an antivirus on this machine, or the "
        "proxy of a company or school.",
        "States and providers buy from the same makers; a second line of another provider tells.",
    ),
)
"""Asked before controls: an authority that is known to intercept."""

_CERTIFICATES: tuple[Rule, ...] = (
    _row(
        "tls.expired.verified",
        lambda f: (
            _certificate(f)
            and f.tls.expired
            and f.line.clock_ok is True
            and f.tls.certificate is not None
            and f.tls.certificate.verified_within is True
        ),
        State.DOWN,
        "server.certificate_expired",
        Locus.SERVER,
        Confidence.LIKELY,
        "{service} shows its own certificate, which has run out: its operator must renew it.",
        "A stolen key of an old certificate.",
    ),
    _row(
        "tls.expired",
        lambda f: _certificate(f) and f.tls.expired and f.tls.issuer_matches is not False,
        State.INCONCLUSIVE,
        "server.certificate_expired",
        Locus.SERVER,
        Confidence.WEAK,
        "{service} shows a certificate that has run out: its operator, or a wrong clock here.",
        "An interception with an expired certificate.",
    ),
    _row(
        "tls.same_issuer",
        lambda f: _certificate(f) and f.tls.issuer_matches is True and _its_own_place(f),
        State.INCONCLUSIVE,
        "server.certificate",
        Locus.SERVER,
        Confidence.WEAK,
        "{service} shows a certificate that does not verify, by the same issuer as elsewhere.",
        "An interceptor that copies the issuer's name.",
        version=2,
    ),
    _row(
        "tls.one_machine",
        lambda f: _certificate(f) and f.dns.honest and f.tcp.elsewhere is True,
        State.INCONCLUSIVE,
        "server.certificate",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "One machine of {service} shows a certificate that does not hold, and another one, asked "
        "from here, the right one: a machine that is set up wrongly.",
        "Somebody who reads what goes to some addresses only.",
    ),
    _row(
        "tls.mitm.everywhere.trusted",
        lambda f: _certificate(f) and _seen_everywhere(f) and f.tls.system_trusts is True,
        State.INCONCLUSIVE,
        "tls.mitm.trusted_ca",
        Locus.UNKNOWN,
        Confidence.LIKELY,
        _MITM + ", trusted by this machine; neutral names are read as well.",
        "A company, a school, an antivirus; or a state that reads everything.",
    ),
    _row(
        "tls.mitm.everywhere",
        lambda f: _certificate(f) and _seen_everywhere(f),
        State.INCONCLUSIVE,
        "tls.mitm",
        Locus.LOCAL,
        Confidence.LIKELY,
        _MITM + "; neutral names are read as well: a proxy or antivirus of this line.",
        "A state that reads everything.",
    ),
    _row(
        "tls.mitm.trusted_ca",
        lambda f: (
            _certificate(f) and f.tls.system_trusts is True and f.line.neutral_tls_clean is True
        ),
        State.BLOCKED,
        "tls.mitm.trusted_ca",
        Locus.NETWORK,
        Confidence.LIKELY,
        _MITM + ", which this machine trusts and Mozilla does not. Neutral names are not touched.",
        "A new authority that the packaged list does not have yet.",
        (Need.REPRODUCED,),
    ),
    _row(
        "tls.mitm.trusted_ca.alone",
        lambda f: _certificate(f) and f.tls.system_trusts is True,
        State.BLOCKED,
        "tls.mitm.trusted_ca",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "The certificate of {service} is by {issuer}, which this machine trusts and Mozilla does "
        "not: somebody reads along, perhaps a program on this machine.",
        "A company's or an antivirus's authority; neutral names were not looked at.",
        version=2,
    ),
    _row(
        "tls.mitm.three_way",
        lambda f: _certificate(f) and f.tls.read_elsewhere is True,
        State.BLOCKED,
        "tls.mitm",
        Locus.NETWORK,
        Confidence.LIKELY,
        _MITM + ", who also answers for that name at a host that has nothing to do with it.",
        "A program on this machine that reads this name only.",
        (Need.REPRODUCED,),
    ),
    *contrast(
        "tls.mitm",
        _certificate,
        layer=Layer.TLS,
        mechanism="tls.mitm",
        locus=Locus.UNKNOWN,
        sentence="What answers for {host} has no certificate for it ({failure}).",
        fooled_by="A wrong clock, outdated roots, a machine that is set up wrongly, an antivirus.",
        needs=(Need.REPRODUCED, Need.OTHER_ISSUER),
        path=_made_for_it,
        path_says="It names the service, and no known authority stands behind it; at the same "
        "address a control elsewhere gets the right one.",
        live=Confidence.WEAK,
        version=2,
    ),
)

PATH: tuple[Rule, ...] = (
    *_tcp_rule(
        "tcp.timeout",
        FailureClass.TIMEOUT,
        "No connection to {service} opens: silence.",
        "A machine that is gone; loss; a content network's machine that is down.",
    ),
    *_tcp_rule(
        "tcp.reset",
        FailureClass.RESET,
        "Connections to {service} are cut as they open.",
        "A machine without a service on that port, behind a firewall that resets.",
    ),
    *_tcp_rule(
        "tcp.refused",
        FailureClass.REFUSED,
        "Connections to {service} are refused.",
        "A machine without a service on that port.",
    ),
    *_tcp_rule(
        "tcp.unreachable",
        FailureClass.UNREACHABLE,
        "The network says that there is no way to {service}.",
        "A missing route of this provider; a packet filter here that answers as routers do.",
    ),
    *_CERTIFICATES,
    _row(
        "tls.alert.sni",
        lambda f: (
            _tls(FailureClass.ALERT)(f) and f.tls.neutral is True and f.tls.other_host is True
        ),
        State.BLOCKED,
        "tls.alert.sni",
        Locus.NETWORK,
        Confidence.LIKELY,
        "A handshake with the name {host} is broken off by an alert. " + _THREE_WAY,
        "Two servers that both refuse the name.",
        (Need.REPRODUCED,),
        version=2,
    ),
    _row(
        "tls.alert",
        _tls(FailureClass.ALERT),
        State.INCONCLUSIVE,
        "tls.alert",
        Locus.SERVER,
        Confidence.WEAK,
        "{service} answered the handshake with an alert: it is reached, and refuses.",
        "A middlebox that sends alerts; the name at a consenting host would tell.",
    ),
    *_sni_rules("reset", FailureClass.RESET, "A handshake with the name {host} is cut off."),
    *_sni_rules("timeout", FailureClass.TIMEOUT, "A handshake with the name {host} meets silence."),
    _row(
        "tls.failed",
        lambda f: f.target and f.failed(Layer.TLS),
        State.INCONCLUSIVE,
        "tls.failed",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "The handshake with {service} failed ({failure}).",
        "Nothing is claimed.",
    ),
)
"""Asked after the rules of names."""
