"""A store made in the lab, with live controls, a snapshot and the own past, judged again."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from probe.analysis.controls import from_snapshots
from probe.analysis.verdict import JudgeFacts
from probe.control.observe import observation_of
from probe.control.take import take_snapshot
from probe.lab.controls import LabControls, live_observation
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.control import ControlKind, ControlObservation
from probe.model.target import Catalog, Category, Endpoint
from probe.model.vantage import Vantage
from probe.model.verdict import State
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.schedule.choose import Wanted
from probe.schedule.line import LineFacts
from probe.schedule.rejudge import Rejudging
from probe.schedule.session import Session
from probe.settings import Settings
from probe.store.database import Store
from probe.targets.load import load_fingerprints

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEW = ("none", "dns-nxdomain", "tls-sni-reset")
MANY = (
    *FEW,
    "dns-forged",
    "dns-sinkhole",
    "http-block-page",
    "http-block-page-known",
    "server-403",
    "server-down",
    "tcp-drop",
    "tls-mitm-unknown",
    "line-domestic-only",
    "line-total",
    "none",
)
WANTED = Wanted(everything=True, include=tuple(Category), country="XX")
LINE = LineFacts(default_route=True, gateway_reachable=True, tunnel=False)
PATIENT = Timeouts(0.5, 0.5, 0.5, 1.0, late_s=0.02)


def session_in(lab: Lab, *, abroad: bool, folder: Path) -> Session:
    """Return a session of the measured line, or of one where no censor stands."""
    env = ProbeEnv(
        net=lab.net(control=abroad),
        clock=lab.clock,
        rng=Random(3),
        roots=lab.control_roots if abroad else lab.roots,
        fingerprints=load_fingerprints(),
        timeouts=PATIENT,
    )
    return Session(
        settings=Settings(store=folder / "probe.db"),
        catalog=Catalog(services=lab.services, digest="lab"),
        env=env,
        rng=Random(4),
        vantage=Vantage(id="v1", country="XX"),
        secret=b"s" * 32,
        facts=JudgeFacts(fingerprints=env.fingerprints),
        line=lambda: LINE,
    )


async def history(lab: Lab, store: Store, folder: Path, names: Sequence[str]) -> None:
    """Store one round under each scenario, half an hour apart."""
    await lab.play(load_scenario("none"))
    abroad = session_in(lab, abroad=True, folder=folder)
    snapshot = await take_snapshot(abroad, WANTED, valid_for=timedelta(days=30))
    old, _ = from_snapshots([snapshot], lab.clock.now())
    session = session_in(lab, abroad=False, folder=folder)
    looking = LabControls(lab, session.env, measure, live_observation(observation_of))

    def controls(endpoint: Endpoint) -> Sequence[ControlObservation]:
        return (
            *looking.live(endpoint.id, lab.clock.now()),
            *(seen for seen in old if seen.endpoint == endpoint.id),
        )

    session.store = store
    session.controls = controls
    session.measure = looking.measure
    store.save_vantage(session.vantage)
    for name in names:
        await lab.play(load_scenario(name))
        await lab.clock.sleep(1_800)
        await session.round(WANTED)


def judged_again(store: Store, lab: Lab, *, keep: bool) -> int:
    """Judge a store again; return how many verdicts come out differently."""
    facts = JudgeFacts(fingerprints=load_fingerprints())
    catalog = Catalog(services=lab.services, digest="lab")
    revision = store.begin_revision(lab.clock.now()) if keep else None
    passing = Rejudging(store=store, catalog=catalog, facts=facts, revision=revision)
    return sum(1 for _ in passing.changes())


async def nothing_changes(lab: Lab, folder: Path, names: Sequence[str]) -> set[State]:
    """Prove it for a store of these scenarios; return the states that were in it."""
    with Store.open(folder / "data" / "probe.sqlite") as store:
        await history(lab, store, folder, names)
        rounds = list(store.rounds())
        before = {row.id: store.evidence(row.id) for row in rounds}
        kinds = {c.kind for found in before.values() for e in found for c in e.controls}
        assert kinds == set(ControlKind), "live ones, a snapshot and the own past were used"
        assert judged_again(store, lab, keep=False) == 0
        head = store.info().chain_head
        store._database.outside_transaction("DELETE FROM verdict")
        count = sum(len(found) for found in before.values())
        assert judged_again(store, lab, keep=True) == count
        assert {row.id: store.evidence(row.id) for row in rounds} == before
        assert store.verify() == []
        assert store.info().chain_head == head
        return {e.verdict.state for found in before.values() for e in found if e.verdict}


@pytest.mark.slow
async def test_verdicts_are_recomputed_from_the_store_alone(lab: Lab, tmp_path: Path) -> None:
    """Delete all verdicts, judge again: nothing changes."""
    assert State.OK in await nothing_changes(lab, tmp_path, FEW)


@pytest.mark.slow
async def test_so_are_those_of_many_kinds_of_interference(lab: Lab, tmp_path: Path) -> None:
    """Lies, cuts, pages, refusals, outages, and a line that is fine again at the end."""
    states = await nothing_changes(lab, tmp_path, MANY)
    assert {State.OK, State.BLOCKED, State.INVALID, State.INCONCLUSIVE} <= states
