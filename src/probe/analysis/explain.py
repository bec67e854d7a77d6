"""The evidence of an event in plain words: what speaks for it, what against, how it was tested."""

from datetime import date
from statistics import median

from probe.analysis.explain_throttle import throttle_lines
from probe.analysis.score import wording
from probe.analysis.wording import clock, local_time, odds_words
from probe.analysis.wording_joint import witness_lines
from probe.model.event import Breadth, Event, EventKind, Instant, Label, Scope, Score, Window

__all__ = ["explain"]

_SHOWN = 12
_AWAY_MIN = 60.0
_SEVERAL = 3
_SCOPES = {
    Scope.THIS_LINE: "this line's (the one connection that was measured), as far as can be told",
    Scope.ONE_AS: "one AS, that is one provider's network",
    Scope.SEVERAL_AS: "several AS, that is several providers' networks",
    Scope.NATIONAL: "national",
}


def explain(event: Event) -> tuple[str, ...]:
    """Return the lines that explain ``event`` to a reader who does not know the method."""
    if event.throttle is not None:
        return throttle_lines(event)
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
        *_other_days(window),
        _chance(event),
        f"How sure: {event.label}, {_label_reason(event)}.",
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
    scope = f"Whose it is: {_SCOPES[event.scope]}; {wording(event.score)}."
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
        return f"since the trouble recurred on {more if sure else 'only three or four days so far'}"
    if event.label is Label.ESTABLISHED:
        return "since the trouble recurred on five days or more on this line"
    return "since the trouble recurred on only three or four days so far"


def _listed(names: tuple[str, ...]) -> str:
    shown = names[:_SHOWN]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def day_ranges(days: tuple[str, ...]) -> str:
    """Return ISO dates as ``2021-02-15 to 2021-03-16, 2021-03-18``, the first dozen ranges."""
    ranges: list[list[date]] = []
    for day in sorted(date.fromisoformat(one) for one in days):
        if ranges and (day - ranges[-1][1]).days <= 1:
            ranges[-1][1] = day
        else:
            ranges.append([day, day])
    words = tuple(f"{a} to {b}" if a != b else f"{a}" for a, b in ranges)
    return _listed(words)


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def _supports(window: Window) -> str:
    return (
        f"For it: on {_many(window.days.supported, 'day')} the failures filled most of these "
        f"hours ({day_ranges(window.supports)}). A look is one try to reach it."
    )


def _against(window: Window) -> tuple[str, ...]:
    """Name the days without it; on some the trouble may have been there for a part of the hours."""
    if not window.against:
        return ("Against it: on no day of this time was it looked at in these hours and worked.",)
    return (
        (
            f"Against it: on {_many(len(window.against), 'day')} it was looked at in these hours "
            f"and worked, all the time or a part of it ({day_ranges(window.against)})."
        ),
    )


def _unseen(window: Window) -> tuple[str, ...]:
    unseen = window.days.total - window.days.observable
    if unseen <= 0:
        return ()
    return (
        (
            f"No answer: on {_many(unseen, 'day')} there were too few looks in these hours, or all "
            "the day was bad."
        ),
    )


def _contrast(window: Window) -> tuple[str, ...]:
    if window.bad_share is None or window.shoulder_share is None:
        return ()
    return (
        (
            f"Inside and around: {window.bad_share:.0%} of the looks in these hours failed, and "
            f"{window.shoulder_share:.0%} of those in the five hours before and after."
        ),
    )


def _controls(window: Window) -> tuple[str, ...]:
    if window.control_share is None:
        return (
            (
                "Was it only this? Not known: no other sites were looked at for comparison (no "
                "controls), so the whole line may have been down."
            ),
        )
    return (
        (
            f"Was it only this? While it failed, {window.control_share:.0%} of the looks at other "
            "sites (the controls) failed too."
        ),
    )


def _edge(event: Event, window: Window) -> str:
    raw = f"{clock(window.start_minute)} to {clock(window.end_minute)}"
    text = f"The hours: by the looks alone {raw}"
    if event.kind is EventKind.DEGRADED_WINDOW:
        return f"{text}; where only a part fails, they are not rounded."
    if window.snapped is None:
        return f"{text}; no full or half hour is a clearly better guess."
    start, end = window.snapped
    return (
        f"{text}; since orders mostly name full or half hours, {clock(start)} to {clock(end)} is "
        "the best guess of an order."
    )


def _other_days(window: Window) -> tuple[str, ...]:
    """Name the days that began or ended at another hour than most, where there are several."""
    found: list[str] = []
    for word, usual, edges in (
        ("began", window.start_minute, [(d.day, d.start) for d in window.day_edges]),
        ("ended", window.end_minute, [(d.day, d.end) for d in window.day_edges]),
    ):
        away = [(day, at) for day, at in edges if at is not None and abs(at - usual) >= _AWAY_MIN]
        if len(away) >= _SEVERAL:
            middle = median(at for _, at in away)
            days = day_ranges(tuple(day for day, _ in away))
            found.append(
                f"Not the same each day: on {len(away)} of these days it {word} at another hour "
                f"than {clock(usual)}, mostly about {clock(middle)} ({days})."
            )
    return tuple(found)


def _chance(event: Event) -> str:
    more = event.q is not None and event.p is not None and f"{event.q:.2g}" != f"{event.p:.2g}"
    q = f", {event.q:.2g} with all that was searched beside it" if more else ""
    numbers = "" if event.p is None else f" (p = {event.p:.2g}{q})"
    if event.calendar is not None:
        return (
            "Chance: if the dates were exchanged for others of the same weekday, as many would "
            f"keep to them {odds_words(event.p)}{numbers}."
        )
    return (
        "Chance: if every day's failures had come at random hours of that day, so regular a "
        f"picture would come up {odds_words(event.p)}{numbers}."
    )


def _outage(event: Event) -> tuple[str, ...]:
    lines = [f"Start: {_bracket(event, event.start, 'last good look', 'first failed one')}."]
    if event.end is not None:
        lines.append(f"End: {_bracket(event, event.end, 'last failed look', 'first good one')}.")
    elif event.kind is EventKind.ONSET:
        lines.append("End: none seen; the last look still failed.")
    if event.unseen_s > 0:
        lines.append(
            f"Not observed inside: {event.unseen_s / 3600:.1f} h; it is one outage because "
            "it failed both before and after."
        )
    if event.p is not None:
        lines.append(
            f"Chance: outages that have nothing to do with each other would begin so close "
            f"together {odds_words(event.p)} (p = {event.p:.2g})."
        )
    return tuple(lines)


def _bracket(event: Event, instant: Instant, before: str, after: str) -> str:
    if instant.censored:
        return "not seen: it lies in a gap of the measurements or outside of them"
    return (
        f"between {local_time(instant.earliest, event.tz)} ({before}) and "
        f"{local_time(instant.latest, event.tz)} {event.tz} ({after})"
    )
