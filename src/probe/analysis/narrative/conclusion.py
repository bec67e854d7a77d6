"""The end of a narrative: how sure it is, why not surer, what could fool it, what to do next."""

from collections.abc import Iterator

from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Conclusion
from probe.analysis.rule import Rule, missing
from probe.analysis.rules import RULES
from probe.model.context import GateId
from probe.model.verdict import Confidence, Locus, State, Verdict

__all__ = ["conclude", "headline", "rule_of"]

_HEADLINES: dict[State, str] = {
    State.OK: "It works here.",
    State.BLOCKED: "It is blocked here.",
    State.DEGRADED: "It works here in part only.",
    State.DOWN: "It seems to be down, and not only here.",
    State.INCONCLUSIVE: "It cannot be said whether it is blocked.",
    State.INVALID: "Nothing can be said about it: the line itself was at fault.",
}

_NEEDS: dict[str, str] = {
    "REPRODUCED": "it was not seen to fail alike in two of three tries",
    "SPREAD": "only one address of it was seen to fail, so one dead machine could explain it",
    "SAME_ADDRESS": "nobody elsewhere was seen to get through at an address that fails here",
    "NETWORK_UP": "something else on the same network failed as well",
    "UNDISPUTED": "another resolver gets no address for the name either",
    "NEUTRAL_NAME": "it was not shown that the resolver finds neutral names",
    "OTHER_ISSUER": "nobody elsewhere was seen to get a certificate by another issuer",
}

_GROUNDS: dict[str, str] = {
    "elsewhere": "another resolver knows the name, but its answer was not shown to work",
    "expected": "it is compared with an earlier look, not with one at the same time",
    "alone": "there is nothing to compare it with",
}


def rule_of(verdict: Verdict) -> Rule | None:
    """Return the rule that made ``verdict``, ``None`` if this version does not have it."""
    return next((rule for rule in RULES if rule.id == verdict.rule_id), None)


def conclude(scene: Scene) -> Conclusion:
    """Return the end of the narrative of ``scene``."""
    verdict = scene.verdict
    rule = rule_of(verdict)
    return Conclusion(
        headline=headline(verdict),
        sentence=verdict.sentence,
        sure=_sure(verdict),
        why_not_surer=tuple(_doubts(scene, rule)),
        fooled_by=None if rule is None or not _claims(verdict) else rule.fooled_by,
        next_steps=tuple(dict.fromkeys(_next(scene))),
        details=tuple(_details(verdict, rule)),
    )


def headline(verdict: Verdict) -> str:
    """Return the verdict in a few words, never more than was shown."""
    weak = verdict.confidence is Confidence.WEAK
    if verdict.mechanism == "service.retired":
        return "Its operator closed it for good."
    if verdict.state is State.BLOCKED and verdict.locus is Locus.SERVER:
        return "Perhaps the service itself refuses." if weak else "The service itself refuses."
    if verdict.state is State.INCONCLUSIVE and verdict.mechanism in ("not_run", "interrupted"):
        return "It was not measured, so nothing is known."
    if verdict.mechanism == "not_measured":
        return "This program cannot measure it yet."
    if weak and verdict.bad:
        told = _HEADLINES[verdict.state].replace("seems to be", "is")
        return f"Perhaps {told[0].lower()}{told[1:]}"
    if weak and verdict.state is State.OK:
        return "As far as could be seen, it works here."
    return _HEADLINES[verdict.state]


def _claims(verdict: Verdict) -> bool:
    return verdict.state not in (State.INCONCLUSIVE, State.INVALID)


def _sure(verdict: Verdict) -> str:
    if not _claims(verdict):
        return "Nothing is claimed about the service."
    if verdict.state is State.OK and verdict.confidence is Confidence.WEAK:
        return "Weak: it looks well, and nothing proves it."
    return {
        Confidence.CONFIRMED: "Confirmed: as sure as one line can be.",
        Confidence.LIKELY: "Likely: what was seen fits this well, and other causes less.",
        Confidence.WEAK: "Weak: one sign only. Do not report it as a fact.",
    }[verdict.confidence]


def _doubts(scene: Scene, rule: Rule | None) -> Iterator[str]:
    """Yield why the confidence is not higher; nothing where nothing is claimed, or all is shown."""
    verdict = scene.verdict
    if not _claims(verdict) or verdict.confidence is Confidence.CONFIRMED:
        return
    lacking = missing(rule, scene.features) if rule is not None else ()
    yield from (_NEEDS.get(need.name) or f"this was not shown: {need}" for need in lacking)
    ground = _GROUNDS.get(verdict.rule_id.rpartition(".")[2])
    if ground is not None:
        yield ground
    if lacking or ground is not None:
        return
    if verdict.confidence is Confidence.WEAK:
        yield "such a sign alone has other explanations as well"
    elif verdict.state is State.OK:
        yield "the end of the way was not shown, only a good part of it"
    else:
        yield (
            "to be certain it would take a mark that nothing else explains, such as a known "
            "block page, or the same from a second network"
        )


