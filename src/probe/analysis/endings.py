"""Where an attempt ended, and in which way: the layer, and the class of its failure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from probe.model.address import is_public, parse_ip
from probe.model.failure import Failure
from probe.model.measurement import (
    DnsEngine,
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Step,
    TcpStep,
    TlsStep,
    UdpStep,
)
from probe.model.target import Kind

__all__ = [
    "ENCRYPTED",
    "PASSED",
    "UNFINISHED",
    "Ending",
    "FailureClass",
    "Layer",
    "answered_late",
    "class_of",
    "ending_of",
    "is_bogon",
    "name_steps",
]

ENCRYPTED = frozenset({DnsEngine.DOH, DnsEngine.DOT})
"""Engines whose answers a network on the path cannot rewrite unseen."""


class Layer(StrEnum):
    """The operation at which something was seen, and the shelf that a rule stands on."""

    ROUND = "round"
    SERVICE = "service"
    CONTROL = "control"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    UDP = "udp"
    EXCHANGE = "exchange"  # a protocol of its own, after the connection and any TLS


class FailureClass(StrEnum):
    """Failures that mean the same to a rule; the exact name stays in the step."""

    NXDOMAIN = "nxdomain"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    SERVFAIL = "servfail"
    TIMEOUT = "timeout"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    ALERT = "alert"
    LOCAL = "local"
    BOGON = "bogon"
    OTHER = "other"


_CLASSES: dict[FailureClass, str] = {
    FailureClass.NXDOMAIN: "dns_nxdomain_error",
    FailureClass.NO_ANSWER: "dns_no_answer android_dns_cache_no_data",
    FailureClass.REFUSED: "dns_refused_error connection_refused",
    FailureClass.SERVFAIL: "dns_servfail_error dns_server_misbehaving dns_temporary_failure "
    "dns_non_recoverable_failure dns_reply_with_wrong_query_id",
    FailureClass.TIMEOUT: "generic_timeout_error timed_out",
    FailureClass.RESET: "connection_reset connection_aborted eof_error network_reset",
    FailureClass.UNREACHABLE: "host_unreachable network_unreachable",
    FailureClass.CERTIFICATE: "ssl_invalid_certificate ssl_invalid_hostname ssl_unknown_authority",
    FailureClass.LOCAL: "network_down permission_denied address_not_available no_buffer_space "
    "address_family_not_supported address_in_use invalid_argument protocol_not_supported "
    "bad_address bad_file_descriptor not_a_socket no_protocol_option wrong_protocol_type "
    "operation_would_block",
    FailureClass.BOGON: "dns_bogon_error",
}
_BY_NAME = {name: kind for kind, names in _CLASSES.items() for name in names.split()}
_NAT64_LOCAL = "64:ff9b:1:"
_LOCAL_WORDS = ("operation not permitted", "too many open files")


def class_of(failure: Failure | None) -> FailureClass | None:
    """Return the class of a failure name; ``None`` for success.

    ``operation not permitted`` (EPERM) is what a local firewall answers.
    """
    if failure is None:
        return None
    if failure.startswith("unknown_failure") and any(word in failure for word in _LOCAL_WORDS):
        return FailureClass.LOCAL
    return _BY_NAME.get(failure, FailureClass.OTHER)


def is_bogon(address: str) -> bool:
    """Return whether no public service can be at ``address``.

    An address of NAT64 with a local prefix (RFC 8215) is no lie: a translator made it.
    """
    ip = parse_ip(address)
    return ip is not None and not is_public(address) and not str(ip).startswith(_NAT64_LOCAL)


LATE_S = 2.0
"""What a resolver answers within this was not late for any system that asked it, too."""

_CUTS = (FailureClass.RESET, FailureClass.TIMEOUT)
_AFTER_CONNECTING = (Layer.TLS, Layer.HTTP, Layer.EXCHANGE)


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt ended; ``layer`` is ``None`` when it passed.

    ``unfinished`` is neither: nothing failed, but what the kind asks for was not done.
    """

    layer: Layer | None
    kind: FailureClass | None = None
    failure: Failure | None = None
    unfinished: bool = False

    @property
    def passed(self) -> bool:
        """Whether all that the kind asks for was done."""
        return self.layer is None and not self.unfinished

    def alike(self, other: "Ending") -> bool:
        """Whether both failed at the same layer in the same way."""
        return self.layer is not None and self.layer is other.layer and self.kind is other.kind

    def akin(self, other: "Ending") -> bool:
        """Whether both are alike, or two ways of cutting one path.

        A censor that resets today and drops tomorrow, or resets the handshake and drops what
        follows, does one thing; which of its ways was met is kept, and proves nothing apart.
        """
        return self.alike(other) or (self._cut and other._cut)

    @property
    def _cut(self) -> bool:
        if self.layer is Layer.TCP:
            return self.kind in (*_CUTS, FailureClass.REFUSED, FailureClass.UNREACHABLE)
        return self.layer in _AFTER_CONNECTING and self.kind in _CUTS


