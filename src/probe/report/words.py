"""Words for what the values say: labels, places of blame, roles. Mechanisms: mechanisms.py.

The words follow one rule: never more than was shown. A service's refusal is the service's; a weak
sign is not "blocked"; one line is one line.
"""

from probe.model.event import EventKind, Label, Reach, Scope
from probe.model.record import NoteKind
from probe.model.target import Role
from probe.model.verdict import Compared, Confidence, Fate, Locus, Reason, State
from probe.report.data import FindingKind, Mark, RoleRow
from probe.report.mechanisms import how
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
        State.INVALID: N_("not counted"),
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
