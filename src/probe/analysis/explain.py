"""The evidence of an event in plain words: what speaks for it, what against, how it was tested."""

from probe.analysis.score import wording
from probe.analysis.wording import clock
from probe.analysis.wording_joint import witness_lines
from probe.model.event import Breadth, Event, EventKind, Instant, Label, Score, Window

__all__ = ["explain"]

_DAYS_SHOWN = 12


def explain(event: Event) -> tuple[str, ...]:
    """Return the lines that explain ``event`` to a reader who does not know the method."""
    if event.window is None:
        return (*_outage(event), *_company(event), *_reach_of_it(event))
    window = event.window
    return (
        _supports(window),
        *_against(window),
        *_unseen(window),
        *_contrast(window),
        *_controls(window),
        *_company(event),
        _edge(event, window),
        _chance(event),
        f"Label: {event.label}, {_label_reason(event)}.",
        *_reach_of_it(event),
    )


def _company(event: Event) -> tuple[str, ...]:
    """Say what else failed on this line in the same hours."""
    if event.breadth is Breadth.UNKNOWN:
        return ()
    failed, seen = event.company or (0, 0)
    if not seen:
        return (f"Kind: {str(event.breadth).replace('_', ' ')}, by its controls.",)
    shared = f"with it failed {_listed(event.shared)}" if event.shared else "nothing else failed"
    spared = (
        f"meanwhile worked {_listed(event.spared)}" if event.spared else "no other was seen to work"
    )
    kind = str(event.breadth).replace("_", " ")
    count = f"{failed} of {seen} others of this line failed"
    return (f"Kind: {kind}; {count}: {shared}, and {spared}.",)


def _reach_of_it(event: Event) -> tuple[str, ...]:
    """Say whose it is, who saw it and who did not, and the terms of the score."""
    seen = witness_lines(event.agreement) if event.agreement is not None else ()
    fault = ("Fault: it points to this vantage itself.",) if event.own_fault else ()
    scope = f"Scope: {event.scope}; {wording(event.score)}."
    return (*seen, *fault, scope, *_terms(event.score))


def _terms(score: Score | None) -> tuple[str, ...]:
    if score is None:
        return ()
    terms = ", ".join(f"{term.name} {term.log_odds:+.2f}" for term in score.contributions)
    return (f"Score: {score.log_odds:+.2f} in log-odds ({terms}); it never says who or why.",)


def _label_reason(event: Event) -> str:
    if event.kind in (EventKind.DEGRADED_WINDOW, EventKind.CALENDAR_WINDOW):
        many = "enough" if event.label is Label.ESTABLISHED else "few"
        return f"since {many} days speak for it"
    if event.agreement is not None:
        more = "five days or more, or on three in several AS"
        sure = event.label is Label.ESTABLISHED
        return f"since it came back on {more if sure else 'only three or four days so far'}"
    if event.label is Label.ESTABLISHED:
        return "since it came back on five days or more on this line"
    return "since it came back on only three or four days so far"


def _listed(days: tuple[str, ...]) -> str:
    shown = days[:_DAYS_SHOWN]
    more = len(days) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _supports(window: Window) -> str:
    return (
        f"For it: {window.days.supported} days on which the failures filled these hours "
        f"({_listed(window.supports)})."
    )


def _against(window: Window) -> tuple[str, ...]:
    if not window.against:
        return ("Against it: no observed day in this period was without it.",)
    return (
        (
            f"Against it: {len(window.against)} days that were observed and on which it did not "
            f"happen ({_listed(window.against)})."
        ),
    )


def _unseen(window: Window) -> tuple[str, ...]:
    unseen = window.days.total - window.days.observable
    if unseen <= 0:
        return ()
    days = f"{unseen} day{'s' * (unseen != 1)}"
    return (f"No answer: {days} too little observed in these hours, or bad throughout.",)


def _contrast(window: Window) -> tuple[str, ...]:
    if window.bad_share is None or window.shoulder_share is None:
        return ()
    return (
        (
            f"Contrast: {window.bad_share:.0%} of the looks inside failed, and "
            f"{window.shoulder_share:.0%} of those up to five hours before and after."
        ),
    )


def _controls(window: Window) -> tuple[str, ...]:
    if window.control_share is None:
        return ("Controls: none were measured, so a fault of the whole line is not ruled out.",)
    return (f"Controls: {window.control_share:.0%} of them failed at the same time.",)


def _edge(event: Event, window: Window) -> str:
    raw = f"{clock(window.start_minute)} to {clock(window.end_minute)}"
    text = f"Edges: the samples alone say {raw}"
    if event.kind is EventKind.DEGRADED_WINDOW:
        return f"{text}; where only a part fails, no round hours are guessed."
    if window.snapped is None:
        return f"{text}; no round hours are guessed, since sampling was at fixed minutes."
    start, end = window.snapped
    return (
        f"{text}; if orders are given for full or half hours, "
        f"{clock(start)} to {clock(end)} fits best."
    )


def _chance(event: Event) -> str:
    p = "unknown" if event.p is None else f"{event.p:.3g}"
    q = "" if event.q is None else f" (q = {event.q:.3g} over all that was tested with it)"
    if event.calendar is not None:
        return (
            f"Chance: with the listed dates exchanged for other days of the same weekday, as many "
            f"kept to them with probability p = {p}{q}."
        )
    return (
        f"Chance: with the hours of each day turned at random, as regular a picture came up "
        f"with probability p = {p}{q}."
    )


def _outage(event: Event) -> tuple[str, ...]:
    lines = [f"Evidence: {event.bad_samples} of {event.samples} looks in it failed."]
    lines.append(f"Start: {_bracket(event.start, 'last good look', 'first failed one')}.")
    if event.end is not None:
        lines.append(f"End: {_bracket(event.end, 'last failed look', 'first good one')}.")
    elif event.kind is EventKind.ONSET:
        lines.append("End: none seen; the last look still failed.")
    if event.unseen_s > 0:
        lines.append(
            f"Not observed inside: {event.unseen_s / 3600:.1f} h; it is one outage because "
            "it failed both before and after."
        )
    if event.p is not None:
        lines.append(
            f"Chance: unrelated outages of these lines would begin so close together with "
            f"probability p = {event.p:.3g}."
        )
    return tuple(lines)


def _bracket(instant: Instant, before: str, after: str) -> str:
    if instant.censored:
        return "not seen: it lies in a gap of the measurements or outside of them"
    return (
        f"between {instant.earliest:%Y-%m-%d %H:%M} ({before}) and "
        f"{instant.latest:%Y-%m-%d %H:%M} UTC ({after})"
    )
