"""Rules of datagrams: QUIC, STUN, tunnels. Silence is judged only where an answer is owed."""

from functools import partial

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Need, Predicate, Rule, contrast, row
from probe.model.target import Kind
from probe.model.verdict import Confidence, Locus, State

__all__ = ["UDP", "UDP_SILENT", "UDP_UNPROVEN"]

_PLACE = (Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP)
_CUT = (FailureClass.TIMEOUT, FailureClass.RESET)


def _udp(kind: FailureClass) -> Predicate:
    return lambda f: f.target and f.failed(Layer.UDP) and f.ending.kind is kind


_silent = _udp(FailureClass.TIMEOUT)


def _quic(f: Features) -> bool:
    return _silent(f) and f.endpoint.kind is Kind.QUIC


_row = partial(row, layer=Layer.UDP, cites=("main", "comparison", "control"))


UDP_UNPROVEN: tuple[Rule, ...] = (
    _row(
        "unproven.quic_versions",
        lambda f: f.endpoint.kind is Kind.QUIC and f.ending.unfinished and f.udp.versions is True,
        State.INCONCLUSIVE,
        "quic.versions_only",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "A server of QUIC answers for {host}; whether a handshake with the name passes was not "
        "measured, for want of aioquic (extra quic).",
        "A filter of names lets this question pass: it has none.",
    ),
)
"""What answered without showing who it is; ``ok.udp`` and the certificate say the rest."""


def _stranger(f: Features) -> bool:
    """Return whether silence met somebody to whom the server owes no answer.

    Whom it answered before, or answers elsewhere at the same time, is no stranger. Over TCP a
    server with a wrapping hangs up on one.
    """
    layer = f.failed(Layer.UDP) or (f.failed(Layer.EXCHANGE) and f.endpoint.kind is Kind.OPENVPN)
    known = f.control.passed > 0 or f.control.expected
    return f.target and layer and f.ending.kind in _CUT and not f.udp.obliged and not known


UDP_SILENT: tuple[Rule, ...] = (
    _row(
        "udp.stranger",
        lambda f: _stranger(f) and f.udp.other is True,
        State.BLOCKED,
        "udp.protocol",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "Packets of this protocol to {service} meet silence, and others of the same size to the "
        "same port do not.",
        "A server behind a firewall of its own that refuses what it does not know.",
    ),
    _row(
        "udp.no_reply_expected",
        _stranger,
        State.INCONCLUSIVE,
        "no_reply_expected",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "{service} answers nobody that it does not know, so its silence says nothing.",
        "A filter of this protocol looks the same; a responder of one's own would tell.",
    ),
)
"""Asked before what controls say: a stranger's silence is the same everywhere."""

_SHAPES: dict[Kind, str] = {
    Kind.QUIC: "packets of QUIC",
    Kind.STUN: "packets of STUN, which calls begin with",
    Kind.OPENVPN: "packets with an opcode of OpenVPN",
    Kind.WIREGUARD: "packets of the type and length of WireGuard's first message",
    Kind.IKEV2: "packets of IKEv2",
}


def _shaped(kind: Kind, words: str) -> Rule:
    """Return the rule of a protocol that is dropped where the same amount of noise is not."""
    return _row(
        f"udp.protocol.{kind}",
        lambda f: _silent(f) and f.endpoint.kind is kind and f.udp.other is True,
        State.BLOCKED,
        f"udp.protocol.{kind}",
        Locus.UNKNOWN,
        Confidence.LIKELY,
        f"To {{service}}, {words} meet silence; as many random bytes to the same port do not.",
        "A server that stopped speaking this protocol, on a machine that still answers.",
        (Need.REPRODUCED,),
    )


def _certified(f: Features) -> bool:
    return f.udp.by_tcp is True


_UP_OVER_TCP = "Over TCP the same address shows the service's certificate for that name."

