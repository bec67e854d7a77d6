"""``probe note``: what a person saw, when."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from own_machine import Machine, machine

from probe.cli.note import moment
from probe.errors import InputError

NOW = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)  # 17:30 in Tehran


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return the command line on a machine of its own."""
    return machine(tmp_path, monkeypatch, capsys)


def test_a_note_is_kept_and_listed(probe: Machine) -> None:
    """A note with its kind, service, local time and words comes back in UTC."""
    done = probe(
        "note", "add", "call_failed", "--service", "whatsapp", "--at", "2026-02-03 21:40",
        "--text", "no  ring\nat all",
    )  # fmt: skip
    assert done.code == 0
    assert "2026-02-03 21:40 (Asia/Tehran)" in done.err
    (found,) = json.loads(probe("note", "list", "-o", "json").out)
    assert found == {
        "time": "2026-02-03T18:10:00Z",
        "kind": "call_failed",
        "service": "whatsapp",
        "text": "no ring at all",
    }
    later = probe("note", "list", "--since", "2026-02-04 00:00", "-o", "json")
    assert json.loads(later.out) == []


def test_notes_are_listed_by_time(probe: Machine) -> None:
    """``list`` takes the times that ``timeline`` takes, and says when there is nothing."""
    probe("note", "add", "slow")
    assert "slow" in probe("note", "list", "--since", "1d", "--until", "2100-01-01").out
    nothing = probe("note", "list", "--until", "2020-01-01")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "no notes\n")
    wrong = probe("note", "list", "--until", "soon")
    assert (wrong.code, wrong.err[:18]) == (2, "probe: --until: no")


def test_an_unknown_service_is_noted_with_a_hint(probe: Machine) -> None:
    """A person may name what the catalog does not have; a slip is pointed out."""
    done = probe("note", "add", "slow", "--service", "whatsap")
    assert done.code == 0
    assert "did you mean whatsapp?" in done.err
    assert len(json.loads(probe("note", "list", "-o", "json").out)) == 1


@pytest.mark.parametrize(
    "args",
    [
        ("add", "nonsense"),
        ("add", "slow", "--at", "yesterday"),
        ("add", "slow", "--at", "2100-01-01 00:00"),
        ("add", "slow", "--text", "x" * 1001),
        ("add",),
    ],
)
def test_wrong_notes_are_refused(probe: Machine, tmp_path: Path, args: tuple[str, ...]) -> None:
    """An unknown kind, a time that is none or to come, and a book are refused."""
    done = probe("note", *args)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_times_as_people_write_them() -> None:
    """An hour alone is the last time that the clock showed it; a date is local."""
    tehran = "Asia/Tehran"
    assert moment("17:00", tehran, NOW) == datetime(2026, 3, 1, 13, 30, tzinfo=UTC)
    assert moment("21:40", tehran, NOW) == datetime(2026, 2, 28, 18, 10, tzinfo=UTC)
    assert moment("2026-03-01T13:00:00Z", tehran, NOW) == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert moment("2026-03-01", tehran, NOW) == datetime(2026, 2, 28, 20, 30, tzinfo=UTC)
    for wrong in ("", "25:00", "2026-13-01", "2026-03-02 00:00", "now"):
        with pytest.raises(InputError):
            moment(wrong, tehran, NOW)
