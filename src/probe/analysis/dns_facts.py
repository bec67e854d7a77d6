"""What was seen of a name: answers, lies, failures, and what another resolver says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from probe.analysis.attempts import looks
from probe.analysis.controls import Controls
from probe.analysis.endings import ENCRYPTED, FailureClass, class_of, is_bogon, name_steps
from probe.analysis.line_facts import LineFacts
from probe.analysis.marks import JudgeFacts
from probe.model.address import family_of, is_public, parse_ip
from probe.model.measurement import DnsEngine, DnsStep, Measurement, TlsStep, Variant
from probe.model.target import Endpoint

__all__ = ["DnsFacts", "dns_facts"]

_FAKE = ip_network("198.18.0.0/15")
"""For benchmarks (RFC 2544); proxies use it for addresses that mean a name ("fake IP")."""

_ELSEWHERE = (Variant.DOH, Variant.OTHER_RESOLVER)
_DIALLED = (Variant.MAIN, Variant.RETEST, Variant.OTHER_ADDRESS)
_SAID_NO = (
    FailureClass.NXDOMAIN,
    FailureClass.NO_ANSWER,
    FailureClass.REFUSED,
    FailureClass.SERVFAIL,
)


@dataclass(frozen=True, slots=True)
class DnsFacts:
    """Facts about the name; ``None`` is not looked at."""

    addresses: frozenset[str] = frozenset()  # what the line's resolver answered
    elsewhere: frozenset[str] = frozenset()  # what an encrypted or another resolver answered
    bogons: frozenset[str] = frozenset()  # answers that no public service can have
    null_answer: bool = False  # 0.0.0.0, ::, loopback: what ad-blockers answer as well
    bogon_on_neutral: bool | None = None
    sinkhole: str | None = None
    race: bool | None = None
    late: frozenset[str] = field(default_factory=frozenset)
    resolves_elsewhere: bool | None = None
    said_no_elsewhere: bool | None = None  # another resolver gets an answer code of no as well
    vetted: bool | None = None  # the answer from elsewhere serves a certificate for the name
    matches_elsewhere: bool | None = None
    matches_control: bool | None = None
    same_network: bool | None = None  # by AS, compared with elsewhere and the control
    expected: bool | None = None  # among the addresses that the catalog's source states
    local: bool = False  # every answer lies in this line's own network
    denied_alike: bool = False  # a neutral name failed in the same way on a plain resolver
    said_no_sealed: bool = False  # an encrypted resolver gets no address either
    second_lies: bool | None = None  # another plain resolver says the same of this name

    @property
    def honest(self) -> bool:
        """Whether others know what this line is told: then nobody lies about the name."""
        return self.matches_elsewhere is True or self.matches_control is True

    @property
    def on_the_way(self) -> bool:
        """Whether no single resolver can be at fault: two say it, or two answers raced."""
        return self.second_lies is True or self.race is True


def dns_facts(
    endpoint: Endpoint,
    bundle: Sequence[Measurement],
    controls: Controls,
    line: LineFacts,
    facts: JudgeFacts,
) -> DnsFacts:
    """Return the facts about the endpoint's name."""
    here = _plain(bundle)
    there = _elsewhere(bundle)
    if not here:
        return DnsFacts()
    answers = _addresses(here)
    sealed = _addresses(s for s in there if s.engine in ENCRYPTED)
    # A second plain resolver that agrees shows nothing: both may be lied for on the way.
    answered_there = sealed | (_addresses(there) - answers) | _other_addresses(bundle, answers)
    networks = _networks(here)
    others = [s for s in there if s.engine in ENCRYPTED or not _addresses((s,)) & answers]
    networks_there = _networks(others)
    best = controls.best
    late = frozenset(a for s in here for one in s.late for a in one.addresses)
    lies = frozenset(a for a in answers if is_bogon(a))
    known = frozenset(best.addresses) if best is not None else frozenset()
    lies -= known | frozenset(endpoint.expected) | sealed  # then its owner put it there
    if not lies and any(class_of(s.failure) is FailureClass.BOGON for s in here):
        lies = frozenset({"dns_bogon_error"})
    other_networks = networks_there | frozenset(best.asns if best is not None else ())
    return DnsFacts(
        addresses=answers,
        elsewhere=answered_there,
        bogons=lies,
        null_answer=bool(lies) and all(_null(a) for a in lies),
        bogon_on_neutral=_on_neutral(lies, line.bogons) if lies else None,
        sinkhole=facts.sinkhole(sorted((answers | late) - known), line.country),
        race=any(s.late for s in here) if here else None,
        late=late,
        resolves_elsewhere=_resolves(there),
        said_no_elsewhere=_said_no(there),
        vetted=_vetted(bundle, answered_there),
        matches_elsewhere=_same(answers, answered_there),
        matches_control=_same(answers, known),
        same_network=_overlap(networks, other_networks),
        expected=_stated(endpoint, answers, networks),
        local=bool(answers) and all(a.local for s in here for a in s.answers),
        denied_alike=_denied_alike(bundle, here, line),
        said_no_sealed=_said_no([s for s in there if s.engine in ENCRYPTED]) is True,
        second_lies=_second_lies(bundle, answered_there),
    )


