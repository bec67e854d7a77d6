"""After a run in which relays and directories told this line its own address, it is nowhere."""

import sys
from pathlib import Path

import pytest
from test_private_run import command, home

from probe.lab.scenario import load_scenario
from probe.lab.world import build_world
from probe.model.codec import encode
from probe.model.measurement import ExchangeStep, HttpStep, Proof
from probe.model.target import Kind
from probe.store.database import Store
from probe.wire.scrub import address_spellings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="the same as on other systems"),
]
__all__ = ["home"]


def own_spellings() -> list[str]:
    """Return every way to write the line's addresses of that world."""
    scenario = load_scenario("protocols-none")
    world = build_world(scenario.services or (), scenario.country, cdn=scenario.cdn)
    found = [
        spelling
        for address in (world.own_address, world.own_address_v6)
        for spelling, _ in address_spellings(address)
    ]
    assert len(found) > 20
    return found


def test_no_spelling_of_the_own_address_is_left(home: Path) -> None:
    """NETINFO and ``X-Your-Address-Is`` came, from relays and a directory, and are not kept."""
    store = home / "artefacts" / "probe.db"
    run = ("run", "--lab", "protocols-none", "--store", str(store), "--output", "json")
    said = list(command(home, *run).communicate(timeout=200))
    report = ("report", "--private", "--out", str(home / "artefacts" / "private.html"))
    said += command(home, *report).communicate(timeout=60)
    with Store.open(store, create=False) as opened:
        (row,) = opened.rounds()
        records = opened.records(row.id)
    last = {r.bundle[0].kind: r.bundle[0].steps[-1] for r in records}
    link, page = last[Kind.TOR_OR], last[Kind.TOR_DIR]
    assert isinstance(link, ExchangeStep)
    assert "NETINFO" in (link.reply or "")
    assert link.proof is Proof.IDENTITY
    assert isinstance(page, HttpStep)
    assert page.expected is True
    kept = [*said, encode(row), *(encode(record) for record in records)]
    kept += [f.read_bytes() for f in (home / "artefacts").rglob("*") if f.is_file()]
    whole = b"\n".join(kept).lower()
    assert [s for s in own_spellings() if s.lower().encode() in whole] == []
