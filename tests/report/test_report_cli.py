"""``probe report``: out of a store into one file, whole or not at all."""

import stat
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from test_report_stored import CATALOG, CUT, HOME, OK, START, measure
from typer.testing import CliRunner, Result

from probe.cli.report import app, write_charts, write_report
from probe.errors import InputError, StoreError
from probe.report.data import ReportData
from probe.store.database import Store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a database file with two rounds."""
    path = tmp_path / "probe.sqlite"
    with Store.open(path) as store:
        store.save_vantage(HOME)
        talky = CATALOG.services[0].endpoints[0]
        measure(store, START, {talky: OK})
        measure(store, START.replace(hour=2), {talky: CUT})
    return path


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep this machine's own settings out."""
    for name in ("PROBE_STORE", "PROBE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, list(arguments))


def test_it_writes_one_file(database: Path, tmp_path: Path) -> None:
    """The page is there, and nothing else was left beside it."""
    out = tmp_path / "out" / "page.html"
    out.parent.mkdir()
    done = run("--store", str(database), "--out", str(out), "--title", "Two looks")
    assert done.exit_code == 0, done.exception
    assert "Two looks" in out.read_text(encoding="utf-8")
    assert [file.name for file in out.parent.iterdir()] == ["page.html"]


def test_a_dash_is_standard_output(database: Path) -> None:
    """The page goes to standard output and nothing else does."""
    done = run("--store", str(database), "--out", "-")
    assert done.stdout.startswith("<!doctype html>")
    assert done.stdout.endswith("</html>\n")


def test_reading_changes_nothing(database: Path, tmp_path: Path) -> None:
    """The store is opened read-only: its bytes are the same afterwards."""
    before = database.read_bytes()
    run("--store", str(database), "--out", str(tmp_path / "page.html"))
    assert database.read_bytes() == before


def test_a_missing_store_is_an_error(tmp_path: Path) -> None:
    """No database is made for want of one."""
    done = run("--store", str(tmp_path / "none.sqlite"), "--out", str(tmp_path / "page.html"))
    assert isinstance(done.exception, StoreError)
    assert not (tmp_path / "none.sqlite").exists()
    assert not (tmp_path / "page.html").exists()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The error names the file and the option that mends it."""
    with pytest.raises(InputError, match="--out"):
        write_report("x", tmp_path / "no" / "such" / "page.html", private=False)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_a_private_page_is_for_its_owner(tmp_path: Path, *, private: bool, mode: int) -> None:
    """The private copy is readable by its owner only."""
    out = tmp_path / "page.html"
    write_report("x", out, private=private)
    assert stat.S_IMODE(out.stat().st_mode) == mode


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_private_charts_are_for_their_owner(
    tmp_path: Path, fortnight: ReportData, *, private: bool, mode: int
) -> None:
    """The pictures hold what the page holds."""
    pytest.importorskip("resvg_py", reason="PNG needs the extra png")
    write_charts(replace(fortnight, private=private), tmp_path / "charts", "en")
    files = list((tmp_path / "charts").iterdir())
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {mode}


def test_a_wrong_date_is_an_error(database: Path) -> None:
    """A date that is none is refused, with the option's name."""
    done = run("--store", str(database), "--since", "yesterweek", "--out", "-")
    assert isinstance(done.exception, InputError)
    assert "--since" in str(done.exception)


def test_hours_are_those_of_the_zone_that_is_asked_for(database: Path, tmp_path: Path) -> None:
    """The switch to UTC of a page without script; a zone that is none is refused."""
    page = tmp_path / "page.html"
    for options, said in (((), f"All times are in {HOME.tz}"), (("--tz", "UTC"), "in UTC (")):
        assert run("--store", str(database), "--out", str(page), *options).exit_code == 0
        assert said in page.read_text(encoding="utf-8")
    wrong = run("--store", str(database), "--out", str(page), "--tz", "Asia/Teheran")
    assert isinstance(wrong.exception, InputError)
