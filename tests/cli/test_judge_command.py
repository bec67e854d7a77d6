"""``probe judge`` and ``probe import ooni``: a verdict a line, reasons apart, honest exit codes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parent.parent / "ingest"))

from ooni_documents import connect, document, keys, query, write

from probe.cli.import_ import app as import_app
from probe.cli.judge import app

KEYS = [
    "input",
    "test_name",
    "probe_cc",
    "probe_asn",
    "time",
    "state",
    "mechanism",
    "locus",
    "confidence",
    "rule_id",
]
LIE = keys(queries=[query("10.10.34.36")], tcp_connect=[], tls_handshakes=[], requests=[])
HINT = keys(tcp_connect=[connect("generic_timeout_error")], tls_handshakes=[], requests=[])


def run(*words: str, data: bytes | None = None) -> Result:
    """Run ``probe judge``."""
    return CliRunner().invoke(app, list(words), input=data)


def lines(result: Result) -> list[dict[str, Any]]:
    """Return what was printed on stdout."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_object_a_line(tmp_path: Path) -> None:
    """The keys and their order are the contract; words go to stderr."""
    path = write(tmp_path, document(keys()), document(keys(), input=None))
    result = run(str(path))
    assert result.exit_code == 0
    found = lines(result)
    assert [list(line) for line in found] == [KEYS, KEYS]
    assert found[0]["time"] == "2025-05-27T23:31:08Z"
    assert found[1]["input"] is None
    assert "2 measurements judged: 2 ok." in result.stderr


def test_interference_is_one(tmp_path: Path) -> None:
    """A confirmed block ends with 1, with 0 when asked to, and a weak hint with 0."""
    lie = str(write(tmp_path, document(LIE), name="lie.json"))
    hint = str(write(tmp_path, document(HINT), name="hint.json"))
    assert run(lie).exit_code == 1
    assert run(lie, "--exit-zero").exit_code == 0
    weak = run(hint)
    assert (lines(weak)[0]["state"], weak.exit_code) == ("blocked", 0)


def test_an_unreadable_file_is_two_and_the_rest_is_judged(tmp_path: Path) -> None:
    """A missing file, and one with nothing in it, are said; the others are judged."""
    good = str(write(tmp_path, document(keys())))
    words = tmp_path / "words.txt"
    words.write_text("hello")
    result = run(str(tmp_path / "missing.json"), good, str(words))
    assert result.exit_code == 2
    assert len(lines(result)) == 1
    assert "missing.json: No such file" in result.stderr
    assert "words.txt: nothing in it can be judged" in result.stderr
    assert "Traceback" not in result.output


def test_a_bad_line_is_said_and_forgiven(tmp_path: Path) -> None:
    """One bad line among good ones is refused by its number; the file counts as read."""
    path = write(tmp_path, document(keys()))
    path.write_bytes(path.read_bytes() + b"{broken\n")
    result = run(str(path))
    assert result.exit_code == 0
    assert f"{path}:2: refused: not JSON" in result.stderr


def test_standard_input(tmp_path: Path) -> None:
    """``-`` reads standard input."""
    result = run("-", data=json.dumps(document(keys())).encode())
    assert [line["state"] for line in lines(result)] == ["ok"]


def test_explain(tmp_path: Path) -> None:
    """``--explain`` says the sentence and leaves stdout alone."""
    result = run(str(write(tmp_path, document(LIE))), "--explain")
    assert "dns.sinkhole: The name www.example.org is answered" in result.stderr
    assert len(lines(result)) == 1


def test_import_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement is stored once, as a foreign round, and joins the timelines."""
    from probe.store.database import Store

    monkeypatch.setenv("HOME", str(tmp_path))
    path = write(tmp_path, document(LIE), document({"x": 1}, test_name="ndt"))
    store = tmp_path / "store.sqlite"
    words = ["ooni", str(path), "--store", str(store), "--tz", "Asia/Tehran"]
    first = CliRunner().invoke(import_app, words)
    assert first.exit_code == 0, first.output
    assert "1 measurements stored, 0 known already, 1 without" in first.stderr
    again = CliRunner().invoke(import_app, words)
    assert "0 measurements stored, 1 known already" in again.stderr
    with Store.open(store, create=False, readonly=True) as opened:
        (row,) = list(opened.judged())
        (round_,) = list(opened.rounds())
        (record,) = opened.records(round_.id)
    assert (row.state, row.mechanism, row.tz) == (
        "blocked",
        "dns.injection.blockpage",
        "Asia/Tehran",
    )
    assert (round_.imported_from or "").startswith("ooni:web_connectivity:")
    assert record.verdict.rule_id == "dns.sinkhole"


def test_import_refuses_a_zone_that_is_none(tmp_path: Path) -> None:
    """A wrong zone is refused before anything is stored."""
    path = write(tmp_path, document(LIE))
    store = tmp_path / "store.sqlite"
    words = ["ooni", str(path), "--store", str(store), "--tz", "Mars/Olympus"]
    assert CliRunner().invoke(import_app, words).exit_code != 0
    assert not store.exists()
