"""Words for what the values say: labels, mechanisms, places of blame. Sentences: summary.py.

The words follow one rule: never more than was shown. A service's refusal is the service's; a weak
sign is not "blocked"; one line is one line.
"""

from probe.model.event import EventKind, Label, Reach, Scope
from probe.model.record import NoteKind
from probe.model.target import Role
from probe.model.verdict import Compared, Confidence, Fate, Locus, Reason, State
from probe.report.data import FindingKind, Mark, RoleRow
from probe.report.tongue import N_, Said, _, language, num

__all__ = [
    "CATEGORIES",
    "CONFIDENCE",
    "EVENTS",
    "FINDING",
    "GATES",
    "LABEL",
    "MARKS",
    "NOTES",
    "REACH",
    "REASON",
    "ROLES",
    "SCOPE",
    "STATE",
    "WHO",
    "beside",
    "how",
    "layer_name",
    "layer_of",
    "mechanisms",
    "role_state",
    "said_of",
]

FINDING: Said[FindingKind] = Said(
    {
        FindingKind.WINDOW: N_("Cut at set hours"),
        FindingKind.BLOCKED: N_("Blocked"),
        FindingKind.DEGRADED: N_("Works in part"),
        FindingKind.SLOWED: N_("Slowed down"),
        FindingKind.SIGNS: N_("Not certain"),
        FindingKind.RECOVERED: N_("Cut for a time"),
        FindingKind.REFUSED: N_("Refused by the service"),
        FindingKind.DOWN: N_("Down"),
        FindingKind.UNCLEAR: N_("Unclear"),
        FindingKind.WORKS: N_("Works"),
        FindingKind.RETIRED: N_("Retired"),
        FindingKind.NOT_MEASURED: N_("Not measured"),
    }
)


class _Marks(dict[Mark, tuple[str, str, str]]):
    """Letter, name and meaning of each mark, the two in the language that is spoken."""

    def __getitem__(self, mark: Mark) -> tuple[str, str, str]:
        """Return them of one mark."""
        letter, name, meaning = super().__getitem__(mark)
        return letter, _(name), _(meaning)


MARKS = _Marks(
    {
        Mark.FINE: ("", N_("worked"), N_("Looked, and it worked.")),
        Mark.CUT: ("C", N_("cut by the network"), N_("Looked, and the network stood in the way.")),
        Mark.PART: (
            "P",
            N_("worked and failed"),
            N_("Within this hour it both worked and failed."),
        ),
        Mark.REFUSED: (
            "R",
            N_("refused by the service"),
            N_("The service itself refused; not the network."),
        ),
        Mark.FAILED: (
            "F",
            N_("failed"),
            N_("It failed; whose doing that is was not shown, or only weakly."),
        ),
        Mark.DOWN: (
            "X",
            N_("down elsewhere too"),
            N_("It failed here and, at the same time, elsewhere."),
        ),
        Mark.LINE_OFF: (
            "O",
            N_("line offline"),
            N_("The whole line was offline: it reached nothing at all."),
        ),
        Mark.DOMESTIC: (
            "D",
            N_("only domestic sites"),
            N_("The line reached only sites of its own country."),
        ),
        Mark.OWN_FAULT: (
            "H",
            N_("home connection down"),
            N_("The router or the machine had no connection."),
        ),
        Mark.UNCLEAR: ("?", N_("unclear"), N_("Looked, but what was seen proves nothing.")),
        Mark.NO_DATA: ("·", N_("no data"), N_("Nobody looked. It may have worked or not.")),
        Mark.SLOW: (
            "S",
            N_("slow"),
            N_("Timed, and slower than usual beside its controls; it worked."),
        ),
        Mark.NO_HOUR: ("–", N_("no such hour"), N_("The clocks went forward over this hour.")),
    }
)
"""Mark -> letter on the chart, name, and what it means."""

STATE: Said[State] = Said(
    {
        State.OK: N_("works"),
        State.BLOCKED: N_("blocked"),
        State.DEGRADED: N_("works in part"),
        State.DOWN: N_("down"),
        State.INCONCLUSIVE: N_("unclear"),
        State.INVALID: N_("unclear"),
    }
)

CONFIDENCE: Said[Confidence] = Said(
    {
        Confidence.CONFIRMED: N_("confirmed"),
        Confidence.LIKELY: N_("likely"),
        Confidence.WEAK: N_("weak"),
    }
)

