"""Which packet belongs to which shot: pure, over what the capture has read.

Whoever wants to be believed must know what only the path knows: an ICMP error has to quote our
address, port and (TCP) a sequence number of the trigger; a packet in the server's name has to
come to the port that this one shot was sent from. A machine on the way knows both, of course.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probe.model.trace import Answer, AnswerKind, Arm, Fingerprint, Shot, Trigger
from probe.net.alerts import plaintext_alert
from probe.net.dnswire import BadReply, Question, read_reply
from probe.net.raw import Heard
from probe.wire.scrub import scrub_literals

__all__ = ["Fired", "matched"]

_MAX_ANSWERS = 8
_MAX_SAYS = 200
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One shot as it was sent; ``sent_s`` is in the seconds of the capture.

    ``trigger`` is ``None`` for an empty datagram, which only tells the way.
    """

    round: int
    arm: Arm
    ttl: int
    trigger: Trigger | None
    address: str
    port: int
    own: str = ""
    own_port: int = 0
    sent_s: float = 0.0
    failure: str | None = None
    asked: Question | None = None


@dataclass(slots=True)
class _Story:
    """What is known of one shot while its packets are read in their order."""

    fired: Fired
    first: int | None = None  # sequence number of the trigger's first byte (of a SYN: its own)
    after: int | None = None  # and of what would follow it
    due: int | None = None  # what the server would send next
    router: str | None = None
    taken: int | None = None
    server: Fingerprint | None = None
    answers: list[Answer] = field(default_factory=list)

    def shot(self) -> Shot:
        fired = self.fired
        return Shot(
            round=fired.round,
            arm=fired.arm,
            ttl=fired.ttl,
            failure=fired.failure,
            router=self.router,
            taken=self.taken,
            server=self.server,
            answers=tuple(self.answers),
        )


def matched(fired: Sequence[Fired], heard: Iterable[tuple[float, Heard]]) -> tuple[Shot, ...]:
    """Return the shots with what ``heard`` (in the order of arrival) says about each."""
    stories = [_Story(one) for one in fired]
    by_port = {
        (s.fired.own_port, s.fired.address, s.fired.port): s
        for s in stories
        if s.fired.failure is None
    }
    for at_s, packet in heard:
        if packet.about is not None:
            quote = packet.about
            story = by_port.get((quote.source_port, quote.target, quote.target_port))
            if story is not None and quote.source == story.fired.own:
                _error(story, packet, at_s)
            continue
        story = by_port.get((packet.source_port, packet.target, packet.target_port))
        if story is not None:
            _left(story, packet)
            continue
        story = by_port.get((packet.target_port, packet.source, packet.source_port))
        if story is not None:
            _came(story, packet, at_s)
    return tuple(story.shot() for story in stories)


def _left(story: _Story, packet: Heard) -> None:
    """Take note of our own packet: it says where the trigger begins and ends."""
    if packet.protocol != "tcp" or "R" in packet.flags or "F" in packet.flags:
        return
    size = 1 if "S" in packet.flags else len(packet.payload)
    if ("S" in packet.flags) is not (story.fired.trigger is Trigger.SYN) or not size:
        return
    if story.first is None:
        story.first = packet.sequence
        story.after = packet.sequence
        story.due = packet.acknowledgement if story.fired.trigger is not Trigger.SYN else None
    end = (packet.sequence + size) % _WRAP
    if story.after is not None and 0 < _ahead(end, story.after) < _WRAP // 2:
        story.after = end


def _error(story: _Story, packet: Heard, at_s: float) -> None:
    """Take note of a router that says that the shot died with it, or may not pass."""
    quote = packet.about
    if quote is None:
        return
    if quote.sequence is not None and not _is_the_trigger(story, quote.sequence):
        return
    if packet.expired:
        story.router = story.router or packet.source
    else:
        if packet.source == story.fired.address:
            story.taken = story.taken or packet.ttl
        says = f"{packet.source} code {packet.code}"
        _keep(story, AnswerKind.UNREACHABLE, packet, at_s, says)


def _is_the_trigger(story: _Story, sequence: int) -> bool:
    if story.first is None or story.after is None:
        return False
    return _ahead(sequence, story.first) < _ahead(story.after, story.first)


def _came(story: _Story, packet: Heard, at_s: float) -> None:
    """Take note of what came in the server's name."""
    if packet.protocol == "udp":
        _keep(story, AnswerKind.DATA, packet, at_s, _says(story, packet.payload))
        return
    if packet.protocol != "tcp":
        return
    opening = "S" in packet.flags and "A" in packet.flags
    if story.fired.trigger is Trigger.SYN:
        if opening:
            story.server = story.server or _looks(packet, None)
            story.taken = story.taken or packet.ttl
            _keep(story, AnswerKind.DATA, packet, at_s, "")
        elif "R" in packet.flags and not story.answers:
            _keep(story, AnswerKind.RESET, packet, at_s, "")
        return
    if opening:
        story.server = story.server or _looks(packet, None)
    elif story.first is not None:
        _after_trigger(story, packet, at_s)


def _after_trigger(story: _Story, packet: Heard, at_s: float) -> None:
    if "R" in packet.flags:
        _keep(story, AnswerKind.RESET, packet, at_s, "")
        return
    if "A" in packet.flags and story.first is not None:
        covered = _ahead(packet.acknowledgement, story.first)
        if 0 < covered < _WRAP // 2 and story.taken is None:
            story.taken = packet.ttl
    if "F" in packet.flags:
        _keep(story, AnswerKind.FIN, packet, at_s, _says(story, packet.payload))
    elif packet.payload:
        _keep(story, AnswerKind.DATA, packet, at_s, _says(story, packet.payload))


def _keep(story: _Story, kind: AnswerKind, packet: Heard, at_s: float, says: str) -> None:
    if len(story.answers) < _MAX_ANSWERS:
        after_ms = round(max(0.0, at_s - story.fired.sent_s) * 1000, 1)
        looks = _looks(packet, story.due)
        story.answers.append(Answer(kind=kind, after_ms=after_ms, looks=looks, says=says))


def _looks(packet: Heard, due: int | None) -> Fingerprint:
    tcp = packet.protocol == "tcp"
    ahead = None
    if tcp and due is not None:
        ahead = _ahead(packet.sequence, due)
        ahead = ahead - _WRAP if ahead >= _WRAP // 2 else ahead
    return Fingerprint(
        ttl=packet.ttl,
        ident=packet.ident,
        flags=packet.flags,
        window=packet.window if tcp else None,
        options=packet.options,
        ahead=ahead,
    )


def _ahead(number: int, base: int) -> int:
    """Return how far a sequence number is ahead of another, modulo 2**32 (RFC 9293 3.4)."""
    return (number - base) % _WRAP


def _says(story: _Story, payload: bytes) -> str:
    """Return in a few words what bytes of anybody say; a status line may name our address."""
    trigger, asked = story.fired.trigger, story.fired.asked
    if trigger is Trigger.DNS and asked is not None:
        return _dns_says(payload, asked)
    if trigger is Trigger.HTTP:
        line = payload.split(b"\r\n", 1)[0][:_MAX_SAYS].decode("latin-1")
        return scrub_literals("".join(c for c in line if c.isprintable()))
    if trigger is Trigger.TLS:
        alert = plaintext_alert(payload)
        return "" if alert is None else f"alert {alert}"
    return ""


def _dns_says(payload: bytes, asked: Question) -> str:
    try:
        reply = read_reply(payload, asked)
    except BadReply as exc:
        return str(exc.failure)
    return (" ".join(reply.addresses) or f"rcode {reply.rcode}")[:_MAX_SAYS]
