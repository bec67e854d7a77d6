"""``probe control``: a snapshot made, shown, checked, trusted and used."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from invoking import invoked
from typer.testing import CliRunner

from probe.cli.control import app
from probe.cli.controlling import controls_of, live_controls, live_places, stage_controls
from probe.cli.measuring import Stage
from probe.clock import SystemClock
from probe.control.keys import key_path, own_key, public_key
from probe.control.snapshot import load_snapshot, new_snapshot, read_seal, write_snapshot
from probe.errors import ConsentError, InputError, UnfitLineError
from probe.model.codec import decode
from probe.model.control import ControlKind, ControlObservation, ControlSnapshot
from probe.model.target import Catalog, Category
from probe.model.vantage import Access, Vantage
from probe.net.machine import MachineNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.schedule.choose import Wanted
from probe.schedule.line import LineFacts
from probe.settings import Settings


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the store would be; nothing else of this machine is read."""
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("PROBE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "probe.db"))
    return tmp_path / "probe.db"


def control(*arguments: str) -> Any:
    """Run the command in this process."""
    return invoked(app, *arguments)


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
    with pytest.raises(UnfitLineError, match="cannot be a control"):
        control("snapshot", "--lab", "line-total", "--out", str(out))
    assert not out.exists()


HOME = Vantage(id="v", access=Access.FIXED)


def a_stage() -> Stage:
    """Return a stage of now, with an empty catalog."""
    env = ProbeEnv(
        net=MachineNet(),
        clock=SystemClock(),
        rng=Random(1),
        roots=Roots(packaged_pem=b"", system_pem=None),
    )
    return Stage(env=env, catalog=Catalog(services=(), digest="d"), line=LineFacts)


def written(path: Path, key: bytes, *, days: int = 30) -> Path:
    """Write a snapshot of one observation, signed by ``key``, made now."""
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
    own = own_key(key_path(store))
    good = written(tmp_path / "good.json", own)
    bad = written(tmp_path / "bad.json", b"x" * 32)
    old = written(tmp_path / "old.json", own, days=-1)

    files = [good, old, bad, tmp_path / "none.json"]
    found = controls_of(Settings(store=store), files, a_stage())
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
    own = replace(a_stage(), controls=lambda _: ())
    settings = Settings(store=store)
    assert stage_controls(settings, own, (), HOME) is own.controls
    good = written(tmp_path / "good.json", own_key(key_path(store)))
    found = stage_controls(settings, own, [str(good)], HOME)
    assert isinstance(found, tuple)
    assert [one.endpoint for one in found] == ["e"]
    assert stage_controls(settings, own, [str(tmp_path / "none.json")], HOME) == ()
    assert "This control is not used" in capsys.readouterr().err


def test_a_snapshot_of_another_catalog_is_used_as_far_as_it_fits_and_said(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An endpoint's id says how it is looked at, so one that is known means the same."""
    good = written(tmp_path / "good.json", own_key(key_path(store)))
    stage = replace(a_stage(), catalog=Catalog(services=(), digest="newer"))
    assert len(controls_of(Settings(store=store), [good], stage)) == 1
    assert "made with another catalog" in capsys.readouterr().err


# --- live controls, on the side of a line

URL = "https://control.example:8443"


@pytest.mark.parametrize("access", [a for a in Access if a is not Access.HOSTING])
def test_a_line_that_is_no_server_s_asks_no_live_control_by_itself(
    store: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The risk is named; an explicit yes, or a line of a server, is let through."""
    monkeypatch.setenv("PROBE_CONTROL_TOKEN", "a" * 43)
    own_key(key_path(store))
    at_home = replace_vantage(access)
    with pytest.raises(ConsentError, match=r"rare host.*--live-control.*Nothing was sent"):
        live_controls(Settings(store=store), [URL], a_stage(), at_home)
    said_yes = Settings(store=store, live_control=True)
    assert len(live_controls(said_yes, [URL], a_stage(), at_home)) == 1
    rented = replace_vantage(Access.HOSTING)
    assert len(live_controls(Settings(store=store), [URL, URL], a_stage(), rented)) == 1


def test_in_the_high_risk_profile_it_is_said_each_time(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that was written down once does not count there."""
    monkeypatch.setenv("PROBE_CONTROL_TOKEN", "a" * 43)
    own_key(key_path(store))
    for origin, allowed in (("config.toml:3", False), ("flag --live-control", True)):
        settings = Settings(
            store=store, live_control=True, high_risk=True, origins={"live_control": origin}
        )
        if allowed:
            assert live_controls(settings, [URL], a_stage(), HOME)
            continue
        with pytest.raises(ConsentError, match="--live-control"):
            live_controls(settings, [URL], a_stage(), HOME)


def replace_vantage(access: Access) -> Vantage:
    """Return a vantage with this access."""
    return Vantage(id="v", access=access)


def test_a_live_control_needs_a_trusted_key_and_a_token(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is said with its mend; the token comes from the environment or a private file."""
    rented = replace_vantage(Access.HOSTING)
    settings = Settings(store=store)
    monkeypatch.delenv("PROBE_CONTROL_TOKEN", raising=False)
    with pytest.raises(InputError, match="control trust KEY"):
        live_controls(settings, [URL], a_stage(), rented)
    control("trust", public_key(b"t" * 32))
    with pytest.raises(InputError, match="control use URL"):
        live_controls(settings, [URL], a_stage(), rented)
    result = CliRunner().invoke(app, ["use", URL], input="b" * 43 + "\n")
    assert result.exit_code == 0
    assert "b" * 43 not in result.output
    (found,) = live_controls(settings, [URL], a_stage(), rented)
    assert found.token == "b" * 43
    assert "b" * 43 not in repr(found)


def test_files_and_live_controls_are_told_apart_and_mixed(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given and configured ones; what would be asked is known before anything is sent."""
    monkeypatch.setenv("PROBE_CONTROL_TOKEN", "a" * 43)
    good = written(tmp_path / "good.json", own_key(key_path(store)))
    settings = Settings(store=store, controls=("https://203.0.113.5",), live_control=True)
    given = [str(good), URL]
    assert live_places(settings, given) == ("control.example:8443", "203.0.113.5:443")
    panel = stage_controls(settings, a_stage(), given, HOME)
    assert panel.__class__.__name__ == "ControlPanel"
    with pytest.raises(InputError, match="only https"):
        stage_controls(settings, a_stage(), ["http://control.example"], HOME)


# --- what a snapshot gives away


@pytest.mark.parametrize(
    ("wanted", "optional"),
    [
        (Wanted(everything=True), False),
        (Wanted(everything=True, include=(Category.VPN,)), True),
        (Wanted(names=("tor",)), True),
    ],
)
def test_a_snapshot_knows_when_it_names_what_needs_an_opt_in(
    wanted: Wanted, optional: bool
) -> None:
    """Then it is written for its owner's eyes only, with a warning; else it may travel as it is."""
    from probe.cli.control import _optional
    from probe.targets.load import load_catalog

    assert bool(_optional(load_catalog(), wanted)) is optional


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_snapshot_is_written_with_the_mode_that_is_asked_for(tmp_path: Path, mode: int) -> None:
    """Also over a file that others could read."""
    place = tmp_path / "control.json"
    place.write_text("old")
    place.chmod(0o666)
    now = SystemClock().now()
    made = new_snapshot((), now=now, catalog_digest="d", country="NL")
    write_snapshot(made, b"k" * 32, place, mode=mode)
    assert place.stat().st_mode & 0o777 == mode
