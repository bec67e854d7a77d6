"""Putting an AS or country database in its place, checked: an ``.mmdb``, a CSV, or a package.

The packages are what ``npm pack @ip-location-db/asn`` and the like bring (``.tgz``); whoever
cannot fetch them carries a file by any means.
"""

import csv
import io
import ipaddress
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from probe.clock import Clock
from probe.errors import InputError, StoreError
from probe.schedule.mmdb import AddressRange, mmdb_bytes
from probe.schedule.network import NetworkLookup, open_database
from probe.settings import Settings

__all__ = ["DatabaseKind", "Installed", "database_path", "default_path", "install_database"]

DatabaseKind = Literal["asn", "country"]

_MAX_BYTES = 256 * 1024 * 1024
_MAX_ROWS = 3_000_000
_KNOWN = ("1.1.1.1", "8.8.8.8", "9.9.9.9", "2001:4860:4860::8888")
"""Addresses of public resolvers: a database that knows none of them is of no use."""


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """What was put in place."""

    path: str
    kind: DatabaseKind
    source: str  # the file inside the package, or the file itself
    built_epoch: int


def default_path(store: Path, kind: DatabaseKind) -> Path:
    """Return where an installed database lies: beside the store."""
    return store.with_name(f"{kind}.mmdb")


def database_path(settings: Settings, kind: DatabaseKind) -> Path | None:
    """Return the database that the settings name, else an installed one, else ``None``."""
    named = settings.asn_database if kind == "asn" else settings.country_database
    if named is not None:
        return named
    usual = default_path(settings.store, kind)
    return usual if usual.exists() else None


def install_database(
    source: Path, kind: DatabaseKind, destination: Path, *, clock: Clock
) -> Installed:
    """Check ``source`` (``.mmdb``, ``.csv`` or a ``.tgz`` package of them) and put it in place.

    A CSV has the columns first address, last address, then AS number and name, or country.

    Raises:
        InputError: the file is no such database, or too large.
        StoreError: it cannot be written.

    """
    members = list(_members(source, kind))
    if not members:
        raise InputError(f"no {kind} database in it (.mmdb or .csv)", file=str(source))
    name, raw = members[0]
    if not name.endswith(".mmdb"):
        raw = _from_csv(members, kind, int(clock.now().timestamp()))
        name = ", ".join(member for member, _ in members)
    built = _put(raw, kind, destination, source)
    return Installed(path=str(destination), kind=kind, source=name, built_epoch=built)


def _members(source: Path, kind: DatabaseKind) -> Iterator[tuple[str, bytes]]:
    """Yield the database files: the one ``.mmdb`` of both families first, else all CSVs."""
    try:
        if source.stat().st_size > _MAX_BYTES:
            raise InputError("larger than 256 MB", file=str(source))
        if source.suffix in (".tgz", ".gz", ".tar"):
            yield from _package_members(source, kind)
        else:
            yield source.name, source.read_bytes()
    except (OSError, tarfile.TarError, EOFError) as exc:
        raise InputError(f"cannot be read: {_why(exc)}", file=str(source)) from exc


def _why(exc: Exception) -> str:
    """Return the reason in words, without the number and the path that it repeats."""
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc) or "it is broken off"


def _package_members(source: Path, kind: DatabaseKind) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(source) as package:
        files = [m for m in package.getmembers() if m.isfile() and kind in Path(m.name).name]
        whole = [m for m in files if m.name.endswith(".mmdb") and "-ipv" not in m.name]
        tables = [m for m in files if m.name.endswith(".csv") and "-num" not in m.name]
        for member in whole[:1] or tables[:4]:
            file = package.extractfile(member)
            if file is None or member.size > _MAX_BYTES:
                raise InputError(f"{member.name} is larger than 256 MB", file=str(source))
            yield Path(member.name).name, file.read(_MAX_BYTES)