UDP: tuple[Rule, ...] = (
    *contrast(
        "udp.all",
        lambda f: _silent(f) and f.udp.elsewhere is False and f.udp.other is not True,
        layer=Layer.UDP,
        mechanism="udp.all",
        locus=Locus.UNKNOWN,
        sentence="{service} does not reply over UDP, and neither do others: nothing but names "
        "seems to pass over UDP on this line.",
        fooled_by="A router, a company's or a hotel's firewall that lets TCP through only.",
        live=Confidence.WEAK,
        version=2,
    ),
    *(_shaped(kind, words) for kind, words in _SHAPES.items()),
    *contrast(
        "quic.timeout.after",
        lambda f: _quic(f) and f.udp.shaken is True,
        layer=Layer.UDP,
        mechanism="quic.timeout.after",
        locus=Locus.UNKNOWN,
        sentence="A QUIC handshake with {service} passes, and after it nothing more does.",
        fooled_by="A path that loses packets; a server that falls silent.",
        needs=(Need.REPRODUCED, Need.SAME_ADDRESS),
    ),
    *contrast(
        "quic.timeout.sni",
        lambda f: _quic(f) and f.udp.neutral is True,
        layer=Layer.UDP,
        mechanism="quic.timeout.sni",
        locus=Locus.UNKNOWN,
        sentence="A QUIC handshake with the name {host} meets silence; with a neutral name the "
        "same address answers.",
        fooled_by="A server that drops names which it serves over TCP only.",
        needs=(Need.REPRODUCED,),
        ab=_certified,
        ab_says=_UP_OVER_TCP,
    ),
    *contrast(
        "quic.timeout.handshake",
        lambda f: _quic(f) and f.udp.versions is True,
        layer=Layer.UDP,
        mechanism="quic.timeout.handshake",
        locus=Locus.UNKNOWN,
        sentence="{host} answers QUIC's first question, which has no name in it, and a handshake "
        "meets silence.",
        fooled_by="A server that answers the question and takes no handshakes.",
        needs=(Need.REPRODUCED, Need.SAME_ADDRESS),
    ),
    *contrast(
        "quic.timeout.port",
        lambda f: _quic(f) and _certified(f),
        layer=Layer.UDP,
        mechanism="quic.timeout.port",
        locus=Locus.UNKNOWN,
        sentence=f"{{service}} does not reply over QUIC. {_UP_OVER_TCP}",
        fooled_by="A machine whose operator switched QUIC off.",
        needs=_PLACE,
    ),
    *contrast(
        "udp.silence",
        _silent,
        layer=Layer.UDP,
        mechanism="udp.silence",
        locus=Locus.UNKNOWN,
        sentence="{service} does not reply over UDP; silence has many causes.",
        fooled_by="Servers that ignore strangers; loss.",
        needs=_PLACE,
        version=3,
    ),
    *contrast(
        "udp.refused",
        _udp(FailureClass.REFUSED),
        layer=Layer.UDP,
        mechanism="udp.refused",
        locus=Locus.UNKNOWN,
        sentence="Packets to {service} are refused: something says that nobody listens there.",
        fooled_by="A machine without a service on that port.",
        needs=_PLACE,
    ),
    *contrast(
        "udp.unreachable",
        _udp(FailureClass.UNREACHABLE),
        layer=Layer.UDP,
        mechanism="udp.unreachable",
        locus=Locus.UNKNOWN,
        sentence="The network says that there is no way to {service} over UDP.",
        fooled_by="A missing route of this provider.",
        needs=_PLACE,
    ),
    _row(
        "quic.alert",
        _udp(FailureClass.ALERT),
        State.INCONCLUSIVE,
        "quic.alert",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "The QUIC handshake with {host} was broken off by an alert.",
        "Anybody who sees the first packets can make such an alert.",
        version=2,
    ),
    _row(
        "udp.unexpected",
        lambda f: f.target and f.failed(Layer.UDP),
        State.INCONCLUSIVE,
        "udp.unexpected",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "What comes back from {service} over UDP is not of its protocol ({failure}).",
        "Another service at that port; a forged reply.",
    ),
)
"""Asked after the rules of names and connections."""
