"""``probe run --goodput`` over real packets, into a store: the pairs that come out of it again.

Runs inside ``probe lab up`` only (``make test-netns``).
"""

from pathlib import Path
from statistics import median

import msgspec
import pytest
from lab_commands import probe
from test_goodput_netns import FILE, NEAR, SERVICES, SLOW, rule

from probe.lab.actions import Action, Limit
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Rule, Who
from probe.model.goodput import Pair, Pairing, PairKey
from probe.store.database import Store

pytestmark = pytest.mark.netns

ROUNDS = 3


async def kept(
    lab: AttachedLab, home: Path, *rules: Rule
) -> dict[tuple[str, Pairing], tuple[Pair, ...]]:
    """Play the rules, run some rounds, and return the pairs of their store by what they compare."""
    services = (*lab.services, *SERVICES)
    scenario = msgspec.structs.replace(lab.scenario, rules=rules, services=services, expect=())
    before = lab.scenario
    await lab.play(scenario, services)
    try:
        for _ in range(ROUNDS):
            code, _out, err = await probe(home, "run", "--goodput", "--store", str(home / "p.db"))
            assert code in (0, 1, 3), err
    finally:
        await lab.play(before)
    with Store.open(home / "p.db", create=False, readonly=True) as store:
        found: dict[PairKey, tuple[Pair, ...]] = store.goodput()
        assert {key.network for key in found} <= {row.network.key for row in store.rounds()}
    return {(key.subject, key.pairing): pairs for key, pairs in found.items()}


def middle(pairs: tuple[Pair, ...]) -> tuple[float, float]:
    """Return the middle rate of the targets and of their controls."""
    assert len(pairs) == ROUNDS
    controls = [speed.rate or 0.0 for pair in pairs for speed in pair.controls]
    return median(pair.target.rate or 0.0 for pair in pairs), median(controls)


async def test_the_pairs_of_a_limited_name_have_its_rate(lab: AttachedLab, tmp_path: Path) -> None:
    """Its own transfers at 140 kbit/s, those under another name and of another server free."""
    pairs = await kept(
        lab,
        tmp_path,
        rule(Action.THROTTLE, Who(host=(FILE.host,)), rate=SLOW, limit=Limit.SHAPED),
    )
    for pairing in (Pairing.SAME_SERVER, Pairing.NEUTRAL):
        mine, controls = middle(pairs[FILE.service, pairing])
        assert mine == pytest.approx(SLOW, rel=NEAR)
        assert controls > 10 * SLOW
        for pair in pairs[FILE.service, pairing]:
            assert len(pair.target.marks) > 10
            assert pair.target.rtt_s is not None


async def test_the_pairs_of_a_free_line_are_alike(lab: AttachedLab, tmp_path: Path) -> None:
    """Nothing is slow, so no pair is further apart than servers are by themselves."""
    pairs = await kept(lab, tmp_path)
    for pairing in (Pairing.SAME_SERVER, Pairing.NEUTRAL):
        mine, controls = middle(pairs[FILE.service, pairing])
        assert mine > 10 * SLOW
        assert 1 / 4 < mine / controls < 4
