"""A full run over the shipped catalog on loopback: what it announced is what it did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from probe.analysis.verdict import JudgeFacts
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.measurement import Outcome
from probe.model.target import Catalog, Category, Role
from probe.model.vantage import Access, Vantage
from probe.model.verdict import State
from probe.net.base import Datagrams, Net, Resolved, Stream
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import MEASURED_KINDS
from probe.schedule.budget import Allowance
from probe.schedule.choose import Wanted, plan_round
from probe.schedule.dryrun import DryRun, describe
from probe.schedule.line import LineFacts
from probe.schedule.runner import RoundResult, RunDeps, run_round
from probe.settings import Settings
from probe.targets.load import load_catalog, load_fingerprints

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

SCENARIO = """
name: whole
description: The shipped catalog; nobody interferes.
zone: UTC
country: IR
starts: 2026-03-02
"""
ANNOUNCED = 40_000_000
WHOLE = Wanted(everything=True, include=tuple(Category), country="IR")
LISTINGS = Wanted(names=("listing",), country="IR")
LINE = LineFacts(default_route=True, gateway_reachable=True, tunnel=False)
PATIENT = Timeouts(dns_s=15.0, tcp_s=15.0, tls_s=15.0, http_s=20.0, late_s=0.01)
PLENTY = Allowance(bytes=1 << 40, seconds=100_000.0)


@dataclass
class Watched:
    """A network that notes whom it is asked to dial, and for which names it is asked."""

    net: Net
    dialled: set[tuple[str, int]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> Stream:
        """Note it, and connect."""
        self.dialled.add((address, port))
        return await self.net.connect_tcp(address, port, timeout_s=timeout_s)

    async def open_udp(self, address: str, port: int) -> Datagrams:
        """Note it, and open."""
        self.dialled.add((address, port))
        return await self.net.open_udp(address, port)

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        """Note it, and ask."""
        self.names.add(name)
        return await self.net.system_resolve(name, family, timeout_s=timeout_s)

    def nameservers(self) -> tuple[str, ...]:
        """Return the resolvers of the network behind."""
        return self.net.nameservers()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """Return a lab whose world is the shipped catalog."""
    file = tmp_path_factory.mktemp("whole") / "whole.yaml"
    file.write_text(SCENARIO)
    async with Lab(load_scenario(file), load_catalog(), seed=5) as running:
        yield running


def announced(catalog: Catalog, wanted: Wanted, lab: Lab) -> DryRun:
    """Return what a dry run says of it, by its own dice."""
    plan = plan_round(catalog, wanted, rng=Random(0), allowed=PLENTY)
    settings = Settings(store=Path("x"), country="IR")
    return describe(catalog, wanted, plan, settings, nameservers=lab.net().nameservers())


def places(found: DryRun, lab: Lab) -> tuple[set[tuple[str, int]], set[str]]:
    """Return the addresses and ports that a dry run allows, and its names."""
    allowed: set[tuple[str, int]] = set()
    for row in found.endpoints:
        site = lab.world.site(row.host)
        at = (row.host,) if site is None else (*site.addresses, *site.elsewhere)
        allowed |= {(address, row.port) for address in at}
    for resolver in found.contacts.resolvers:
        address, _, port = resolver.rpartition(":")
        allowed.add((address, int(port)))
    return allowed, set(found.contacts.names)


async def ran(catalog: Catalog, wanted: Wanted, lab: Lab) -> tuple[RoundResult, Watched]:
    """Run a round as ``probe run`` does, and return what came of it and whom it dialled."""
    watched = Watched(lab.net())
    rng = Random(11)
    deps = RunDeps(
        env=ProbeEnv(
            net=watched,
            clock=lab.clock,
            rng=rng,
            roots=lab.roots,
            fingerprints=load_fingerprints(),
            timeouts=PATIENT,
        ),
        catalog=catalog,
        plan=plan_round(catalog, wanted, rng=rng, allowed=PLENTY),
        vantage=Vantage(id="v1", country="IR", tz="UTC", access=Access.FIXED),
        allowed=PLENTY,
        secret=b"s" * 32,
        rng=rng,
        facts=JudgeFacts(fingerprints=load_fingerprints()),
        line=lambda: LINE,
        concurrency=16,
    )
    return await run_round(deps), watched


async def test_a_full_run_does_what_it_announced(lab: Lab) -> None:
    """Within its bytes, to nobody else, and nothing unmeasured that has a probe."""
    catalog = load_catalog()
    found = announced(catalog, WHOLE, lab)
    assert found.bytes <= ANNOUNCED
    result, watched = await ran(catalog, WHOLE, lab)
    assert result.problems == ()
    assert result.bytes <= found.bytes
    allowed, names = places(found, lab)
    assert watched.dialled - allowed == set()
    assert watched.names - names == set()
    kinds = {e.id: e.kind for e in catalog.endpoints()}
    mains = {r.endpoint: r.main for r in result.records}
    unmeasured = {
        name: main.reason
        for name, main in mains.items()
        if main.outcome is not Outcome.MEASURED and kinds[name] in MEASURED_KINDS
    }
    assert unmeasured == {}
    yet = [n for n, main in mains.items() if main.outcome is Outcome.NOT_MEASURED_YET]
    assert all(kinds[name] not in MEASURED_KINDS for name in yet)
    assert not [r.endpoint for r in result.records if r.verdict.state is State.BLOCKED]
    (tor,) = result.wholes
    assert "website: works" in tor.sentence
    listings = [s for s in result.services if s.service.startswith("listing-")]
    assert len(listings) == 25
    assert {s.verdict.state for s in listings} == {State.OK}
    assert all(role.role is Role.LISTING and role.of for s in listings for role in s.roles)


async def test_a_named_run_dials_no_neutral_host_that_was_not_announced(lab: Lab) -> None:
    """Anchors are drawn anew in each round: the dry run names all that may be drawn."""
    catalog = load_catalog()
    found = announced(catalog, LISTINGS, lab)
    result, watched = await ran(catalog, LISTINGS, lab)
    allowed, names = places(found, lab)
    assert watched.dialled - allowed == set()
    assert watched.names - names == set()
    assert result.bytes <= found.bytes
    anchors = {e.host for e in catalog.endpoints() if e.anchor}
    drawn = watched.names & anchors
    assert drawn
    assert drawn < anchors
    assert lab.clock.now() >= datetime(2026, 3, 2, tzinfo=UTC)