def _asked_plainly(bundle: Sequence[Measurement], *variants: Variant) -> list[DnsStep]:
    return [
        s
        for _, m in looks(bundle, *variants)
        for s in name_steps(m.kind, m.steps)
        if s.engine not in ENCRYPTED
    ]


def _second_lies(bundle: Sequence[Measurement], truth: frozenset[str]) -> bool | None:
    """Return whether a second plain resolver says the same, so that no one resolver is at fault.

    Silence counts only where that resolver answers for a neutral name. ``None``: not asked, or
    it failed in another way, which says nothing.
    """
    second = _asked_plainly(bundle, Variant.OTHER_RESOLVER)
    if not second:
        return None
    here = _asked_plainly(bundle, Variant.MAIN, Variant.RETEST)
    ours, theirs = _addresses(here) - truth, _addresses(second)
    if theirs:
        return bool(ours & theirs) and not theirs & truth
    alike = {class_of(s.failure) for s in here} & {class_of(s.failure) for s in second}
    alike.discard(None)
    if ours or not alike:
        return None
    return True if FailureClass.TIMEOUT not in alike or _answers_neutral(bundle) else None


def _denied_alike(bundle: Sequence[Measurement], here: Sequence[DnsStep], line: LineFacts) -> bool:
    """Return whether neutral names fail here in the way in which this name does."""
    mine = {class_of(s.failure) for s in here} - {None}
    beside = {
        class_of(s.failure)
        for _, m in looks(bundle, Variant.ANCHOR)
        for s in m.steps
        if isinstance(s, DnsStep) and s.engine is DnsEngine.SYSTEM
    }
    return bool(mine & (line.denials | beside))


def _answers_neutral(bundle: Sequence[Measurement]) -> bool:
    """Return whether another plain resolver than the system's answers for a neutral name."""
    return any(
        isinstance(s, DnsStep) and s.engine is DnsEngine.UDP and s.failure is None and s.answers
        for _, m in looks(bundle, Variant.ANCHOR)
        for s in m.steps
    )


def _plain(bundle: Sequence[Measurement]) -> tuple[DnsStep, ...]:
    """Return the steps that decide what this line says: the system's, else plain ones."""
    steps = [
        s
        for _, m in looks(bundle, Variant.MAIN, Variant.RETEST)
        for s in name_steps(m.kind, m.steps)
        if s.engine not in ENCRYPTED
    ]
    system = tuple(s for s in steps if s.engine is DnsEngine.SYSTEM)
    raced = tuple(s for s in steps if s.late and s.engine is not DnsEngine.SYSTEM)
    return (*system, *raced) if system else tuple(steps)


def _elsewhere(bundle: Sequence[Measurement]) -> tuple[DnsStep, ...]:
    """Return what other resolvers said, also a plain one that did better than the system's."""
    found = [
        s
        for _, m in looks(bundle, *_ELSEWHERE)
        for s in name_steps(m.kind, m.steps)
        if s.engine is not DnsEngine.SYSTEM
    ]
    for _, m in looks(bundle, Variant.MAIN, Variant.RETEST):
        own = name_steps(m.kind, m.steps)
        asked = [s for s in own if s.engine is DnsEngine.SYSTEM]
        failed = bool(asked) and not any(s.answers and s.failure is None for s in asked)
        for s in own:
            better = failed and s.failure is None and s.engine is not DnsEngine.SYSTEM
            if s.engine in ENCRYPTED or better:
                found.append(s)
    return tuple(found)


