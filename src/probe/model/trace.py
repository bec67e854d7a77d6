"""Where on the path something happens: what was sent with a short life, what came back, where.

A *shot* is one trigger (or its neutral twin) in a packet that lives for ``ttl`` hops. The router
where it dies says so (ICMP time exceeded); what comes back in the server's name from a shot that
never reached the server was made on the way.
"""

from enum import StrEnum

import msgspec

from probe.model.verdict import Confidence

__all__ = [
    "Answer",
    "AnswerKind",
    "Arm",
    "Effect",
    "Finding",
    "Fingerprint",
    "HopRow",
    "Located",
    "Placement",
    "Shot",
    "Trace",
    "Trigger",
]


class Trigger(StrEnum):
    """What is sent to see who reacts to it."""

    TLS = "tls"  # a ClientHello with the name as SNI, on a connection that stands
    HTTP = "http"  # a request with the name as Host, on a connection that stands
    DNS = "dns"  # a query for the name, over UDP
    SYN = "syn"  # the wish to connect; no name
    QUIC = "quic"  # an Initial with the name as SNI, over UDP


class Arm(StrEnum):
    """What a shot is for."""

    TARGET = "target"  # the trigger
    NEUTRAL = "neutral"  # the same with a name (for SYN: an address) that nobody minds
    PATH = "path"  # to the target's address, a SYN (beside a SYN: an empty datagram): how far it is


class AnswerKind(StrEnum):
    """What came back in the server's name."""

    RESET = "rst"
    FIN = "fin"
    DATA = "data"  # bytes, or a SYN/ACK for a SYN
    UNREACHABLE = "unreachable"  # ICMP, from a router: its address is the hop's


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What a packet looks like in its headers, as it arrived."""

    ttl: int
    ident: int | None = None  # IPv4 has one
    flags: str = ""  # TCP, as tcpdump's letters in capitals: "RA"
    window: int | None = None
    options: tuple[str, ...] = ()  # TCP options by name, in their order
    ahead: int | None = None  # TCP: sequence number, minus what was due next


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One packet that came back; ``says`` is what it contains, where that is short."""

    kind: AnswerKind
    after_ms: float
    looks: Fingerprint
    says: str = ""


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One packet of limited life, and what became of it.

    ``failure`` says that it was never sent: the connection that should carry it did not stand.
    ``taken`` is the TTL of the first packet in the server's name that acknowledges it (of a
    datagram: that its port is closed), whoever made that; ``server`` how the server's side looked
    before (its SYN/ACK).
    """

    round: int
    arm: Arm
    ttl: int
    failure: str | None = None
    router: str | None = None  # who said that it died there
    scrubbed: bool = False  # a router did say so, and its address is not kept
    taken: int | None = None
    server: Fingerprint | None = None
    answers: tuple[Answer, ...] = ()

    @property
    def heard(self) -> bool:
        """Return whether a router said that the shot died with it."""
        return self.router is not None or self.scrubbed

    @property
    def answered(self) -> bool:
        """Return whether something came in the server's name: an answer, an acknowledgement."""
        kinds = (answer.kind for answer in self.answers)
        return self.taken is not None or any(one is not AnswerKind.UNREACHABLE for one in kinds)

    @property
    def spoken_of(self) -> bool:
        """Return whether anybody let it be known that the shot came so far."""
        return self.heard or self.answered


class Finding(StrEnum):
    """Who reacts to the trigger."""

    NONE = "none"  # the trigger got an answer, as its neutral twin did
    NETWORK = "network"  # something on the way
    SERVER = "server"  # the server itself, or what stands directly in front of it
    INCONCLUSIVE = "inconclusive"


class Effect(StrEnum):
    """What is done to the trigger."""

    RESET = "reset"
    FIN = "fin"
    ANSWER = "answer"
    PROHIBITED = "prohibited"
    SILENCE = "silence"


class Placement(StrEnum):
    """How the machine stands to the path."""

    IN_PATH = "in_path"  # the trigger goes no further
    ON_PATH = "on_path"  # it sees a copy: the trigger still reaches the hops beyond
    UNKNOWN = "unknown"


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where it happens; hops are counted from the vantage, whose own router is 1.

    ``first`` and ``last`` are the hops between which it lies (both included). ``specific`` is
    whether the neutral twin is spared. ``rounds`` of ``of`` rounds say so.
    """

    finding: Finding
    effect: Effect | None = None
    first: int | None = None
    last: int | None = None
    placement: Placement = Placement.UNKNOWN
    specific: bool | None = None
    server_at: int | None = None
    rounds: int = 0
    of: int = 0
    confidence: Confidence = Confidence.WEAK
    looks: tuple[Fingerprint, ...] = ()  # of what was made on the way, each once
    server_looks: Fingerprint | None = None
    notes: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Return whether one hop is meant."""
        return self.first is not None and self.first == self.last


class HopRow(msgspec.Struct, frozen=True, kw_only=True):
    """One hop as it was seen; counts are shots of all rounds.

    Heard of is a shot that a router said had died, answered is one for which something came in the
    server's name; ``neutral`` are all that are not the trigger.
    """

    ttl: int
    address: str | None = None  # ``None``: it said nothing, or it is scrubbed
    scrubbed: bool = False
    asn: int | None = None
    as_name: str = ""
    country: str | None = None
    inside: bool | None = None  # whether that is the vantage's country
    neutral_sent: int = 0
    neutral_heard: int = 0
    neutral_answered: int = 0
    target_sent: int = 0
    target_heard: int = 0
    target_answered: int = 0


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A whole trace; ``shots`` are its evidence."""

    trigger: Trigger
    host: str
    address: str
    port: int
    target: str = ""
    neutral: str = ""
    country: str = "ZZ"  # of the vantage
    rounds: int = 0
    interrupted: bool = False
    located: Located
    hops: tuple[HopRow, ...] = ()
    sentence: str = ""
    shots: tuple[Shot, ...] = ()
