"""The values of a scenario: the line, who is hit, what is done, when; the verdicts expected."""

from datetime import datetime
from enum import StrEnum

import msgspec

from probe.lab.actions import Action, By, Layer, Limit, Position, Reach, Stage, Way
from probe.lab.line_spec import LineSpec
from probe.lab.round_spec import RoundSpec
from probe.lab.windows import Window
from probe.model.context import GateId
from probe.model.target import Category, Service
from probe.model.verdict import Confidence, Locus, Reason, State

__all__ = ["ALERTS", "AUTHORITIES", "Controls", "Expected", "Rule", "Scenario", "What", "Who"]

AUTHORITIES = ("unknown", "system_trusted")
"""Who may forge certificates: nobody trusts the first, only the system's store the second."""

ALERTS = {
    "handshake_failure": 40,
    "bad_certificate": 42,
    "access_denied": 49,
    "protocol_version": 70,
    "internal_error": 80,
    "unrecognized_name": 112,
}


class Controls(StrEnum):
    """What is known from abroad while the scenario is played."""

    LIVE = "live"  # uncensored vantages look at the same time, a second one at what fails
    SINGLE = "single"  # one uncensored vantage looks at the same time
    SNAPSHOT = "snapshot"  # what it saw in the morning, signed
    STALE = "stale"  # what it saw long ago
    NONE = "none"
    DISAGREE = "disagree"  # two vantages abroad look; the second one is itself cut off


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a rule hits: all parts that are given must match, one of each list is enough.

    ``host`` and ``sni`` may start with ``*.`` (the name itself and everything below it).
    ``address`` may be a network. ``foreign`` is whether the host stands outside the country.
    ``keyword`` is part of a request's target, in any case; only requests have one. ``looks`` is
    what first bytes look like (``looks.LOOKS``). ``message`` is one of a protocol over UDP
    (``recognised.MESSAGES``), ``size`` the least and the most bytes of a datagram; only datagrams
    have them.
    """

    host: tuple[str, ...] = ()
    excluded: tuple[str, ...] = msgspec.field(default=(), name="except")
    sni: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    port: tuple[int, ...] = ()
    protocol: tuple[str, ...] = ()  # udp, tcp, dns, tls, http; of datagrams: quic, stun, ...
    message: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    service: tuple[str, ...] = ()
    category: tuple[Category, ...] = ()
    foreign: bool | None = None
    keyword: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()


class What(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done; ``ActionSpec.parameters`` names the fields that an action reads."""

    action: Action
    types: tuple[str, ...] = ()  # DNS types lied about; empty is all
    answers: tuple[str, ...] = ()
    alert: str = "unrecognized_name"
    ca: str = "unknown"
    issuer: str | None = None  # what the interceptor calls itself
    name: str | None = None  # whom its certificate is for, if not for the host that was asked for
    status: int | None = None
    title: str | None = None
    body: str | None = None
    location: str | None = None
    bytes: int = 16_384  # after which a frozen answer stops, or a truncated one ends
    packets: int | None = None  # of the server, after which a frozen answer stops
    answered: int = 0  # bytes of the server that pass before a handshake of TLS is cut
    rate: int = 16_000  # bytes per second of a throttled answer
    limit: Limit = Limit.SHAPED
    share: float = 0.5  # of the datagrams that are lost
    way: Way = Way.DOWN  # of what is throttled or lost
    residual: float = 0.0  # s for which client, server address and port are cut after a hit
    position: Position = Position.IN_PATH
    hop: int = 4  # of the censor, counted from the vantage; 4 is the border


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, ready to be asked; ``windows`` empty is always.

    ``after`` is how many times it lets pass what it could hit, ``times`` how often it hits then
    (``None``: for ever); both are counted apart for the line and for the control.
    """

    id: str
    who: Who
    what: What
    windows: tuple[Window, ...] = ()
    by: By = By.NETWORK
    reach: Reach = Reach.HERE
    chance: float = 1.0
    after: int = 0
    times: int | None = None
    layers: frozenset[Layer]

    @property
    def steady(self) -> bool:
        """Return whether it hits alike each time."""
        return self.chance >= 1 and self.after == 0 and self.times is None

    @property
    def action(self) -> Action:
        """Return what is done, without its parameters."""
        return self.what.action


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verdict that a right judge gives; ``at`` is a local instant, else at any time.

    With ``host`` it is the verdict on each endpoint of the service at that host, else the
    service's own. A mechanism is the node named or any below it. With ``gate`` it says instead
    which gate closes, or with ``may`` which one chance may close; gates that nobody expects must
    stay open. ``not`` stands in the place of a state where chance decides which of several right
    ones it is.
    """

    service: str = ""
    host: str | None = None
    gate: GateId | None = None
    may: bool = False
    state: State | None = None
    unlike: State | None = msgspec.field(default=None, name="not")
    mechanism: str | None = None
    locus: Locus | None = None
    confidence: Confidence | None = None
    reason: Reason | None = None
    at: datetime | None = None

    @property
    def verdict(self) -> str:
        """What is expected to be said, in one line; empty where only a gate is meant."""
        state = self.state if self.unlike is None else f"not {self.unlike}"
        parts = (state, self.mechanism, self.locus, self.confidence)
        reason = f" ({self.reason})" if self.reason is not None else ""
        return " ".join(part for part in parts if part is not None) + reason


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A censor, its world and its truth; ``services`` is ``None`` for the shipped catalog."""

    name: str
    description: str
    stages: frozenset[Stage]
    zone: str
    country: str
    starts: datetime
    days: int = 1
    services: tuple[Service, ...] | None = None
    cdn: tuple[str, ...] = ()  # hosts whose addresses differ by where one asks from
    line: LineSpec = LineSpec()
    round: RoundSpec = RoundSpec()
    controls: Controls = Controls.LIVE
    rules: tuple[Rule, ...] = ()
    expect: tuple[Expected, ...] = ()
