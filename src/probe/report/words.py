"""English for what the values say: labels, mechanisms, places of blame. Sentences: summary.py.

The words follow one rule: never more than was shown. A service's refusal is the service's; a weak
sign is not "blocked"; one line is one line.
"""

from probe.model.event import Label, Reach
from probe.model.record import NoteKind
from probe.model.target import Role
from probe.model.verdict import Confidence, Locus, Reason, State
from probe.report.data import FindingKind, Mark, RoleRow

__all__ = [
    "CATEGORIES",
    "CONFIDENCE",
    "FINDING",
    "GATES",
    "LABEL",
    "MARKS",
    "NOTES",
    "REACH",
    "REASON",
    "ROLES",
    "STATE",
    "WHO",
    "how",
    "mechanisms",
    "role_state",
    "said_of",
]

FINDING: dict[FindingKind, str] = {
    FindingKind.WINDOW: "Cut at set hours",
    FindingKind.BLOCKED: "Blocked",
    FindingKind.DEGRADED: "Works in part",
    FindingKind.SIGNS: "Not certain",
    FindingKind.RECOVERED: "Cut for a time",
    FindingKind.REFUSED: "Refused by the service",
    FindingKind.DOWN: "Down",
    FindingKind.UNCLEAR: "Unclear",
    FindingKind.WORKS: "Works",
    FindingKind.RETIRED: "Retired",
    FindingKind.NOT_MEASURED: "Not measured",
}

MARKS: dict[Mark, tuple[str, str, str]] = {
    Mark.FINE: ("", "worked", "Looked, and it worked."),
    Mark.CUT: ("C", "cut by the network", "Looked, and the network stood in the way."),
    Mark.PART: ("P", "worked and failed", "Within this hour it both worked and failed."),
    Mark.REFUSED: ("R", "refused by the service", "The service itself refused; not the network."),
    Mark.FAILED: ("F", "failed", "It failed; whose doing that is was not shown, or only weakly."),
    Mark.DOWN: ("X", "down elsewhere too", "It failed here and, at the same time, elsewhere."),
    Mark.LINE_OFF: ("O", "line offline", "The whole line was offline: it reached nothing at all."),
    Mark.DOMESTIC: ("D", "only domestic sites", "The line reached only sites of its own country."),
    Mark.OWN_FAULT: ("H", "home connection down", "The router or the machine had no connection."),
    Mark.UNCLEAR: ("?", "unclear", "Looked, but what was seen proves nothing."),
    Mark.NO_DATA: ("·", "no data", "Nobody looked. It may have worked or not."),
    Mark.NO_HOUR: ("–", "no such hour", "The clocks went forward over this hour."),
}
"""Mark -> letter on the chart, name, and what it means."""

STATE: dict[State, str] = {
    State.OK: "works",
    State.BLOCKED: "blocked",
    State.DEGRADED: "works in part",
    State.DOWN: "down",
    State.INCONCLUSIVE: "unclear",
    State.INVALID: "unclear",
}

CONFIDENCE: dict[Confidence, str] = {
    Confidence.CONFIRMED: "confirmed",
    Confidence.LIKELY: "likely",
    Confidence.WEAK: "weak",
}

REACH: dict[Reach, str] = {
    Reach.TARGETED: "neutral hosts worked",
    Reach.TOTAL: "neutral hosts failed as well",
    Reach.DOMESTIC_ONLY: "neutral hosts abroad failed as well",
    Reach.MIXED: "neutral hosts failed in part: congestion can look like this",
    Reach.UNKNOWN: "neutral hosts were not measured",
}

LABEL: dict[Label, str] = {Label.ESTABLISHED: "established", Label.SUSPECTED: "suspected"}

WHO: dict[Locus, str] = {
    Locus.NETWORK: "The network",
    Locus.SERVER: "The service itself",
    Locus.LOCAL: "This machine or home network",
    Locus.UNKNOWN: "Not known",
}

