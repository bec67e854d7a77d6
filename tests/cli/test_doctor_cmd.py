"""``probe doctor``: every setting with its source, every part with its health."""

import json
from pathlib import Path

import pytest
from own_machine import Machine, machine

from probe.net import capture
from probe.settings import Settings
from probe.store.database import Store


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return the command line on a machine of its own."""
    return machine(tmp_path, monkeypatch, capsys)


def _rows(out: str) -> dict[str, dict[str, str]]:
    return {row["about"]: row for row in json.loads(out)}


def test_every_part_is_looked_at(probe: Machine) -> None:
    """On a fresh machine nothing is bad, and every part and setting has its line."""
    done = probe("doctor", "-o", "json")
    assert done.code == 0
    rows = _rows(done.out)
    settings = {f"setting {name}" for name in Settings.__struct_fields__ if name != "origins"}
    parts = {"probe", "python", "sqlite", "openssl", "clock", "zone data", "guard", "consent"}
    assert settings | parts | {"catalog", "store"} <= set(rows)
    assert rows["guard"]["value"] == "loopback"
    assert rows["consent"]["value"] == "not given"
    assert rows["store"]["value"] == "not made yet"
    assert (rows["setting tz"]["value"], rows["setting tz"]["source"]) == ("Asia/Tehran", "system")
    assert not [row for row in rows.values() if row["health"] == "bad"]


@pytest.mark.parametrize(
    ("missing", "health", "value"),
    [
        ((), "ok", "can be made"),
        (("CAP_NET_RAW is missing", "no scapy"), "note", "CAP_NET_RAW is missing; no scapy"),
    ],
)
def test_whether_a_trace_can_be_made(
    probe: Machine,
    monkeypatch: pytest.MonkeyPatch,
    missing: tuple[str, ...],
    health: str,
    value: str,
) -> None:
    """What is missing is said; that is no fault of an installation that measures from home."""
    monkeypatch.setattr(capture, "what_is_missing", lambda: missing)
    done = probe("doctor", "-o", "json")
    row = _rows(done.out)["trace"]
    assert (done.code, row["health"]) == (0, health)
    assert value in row["value"]


def test_sources_of_settings(probe: Machine, tmp_path: Path) -> None:
    """A value of the file names file and line."""
    config = tmp_path / "mine.toml"
    config.write_text('\ncountry = "IR"\n')
    rows = _rows(probe("doctor", "--config", str(config), "-o", "json").out)
    assert rows["setting country"]["source"] == f"{config}:2"


def test_no_address_is_printed(probe: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the address that a person set for the comparison of names."""
    monkeypatch.setenv("PROBE_SNI_HOST", "192.0.2.77:443")
    done = probe("doctor", "-o", "json")
    assert "192.0.2.77" not in done.out + done.err
    assert _rows(done.out)["setting sni_host"]["value"] == "set"


def test_bad_parts_end_with_a_code(probe: Machine, tmp_path: Path) -> None:
    """A broken store is code 5, broken settings are code 2, and the rest is still looked at."""
    place = tmp_path / "data" / "probe" / "probe.sqlite"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not a database at all" * 50)
    done = probe("doctor", "-o", "json")
    assert done.code == 5
    assert _rows(done.out)["store"]["health"] == "bad"
    assert "catalog" in _rows(done.out)
    config = tmp_path / "bad.toml"
    config.write_text("x = 1")
    done = probe("doctor", "--config", str(config), "-o", "json")
    assert done.code == 2
    assert _rows(done.out)["settings"]["health"] == "bad"
    assert "guard" in _rows(done.out)


def test_a_store_in_order(probe: Machine, tmp_path: Path) -> None:
    """A store is counted, and with ``--deep`` verified; a mode too wide is noted."""
    place = tmp_path / "data" / "probe" / "probe.sqlite"
    Store.open(place).close()
    place.chmod(0o644)
    done = probe("doctor", "--deep", "-o", "json")
    rows = _rows(done.out)
    assert done.code == 0
    assert rows["store"]["value"].startswith("0 rounds")
    assert rows["store mode"]["health"] == "note"
