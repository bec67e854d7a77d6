"""How consistent an event is with a deliberate restriction: a sum of log-odds, never a claim.

The prior is 182 of 911 labelled national outages; the other terms are of the same study
(facts: "Destination Unreachable", SIGCOMM 2023). A recurrence enters by the upper bound of the
Bayes factor of its p-value, 1 / (-e p ln p) (Sellke, Bayarri and Berger, The American
Statistician 55, 2001), at most 50. Below several AS there is no score: one line cannot know.
"""

import math
from datetime import timedelta

from probe.model.event import Contribution, Event, EventKind, Scope, Score

__all__ = ["score_of", "wording"]

_PRIOR = -1.4
_ON_HOUR = math.log(3.1)
_SIGNALS = math.log(1.75)
_LONG = math.log(2.0)
_LONG_S = 4.5 * 3600
_RECURRENCE_MAX = 50.0
_LEAST_SIGNALS = 3
_SHARP_MIN = 30.0
"""A start known no better than this lies near a full hour whatever it was."""

_WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


def score_of(event: Event, *, signals: int = 1) -> Score | None:
    """Return the score with its terms, ``None`` for anything seen on fewer than several AS.

    ``signals`` is how many independent signals saw it.
    """
    if event.scope not in (Scope.SEVERAL_AS, Scope.NATIONAL):
        return None
    terms = [Contribution(name="prior", log_odds=_PRIOR)]
    if _on_hour(event):
        terms.append(Contribution(name="starts on the hour", log_odds=_ON_HOUR))
    if event.kind in _WINDOWS and event.p is not None:
        terms.append(Contribution(name="recurs", log_odds=_recurrence(event.p)))
    if signals >= _LEAST_SIGNALS:
        terms.append(Contribution(name="three signals or more", log_odds=_SIGNALS))
    if _length_s(event) >= _LONG_S:
        terms.append(Contribution(name="4.5 hours or longer", log_odds=_LONG))
    return Score(log_odds=sum(term.log_odds for term in terms), contributions=tuple(terms))


def _recurrence(p: float) -> float:
    bound = 1 / (-math.e * p * math.log(p)) if 0 < p < 1 / math.e else 1.0
    return math.log(min(_RECURRENCE_MAX, max(1.0, bound)))


def _on_hour(event: Event) -> bool:
    """Return whether it began on a full hour, and is known well enough to say so."""
    if event.window is not None:
        snapped, (low, high) = event.window.snapped, event.window.start_interval
        return snapped is not None and snapped[0] % 60 == 0 and high - low <= _SHARP_MIN
    if event.start.latest - event.start.earliest > timedelta(minutes=_SHARP_MIN):
        return False
    return event.start.earliest <= event.start.at.replace(minute=0, second=0) <= event.start.latest


def _length_s(event: Event) -> float:
    if event.window is not None:
        return (event.window.end_minute - event.window.start_minute) * 60.0
    return (event.end.at - event.start.at).total_seconds() if event.end is not None else 0.0


def wording(score: Score | None) -> str:
    """Return the strongest words that a score allows; there are none above these."""
    if score is None:
        return "one network cannot tell a restriction from its own trouble, nor who is behind it"
    if score.log_odds >= 0:
        return "consistent with a deliberate restriction"
    return "does not point to a deliberate restriction"
