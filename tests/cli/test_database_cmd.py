"""``probe vantage database``: a network database is checked, put beside the store, and found."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from probe.cli.database import app
from probe.errors import InputError
from probe.schedule.database import database_path
from probe.settings import Settings


def test_an_installed_database_is_found_by_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies beside the store; a database that the settings name goes before it."""
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "probe.db"))
    source = tmp_path / "asn.csv"
    source.write_text('8.8.8.0,8.8.8.255,15169,"Google LLC"\n')
    settings = Settings(store=tmp_path / "probe.db")
    assert database_path(settings, "asn") is None
    result = CliRunner().invoke(app, ["install", str(source), "--kind", "asn"])
    assert result.exit_code == 0
    assert database_path(settings, "asn") == tmp_path / "asn.mmdb"
    named = Settings(store=tmp_path / "probe.db", asn_database=tmp_path / "own.mmdb")
    assert database_path(named, "asn") == tmp_path / "own.mmdb"
    shown = CliRunner().invoke(app, ["show", "--output", "json"])
    rows = {row["kind"]: row for row in json.loads(shown.stdout)}
    assert rows["asn"]["built"]
    assert rows["country"]["path"] is None


def test_what_is_no_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put in place."""
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "probe.db"))
    source = tmp_path / "asn.mmdb.txt"
    source.write_text("nonsense")
    result = CliRunner().invoke(app, ["install", str(source), "--kind", "country"])
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "country.mmdb").exists()


def test_a_file_that_is_not_there_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No number of the operating system's, and no path twice."""
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "probe.db"))
    result = CliRunner().invoke(app, ["install", str(tmp_path / "none.csv"), "--kind", "asn"])
    assert str(result.exception).endswith("none.csv: cannot be read: No such file or directory")
