"""``probe judge --stored``: shown first, kept on demand, taken back; in words that add up."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from own_machine import Machine, machine
from store_records import age
from typer.testing import CliRunner

from probe.cli.run import app as measure
from probe.model.verdict import State
from probe.store.database import Store


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return what runs ``probe`` here."""
    return machine(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of one round in the uncensored lab; made once, never opened again."""
    place = tmp_path_factory.mktemp("measured") / "lab.sqlite"
    arguments = ["--lab", "none", "--store", str(place), "--output", "json"]
    assert CliRunner().invoke(measure, arguments).exit_code in (0, 3)
    return place


@pytest.fixture
def store(measured: Path, tmp_path: Path) -> Path:
    """Return a copy of that store."""
    return Path(shutil.copy(measured, tmp_path / "lab.sqlite"))


def test_a_store_by_today_s_rules_has_nothing_to_show(run: Machine, store: Path) -> None:
    """An empty array is whole JSON; the summary adds up."""
    done = run("judge", "--stored", "--lab", "none", "--store", str(store), "--output", "json")
    assert (done.code, json.loads(done.out)) == (0, [])
    assert "0 would be different, 0 have other words" in done.err


def test_a_change_is_shown_kept_and_taken_back(run: Machine, store: Path) -> None:
    """Time, endpoint, before, after, rule and version; nothing is written without --apply."""
    with Store.open(store) as opened:
        (row,) = opened.rounds()
        first = opened.evidence(row.id)[0]
        assert first.verdict is not None
        wrong = msgspec.structs.replace(first.verdict, state=State.DOWN, rule_id="of.old")
        opened.revise(opened.begin_revision(row.started), row.id, {first.no: wrong})
    words = ("judge", "--stored", "--lab", "none", "--store", str(store))
    shown = run(*words, "--output", "json")
    (change,) = json.loads(shown.out)
    assert change["endpoint"] == first.endpoint
    assert change["before"].startswith("down ")
    assert "(of.old v" in change["before"]
    assert change["rule"] == first.verdict.rule_id == change["verdict_after"]["rule_id"]
    assert "Nothing was written" in shown.err
    assert "1 would be different" in run(*words).err
    kept = run(*words, "--apply", "--output", "csv")
    assert kept.out.count("\n") == 2
    assert "1 are different" in kept.err
    assert "0 would be different" in run(*words).err
    assert "1 verdicts are again what they were" in run(*words, "--undo").err
    assert "1 would be different" in run(*words).err
    assert run("store", "verify", "--store", str(store)).code == 0


def test_another_catalog_is_said_and_keeps_every_verdict(run: Machine, store: Path) -> None:
    """The shipped catalog knows none of the lab's endpoints: it is said how they can be judged."""
    done = run("judge", "--stored", "--store", str(store))
    assert (done.code, done.out) == (0, "")
    assert "measured in a lab" in done.err
    assert "probe judge --stored --lab none" in done.err
    assert "not in the catalog any more" not in done.err
    assert "1 rounds were measured with another catalog" in done.err


def test_a_span_and_a_service_narrow_it(run: Machine, store: Path) -> None:
    """What is outside is not judged; a span the wrong way round is refused."""
    words = ("judge", "--stored", "--lab", "none", "--store", str(store))
    assert "0 verdicts of 0 rounds" in run(*words, "--since", "2030-01-01").err
    some = run(*words, "--service", "messenger").err
    assert not some.startswith(("0 ", "21 "))
    assert run(*words, "--since", "2026-05-01", "--until", "2026-04-01").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--apply",),
        ("--undo",),
        ("--stored", "--apply", "--undo"),
        ("--stored", "file.json"),
        (),
    ],
)
def test_what_does_not_go_together_is_refused(run: Machine, arguments: tuple[str, ...]) -> None:
    """Nothing is judged then."""
    done = run("judge", *arguments)
    assert done.code == 2
    assert done.out == "" or arguments == ()


def test_without_a_store_nothing_is_made(run: Machine, tmp_path: Path) -> None:
    """Neither a file nor a lock."""
    place = tmp_path / "none.sqlite"
    for more in ((), ("--apply",), ("--undo",)):
        assert run("judge", "--stored", "--store", str(place), *more).code == 5
    assert not list(tmp_path.glob("none.sqlite*"))


def test_nothing_to_take_back_is_an_error(run: Machine, store: Path) -> None:
    """It says so, and changes nothing."""
    done = run("judge", "--stored", "--undo", "--store", str(store))
    assert done.code == 5
    assert "nothing to undo" in done.err


def test_a_store_of_an_older_probe_is_upgraded_on_request(run: Machine, store: Path) -> None:
    """Reading says which command does it."""
    from probe.store.schema import HEAD

    age(store)
    before = run("store", "info", "--store", str(store))
    assert before.code == 5
    assert "probe store upgrade" in before.err
    assert f"schema {HEAD}, 1 rounds" in run("store", "upgrade", "--store", str(store)).err
    assert run("store", "info", "--store", str(store)).code == 0
