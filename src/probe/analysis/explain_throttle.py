"""The evidence of a throttling in plain words: what was compared, how large, how it was tested."""

from probe.analysis.wording import clock, odds_words
from probe.model.event import Event, Label, Window
from probe.model.goodput import Pairing, Transport
from probe.model.throttle import Grade, Shape, Throttle, ThrottleScope

__all__ = ["throttle_lines"]

_BESIDE = {
    Pairing.NEUTRAL: "neutral hosts within the same minute",
    Pairing.SAME_SERVER: "the same server under another name within the same minute",
    Pairing.BORDER: "hosts in the country within the same minute",
}
_CALL = "the same packets in disguise, to the same server within the same minute"
_GRADES = {
    Grade.SLOW: "slow: twice as slow as before or more",
    Grade.THROTTLED: "throttled: four times as slow or more on two of three days",
    Grade.EXTREME: "extreme: ten times as slow or more",
}
_SHAPES = {
    Shape.POLICED: "one level, and in jerks",
    Shape.SHAPED: "one level, and evenly",
    Shape.FROZEN: "as many bytes each time, and then nothing",
    Shape.UNKNOWN: "no one level, or too little was seen of how the bytes came",
}


def throttle_lines(event: Event) -> tuple[str, ...]:
    """Return the lines that explain a throttling; none for an event of another kind."""
    said = event.throttle
    if said is None:
        return ()
    window = () if event.window is None else _window(event.window)
    return (
        _compared(said),
        *window,
        f"How much: {_GRADES[said.grade]}.",
        f"How it came: {_SHAPES[said.shape]}.",
        _limit(said),
        _chance(event),
        f"How sure: {event.label}, {_reason(event)}.",
        "Whose it is: this line's, as far as can be told; nobody sees from its end who slows it.",
    )


def _compared(said: Throttle) -> str:
    if said.scope is ThrottleScope.GENERAL:
        beside = "neutral hosts, each round against earlier ones"
    elif said.transport is Transport.UDP:
        beside = f"its speed beside {_CALL}"
    else:
        beside = f"its speed beside {_BESIDE[said.pairing]}"
    return (
        f"Compared: {beside}; {said.rounds} rounds in question with {said.baseline} of the same "
        "kind that were not slow, all else being the same pair's own past."
    )


def _window(window: Window) -> tuple[str, ...]:
    days = window.days
    against = len(window.against)
    return (
        (
            f"For it: on {days.supported} of {days.observable} days with rounds in these hours it "
            f"was slow; on {against} it was not."
        ),
        (
            f"The hours: by the rounds alone {clock(window.start_minute)} to "
            f"{clock(window.end_minute)}."
        ),
    )


def _limit(said: Throttle) -> str:
    if said.scope is not ThrottleScope.GENERAL and said.pairing is Pairing.SAME_SERVER:
        return "Limit or crowd: both transfers share all of the path, so no crowd tells them apart."
    return (
        "Limit or crowd: level, edges and round trips together speak for a limit; a crowd "
        "scatters, comes and goes over hours, and lengthens the round trip."
    )


def _chance(event: Event) -> str:
    q = "" if event.q is None else f", {event.q:.2g} with all that was compared beside it"
    numbers = "" if event.p is None else f" (p = {event.p:.2g}{q})"
    if event.window is not None:
        return (
            "Chance: if each day's slow rounds had come at random hours of that day, so regular a "
            f"picture would come up {odds_words(event.p)}{numbers}."
        )
    return (
        "Chance: if nothing had become more than twice as slow, ranks like these in a stretch "
        f"chosen for being slow would come up {odds_words(event.p)}{numbers}."
    )


def _reason(event: Event) -> str:
    if event.label is Label.ESTABLISHED:
        return "since it was seen on several days"
    return "since few days or few rounds speak for it so far"
