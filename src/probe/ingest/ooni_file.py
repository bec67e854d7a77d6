"""Reading files of OONI measurements: JSON, JSONL, arrays, in gzip, zstd, tar; always bounded."""

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from probe.errors import InputError

__all__ = ["MAX_DOCUMENT", "Refusal", "documents"]

MAX_DOCUMENT = 32 * 1024 * 1024
"""Bytes of one measurement, unpacked; OONI's largest are a few MiB."""

MAX_TOTAL = 4 * 1024**3
"""Bytes of one file with all that is packed in it, unpacked."""

MAX_NAME = 1024 * 1024
"""Bytes of a header in a tape archive that holds a long name; tarfile reads it at once."""

MAX_TOGETHER = 10_000
"""Documents without a line between them."""

_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_TAR = (257, b"ustar")  # where the magic of a tape archive stands (POSIX 1003.1)
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError)
_READ_WHOLE = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)
_DEEPEST = 3  # a measurement packed in a tape packed once more; what goes on is a trap
_MAX_FILES = 1_000_000


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement that cannot be used, and why, in words for a person."""

    file: str
    line: int | None
    reason: str


class _Budget:
    """What may still be unpacked of one file and of all that is packed in it."""

    def __init__(self) -> None:
        self.left = MAX_TOTAL

    def takes(self, size: int) -> bool:
        """Take so many bytes; say whether they were left."""
        self.left -= size
        return self.left >= 0


class _Header(tarfile.TarInfo):
    """A header of a tape archive; one that is read whole must not be huge."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        """Read a header.

        Raises:
            tarfile.ReadError: it announces a name of more than 1 MiB.

        """
        found = super().frombuf(buf, encoding, errors)
        if found.type in _READ_WHOLE and found.size > MAX_NAME:
            raise tarfile.ReadError("a name of more than 1 MiB")
        return found


def documents(source: Path | BinaryIO, name: str) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    """Yield each JSON object of ``source`` with its line, or why it is refused.

    One object a line, one object over many lines, an array, and the collector's wrapper
    (``{"format": "json", "content": {...}}``) are all understood, packed by gzip or zstd or not,
    alone or many in a tape archive.

    Raises:
        InputError: when the file cannot be opened or read at all.

    """
    if not isinstance(source, Path):
        yield from _documents(io.BufferedReader(_Raw(source)), name, _Budget())
        return
    try:
        with source.open("rb") as file:
            yield from _documents(file, name, _Budget())
    except OSError as exc:
        raise InputError(exc.strerror or "cannot be read", file=name) from exc


class _Raw(io.RawIOBase):
    """Let a stream that may not be seekable be peeked into."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _documents(
    file: "io.BufferedReader[Any]", name: str, budget: _Budget, depth: int = 0
) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    if depth > _DEEPEST:
        yield Refusal(file=name, line=None, reason="packed again and again")
        return
    try:
        stream = _unpacked(file, name)
        if stream is not file:
            yield from _documents(io.BufferedReader(_Raw(stream)), name, budget, depth + 1)
        elif _is_tar(file):
            yield from _tape(file, name, budget, depth)
        else:
            yield from _lines(file, name, budget)
    except _BROKEN:
        yield Refusal(file=name, line=None, reason="the packed data is broken off or damaged")


def _unpacked(file: "io.BufferedReader[Any]", name: str) -> Any:
    """Return what unpacks ``file`` while it is read, or the file itself."""
    magic = file.peek(4)[:4]
    if magic[:2] == _GZIP:
        return gzip.GzipFile(fileobj=file)
    if magic != _ZSTD:
        return file
    try:
        import zstandard
    except ImportError as exc:
        raise InputError(
            "zstd needs the package zstandard",
            file=name,
            mend="install probe with its extra: pip install 'probe[zstd]'",
        ) from exc
    return _Zstd(zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file))