def _from_csv(members: list[tuple[str, bytes]], kind: DatabaseKind, now_epoch: int) -> bytes:
    ranges: list[AddressRange] = []
    for name, raw in members:
        ranges.extend(_rows(name, raw, kind))
        if len(ranges) > _MAX_ROWS:
            raise InputError(f"more than {_MAX_ROWS} ranges", file=name)
    return mmdb_bytes(_disjoint(ranges), kind=f"probe-{kind}", built_epoch=now_epoch)


def _disjoint(ranges: list[AddressRange]) -> list[AddressRange]:
    """Return sorted ranges without overlaps; where two overlap, the one that starts later wins.

    The published data do overlap in places (two announcements of one block).
    """
    pieces: list[AddressRange] = []
    over: list[AddressRange] = []  # ranges that are open at the cursor, innermost last
    cursor = 0

    def close(until: int) -> None:
        """Write what lies between the cursor and ``until``."""
        nonlocal cursor
        while over and cursor < until:
            end = min(over[-1].last, until - 1)
            if end >= cursor:
                pieces.append(AddressRange(cursor, end, over[-1].data))
                cursor = end + 1
            if over[-1].last <= end or over[-1].last < cursor:
                over.pop()

    for item in sorted(ranges, key=lambda item: (item.first, -item.last)):
        close(item.first)
        cursor = item.first
        over.append(item)
    close(1 << 129)
    return pieces


def _rows(name: str, raw: bytes, kind: DatabaseKind) -> Iterator[AddressRange]:
    """Yield one CSV's ranges; both ends must be addresses of one family."""
    data: dict[tuple[str, ...], dict[str, str | int]] = {}
    try:
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
        for number, row in enumerate(csv.reader(text), start=1):
            try:
                first, last = (ipaddress.ip_address(cell) for cell in row[:2])
                key = tuple(row[2:4])
                if key not in data:
                    data[key] = _row_data(row, kind)
            except (ValueError, IndexError) as exc:
                raise InputError(
                    f"not a range of addresses with its {kind}", file=name, line=number
                ) from exc
            if first.version != last.version or int(first) > int(last):
                raise InputError("the two ends make no range", file=name, line=number)
            yield AddressRange(int(first), int(last), data[key])
    except (UnicodeDecodeError, csv.Error) as exc:
        raise InputError("not a CSV in UTF-8", file=name) from exc


def _row_data(row: list[str], kind: DatabaseKind) -> dict[str, str | int]:
    if kind == "country":
        code = row[2].upper()
        if len(code) != 2 or not (code.isascii() and code.isalpha()):
            raise ValueError(code)
        return {"country_code": code}
    number = int(row[2])
    if not 0 <= number < 1 << 32:
        raise ValueError(number)
    name = row[3] if len(row) > 3 else ""
    return {"autonomous_system_number": number, "autonomous_system_organization": name}


def _put(raw: bytes, kind: DatabaseKind, destination: Path, source: Path) -> int:
    """Write beside the destination, check by reading, then put it in place in one step."""
    try:
        destination.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            dir=destination.parent, prefix=f"{destination.name}.", suffix=".part"
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            built = _checked(Path(temporary), kind, source)
            Path(temporary).replace(destination)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{destination}: cannot be written: {exc.strerror}") from exc
    return built


def _checked(path: Path, kind: DatabaseKind, source: Path) -> int:
    """Return when it was built.

    Raises:
        InputError: it is no database, or has no such field for any well-known address.

    """
    try:
        reader = open_database(path)
    except InputError as exc:
        raise InputError("not a MaxMind DB file", file=str(source)) from exc
    built = int(reader.metadata().build_epoch)
    reader.close()
    with NetworkLookup(path, None) as lookup:
        seen = [lookup.seen(address) for address in _KNOWN]
    if not any(item.asn if kind == "asn" else item.country for item in seen):
        raise InputError(f"it says no {kind} for any well-known address", file=str(source))
    return built
