"""``probe watch``: durations, and rounds in the lab until their number is reached."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from probe.cli.watch import app, seconds_of, seen_windows
from probe.errors import InputError
from probe.model.event import Event, EventKind, Instant, Label
from probe.store.database import Store


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15m", 900.0), ("90s", 90.0), ("1h", 3_600.0), ("20", 1_200.0), (" 1.5h ", 5_400.0)],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """A bare number is minutes."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "-5m", "1s", "2d", "9" * 50])
def test_a_wrong_duration_is_said_with_its_option(text: str) -> None:
    """Not below a minute (a guest does not hammer), not above a day."""
    with pytest.raises(InputError, match="--every"):
        seconds_of(text)


def test_windows_are_told_by_their_number_where_a_journal_may_keep_them() -> None:
    """Hours and names of what is cut are for a person who reads along, and only if they may."""
    at = datetime(2024, 3, 10, tzinfo=UTC)
    instant = Instant(at=at, earliest=at, latest=at)
    event = Event(
        kind=EventKind.DAILY_WINDOW,
        series="messenger",
        vantage="v1",
        network="n",
        label=Label.SUSPECTED,
        start=instant,
        end=instant,
        tz="UTC",
        sentence="Messenger was unreachable on this line daily.",
    )
    told = seen_windows((event, event), private=True)
    assert told == ["windows of the day or week, new: 2 (hours: probe patterns)"]
    assert seen_windows((), private=True) == []


@pytest.mark.slow
def test_a_watch_in_the_lab_stores_its_rounds_and_says_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts go to the journal, never a target's name."""
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "unused.db"))
    store = tmp_path / "watch.db"
    arguments = ["--lab", "tls-mitm-system", "--rounds", "2", "--store", str(store)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all("blocked" in line and "UTC:" in line for line in lines)
    assert "messenger" not in result.output
    with Store.open(store, create=False) as opened:
        assert len(list(opened.rounds())) >= 2
        assert opened.verify() == []
    assert not (tmp_path / "unused.db").exists()


@pytest.mark.slow
def test_a_watch_tells_what_began_to_fail_and_keeps_the_name_from_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, when enough looks have agreed; a stream that is no terminal may be kept by others."""
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "unused.db"))
    arguments = ["--lab", "tls-mitm-system", "--rounds", "8", "--store", str(tmp_path / "w.db")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    told = [line for line in result.stderr.splitlines() if "began to fail" in line]
    assert told == ["began to fail: 1 (names: probe timeline)"]
    assert "essenger" not in result.output
