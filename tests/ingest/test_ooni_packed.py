"""OONI's files as they are published: gzip, zstd, tape archives; bounded whatever they hold."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from ooni_documents import connect, document, query

from probe.errors import InputError
from probe.ingest import ooni_file
from probe.ingest.ooni_file import Refusal, documents

ONE = json.dumps(document({"queries": [query()], "tcp_connect": [connect()]})).encode()
WRAPPED = b'{"format": "json", "content": ' + ONE + b"}"


def tape(*members: tuple[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(path: Path, data: bytes) -> list[object]:
    path.write_bytes(data)
    return list(documents(path, path.name))


def test_each_file_of_a_tape_is_read(tmp_path: Path) -> None:
    """Postcans of one measurement each, packed or not, with lines or the collector's wrapper."""
    data = tape(
        ("a/1.post", WRAPPED), ("a/2.jsonl", ONE + b"\n" + ONE), ("a/3.json.gz", gzip.compress(ONE))
    )
    for packed in (data, gzip.compress(data)):
        found = read(tmp_path / "x.tar", packed)
        pairs = [pair for pair in found if isinstance(pair, tuple)]
        assert [line for line, _ in pairs] == [1, 1, 2, 1]
        assert all(one["test_name"] == "web_connectivity" for _, one in pairs)


def test_zstd_is_read_alone_and_around_a_tape(tmp_path: Path) -> None:
    """As the collector stores them."""
    zstandard = pytest.importorskip("zstandard")
    pack = zstandard.ZstdCompressor().compress
    assert len(read(tmp_path / "x.zst", pack(ONE + b"\n" + ONE))) == 2
    assert len(read(tmp_path / "x.tar.zst", pack(tape(("1.post", WRAPPED))))) == 1
    (refused,) = read(tmp_path / "cut.zst", pack(ONE)[:40] + b"rubbish")
    assert isinstance(refused, Refusal)


def test_without_the_package_zstd_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra to install."""
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(InputError, match=r"probe\[zstd\]"):
        read(tmp_path / "x.zst", b"\x28\xb5\x2f\xfd" + bytes(20))


def test_a_tape_of_links_and_folders_writes_nothing(tmp_path: Path) -> None:
    """Only files are read; a name that climbs out of the folder is only a name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("evil")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        up = tarfile.TarInfo("../../up.json")
        up.size = len(ONE)
        archive.addfile(up, io.BytesIO(ONE))
    assert len(read(tmp_path / "x.tar", out.getvalue())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


def test_a_tape_in_a_tape_in_a_tape_is_refused(tmp_path: Path) -> None:
    """What unpacks again and again is a trap."""
    data = ONE
    for _ in range(9):
        data = gzip.compress(tape(("x", data)))
    (refused,) = read(tmp_path / "x.tar", data)
    assert isinstance(refused, Refusal)
    assert "again and again" in refused.reason


def test_a_tape_that_claims_too_much_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is kept; nothing further is read."""
    monkeypatch.setattr(ooni_file, "MAX_TOTAL", len(ONE) + 10)
    *found, refused = read(tmp_path / "x.tar", tape(("1", ONE), ("2", ONE)))
    assert len(found) == 1
    assert isinstance(refused, Refusal)
    assert "too large" in refused.reason


def test_a_tape_cut_off_keeps_what_came(tmp_path: Path) -> None:
    """The first measurement is read, the rest is said to be broken."""
    data = tape(("1", ONE), ("2", ONE + bytes(2_000)))
    *found, refused = read(tmp_path / "x.tar", data[: len(data) // 2])
    assert len(found) >= 1
    assert isinstance(refused, Refusal)


def test_packed_files_share_what_may_be_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tape of many small bombs costs no more than one: nothing is read once it is spent."""
    bomb = gzip.compress((b" " * 999 + b"\n") * 100 + ONE)
    monkeypatch.setattr(ooni_file, "MAX_TOTAL", 250_000)
    found = read(tmp_path / "x.tar", tape(*((f"{n}.gz", bomb) for n in range(50))))
    pairs = [pair for pair in found if isinstance(pair, tuple)]
    refused = [one for one in found if isinstance(one, Refusal)]
    assert len(pairs) == 2
    assert [one.reason for one in refused] == ["too large; nothing further is read"] * 2


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_without_end_is_not_read(
    tmp_path: Path, kind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header that tarfile reads at once may announce gigabytes, which pack into a few MiB."""
    read_at_once: list[int] = []
    block = tarfile.TarInfo._block  # type: ignore[attr-defined]

    def noted(header: tarfile.TarInfo, size: int) -> int:
        read_at_once.append(size)
        return int(block(header, size))

    monkeypatch.setattr(tarfile.TarInfo, "_block", noted)
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = kind, 64 * 1024 * 1024
    whole = 512 + -(-len(WRAPPED) // 512) * 512
    first = tape(("1.post", WRAPPED))[:whole]
    data = first + header.tobuf(tarfile.GNU_FORMAT) + bytes(65_536)
    found = read(tmp_path / "x.tar.gz", gzip.compress(data))
    assert [type(one) for one in found] == [tuple, Refusal]
    assert max(read_at_once, default=0) < 1024 * 1024