class _Zstd:
    """A zstd stream whose damage looks like any other's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        import zstandard

        try:
            data: bytes = self._stream.read(size)
        except zstandard.ZstdError as exc:
            raise EOFError("damaged") from exc
        return data


def _is_tar(file: "io.BufferedReader[Any]") -> bool:
    place, magic = _TAR
    return file.peek(place + len(magic))[place : place + len(magic)] == magic


def _tape(
    file: "io.BufferedReader[Any]", name: str, budget: _Budget, depth: int
) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    """Yield the documents of each file of a tape archive; nothing is unpacked to a disk."""
    total = 0
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_Header) as tape:
        for count, member in enumerate(tape):
            total += member.size
            if total > MAX_TOTAL or budget.left < 0 or count >= _MAX_FILES:
                yield Refusal(file=name, line=None, reason="too large; nothing further is read")
                return
            inner = tape.extractfile(member) if member.isreg() else None
            if inner is not None:
                inside = "".join(c for c in member.name[-100:] if c.isprintable())
                reader = io.BufferedReader(_Raw(inner))  # type: ignore[arg-type]
                yield from _documents(reader, f"{name}!{inside}", budget, depth + 1)


def _lines(
    stream: Any, name: str, budget: _Budget
) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    """Yield line by line; when the first line is no JSON, try the rest as one document."""
    number = 0
    seen = False
    while line := stream.readline(MAX_DOCUMENT + 1):
        number += 1
        if len(line) > MAX_DOCUMENT or not budget.takes(len(line)):
            yield Refusal(file=name, line=number, reason="too large; nothing further is read")
            return
        if not line.strip():
            continue
        values = _parse(line)
        if not seen and isinstance(values[0], _Bad):
            yield from _whole(line, stream, number, name, budget)
            return
        seen = True
        yield from _all(values, number, name)
    if not seen:
        yield Refusal(file=name, line=None, reason="the file is empty")


def _whole(first: bytes, stream: Any, number: int, name: str, budget: _Budget) -> Iterator[Any]:
    """Read what follows as one document; if it is none, as lines after all."""
    rest = stream.read(MAX_DOCUMENT + 1)
    if len(first) + len(rest) > MAX_DOCUMENT or not budget.takes(len(rest)):
        yield Refusal(file=name, line=number, reason="no JSON on the first line, and too large")
        return
    values = _parse(first + rest)
    if not isinstance(values[0], _Bad):
        yield from _all(values, number, name)
        return
    lines = (first + rest).splitlines()
    parsed = [(i, _parse(line)) for i, line in enumerate(lines, number) if line.strip()]
    if all(isinstance(v[0], _Bad) for _, v in parsed):
        yield from _all(values, number, name)
        return
    for i, found in parsed:
        yield from _all(found, i, name)


class _Bad(msgspec.Struct, frozen=True):
    reason: str


def _parse(data: bytes) -> list[Any]:
    """Return the documents in ``data``: one, several without a line between them, or a fault."""
    text = data.decode("utf-8-sig", "replace").rstrip()
    found: list[Any] = []
    at = 0
    try:
        while at < len(text):
            space = _SPACE.match(text, at)
            at = space.end() if space is not None else at
            if len(found) >= MAX_TOGETHER:
                return [*found, _Bad("too many documents on one line")]
            value, at = _DECODER.raw_decode(text, at)
            found.append(value)
    except RecursionError:
        return [*found, _Bad("nested too deeply")]
    except ValueError as exc:
        return [*found, _Bad(f"not JSON: {' '.join(str(exc).split())[:120]}")]
    return found or [_Bad("nothing but space")]


def _all(
    values: list[Any], number: int, name: str
) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    for value in values:
        yield from _unwrapped(value, number, name)


def _unwrapped(
    value: Any, number: int, name: str
) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    if isinstance(value, _Bad):
        yield Refusal(file=name, line=number, reason=value.reason)
    elif isinstance(value, list):
        for one in value:
            yield from _unwrapped(one if not isinstance(one, list) else None, number, name)
    elif isinstance(value, dict):
        content = value.get("content")
        if "test_name" not in value and isinstance(content, dict):
            value = content
        yield number, value
    else:
        yield Refusal(file=name, line=number, reason="not an object, so not a measurement")
