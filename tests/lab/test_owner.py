"""What the owner does: a round that he stops, a firewall of his, a machine that he carries away."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest

from probe.clock import VirtualClock
from probe.lab.line_spec import LineSpec
from probe.lab.lined import LinedView, facts_of
from probe.lab.owner import stopping_at, turned_away
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.lab.windows import When, compile_window
from probe.lab.world import build_world
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.target import Endpoint
from probe.net.base import NetFailure
from probe.net.fake import FakeNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.options import ProbeOptions
from probe.schedule.work import Partial, blank

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NONE = load_scenario("none")
SERVICES = NONE.services or ()
WORLD = build_world(SERVICES, "XX")
WEB, EDGE = SERVICES[0].endpoints[0], SERVICES[0].endpoints[2]
AFTER_ONE = compile_window(When(daily="13:00-14:00"), "UTC")


@dataclass
class Looks:
    """Notes whether the round was to be stopped when each look began."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[bool] = field(default_factory=list)

    async def measure(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Look at nothing."""
        assert on_interrupt is not None
        self.seen.append(self.stop.is_set())
        return blank(endpoint, env.clock, Outcome.MEASURED, None, options.variant)


async def test_the_owner_stops_while_the_host_is_first_looked_at() -> None:
    """Neither another host nor a later look makes him; what is measured is passed on."""
    looks = Looks()
    look = stopping_at(EDGE.host, looks.measure, looks.stop)
    roots = Roots(packaged_pem=b"", system_pem=None)
    env = ProbeEnv(net=FakeNet(), clock=VirtualClock(NOON), rng=Random(1), roots=roots)
    for endpoint, variant in (
        (WEB, Variant.MAIN),
        (EDGE, Variant.RETEST),
        (EDGE, Variant.MAIN),
    ):
        options = ProbeOptions(variant=variant)
        found = await look(endpoint, env, options, on_interrupt=lambda _: None)
        assert (found.endpoint, found.variant) == (endpoint.id, variant)
    assert looks.seen == [False, False, True]


def test_a_firewall_knows_a_host_by_all_its_addresses() -> None:
    """Of both families, and of nobody else."""
    assert turned_away(LineSpec(), WORLD) == frozenset()
    walled = turned_away(LineSpec(firewall=(WEB.host,)), WORLD)
    assert walled == frozenset(WORLD.sites[WEB.host].addresses)
    assert {":" in address for address in walled} == {True, False}


async def test_nothing_leaves_for_who_is_behind_the_firewall() -> None:
    """The machine itself says no, as the kernel does where a rule prohibits (EACCES)."""
    lab = Lab(NONE)
    here, abroad = lab.view(), lab.view(control=True)
    view = LinedView(LineSpec(), here, abroad, lab.clock, walled=["33.1.2.3"])
    for carrier in ("tcp", "udp"):
        with pytest.raises(NetFailure) as refused:
            await view.locate(carrier, "33.1.2.3", 443)
        assert refused.value.failure == "permission_denied"


def test_a_machine_that_is_carried_away_leaves_by_another_router() -> None:
    """During the hours of the other network; before and after it is at home."""
    line = LineSpec(network="cafe", network_windows=(AFTER_ONE,))
    gateways = [facts_of(line, NOON + timedelta(hours=h)).gateway for h in (0, 1, 2)]
    assert gateways == ["192.168.1.1", "192.168.2.1", "192.168.1.1"]
    always = msgspec.structs.replace(line, network_windows=())
    assert facts_of(always, NOON).gateway == "192.168.2.1"