def _other_addresses(bundle: Sequence[Measurement], answers: frozenset[str]) -> frozenset[str]:
    """Return addresses, known from elsewhere, that were dialled and are not in the answers."""
    dialled = {
        s.address
        for _, m in looks(bundle, Variant.OTHER_ADDRESS)
        for s in m.steps
        if isinstance(s, TlsStep)
    }
    return frozenset(dialled - answers)


def _addresses(steps: Iterable[DnsStep]) -> frozenset[str]:
    return frozenset(a.address for s in steps for a in s.answers)


def _networks(steps: Iterable[DnsStep]) -> frozenset[int]:
    return frozenset(a.asn for s in steps for a in s.answers if a.asn)


def _null(address: str) -> bool:
    ip = parse_ip(address)
    return ip is not None and (ip.is_unspecified or ip.is_loopback or address.startswith("0."))


def _on_neutral(lies: frozenset[str], neutral: frozenset[str] | None) -> bool | None:
    """Return whether neutral names are lied about alike.

    A proxy of this machine or router that hands out 198.18.0.0/15 gives each name its own.
    """
    if neutral is None:
        return None
    return bool(lies & neutral) or (any(map(_made_up, lies)) and any(map(_made_up, neutral)))


def _made_up(address: str) -> bool:
    ip = parse_ip(address)
    return ip is not None and ip in _FAKE


def _same(ours: frozenset[str], theirs: frozenset[str]) -> bool | None:
    """Return whether both know an address, of the families that ours has; IPv4 is no other IPv6."""
    families = {family_of(a) for a in ours}
    return _overlap(ours, frozenset(a for a in theirs if family_of(a) in families))


def _overlap(
    one: frozenset[str] | frozenset[int], two: frozenset[str] | frozenset[int]
) -> bool | None:
    return bool(one & two) if one and two else None


def _resolves(there: Sequence[DnsStep]) -> bool | None:
    if not there:
        return None
    return any(s.failure is None and any(is_public(a.address) for a in s.answers) for s in there)


def _said_no(there: Sequence[DnsStep]) -> bool | None:
    """Return whether other resolvers refuse too; one out of reach said nothing: ``None``.

    An encrypted answer without any public address is a refusal: nobody on the way wrote it.
    """
    if any(s.failure is None and s.answers and not _leads_nowhere(s) for s in there):
        return False
    refused = any(class_of(s.failure) in _SAID_NO or _leads_nowhere(s) for s in there)
    return True if refused else None


def _leads_nowhere(step: DnsStep) -> bool:
    answered = step.engine in ENCRYPTED and step.failure is None and bool(step.answers)
    return answered and all(is_bogon(a.address) for a in step.answers)


def _vetted(bundle: Sequence[Measurement], addresses: frozenset[str]) -> bool | None:
    """Return whether one of ``addresses`` showed a certificate that is valid for the name."""
    shaken = [
        s
        for _, m in looks(bundle, *_ELSEWHERE, *_DIALLED)
        for s in m.steps
        if isinstance(s, TlsStep) and s.address in addresses
    ]
    if not shaken:
        return None
    return any(
        s.failure is None and s.certificate is not None and s.certificate.packaged is None
        for s in shaken
    )


def _stated(endpoint: Endpoint, answers: frozenset[str], networks: frozenset[int]) -> bool | None:
    """Return whether the answers are among what the catalog's source states."""
    ranges = [n for n in map(_network, endpoint.expected) if n is not None]
    numbers = {int(e[2:]) for e in endpoint.expected if e[:2] == "AS" and e[2:].isdigit()}
    by_network = _overlap(networks, frozenset(numbers))
    if not answers or (not ranges and by_network is None):
        return None
    parsed = [ip for ip in map(parse_ip, answers) if ip is not None]
    return bool(by_network) or any(ip in known for ip in parsed for known in ranges)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
