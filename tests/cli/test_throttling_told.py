"""From rounds that are kept as any round is, to what patterns, report, export and timeline say."""

import csv
import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from store_records import START
from timed_rounds import LIMIT_KBIT, evening, keep_rounds, never, spread_rounds, steady_rounds

from probe.cli.main import main
from probe.store.database import Store

DAYS = 14


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of a fortnight with four timed rounds a day, limited from 16:00 on."""
    place = tmp_path_factory.mktemp("limited") / "probe.sqlite"
    with Store.open(place) as store:
        dice = Random(3)
        keep_rounds(store, spread_rounds(DAYS, dice), evening, dice)
    return place


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same without a limit, but for two single transfers that were slow."""
    place = tmp_path_factory.mktemp("usual") / "probe.sqlite"
    with Store.open(place) as store:
        dice = Random(3)
        times = list(spread_rounds(DAYS, dice))
        slow = {times[30], times[47]}
        keep_rounds(store, times, lambda at: at in slow, dice)
    return place


class Asked:
    """Runs the command line, and keeps what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.err = ""

    def __call__(self, place: Path, *arguments: str, code: int = 0) -> str:
        command = ["probe", *arguments, "--store", str(place)]
        self._monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as caught:
            main()
        out, self.err = self._capsys.readouterr()
        assert int(caught.value.code or 0) == code, self.err
        return out

    def events(self, place: Path, *more: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self(place, "patterns", "-o", "json", *more))
        return found


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Return what asks the command line."""
    return Asked(monkeypatch, capsys)


def test_patterns_has_the_hours_the_size_and_the_level(ask: Asked, limited: Path) -> None:
    """A daily window of throttling, suspected from four rounds a day, and no cut beside it."""
    (event,) = ask.events(limited)
    assert (event["kind"], event["signal"], event["label"]) == (
        "daily_window",
        "goodput",
        "suspected",
    )
    window, said = event["window"], event["throttle"]
    low, high = window["start_interval"]
    assert low <= 960 <= high
    low, high = window["end_interval"]
    assert low <= 1440 <= high
    assert high - low <= 90
    assert said["level_kbps"] == pytest.approx(LIMIT_KBIT, rel=0.15)
    assert said["at_least"] > 10
    assert (said["scope"], said["pairing"]) == ("targeted", "neutral")
    assert "1 throttling found in 1 pair of transfers" in ask.err


def test_what_people_read_is_no_more_than_was_seen(ask: Asked, limited: Path) -> None:
    """Consistent with, suspected, on this line; never blocked, cut or out of reach."""
    told = ask(limited, "patterns", "--explain")
    assert "daily from about 16:" in told
    assert "suspected: little evidence yet" in told
    assert "a server that serves this network less looks the same" in told
    assert "Compared: its speed beside neutral hosts within the same minute" in told
    for claim in ("block", " cut ", "unreachable", "out of reach", "national"):
        assert claim not in told


@pytest.mark.slow
def test_slow_transfers_now_and_then_are_nothing(ask: Asked, usual: Path, tmp_path: Path) -> None:
    """Two of 56 rounds were twenty times slower: no event, no sentence, no mark in a report."""
    assert ask.events(usual) == []
    assert "no throttling found in 1 pair of transfers" in ask.err
    page = tmp_path / "page.html"
    ask(usual, "report", "--out", str(page))
    text = page.read_text(encoding="utf-8")
    assert "slow" not in text.partition("<main")[2].partition("How this was made")[0]
    assert len(list(csv.reader(io.StringIO(ask(usual, "export", "events"))))) == 1


def test_too_few_rounds_are_said_to_be_too_few(ask: Asked, limited: Path) -> None:
    """Not "nothing found": whoever timed for three days is told how many rounds are needed."""
    until = (START + timedelta(days=3)).date().isoformat()
    assert ask.events(limited, "--until", until) == []
    assert "not enough timed transfers to call anything slow: needs 25 rounds" in ask.err


