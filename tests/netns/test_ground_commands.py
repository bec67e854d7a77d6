"""``probe`` itself, run in the lab as on any line: without a consent, and marked as a lab."""

import json
import os
from pathlib import Path

import pytest
from lab_commands import probe

from probe.lab.netns.attached import AttachedLab
from probe.lab.scenario import load_scenario
from probe.model.verdict import Locus
from probe.store.database import Store

pytestmark = pytest.mark.netns


def stores_below(folder: Path) -> list[Path]:
    """Return every database that was made."""
    return list(folder.rglob("*.sqlite"))


async def test_a_run_in_the_lab_finds_nothing_without_a_censor(
    lab: AttachedLab, tmp_path: Path
) -> None:
    """All services work; nobody was asked for consent, nothing is kept, and it is said."""
    code, out, err = await probe(tmp_path, "run", "-o", "json")
    states = {row["service"]: row["state"] for row in json.loads(out)}
    assert code == 0, err
    assert set(states.values()) == {"ok"}
    assert "This is the lab, scenario none" in err
    assert stores_below(tmp_path) == []


async def test_a_run_in_the_lab_finds_its_censor(lab: AttachedLab, tmp_path: Path) -> None:
    """Exit code 1, the mechanism that is played, and a store whose vantage is the lab's."""
    await lab.play(load_scenario("tls-sni-reset"))
    store = tmp_path / "lab.sqlite"
    code, out, err = await probe(tmp_path, "run", "-o", "json", "--store", str(store))
    assert code == 1, err
    assert "reset" in out
    with Store.open(store, create=False, readonly=True) as opened:
        vantage = opened.vantage()
        assert vantage is not None
        assert (vantage.id, vantage.label) == ("lab", "lab")
        cut = [v for v in opened.last_verdicts().values() if v.mechanism == "tls.reset.sni"]
        assert [v.locus for v in cut] == [Locus.NETWORK]  # the lab has a consenting host


async def test_a_watch_in_the_lab_goes_round(lab: AttachedLab, tmp_path: Path) -> None:
    """One round over real packets, by the lab's time."""
    code, _, err = await probe(tmp_path, "watch", "--rounds", "1", "--no-store")
    assert code == 0, err
    assert "ok" in err


async def test_the_doctor_knows_where_it_is(lab: AttachedLab, tmp_path: Path) -> None:
    """The guard is in mode lab, and nothing is broken by it."""
    code, out, err = await probe(tmp_path, "doctor", "-o", "json")
    rows = {row["about"]: row for row in json.loads(out)}
    assert code == 0, err
    assert rows["guard"]["value"] == os.environ["PROBE_NET"]