REACH: Said[Reach] = Said(
    {
        Reach.TARGETED: N_("neutral hosts worked"),
        Reach.TOTAL: N_("neutral hosts failed as well"),
        Reach.DOMESTIC_ONLY: N_("neutral hosts abroad failed as well"),
        Reach.MIXED: N_("neutral hosts failed in part: congestion can look like this"),
        Reach.UNKNOWN: N_("neutral hosts were not measured"),
    }
)

EVENTS: Said[EventKind] = Said(
    {
        EventKind.OUTAGE: N_("Outage"),
        EventKind.ONSET: N_("Onset"),
        EventKind.DAILY_WINDOW: N_("Daily window"),
        EventKind.WEEKLY_WINDOW: N_("Weekly window"),
        EventKind.THROTTLE: N_("Slowed down"),
        EventKind.DEGRADED_WINDOW: N_("Degraded hours"),
        EventKind.CALENDAR_WINDOW: N_("Window on given dates"),
    }
)

SCOPE: Said[Scope] = Said(
    {
        Scope.THIS_LINE: N_("on this line"),
        Scope.ONE_AS: N_("on one network"),
        Scope.SEVERAL_AS: N_("on several networks"),
        Scope.NATIONAL: N_("across the country"),
    }
)

LABEL: Said[Label] = Said({Label.ESTABLISHED: N_("established"), Label.SUSPECTED: N_("suspected")})

WHO: Said[Locus] = Said(
    {
        Locus.NETWORK: N_("The network"),
        Locus.SERVER: N_("The service itself"),
        Locus.LOCAL: N_("This machine or home network"),
        Locus.UNKNOWN: N_("Not known"),
    }
)

REASON: Said[Reason] = Said(
    {
        Reason.SANCTIONS_STATED: N_("its page names sanctions"),
        Reason.LEGAL_ORDER_STATED: N_("its page names a legal order"),
        Reason.UNSTATED: N_("reason not stated"),
    }
)

ROLES: Said[Role] = Said(
    {
        Role.SIGN_IN: N_("sign-in"),
        Role.SIGN_UP: N_("sign-up"),
        Role.MESSAGES: N_("messages"),
        Role.MEDIA: N_("media"),
        Role.CALL: N_("calls"),
        Role.DOWNLOAD: N_("download"),
        Role.UPDATE: N_("updates"),
        Role.WEB: N_("website"),
        Role.API: N_("catalogue"),
        Role.TUNNEL: N_("way through"),
        Role.LISTING: N_("listing"),
        Role.OTHER: N_("other"),
    }
)

NOTES: Said[NoteKind] = Said(
    {
        NoteKind.CALL_FAILED: N_("A call failed"),
        NoteKind.SMS_CODE_MISSING: N_("An SMS code did not come"),
        NoteKind.APP_REMOVED: N_("An app is gone from its store"),
        NoteKind.SLOW: N_("Slow"),
        NoteKind.NO_INTERNET: N_("No internet"),
        NoteKind.WORKS_AGAIN: N_("Works again"),
        NoteKind.OTHER: N_("Something else"),
    }
)

CATEGORIES: Said[str] = Said(
    {
        "messaging": N_("messengers"),
        "app-store": N_("app stores"),
        "vpn": N_("VPN"),
        "tor": N_("Tor"),
        "circumvention": N_("circumvention"),
        "social": N_("social media"),
        "news": N_("news"),
        "human-rights": N_("human rights"),
        "code-hosting": N_("code hosting"),
        "email": N_("mail"),
        "sanctions": N_("services under sanctions"),
        "dns-resolver": N_("DNS resolvers"),
        "push": N_("push messages"),
        "listing": N_("apps in their stores"),
        "other": N_("not in the catalog"),
    }
)

GATES: Said[str] = Said(
    {
        "vpn_on": N_("a VPN or tunnel was on"),
        "path_changed": N_("the line was another network than before"),
        "clock": N_("this machine's clock was wrong"),
        "offline.local": N_("the home connection was down"),
        "captive_portal": N_("a sign-in page stood in the way"),
        "offline.upstream": N_("the line reached nothing at all"),
        "domestic_only": N_("the line reached only sites of its own country"),
        "resolver_down": N_("the line's DNS resolver was down"),
        "ipv6_broken": N_("IPv6 did not work"),
    }
)

