"""A person's own bridges and proxies: who may read the file, what a line may be, what is said."""

import os
from pathlib import Path

import pytest

from probe.errors import InputError
from probe.model.target import Endpoint, Kind, Risk, Trust
from probe.targets.private import Private, load_private

FINGERPRINT = "68A5F057D882C46E6A9539EBE7BE6DDC960009CD"
PLACE, SECRET = "93.184.216.34", "00112233445566778899aabbccddeeff"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file that has this mode."""
    file = folder / "own.txt"
    file.write_text(text)
    file.chmod(mode)
    return file


def read(folder: Path, *lines: str) -> Private:
    """Read these lines."""
    return load_private(written(folder, "\n".join(lines)))


def one(folder: Path, line: str) -> Endpoint:
    """Read one line."""
    (endpoint,) = read(folder, line).service.endpoints
    return endpoint


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The mend is said, and nothing of the content."""
    with pytest.raises(InputError) as refused:
        load_private(written(tmp_path, f"{PLACE}:443", mode))
    assert refused.value.mend == "chmod 600 FILE"
    assert PLACE not in str(refused.value)


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    """Only a plain file is read."""
    for path in (tmp_path, tmp_path / "none", Path("/dev/null")):
        with pytest.raises(InputError):
            load_private(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of files are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Nobody is at its other end."""
    os.mkfifo(tmp_path / "own.txt", 0o600)
    with pytest.raises(InputError, match="not a plain file"):
        load_private(tmp_path / "own.txt")


@pytest.mark.skipif(os.name != "posix", reason="owners of files are POSIX's")
def test_somebody_elses_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs as root could read it, and so can its owner."""
    file = written(tmp_path, f"{PLACE}:443")
    mine = os.geteuid()
    if mine == 0:
        os.chown(file, 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(InputError, match="somebody else's"):
        load_private(file)


def test_a_plain_bridge_is_a_relay_with_its_fingerprint(tmp_path: Path) -> None:
    """As the bridge authority hands it out, with ``Bridge`` before it or without."""
    for line in (f"{PLACE}:9001 {FINGERPRINT}", f"Bridge {PLACE}:9001 ${FINGERPRINT.lower()}"):
        endpoint = one(tmp_path, line)
        assert (endpoint.kind, endpoint.host, endpoint.port) == (Kind.TOR_OR, PLACE, 9001)
        assert (endpoint.identity, endpoint.trust) == (FINGERPRINT, Trust.NONE)
        assert endpoint.risk is Risk.HIGH


def test_an_obfs4_bridge_is_connected_to(tmp_path: Path) -> None:
    """Its certificate and its fingerprint are not needed, and not kept."""
    endpoint = one(tmp_path, f"obfs4 [2606:2800:220:1::1]:443 {FINGERPRINT} cert=abc iat-mode=0")
    assert (endpoint.kind, endpoint.host) == (Kind.OBFS4, "2606:2800:220:1::1")
    assert endpoint.identity is None


def test_links_to_signal_proxies(tmp_path: Path) -> None:
    """As people share them, with a port or without."""
    first = one(tmp_path, "https://signal.tube/#Proxy.Example.org")
    second = one(tmp_path, "sgnl://signal.tube/#proxy.example.org:8443")
    assert (first.kind, first.host, first.port) == (Kind.SIGNAL_PROXY, "proxy.example.org", 443)
    assert second.port == 8443


@pytest.mark.parametrize("secret", [SECRET, f"dd{SECRET}", "ABEiM0RVZneImaq7zN3u_w"])
def test_links_to_telegram_proxies(tmp_path: Path, secret: str) -> None:
    """The secret is kept beside the endpoint, by its id."""
    found = read(tmp_path, f"tg://proxy?server=proxy.example.org&port=443&secret={secret}")
    (endpoint,) = found.service.endpoints
    assert endpoint.kind is Kind.MTPROTO
    assert found.secrets == {endpoint.id: bytes.fromhex(SECRET)}
    assert SECRET not in repr(found)


def test_remarks_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    """Labels count the entries, not the lines."""
    found = read(tmp_path, "# mine", "", f"{PLACE}:1 # a friend's", "https://signal.tube/#a.b.org")
    assert [e.private for e in found.service.endpoints] == ["own-1", "own-2"]


def test_neither_id_nor_repr_says_where_it_is(tmp_path: Path) -> None:
    """Whatever prints a value prints its label."""
    found = read(tmp_path, f"{PLACE}:9001 {FINGERPRINT}", "https://signal.tube/#proxy.example.org")
    for endpoint in found.service.endpoints:
        said = endpoint.id + repr(endpoint) + repr(endpoint.__rich_repr__()) + repr(found)
        assert PLACE not in said
        assert "proxy.example.org" not in said
        assert FINGERPRINT not in said
        assert "9001" not in said
    assert found.service.endpoints[0].id == "private/tor-or/own-1"


@pytest.mark.parametrize(
    "line",
    [
        "webtunnel 93.184.216.34:443 url=https://secret.example.org",
        "secret.example.org",
        "93.184.216.34",
        "93.184.216.34:0",
        "93.184.216.34:70000",
        "10.1.2.3:443",
        "[::1]:443",
        "https://signal.tube/#",
        "https://signal.tube/#localhost",
        "https://signal.tube/#secret_example/x",
        "tg://proxy?server=secret.example.org&port=443&secret=ee00112233445566778899aabbccddeeff61",
        "tg://proxy?server=secret.example.org&port=443&secret=zz!",
        "tg://proxy?server=secret.example.org&port=x&secret=00112233445566778899aabbccddeeff",
        "obfs4",
    ],
)
def test_what_cannot_be_measured_is_refused_without_a_word_of_it(tmp_path: Path, line: str) -> None:
    """The line's number is named, so that its owner finds it."""
    with pytest.raises(InputError) as refused:
        read(tmp_path, "# first", line)
    said = str(refused.value)
    assert refused.value.line == 2
    assert not any(part in said for part in ("secret.example", "93.184", "10.1.2.3", "secret_ex"))
    assert refused.value.__cause__ is None


def test_an_empty_file_or_far_too_many_are_refused(tmp_path: Path) -> None:
    """And so is what is no text, or far too long."""
    for text in ("# nothing\n", f"{PLACE}:443\n" * 51, "x" * 70_000):
        with pytest.raises(InputError):
            load_private(written(tmp_path, text))
    file = tmp_path / "own.txt"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError):
        load_private(file)