def test_filters_hold_for_transfers(ask: Asked, limited: Path) -> None:
    """By service, vantage and time, as for everything else."""
    assert len(ask.events(limited, "--service", "chat", "--vantage", "5f1c")) == 1
    ask(limited, "patterns", "--vantage", "other", code=2)
    late = (START + timedelta(days=13)).date().isoformat()
    assert ask.events(limited, "--since", late) == []


def test_a_report_says_it_and_draws_it(ask: Asked, limited: Path, tmp_path: Path) -> None:
    """Sentence, caveat, heatmap and chart; made for publishing, no point is a single transfer."""
    page = tmp_path / "page.html"
    ask(limited, "report", "--out", str(page))
    text = page.read_text(encoding="utf-8")
    assert "may be slow every day from about 16:" in text
    assert "looks the same." in text
    assert "Suspected only: more days are needed" in text
    assert "chat</bdi>: timed transfers" in text
    assert text.count('aria-label="chat: goodput against control (Asia/Tehran)"') == 2
    assert "each point is the median of 1 hour" in text
    table = text.partition('<h2 id="timed-h"')[2].partition("</table>")[0]
    moments = [cell.partition("</th>")[0] for cell in table.split('class="nowrap">')[1:]]
    assert len(moments) > 40
    assert all(one.endswith(":00") for one in moments)
    ask(limited, "report", "--private", "--out", str(page))
    assert "each point is one round" in page.read_text(encoding="utf-8")


def test_an_export_has_its_columns(ask: Asked, limited: Path) -> None:
    """What a throttling is stands in columns of its own; what is published names no line."""
    (row,) = csv.DictReader(io.StringIO(ask(limited, "export", "events")))
    assert row["throttle_grade"] == "extreme"
    assert float(row["throttle_level_low"]) <= LIMIT_KBIT * 1.05
    assert float(row["throttle_level_high"]) >= LIMIT_KBIT * 0.95
    assert row["throttle_own_server"] == "false"
    (told,) = csv.DictReader(io.StringIO(ask(limited, "export", "events", "--publish")))
    assert told["throttle_ratio"] == row["throttle_ratio"]
    assert "sentence" not in told or not told["sentence"]
    assert "5f1c" not in told.values()


def test_a_timeline_has_the_slow_rounds(ask: Asked, limited: Path, tmp_path: Path) -> None:
    """As a series of its own, which goes out as a CSV, comes in again, and is not searched."""
    rows = list(csv.DictReader(io.StringIO(ask(limited, "timeline", "--samples"))))
    timed = [row for row in rows if row["signal"] == "goodput" and row["series"] == "chat"]
    assert len(timed) == 4 * DAYS
    assert sum(row["bad"] == "1" for row in timed) >= DAYS
    table = ask(limited, "timeline", "--rows")
    assert "slow" in table
    assert "degraded.throttle" not in table
    file = tmp_path / "samples.csv"
    file.write_text(ask(limited, "timeline", "--samples"), encoding="utf-8")
    assert ask.events(limited, "-i", str(file)) == []
    assert "2 series of goodput passed over" in ask.err


@pytest.mark.slow
@pytest.mark.parametrize("slow", [evening, never])
def test_a_servers_half_hours_know_the_minutes(ask: Asked, tmp_path: Path, slow: Any) -> None:
    """Each half hour for a fortnight: edges within ten minutes, established; or nothing at all."""
    place = tmp_path / "probe.sqlite"
    with Store.open(place) as store:
        dice = Random(3)
        keep_rounds(store, steady_rounds(DAYS, dice), slow, dice)
    events = ask.events(place)
    if slow is never:
        assert events == []
        return
    (event,) = events
    assert event["label"] == "established"
    assert abs(event["window"]["start_minute"] - 960) <= 10
    assert abs(event["window"]["end_minute"] - 1440) <= 10
    assert event["throttle"]["level_kbps"] == pytest.approx(LIMIT_KBIT, rel=0.15)
