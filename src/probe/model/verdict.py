"""What is said about an endpoint or a service: never one flat word."""

from enum import StrEnum

import msgspec

from probe.model.target import Role

__all__ = [
    "Compared",
    "Confidence",
    "Fate",
    "Locus",
    "PartVerdict",
    "Reason",
    "RoleVerdict",
    "ServiceVerdict",
    "State",
    "Verdict",
    "WholeVerdict",
]


class State(StrEnum):
    """The closed list of states."""

    OK = "ok"
    BLOCKED = "blocked"
    DEGRADED = "degraded"
    DOWN = "down"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"  # the instrument's fault; never counted


class Locus(StrEnum):
    """Whose doing it is."""

    NETWORK = "network"
    SERVER = "server"
    LOCAL = "local"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How well it is shown; ``weak`` never makes a headline."""

    CONFIRMED = "confirmed"  # a distinctive artefact
    LIKELY = "likely"  # a reproduced A/B contrast
    WEAK = "weak"  # a single contrast


class Reason(StrEnum):
    """Why a service refuses, only when it says so itself."""

    SANCTIONS_STATED = "sanctions_stated"
    LEGAL_ORDER_STATED = "legal_order_stated"
    UNSTATED = "unstated"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """State x mechanism x locus x confidence, and the rule and evidence that made it.

    ``mechanism`` is the deepest dotted node that the evidence supports (``tls.reset.sni``).
    ``evidence`` points into the bundle: ``m0.s2`` is step 2 of measurement 0; ``control:ID``
    and ``gate:ID`` name the others.
    """

    state: State
    mechanism: str
    locus: Locus
    confidence: Confidence
    rule_id: str
    rule_version: int
    reason: Reason | None = None
    sentence: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether a series counts this as a bad sample (a retired service is none)."""
        if self.mechanism == "service.retired":
            return False
        return self.state in (State.BLOCKED, State.DEGRADED, State.DOWN)

    @property
    def headline(self) -> bool:
        """Whether it may be called blocked in a headline."""
        return self.state is State.BLOCKED and self.confidence is not Confidence.WEAK


class RoleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One role of a service; ``verdict`` is ``None`` when nothing of it was measured.

    ``of`` is the store of a listing: listings have one role verdict for each store. In what a
    whole looks like as a service, it is the part.
    """

    role: Role
    verdict: Verdict | None
    measured: int
    total: int
    of: str | None = None


class Fate(StrEnum):
    """How an endpoint fared, as far as it is compared with another one of the same company."""

    WORKS = "works"
    REFUSED = "refused"  # by the service itself, over its own certificate
    CUT = "cut"  # before the service; by whom is another question
    UNCLEAR = "unclear"


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What became of ``hosts``, and of the ``baseline`` of their company (``None``: not seen)."""

    baseline: str
    other: Fate | None
    hosts: tuple[str, ...] = ()
    fate: Fate = Fate.UNCLEAR


class ServiceVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A service rolled up from its endpoints: "messages work, calls do not" is a result."""

    service: str
    verdict: Verdict
    roles: tuple[RoleVerdict, ...]
    sentence: str
    beside: tuple[Compared, ...] = ()  # what the same company's baselines did


class PartVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a whole: ``working`` of the ``measured`` services (of ``total``) work."""

    part: str
    verdict: Verdict | None
    services: tuple[str, ...]
    working: int
    measured: int
    total: int


class WholeVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What people call one thing, from several services: "website blocked; Snowflake works"."""

    whole: str
    name: str
    verdict: Verdict
    parts: tuple[PartVerdict, ...]
    sentence: str

    def as_service(self) -> ServiceVerdict:
        """Return the same in the shape of a service, its parts in the place of roles."""
        parts = tuple(
            RoleVerdict(
                role=Role.OTHER,
                verdict=part.verdict,
                measured=part.measured,
                total=part.total,
                of=part.part,
            )
            for part in self.parts
        )
        return ServiceVerdict(
            service=self.whole, verdict=self.verdict, roles=parts, sentence=self.sentence
        )
