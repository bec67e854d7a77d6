"""Reading a bundle: signed rounds of another vantage, checked before a row is believed.

Everything in the file may be somebody's attempt: sizes are bounded before anything is unpacked,
the signature is checked before the manifest is read, and each member against its SHA-256 in the
manifest before its first line is used.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple, TypeVar

from probe.analysis.zones import zone
from probe.errors import InputError
from probe.ingest.bundle_checks import check_round, check_texts
from probe.model.bundle import (
    CHAIN,
    FORMAT,
    MANIFEST,
    ROUNDS,
    SEAL,
    BundledLink,
    BundledRound,
    Manifest,
)
from probe.model.codec import decode
from probe.wire.sealing import Seal, check_seal

__all__ = ["Bundle", "open_bundle"]

T = TypeVar("T")

MAX_MEMBER: Final = 16 * 1024**3
"""Bytes that a member may unpack to: some ten years of one line."""

MAX_CHAIN: Final = 256 * 1024**2
"""Of the chain, whose digests are held in memory: a link has 150 bytes, and fifty years of a round
every quarter of an hour have fewer."""

MAX_LINE: Final = 256 * 1024 * 1024
_MAX_HEAD: Final = 1024 * 1024
_MOST: Final = (
    (SEAL, _MAX_HEAD),
    (MANIFEST, _MAX_HEAD),
    (ROUNDS, MAX_MEMBER),
    (CHAIN, MAX_CHAIN),
)
_CHUNK: Final = 1 << 20
_GENESIS: Final = bytes(32)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


class Bundle(NamedTuple):
    """A bundle whose signature and hashes are right; ``digests`` are all links of its chain."""

    file: Path
    key: str
    manifest: Manifest
    digests: frozenset[str]
    archive: zipfile.ZipFile

    @property
    def source(self) -> str:
        """Whose word it is: the beginning of the provenance of each of its rounds."""
        return f"bundle:{self.key[:16]}"

    def rounds(self) -> Iterator[BundledRound]:
        """Yield the rounds, each checked for itself.

        Raises:
            InputError: a line is no round, one of another chain, or one that may not be kept.

        """
        with self.archive.open(ROUNDS) as member:
            for number, line in _lines(member, str(self.file)):
                found = _decoded(line, BundledRound, str(self.file), number)
                if found.digest not in self.digests:
                    raise InputError(
                        "a round that is not in the chain beside it",
                        file=str(self.file),
                        line=number,
                        field="digest",
                        mend="ask for the bundle again",
                    )
                zone(found.tz)
                _checked_round(found, str(self.file), number)
                yield found


@contextmanager
def open_bundle(path: Path, *, keys: Collection[str]) -> Iterator[Bundle]:
    """Open a bundle that one of ``keys`` signed.

    Raises:
        InputError: it is no bundle, damaged, changed, of another version, or signed by a key that
            is not among them; the message names the key.

    """
    name = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield _checked(path, archive, keys)
    except _BROKEN as exc:
        text = getattr(exc, "strerror", None) or "not a bundle, cut short, or damaged"
        raise InputError(text, file=name, mend="copy the file again") from exc


def _checked(path: Path, archive: zipfile.ZipFile, keys: Collection[str]) -> Bundle:
    name = str(path)
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    for member, most in _MOST:
        if sizes.get(member, most + 1) > most:
            raise InputError(f"no {member} in it, or too large a one", file=name)
    seal = _decoded(archive.read(SEAL), Seal, name, None)
    body = archive.read(MANIFEST)
    if seal.format != FORMAT:
        raise InputError(
            f"format {seal.format[:40]!r} is not {FORMAT!r}",
            file=name,
            field="format",
            mend="use a probe of the version that made it",
        )
    try:
        check_seal(seal, body, FORMAT)
    except InputError as exc:
        raise InputError(
            "the signature is wrong: the file was changed or damaged", file=name
        ) from exc
    if seal.key not in keys:
        raise InputError(
            f"signed by a key that you did not name: {seal.key[:64]}",
            file=name,
            field="--key",
            mend="if whoever made it names this key to you, give it with --key",
        )
    manifest = _decoded(body, Manifest, name, None)
    _same(archive, ROUNDS, manifest.rounds_sha256, name)
    _same(archive, CHAIN, manifest.chain_sha256, name)
    zone(manifest.vantage.tz)
    check_texts(manifest)
    digests = _chain(archive, manifest, name)
    return Bundle(path, seal.key, manifest, digests, archive)


def _checked_round(found: BundledRound, name: str, number: int) -> None:
    try:
        check_round(found)
    except InputError as exc:
        raise InputError(
            exc.problem, file=name, line=number, field=exc.field, mend=exc.mend
        ) from exc


def _same(archive: zipfile.ZipFile, member: str, expected: str, name: str) -> None:
    hashed = hashlib.sha256()
    with archive.open(member) as file:
        while part := file.read(_CHUNK):
            hashed.update(part)
    if hashed.hexdigest() != expected:
        raise InputError(f"{member} is not what was signed", file=name, mend="copy it again")


def _chain(archive: zipfile.ZipFile, manifest: Manifest, name: str) -> frozenset[str]:
    """Walk the chain from its start; return its digests."""
    digests: set[str] = set()
    before = _GENESIS
    with archive.open(CHAIN) as member:
        for number, line in _lines(member, name):
            link = _decoded(line, BundledLink, name, number)
            digest = hashlib.sha256(before + bytes.fromhex(link.content)).hexdigest()
            if digest != link.digest:
                raise InputError("the chain of its rounds does not hold", file=name, line=number)
            digests.add(digest)
            before = bytes.fromhex(digest)
    if before.hex() != manifest.chain_head:
        raise InputError("the chain does not end where the manifest says", file=name)
    return frozenset(digests)


def _lines(member: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := member.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise InputError("a line of more than 256 MiB", file=name, line=number)
        yield number, line


def _decoded(data: bytes, kind: type[T], name: str, line: int | None) -> T:
    try:
        return decode(data, kind)
    except InputError as exc:
        raise InputError(
            f"of another version, or damaged: {exc.problem[:120]}", file=name, line=line
        ) from exc
