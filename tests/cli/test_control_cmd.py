"""``probe control``: a snapshot made, shown, checked, trusted and used."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from probe.cli.control import app
from probe.cli.measuring import Stage, controls_of
from probe.control.keys import key_path, own_key, public_key
from probe.control.snapshot import load_snapshot, new_snapshot, read_seal, write_snapshot
from probe.errors import InputError
from probe.model.codec import decode
from probe.model.control import ControlKind, ControlObservation, ControlSnapshot
from probe.settings import Settings


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the store would be; nothing else of this machine is read."""
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("PROBE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "probe.db"))
    return tmp_path / "probe.db"


def control(*arguments: str) -> Any:
    """Run the command; an error of ours is raised, as ``main`` expects it."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_snapshot_of_an_open_line_holds_what_its_endpoints_answered(
    store: Path, tmp_path: Path
) -> None:
    """Made in the uncensored lab over real sockets; the public key is said."""
    out = tmp_path / "control.json"
    result = control("snapshot", "--lab", "none", "--out", str(out))
    key = public_key(own_key(key_path(store)))
    assert key in result.stderr
    seal, body = read_seal(out)
    assert seal.key == key
    seen = {o.endpoint: o for o in decode(body, ControlSnapshot).observations}
    page = seen["messenger/http/web.messenger.example/"]
    assert (page.failure, page.status) == (None, 200)
    assert page.addresses
    assert page.leaf_sha256
    assert page.kind is ControlKind.SNAPSHOT
    shown = control("show", str(out), "--output", "json")
    assert {row["endpoint"] for row in json.loads(shown.stdout)} == set(seen)
    assert control("key").stdout.strip() == key


@pytest.mark.slow
def test_a_line_that_is_cut_off_cannot_be_a_control(store: Path, tmp_path: Path) -> None:
    """Its failures would be taken for the services'."""
    out = tmp_path / "control.json"
    with pytest.raises(InputError, match="cannot be a control"):
        control("snapshot", "--lab", "line-total", "--out", str(out))
    assert not out.exists()


def written(path: Path, key: bytes, *, days: int = 30) -> Path:
    """Write a snapshot of one observation, signed by ``key``, made now."""
    from datetime import timedelta

    from probe.clock import SystemClock

    now = SystemClock().now()
    seen = ControlObservation(
        endpoint="e", source="s", kind=ControlKind.SNAPSHOT, observed=now, status=200
    )
    made = new_snapshot(
        (seen,), now=now, catalog_digest="d", country="NL", valid_for=timedelta(days=days)
    )
    write_snapshot(made, key, path)
    return path


def test_a_stranger_s_snapshot_is_checked_by_key_and_then_trusted(
    store: Path, tmp_path: Path
) -> None:
    """Verify names what is wrong; trust is given to a key, by hand."""
    file = written(tmp_path / "theirs.json", b"t" * 32)
    key = public_key(b"t" * 32)
    with pytest.raises(InputError, match="not trusted"):
        control("verify", str(file))
    assert "good" in control("verify", str(file), "--key", key).stderr
    control("trust", key)
    assert "good" in control("verify", str(file)).stderr
    with pytest.raises(InputError, match="no public key"):
        control("trust", "abc")


def test_a_run_uses_good_snapshots_and_says_why_it_leaves_the_others(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unattended run goes on without a bad control, with the reason in its journal."""
    from probe.clock import SystemClock

    own = own_key(key_path(store))
    good = written(tmp_path / "good.json", own)
    bad = written(tmp_path / "bad.json", b"x" * 32)
    old = written(tmp_path / "old.json", own, days=-1)

    class Env:
        clock = SystemClock()

    stage = Stage(env=Env(), catalog=None, line=None)  # type: ignore[arg-type]
    settings = Settings(store=store, controls=(str(bad),))
    found = controls_of(settings, [good, old, tmp_path / "none.json"], stage)
    assert [o.endpoint for o in found] == ["e"]
    said = capsys.readouterr().err
    assert said.count("This control is not used") == 3
    assert "bad.json" in said
    assert "expired" in said
    loaded = load_snapshot(good, keys={public_key(own)}, now=SystemClock().now())
    assert loaded.country == "NL"


def test_snapshots_that_are_given_replace_the_lab_s_own_look(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``run --lab --control`` uses the file, or says why not; it never passes it over."""
    from probe.cli.measuring import _stage_controls
    from probe.clock import SystemClock

    class Env:
        clock = SystemClock()

    own = Stage(env=Env(), catalog=None, line=None, controls=lambda _: ())  # type: ignore[arg-type]
    settings = Settings(store=store)
    assert _stage_controls(settings, own, ()) is own.controls
    good = written(tmp_path / "good.json", own_key(key_path(store)))
    found = _stage_controls(settings, own, [good])
    assert not callable(found)
    assert [one.endpoint for one in found] == ["e"]
    assert _stage_controls(settings, own, [tmp_path / "none.json"]) == ()
    assert "This control is not used" in capsys.readouterr().err
