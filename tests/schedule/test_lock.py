"""One run at a time for one store."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from probe.errors import BusyError, StoreError
from probe.schedule.lock import lock_path, run_lock


def test_a_second_run_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    """Two cron runs never overlap: the second stops with the process id of the first."""
    path = lock_path(tmp_path / "probe.db")
    with run_lock(path), pytest.raises(BusyError, match=str(os.getpid())), run_lock(path):
        pytest.fail("two runs at once")


def test_the_lock_is_free_again_after_the_run_and_after_an_error(tmp_path: Path) -> None:
    """A run that ended, well or badly, keeps nobody out."""
    path = tmp_path / "probe.db.lock"
    with pytest.raises(RuntimeError), run_lock(path):
        raise RuntimeError
    with run_lock(path):
        assert path.read_text() == f"{os.getpid()}\n"


def _hold_and_die(path: Path) -> None:
    held = run_lock(path)
    held.__enter__()
    os._exit(9)


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    """The system drops the lock of a process that died without a word."""
    path = tmp_path / "probe.db.lock"
    process = multiprocessing.get_context("spawn").Process(target=_hold_and_die, args=(path,))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    with run_lock(path):
        pass


def test_the_lock_file_is_private_and_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """Nobody may have a file of the user's overwritten through a planted link."""
    path = tmp_path / "probe.db.lock"
    with run_lock(path):
        assert path.stat().st_mode & 0o777 == 0o600
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = tmp_path / "other.lock"
    link.symlink_to(victim)
    with pytest.raises(StoreError), run_lock(link):
        pytest.fail("followed a link")
    assert victim.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    """A file where the folder should be is said plainly."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="lock"), run_lock(tmp_path / "file" / "probe.db.lock"):
        pytest.fail("locked nothing")
