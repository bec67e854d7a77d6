"""What was kept of the last run of all scenarios (docs/verdicts.json, ``make verdicts``)."""

from collections.abc import Iterator

import pytest
from outcome import Outcome
from verdicts import FILE, read_results

from probe.analysis.rules import RULES
from probe.lab.scenario import load_scenario, scenario_names

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="docs/verdicts.json is not here")

MAY_BE_WRONG = 0.005


def outcomes() -> tuple[Outcome, ...]:
    return read_results().outcomes


def kept() -> Iterator[tuple[str, str]]:
    """Yield each scenario with each of the stages that it can be played in."""
    for name in scenario_names():
        if name != "demo":
            yield from ((name, str(stage)) for stage in load_scenario(name).stages)


def test_every_scenario_was_played_in_every_stage_that_it_declares() -> None:
    """Nothing is left out, and nothing is kept of scenarios that are gone."""
    assert {(one.scenario, one.stage) for one in outcomes()} == set(kept())


def test_what_was_expected_is_what_is_expected() -> None:
    """A scenario whose expectation was changed has to be played again."""
    for one in outcomes():
        said = {finding.expected for finding in one.findings if finding.about != "gates"}
        now = {e.verdict for e in load_scenario(one.scenario).expect if e.gate is None}
        assert said == now, one.scenario


def test_every_verdict_was_right() -> None:
    """State, mechanism, locus, confidence, reason and gates, in every stage."""
    assert [(one.scenario, one.stage) for one in outcomes() if not one.right] == []


def test_nothing_is_blocked_in_a_trap() -> None:
    """At least forty scenarios in which a naive tool says so."""
    traps = [one for one in outcomes() if one.trap]
    assert len({one.scenario for one in traps}) >= 40
    assert [one.scenario for one in traps if one.blocked] == []


def test_lost_packets_made_hardly_anybody_blocked() -> None:
    """With random loss, at most one verdict of two hundred blames where nobody blocks."""
    runs = read_results().loss
    names = {name for name, stage in kept() if stage == "netns"}
    assert {run.scenario for run in runs} == names
    assert all(run.loss >= 0.03 and run.times >= 20 for run in runs)
    wrong = sum(run.wrongly_blocked for run in runs)
    assert wrong <= MAY_BE_WRONG * sum(run.innocent for run in runs)


def test_every_rule_made_a_verdict_in_some_scenario() -> None:
    """A rule that never fires is not needed, or its scenario is missing."""
    fired = {rule for one in outcomes() for rule in one.rules}
    assert {rule.id for rule in RULES} - fired == set()


def test_no_rule_is_kept_that_is_gone() -> None:
    """Rules that were renamed or removed: the scenarios have to be played again."""
    known = {rule.id for rule in RULES}
    assert {rule for one in outcomes() for rule in one.rules} <= known


def test_the_page_leaves_no_scenario_out() -> None:
    """Whatever it is called after: a name of no shelf of its own stands among the rest."""
    page = FILE.with_suffix(".md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    assert {one.scenario for one in outcomes()} <= rows
