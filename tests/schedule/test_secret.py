"""The local secret: private, made once, never guessed at."""

import os
from pathlib import Path

import pytest

from probe.errors import StoreError
from probe.schedule.files import write_whole
from probe.schedule.lock import run_lock
from probe.schedule.secret import keyed, local_secret, secret_path


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """The same secret comes back, from a file of mode 0600."""
    path = secret_path(tmp_path / "probe.db")
    first = local_secret(path)
    assert len(first) == 32
    assert local_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_secret_is_said_and_not_used(tmp_path: Path) -> None:
    """A short secret would make guessable fingerprints."""
    path = tmp_path / "probe.db.secret"
    path.write_bytes(b"short")
    with pytest.raises(StoreError, match="damaged"):
        local_secret(path)


def test_without_a_store_no_file_is_made_and_each_secret_differs() -> None:
    """``--no-store`` leaves nothing behind."""
    assert local_secret(None) != local_secret(None)


def test_a_fingerprint_tells_texts_apart_and_means_nothing_under_another_secret() -> None:
    """Equal for equal text here, unrelated elsewhere."""
    one, other = b"1" * 32, b"2" * 32
    assert keyed(one, "192.168.1.1") == keyed(one, "192.168.1.1")
    assert keyed(one, "192.168.1.1") != keyed(one, "192.168.1.2")
    assert keyed(one, "192.168.1.1") != keyed(other, "192.168.1.1")


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_a_folder_made_for_a_private_file_is_private(tmp_path: Path) -> None:
    """Whatever is made first: the key, the list of keys, or the lock."""
    local_secret(tmp_path / "a" / "probe.db.secret")
    write_whole(tmp_path / "b" / "keys", b"x", mode=0o600)
    with run_lock(tmp_path / "c" / "probe.db.lock"):
        modes = {folder.name: folder.stat().st_mode & 0o777 for folder in tmp_path.iterdir()}
    assert modes == dict.fromkeys("abc", 0o700)


def test_what_a_kill_leaves_bears_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``probe store wipe`` finds files by that name; a half-written one is no exception."""
    left: list[str] = []

    def killed(descriptor: int) -> None:
        del descriptor
        left.extend(p.name for p in tmp_path.iterdir())
        raise OSError(28, "no space")

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(StoreError):
        write_whole(tmp_path / "probe.db.control-keys", b"x", mode=0o600)
    assert [name.startswith("probe.db.control-keys.") for name in left] == [True]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """A failed write leaves the old content and no part file."""
    path = tmp_path / "file"
    write_whole(path, b"old", mode=0o600)
    blocked = tmp_path / "folder"
    blocked.mkdir()
    with pytest.raises(StoreError):
        write_whole(blocked, b"new", mode=0o600)
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
