"""Goodput without privileges: the probe against servers on loopback that trickle or stop."""

import random

import msgspec
import pytest

from probe.analysis.speeds import speed_of, transfer_of
from probe.lab.process import Lab
from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario
from probe.model.goodput import Speed
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.probes.transfer import Transfer

HOST = "files.shop-abroad.example"
SIZE = 65_536


def slowed(rate: int | None) -> Scenario:
    """Return a world whose file comes at ``rate`` bytes per second."""
    world = load_scenario("store-download-frozen")
    throttle = load_scenario("slow-throttle").rules[0]
    here = msgspec.structs.replace(throttle.who, host=(HOST,))
    what = msgspec.structs.replace(throttle.what, rate=rate or 1)
    rule = msgspec.structs.replace(throttle, who=here, what=what)
    return msgspec.structs.replace(world, rules=() if rate is None else (rule,), expect=())


async def speed(lab: Lab, timeouts: Timeouts = Timeouts()) -> Speed:  # noqa: B008
    """Time the file once."""
    env = ProbeEnv(
        net=lab.net(),
        clock=lab.clock,
        rng=random.Random(1),
        roots=lab.roots,
        timeouts=timeouts,
    )
    file = next(e for s in lab.services for e in s.endpoints if e.host == HOST)
    done = await measure(file, env, ProbeOptions(transfer=Transfer(wanted=SIZE)))
    step = transfer_of(done)
    assert step is not None
    return speed_of(step)


@pytest.mark.slow
async def test_a_trickle_is_never_measured_as_faster_than_it_is() -> None:
    """1 Mbit/s and 250 kbit/s bound what is measured, and without a rule nothing does.

    A busy machine makes any transfer slower than its limit: how near the two are is measured where
    packets are real (tests/netns).
    """
    async with Lab(slowed(None), None, seed=1) as lab:
        free = (await speed(lab)).rate
        for rate in (125_000, 31_250):
            await lab.play(slowed(rate))
            found = await speed(lab)
            assert found.rate is not None
            assert not found.censored
            assert 0 < found.rate <= 1.15 * rate
    assert free is not None
    assert free > 2 * 1.15 * 125_000


@pytest.mark.slow
async def test_a_freeze_is_censored_at_its_count() -> None:
    """What the server wrote before it fell silent came, and no more; the deadline ends it."""
    async with Lab(load_scenario("store-download-frozen"), None, seed=1) as lab:
        stopped = await speed(lab, Timeouts(transfer_s=0.6))
    assert stopped.censored
    assert 28_000 < stopped.received <= 30_100
