"""One bundle as facts: what the rules are asked about. Nothing here is a judgement.

``None`` means that nobody looked, or that the look was spoilt; ``False`` that somebody looked
and found nothing. A rule that needs a fact must say which of the two it accepts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from probe.analysis.attempts import Attempts, attempts_of, failing_alike, looks
from probe.analysis.controls import Controls, choose
from probe.analysis.dns_facts import DnsFacts, dns_facts
from probe.analysis.endings import (
    PASSED,
    UNFINISHED,
    Ending,
    FailureClass,
    Layer,
    ending_of,
)
from probe.analysis.exchange_facts import ExchangeFacts, exchange_facts
from probe.analysis.http_facts import HttpFacts, http_facts
from probe.analysis.line_facts import LineFacts, line_facts
from probe.analysis.listing_facts import ListingFacts, listing_facts
from probe.analysis.marks import JudgeFacts
from probe.analysis.path_facts import TcpFacts, TlsFacts, tcp_facts, tls_facts
from probe.analysis.udp_facts import UdpFacts, udp_facts
from probe.model.address import parse_ip
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import DnsStep, Measurement, Outcome, TlsStep, Variant, main_look
from probe.model.target import Endpoint, Kind, Purpose, Service

__all__ = ["ControlFacts", "Features", "features_of", "retired"]

_OTHERS = (
    Variant.OTHER_HOST,
    Variant.NEUTRAL_SNI,
    Variant.NEIGHBOUR,
    Variant.ANCHOR,
    Variant.OTHER_UDP,
)
"""Looks that are not at the endpoint itself."""

_AFTER_TCP = (Layer.TLS, Layer.HTTP, Layer.EXCHANGE)
_OUTCOME_OF_NOTHING = Outcome.NOT_RUN


@dataclass(frozen=True, slots=True)
class ControlFacts:
    """What the controls did at the same time, and what was expected."""

    passed: int = 0  # live ones for which it works
    alike: int = 0  # live ones that failed in the same way
    otherwise: int = 0  # live ones that failed, but differently
    expected: bool = False  # a snapshot or the own past in which it worked
    same_address: bool | None = None  # a live one works at an address that fails here

    @property
    def live(self) -> bool:
        """Whether contemporaneous controls say, without contradiction, that it works."""
        return self.passed > 0 and self.alike == 0

    @property
    def only_expected(self) -> bool:
        """Whether an expected answer is all there is, and nothing live speaks against it."""
        return self.expected and not (self.passed or self.alike or self.otherwise)


@dataclass(frozen=True, slots=True)
class Features:
    """Everything that a rule may ask."""

    endpoint: Endpoint
    outcome: Outcome
    why: str = ""  # the reason of a measurement that was not run
    retired: bool = False
    ending: Ending = field(default_factory=lambda: Ending(layer=None, unfinished=True))
    attempts: Attempts = field(default_factory=lambda: Attempts(0, 0, 0, 0))
    alike: frozenset[str] = frozenset()  # addresses at which a look ended like the first
    line: LineFacts = field(default_factory=LineFacts)
    dns: DnsFacts = field(default_factory=DnsFacts)
    tcp: TcpFacts = field(default_factory=TcpFacts)
    tls: TlsFacts = field(default_factory=TlsFacts)
    http: HttpFacts = field(default_factory=HttpFacts)
    control: ControlFacts = field(default_factory=ControlFacts)
    exchange: ExchangeFacts = field(default_factory=ExchangeFacts)
    udp: UdpFacts = field(default_factory=UdpFacts)
    listing: ListingFacts = field(default_factory=ListingFacts)
    literal: bool = False  # the host is an address, so there is no name to lie about
    sources: tuple[str, ...] = ()  # of the controls that were looked at
    line_held: bool | None = None  # neutral hosts, asked beside the failing looks, answered
    line_shaky: bool = False  # ... and one of them did not

    @property
    def target(self) -> bool:
        """Whether it is something that can be blocked at all."""
        return self.endpoint.purpose is Purpose.TARGET

    def failed(self, layer: Layer) -> bool:
        """Whether the first look ended in a failure at ``layer``."""
        return self.ending.layer is layer


def features_of(
    endpoint: Endpoint,
    service: Service,
    bundle: Sequence[Measurement],
    *,
    context: RoundContext | None,
    controls: Sequence[ControlObservation],
    facts: JudgeFacts,
) -> Features:
    """Return the facts of ``bundle``; deterministic, from these values only."""
    line = line_facts(context)
    main = main_look(bundle)
    if main is None or main.outcome is not Outcome.MEASURED:
        return Features(
            endpoint=endpoint,
            outcome=_OUTCOME_OF_NOTHING if main is None else main.outcome,
            why=(main.reason or "") if main is not None else "nothing was measured",
            retired=retired(service, main),
            line=line,
        )
    chosen = choose(controls, endpoint.id, main.started)
    ending = ending_of(main)
    dns = dns_facts(endpoint, bundle, chosen, line, facts)
    nowhere = dns.said_no_elsewhere is True  # then it fails everywhere, and it is no lie
    if ending.kind is FailureClass.BOGON and not dns.bogons and not nowhere:
        # A private address that the control or the catalog knows as well is no failure.
        ending = PASSED if endpoint.kind is Kind.DNS else UNFINISHED
    authentic = _authentic(bundle, chosen, dns)
    alike = failing_alike(bundle, ending)
    http = http_facts(endpoint, bundle, chosen, facts, line.country)
    return Features(
        endpoint=endpoint,
        outcome=main.outcome,
        retired=retired(service, main),
        ending=ending,
        attempts=attempts_of(bundle, ending),
        alike=alike,
        line=line,
        dns=dns,
        tcp=tcp_facts(endpoint, bundle, authentic, dns.addresses, alike),
        tls=tls_facts(endpoint, bundle, ending, chosen, line, facts),
        http=http,
        control=_control_facts(endpoint, chosen, ending, http, alike),
        exchange=exchange_facts(bundle),
        udp=udp_facts(endpoint, bundle),
        listing=listing_facts(endpoint, bundle, http, chosen),
        literal=parse_ip(endpoint.host) is not None,
        sources=_sources(chosen),
        line_held=_line_held(bundle),
        line_shaky=not all(_neutral_hosts(bundle)),
    )


def retired(service: Service, main: Measurement | None) -> bool:
    """Return whether the service was closed by its operator before ``main`` was measured."""
    if service.retired_on is None:
        return False
    return main is None or service.retired_on <= main.started.date()


def _authentic(bundle: Sequence[Measurement], controls: Controls, dns: DnsFacts) -> frozenset[str]:
    """Return addresses that are the service's own: controls', encrypted answers, vetted ones."""
    vetted = frozenset(
        s.address
        for _, m in looks(bundle, *Variant)
        if m.variant not in _OTHERS
        for s in m.steps
        if isinstance(s, TlsStep) and s.failure is None and s.certificate is not None
    )
    seen = (*controls.live, *((controls.expected,) if controls.expected is not None else ()))
    return vetted | dns.elsewhere | frozenset(a for c in seen for a in c.addresses)


def _control_facts(
    endpoint: Endpoint,
    controls: Controls,
    ending: Ending,
    http: HttpFacts,
    failing: frozenset[str],
) -> ControlFacts:
    passed = alike = otherwise = 0
    troubled = http.status is not None and http.status >= 500
    for seen in controls.live:
        errs = seen.failure is None and seen.status is not None and seen.status >= 500
        if errs:
            alike, otherwise = alike + troubled, otherwise + (not troubled)
        elif seen.failure is None:
            passed += 1
        elif _alike(seen, ending):
            alike += 1
        else:
            otherwise += 1
    return ControlFacts(
        passed=passed,
        alike=alike,
        otherwise=otherwise,
        expected=controls.expected is not None,
        same_address=_same_address(endpoint, controls, failing),
    )


def _same_address(endpoint: Endpoint, controls: Controls, failing: frozenset[str]) -> bool | None:
    """Return whether a live control got through where this line does not: at one address.

    A control that does not say which address it dialled dialled one that it knows. ``None``
    when no control passed, or none of them says where.
    """
    good = [c for c in controls.live if c.failure is None]
    if good and parse_ip(endpoint.host) is not None:
        return True
    places = [{c.address} if c.address is not None else set(c.addresses) for c in good]
    said = [place for place in places if place]
    return any(place <= failing for place in said) if said else None


def _line_held(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether neutral hosts answered beside what failed; the last of them decides.

    One that fails is asked twice (two hosts); a line that broke meanwhile fails both.
    """
    answered = _neutral_hosts(bundle)
    if not answered:
        return None
    return not (len(answered) >= 2 and not any(answered[-2:]))


def _neutral_hosts(bundle: Sequence[Measurement]) -> list[bool]:
    """Return which neutral hosts answered; one that was not dialled for want of a name is none."""
    ends = [m.steps[-1] for _, m in looks(bundle, Variant.ANCHOR) if m.steps]
    return [s.failure is None for s in ends if not isinstance(s, DnsStep)]


def _alike(seen: ControlObservation, ending: Ending) -> bool:
    """Return whether a control failed at the same operation; after TCP, TLS and HTTP are one.

    A control fetches a page in one go and may not tell a handshake that failed from a request.
    """
    theirs, ours = seen.failed_operation, ending.layer
    if ours is None or theirs is None:
        return False
    return theirs == ours or (theirs in _AFTER_TCP and ours in _AFTER_TCP)


def _sources(controls: Controls) -> tuple[str, ...]:
    seen = [c.source for c in controls.live]
    if controls.expected is not None:
        seen.append(controls.expected.source)
    return tuple(seen)
