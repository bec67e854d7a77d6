"""``probe store``: what it says, what it asks, and what is left afterwards."""

import json
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from own_machine import Machine, machine

from probe.cli.store import span_of
from probe.clock import SystemClock
from probe.errors import InputError
from probe.schedule.lock import lock_path, run_lock
from probe.store.database import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
from store_records import good, whole_round


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return the command line on a machine of its own."""
    return machine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a store with an old and a new round, in the platform's folder."""
    path = tmp_path / "data" / "probe" / "probe.sqlite"
    now = SystemClock().now()
    with Store.open(path) as store:
        for days, host in ((40, "secretold.example"), (1, "secretnew.example")):
            at = now - timedelta(days=days)
            whole_round(store, [good(host, at=at)], at)
    return path


def _names(folder: Path) -> set[bytes]:
    data = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return {name for name in (b"secretold", b"secretnew") if name in data}


def test_info_counts_and_gives_the_head(probe: Machine, place: Path) -> None:
    """``info`` prints counts, dates and the chain's head, as a table or as JSON."""
    assert "measurements" in probe("store", "info").out
    done = probe("store", "info", "-o", "json")
    (found,) = json.loads(done.out)
    assert (found["rounds"], found["measurements"], found["links"]) == (2, 2, 2)
    assert len(found["chain_head"]) == 64
    assert done.code == 0
    assert "secret" not in done.out


def test_no_store_yet(probe: Machine, tmp_path: Path) -> None:
    """Every command says that there is no store, and makes none."""
    for command in ("info", "verify", "vacuum", "prune"):
        done = probe("store", command)
        assert (done.code, done.out) == (5, "")
        assert "there is no store yet" in done.err
    assert not (tmp_path / "data").exists()


def test_verify_finds_what_was_changed(probe: Machine, place: Path) -> None:
    """A clean store ends with 0 and its head, a changed one with 5 and the round."""
    done = probe("store", "verify", "-o", "json")
    assert (done.code, json.loads(done.out)) == (0, [])
    assert "2 rounds are chained" in done.err
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE round SET plan = 'x' WHERE id = 2")
    connection.close()
    done = probe("store", "verify", "-o", "json")
    assert done.code == 5
    assert json.loads(done.out)[0]["round"] == 2


def test_prune_follows_the_retention(probe: Machine, place: Path) -> None:
    """``prune`` forgets what is older than ``retention_days``, or than ``--days``."""
    assert "Forgot 1 rounds with 1 measurements" in probe("store", "prune").err
    assert _names(place.parent) == {b"secretnew"}
    assert "Forgot 0 rounds" in probe("store", "prune", "--days", "20").err


def test_purge_leaves_no_name(probe: Machine, place: Path, tmp_path: Path) -> None:
    """After ``purge --all --yes`` no name is in any file, and it says what flash may keep."""
    done = probe("store", "purge", "--all", "--yes")
    assert done.code == 0
    assert "Deleted 2 rounds with 2 measurements" in done.err
    assert "backups may still hold copies" in done.err
    assert _names(tmp_path) == set()
    assert probe("store", "verify").code == 0


def test_purge_by_age(probe: Machine, place: Path) -> None:
    """``--older-than`` keeps what is younger."""
    assert probe("store", "purge", "--older-than", "30d", "--yes").code == 0
    assert _names(place.parent) == {b"secretnew"}


def test_purge_wants_to_know_what(probe: Machine, place: Path) -> None:
    """Neither or both of the choices is an error, and nothing goes."""
    for choice in ((), ("--all", "--older-than", "3d"), ("--older-than", "soon")):
        done = probe("store", "purge", *choice, "--yes")
        assert done.code == 2
    assert len(_names(place.parent)) == 2


def test_purge_and_wipe_ask_first(probe: Machine, place: Path) -> None:
    """Without ``--yes`` a person is asked; nobody there, or a no, and nothing goes."""
    for command in (("purge", "--all"), ("wipe",)):
        assert "nobody is there to ask" in probe("store", *command).err
        done = probe("store", *command, stdin="n\n", terminal=True)
        assert done.code == 2
        assert "Nothing was done" in done.err
    assert len(_names(place.parent)) == 2
    assert probe("store", "purge", "--all", stdin="y\n", terminal=True).code == 0
    assert _names(place.parent) == set()


def test_nothing_is_deleted_under_a_run(probe: Machine, place: Path) -> None:
    """While a run holds the lock, pruning and purging are refused."""
    with run_lock(lock_path(place)):
        for command in (("prune",), ("purge", "--all", "--yes"), ("vacuum",)):
            done = probe("store", *command)
            assert done.code == 5
            assert "another run" in done.err
    assert len(_names(place.parent)) == 2


def test_wipe_leaves_no_file(probe: Machine, place: Path, tmp_path: Path) -> None:
    """After ``wipe --yes`` no file of ours is left anywhere, and other people's files are."""
    probe("consent", "give", "--i-have-read", "1", "--answers", "b,a")
    config = tmp_path / "config" / "probe" / "config.toml"
    config.write_text('country = "IR"\n')
    units = tmp_path / "config" / "systemd" / "user"
    units.mkdir(parents=True)
    for name in ("probe.service", "probe.timer", "probe-watch.service", "other.service"):
        (units / name).write_text("[Unit]\n")
    log = tmp_path / "state" / "probe" / "log" / "probe.log"
    log.parent.mkdir(parents=True)
    log.write_text("secretold")
    for end in (".lock", ".secret"):
        place.with_name(place.name + end).write_text("x")
    done = probe("store", "wipe", "--yes")
    assert done.code == 0
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == [units / "other.service"]
    assert not place.parent.exists()
    assert "Flash storage" in done.err
    assert "crontab" in done.err


def test_wipe_of_a_store_elsewhere(probe: Machine, tmp_path: Path) -> None:
    """A store named by a flag goes with what lies beside it, and its neighbours stay."""
    folder = tmp_path / "results"
    path = folder / "mine.sqlite"
    Store.open(path).close()
    (folder / "report.html").write_text("x")
    for ours in (
        "asn.mmdb",
        "country.mmdb",
        "asn.mmdb.x1.part",
        "mine.sqlite.control-keys.y2.part",
    ):
        (folder / ours).write_text("x")
    assert probe("store", "wipe", "--store", str(path), "--yes").code == 0
    assert [file.name for file in folder.iterdir()] == ["report.html"]


def test_wipe_works_with_broken_settings(probe: Machine, place: Path, tmp_path: Path) -> None:
    """A file of settings that cannot be read keeps nobody from wiping."""
    config = tmp_path / "config" / "probe" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("not = = toml")
    assert probe("store", "wipe", "--yes").code == 0
    assert not config.exists()
    assert not place.exists()


def test_vacuum_says_what_it_gained(probe: Machine, place: Path) -> None:
    """``vacuum`` prints the size before and after."""
    done = probe("store", "vacuum")
    assert done.code == 0
    assert "bytes before" in done.err


def test_lengths_of_time() -> None:
    """Hours, days and weeks are understood, anything else is refused."""
    assert span_of("12h") == timedelta(hours=12)
    assert span_of(" 30D ") == timedelta(days=30)
    assert span_of("8w") == timedelta(weeks=8)
    for wrong in ("", "d", "30", "-1d", "1.5d", "1y", "999999d"):
        with pytest.raises(InputError):
            span_of(wrong)
