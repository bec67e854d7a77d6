"""Rules of what answered: proven by TLS, by a comparison, or not proven at all."""

from probe.analysis.endings import Layer
from probe.analysis.features import Features
from probe.analysis.rule import Predicate, Rule
from probe.analysis.rules_server import server_row
from probe.model.measurement import Proof
from probe.model.target import Kind, Trust
from probe.model.verdict import Confidence, Locus, State

__all__ = ["PROVEN", "UNPROVEN", "proven"]

_ENCRYPTED_DNS = (Kind.DOH, Kind.DOT)
_HANDSHAKES = (Kind.TLS,)
_EXCHANGES = (Kind.TOR_OR, Kind.SIGNAL_PROXY, Kind.MTPROTO, Kind.WHATSAPP)
"""Kinds whose handshake is only the way to their own protocol, which proves or does not."""


def proven(f: Features) -> bool:
    """Return whether what answered proved to be the service: a certificate for its name.

    A front's certificate proves the front; that it passes a request on is shown by an answer
    that only the service behind it gives (``expect``).
    """
    if f.endpoint.kind in (Kind.HTTP, Kind.TOR_DIR):
        shown = f.http.expected is True if f.endpoint.host_header else True
        return f.ending.passed and f.http.authentic is True and shown
    if f.endpoint.kind in _EXCHANGES:
        return f.ending.passed and f.exchange.proof is Proof.IDENTITY
    return f.ending.passed and f.tls.valid is True


def _ok(
    name: str,
    when: Predicate,
    sentence: str,
    *,
    mechanism: str = "none",
    confidence: Confidence = Confidence.CONFIRMED,
    layer: Layer = Layer.HTTP,
    fooled_by: str = "A stolen or wrongly issued certificate.",
) -> Rule:
    return Rule(
        id=f"ok.{name}",
        layer=layer,
        when=when,
        state=State.OK,
        mechanism=mechanism,
        locus=Locus.UNKNOWN,
        confidence=confidence,
        sentence=sentence,
        fooled_by=fooled_by,
        cites=("main",),
    )


def _differs(f: Features) -> bool:
    return False in (f.dns.matches_control, f.dns.matches_elsewhere) and not f.dns.same_network


PROVEN: tuple[Rule, ...] = (
    _ok(
        "race",
        lambda f: proven(f) and f.dns.race is True,
        "{service} works here, although its name got two different answers at once.",
        mechanism="dns.injection.race",
        fooled_by="A resolver that answers twice; then nothing is blocked either.",
    ),
    _ok(
        "dns_diff",
        lambda f: proven(f) and _differs(f),
        "{service} works here, at other addresses than elsewhere, with its own certificate.",
        mechanism="dns.diff",
    ),
    _ok(
        "answer",
        lambda f: proven(f) and f.endpoint.kind in (Kind.HTTP, Kind.TOR_DIR, *_ENCRYPTED_DNS),
        "{service} works here: its own certificate, and an answer.",
    ),
    _ok(
        "handshake",
        proven,
        "{service} completes a handshake with its own certificate.",
        confidence=Confidence.LIKELY,
        layer=Layer.TLS,
        fooled_by="A network that cuts after the handshake; an endpoint with a page would show it.",
    ),
)


def _only_shaken(f: Features) -> bool:
    """Return whether a handshake is all that was done; OONI goes no further with Tor's relays."""
    if f.endpoint.kind is Kind.TOR_OR:
        return f.ending.unfinished and f.tls.shaken and not f.exchange.protocol
    return f.endpoint.kind in _HANDSHAKES and f.ending.passed


def _plain(f: Features) -> bool:
    return f.endpoint.kind in (Kind.HTTP, Kind.TOR_DIR) and f.ending.passed


def _plain_trouble(f: Features) -> bool:
    """Return whether plain text says of an error here, and controls meet errors as well."""
    status = f.http.status
    return _plain(f) and status is not None and status >= 500 and f.control.passed == 0


_PLAIN_TROUBLE = (
    "{service} answers in plain text with an error ({status}), and so it does for controls "
    "elsewhere."
)


def _name_only(f: Features) -> bool:
    return f.endpoint.kind is Kind.DNS and f.ending.passed and not f.dns.bogons


def _name_agrees(f: Features) -> bool:
    known = (f.dns.matches_control, f.dns.matches_elsewhere, f.dns.expected, f.dns.same_network)
    return _name_only(f) and True in known


