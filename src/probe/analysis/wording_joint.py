"""The sentence of a joint event: who saw it, who did not, and the strongest words it allows."""

from collections.abc import Sequence

from probe.analysis.score import wording
from probe.analysis.wording import mechanism_words, outage_words, window_words
from probe.model.event import Agreement, Event, Scope, Witness
from probe.model.timeline import Signal

__all__ = ["joint_sentence", "seen_by", "witness_lines"]

_NAMED = 5


def joint_sentence(event: Event, name: str) -> str:
    """Return the plain English of a joint event; ``name`` is what a person calls its subject."""
    agreement = event.agreement
    if agreement is None:
        return ""
    subject = f"{_subject(event, name)} on {seen_by(agreement)}"
    claim = (
        window_words(event, subject) if event.window is not None else outage_words(event, subject)
    )
    parts = [*claim, mechanism_words(event), _against(agreement), _where(event)]
    return " ".join(part for part in parts if part)


def _subject(event: Event, name: str) -> str:
    if event.signal == Signal.UPSTREAM:
        return "Nothing at all was reachable"
    if event.signal == Signal.INTL:
        return "Only domestic sites were reachable"
    if event.locus == "server":
        return f"{name} refused, or did not serve,"
    return f"{name} was unreachable"


def seen_by(agreement: Agreement) -> str:
    """Return ``3 of 4 vantages in 2 of 3 AS (mobile 1 of 1, fixed 1 of 2)``."""
    kinds = [
        f"{word} {hit} of {of}"
        for word, (hit, of) in (("mobile", agreement.mobile), ("fixed", agreement.fixed))
        if of
    ]
    ways = f" ({', '.join(kinds)})" if kinds else ""
    (saw, said), (hit, known) = agreement.vantages, agreement.networks
    return f"{saw} of {said} vantages in {hit} of {known} AS{ways}"


def _label(witness: Witness) -> str:
    return f"{witness.vantage or 'unnamed'} ({witness.network or 'network not known'})"


def _listed(witnesses: Sequence[Witness]) -> str:
    shown = ", ".join(_label(w) for w in witnesses[:_NAMED])
    more = len(witnesses) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _against(agreement: Agreement) -> str:
    against = [w for w in agreement.witnesses if w.counts and w.saw is False]
    if not against:
        return "No vantage that looked was without it."
    return f"Against it: {_listed(against)} looked in these hours and had nothing of the kind."


def _where(event: Event) -> str:
    if event.scope is Scope.ONE_AS:
        return (
            "Seen in one AS only: its operator's own trouble or maintenance looks the same, so "
            "nothing is said of intent."
        )
    if event.scope is Scope.NATIONAL:
        whose = "Seen on most of the access networks that were watched, mobile ones among them"
        unknown = "what share of the country's users they serve is not known here"
        return f"{whose}; {unknown}. {_intent(event)}"
    return f"Seen in several AS. {_intent(event)}"


def _intent(event: Event) -> str:
    if event.score is not None and event.score.log_odds < 0:
        return "By its score it cannot be told from an outage that nobody meant."
    return f"It {wording(event.score).replace('consistent', 'is consistent', 1)}."


def witness_lines(agreement: Agreement) -> tuple[str, ...]:
    """Return the lines of an explanation: for it, against it, could not say, never counted."""
    groups = (
        ("Saw it", [w for w in agreement.witnesses if w.counts and w.saw]),
        (
            "Looked and did not see it",
            [w for w in agreement.witnesses if w.counts and w.saw is False],
        ),
        ("Could not say", [w for w in agreement.witnesses if w.counts and w.saw is None]),
        ("Shown, never counted", [w for w in agreement.witnesses if not w.counts]),
    )
    return tuple(
        f"{title}: {', '.join(_counted(w) for w in mine)}." for title, mine in groups if mine
    )


def _counted(witness: Witness) -> str:
    days = f", {witness.supported} of {witness.observable}" if witness.observable else ""
    return f"{_label(witness)}{days}"