REASON: dict[Reason, str] = {
    Reason.SANCTIONS_STATED: "its page names sanctions",
    Reason.LEGAL_ORDER_STATED: "its page names a legal order",
    Reason.UNSTATED: "reason not stated",
}

ROLES: dict[Role, str] = {
    Role.SIGN_IN: "sign-in",
    Role.SIGN_UP: "sign-up",
    Role.MESSAGES: "messages",
    Role.MEDIA: "media",
    Role.CALL: "calls",
    Role.DOWNLOAD: "download",
    Role.UPDATE: "updates",
    Role.WEB: "website",
    Role.API: "catalogue",
    Role.TUNNEL: "way through",
    Role.LISTING: "listing",
    Role.OTHER: "other",
}

NOTES: dict[NoteKind, str] = {
    NoteKind.CALL_FAILED: "A call failed",
    NoteKind.SMS_CODE_MISSING: "An SMS code did not come",
    NoteKind.APP_REMOVED: "An app is gone from its store",
    NoteKind.SLOW: "Slow",
    NoteKind.NO_INTERNET: "No internet",
    NoteKind.WORKS_AGAIN: "Works again",
    NoteKind.OTHER: "Something else",
}

CATEGORIES: dict[str, str] = {
    "messaging": "messengers",
    "app-store": "app stores",
    "vpn": "VPN",
    "tor": "Tor",
    "circumvention": "circumvention",
    "social": "social media",
    "news": "news",
    "human-rights": "human rights",
    "code-hosting": "code hosting",
    "email": "mail",
    "sanctions": "services under sanctions",
    "dns-resolver": "DNS resolvers",
    "push": "push messages",
    "listing": "apps in their stores",
    "other": "not in the catalog",
}

GATES: dict[str, str] = {
    "vpn_on": "a VPN or tunnel was on",
    "path_changed": "the line was another network than before",
    "clock": "this machine's clock was wrong",
    "offline.local": "the home connection was down",
    "captive_portal": "a sign-in page stood in the way",
    "offline.upstream": "the line reached nothing at all",
    "domestic_only": "the line reached only sites of its own country",
    "resolver_down": "the line's DNS resolver was down",
    "ipv6_broken": "IPv6 did not work",
}

