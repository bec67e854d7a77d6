"""The round context: what this line itself could do while the targets were measured."""

from enum import StrEnum

import msgspec

from probe.model.failure import Failure
from probe.model.moment import Moment
from probe.model.vantage import Network

__all__ = ["Anchor", "AnchorGroup", "Gate", "GateId", "Opening", "RoundContext", "RoundInputs"]


class AnchorGroup(StrEnum):
    """Which side of the border an anchor stands on."""

    INTERNATIONAL = "international"
    DOMESTIC = "domestic"


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """One neutral host measured in this round; ``ok`` means application-level success."""

    endpoint: str
    group: AnchorGroup
    network: str  # operator or AS, to count distinct ones
    ok: bool
    tcp_ok: bool = False
    failure: Failure | None = None


class GateId(StrEnum):
    """Gates of facts/verdicts.md section 2, in the order in which they are asked."""

    VPN_ON = "vpn_on"  # G-1
    PATH_CHANGED = "path_changed"  # G-1
    CLOCK = "clock"  # G0
    OFFLINE_LOCAL = "offline.local"  # G1
    CAPTIVE_PORTAL = "captive_portal"  # G2
    OFFLINE_UPSTREAM = "offline.upstream"  # G3
    DOMESTIC_ONLY = "domestic_only"  # G4
    RESOLVER_DOWN = "resolver_down"  # G5
    IPV6_BROKEN = "ipv6_broken"  # G6


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that closed in this round; ``invalidates`` says whether targets are ``invalid``."""

    id: GateId
    invalidates: bool
    detail: str = ""


class RoundInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured about the line, before any gate is decided; ``None`` is not looked at."""

    default_route: bool | None = None
    gateway_reachable: bool | None = None
    tunnel: bool | None = None
    seen_asn: int | None = None
    seen_country: str | None = None
    declared_country: str | None = None
    network_changed: bool = False
    anchors: tuple[Anchor, ...] = ()
    captive_status: int | None = None  # of the 204 URL
    captive_redirect: str | None = None  # host that it redirects to, scrubbed
    captive_same_everywhere: bool | None = None  # every host gave one certificate or redirect
    clock_skews_s: tuple[float, ...] = ()  # wall clock minus each TLS-authenticated Date
    connect_s: float | None = None  # 95th percentile of the connects that the line was opened with
    suspended: bool = False  # wall and monotonic clock parted during the round
    system_resolver_ok: tuple[bool, ...] = ()  # one for each control name
    other_resolver_ok: tuple[bool, ...] = ()
    neutral_bogons: tuple[str, ...] = ()  # non-public answers that control names got
    neutral_denials: tuple[Failure, ...] = ()  # how plain resolvers failed for control names
    neutral_issuers: tuple[str, ...] = ()  # issuers on anchors that the packaged roots do not know
    ipv4_ok: bool | None = None
    ipv6_ok: bool | None = None


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The line as it was when the targets were begun."""

    inputs: RoundInputs
    gates: tuple[Gate, ...] = ()


class RoundContext(msgspec.Struct, frozen=True, kw_only=True):
    """One round's line, its inputs and the gates they closed.

    ``opened`` is kept when the line was another at the end: what passed was judged by it.
    """

    started: Moment
    tz: str  # IANA zone of the vantage
    utc_offset_s: int
    tzdata: str = ""  # version of the zone data
    network: Network
    country: str = "ZZ"
    inputs: RoundInputs
    gates: tuple[Gate, ...] = ()
    opened: Opening | None = None

    def gate(self, gate_id: GateId) -> Gate | None:
        """Return the gate if it closed."""
        return next((g for g in self.gates if g.id is gate_id), None)

    @property
    def invalid(self) -> Gate | None:
        """Return the first gate that makes every target of this round ``invalid``."""
        return next((g for g in self.gates if g.invalidates), None)
