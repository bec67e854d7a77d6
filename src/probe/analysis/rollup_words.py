"""What a person reads of a service: what works, what does not, what is not known."""

from collections.abc import Sequence

from probe.model.target import Role, Service
from probe.model.verdict import Confidence, Locus, RoleVerdict, State, Verdict

__all__ = ["said", "said_of", "service_sentence"]

_ROLE_WORDS = {
    Role.SIGN_IN: "signing in",
    Role.SIGN_UP: "signing up",
    Role.MESSAGES: "messages",
    Role.MEDIA: "media",
    Role.CALL: "calls",
    Role.DOWNLOAD: "downloads",
    Role.UPDATE: "updates",
    Role.WEB: "the website",
    Role.API: "the catalogue",
    Role.TUNNEL: "the way through",
    Role.LISTING: "listing",
    Role.OTHER: "the rest",
}


def service_sentence(service: Service, whole: Verdict, roles: Sequence[RoleVerdict]) -> str:
    """Return what a person reads: what works, what does not, what is not known."""
    if whole.mechanism == "service.retired":
        return whole.sentence
    groups: dict[str, list[str]] = {}
    for role in roles:
        groups.setdefault(said_of(role), []).append(role.of or _ROLE_WORDS[role.role])
    single = len(roles) == 1 and roles[0].verdict is not None
    if single or not groups:
        return whole.sentence or f"Nothing of {service.name} was measured."
    parts = [f"{says}: {', '.join(names)}" for says, names in sorted(groups.items(), key=_order)]
    return f"{service.name}: " + "; ".join(parts) + "."


_SAYS = {
    State.OK: "works",
    State.BLOCKED: "blocked",
    State.DEGRADED: "works in part",
    State.DOWN: "down",
    State.INCONCLUSIVE: "not clear",
    State.INVALID: "could not be judged",
}
_LISTED = {
    State.OK: "listed",
    State.DOWN: "not listed anywhere",
    State.DEGRADED: "the store works in part",
    State.INVALID: "could not be judged",
}
_ORDER = [
    *_SAYS.values(),
    "refused by the service",
    "perhaps blocked",
    "listed",
    "removed here",
    "not listed here, elsewhere not seen",
    "not listed anywhere",
    "refused by the store",
    "store unreachable",
    "store perhaps unreachable",
    "store down",
    "the store works in part",
    "not measured",
]


def said_of(role: RoleVerdict) -> str:
    """Return what is said of one role, in a word or two."""
    if role.role is Role.LISTING and role.verdict is not None:
        return _said_of_listing(role.verdict)
    return said(role.verdict)


def _said_of_listing(verdict: Verdict) -> str:
    if verdict.mechanism == "listing.removed":
        return "removed here"
    if verdict.mechanism == "listing.absent":
        return "not listed here, elsewhere not seen"
    if verdict.state is State.BLOCKED and verdict.locus is Locus.SERVER:
        return "refused by the store"
    if verdict.state is State.BLOCKED:
        weak = verdict.confidence is Confidence.WEAK
        return "store perhaps unreachable" if weak else "store unreachable"
    if verdict.state is State.DOWN and verdict.mechanism != "listing.gone":
        return "store down"
    return _LISTED.get(verdict.state, "not clear")


def said(verdict: Verdict | None) -> str:
    """Return what is said of a verdict, in a word or two."""
    if verdict is None:
        return "not measured"
    if verdict.state is State.BLOCKED and verdict.locus is Locus.SERVER:
        return "refused by the service"
    if verdict.state is State.BLOCKED and verdict.confidence is Confidence.WEAK:
        return "perhaps blocked"
    return _SAYS[verdict.state]


def _order(group: tuple[str, list[str]]) -> int:
    return _ORDER.index(group[0])
