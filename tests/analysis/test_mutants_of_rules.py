"""The mutation test itself: its mutants are what they say, and a slip is noticed."""

from dataclasses import replace

from crossed_scenes import features
from mutate_rules import asked, masked
from rule_mutants import distinct, mutants
from test_verdict_scenes import SCENES
from verdict_bundles import Scene, dns, said, thrice

from probe.analysis.rules import RULES, first_match
from probe.model.verdict import State

NX = Scene("", "", "", thrice(dns(failure="dns_nxdomain_error")))
POOL = distinct(features(scene) for scene in SCENES)


def test_each_rule_is_deleted_and_bent_in_every_word() -> None:
    """A deletion, five states, three places of blame, two confidences, a mechanism, for each."""
    names = [m.name for m in mutants(RULES[:3], POOL)]
    for rule in RULES[:3]:
        mine = [n for n in names if n.startswith(f"{rule.id}: ")]
        assert f"{rule.id}: deleted" in mine
        assert sum(": state " in n for n in mine) == len(State) - 1
        assert sum(": locus " in n for n in mine) == 3
        assert sum(": confidence " in n for n in mine) == 2
        assert f"{rule.id}: another mechanism" in mine


def test_every_need_is_dropped_once() -> None:
    """What a confidence rests on is a row's word as well."""
    dropped = [m for m in mutants(RULES, POOL) if ": no need " in m.name]
    assert len(dropped) == sum(len(rule.needs) for rule in RULES)


def test_a_swap_is_tried_only_where_it_would_be_seen() -> None:
    """Two rows that never hold together, or say the same, have no order."""
    swapped = [m for m in mutants(RULES, POOL) if ": asked after " in m.name]
    ids = [rule.id for rule in RULES]
    assert 20 < len(swapped) < len(RULES)
    for mutant in swapped:
        later = mutant.name.partition(": asked after ")[2]
        changed = [rule.id for rule in mutant.table]
        assert changed.index(later) == changed.index(mutant.rule) - 1
        assert ids.index(later) > ids.index(mutant.rule)


def test_a_mutant_is_heard_by_what_it_says_not_by_its_name() -> None:
    """The id is that of the true table; only the words give it away."""
    true = NX.judge()
    bent = tuple(
        replace(rule, state=State.OK) if rule.id == true.rule_id else rule for rule in RULES
    )
    with asked(masked(bent)):
        verdict = NX.judge()
    assert verdict.rule_id == true.rule_id
    assert said(verdict) != said(true)
    assert NX.judge() == true
    assert first_match(features(NX)).id == true.rule_id
