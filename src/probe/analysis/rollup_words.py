"""What a person reads of a service: what works, what does not, what is not known."""

from collections.abc import Sequence

from probe.model.target import Role, Service
from probe.model.verdict import Confidence, Locus, RoleVerdict, State, Verdict

__all__ = ["service_sentence"]

_ROLE_WORDS = {
    Role.SIGN_IN: "signing in",
    Role.SIGN_UP: "signing up",
    Role.MESSAGES: "messages",
    Role.MEDIA: "media",
    Role.CALL: "calls",
    Role.DOWNLOAD: "downloads",
    Role.UPDATE: "updates",
    Role.WEB: "the website",
    Role.OTHER: "the rest",
}


def service_sentence(service: Service, whole: Verdict, roles: Sequence[RoleVerdict]) -> str:
    """Return what a person reads: what works, what does not, what is not known."""
    if whole.mechanism == "service.retired":
        return whole.sentence
    groups: dict[str, list[str]] = {}
    for role in roles:
        groups.setdefault(_said(role.verdict), []).append(_ROLE_WORDS[role.role])
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
_ORDER = [*_SAYS.values(), "refused by the service", "perhaps blocked", "not measured"]


def _said(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not measured"
    if verdict.state is State.BLOCKED and verdict.locus is Locus.SERVER:
        return "refused by the service"
    if verdict.state is State.BLOCKED and verdict.confidence is Confidence.WEAK:
        return "perhaps blocked"
    return _SAYS[verdict.state]


def _order(group: tuple[str, list[str]]) -> int:
    return _ORDER.index(group[0])