_HOW: dict[str, str] = {
    "none": "no interference was seen",
    "dns": "the name's address is withheld or wrong (DNS)",
    "dns.consistent": "DNS gives an address that is known to be right",
    "dns.diff": "DNS answers differ, but the address given is genuine",
    "dns.failure.everywhere": "no resolver finds the name: the name itself seems to be at fault",
    "dns.injection": "DNS answers are forged",
    "dns.injection.blockpage": "DNS answers point to a known block page",
    "dns.injection.bogon": "DNS answers point to an address that cannot be the service's",
    "dns.injection.other": "DNS answers point to somebody else's machine",
    "dns.injection.race": "a forged DNS answer arrives beside another one",
    "dns.intercept": "DNS questions to other resolvers are answered by somebody on the way",
    "dns.no_answer": "DNS gives no address for this name",
    "dns.nxdomain": "DNS says that the name does not exist",
    "dns.refused": "DNS refuses to answer for this name",
    "dns.resolver_down": "the line's resolver failed for every name",
    "dns.servfail": "DNS fails for this name",
    "dns.timeout": "DNS stays silent for this name",
    "dns.unreachable": "the resolver cannot be reached for this name",
    "dns.unverified": "the name has an address, and nothing to compare it with",
    "tcp": "connections to its addresses fail",
    "tcp.refused": "connections to its addresses are refused",
    "tcp.reset": "connections to its addresses are reset",
    "tcp.timeout": "connections to its addresses get no answer",
    "tcp.unreachable": "the network knows no way to its addresses",
    "tcp_only": "a connection opens, which proves nothing",
    "tls": "the encrypted connection fails",
    "tls.alert": "the encrypted connection is turned away with an alert",
    "tls.alert.sni": "connections are turned away when they name the service (SNI)",
    "tls.failed": "the encrypted connection fails in an unusual way",
    "tls.mitm": "the encrypted connection is opened on the way, under a false certificate",
    "tls.mitm.trusted_ca": (
        "the encrypted connection is opened on the way, under a certificate that only "
        "this machine's own store trusts"
    ),
    "tls.reset": "the encrypted connection is reset as it begins",
    "tls.reset.all": "any encrypted connection to its address is reset",
    "tls.reset.late": "the encrypted connection is reset after the server began to answer",
    "tls.reset.shape": "Tor's kind of handshake is reset, and another kind is not",
    "tls.reset.sni": "connections are reset when they name the service (SNI)",
    "tls.stall": "transfers freeze after they begin",
    "tls.timeout": "the encrypted connection falls silent as it begins",
    "tls.timeout.all": "any encrypted connection to its address falls silent",
    "tls.timeout.late": "the encrypted connection falls silent after the server began to answer",
    "tls.timeout.shape": "Tor's kind of handshake falls silent, and another kind does not",
    "tls.timeout.sni": "connections fall silent when they name the service (SNI)",
    "tls.unverified": "an encrypted connection opens, with nobody's certificate to check",
    "exchange": "a connection opens, and its own protocol is not answered",
    "exchange.failed": "its own protocol fails in an unusual way",
    "exchange.foreign": "something else answers in its place",
    "exchange.identity": "what answers has another key than the known one",
    "exchange.reset": "its own protocol is cut off after the connection opened",
    "exchange.reset.all": "whatever is said after the connection opened is cut off",
    "exchange.reset.protocol": "its own protocol is cut off by its looks",
    "exchange.timeout": "its own protocol meets silence after the connection opened",
    "exchange.timeout.all": "whatever is said after the connection opened meets silence",
    "exchange.timeout.protocol": "its own protocol meets silence, by its looks",
    "exchange.unproven": "something answers in its protocol, and not what was asked",
    "front_only": "the host in front answers, which proves nothing of the one behind",
    "http": "the web request fails",
    "http.blockpage": "a block page is shown in its place",
    "http.diff": "another page than elsewhere, not enough to say more",
    "http.failed": "the web request fails in an unusual way",
    "http.redirect": "the web request is sent away to another site",
    "http.reset": "the web request is reset",
    "http.timeout": "the web request falls silent",
    "http.stall": "the page starts to come and then stops",
    "http.truncated": "the page starts to come and the connection ends before all of it is there",
    "http.unexpected": "an answer that is not the expected one",
    "http.unverified": "something answers, and nothing shows that it is the service",
    "server": "the service answers, and does not serve",
    "server.blockpage": "its own servers carry a page that looks like a block page",
    "server.certificate": "its own certificate does not verify",
    "server.certificate_expired": "its own certificate has run out",
    "server.challenge": "its own servers ask for proof of being human",
    "server.error": "its own servers answer with an error",
    "server.geoblock": "its own servers refuse this country, over a genuine connection",
    "listing": "what the stores say of the app",
    "listing.absent": "the store does not have the app here; elsewhere was not seen",
    "listing.gone": "the store has the app neither here nor elsewhere",
    "listing.removed": "the store itself leaves the app out here, and has it elsewhere",
    "listing.unclear": "the store answers, and says neither that it has the app nor that not",
    "service.retired": "the service was shut by its owner",
    "udp": "packets over UDP fail",
    "udp.all": "nothing but names passes over UDP on this line",
    "udp.protocol": "packets of this protocol are dropped, others of the same size are not",
    "udp.protocol.quic": "packets of QUIC are dropped, others of the same size are not",
    "udp.protocol.udp-stun": (
        "packets of STUN, which calls begin with, are dropped, others of the same size are not"
    ),
    "udp.protocol.openvpn": "packets of OpenVPN are dropped, others of the same size are not",
    "udp.protocol.wireguard": "packets of WireGuard are dropped, others of the same size are not",
    "udp.protocol.ikev2": "packets of IKEv2 are dropped, others of the same size are not",
    "udp.refused": "packets over UDP are refused: nobody seems to listen there",
    "udp.silence": "no reply over UDP, which has many causes",
    "udp.unexpected": "what comes back over UDP is not of its protocol",
    "udp.unreachable": "the network knows no way to it over UDP",
    "quic": "connections over QUIC fail",
    "quic.alert": "a connection over QUIC is turned away with an alert",
    "quic.timeout": "connections over QUIC get no answer",
    "quic.timeout.after": "connections over QUIC fall silent once they stand",
    "quic.timeout.handshake": "QUIC answers, and connections over it fall silent as they begin",
    "quic.timeout.port": "QUIC gets no answer, while TCP to the same place does",
    "quic.timeout.sni": "connections over QUIC fall silent when they name the service (SNI)",
    "quic.versions_only": "a server of QUIC answers, and no connection to it was tried",
    "no_reply_expected": "it answers nobody it does not know, so its silence says nothing",
    "degraded": "it works only in part",
    "degraded.throttle": "it is slowed down",
    "down": "it fails from other places too",
    "family": "it works over one family of addresses (IPv4, IPv6) and not over the other",
    "family.ipv4": "it works over IPv6 and not over IPv4",
    "family.ipv6": "it works over IPv4 and not over IPv6",
    "address.partial": "one of its addresses fails, another works",
    "transient": "it failed once and then worked",
    "control.disagree": "comparisons elsewhere disagree",
    "control.failed": "a neutral host failed",
    "line": "the line itself was at fault",
    "line.abroad": "hardly anything abroad answered",
    "line.local_fault": "this machine itself refused the connection",
    "line.broke": "neutral hosts, asked at the same time, failed as well",
    "line.lossy": "neutral hosts were silent in the same round",
    "line.portal": "a sign-in page answered for some sites",
    "path_changed": "this machine moved to another network meanwhile",
    "vpn_on": "a VPN or tunnel was on",
    "clock": "this machine's clock was wrong",
    "captive_portal": "a sign-in page stood in the way",
    "offline": "the line was offline",
    "offline.local": "the home connection was down",
    "offline.upstream": "nothing beyond the router answered",
    "domestic_only": "only sites of the line's own country answered",
    "ipv6_broken": "IPv6 does not work on this line",
    "interrupted": "the measurement was interrupted",
    "not_run": "it was not measured",
    "not_measured": "there is no probe for it yet",
    "unexplained": "what was seen fits no rule",
}
"""Mechanism -> words that follow a colon or fill a cell; a test asks one of every rule."""


