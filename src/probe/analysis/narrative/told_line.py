"""The first step: what this line itself could do at that time."""

from collections.abc import Iterable, Iterator, Sequence

from probe.analysis.line_facts import line_facts
from probe.analysis.narrative.phrases import clean, failed, joined
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding
from probe.model.context import Anchor, AnchorGroup, RoundContext, RoundInputs
from probe.model.measurement import Outcome

__all__ = ["line_step", "target_step"]


def line_step(context: RoundContext | None) -> Explained:
    """Return the step about the line, without any address or name of its own."""
    if context is None or not _looked(context.inputs):
        return _unseen(context)
    noticed = tuple(_noticed(context))
    fine = not context.gates and not noticed
    return Explained(
        chapter=Chapter.LINE,
        finding=Finding.FINE
        if fine
        else Finding.FAILED
        if context.invalid is not None
        else Finding.ODD,
        title="This line itself",
        did="Before and after everything else, a few neutral hosts that nobody has a reason to "
        "block were asked, and this machine's clock and name look-ups (DNS) were checked.",
        came=" ".join(_came(context.inputs)),
        means=" ".join((_means(context, noticed), *noticed)),
        rules_out="That the whole line was cut off while this was measured."
        if fine and _working(context.inputs)
        else None,
        remains=_remains(context),
        details=tuple(_details(context)),
    )


def _looked(inputs: RoundInputs) -> bool:
    return bool(inputs.anchors) or bool(inputs.tunnel) or inputs.default_route is not None


def _working(inputs: RoundInputs) -> bool:
    return any(a.ok for a in inputs.anchors)


def _unseen(context: RoundContext | None) -> Explained:
    return Explained(
        chapter=Chapter.LINE,
        finding=Finding.OPEN,
        title="This line itself",
        did="Nothing is known about the line: it was not looked at.",
        came="No answer, since nobody asked.",
        means="A fault of the line itself is not ruled out.",
        remains="Whether the line worked at that time.",
        details=tuple(_details(context)) if context is not None else (),
    )


def _came(inputs: RoundInputs) -> Iterator[str]:
    if inputs.tunnel:
        yield "All traffic of this machine goes through a tunnel (a VPN)."
        return
    sides = [
        _side(inputs.anchors, AnchorGroup.INTERNATIONAL, "abroad"),
        _side(inputs.anchors, AnchorGroup.DOMESTIC, "in the country"),
    ]
    told = [side for side in sides if side]
    yield f"{joined(told)} answered." if told else "No neutral host was asked."
    if inputs.system_resolver_ok:
        good = sum(inputs.system_resolver_ok)
        yield f"Names of neutral hosts: {good} of {len(inputs.system_resolver_ok)} were found."
    if inputs.clock_skews_s:
        yield f"The clock is {_clock(inputs.clock_skews_s)}."
    if inputs.ipv6_ok is not None:
        yield "IPv6, the newer kind of address, works." if inputs.ipv6_ok else "IPv6 does not work."


def _side(anchors: Iterable[Anchor], group: AnchorGroup, name: str) -> str:
    mine = [a for a in anchors if a.group is group]
    return f"{sum(a.ok for a in mine)} of {len(mine)} neutral hosts {name}" if mine else ""


def _clock(skews: tuple[float, ...]) -> str:
    middle = sorted(skews)[len(skews) // 2]
    if abs(middle) < 60:
        return "right to the minute"
    return f"{abs(middle) / 60:.0f} minutes {'ahead' if middle > 0 else 'behind'}"


def _noticed(context: RoundContext) -> Iterator[str]:
    """Yield what is odd about the line though it closes no gate; all of it weighs later on."""
    if context.invalid is not None:
        return
    line = line_facts(context)
    if line.strange_issuers:
        yield (
            "But neutral hosts showed certificates by somebody whom the public list does not "
            "know: encrypted traffic of this line is opened by something, such as a company's "
            "proxy or an antivirus."
        )
    if line.bogons:
        yield "But neutral names got addresses where no public host can be: an ad-blocker?"
    if line.portal:
        yield "But a sign-in page answered in place of a neutral page."
    if line.abroad_fails and not line.strange_issuers:
        yield "But hardly anything abroad answered, so a failure abroad is not about one service."
    elif line.slow:
        yield (
            "But it takes five seconds and more to connect to a neutral host: everything was "
            "waited for longer, and silence means little."
        )
    elif line.lossy:
        yield "But some neutral hosts were silent: packets get lost, so silence means little."


def _means(context: RoundContext, noticed: Sequence[str]) -> str:
    gate = next(iter(context.gates), None)
    if gate is None:
        if noticed:
            return "The line carries traffic."
        if _working(context.inputs):
            return "The line works. If something fails below, it is not a fault of the whole line."
        return "Too few neutral hosts were asked to say that the line works."
    told = clean(gate.detail or str(gate.id), 300)
    said = f"{told[:1].upper()}{told[1:]}."
    if context.invalid is not None and context.opened is not None:
        return f"{said} That came meanwhile: what had worked counts, what failed after it does not."
    if context.invalid is not None:
        return f"{said} So nothing that was measured says anything about a single service."
    return f"{said} That is kept in mind for what follows."


def _remains(context: RoundContext) -> str | None:
    if context.invalid is not None:
        return "Everything about the service itself."
    domestic = [a for a in context.inputs.anchors if a.group is AnchorGroup.DOMESTIC]
    if not domestic:
        return "How sites inside the country fare: none is known for this one."
    return None


def _details(context: RoundContext) -> Iterator[str]:
    yield f"network {context.network.key}, country {context.country}, zone {context.tz}"
    yield from (f"gate {g.id}: {clean(g.detail, 200)}" for g in context.gates)
    for anchor in context.inputs.anchors:
        yield (
            f"{anchor.group} anchor {clean(anchor.endpoint, 120)}: "
            f"{'ok' if anchor.ok else anchor.failure or 'failed'}"
        )
    skews = ", ".join(f"{s:+.1f}" for s in context.inputs.clock_skews_s)
    if skews:
        yield f"clock minus servers' dates, s: {skews}"


def target_step(scene: Scene) -> Explained | None:
    """Return why the target itself says nothing, ``None`` when it was looked at and counts."""
    outcome, gate = scene.features.outcome, scene.features.line.gate
    if outcome is Outcome.MEASURED and gate is None:
        return None
    why = clean(scene.features.why or "the line was at fault", 200)
    if outcome is Outcome.MEASURED:
        did, came = (
            f"{scene.service.name} was looked at all the same, for the record.",
            _seen(scene),
        )
    else:
        did = f"{scene.service.name} ({scene.host}) was not looked at to the end."
        came = f"The reason: {why}."
    return Explained(
        chapter=Chapter.TARGET,
        finding=Finding.OPEN,
        title=scene.service.name,
        did=did,
        came=came,
        means="That says nothing about the service, neither good nor bad.",
        remains="Whether it works here.",
    )


def _seen(scene: Scene) -> str:
    ending = scene.features.ending
    if ending.layer is None:
        return "It answered."
    return f"It failed, as was to be expected: {failed(ending.failure, ending.layer)}."
