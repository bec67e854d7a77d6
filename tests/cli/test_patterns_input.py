"""``probe patterns --input`` on bad files: a clear error, or what is missing; never a window."""

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.cli.main import main

START = datetime(2022, 10, 1, tzinfo=UTC)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["probe", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def written(path: Path, rows: list[str], header: str = "time,series,bad") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def curfew_rows(days: int = 10) -> list[str]:
    rng = random.Random(4)
    looks = [START + timedelta(minutes=30 * i + rng.uniform(0, 30)) for i in range(48 * days)]
    return [f"{at.isoformat()},s,{int(at.hour >= 16)}" for at in looks]


def found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: Path, *more: str
) -> tuple[list[dict[str, Any]], str]:
    code = run(monkeypatch, "patterns", "-i", str(path), "--tz", "UTC", "-o", "json", *more)
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out), err


def test_order_repetition_and_offsets_of_the_rows_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shuffled, each row twice, and half of them written in another offset: the same events."""
    rows = curfew_rows()
    plain, _ = found(monkeypatch, capsys, written(tmp_path / "a.csv", rows))
    mixed = []
    for i, row in enumerate(rows):
        at, rest = row.split(",", 1)
        hours = timedelta(hours=(3.5, -4, 5.75, 0)[i % 4])
        local = (datetime.fromisoformat(at) + hours).replace(tzinfo=None).isoformat()
        minutes = int(hours.total_seconds() // 60)
        sign = "-" if minutes < 0 else "+"
        mixed += [f"{local}{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d},{rest}"] * 2
    random.Random(1).shuffle(mixed)
    again, _ = found(monkeypatch, capsys, written(tmp_path / "b.csv", mixed))
    assert again == plain
    assert [event["kind"] for event in plain] == ["daily_window"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["2022-10-01T00:00:00Z,s,1", "2022-10-01T00:00:00Z,s,0"], "says something else"),
        (["2022-10-01T00:00:00,s,1"], "has no offset"),
        (["2022-10-01T00:00:00Z,s,NaN"], "not 1, 0 or empty: 'NaN'"),
        (["2022-10-01T00:00:00Z,s,0.5"], "not 1, 0 or empty"),
        (["2098-10-01T00:00:00Z,s,1"], "lies in the future"),
        (["NaT,s,1"], "not a time: 'NaT'"),
        (["1664582400,s,1"], "not a time"),
        (["2022-10-01T00:00:00Z,,1"], "series: empty"),
        (["2022-10-01T00:00:00Z,s"], "2 values where the header has 3"),
    ],
)
def test_a_row_that_cannot_be_meant_ends_with_its_line(
    rows: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Contradictions, missing offsets, not-a-number, the future: one line, exit 2, no output."""
    path = written(tmp_path / "t.csv", [*curfew_rows(), *rows])
    assert run(monkeypatch, "patterns", "-i", str(path), "--tz", "UTC") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err
    assert "t.csv" in err


@pytest.mark.parametrize(
    ("column", "value"), [("control_bad", "nan"), ("weight", "inf"), ("weight", "-1")]
)
def test_numbers_out_of_range_are_refused(
    column: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A NaN would poison every mean silently."""
    row = f"2022-10-01T00:00:00Z,s,1,{value}"
    path = written(tmp_path / "t.csv", [row], f"time,series,bad,{column}")
    assert run(monkeypatch, "patterns", "-i", str(path), "--tz", "UTC") == 2
    assert "write one from 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "events"),
    [
        ([], 0),
        ([f"{START.isoformat()},s,0"], 0),
        ([f"{START.isoformat()},s,1"], 1),
        ([f"{(START + timedelta(hours=i)).isoformat()},s," for i in range(500)], 0),
    ],
    ids=["no sample", "one good", "one bad", "all gaps"],
)
def test_too_little_is_said_and_is_never_a_window(
    rows: list[str],
    events: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is missing is named; one bad look is an outage of little evidence at most."""
    seen, err = found(monkeypatch, capsys, written(tmp_path / "t.csv", rows))
    assert len(seen) == events
    assert all(event["window"] is None for event in seen)
    assert all(event["label"] == "suspected" for event in seen)
    assert "not enough data" in err
    assert "needs at least 12 samples" in err


def test_all_bad_is_one_outage_without_ends_and_no_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody saw it begin or end."""
    rows = [f"{(START + timedelta(minutes=30 * i)).isoformat()},s,1" for i in range(700)]
    (event,), _ = found(monkeypatch, capsys, written(tmp_path / "t.csv", rows))
    assert event["window"] is None
    assert event["start"]["censored"]
    assert event["end"]["censored"]


def test_what_several_vantages_share_stands_beside_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The joint event has no vantage of its own and lists those that saw it."""
    rows = [
        f"{row},v{i},AS6450{i}/{'mobile' if i == 1 else 'fixed'}"
        for i in (1, 2, 3)
        for row in curfew_rows()
    ]
    path = written(tmp_path / "t.csv", rows, "time,series,bad,vantage,network")
    seen, err = found(monkeypatch, capsys, path)
    assert [event["vantage"] for event in seen] == ["v1", "v2", "v3", ""]
    joint = seen[-1]
    assert joint["vantages"] == ["v1", "v2", "v3"]
    assert joint["scope"] == "several AS"  # UTC names no country
    assert joint["agreement"]["networks"] == [3, 3]
    assert joint["score"]["contributions"]
    assert "1 event shared by several vantages" in err
    assert run(monkeypatch, "patterns", "-i", str(path), "--tz", "Asia/Tehran", "--explain") == 0
    out = capsys.readouterr().out
    assert "s, 3 of 3 vantages" in out
    assert "national" in out
    assert "- Saw it: v1 (AS64501/mobile)" in out


def test_dates_are_tested_and_a_list_without_a_window_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--dates`` adds windows on these dates; what is not shown is said, not left out."""
    rng = random.Random(2)
    exams = {"2022-10-12", "2022-10-13", "2022-10-17", "2022-10-18", "2022-10-19"}
    looks = [START + timedelta(minutes=15 * i + rng.uniform(0, 15)) for i in range(96 * 35)]
    rows = [
        f"{at.isoformat()},s,{int(at.date().isoformat() in exams and 8 <= at.hour < 11)}"
        for at in looks
    ]
    dates = tmp_path / "dates.csv"
    dates.write_text(
        "".join(f"{day},exams\n" for day in sorted(exams)) + "2022-10-04,fair\n2022-10-25,fair\n",
        encoding="utf-8",
    )
    path = written(tmp_path / "t.csv", rows)
    seen, err = found(monkeypatch, capsys, path, "--dates", str(dates))
    (event,) = [one for one in seen if one["kind"] == "calendar_window"]
    assert event["calendar"]["hits"] == [5, 5]
    assert event["calendar"]["others"][0] == 0
    assert "1 window on the dates given" in err
    assert "no window that keeps to the 2 dates of 'fair'" in err
    dates.write_text("yesterday\n", encoding="utf-8")
    assert run(monkeypatch, "patterns", "-i", str(path), "--tz", "UTC", "--dates", str(dates)) == 2
    assert "not a date: 'yesterday'" in capsys.readouterr().err
