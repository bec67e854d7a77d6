"""The steps of comparison: the same again, others at that moment, and what others see."""

from probe.analysis.endings import ending_of
from probe.analysis.features import Features
from probe.analysis.narrative.phrases import clean, count, joined, minutes
from probe.analysis.narrative.scene import Scene
from probe.analysis.narrative.values import Chapter, Explained, Finding, Meaning
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import Variant
from probe.model.verdict import State

__all__ = ["again_step", "beside_step", "elsewhere_step"]


def again_step(scene: Scene) -> Explained | None:
    """Return how the same fared when it was tried again, ``None`` where the first look passed."""
    f = scene.features
    if f.ending.layer is None:
        return None
    if f.attempts.total < 2:
        return Explained(
            chapter=Chapter.AGAIN,
            finding=Finding.OPEN,
            title="Once more",
            did="It was tried once only.",
            came="No second answer.",
            means="A passing fault looks like this, too.",
            remains="Whether it fails again.",
        )
    means, rules_out, remains = _repeated(f)
    return Explained(
        chapter=Chapter.AGAIN,
        finding=Finding.FAILED if f.attempts.reproduced else Finding.OPEN,
        title="Once more",
        did=f"Tried {f.attempts.total} times in all{_spread(scene)}.",
        came=f"{f.attempts.alike} of {f.attempts.total} ended in the same way as the first; "
        f"{f.attempts.passed} worked.",
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _spread(scene: Scene) -> str:
    times = [m.monotonic_s for _, m in scene.of(Variant.MAIN, Variant.RETEST)]
    return f", within {minutes(max(times) - min(times))}" if len(times) > 1 else ""


def _repeated(f: Features) -> Meaning:
    if f.attempts.reproduced:
        return Meaning(
            "It fails in the same way again and again; passing faults seldom do.",
            "A passing fault.",
            None,
        )
    if f.attempts.recovers:
        return Meaning(
            "It failed and then it worked. Lost packets look like this, and so does interference "
            "that fires only now and then.",
            "That it is cut for good.",
            "Which of the two it was: more looks would tell.",
        )
    return Meaning(
        "It did not fail in one and the same way each time, so no pattern is seen.",
        None,
        "What really ails it.",
    )


def beside_step(scene: Scene) -> Explained | None:
    """Return how others fared while this one failed, ``None`` where nobody was asked."""
    neutral = [ending_of(m).passed for _, m in scene.of(Variant.ANCHOR)]
    near = [ending_of(m).passed for _, m in scene.of(Variant.NEIGHBOUR)]
    if not neutral and not near:
        return None
    told = [
        f"{sum(fared)} of {count(len(fared), 'look')} at {whom} worked"
        for fared, whom in ((neutral, "neutral hosts"), (near, "a neighbour"))
        if fared
    ]
    means, rules_out, remains = _others(neutral, near)
    return Explained(
        chapter=Chapter.BESIDE,
        finding=Finding.FINE if all(neutral + near) else Finding.ODD,
        title="Others at that moment",
        did="While it failed, hosts that have nothing to do with it were asked: neutral ones, or "
        "others on the same network as the service.",
        came=f"{joined(told)}.",
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _others(neutral: list[bool], near: list[bool]) -> Meaning:
    if neutral and not any(neutral):
        return Meaning(
            "No neutral host worked either: the trouble may be with the line.",
            None,
            "Whether the service itself is affected.",
        )
    if near and not any(near):
        return Meaning(
            "Something else on the service's network fails as well: that network may be out of "
            "reach as a whole.",
            "That it is certainly about this service alone.",
            "Whether that network is cut off, or down.",
        )
    if not all(neutral + near):
        return Meaning(
            "Some of them failed as well: it may not be about this service alone.",
            None,
            "What they have in common: a line that loses packets, a filter at home, or chance.",
        )
    return Meaning(
        "They worked, so the line held while this failed.",
        "That the whole line broke at that moment.",
    )


def elsewhere_step(scene: Scene) -> Explained:
    """Return what somebody who is not on this line saw of the same."""
    live, expected = scene.controls.live, scene.controls.expected
    if not live and expected is None:
        return _nobody(scene)
    means, rules_out, remains = _weighed(scene)
    f = scene.features.control
    finding = (
        Finding.FINE if f.passed and not f.alike else Finding.FAILED if f.alike else Finding.OPEN
    )
    return Explained(
        chapter=Chapter.ELSEWHERE,
        finding=finding,
        title="What others see (a control)",
        did="Compared with a look at the same from somewhere else, or from before.",
        came=" ".join([*map(_saw, live[:4]), *([_saw(expected)] if expected else [])]),
        means=means,
        rules_out=rules_out,
        remains=remains,
    )


def _nobody(scene: Scene) -> Explained:
    proved = scene.features.ending.passed and (
        scene.features.tls.valid is True or scene.features.http.authentic is True
    )
    return Explained(
        chapter=Chapter.ELSEWHERE,
        finding=Finding.OPEN,
        title="What others see (a control)",
        did="Nobody elsewhere was asked for a comparison.",
        came="So there is nothing to compare with.",
        means="It is not needed here: the certificate is the proof."
        if proved
        else "From one line alone it cannot be seen whether the service fails for everybody.",
        remains=None if proved else "How the same fares elsewhere at the same time.",
    )


def _saw(seen: ControlObservation) -> str:
    who = {
        ControlKind.LIVE: f"{clean(seen.source, 40)}, at the same time",
        ControlKind.SNAPSHOT: f"A saved look of {seen.observed:%Y-%m-%d}",
        ControlKind.OWN_PAST: f"This line itself, on {seen.observed:%Y-%m-%d}",
    }.get(seen.kind, "A comparison")
    if seen.failure is not None:
        step = f" at the step “{seen.failed_operation}”" if seen.failed_operation else ""
        return f"{who}: it failed{step}."
    status = f" (status {seen.status})" if seen.status is not None else ""
    return f"{who}: it answered{status}."


def _weighed(scene: Scene) -> Meaning:
    f = scene.features
    if f.ending.layer is None:
        return _compared_good(f)
    if f.control.passed and f.control.alike:
        return Meaning(
            "Others disagree with each other, so they do not decide it.",
            None,
            "Whether a part of the service is down.",
        )
    if f.control.live and scene.verdict.state is State.DOWN:
        return Meaning(
            "It answers elsewhere, in another state than here: one of its machines is at fault.",
            None,
            "Whether it is one machine, or one place.",
        )
    if f.control.live:
        return Meaning(
            "It works elsewhere at the same time, and not here.",
            "That the service is down for everybody.",
            "Whether the network here, or the service for this place, makes the difference.",
        )
    if f.control.alike:
        return Meaning(
            "It fails elsewhere in the same way: the service itself seems to have trouble.",
            "That it fails on this line only.",
            "Whether that one look elsewhere was unlucky." if f.control.alike == 1 else None,
        )
    if f.control.otherwise:
        return Meaning(
            "It fails elsewhere as well, in another way.",
            None,
            "Whether the two have anything to do with each other.",
        )
    return Meaning(
        "It worked before, or elsewhere; whether it is up right now was not seen.",
        "That it never works.",
        "Whether the service is down at the moment.",
    )


def _compared_good(f: Features) -> Meaning:
    names = [
        word
        for word, same in (("the address", f.dns.matches_control), ("the page", f.http.consistent))
        if same is True
    ]
    if f.control.alike or f.control.otherwise:
        return Meaning(
            "Elsewhere there was trouble, too, or a different one.", None, "What it means."
        )
    here, there = f.http.status, f.http.control_status
    if here is not None and there is not None and here != there:
        return Meaning(
            f"Elsewhere the answer has status {there}, here {here}: this place, or this line, is "
            "treated differently.",
            "That everybody gets the same answer.",
            "By whom: nothing in plain text tells." if f.http.authentic is not True else None,
        )
    if f.http.consistent is False:
        return Meaning(
            "The page there is another one than here.", None, "Whether that is more than a change."
        )
    if names:
        return Meaning(f"The same as here: {joined(names)}.", None, None)
    return Meaning("It can be reached elsewhere as well.", None, None)
