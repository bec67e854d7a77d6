"""What was kept of the last run of all scenarios (docs/verdicts.json, ``make verdicts``)."""

from collections.abc import Iterator

import pytest
from outcome import Outcome
from verdicts import FILE, read_results

from probe.analysis.rules import RULES
from probe.lab.scenario import load_scenario, scenario_names

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="docs/verdicts.json is not here")

MAY_BE_WRONG = 0.005

WHOLE_RESOLVER = "a resolver turns away every name or none, and then it is the round's to say"
TIMING = "whether a reset meets the opening or the handshake is the kernel's timing"
CHANCE = "which connections a bad line loses, and whether the whole line looks dead, is chance"

ONLY_UNIT_TESTS: dict[str, str] = {
    "gate.path_changed": "a machine that moves within a round; a scenario has one line",
    "round.interrupted": "a round that is stopped by its owner",
    "line.local_fault": "a firewall on the measuring machine itself",
    "line.broke": CHANCE,
    "line.slow": CHANCE,
    "transient": "two looks and no more: a round that is short of time or bytes",
    "dns.other.unplaced": "no database of networks is installed; the stage has one",
    "dns.unreachable.path": WHOLE_RESOLVER,
    "dns.unreachable.ab": WHOLE_RESOLVER,
    "dns.unreachable.live": WHOLE_RESOLVER,
    "dns.unreachable.elsewhere": WHOLE_RESOLVER,
    "dns.unreachable.expected": WHOLE_RESOLVER,
    "dns.unreachable.alone": WHOLE_RESOLVER,
    "dns.unreachable.neutral": WHOLE_RESOLVER,
    "tcp.reset.live": TIMING,
    "tcp.reset.expected": TIMING,
    "tcp.reset.alone": TIMING,
    "tls.mitm.trusted_ca.alone": "a line of which no neutral host was looked at",
}
"""Rules that no scenario reaches for sure, each with the reason; tests/analysis proves them."""


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
    assert {rule.id for rule in RULES} - fired - set(ONLY_UNIT_TESTS) == set()
    by_chance = {rule for rule, why in ONLY_UNIT_TESTS.items() if why in (TIMING, CHANCE)}
    assert fired & set(ONLY_UNIT_TESTS) <= by_chance


def test_no_rule_is_kept_that_is_gone() -> None:
    """Rules that were renamed or removed: the scenarios have to be played again."""
    known = {rule.id for rule in RULES}
    assert {rule for one in outcomes() for rule in one.rules} <= known
    assert set(ONLY_UNIT_TESTS) <= known