_GATES: dict[GateId, str] = {
    GateId.VPN_ON: "Switch the VPN or tunnel off, if that is safe for you, and try again.",
    GateId.PATH_CHANGED: "Stay on one network for a whole look, and try again.",
    GateId.CLOCK: "Set this machine's clock, and try again.",
    GateId.OFFLINE_LOCAL: "Look at cable, Wi-Fi and router, and try again.",
    GateId.CAPTIVE_PORTAL: "Open any page in a browser, sign in there, and try again.",
    GateId.OFFLINE_UPSTREAM: "Ask somebody on another network whether theirs works.",
    GateId.DOMESTIC_ONLY: "See whether a prepaid balance is spent; ask on another network.",
}

_EVENING = (
    "Look again at another hour, for instance in the evening: some cuts keep hours "
    "(`probe watch` finds them by itself)."
)
_SECOND = "Try the same on a second network, such as mobile data or another provider's line."
_CONTROL = (
    "Ask somebody you trust elsewhere for a control: `probe control snapshot` there makes a "
    "file, and --control takes it here."
)


def _next(scene: Scene) -> Iterator[str]:
    verdict, f = scene.verdict, scene.features
    if f.line.gate is not None and verdict.state is State.INVALID:
        yield _GATES.get(f.line.gate.id, "Try again later.")
        return
    if verdict.mechanism == "service.retired" or verdict.mechanism == "not_measured":
        yield "There is nothing to do."
        return
    if verdict.state is State.OK:
        yield from _next_ok(scene)
        return
    yield from _next_local(scene)
    yield from _next_unsure(scene)


def _next_ok(scene: Scene) -> Iterator[str]:
    if scene.verdict.mechanism == "dns.resolver_down":
        yield "Restart the router; if names still fail, ask the provider about its resolver."
    elif scene.verdict.mechanism == "none":
        yield "If an app of it fails all the same, look at that app's own settings and version."
    else:
        yield _EVENING
    if scene.verdict.confidence is Confidence.WEAK and not scene.controls.live:
        yield _CONTROL


def _next_local(scene: Scene) -> Iterator[str]:
    verdict, f = scene.verdict, scene.features
    read = verdict.mechanism.startswith("tls.mitm")
    if read or f.line.strange_issuers:
        yield (
            "Do not type a password on this line: somebody may be reading along. See whether an "
            "antivirus, a company or a school opens encrypted traffic on this machine."
        )
    elif f.tls.certificate is not None and not f.tls.expired:
        yield (
            "Do not sign in where a program warns of a certificate: whoever answers could not "
            "prove to be the service."
        )
    if verdict.locus is Locus.LOCAL and (f.dns.bogons or verdict.mechanism.startswith("dns.")):
        yield "See whether an ad-blocker or the router answers for names, and try without it."
    elif verdict.locus is Locus.LOCAL and not read:
        yield "See what on this machine or in this house stands in the way: a firewall, a router."
    elif verdict.locus is Locus.SERVER and verdict.confidence is Confidence.WEAK:
        yield "Look whether others say the same: perhaps it is the service, not the network."
    elif verdict.locus is Locus.SERVER:
        yield "Ask the service, or look whether others say the same: the network is not to blame."


def _next_unsure(scene: Scene) -> Iterator[str]:
    verdict, f = scene.verdict, scene.features
    if f.ending.layer is not None and f.attempts.total < 3:
        yield "Run it again without --quick, so that it is tried more often."
    if verdict.locus is not Locus.SERVER:
        if not (f.control.passed or f.control.alike):
            yield _CONTROL
        yield _SECOND
    yield _EVENING


def _details(verdict: Verdict, rule: Rule | None) -> Iterator[str]:
    yield (
        f"{verdict.state} / {verdict.mechanism} / {verdict.locus} / {verdict.confidence}, "
        f"rule {verdict.rule_id} version {verdict.rule_version}"
    )
    if rule is not None and rule.needs:
        yield f"needs: {', '.join(str(need.name).lower() for need in rule.needs)}"
    if verdict.evidence:
        yield f"evidence: {', '.join(verdict.evidence)}"
