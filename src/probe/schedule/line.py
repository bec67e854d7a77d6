"""What was measured about the line in one round, and the gates' inputs made of it; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from probe.analysis.endings import ENCRYPTED
from probe.model.address import is_public
from probe.model.context import Anchor, Gate, GateId, RoundInputs
from probe.model.measurement import DnsEngine, DnsStep, Measurement, Outcome, TlsStep
from probe.model.target import Endpoint
from probe.model.vantage import Access, Network
from probe.schedule.anchors import (
    Authentic,
    anchor_of,
    captive_answer,
    clock_skew_s,
    same_everywhere,
    system_dns_ok,
)
from probe.schedule.network import Seen
from probe.schedule.patience import silent
from probe.schedule.secret import keyed

__all__ = [
    "MOVED",
    "LineFacts",
    "LineLook",
    "facts_now",
    "inputs_of",
    "moved",
    "network_changed",
    "network_of",
]

MOVED = Gate(
    id=GateId.PATH_CHANGED,
    invalidates=True,
    detail="this machine moved to another network during the round",
)


class LineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the operating system says about the line; ``None`` is not known.

    ``gateway`` and ``addresses`` stay in memory: one is keyed, the others serve to scrub.
    """

    default_route: bool | None = None
    gateway: str | None = None
    gateway_reachable: bool | None = None
    tunnel: bool | None = None
    ipv6_route: bool | None = None
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class LineLook:
    """All that was measured about the line so far, by endpoint id."""

    facts: LineFacts
    seen: Seen = field(default_factory=Seen)
    anchors: dict[str, tuple[Endpoint, Measurement]] = field(default_factory=dict)
    repaired: dict[str, Measurement] = field(default_factory=dict)  # later, or by DoH's addresses
    second: dict[str, list[Measurement]] = field(default_factory=dict)  # opinions after a failure
    captive: tuple[Endpoint, Measurement] | None = None
    ipv6: tuple[Endpoint, Measurement] | None = None
    again: list[tuple[Endpoint, Measurement]] = field(default_factory=list)  # at the end
    connect_s: float | None = None  # 95th percentile of the connects when the round began

    def looks(self) -> Iterable[Measurement]:
        """Yield every look at the line that was taken so far."""
        for key, (_, measurement) in self.anchors.items():
            yield from (measurement, *self.second.get(key, ()))
        for one in (self.captive, self.ipv6):
            if one is not None:
                yield one[1]

    def heard_later(self, key: str, looks: Iterable[Measurement]) -> None:
        """Take further looks at an anchor that was silent; the first with an answer stands."""
        taken = [look for look in looks if look.outcome is Outcome.MEASURED]
        self.second.setdefault(key, []).extend(taken)
        answered = next((look for look in taken if not silent(look)), None)
        if answered is not None:
            self.repaired[key] = answered

    def current(self) -> Iterable[tuple[Endpoint, Measurement]]:
        """Yield each anchor that was looked at, with the look that says most about the line.

        One that a budget kept from being measured has not failed.
        """
        for key, (endpoint, measurement) in self.anchors.items():
            if measurement.outcome is Outcome.MEASURED:
                yield endpoint, self.repaired.get(key, measurement)

    def bundles(self) -> Iterable[tuple[Endpoint, tuple[Measurement, ...]]]:
        """Yield all that the opening look measured, one bundle for each endpoint."""
        for key, (endpoint, measurement) in self.anchors.items():
            ipv6 = [self.ipv6[1]] if self.ipv6 is not None and self.ipv6[0].id == key else []
            yield endpoint, (measurement, *self.second.get(key, ()), *ipv6)
        if self.captive is not None:
            yield self.captive[0], (self.captive[1],)

    def anchor_values(self) -> tuple[Anchor, ...]:
        """Return the anchors as the gates read them."""
        return tuple(anchor_of(endpoint, m) for endpoint, m in self.current())


