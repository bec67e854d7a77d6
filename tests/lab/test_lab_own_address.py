"""What the lab tells a line about its own address, and what the line knows of it itself."""

import random
from datetime import UTC, datetime
from functools import cache

import msgspec
import pytest

from probe.lab.certificates import Certificates
from probe.lab.line_spec import Ipv6, LineSpec
from probe.lab.lined import facts_of
from probe.lab.pages import WebRequest, respond
from probe.lab.scenario import load_scenario
from probe.lab.situation import Situation
from probe.lab.world import build_world
from probe.model.address import family_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAME = "www.newspaper.example"
FOUR, SIX = "198.51.100.7", "2001:db8:5:6::7"


@cache
def situation() -> Situation:
    scenario = load_scenario("none")
    world = build_world(scenario.services or (), scenario.country)
    return Situation(world, scenario, Certificates({}, NOW), now=NOW, rng=random.Random(1))


def trace(family: int, *, control: bool) -> bytes:
    """Ask the newspaper's edge over a family what it sees of whoever asks."""
    world = situation().world
    at = next(a for a in world.sites[NAME].addresses if family_of(a) == family)
    asked = WebRequest("GET", NAME, "/cdn-cgi/trace", b"", sealed=True)
    response = respond(asked, situation(), world.hosts[at], 443, control=control)
    assert response.status == 200
    return response.body


@pytest.mark.parametrize("family", [4, 6])
def test_an_edge_tells_whoever_asks_its_address(family: int) -> None:
    """The line its own, the control its own, of the family that was used."""
    world = situation().world
    own = {4: world.own_address, 6: world.own_address_v6}
    abroad = {4: world.abroad_address, 6: world.abroad_address_v6}
    assert f"\nip={own[family]}\n".encode() in trace(family, control=False)
    assert f"\nip={abroad[family]}\n".encode() in trace(family, control=True)


@pytest.mark.parametrize("ipv6", list(Ipv6))
def test_a_line_knows_its_address_of_each_family_that_works(ipv6: Ipv6) -> None:
    """What it knows is what is scrubbed from all that servers echo."""
    facts = facts_of(LineSpec(ipv6=ipv6), NOW, FOUR, SIX)
    assert FOUR in facts.addresses
    assert (SIX in facts.addresses) is (ipv6 is Ipv6.WORKS)


def test_a_line_in_another_network_does_not_know_it() -> None:
    """It has an address of that network's router and no other."""
    line = msgspec.structs.replace(LineSpec(ipv6=Ipv6.WORKS), network="guest")
    assert facts_of(line, NOW, FOUR, SIX).addresses == ("192.168.2.23",)
