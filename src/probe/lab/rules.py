"""The values of a scenario: who is hit, what is done, when; and the verdicts expected."""

from datetime import datetime

import msgspec

from probe.lab.actions import Action, By, Layer, Reach, Stage
from probe.lab.windows import Window
from probe.model.target import Category, Service
from probe.model.verdict import Confidence, Locus, Reason, State

__all__ = ["ALERTS", "AUTHORITIES", "Expected", "Rule", "Scenario", "What", "Who"]

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


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a rule hits: all parts that are given must match, one of each list is enough.

    ``host`` and ``sni`` may start with ``*.`` (the name itself and everything below it).
    ``address`` may be a network. ``foreign`` is whether the host stands outside the country.
    """

    host: tuple[str, ...] = ()
    excluded: tuple[str, ...] = msgspec.field(default=(), name="except")
    sni: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    port: tuple[int, ...] = ()
    protocol: tuple[str, ...] = ()  # udp, tcp, dns, tls, http
    service: tuple[str, ...] = ()
    category: tuple[Category, ...] = ()
    foreign: bool | None = None


class What(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done; ``ActionSpec.parameters`` names the fields that an action reads."""

    action: Action
    types: tuple[str, ...] = ()  # DNS types lied about; empty is all
    answers: tuple[str, ...] = ()
    alert: str = "unrecognized_name"
    ca: str = "unknown"
    status: int | None = None
    title: str | None = None
    body: str | None = None
    location: str | None = None
    bytes: int = 16_384  # after which a frozen answer stops
    rate: int = 16_000  # bytes per second of a throttled answer


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, ready to be asked; ``windows`` empty is always."""

    id: str
    who: Who
    what: What
    windows: tuple[Window, ...] = ()
    by: By = By.NETWORK
    reach: Reach = Reach.HERE
    chance: float = 1.0
    layers: frozenset[Layer]

    @property
    def action(self) -> Action:
        """Return what is done, without its parameters."""
        return self.what.action


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verdict that a right judge gives; ``at`` is a local instant, else at any time.

    With ``host`` it is the verdict on each endpoint of the service at that host, else the
    service's own. A mechanism is the node named or any below it.
    """

    service: str
    host: str | None = None
    state: State
    mechanism: str | None = None
    locus: Locus | None = None
    confidence: Confidence | None = None
    reason: Reason | None = None
    at: datetime | None = None


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
    rules: tuple[Rule, ...] = ()
    expect: tuple[Expected, ...] = ()
