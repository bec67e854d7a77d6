"""Rules before the target is looked at: nothing to judge, an invalid round, a retired service."""

from collections.abc import Collection

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Predicate, Rule
from probe.model.context import GateId
from probe.model.measurement import Outcome
from probe.model.target import Kind
from probe.model.verdict import Confidence, Locus, State

__all__ = ["FIRST", "GUARDS"]


def _outcome(
    outcomes: Collection[Outcome], mechanism: str, sentence: str, fooled_by: str, version: int = 1
) -> Rule:
    return Rule(
        id=f"round.{mechanism}",
        version=version,
        layer=Layer.ROUND,
        when=lambda f: f.outcome in outcomes,
        state=State.INCONCLUSIVE,
        mechanism=mechanism,
        locus=Locus.LOCAL,
        confidence=Confidence.CONFIRMED,
        sentence=sentence,
        fooled_by=fooled_by,
    )


def _gate(gate: GateId, locus: Locus, sentence: str, fooled_by: str) -> Rule:
    def closed(f: Features) -> bool:
        return f.target and f.line.gate is not None and f.line.gate.id is gate

    return Rule(
        id=f"gate.{gate}",
        layer=Layer.ROUND,
        when=closed,
        state=State.INVALID,
        mechanism=str(gate),
        locus=locus,
        confidence=Confidence.CONFIRMED,
        sentence=sentence,
        fooled_by=fooled_by,
        cites=("gate",),
    )


FIRST: tuple[Rule, ...] = (
    _gate(
        GateId.VPN_ON,
        Locus.LOCAL,
        "A tunnel (VPN) was on: what was measured is the line at its far end.",
        "A tunnel that is used for a private network only.",
    ),
    _gate(
        GateId.PATH_CHANGED,
        Locus.LOCAL,
        "This machine moved to another network during the round: the round is not used.",
        "A router that was replaced meanwhile. A network that differs from the last round's is "
        "no fault: it has series of its own.",
    ),
    _gate(
        GateId.CLOCK,
        Locus.LOCAL,
        "This machine's clock was wrong or the machine slept: the round is not used.",
        "Two servers with the same wrong clock; only TLS-authenticated times are used.",
    ),
    _gate(
        GateId.OFFLINE_LOCAL,
        Locus.LOCAL,
        "This machine was not connected to its own network.",
        "Gateways that answer nothing; any anchor that passes overrules it.",
    ),
    _gate(
        GateId.CAPTIVE_PORTAL,
        Locus.UNKNOWN,
        "A login page answered in place of every page: log in, then measure.",
        "A network that answers all plain HTTP; any group of anchors that passes overrules it.",
    ),
    _gate(
        GateId.OFFLINE_UPSTREAM,
        Locus.UNKNOWN,
        "Nothing beyond this line answered. One line cannot tell its own fault from a shutdown.",
        "An outage of this provider; a second network must agree.",
    ),
    _gate(
        GateId.DOMESTIC_ONLY,
        Locus.UNKNOWN,
        "This line reaches only domestic sites.",
        "A spent prepaid balance with free domestic sites; anchors on a CDN inside the country.",
    ),
    _outcome(
        (Outcome.INTERRUPTED,),
        "interrupted",
        "The measurement of {service} was interrupted; it says nothing.",
        "A run that is stopped again and again; it is a gap, never a block.",
    ),
    _outcome(
        (Outcome.NOT_RUN, Outcome.NOT_MEASURED_YET),
        "not_run",
        "{service} ({host}) was not measured: {why}.",
        "Budgets that always cut the same targets; the order is shuffled.",
        version=2,
    ),
    Rule(
        id="service.retired",
        layer=Layer.SERVICE,
        when=lambda f: f.retired,
        state=State.DOWN,
        mechanism="service.retired",
        locus=Locus.SERVER,
        confidence=Confidence.CONFIRMED,
        sentence="{service} was closed by its operator; it is left out of all rates.",
        fooled_by="A wrong date in the catalog.",
    ),
)
"""Asked before anything else, in this order."""


def _failing(f: Features) -> bool:
    return f.target and f.ending.layer is not None