_HOW: Said[str] = Said(
    {
        "none": N_("no interference was seen"),
        "dns": N_("the name's address is withheld or wrong (DNS)"),
        "dns.consistent": N_("DNS gives an address that is known to be right"),
        "dns.diff": N_("DNS answers differ, but the address given is genuine"),
        "dns.failure.everywhere": N_(
            "no resolver finds the name: the name itself seems to be at fault"
        ),
        "dns.injection": N_("DNS answers are forged"),
        "dns.injection.blockpage": N_("DNS answers point to a known block page"),
        "dns.injection.bogon": N_("DNS answers point to an address that cannot be the service's"),
        "dns.injection.other": N_("DNS answers point to somebody else's machine"),
        "dns.injection.race": N_("a forged DNS answer arrives beside another one"),
        "dns.intercept": N_("DNS questions to other resolvers are answered by somebody on the way"),
        "dns.no_answer": N_("DNS gives no address for this name"),
        "dns.nxdomain": N_("DNS says that the name does not exist"),
        "dns.refused": N_("DNS refuses to answer for this name"),
        "dns.resolver_down": N_("the line's resolver failed for every name"),
        "dns.servfail": N_("DNS fails for this name"),
        "dns.timeout": N_("DNS stays silent for this name"),
        "dns.unreachable": N_("the resolver cannot be reached for this name"),
        "dns.unverified": N_("the name has an address, and nothing to compare it with"),
        "tcp": N_("connections to its addresses fail"),
        "tcp.refused": N_("connections to its addresses are refused"),
        "tcp.reset": N_("connections to its addresses are reset"),
        "tcp.timeout": N_("connections to its addresses get no answer"),
        "tcp.unreachable": N_("the network knows no way to its addresses"),
        "tcp_only": N_("a connection opens, which proves nothing"),
        "tls": N_("the encrypted connection fails"),
        "tls.alert": N_("the encrypted connection is turned away with an alert"),
        "tls.alert.sni": N_("connections are turned away when they name the service (SNI)"),
        "tls.failed": N_("the encrypted connection fails in an unusual way"),
        "tls.mitm": N_("the encrypted connection is opened on the way, under a false certificate"),
        "tls.mitm.trusted_ca": N_(
            "the encrypted connection is opened on the way, under a certificate that only "
            "this machine's own store trusts"
        ),
        "tls.reset": N_("the encrypted connection is reset as it begins"),
        "tls.reset.all": N_("any encrypted connection to its address is reset"),
        "tls.reset.late": N_("the encrypted connection is reset after the server began to answer"),
        "tls.reset.shape": N_("Tor's kind of handshake is reset, and another kind is not"),
        "tls.reset.sni": N_("connections are reset when they name the service (SNI)"),
        "tls.stall": N_("transfers freeze after they begin"),
        "tls.timeout": N_("the encrypted connection falls silent as it begins"),
        "tls.timeout.all": N_("any encrypted connection to its address falls silent"),
        "tls.timeout.late": N_(
            "the encrypted connection falls silent after the server began to answer"
        ),
        "tls.timeout.shape": N_("Tor's kind of handshake falls silent, and another kind does not"),
        "tls.timeout.sni": N_("connections fall silent when they name the service (SNI)"),
        "tls.unverified": N_("an encrypted connection opens, with nobody's certificate to check"),
        "exchange": N_("a connection opens, and its own protocol is not answered"),
        "exchange.failed": N_("its own protocol fails in an unusual way"),
        "exchange.foreign": N_("something else answers in its place"),
        "exchange.identity": N_("what answers has another key than the known one"),
        "exchange.reset": N_("its own protocol is cut off after the connection opened"),
        "exchange.reset.all": N_("whatever is said after the connection opened is cut off"),
        "exchange.reset.protocol": N_("its own protocol is cut off by its looks"),
        "exchange.timeout": N_("its own protocol meets silence after the connection opened"),
        "exchange.timeout.all": N_("whatever is said after the connection opened meets silence"),
        "exchange.timeout.protocol": N_("its own protocol meets silence, by its looks"),
        "exchange.unproven": N_("something answers in its protocol, and not what was asked"),
        "front_only": N_("the host in front answers, which proves nothing of the one behind"),
        "http": N_("the web request fails"),
        "http.blockpage": N_("a block page is shown in its place"),
        "http.diff": N_("another page than elsewhere, not enough to say more"),
        "http.failed": N_("the web request fails in an unusual way"),
        "http.redirect": N_("the web request is sent away to another site"),
        "http.reset": N_("the web request is reset"),
        "http.timeout": N_("the web request falls silent"),
        "http.stall": N_("the page starts to come and then stops"),
        "http.truncated": N_(
            "the page starts to come and the connection ends before all of it is there"
        ),
        "http.unexpected": N_("an answer that is not the expected one"),
        "http.unverified": N_("something answers, and nothing shows that it is the service"),
        "server": N_("the service answers, and does not serve"),
        "server.blockpage": N_("its own servers carry a page that looks like a block page"),
        "server.certificate": N_("its own certificate does not verify"),
        "server.certificate_expired": N_("its own certificate has run out"),
        "server.challenge": N_("its own servers ask for proof of being human"),
        "server.error": N_("its own servers answer with an error"),
        "server.geoblock": N_("its own servers refuse this country, over a genuine connection"),
        "listing": N_("what the stores say of the app"),
        "listing.absent": N_("the store does not have the app here; elsewhere was not seen"),
        "listing.gone": N_("the store has the app neither here nor elsewhere"),
        "listing.removed": N_("the store itself leaves the app out here, and has it elsewhere"),
        "listing.unclear": N_(
            "the store answers, and says neither that it has the app nor that not"
        ),
        "service.retired": N_("the service was shut by its owner"),
        "udp": N_("packets over UDP fail"),
        "udp.all": N_("nothing but names passes over UDP on this line"),
        "udp.protocol": N_("packets of this protocol are dropped, others of the same size are not"),
        "udp.protocol.quic": N_("packets of QUIC are dropped, others of the same size are not"),
        "udp.protocol.udp-stun": N_(
            "packets of STUN, which calls begin with, are dropped, others of the same size are not"
        ),
        "udp.protocol.openvpn": N_(
            "packets of OpenVPN are dropped, others of the same size are not"
        ),
        "udp.protocol.wireguard": N_(
            "packets of WireGuard are dropped, others of the same size are not"
        ),
        "udp.protocol.ikev2": N_("packets of IKEv2 are dropped, others of the same size are not"),
        "udp.refused": N_("packets over UDP are refused: nobody seems to listen there"),
        "udp.silence": N_("no reply over UDP, which has many causes"),
        "udp.unexpected": N_("what comes back over UDP is not of its protocol"),
        "udp.unreachable": N_("the network knows no way to it over UDP"),
        "quic": N_("connections over QUIC fail"),
        "quic.alert": N_("a connection over QUIC is turned away with an alert"),
        "quic.timeout": N_("connections over QUIC get no answer"),
        "quic.timeout.after": N_("connections over QUIC fall silent once they stand"),
        "quic.timeout.handshake": N_(
            "QUIC answers, and connections over it fall silent as they begin"
        ),
        "quic.timeout.port": N_("QUIC gets no answer, while TCP to the same place does"),
        "quic.timeout.sni": N_(
            "connections over QUIC fall silent when they name the service (SNI)"
        ),
        "quic.versions_only": N_("a server of QUIC answers, and no connection to it was tried"),
        "no_reply_expected": N_("it answers nobody it does not know, so its silence says nothing"),
        "degraded": N_("it works only in part"),
        "degraded.freeze": N_("transfers stop each time after about as many bytes"),
        "degraded.throttle": N_("it is slowed down"),
        "down": N_("it fails from other places too"),
        "family": N_("it works over one family of addresses (IPv4, IPv6) and not over the other"),
        "family.ipv4": N_("it works over IPv6 and not over IPv4"),
        "family.ipv6": N_("it works over IPv4 and not over IPv6"),
        "address.partial": N_("one of its addresses fails, another works"),
        "transient": N_("it failed once and then worked"),
        "control.disagree": N_("comparisons elsewhere disagree"),
        "control.failed": N_("a neutral host failed"),
        "line": N_("the line itself was at fault"),
        "line.abroad": N_("hardly anything abroad answered"),
        "line.local_fault": N_("this machine itself refused the connection"),
        "line.broke": N_("neutral hosts, asked at the same time, failed as well"),
        "line.lossy": N_("neutral hosts were silent in the same round"),
        "line.portal": N_("a sign-in page answered for some sites"),
        "path_changed": N_("this machine moved to another network meanwhile"),
        "vpn_on": N_("a VPN or tunnel was on"),
        "clock": N_("this machine's clock was wrong"),
        "captive_portal": N_("a sign-in page stood in the way"),
        "offline": N_("the line was offline"),
        "offline.local": N_("the home connection was down"),
        "offline.upstream": N_("nothing beyond the router answered"),
        "domestic_only": N_("only sites of the line's own country answered"),
        "ipv6_broken": N_("IPv6 does not work on this line"),
        "interrupted": N_("the measurement was interrupted"),
        "not_run": N_("it was not measured"),
        "not_measured": N_("there is no probe for it yet"),
        "unexplained": N_("what was seen fits no rule"),
    }
)
"""Mechanism -> words that follow a colon or fill a cell; a test asks one of every rule."""


