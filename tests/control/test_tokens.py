"""Tokens: made once, kept as hashes, compared whole, and read from where nobody else looks."""

from pathlib import Path

import pytest

from probe.control.tokens import (
    access_path,
    add_token,
    checked_token,
    find_token,
    known_tokens,
    read_access,
    save_access,
    tokens_path,
)
from probe.errors import InputError

PLACE = "control.example:8443"


def test_a_token_is_kept_as_a_hash_only(tmp_path: Path) -> None:
    """Whoever reads the server's list can ask nothing with it; the file is private."""
    path = tokens_path(tmp_path / "probe.db")
    first, second = add_token(path), add_token(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert first not in path.read_text()
    known = known_tokens(path)
    assert len(known) == 2
    assert (find_token(first, known), find_token(second, known)) == (0, 1)
    for wrong in ("", first[:-1], first + "x", known[0], "é"):
        assert find_token(wrong, known) is None


def test_deleting_a_line_ends_a_token(tmp_path: Path) -> None:
    """The others stay; a comment is no token."""
    path = tokens_path(tmp_path / "probe.db")
    first, second = add_token(path), add_token(path)
    path.write_text("# Anna\n" + path.read_text().splitlines()[1] + "\n")
    known = known_tokens(path)
    assert find_token(first, known) is None
    assert find_token(second, known) == 0


def test_a_damaged_list_is_named_by_its_line(tmp_path: Path) -> None:
    """And lets nobody in."""
    path = tokens_path(tmp_path / "probe.db")
    path.write_text("secret-in-the-clear\n")
    with pytest.raises(InputError, match="1: is no hash") as found:
        known_tokens(path)
    assert "secret" not in str(found.value)
    path.write_bytes(b"x" * 200_000)
    with pytest.raises(InputError, match="too large"):
        known_tokens(path)


def test_a_line_keeps_its_token_in_a_file_of_its_own(tmp_path: Path) -> None:
    """By server, 0600; the environment comes before it."""
    path = access_path(tmp_path / "probe.db")
    assert read_access(path, PLACE, {}) is None
    save_access(path, PLACE, "a" * 43)
    save_access(path, "[2001:db8::1]:443", "b" * 43)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_access(path, PLACE, {}) == "a" * 43
    assert read_access(path, "other:443", {}) is None
    assert read_access(path, PLACE, {"PROBE_CONTROL_TOKEN": "c" * 43}) == "c" * 43


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """With the command that mends it."""
    path = access_path(tmp_path / "probe.db")
    save_access(path, PLACE, "a" * 43)
    path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        read_access(path, PLACE, {})


@pytest.mark.parametrize("text", ["", "short", "a" * 200, "with space" * 5, "x" * 42 + "\n\x1b"])
def test_what_is_no_token_is_refused_without_repeating_it(text: str) -> None:
    """A slip of the hand must not end in a journal."""
    with pytest.raises(InputError) as found:
        checked_token(text, "PROBE_CONTROL_TOKEN")
    assert not text.strip() or text.strip() not in str(found.value)
