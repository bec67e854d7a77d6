"""What is read off the looks beside a protocol that was cut: another form, a silent connection."""

from datetime import timedelta

import pytest
from exchange_scenes import ANSWERED_HIDDEN, CLEAR, RESET, exchange, hidden, silent
from msgspec.structs import replace
from verdict_bundles import GOOD, NOW, OTHER, Scene, again, control, look, tcp

from probe.analysis.exchange_facts import ExchangeFacts, exchange_facts
from probe.model.measurement import Measurement, Proof

CUT = replace(look(tcp(), exchange(RESET)), kind=CLEAR.kind, duration_s=1.0)


def facts(*beside: Measurement) -> ExchangeFacts:
    """Return the facts of a cut and the looks beside it."""
    return exchange_facts([CUT, *(replace(m, kind=CLEAR.kind) for m in beside)])


def at(measurement: Measurement, seconds: float) -> Measurement:
    """Return the same so long after the cut."""
    return replace(measurement, started=NOW + timedelta(seconds=seconds))


def test_without_an_exchange_there_is_nothing_to_say() -> None:
    """A look that never came to speak."""
    assert exchange_facts([look(tcp(failure=RESET))]) == ExchangeFacts()


def test_another_form_is_answered_only_by_an_echo() -> None:
    """Bytes of the form alone, or from somebody else, are no answer."""
    assert facts().other_form is None
    assert facts(at(ANSWERED_HIDDEN, 300)).other_form is True
    assert facts(at(hidden(exchange(proof=Proof.FORM)), 300)).other_form is False
    assert facts(at(hidden(exchange(RESET)), 300)).other_form is False


def test_a_form_that_fails_within_the_trace_of_the_cut_says_nothing() -> None:
    """What is answered so soon is answered; what is not may be the trace's doing."""
    assert facts(at(hidden(exchange(RESET)), 60)).other_form is None
    assert facts(at(ANSWERED_HIDDEN, 60)).other_form is True
    both = (at(hidden(exchange(RESET)), 60), at(hidden(exchange(RESET)), 300))
    assert facts(*both).other_form is False


def test_a_silent_connection_opens_or_not() -> None:
    """The last one counts."""
    assert facts().reconnects is None
    assert facts(at(silent(), 2)).reconnects is True
    assert facts(at(silent(), 2), at(silent(RESET), 3)).reconnects is False


@pytest.mark.parametrize(("failure", "told"), [(RESET, True), (None, False)])
def test_a_place_that_shuts_after_the_cut_is_said(failure: str | None, told: bool) -> None:
    """In the sentence of what is blocked, whose doing it may be left open."""
    retest = again(tcp(), exchange(RESET))
    other = look(tcp(OTHER), exchange(RESET, address=OTHER))
    seen = control(addresses=(GOOD, OTHER), address=GOOD)
    bundle = (look(tcp(), exchange(RESET)), retest, retest, silent(failure), other)
    verdict = Scene("", "", "", bundle, endpoint=CLEAR, controls=(seen,)).judge()
    assert (verdict.state, verdict.mechanism) == ("blocked", "exchange.reset")
    assert ("not even a connection opens there any more" in verdict.sentence) is told