PASSED = Ending(layer=None)
UNFINISHED = Ending(layer=None, unfinished=True)

_LAST: dict[Kind, Layer] = {
    Kind.HTTP: Layer.HTTP,
    Kind.TLS: Layer.TLS,
    Kind.TCP: Layer.TCP,
    Kind.DNS: Layer.DNS,
    Kind.RESOLVER: Layer.DNS,
    Kind.DOH: Layer.DNS,
    Kind.DOT: Layer.DNS,
    Kind.QUIC: Layer.UDP,
    Kind.STUN: Layer.UDP,
    Kind.WIREGUARD: Layer.UDP,
    Kind.IKEV2: Layer.UDP,
    Kind.TOR_OR: Layer.EXCHANGE,
    Kind.TOR_DIR: Layer.HTTP,
    Kind.OBFS4: Layer.TCP,
    Kind.SIGNAL_PROXY: Layer.EXCHANGE,
    Kind.MTPROTO: Layer.EXCHANGE,
    Kind.WHATSAPP: Layer.EXCHANGE,
}


def name_steps(kind: Kind, steps: Iterable[Step]) -> tuple[DnsStep, ...]:
    """Return the steps that resolve the endpoint's own name (not what a resolver was asked)."""
    own = tuple(s for s in steps if isinstance(s, DnsStep))
    if kind in (Kind.DOH, Kind.DOT):
        return tuple(s for s in own if s.engine not in ENCRYPTED)
    return () if kind is Kind.RESOLVER else own


def ending_of(measurement: Measurement) -> Ending:
    """Return where ``measurement`` ended, by the deepest layer at which nothing passed.

    The system resolver decides over the DNS layer, for it is what applications use: when it
    failed, the attempt failed, whatever another engine found, unless it only gave up too soon.
    """
    steps, kind = measurement.steps, measurement.kind
    names = name_steps(kind, steps)
    if names and kind is not Kind.DNS:
        broken = _dns_ending(names)
        if broken is not None:
            return broken
    layer = _LAST.get(kind, Layer.TCP)
    if layer is Layer.DNS:
        return _resolved(kind, steps)
    if kind is Kind.OPENVPN:
        layer = Layer.EXCHANGE if any(isinstance(s, TcpStep) for s in steps) else Layer.UDP
    if kind is Kind.QUIC and _asked_only(steps):
        return UNFINISHED
    return _foreign_certificate(steps) or _deepest(layer, steps)


def _asked_only(steps: tuple[Step, ...]) -> bool:
    """Return whether QUIC's first question was answered, and no handshake was tried."""
    said = [s for s in steps if isinstance(s, UdpStep)]
    return bool(said) and said[-1].protocol == "quic-versions" and said[-1].failure is None


def _deepest(wanted: Layer, steps: tuple[Step, ...]) -> Ending:
    for layer, step_type in _DEEPEST_FIRST:
        found = [s for s in steps if isinstance(s, step_type)]
        if not found:
            continue
        if found[-1].failure is None:  # the last one: earlier ones were redirects or addresses
            return PASSED if layer is wanted else UNFINISHED
        return _failed(layer, found[-1])
    return UNFINISHED