def inputs_of(
    line: LineLook, *, country: str, changed: bool, suspended: bool, authentic: Authentic
) -> RoundInputs:
    """Return what the gates are decided by; ``country`` is the declared one."""
    looks = list(line.current())
    values = line.anchor_values()
    skews = (clock_skew_s(measurement, endpoint, authentic) for endpoint, measurement in looks)
    status, redirect = captive_answer(line.captive[1]) if line.captive else (None, None)
    return RoundInputs(
        default_route=line.facts.default_route,
        gateway_reachable=line.facts.gateway_reachable,
        tunnel=line.facts.tunnel,
        seen_asn=line.seen.asn,
        seen_country=line.seen.country,
        declared_country=country,
        network_changed=changed,
        anchors=values,
        captive_status=status,
        captive_redirect=redirect,
        captive_same_everywhere=same_everywhere([m for _, m in looks]),
        clock_skews_s=tuple(s for s in skews if s is not None),
        connect_s=line.connect_s,
        suspended=suspended,
        system_resolver_ok=tuple(_system(line)),
        other_resolver_ok=tuple(_other(line)),
        neutral_bogons=tuple(sorted(set(_bogons(line)))),
        neutral_denials=tuple(sorted(set(_denials(line)))),
        neutral_issuers=tuple(sorted(set(_strange_issuers(looks)))),
        ipv4_ok=any(a.ok for a in values) if values else None,
        ipv6_ok=_ipv6(line),
    )


def _system(line: LineLook) -> Iterable[bool]:
    """Yield, for each anchor's name, whether the system's resolver knew it, in two tries."""
    for key, (_, measurement) in line.anchors.items():
        tries = [system_dns_ok(m) for m in (measurement, *line.second.get(key, ()))]
        if any(ok is not None for ok in tries):
            yield any(tries)


def _other(line: LineLook) -> Iterable[bool]:
    """Yield whether an encrypted resolver knew the names that the system's did not."""
    for measurements in line.second.values():
        asked = [
            step.failure is None and bool(step.answers)
            for m in measurements
            for step in m.steps
            if isinstance(step, DnsStep) and step.engine is DnsEngine.DOH
        ]
        if asked:
            yield any(asked)


def _bogons(line: LineLook) -> Iterable[str]:
    """Yield what is no public address among the answers for neutral names."""
    for _, measurement in line.anchors.values():
        for step in measurement.steps:
            if isinstance(step, DnsStep):
                yield from (a.address for a in step.answers if not is_public(a.address))


def _denials(line: LineLook) -> Iterable[str]:
    """Yield how plain resolvers failed for neutral names."""
    for _, measurement in line.anchors.values():
        for step in measurement.steps:
            plain = isinstance(step, DnsStep) and step.engine not in ENCRYPTED
            if plain and step.failure is not None:
                yield step.failure


def _strange_issuers(looks: Iterable[tuple[Endpoint, Measurement]]) -> Iterable[str]:
    """Yield issuers on neutral names that the packaged roots do not know."""
    for _, measurement in looks:
        for step in measurement.steps:
            certificate = step.certificate if isinstance(step, TlsStep) else None
            if certificate is not None and certificate.packaged == "ssl_unknown_authority":
                yield certificate.issuer


def _ipv6(line: LineLook) -> bool | None:
    """Return whether IPv6 works; a name without an IPv6 address says nothing."""
    if line.ipv6 is None:
        return None
    endpoint, measurement = line.ipv6
    dialled = any(not isinstance(step, DnsStep) for step in measurement.steps)
    return anchor_of(endpoint, measurement).ok if dialled else None


def network_of(
    line: LineLook, *, secret: bytes, access: Access, previous: Network | None
) -> Network:
    """Return the network key of this round; the gateway only as a keyed fingerprint.

    When the AS could not be seen, which is so in every outage, the line is taken to be on the
    network of the last round unless its gateway shows otherwise: a shutdown must not look like
    a move to a network of its own.
    """
    gateway = keyed(secret, line.facts.gateway) if line.facts.gateway else None
    asn, name = line.seen.asn or 0, line.seen.name
    if asn == 0 and previous is not None and _same_gateway(gateway, previous.gateway):
        asn, name = previous.asn, previous.name
    return Network(asn=asn, name=name, access=access, gateway=gateway)


def network_changed(network: Network, previous: Network | None) -> bool:
    """Return whether this is another network than the last round's; unknown is no change."""
    if previous is None:
        return False
    moved = network.asn != previous.asn and network.asn != 0 and previous.asn != 0
    return moved or not _same_gateway(network.gateway, previous.gateway)


def facts_now(opened: LineFacts, now: LineFacts) -> LineFacts:
    """Return what the system says at the end of a round, or what it said when it says nothing."""
    return opened if now.default_route is None else now


def moved(opened: LineFacts, closed: LineFacts) -> bool:
    """Return whether the way out leads through another gateway than at the beginning."""
    return not _same_gateway(opened.gateway, closed.gateway)


def _same_gateway(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
