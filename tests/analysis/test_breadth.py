"""What shared the hours on one line, and what is a vantage's own fault."""

import random

import msgspec
import pytest
from several_lines import named
from simulated_lines import Curfew, Line, Noise, sampled

from probe.analysis.explain import explain
from probe.analysis.survey import Known, survey
from probe.model.event import Breadth, Event, EventKind, Scope
from probe.model.timeline import Series, Signal

CLEAN = Noise(false_bad=0.01, false_good=0.0, outages_a_day=0.0, missing=0.1)
CUT = Curfew(960, 1200, edge_sigma=1)
NETWORK = "AS64501/mobile"


def line(
    subject: str,
    *curfews: Curfew,
    signal: Signal = Signal.TARGETED,
    vantage: str = "v",
    controls: float | None = 0.0,
) -> Series:
    """Return twelve days of a subject; ``controls`` is the share of them that fails with it."""
    made = sampled(
        Line(days=12, cadence_min=(30, 30), curfews=curfews, noise=CLEAN, signal=signal),
        sum(map(ord, subject + vantage)),
    )
    samples = tuple(
        msgspec.structs.replace(s, control_bad=controls if s.bad else (controls and 0.0))
        for s in made.samples
    )
    return named(msgspec.structs.replace(made, samples=samples), vantage, NETWORK, subject)


def windows(*series: Series, domestic: tuple[str, ...] = ()) -> dict[str, Event]:
    known = Known(names={"signal": "Signal"}, domestic=domestic)
    events = survey(series, rng=random.Random(1), known=known)
    return {e.series: e for e in events if e.window is not None and e.agreement is None}


def test_one_service_while_the_others_worked_is_targeted() -> None:
    """The others are named as having worked."""
    found = windows(line("whatsapp", CUT), line("signal"), line("youtube"))
    event = found["whatsapp"]
    assert event.breadth is Breadth.TARGETED
    assert (event.shared, event.spared) == ((), ("signal", "youtube"))
    assert "Worked meanwhile: Signal, youtube." in event.sentence
    assert any(text.startswith("Kind: targeted; ") for text in explain(event))


def test_some_services_of_several_are_a_group() -> None:
    """Each names the other, and what did not share it."""
    found = windows(line("whatsapp", CUT), line("signal", CUT), line("youtube"))
    event = found["whatsapp"]
    assert event.breadth is Breadth.GROUP
    assert event.shared == ("signal",)
    assert event.spared == ("youtube",)
    assert "Failed in the same hours: Signal; worked meanwhile: youtube." in event.sentence


def test_services_that_were_not_looked_at_in_those_hours_cannot_say() -> None:
    """Neither shared nor spared."""
    asleep = line("youtube")
    kept = tuple(s for s in asleep.samples if not 12 <= s.time.hour < 18)
    found = windows(line("whatsapp", CUT), msgspec.structs.replace(asleep, samples=kept))
    assert found["whatsapp"].spared == ()


def test_all_controls_and_services_failing_is_total() -> None:
    """Also where the line's own series says so."""
    both = windows(line("whatsapp", CUT, controls=1.0), line("signal", CUT, controls=1.0))
    assert both["whatsapp"].breadth is Breadth.TOTAL
    own = windows(line("line", CUT, signal=Signal.UPSTREAM), line("whatsapp", CUT))
    assert own["line"].breadth is Breadth.TOTAL
    assert own["whatsapp"].breadth is Breadth.TOTAL


def test_only_domestic_sites_working_is_domestic_only_and_a_few_others_an_allowlist() -> None:
    """A service at home that worked is no exception to it; one abroad is."""
    intl = line("line", CUT, signal=Signal.INTL)
    home = windows(intl, line("whatsapp", CUT), line("portal"), domestic=("portal",))
    assert home["line"].breadth is Breadth.DOMESTIC_ONLY
    assert home["whatsapp"].breadth is Breadth.DOMESTIC_ONLY
    listed = windows(intl, line("whatsapp", CUT), line("signal", CUT), line("updates"))
    assert listed["line"].breadth is Breadth.ALLOWLIST
    assert "still worked: updates" in listed["line"].sentence


def test_controls_failing_with_most_services_but_not_all_is_an_allowlist() -> None:
    """Without an ``intl`` series the controls say it."""
    found = windows(
        line("whatsapp", CUT, controls=1.0), line("signal", CUT, controls=1.0), line("updates")
    )
    assert found["whatsapp"].breadth is Breadth.ALLOWLIST
    assert found["whatsapp"].spared == ("updates",)


def test_one_series_without_controls_says_nothing_of_its_kind() -> None:
    """Targeted or total cannot be told."""
    assert windows(line("whatsapp", CUT, controls=None))["whatsapp"].breadth is Breadth.UNKNOWN
    assert windows(line("whatsapp", CUT, controls=0.0))["whatsapp"].breadth is Breadth.TARGETED


ONCE = Curfew(700, 900, first_day=4, days=1, edge_sigma=0.001)
SERVICES = ("whatsapp", "play", "news")
SHELVES = {"whatsapp": "messaging", "signal": "messaging", "play": "store", "news": "news"}


def same_rounds(series: Series, subject: str, vantage: str = "v") -> Series:
    """Return the samples of one service as another's, a second later."""
    return named(series, vantage, NETWORK if vantage == "v" else "AS64502/fixed", subject)


def faults(*series: Series) -> dict[str, bool]:
    known = Known(families=SHELVES)
    events = survey(series, rng=random.Random(1), known=known)
    return {e.series: e.own_fault for e in events if e.agreement is None and e.vantage == "v"}


@pytest.mark.parametrize("cut", [ONCE, CUT], ids=["once", "daily"])
def test_unrelated_services_failing_at_once_on_one_vantage_alone_are_its_own_fault(
    cut: Curfew,
) -> None:
    """Marked, said, and never more than this line's."""
    bad, well = line("x", cut), line("x", vantage="w")
    mine = [same_rounds(bad, name) for name in SERVICES]
    others = [same_rounds(well, name, "w") for name in SERVICES]
    assert faults(*mine, *others) == dict.fromkeys(SERVICES, True)
    events = survey((*mine, *others), rng=random.Random(1), known=Known(families=SHELVES))
    assert all("this points to the vantage itself" in event.sentence for event in events)
    assert {event.scope for event in events} == {Scope.THIS_LINE}
    assert any(text.startswith("Fault: ") for text in explain(events[0]))


def test_it_is_no_fault_where_nobody_else_looked_or_somebody_saw_it_too() -> None:
    """Without a second vantage nothing is known; with a second one that saw it, it is no fault."""
    bad, well = line("x", ONCE), line("x", vantage="w")
    mine = [same_rounds(bad, name) for name in SERVICES]
    assert not any(faults(*mine).values())
    seen_too = [same_rounds(bad, name, "w") for name in SERVICES]
    assert not any(faults(*mine, *seen_too).values())
    assert not any(faults(*mine, same_rounds(well, "whatsapp", "w")).values())


def test_related_services_failing_at_once_are_no_fault() -> None:
    """Two messengers, or three of one shelf, may well be meant."""
    bad, well = line("x", ONCE), line("x", vantage="w")
    shelf = {"whatsapp": "messaging", "signal": "messaging", "telegram": "messaging"}
    mine = [same_rounds(bad, name) for name in shelf]
    others = [same_rounds(well, name, "w") for name in shelf]
    events = survey((*mine, *others), rng=random.Random(1), known=Known(families=shelf))
    assert {event.kind for event in events} == {EventKind.OUTAGE}
    assert not any(event.own_fault for event in events)
