"""The shape of a rule, and the pattern that most rules of interference share."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from probe.analysis.endings import Layer
from probe.analysis.features import Features
from probe.analysis.grounds import Ground
from probe.model.verdict import Confidence, Locus, State

__all__ = ["Need", "Predicate", "Rule", "contrast", "missing", "row"]

Predicate = Callable[[Features], bool]


class Need(StrEnum):
    """What a rule's confidence rests on; where it is missing, the verdict is weak, not another."""

    REPRODUCED = "it failed alike again, in two of three attempts clear of each other's residue"
    SPREAD = "a second address failed too, or a neighbour of the address answers"
    SAME_ADDRESS = "a control gets through, at the same time, at an address that fails here"
    NETWORK_UP = "no other endpoint on the same network was seen to fail as well"
    UNDISPUTED = "no other resolver gets an answer of no as well"
    NEUTRAL_NAME = "a neutral name resolves on the same resolver"
    OTHER_ISSUER = "the control saw another issuer"


_MET: dict[Need, Predicate] = {
    Need.REPRODUCED: lambda f: f.attempts.reproduced is True,
    Need.SPREAD: lambda f: f.tcp.spread,
    Need.SAME_ADDRESS: lambda f: f.control.same_address is True,
    Need.NETWORK_UP: lambda f: f.tcp.neighbour is not False,
    Need.UNDISPUTED: lambda f: f.dns.said_no_elsewhere is not True,
    Need.NEUTRAL_NAME: lambda f: f.line.resolver_ok is True,
    Need.OTHER_ISSUER: lambda f: f.tls.issuer_matches is False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table; the first row whose ``when`` holds makes the verdict.

    ``sentence`` is for people; ``{service}``, ``{host}`` and a few more names are filled in.
    ``fooled_by`` says what could make the row wrong, and what guards against it. ``cites``
    names the topics whose steps are evidence.
    """

    id: str
    layer: Layer
    when: Predicate
    state: State
    mechanism: str
    locus: Locus
    confidence: Confidence
    sentence: str
    fooled_by: str
    needs: tuple[Need, ...] = ()
    cites: tuple[str, ...] = ()
    version: int = 1

    def confidence_of(self, features: Features) -> Confidence:
        """Return the confidence, lowered to weak where something that it needs is missing."""
        return Confidence.WEAK if missing(self, features) else self.confidence


def missing(rule: Rule, features: Features) -> tuple[Need, ...]:
    """Return what the rule's confidence needs and these features do not have."""
    return tuple(need for need in rule.needs if not _MET[need](features))


def row(
    name: str,
    when: Predicate,
    state: State,
    mechanism: str,
    locus: Locus,
    confidence: Confidence,
    sentence: str,
    fooled_by: str,
    needs: tuple[Need, ...] = (),
    *,
    layer: Layer,
    cites: tuple[str, ...] = ("main",),
    version: int = 1,
) -> Rule:
    """Return one row, its parts in the order in which a table is read.

    A table gives its layer, and what its rows cite, once: ``partial(row, layer=...)``.
    """
    return Rule(
        id=name,
        layer=layer,
        when=when,
        state=state,
        mechanism=mechanism,
        locus=locus,
        confidence=confidence,
        sentence=sentence,
        fooled_by=fooled_by,
        needs=needs,
        cites=cites,
        version=version,
    )


_LIVE = "A control reaches it at the same time."
_NOBODY = "Who does it is not shown."
_ELSEWHERE = "An encrypted resolver knows the name; whether its answer works was not shown."
_EXPECTED = "It has worked before or elsewhere; whether it is up right now was not seen."
_ALONE = "Without a control it cannot be told whether the service itself is down."


def contrast(
    name: str,
    when: Predicate,
    *,
    layer: Layer,
    mechanism: str,
    locus: Locus,
    sentence: str,
    fooled_by: str,
    needs: tuple[Need, ...] = (Need.REPRODUCED,),
    path: Predicate | None = None,
    path_says: str = "",
    ab: Predicate | None = None,
    ab_says: str = "",
    elsewhere: Predicate | None = None,
    live: Confidence = Confidence.LIKELY,
    outage: bool = True,
    alone: bool = True,
    version: int = 1,
) -> tuple[Rule, ...]:
    """Return one sign of interference on each ground that can carry it, strongest first.

    ``.path``: shown to be made on the way, the only ground that names the network; ``.ab``: an
    A/B comparison within the round; ``.live``: a contemporaneous control; ``.elsewhere``:
    another resolver disagrees, unproven; ``.expected``: a snapshot or the own past, which is
    inconclusive where an ``outage`` of the service looks the same; ``.alone``: nothing to
    compare with, which is never more than inconclusive. A sign that is itself a comparison has
    no ``.alone``.
    """
    whose = f" {_NOBODY}" if locus is Locus.UNKNOWN else ""

    def on(ground: Ground, more: Predicate, says: str, confidence: Confidence, cite: str) -> Rule:
        blocked = ground.of_now or (ground is Ground.EXPECTED and not outage)
        return Rule(
            id=f"{name}.{ground}",
            layer=layer,
            when=lambda f: when(f) and more(f),
            state=State.BLOCKED if blocked else State.INCONCLUSIVE,
            mechanism=mechanism,
            locus=Locus.NETWORK if ground is Ground.PATH else locus if blocked else Locus.UNKNOWN,
            confidence=confidence,
            sentence=f"{sentence} {says}",
            fooled_by=fooled_by,
            needs=() if confidence is Confidence.WEAK else needs,
            cites=("main", cite) if cite else ("main",),
            version=version,
        )

    likely, weak = Confidence.LIKELY, Confidence.WEAK
    rows = [on(Ground.PATH, path, path_says, likely, "comparison")] if path is not None else []
    if ab is not None:
        rows.append(on(Ground.AB, ab, ab_says, likely, "comparison"))
    rows.append(on(Ground.LIVE, lambda f: f.control.live, _LIVE + whose, live, "control"))
    if elsewhere is not None:
        rows.append(on(Ground.ELSEWHERE, elsewhere, _ELSEWHERE, weak, "comparison"))
    rows.append(on(Ground.EXPECTED, lambda f: f.control.only_expected, _EXPECTED, weak, "control"))
    if alone:
        rows.append(on(Ground.ALONE, lambda _: True, _ALONE, weak, ""))
    return tuple(rows)
