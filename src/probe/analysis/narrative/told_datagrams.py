"""The steps about UDP: what came back, and what other packets, names and ways met there."""

from collections.abc import Iterator

from probe.analysis.endings import FailureClass, Layer, class_of
from probe.analysis.features import Features
from probe.analysis.narrative.phrases import clean, count, failed
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.measurement import UdpStep, Variant

__all__ = ["compared_step", "reply_step"]

_NAMES = {
    "quic-versions": "QUIC's first question, in which there is no name",
    "quic": "a handshake of QUIC, with the name in it",
    "quic-ping": "a packet after that handshake",
    "stun": "the question that calls begin with (STUN)",
    "wireguard": "WireGuard's first message",
    "ikev2": "IKEv2's first message",
    "openvpn": "OpenVPN's first packet",
}


def _name(protocol: str) -> str:
    plain = protocol.partition("+")[0]
    return _NAMES.get(plain, f"the first packet of {clean(protocol)}")


def reply_step(scene: Scene) -> Explained | None:
    """Return the step about datagrams (UDP), ``None`` where none was sent."""
    steps = [s for s in (scene.main.steps if scene.main else ()) if isinstance(s, UdpStep)]
    if not steps:
        return None
    last = steps[-1]
    good = last.reply is not None and last.failure is None
    means, rules_out, remains = _answered(scene) if good else _unanswered(scene.features)
    return Explained(
        chapter=Chapter.REPLY,
        finding=_finding(scene.features, good=good),
        title="The reply (UDP, single packets without a connection)",
        did=f"Sent {count(sum(s.sent for s in steps), 'packet')}, at most three of a kind until "
        "something came back.",
        came=" ".join(f"{_came(s)}." for s in steps),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _owed(f: Features) -> bool:
    """Return whether silence is a failure: whom it answers elsewhere, or did before, is known."""
    return f.udp.obliged or f.control.passed > 0 or f.control.expected


def _finding(f: Features, *, good: bool) -> Finding:
    if good:
        return Finding.FINE
    return Finding.FAILED if _owed(f) else Finding.OPEN


def _came(step: UdpStep) -> str:
    said = _name(step.protocol)
    said = said[0].upper() + said[1:]
    if step.failure is None:
        return f"{said}: a reply ({clean(step.reply or 'something')})"
    if class_of(step.failure) is FailureClass.OTHER:
        return f"{said}: something came that is no reply to it"
    return f"{said}: {failed(step.failure, Layer.UDP)}"


def _answered(scene: Scene) -> Meaning:
    if scene.features.ending.unfinished:
        return Meaning(
            "A server of QUIC is there. Whether a connection with the name passes was not tried: "
            "this machine lacks what it takes (aioquic).",
            "That all packets to it are dropped.",
            "How a handshake with the name fares.",
        )
    return Meaning(
        "Whoever answered speaks the protocol and echoed what was sent.",
        "That such packets are dropped.",
    )


def _unanswered(f: Features) -> Meaning:
    if not _owed(f):
        return Meaning(
            "It answers only those whom it knows, or who have its key, and we are neither. So "
            "silence is what was to be expected.",
            None,
            "Whether such packets get there at all.",
        )
    if f.ending.kind is FailureClass.REFUSED:
        return Meaning(
            "The way there works, and something says that nobody listens: the machine itself, or "
            "somebody in its name.",
            "That packets vanish on the way.",
            "Whether the service is there for others.",
        )
    if f.ending.kind is FailureClass.OTHER:
        return Meaning(
            "Another service may stand at that port, or somebody sends replies of his own.",
            "That nothing comes through.",
            "Who sent it.",
        )
    if f.udp.shaken is True:
        return Meaning(
            "The handshake passes and what follows does not: some filters wait for that moment.",
            "That the address or the name alone is cut.",
            "Whether the path loses packets.",
        )
    if f.udp.versions is True:
        return Meaning(
            "The machine answers a question without a name in it and is silent to the handshake: "
            "the name, or handshakes as such, may be filtered.",
            "That nothing over UDP gets there.",
            "Whether another name passes.",
        )
    return Meaning(
        "Packets of this kind may be dropped, or lost; silence has many causes.",
        None,
        "Why nothing came.",
    )


def compared_step(scene: Scene) -> Explained | None:
    """Return how other packets, another name, TCP and others fared, ``None`` without any look."""
    told = list(_compared(scene.features))
    if not told or not scene.of(*_COMPARISONS):
        return None
    means, rules_out, remains = _weighed(scene.features)
    return Explained(
        chapter=Chapter.DATAGRAMS,
        finding=Finding.ODD,
        title="Is it the protocol, the name, or UDP?",
        did="Sent other packets to the same place, and the same kind of packets elsewhere.",
        came=" ".join(told),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


_COMPARISONS = (Variant.COMPARISON, Variant.BY_TCP, Variant.OTHER_UDP, Variant.NEUTRAL_SNI)


def _compared(f: Features) -> Iterator[str]:
    yield from (
        words[0] if fact else words[1]
        for fact, words in (
            (f.udp.other, _RANDOM),
            (f.udp.neutral, _NEUTRAL),
            (f.udp.by_tcp, _TCP),
            (f.udp.elsewhere, _OTHERS),
        )
        if fact is not None
    )


_RANDOM = (
    "As many random bytes to the same port were answered, or refused.",
    "As many random bytes to the same port met silence as well.",
)
_NEUTRAL = (
    "With a neutral name a handshake was answered.",
    "With a neutral name a handshake met silence as well.",
)
_TCP = (
    "Over TCP the same place shows the service's certificate.",
    "Over TCP the same place does not show the service's certificate either.",
)
_OTHERS = (
    "Another service answers over UDP on this line.",
    "Other services do not answer over UDP on this line either.",
)


def _weighed(f: Features) -> Meaning:
    if f.udp.other is True:
        return Meaning(
            "What is in the packet makes the difference: something drops this protocol.",
            "That the address or the port is cut off.",
            "Whether the machine at the other end, or something on the way, does it.",
        )
    if f.udp.elsewhere is False:
        return Meaning(
            "UDP as a whole does not seem to pass on this line, but for names. Many companies, "
            "hotels and some routers are set up like that.",
            "That it is about this service alone.",
            "Whether it is so at home, too, or on another line of the same provider.",
        )
    if f.udp.neutral is True:
        return Meaning(
            "The machine answers when another name is given: the name makes the difference.",
            "That the address is blocked, or the machine is dead.",
            "Whether the network or the service's own machine drops that name.",
        )
    if f.udp.by_tcp is True:
        return Meaning(
            "The service is up at that very place, over TCP. Programs then do without QUIC and "
            "go on, a little slower.",
            "That the machine is dead, or the address blocked.",
            "Whether QUIC is dropped on the way, or its operator switched it off.",
        )
    return Meaning(
        "Random bytes are mostly ignored, so their silence says little.",
        None,
        "Whether the protocol or the address is cut: a look from elsewhere would tell.",
    )
