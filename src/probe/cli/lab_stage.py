"""Where a round takes place in the lab: its servers on loopback, or the lab around this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from probe.cli.around import ABROAD, lab_around
from probe.cli.measuring import AROUND, Stage
from probe.model.target import Catalog, Endpoint
from probe.model.vantage import Vantage

if TYPE_CHECKING:
    from probe.lab.process import Lab
    from probe.model.control import ControlObservation
    from probe.probes.env import ProbeEnv
    from probe.schedule.line import LineFacts

__all__ = ["lab_stage"]


@asynccontextmanager
async def lab_stage(
    scenario_name: str, catalog: Catalog, seed: int = 1, *, abroad: bool = False
) -> AsyncIterator[Stage]:
    """Start the lab's servers and look at them from the measured line; time is virtual.

    What fails there is looked at from abroad as well, where no censor stands: live controls, as
    the scenario has them. A snapshot is its reader's to make, and to give with ``--control``.
    With ``abroad`` it is all looked at from there. For ``AROUND`` it is the lab that this
    process is in, over packets of its own.

    Raises:
        InputError: there is no such scenario.

    """
    if scenario_name == AROUND:
        async with lab_around(abroad=abroad) as stage:
            yield stage
        return
    from probe.lab.demo import simulated_catalog
    from probe.lab.process import Lab
    from probe.lab.scenario import load_scenario

    scenario = load_scenario(scenario_name)
    world = simulated_catalog(scenario) if scenario.services is not None else catalog
    async with Lab(scenario, world, seed=seed) as lab:
        yield _from_abroad(lab, world, seed) if abroad else _from_the_line(lab, world, seed)


def _lab_env(lab: "Lab", seed: int, *, abroad: bool) -> "ProbeEnv":
    from probe.probes.env import ProbeEnv, Timeouts
    from probe.targets.load import load_fingerprints

    return ProbeEnv(
        net=lab.net(control=abroad),
        clock=lab.clock,
        rng=Random(seed),  # noqa: S311 - a lab that repeats itself
        roots=lab.control_roots if abroad else lab.roots,
        fingerprints=load_fingerprints(),
        timeouts=Timeouts(1.0, 1.0, 3.0, 4.0, late_s=0.02),
    )


def _from_abroad(lab: "Lab", world: Catalog, seed: int) -> Stage:
    """Return the lab as it is seen from where no censor stands."""
    from probe.schedule.line import LineFacts

    healthy = LineFacts(default_route=True, gateway_reachable=True, tunnel=False)
    vantage = Vantage(id="lab", label="lab", country=ABROAD, tz=lab.scenario.zone)
    return Stage(_lab_env(lab, seed, abroad=True), world, lambda: healthy, vantage)


def _from_the_line(lab: "Lab", world: Catalog, seed: int) -> Stage:
    """Return the lab as the measured line sees it; what fails is looked at from abroad, too."""
    from probe.control.observe import observation_of
    from probe.lab.controls import LabControls, live_observation
    from probe.lab.lined import LinedView, OffClock, facts_of
    from probe.lab.owner import turned_away
    from probe.net.mapped import MappedNet
    from probe.probes.measure import measure

    scenario = lab.scenario
    env = _lab_env(lab, seed, abroad=False)
    looking = LabControls(
        lab, env, measure, live_observation(observation_of), kind=scenario.controls
    )

    def controls(endpoint: Endpoint) -> "tuple[ControlObservation, ...]":
        return looking.live(endpoint.id, lab.clock.now())

    def facts() -> "LineFacts":
        own = (lab.world.own_address, lab.world.own_address_v6)
        return facts_of(scenario.line, lab.clock.now(), *own)

    here, away = lab.view(), lab.view(control=True)
    walled = turned_away(scenario.line, lab.world)
    env = replace(
        env,
        net=MappedNet(LinedView(scenario.line, here, away, lab.clock, walled=walled)),
        clock=OffClock(lab.clock, scenario.line.clock_offset_s),
        quic=env.quic and scenario.line.aioquic,
    )
    vantage = Vantage(id="lab", label="lab", country=scenario.country, tz=scenario.zone)
    agreed = lab.world.consenting
    return Stage(env, world, facts, vantage, controls, looking.measure, agreed, scenario.round)