def _foreign_certificate(steps: tuple[Step, ...]) -> Ending | None:
    """Return a certificate failure, whatever was read over that connection afterwards."""
    shaken = [s for s in steps if isinstance(s, TlsStep)]
    if shaken and class_of(shaken[-1].failure) is FailureClass.CERTIFICATE:
        return _failed(Layer.TLS, shaken[-1])
    return None


_Deep = ExchangeStep | HttpStep | UdpStep | TlsStep | TcpStep
_DEEPEST_FIRST: tuple[tuple[Layer, type[_Deep]], ...] = (
    (Layer.EXCHANGE, ExchangeStep),
    (Layer.HTTP, HttpStep),
    (Layer.EXCHANGE, ExchangeStep),
    (Layer.UDP, UdpStep),
    (Layer.TLS, TlsStep),
    (Layer.TCP, TcpStep),
)


def _failed(layer: Layer, step: Step) -> Ending:
    kind = class_of(step.failure)
    alerted = isinstance(step, TlsStep) and step.alert is not None
    if alerted and kind is not FailureClass.CERTIFICATE:
        kind = FailureClass.ALERT
    if isinstance(step, UdpStep) and (step.reply or "").startswith("alert "):
        kind = FailureClass.ALERT  # of whatever name: no certificate is in this step
    return Ending(layer=layer, kind=kind, failure=step.failure)


def _dns_ending(names: tuple[DnsStep, ...]) -> Ending | None:
    """Return the DNS failure that ended an attempt, ``None`` when names were resolved."""
    decisive = [s for s in names if s.engine is DnsEngine.SYSTEM] or list(names)
    if answered_late(names):
        decisive = [s for s in names if s.engine is DnsEngine.UDP]
    answered = [a.address for s in decisive if s.failure is None for a in s.answers]
    if any(not is_bogon(a) for a in answered):
        return None
    if answered:
        return Ending(layer=Layer.DNS, kind=FailureClass.BOGON, failure="dns_bogon_error")
    # The UDP engine sees the answer code, where getaddrinfo only says that it failed.
    failed = [s for s in names if s.failure is not None and s.engine not in ENCRYPTED]
    clearer = [s for s in failed if s.rcode is not None] or failed or list(decisive)
    failure = clearer[-1].failure
    kind = class_of(failure) or FailureClass.NO_ANSWER
    return Ending(layer=Layer.DNS, kind=kind, failure=failure or "dns_no_answer")


def answered_late(names: Sequence[DnsStep]) -> bool:
    """Return whether the line's resolver had answers, only later than the system waited for them.

    The system keeps to deadlines of its own (resolv.conf(5): 5 s, twice), which a slow line
    exceeds; it does not say why it gave up. What comes in the usual time is not late.
    """
    gave_up_s = [
        s.t_s - s.t0_s
        for s in names
        if s.engine is DnsEngine.SYSTEM
        and class_of(s.failure) in (FailureClass.TIMEOUT, FailureClass.SERVFAIL)
    ]
    later = (
        s.t_s - s.t0_s >= max(*gave_up_s, LATE_S)
        for s in names
        if gave_up_s and s.engine is DnsEngine.UDP and s.failure is None and s.answers
    )
    return len(gave_up_s) == sum(s.engine is DnsEngine.SYSTEM for s in names) and any(later)


def _resolved(kind: Kind, steps: tuple[Step, ...]) -> Ending:
    """Return how a DNS, resolver, DoH or DoT endpoint ended: deeper layers carry the query."""
    asked = [s for s in steps if isinstance(s, DnsStep)]
    if kind in (Kind.DOH, Kind.DOT):
        asked = [s for s in asked if s.engine in ENCRYPTED]
    if kind is Kind.DNS and asked:
        return _dns_ending(tuple(asked)) or PASSED
    if any(s.failure is None for s in asked):
        return PASSED
    for layer, step_type in _DEEPEST_FIRST:
        found = [s for s in steps if isinstance(s, step_type)]
        if found and all(s.failure is not None for s in found):
            return _failed(layer, found[-1])
    return _failed(Layer.DNS, asked[-1]) if asked else UNFINISHED
