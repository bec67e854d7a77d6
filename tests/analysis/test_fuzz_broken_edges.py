"""Worlds without a censor but full of broken things, and worlds with one: who is blamed, how often.

Half of what could look like blocking is in them: dead, misconfigured and overloaded machines of
content networks, regional outages, filters at home, login pages, loss, and controls that fail at
random. Every look is made by the real plan of follow-ups.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache

import pytest
from edge_draws import censored, drawn
from edge_worlds import World
from verdict_bundles import MARKS, service

from probe.analysis.verdict import JudgeFacts, judge
from probe.model.verdict import Locus, State, Verdict

FACTS = JudgeFacts(MARKS)
BLAME = 0.001
"""The share of worlds without a censor in which the network may be blamed, likely or surer."""

HEADLINES = 0.002
"""The same for "blocked" by nobody in particular; regional outages without a neighbour do it."""

FOUND = 0.95
SURE = 0.8
NAMED = 0.9
"""Of headlines that blame the network, the share in which a network did it (not a home)."""


def _judged(world: World) -> Verdict:
    bundle = world.bundle()
    controls = world.controls()
    return judge(
        world.endpoint, service(), bundle, context=world.context, controls=controls, facts=FACTS
    )


@cache
def _free(count: int) -> tuple[tuple[World, Verdict], ...]:
    return tuple((world, _judged(world)) for world in map(drawn, range(count)))


@cache
def _cut(count: int) -> tuple[tuple[World, Verdict], ...]:
    return tuple((world, _judged(world)) for world in map(censored, range(count)))


def _rules(verdicts: Iterable[Verdict]) -> Counter[str]:
    return Counter(verdict.rule_id for verdict in verdicts)


def _cut_by_nobody(worlds: Iterable[tuple[World, Verdict]]) -> list[Verdict]:
    """Return headlines that say blocked where nothing is: a filter at home does block a name."""
    return [
        verdict
        for world, verdict in worlds
        if verdict.headline
        and verdict.locus is not Locus.SERVER
        and not (world.lie is not None and verdict.mechanism.startswith("dns."))
    ]


def _blaming(worlds: Iterable[tuple[World, Verdict]]) -> list[Verdict]:
    return [v for _, v in worlds if v.headline and v.locus is Locus.NETWORK]


def _found(verdict: Verdict) -> bool:
    """Return whether it is called blocked, or cut over one family of addresses."""
    return verdict.state is State.BLOCKED or verdict.mechanism.startswith("family.")


@pytest.mark.parametrize(
    ("count", "cut"), [(2_000, 600), pytest.param(20_000, 4_000, marks=pytest.mark.slow)]
)
class TestBlame:
    """Rates over many worlds; the seeds are the numbers from 0 on."""

    def test_networks_are_not_blamed_for_what_breaks(self, count: int, cut: int) -> None:
        """Without a censor, hardly ever is the network said to have done it."""
        wrong = _blaming(_free(count))
        assert len(wrong) <= BLAME * count, _rules(wrong)

    def test_what_breaks_is_not_called_blocked(self, count: int, cut: int) -> None:
        """Without a censor and a filter, hardly any headline says blocked."""
        wrong = _cut_by_nobody(_free(count))
        assert len(wrong) <= HEADLINES * count, _rules(wrong)

    def test_blocks_are_still_found(self, count: int, cut: int) -> None:
        """With a censor, and things broken beside it, the endpoint is called blocked."""
        worlds = _cut(cut)
        missed = [v for _, v in worlds if not _found(v)]
        assert len(missed) <= (1 - FOUND) * len(worlds), _rules(missed)

    def test_most_of_them_make_a_headline(self, count: int, cut: int) -> None:
        """Caution has not made everything weak: with one live control most are likely."""
        worlds = _cut(cut)
        assert sum(v.headline for _, v in worlds) >= SURE * len(worlds)


def test_worlds_are_as_bad_as_they_should_be() -> None:
    """The fuzz means something: a tenth of all machines is broken, and much fails at first."""
    worlds = [world for world, _ in _free(2_000)]
    machines = [machine for world in worlds for machine in world.machines]
    assert sum(machine.here != "good" for machine in machines) > 0.1 * len(machines)
    assert sum(world.lie is not None for world in worlds) > 0.05 * len(worlds)
    assert sum(world.loss > 0 for world in worlds) > 0.05 * len(worlds)
    assert sum(verdict.state is not State.OK for _, verdict in _free(2_000)) > 0.15 * len(worlds)


def test_the_same_seed_is_the_same_world() -> None:
    """A failure can be looked at again."""
    for make in (drawn, censored):
        assert [m.steps for m in make(11).bundle()] == [m.steps for m in make(11).bundle()]


def test_a_network_is_named_only_where_one_did_it() -> None:
    """A filter at home that takes all port 53 for itself is the one thing that looks the same."""
    blamed = [(w, v) for w, v in (*_free(2_000), *_cut(600)) if v.headline]
    named = [w for w, v in blamed if v.locus is Locus.NETWORK]
    assert sum(w.censor is not None for w in named) >= NAMED * len(named)
