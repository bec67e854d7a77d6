"""The door: what the plan did not announce cannot be sent, whatever asks for it."""

import dataclasses
import random
from datetime import UTC, datetime

import pytest
from schedule_rounds import ANCHORS, VANTAGE, catalog, endpoint, plan_of

from probe.clock import VirtualClock
from probe.errors import ForbiddenNetwork
from probe.model.target import Endpoint, Kind
from probe.net.fake import FakeNet, Tcp
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.schedule.budget import Allowance
from probe.schedule.contacts import Place, contacts_of, may_dial, port_of
from probe.schedule.planned_net import PlannedNet
from probe.schedule.runner import RunDeps, run_round

PLAIN = ProbeOptions()
NAMED = endpoint("app", "app.example.com")
LITERAL = endpoint("app", "93.184.216.34", kind=Kind.TCP, tls=False)


def env(net: FakeNet | PlannedNet) -> ProbeEnv:
    """Return surroundings on ``net``."""
    return ProbeEnv(
        net=net,
        clock=VirtualClock(datetime(2024, 1, 1, tzinfo=UTC)),
        rng=random.Random(1),
        roots=Roots(packaged_pem=b"", system_pem=None),
    )


async def test_a_target_outside_the_plan_cannot_be_measured() -> None:
    """Nothing of it reaches the network behind the door."""
    behind = FakeNet(tcp={("93.184.216.34", 443): Tcp()})
    door = PlannedNet(behind, [NAMED])
    with pytest.raises(ForbiddenNetwork, match="plan"), door.measuring(LITERAL, PLAIN):
        await measure(LITERAL, env(door))
    assert behind.dialled == []


async def test_a_planned_target_reaches_its_own_address_and_port() -> None:
    """The door is no wall."""
    behind = FakeNet(tcp={("93.184.216.34", 443): Tcp()})
    door = PlannedNet(behind, [LITERAL])
    with door.measuring(LITERAL, PLAIN):
        seen = await measure(LITERAL, env(door))
    assert seen.failure is None
    assert behind.dialled == [("tcp", "93.184.216.34", 443)]


@pytest.mark.parametrize(
    ("address", "port"),
    [("93.184.216.35", 443), ("93.184.216.34", 80), ("10.0.0.1", 443), ("8.8.8.8", 22)],
)
async def test_while_a_literal_is_measured_no_other_place_can_be_dialled(
    address: str, port: int
) -> None:
    """Not another address, not another port, not the home router."""
    behind = FakeNet()
    door = PlannedNet(behind, [LITERAL])
    with door.measuring(LITERAL, PLAIN):
        with pytest.raises(ForbiddenNetwork) as refused:
            await door.connect_tcp(address, port, timeout_s=1)
        with pytest.raises(ForbiddenNetwork):
            await door.open_udp(address, port)
    assert address not in str(refused.value)
    assert behind.dialled == []


async def test_another_name_is_not_asked_for() -> None:
    """Only the measured endpoint's name goes to the system's resolver."""
    behind = FakeNet()
    door = PlannedNet(behind, [NAMED, LITERAL])
    with door.measuring(NAMED, PLAIN), pytest.raises(ForbiddenNetwork):
        await door.system_resolve("elsewhere.example.com", 4, timeout_s=1)
    assert behind.dialled == []


async def test_outside_a_measurement_nothing_can_be_sent() -> None:
    """Neither before nor after; and the door closes behind each measurement."""
    door = PlannedNet(FakeNet(), [NAMED])
    with door.measuring(NAMED, PLAIN):
        pass
    with pytest.raises(ForbiddenNetwork, match="outside"):
        await door.connect_tcp("93.184.216.34", 443, timeout_s=1)


def test_a_name_may_lead_to_public_addresses_on_its_own_port_and_to_resolvers() -> None:
    """The promise of the dry run, as a table."""
    servers = ("192.168.1.1",)

    def may(place: Place, target: Endpoint = NAMED, options: ProbeOptions = PLAIN) -> bool:
        return may_dial(place, target, options, servers)

    assert may(Place("93.184.216.34", 443))
    assert not may(Place("93.184.216.34", 8443))
    assert not may(Place("127.0.0.1", 443))
    assert not may(Place("169.254.169.254", 443))
    assert may(Place("192.168.1.1", 53))
    assert not may(Place("192.168.1.1", 443))
    assert may(Place("1.1.1.1", 853))
    assert may(Place("9.9.9.9", 53))
    assert not may(Place("5.5.5.5", 53))
    pinned = dataclasses.replace(PLAIN, addresses=("203.0.113.5",))
    assert may(Place("203.0.113.5", 443), NAMED, pinned)


def test_contacts_cover_what_may_be_dialled() -> None:
    """What the dry run lists and what the door lets through are one table."""
    found = contacts_of([NAMED, LITERAL], ["192.168.1.1"])
    assert found.names == ("app.example.com",)
    assert found.literals == ("93.184.216.34",)
    assert set(found.ports) == {53, 443, 853}
    assert "192.168.1.1:53" in found.resolvers
    assert "1.1.1.1:443" in found.resolvers
    assert port_of(endpoint("a", "b.example", kind=Kind.RESOLVER, port=None)) == 53
    assert port_of(endpoint("a", "b.example", port=None, tls=False)) == 80


async def test_a_whole_round_dials_only_what_its_plan_lists() -> None:
    """End to end with the real probes: every dial of the round is in the dry run's contacts."""
    targets = (
        NAMED,
        LITERAL,
        endpoint("dns", "names.example.com", kind=Kind.DNS, tls=False, port=None),
        endpoint("res", "93.184.216.99", kind=Kind.RESOLVER, tls=False, port=53),
    )
    cat = catalog(*targets)
    plan = plan_of(cat)
    net = FakeNet(
        names={(e.host, 4): ("93.184.216.50",) for e in (*ANCHORS, *targets)},
        tcp={("93.184.216.50", 443): Tcp(), ("93.184.216.34", 443): Tcp()},
        servers=("192.168.1.1",),
    )
    surroundings = env(net)
    await run_round(
        RunDeps(
            env=surroundings,
            catalog=cat,
            plan=plan,
            vantage=VANTAGE,
            allowed=Allowance(bytes=10**9, seconds=10**6),
            secret=b"x" * 32,
            rng=random.Random(1),
        )
    )
    listed = contacts_of(plan.endpoints, net.servers)
    names = {name for what, name, _ in net.dialled if what == "name"}
    places = {(a, p) for what, a, p in net.dialled if what != "name"}
    assert names <= set(listed.names)
    resolvers = {tuple(r.rsplit(":", 1)) for r in listed.resolvers}
    for address, port in places:
        learned = address == "93.184.216.50"
        assert port in listed.ports
        assert learned or address in listed.literals or (address, str(port)) in resolvers
    assert ("93.184.216.50", 443) in places