_LAYERS: Said[str] = Said(
    {
        "dns": N_("names (DNS)"),
        "tcp": N_("connections (TCP)"),
        "tls": N_("encryption (TLS)"),
        "exchange": N_("protocols of their own"),
        "udp": N_("packets (UDP, QUIC)"),
        "http": N_("web requests (HTTP)"),
        "server": N_("the service's own refusal"),
        "other": N_("something else"),
    }
)


_ELSEWHERE = {"quic": "udp", "listing": "server"}
"""What is counted with another layer: what a store leaves out is a refusal of its own."""


def layer_of(mechanism: str | None) -> str:
    """Return the layer that a mechanism belongs to, ``other`` for what has none."""
    first = (mechanism or "").split(".")[0]
    layer = _ELSEWHERE.get(first, first)
    return layer if layer in _LAYERS else "other"


def layer_name(layer: str) -> str:
    """Return what a layer is called."""
    return _LAYERS[layer]


def how(mechanism: str | None) -> str:
    """Return words for a mechanism, by the deepest of its parts that has any."""
    parts = (mechanism or "").split(".")
    for depth in range(len(parts), 0, -1):
        known = ".".join(parts[:depth])
        if known in _HOW:
            return _HOW[known]
    return _("how was not shown")


_BESIDE: Said[tuple[Fate, Fate]] = Said(
    {
        (Fate.REFUSED, Fate.WORKS): N_(
            "the company refuses at {names}, and its {baseline} works here: the network lets its "
            "servers through"
        ),
        (Fate.CUT, Fate.WORKS): N_(
            "cut: {names}; {baseline} of the same company works here, so it is not the company "
            "as a whole"
        ),
        (Fate.CUT, Fate.CUT): N_(
            "cut: {names}, and {baseline} as well: the whole company may be meant"
        ),
        (Fate.CUT, Fate.REFUSED): N_(
            "cut before the company answers: {names}; at {baseline} it refuses itself"
        ),
        (Fate.REFUSED, Fate.REFUSED): N_(
            "the company refuses at {names} as at {baseline}: it refuses more than this"
        ),
        (Fate.REFUSED, Fate.CUT): N_(
            "the company itself refuses at {names}, while {baseline} is cut on the way"
        ),
        (Fate.REFUSED, Fate.UNCLEAR): N_(
            "the company itself refuses at {names}; of {baseline}, nothing is clear"
        ),
        (Fate.CUT, Fate.UNCLEAR): N_(
            "cut: {names}; of {baseline} of the same company, nothing is clear"
        ),
    }
)
"""Of some hosts, and of the same company's baseline."""

