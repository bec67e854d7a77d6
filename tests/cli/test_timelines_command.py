"""``probe timeline`` and ``probe patterns``, on a CSV and on a store."""

import csv
import io
import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from probe.cli.main import main
from probe.model.context import Anchor, AnchorGroup, RoundContext, RoundInputs
from probe.model.record import Note, NoteKind
from probe.model.vantage import Access, Network, Vantage

TEHRAN = ZoneInfo("Asia/Tehran")


def curfew_csv(path: Path, *, tz_column: bool = False, subject: str = "whatsapp") -> Path:
    """Write twelve days with a cut from 16:00 to midnight in Tehran."""
    rng = random.Random(4)
    rows = ["time,series,bad" + (",tz" if tz_column else "")]
    at = datetime(2022, 10, 1, tzinfo=UTC)
    while at < datetime(2022, 10, 13, tzinfo=UTC):
        look = at + timedelta(minutes=rng.uniform(0, 30))
        bad = look.astimezone(TEHRAN).hour >= 16
        rows.append(f"{look.isoformat()},{subject},{int(bad)}" + (",Asia/Tehran" * tz_column))
        at += timedelta(minutes=30)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["probe", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_patterns_prints_one_json_array_of_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The window of design.md section 6, with its fields; words go to stderr."""
    path = curfew_csv(tmp_path / "t.csv")
    code = run(
        monkeypatch, "patterns", "--input", str(path), "--tz", "Asia/Tehran", "--output", "json"
    )
    assert code == 0
    out, err = capsys.readouterr()
    (event,) = json.loads(out)
    assert event["kind"] == "daily_window"
    assert event["label"] == "established"
    assert event["series"] == "whatsapp"
    assert event["tz"] == "Asia/Tehran"
    assert event["scope"] == "this line"
    assert abs(event["window"]["start_minute"] - 960) <= 15
    assert abs(event["window"]["end_minute"] - 1440) <= 15
    assert event["window"]["snapped"] == [960, 1440]
    assert event["window"]["days"]["supported"] >= 11
    assert event["p"] <= 0.01
    assert set(event["start"]) == {"at", "earliest", "latest", "censored"}
    assert "1 daily or weekly window and no outage found in 1 series" in err


def test_patterns_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table, the sentence, and with --explain what speaks for it and against."""
    path = curfew_csv(tmp_path / "t.csv", tz_column=True)
    assert run(monkeypatch, "patterns", "--input", str(path), "--explain") == 0
    out = capsys.readouterr().out
    assert "16:00 to 23:59" in out
    assert "1. whatsapp was unreachable on this line daily from about 16:00 to 23:59" in out
    assert "- For it: " in out
    assert "- Against it: " in out
    assert "- Chance: " in out


@pytest.mark.parametrize("output", ["table", "json", "jsonl", "csv"])
def test_nothing_found_is_said_in_every_form(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Valid output, exit 0, and what was missing on stderr."""
    path = tmp_path / "t.csv"
    path.write_text("time,series,bad\n2022-10-01T00:00:00Z,s,1\n", encoding="utf-8")
    code = run(monkeypatch, "patterns", "-i", str(path), "--tz", "UTC", "-o", output)
    out, err = capsys.readouterr()
    assert code == 0
    if output == "json":
        assert len(json.loads(out)) == 1  # one bad look is an outage of little evidence
    assert "not enough data for daily windows in s: needs at least 12 samples" in err


def test_csv_of_events_has_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flat columns, fit for a spreadsheet."""
    path = curfew_csv(tmp_path / "t.csv")
    run(monkeypatch, "patterns", "-i", str(path), "--tz", "Asia/Tehran", "-o", "csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["kind"] == "daily_window"
    assert row["snapped_start"] == "960"
    assert int(row["supported"]) >= 11
    assert row["start"].endswith("Z")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tz", "Asia/Teheran"], "did you mean Asia/Tehran?"),
        ([], "no time zone"),
        (["--tz", "UTC", "--since", "soon"], "--since: not a time"),
        (["--tz", "UTC", "--since", "2022-10-05", "--until", "2022-10-01"], "--until"),
        (["--tz", "UTC", "--service", "whatsap"], "did you mean whatsapp?"),
    ],
)
@pytest.mark.parametrize("command", ["patterns", "timeline"])
def test_wrong_arguments_are_one_line_and_exit_2(
    command: str,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The field and the mend are named; no traceback."""
    path = curfew_csv(tmp_path / "t.csv")
    assert run(monkeypatch, command, "--input", str(path), *arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_timeline_shows_local_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twelve cuts, in local time with the zone named."""
    path = curfew_csv(tmp_path / "t.csv")
    run(monkeypatch, "timeline", "-i", str(path), "--tz", "Asia/Tehran", "-o", "json")
    rows = json.loads(capsys.readouterr().out)
    assert sum(row["state"] == "bad" for row in rows) == 12
    assert {row["tz"] for row in rows} == {"Asia/Tehran"}
    run(monkeypatch, "timeline", "-i", str(path), "--tz", "Asia/Tehran")
    table = capsys.readouterr().out
    assert "2022-10-02 16:" in table or "2022-10-02 15:" in table
    assert "Asia/Tehran" in table


def test_samples_can_be_taken_out_and_put_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ``timeline --samples`` prints, ``patterns --input`` reads: the same events."""
    path = curfew_csv(tmp_path / "t.csv")
    run(monkeypatch, "timeline", "-i", str(path), "--tz", "Asia/Tehran", "--samples")
    copy = tmp_path / "copy.csv"
    copy.write_text(capsys.readouterr().out, encoding="utf-8")
    run(monkeypatch, "patterns", "-i", str(path), "--tz", "Asia/Tehran", "-o", "json")
    first = json.loads(capsys.readouterr().out)
    run(monkeypatch, "patterns", "-i", str(copy), "-o", "json")
    assert json.loads(capsys.readouterr().out) == first


def test_samples_go_through_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--input -`` is standard input; samples are CSV, and JSON of them is refused, not faked."""
    text = curfew_csv(tmp_path / "t.csv").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    run(monkeypatch, "patterns", "-i", "-", "--tz", "Asia/Tehran", "-o", "json")
    assert [event["kind"] for event in json.loads(capsys.readouterr().out)] == ["daily_window"]
    path = str(tmp_path / "t.csv")
    assert run(monkeypatch, "timeline", "-i", path, "--samples", "-o", "json") == 2
    assert "--samples: samples are CSV only" in capsys.readouterr().err


def test_explained_days_are_iso_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """02.03. is February or March, by country; 2022-10-01 is one day everywhere."""
    path = curfew_csv(tmp_path / "t.csv")
    run(monkeypatch, "patterns", "-i", str(path), "--tz", "Asia/Tehran", "--explain")
    assert "filled most of these hours (2022-10-0" in capsys.readouterr().out


def test_since_and_until_are_local_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """2022-10-05 begins at midnight in Tehran."""
    path = curfew_csv(tmp_path / "t.csv")
    span = ["--since", "2022-10-05", "--until", "2022-10-07"]
    run(monkeypatch, "timeline", "-i", str(path), "--tz", "Asia/Tehran", "--samples", *span)
    times = [row["time"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert times[0] >= "2022-10-04T20:30"
    assert times[-1] < "2022-10-06T20:30"


def stored(path: Path) -> Path:
    """Make a store of twelve rounds whose anchors all work, with one note."""
    from probe.store.database import Store

    network = Network(asn=64500, access=Access.FIXED)
    with Store.open(path) as store:
        store.save_vantage(Vantage(id="v1", tz="Asia/Tehran", country="IR"))
        for i in range(12):
            started = datetime(2022, 10, 1, tzinfo=UTC) + timedelta(hours=i)
            number = store.begin_round(
                vantage="v1", plan="core", started=started, catalog_digest="d", network=network
            )
            anchor = Anchor(endpoint="a", group=AnchorGroup.INTERNATIONAL, network="n", ok=True)
            context = RoundContext(
                started=started,
                tz="Asia/Tehran",
                utc_offset_s=12_600,
                network=network,
                inputs=RoundInputs(anchors=(anchor,)),
            )
            store.end_round(number, context, started + timedelta(seconds=10))
        at = datetime(2022, 10, 2, tzinfo=UTC)
        store.add_note(Note(time=at, kind=NoteKind.CALL_FAILED, text="no ring"))
    return path


def test_the_store_is_read_and_notes_stand_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line's own series, and what a person saw; nothing is written."""
    path = stored(tmp_path / "s.db")
    assert run(monkeypatch, "timeline", "--store", str(path), "-o", "json") == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    lines = [row for row in rows if row["type"] == "interval"]
    assert {(row["subject"], row["signal"], row["state"]) for row in lines} == {
        ("line", "upstream", "ok"),
        ("line", "intl", "ok"),
    }
    (note,) = [row for row in rows if row["type"] == "note"]
    assert (note["state"], note["detail"]) == ("call_failed", "no ring")
    assert run(monkeypatch, "timeline", "--store", str(path)) == 0
    assert "call_failed: no ring" in capsys.readouterr().out
    assert run(monkeypatch, "patterns", "--store", str(path), "-o", "json") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-s", "nosuch"), "no series of 'nosuch' in the store (there are line)"),
        (("--vantage", "v9"), "nothing of vantage 'v9' in the store (there are v1)"),
    ],
)
def test_a_name_that_is_not_there_is_no_empty_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    """A misspelt name ends with 2 and what there is; "nothing found" would look like "fine"."""
    path = stored(tmp_path / "s.db")
    for command in ("timeline", "patterns"):
        assert run(monkeypatch, command, "--store", str(path), *words) == 2
        assert said in capsys.readouterr().err


def test_a_store_that_is_not_there_is_exit_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Showing never makes a database."""
    missing = tmp_path / "none.db"
    assert run(monkeypatch, "patterns", "--store", str(missing)) == 5
    assert not missing.exists()
    assert "none.db" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    """The commands import what they need when they are called."""
    code = (
        "import sys; import probe.cli.patterns, probe.cli.timeline; "
        "print([m for m in ('numpy', 'sqlmodel', 'httpx', 'rich.table') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