def _guard(
    name: str,
    when: Predicate,
    locus: Locus,
    sentence: str,
    fooled_by: str,
    mechanism: str = "",
    version: int = 1,
) -> Rule:
    return Rule(
        id=f"line.{name}",
        layer=Layer.ROUND,
        when=when,
        state=State.INCONCLUSIVE,
        mechanism=mechanism or f"line.{name}",
        locus=locus,
        confidence=Confidence.WEAK,
        sentence=sentence,
        fooled_by=fooled_by,
        cites=("main", "gate"),
        version=version,
    )


def _all_silent(f: Features) -> bool:
    shaky = f.line.lossy is True or f.line_shaky
    return _failing(f) and f.ending.kind is FailureClass.TIMEOUT and shaky


def _plain_at_login(f: Features) -> bool:
    """Return whether a page in plain text failed where a login page takes such pages."""
    plain = f.endpoint.kind is Kind.HTTP and not f.endpoint.tls
    return plain and f.failed(Layer.HTTP) and f.line.login_page


GUARDS: tuple[Rule, ...] = (
    Rule(
        id="control.failed",
        layer=Layer.CONTROL,
        when=lambda f: not f.target,
        state=State.INCONCLUSIVE,
        mechanism="control.failed",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        sentence="{host} is a control and failed here; by controls the line is judged.",
        fooled_by="A control that is blocked itself; several on different networks are asked.",
        cites=("main",),
    ),
    _guard(
        "local_fault",
        lambda f: _failing(f) and f.ending.kind is FailureClass.LOCAL,
        Locus.LOCAL,
        "This machine itself refused the connection to {host} ({failure}): a firewall on it?",
        "Nothing on the network: the packet never left.",
    ),
    _guard(
        "ipv6",
        lambda f: _failing(f) and f.tcp.only_ipv6 and f.line.ipv6_broken is not False,
        Locus.LOCAL,
        "{service} was tried over IPv6 only, and IPv6 was not shown to work on this line.",
        "IPv6 that is cut on purpose; the anchors over IPv6 fail then, too.",
        "ipv6_broken",
    ),
    Rule(
        id="line.resolver_down.works",
        layer=Layer.DNS,
        when=lambda f: (
            _failing(f)
            and f.failed(Layer.DNS)
            and f.line.resolver_down is True
            and f.dns.vetted is True
        ),
        state=State.OK,
        mechanism="dns.resolver_down",
        locus=Locus.LOCAL,
        confidence=Confidence.LIKELY,
        sentence="{service} works here through another resolver; the resolver of this line fails "
        "for neutral names as well.",
        fooled_by="A resolver that is broken on purpose: the round says so, in every round.",
        cites=("main", "comparison", "gate"),
    ),
    _guard(
        "resolver_down",
        lambda f: _failing(f) and f.failed(Layer.DNS) and f.line.resolver_down is True,
        Locus.LOCAL,
        "The resolver of this line fails for neutral names as well, so for {host} it says nothing.",
        "A resolver that is broken on purpose: a series of its own.",
        "dns.resolver_down",
    ),
    _guard(
        "portal",
        lambda f: _failing(f) and (f.line.portal is True or _plain_at_login(f)),
        Locus.UNKNOWN,
        "{service} failed on a line where a login page answers for some sites: log in, then "
        "measure.",
        "A network that redirects the page by which logins are found, and cuts much else.",
        version=2,
    ),
    _guard(
        "abroad",
        lambda f: _failing(f) and f.line.abroad_fails is True,
        Locus.UNKNOWN,
        "{service} failed while hardly anything abroad answered: it is not about {service}.",
        "Anchors that are blocked themselves; they stand on several networks.",
    ),
    _guard(
        "broke",
        lambda f: _failing(f) and f.line_held is False,
        Locus.UNKNOWN,
        "{service} failed while neutral hosts, asked at the same time, failed as well.",
        "A network that cuts everything for a while after a forbidden name.",
    ),
    _guard(
        "slow",
        lambda f: _failing(f) and f.ending.kind is FailureClass.TIMEOUT and f.line.slow,
        Locus.UNKNOWN,
        "{service} did not answer in time, on a line on which it takes five seconds and more to "
        "connect to neutral hosts: this line is too slow to tell.",
        "A block by silence on a slow line: it is told once the line is faster.",
    ),
    _guard(
        "lossy",
        _all_silent,
        Locus.UNKNOWN,
        "{service} did not answer, but neutral hosts were silent in the same round, too.",
        "Loss that is made on purpose; throttling is judged on series, never on one shot.",
        version=2,
    ),
)
"""Asked of what failed, after every artefact that the line cannot explain."""