def _unknown(
    name: str, when: Predicate, sentence: str, mechanism: str, layer: Layer, fooled_by: str
) -> Rule:
    return Rule(
        id=f"unproven.{name}",
        layer=layer,
        when=when,
        state=State.INCONCLUSIVE,
        mechanism=mechanism,
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence=sentence,
        fooled_by=fooled_by,
        cites=("main", "control"),
    )


_FORGED = "A forged answer that looks alike."

UNPROVEN: tuple[Rule, ...] = (
    _unknown(
        "front_only",
        lambda f: (
            f.ending.passed and f.endpoint.host_header is not None and f.http.expected is not True
        ),
        "{host} answers as itself; that it passes on what is meant for another host behind it is "
        "not shown.",
        "front_only",
        Layer.HTTP,
        "A front that answers everything itself.",
    ),
    server_row(
        "error.plain.many",
        lambda f: _plain_trouble(f) and f.control.alike >= 2,
        State.DOWN,
        "down",
        Confidence.LIKELY,
        _PLAIN_TROUBLE,
        "Controls that are refused by the service.",
    ),
    server_row(
        "error.plain",
        lambda f: _plain_trouble(f) and f.control.alike == 1,
        State.DOWN,
        "down",
        Confidence.WEAK,
        _PLAIN_TROUBLE,
        "A control that is refused by the service.",
    ),
    _ok(
        "consistent",
        lambda f: _plain(f) and f.http.consistent is True and f.http.expected is not False,
        "{service} answers here as it does for the control.",
        confidence=Confidence.LIKELY,
        fooled_by=_FORGED,
    ),
    _ok(
        "expected",
        lambda f: _plain(f) and f.http.expected is True,
        "{service} answers in plain text with what is expected of it.",
        confidence=Confidence.WEAK,
        fooled_by=_FORGED,
    ),
    _ok(
        "sent_to_tls",
        lambda f: _plain(f) and f.http.sent_to_tls and f.http.expected is not False,
        "{service} answers in plain text and sends to its encrypted page.",
        confidence=Confidence.WEAK,
        fooled_by=_FORGED,
    ),
    _ok(
        "unpinned",
        lambda f: f.endpoint.trust is Trust.NONE and _only_shaken(f),
        "{service} completes a handshake; its certificates prove nothing, by design.",
        confidence=Confidence.WEAK,
        layer=Layer.TLS,
        fooled_by="Anybody can answer such a handshake; the protocol's own reply would show it.",
    ),
    _ok(
        "udp",
        lambda f: f.ending.passed and f.udp.reply is not None,
        "{service} replies as its protocol asks ({reply}).",
        confidence=Confidence.LIKELY,
        layer=Layer.UDP,
        fooled_by="A forged reply; it has to echo what was sent.",
    ),
    _ok(
        "resolver",
        lambda f: f.endpoint.kind is Kind.RESOLVER and f.ending.passed,
        "The resolver {host} answers.",
        confidence=Confidence.WEAK,
        layer=Layer.DNS,
        fooled_by="A transparent proxy that answers in its place.",
    ),
    _ok(
        "name",
        _name_agrees,
        "The name {host} resolves here to addresses that are known to be right.",
        mechanism="dns.consistent",
        confidence=Confidence.WEAK,
        layer=Layer.DNS,
        fooled_by="A name alone does not make the service work.",
    ),
    _unknown(
        "name_diff",
        lambda f: _name_only(f) and _differs(f),
        "The name {host} has other addresses here than elsewhere; that alone proves nothing.",
        "dns.diff",
        Layer.DNS,
        "Content networks answer by place; only a certificate would tell.",
    ),
    _unknown(
        "name_alone",
        _name_only,
        "The name {host} resolves here; nothing is known to compare the answer with.",
        "dns.unverified",
        Layer.DNS,
        "Nothing is claimed.",
    ),
    _unknown(
        "tcp_only",
        lambda f: f.endpoint.kind in (Kind.TCP, Kind.OBFS4) and f.ending.passed,
        "The connection to {host} opens; that alone proves nothing.",
        "tcp_only",
        Layer.TCP,
        "Networks complete connections that lead nowhere (facts: domestic-control).",
    ),
    _unknown(
        "tls",
        lambda f: (
            f.ending.passed and f.endpoint.kind in (*_HANDSHAKES, *_ENCRYPTED_DNS) and f.tls.shaken
        ),
        "{service} completes a handshake, but its certificate was not kept.",
        "tls.unverified",
        Layer.TLS,
        "Nothing is claimed.",
    ),
)
"""What answered without proof of being the service."""
