"""How commands end: a signal, an unanswered question, a reader that went away, a full disk."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from own_machine import Machine, machine

FULL = Path("/dev/full")
PROBE = [sys.executable, "-m", "probe"]


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return what runs ``probe`` with every folder of the platform below ``tmp_path``."""
    return machine(tmp_path, monkeypatch, capsys)


def test_a_question_left_unanswered_is_an_interruption(probe: Machine) -> None:
    """Ctrl-C and Ctrl-D at a question end with 130; 1 would say "interference found"."""
    done = probe("consent", "give", terminal=True)
    assert done.code == 130
    assert done.err.rstrip().endswith("probe: interrupted")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [("targets", "list"), ("about", "-o", "json")])
def test_output_to_a_full_disk_is_a_storage_error(words: tuple[str, ...]) -> None:
    """Exit code 5 and one plain line, no traceback."""
    with FULL.open("wb") as full:
        done = subprocess.run(
            [*PROBE, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 5
    assert done.stderr.splitlines()[-1] == "probe: the disk is full: not all could be written"
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_interference() -> None:
    """``probe targets list | head -1`` ends with 141, and without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROBE, "consent", "show"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_json_is_whole_after_a_signal(number: signal.Signals) -> None:
    """A signal in the middle of ``judge`` leaves a valid array and exit code 130."""
    process = subprocess.Popen(
        [*PROBE, "judge", "-", "-", "--output", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"test_name": "ndt", "measurement_start_time": "2020-01-01 00:00:00"}\n')
    process.stdin.write(b"\n" * 100_000)  # taken only by a reader that has begun
    process.stdin.flush()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert json.loads(out or "[]") is not None
    assert b"Traceback" not in err


def test_a_report_on_a_full_disk_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is no wrong argument: 5, not 2."""
    import errno
    import tempfile

    from probe.cli.report import write_report
    from probe.errors import StoreError

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    with pytest.raises(StoreError, match="the disk is full"):
        write_report("page", tmp_path / "r.html", private=False)


@pytest.mark.parametrize("command", [("store", "info"), ("timeline",), ("note", "add", "slow")])
@pytest.mark.parametrize("kind", ["damaged", "newer probe", "another program"])
def test_a_database_that_cannot_be_used_is_left_as_it_is(
    probe: Machine, tmp_path: Path, kind: str, command: tuple[str, ...]
) -> None:
    """Exit code 5, one line that names the file and why, and not a byte changed."""
    import sqlite3

    place = tmp_path / "p.sqlite"
    if kind == "damaged":
        place.write_bytes(b"no database " * 1000)
    else:
        if kind == "newer probe":
            probe("note", "add", "slow", "--store", str(place))
        with sqlite3.connect(place) as connection:
            if kind == "newer probe":
                connection.execute("UPDATE probe_version SET version_num = '9999'")
            else:
                connection.execute("CREATE TABLE x (a)")
        connection.close()
    before = place.read_bytes()
    done = probe(*command, "--store", str(place))
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith(f"probe: {place}: ")
    assert kind in done.err
    assert place.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_folder_that_cannot_be_written_is_a_storage_error(probe: Machine) -> None:
    """Not even root makes a file in /proc: exit code 5 and one line, before anything is done."""
    for command in (("note", "add", "slow"), ("run", "--lab", "none", "--quick")):
        done = probe(*command, "--store", "/proc/p.sqlite")
        assert (done.code, done.out) == (5, "")
        assert done.err.startswith("probe: /proc/p.sqlite: cannot be made")
        assert len(done.err.splitlines()) == 1