_NAMED = 4
"""So many hosts are named; of more, the number."""


def role_state(
    state: State | None, locus: Locus = Locus.UNKNOWN, confidence: Confidence | None = None
) -> str:
    """Return the state of one role: a refusal is the service's, and what is weak is "perhaps"."""
    if state is None:
        return _("not measured")
    refused = state is State.BLOCKED and locus is Locus.SERVER
    word = _("refused by the service") if refused else STATE[state]
    bad = state in (State.BLOCKED, State.DEGRADED, State.DOWN)
    return _("perhaps {state}", state=word) if bad and confidence is Confidence.WEAK else word


def said_of(row: RoleRow) -> str:
    """Return what is said of a role, of a store's listing of an app, or of a part of a whole."""
    listing = (row.mechanism or "").startswith("listing.")
    if row.role is Role.LISTING and listing:
        return how(row.mechanism)
    return role_state(row.state, row.locus, row.confidence)


def beside(one: Compared) -> str:
    """Return what became of some hosts, and of what the same company serves elsewhere."""
    if one.other is None:
        return _("{baseline}, to compare with, was not measured", baseline=one.baseline)
    names = language().comma.join(one.hosts[:_NAMED])
    more = len(one.hosts) - _NAMED
    names = f"{names} (+{num(more)})" if more > 0 else names
    return _BESIDE[one.fate, one.other].format(names=names, baseline=one.baseline)


def mechanisms() -> frozenset[str]:
    """Return the mechanisms that have words of their own."""
    return frozenset(_HOW)
