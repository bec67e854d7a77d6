"""What was seen: one endpoint measured once, as an ordered list of steps. No judgement here."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from probe.model.failure import Failure, check_failure
from probe.model.goodput import Direction, Transport
from probe.model.moment import Moment
from probe.model.target import Kind

__all__ = [
    "GOODPUTS",
    "GOODPUTS_OWN",
    "STALL_S",
    "Answer",
    "CertificateCheck",
    "DnsEngine",
    "DnsStep",
    "ExchangeStep",
    "HttpStep",
    "LateAnswer",
    "Measurement",
    "Outcome",
    "Proof",
    "Step",
    "TcpStep",
    "TlsStep",
    "TransferStep",
    "UdpStep",
    "Variant",
    "main_look",
]


class DnsEngine(StrEnum):
    """How a name was asked for."""

    SYSTEM = "system"  # getaddrinfo, as applications do
    UDP = "udp"
    TCP = "tcp"
    DOT = "dot"
    DOH = "doh"


class Outcome(StrEnum):
    """Whether there is anything to judge."""

    MEASURED = "measured"
    NOT_RUN = "not_run"  # budget, time or risk tier; ``reason`` says which
    NOT_MEASURED_YET = "not_measured_yet"  # no probe for this kind
    INTERRUPTED = "interrupted"  # cancelled; never blocked


class Variant(StrEnum):
    """Why this measurement was taken: the first look, or one follow-up of it."""

    MAIN = "main"
    RETEST = "retest"
    DOH = "doh"  # the same name through an encrypted resolver, then TLS to its answer
    OTHER_RESOLVER = "other_resolver"
    NEUTRAL_SNI = "neutral_sni"  # the same address with a neutral SNI
    OTHER_HOST = "other_host"  # the target's SNI at a consenting host's address
    OTHER_ADDRESS = "other_address"
    OTHER_FAMILY = "other_family"
    NEIGHBOUR = "neighbour"  # another endpoint of the catalog on the same network
    OTHER_STOREFRONT = "other_storefront"  # the same app in the storefront of another country
    ANCHOR = "anchor"  # a neutral host, asked right after this endpoint failed
    COMPARISON = "comparison"  # the same question in another form, at the same address and port
    CONNECT = "connect"  # a connection to the same address and port in which nothing is said
    OTHER_UDP = "other_udp"  # another service of this round that answers over UDP
    BY_TCP = "by_tcp"  # TLS over TCP at the same address and port, where QUIC failed
    GOODPUT = "goodput"  # the endpoint's own object, timed; the other goodputs are its controls
    GOODPUT_SNI = "goodput_sni"  # the same object from the same address, with a neutral SNI
    GOODPUT_NEUTRAL = "goodput_neutral"  # an object of a neutral host
    GOODPUT_ABROAD = "goodput_abroad"  # an object abroad, beside one in the country
    GOODPUT_OWN = "goodput_own"  # a server of one's own, under the endpoint's name or like a call
    GOODPUT_OWN_NEUTRAL = "goodput_own_neutral"  # the same server, under a name of no interest


class Proof(StrEnum):
    """What a reply in a protocol of its own shows about who sent it."""

    IDENTITY = "identity"  # it was signed by the key that is known to be the service's
    ECHO = "echo"  # it was made for what we sent: our random bytes come back, or our seal opens
    FORM = "form"  # it is of the protocol, and could have been sent to anybody
    FOREIGN = "foreign"  # it is of the protocol, and answers another question than ours
    OTHER_IDENTITY = "other_identity"  # it answers us, with another key than the known one
    OTHER = "other"  # it is of no such protocol


class StepBase(msgspec.Struct, frozen=True, kw_only=True):
    """One operation: ``t0_s`` and ``t_s`` are seconds since the measurement's start."""

    t0_s: float
    t_s: float
    failure: Failure | None = None

    def __post_init__(self) -> None:
        """Keep the failure vocabulary closed and time going forward."""
        check_failure(self.failure)
        if self.t_s < self.t0_s:
            raise ValueError("a step ends before it starts")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a DNS answer; ``asn`` is annotated from an offline database."""

    address: str
    asn: int | None = None
    local: bool = False  # in this line's own network: its router, or a machine beside it


class LateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A second response to one query that differs from the first: a race."""

    t_s: float
    rcode: int
    addresses: tuple[str, ...] = ()


class DnsStep(StepBase, frozen=True, kw_only=True, tag="dns"):
    """A name asked for; ``resolver`` is ``system``, ``address:port`` or a DoH URL."""

    hostname: str
    qtype: str  # A, AAAA
    engine: DnsEngine
    resolver: str
    rcode: int | None = None
    answers: tuple[Answer, ...] = ()
    cnames: tuple[str, ...] = ()
    late: tuple[LateAnswer, ...] = ()


class TcpStep(StepBase, frozen=True, kw_only=True, tag="tcp"):
    """A TCP connection attempt."""

    address: str
    port: int


class CertificateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Opinions on one chain for one name; ``None`` is valid, else a failure name.

    ``packaged`` uses certifi's Mozilla roots (or the pinned root), ``system`` the machine's
    store; they differ where an interception is trusted by the system only.
    """

    packaged: Failure | None
    system: Failure | None
    issuer: str  # RFC 4514 name of the leaf's issuer
    issuer_spki_sha256: str | None = None  # of the issuing certificate, when it was sent
    leaf_sha256: str
    not_before: Moment | None = None
    not_after: Moment | None = None
    verified_within: bool | None = None  # expired: does it verify inside the leaf's dates?


class TlsStep(StepBase, frozen=True, kw_only=True, tag="tls"):
    """A TLS handshake; byte counts tell a reset after ClientHello from a later one.

    ``failure`` is the handshake's, or the packaged-roots verdict on the certificate.
    """

    address: str
    port: int
    sni: str | None
    alpn_offered: tuple[str, ...] = ()
    alpn: str | None = None
    version: str | None = None  # TLSv1.3
    cipher: str | None = None
    alert: str | None = None  # RFC 8446 name of an alert that the peer sent
    certificate: CertificateCheck | None = None
    chain: tuple[bytes, ...] = ()  # DER, leaf first; also when verification fails
    bytes_sent: int = 0
    bytes_received: int = 0


class HttpStep(StepBase, frozen=True, kw_only=True, tag="http"):
    """A request and what came back; the body itself is not kept."""

    method: str
    host: str
    path: str
    address: str
    port: int
    tls: bool
    protocol: str | None = None  # HTTP/1.1, HTTP/2
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()  # allowlisted, lower case, own address scrubbed
    title: str | None = None
    body_length: int = 0  # bytes as read, after decoding
    body_sha256: str | None = None
    body_truncated: bool = False
    expected: bool | None = None  # the endpoint's ``expect`` was met; None without one
    absent: bool | None = (
        None  # the store says that it has no such app; None for what is no listing
    )
    fingerprints: tuple[str, ...] = ()  # ids of the marks found in status, headers, title, body


class UdpStep(StepBase, frozen=True, kw_only=True, tag="udp"):
    """Datagrams sent and answered (STUN, QUIC, OpenVPN, ...); ``reply`` names what came."""

    address: str
    port: int
    protocol: str
    sent: int = 0
    received: int = 0
    reply: str | None = None


class ExchangeStep(StepBase, frozen=True, kw_only=True, tag="exchange"):
    """A question and its answer in a protocol of its own, over TCP, in the clear or inside TLS.

    ``reply`` names what came, and never quotes it: Tor relays tell us our own address.
    ``proof`` is ``None`` when nothing came that could be read.
    """

    address: str
    port: int
    protocol: str
    reply: str | None = None
    proof: Proof | None = None
    bytes_sent: int = 0
    bytes_received: int = 0


class TransferStep(StepBase, frozen=True, kw_only=True, tag="transfer"):
    """An object, or a stream of datagrams, timed while it came (or went, for an upload).

    Bytes are counted beneath TLS, which adds less than 1 %; ``wanted`` is of the object itself.
    ``marks`` are (bytes so far, seconds since ``t0_s``): at the first byte, at each 4 KiB, and
    at the last. ``stalled_at`` is the count of bytes after which nothing moved for
    ``STALL_S`` or more, ``None`` where it always went on; ``longest_stall_s`` the longest pause
    after the first byte. ``rtt_s`` is of the connection's handshake. ``failure`` is what ended
    a transfer that did not end by itself. ``lost_share`` is of datagrams that were not echoed.
    """

    address: str
    port: int
    direction: Direction
    transport: Transport
    wanted: int
    received: int = 0  # of an upload: what the other side took
    marks: tuple[tuple[int, float], ...] = ()
    longest_stall_s: float = 0.0
    stalled_at: int | None = None
    rtt_s: float | None = None
    lost_share: float | None = None


STALL_S = 5.0
"""Seconds without a byte that make a stall."""

GOODPUTS = frozenset(variant for variant in Variant if variant.startswith("goodput"))
"""Looks that time transfers; no rule of a verdict reads them."""

GOODPUTS_OWN = frozenset({Variant.GOODPUT_OWN, Variant.GOODPUT_OWN_NEUTRAL})
"""Those at a server of one's own: who answered is not the service."""

Step = DnsStep | TcpStep | TlsStep | HttpStep | UdpStep | ExchangeStep | TransferStep


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint measured once."""

    endpoint: str
    service: str
    kind: Kind
    variant: Variant = Variant.MAIN
    outcome: Outcome = Outcome.MEASURED
    reason: str | None = None
    started: datetime
    monotonic_s: float = 0.0
    duration_s: float = 0.0
    steps: tuple[Step, ...] = ()
    bytes_sent: int = 0
    bytes_received: int = 0

    def __post_init__(self) -> None:
        """Keep instants aware, in UTC."""
        if self.started.tzinfo is None or self.started.utcoffset() != UTC.utcoffset(None):
            raise ValueError("started must be an aware UTC datetime")

    @property
    def failure(self) -> Failure | None:
        """Return the failure of the last step (what ended the attempt), ``None`` if it passed."""
        if self.outcome is Outcome.INTERRUPTED:
            return "interrupted"
        return self.steps[-1].failure if self.steps else None


def main_look(bundle: Iterable[Measurement]) -> Measurement | None:
    """Return the first look of a bundle, ``None`` where it was never taken."""
    return next((one for one in bundle if one.variant is Variant.MAIN), None)
