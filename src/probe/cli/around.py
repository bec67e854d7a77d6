"""Where a round takes place for who was started by ``probe lab up``: in the lab around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import SystemRandom
from typing import TYPE_CHECKING

from probe.cli.measuring import Stage, line_facts
from probe.cli.output import say
from probe.model.target import Catalog, Endpoint
from probe.model.vantage import Vantage

if TYPE_CHECKING:
    from probe.lab.netns.attached import AttachedLab
    from probe.model.control import ControlObservation
    from probe.model.measurement import Measurement
    from probe.probes.env import ProbeEnv
    from probe.probes.options import ProbeOptions
    from probe.schedule.work import MeasureOne, Partial

__all__ = ["ABROAD", "lab_around"]

ABROAD = "XA"
"""The country in which the uncensored vantage says that it stands."""


@asynccontextmanager
async def lab_around(*, abroad: bool = False) -> AsyncIterator[Stage]:
    """Measure over the sockets of the lab's namespace; time is the lab's, and is moved on.

    Nobody is contacted but servers of the lab, so no consent is needed. With ``abroad`` it is
    all looked at from the uncensored place.

    Raises:
        LabError: the lab does not answer.

    """
    from probe.control.observe import observation_of
    from probe.lab.controls import LabControls, live_observation
    from probe.lab.netns.attached import AttachedLab
    from probe.net.trust import default_roots
    from probe.probes.env import ProbeEnv, Timeouts
    from probe.probes.measure import measure
    from probe.targets.load import load_fingerprints

    async with await AttachedLab.attach() as lab:
        await lab.clock.sleep(0)  # the servers' time stands still with ours, however long we wait
        scenario = lab.scenario
        say(f"This is the lab, scenario {scenario.name}: nothing of it is a real network.")
        env = ProbeEnv(
            net=lab.net(),
            clock=lab.clock,
            rng=SystemRandom(),
            roots=default_roots(),
            fingerprints=load_fingerprints(),
            own_addresses=(lab.world.own_address,),
        )
        catalog = Catalog(services=lab.services, digest=f"scenario {scenario.name}")
        country = ABROAD if abroad else scenario.country
        vantage = Vantage(id="lab", label="lab", country=country, tz=scenario.zone)
        if abroad:
            yield Stage(env, catalog, line_facts, vantage, measure=_from_abroad(lab))
            return
        observe = live_observation(observation_of)
        patience = Timeouts(5.0, 5.0, 5.0, 8.0)
        looking = LabControls(lab, env, measure, observe, kind=scenario.controls, patience=patience)

        def controls(endpoint: Endpoint) -> "tuple[ControlObservation, ...]":
            return looking.live(endpoint.id, lab.clock.now())

        agreed = lab.world.consenting
        env = replace(env, quic=env.quic and scenario.line.aioquic)
        look, spec = looking.measure, scenario.round
        yield Stage(env, catalog, line_facts, vantage, controls, look, agreed, spec)


def _from_abroad(lab: "AttachedLab") -> "MeasureOne":
    """Return what has the lab's worker abroad measure."""

    async def look(
        endpoint: Endpoint,
        env: "ProbeEnv",
        options: "ProbeOptions",
        *,
        on_interrupt: "Partial | None" = None,
    ) -> "Measurement":
        del options, on_interrupt  # the plain look; a worker's is over before it can be told of
        return await lab.observe(endpoint, env.timeouts)

    return look