def how(mechanism: str | None) -> str:
    """Return words for a mechanism, by the deepest of its parts that has any."""
    parts = (mechanism or "").split(".")
    for depth in range(len(parts), 0, -1):
        words = _HOW.get(".".join(parts[:depth]))
        if words is not None:
            return words
    return "how was not shown"


def role_state(
    state: State | None, locus: Locus = Locus.UNKNOWN, confidence: Confidence | None = None
) -> str:
    """Return the state of one role: a refusal is the service's, and what is weak is "perhaps"."""
    if state is None:
        return "not measured"
    refused = state is State.BLOCKED and locus is Locus.SERVER
    word = "refused by the service" if refused else STATE[state]
    bad = state in (State.BLOCKED, State.DEGRADED, State.DOWN)
    return f"perhaps {word}" if bad and confidence is Confidence.WEAK else word


def said_of(row: RoleRow) -> str:
    """Return what is said of a role, of a store's listing of an app, or of a part of a whole."""
    listing = (row.mechanism or "").startswith("listing.")
    if row.role is Role.LISTING and listing:
        return how(row.mechanism)
    return role_state(row.state, row.locus, row.confidence)


def mechanisms() -> frozenset[str]:
    """Return the mechanisms that have words of their own."""
    return frozenset(_HOW)
