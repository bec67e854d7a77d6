"""The data dictionary: a Frictionless Data Package beside the files of an export.

It says what each column means, which question to which store made the rows, by which versions,
what was taken out for publishing, and the SHA-256 of every file (Data Package 1.0, Table
Schema 1.0).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from probe import __version__
from probe.export.publish import Removed
from probe.export.table import Table

__all__ = ["Making", "describe", "file_sha256"]

NAME: Final = "datapackage.json"
_MEDIA: Final = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "ooni": "application/x-ndjson",
}
_CHUNK = 1 << 20


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """How an export was made: enough to make it again."""

    created: datetime
    query: dict[str, Any]
    chain_head: str | None
    schema: str
    catalog_digest: str
    rules: dict[str, int]
    removed: tuple[Removed, ...] = ()


def describe(
    folder: Path, table: Table, form: str, files: Sequence[Path], rows: int, making: Making
) -> None:
    """Write ``datapackage.json`` into ``folder``, about ``files`` in it."""
    package = {
        "profile": "tabular-data-package" if form == "csv" else "data-package",
        "name": f"probe-{table.name}",
        "title": table.title,
        "created": making.created.isoformat().replace("+00:00", "Z"),
        "resources": [_resource(folder, table, form, file) for file in files],
        "probe": {
            "version": __version__,
            "rows": rows,
            **msgspec.to_builtins(msgspec.structs.asdict(making)),
        },
    }
    text = json.dumps(package, ensure_ascii=False, indent=2) + "\n"
    (folder / NAME).write_text(text, encoding="utf-8")


def _resource(folder: Path, table: Table, form: str, file: Path) -> Mapping[str, Any]:
    path = file.relative_to(folder).as_posix()
    stem = path.removesuffix(file.suffix).replace("/", "-").replace("=", "-").lower()
    found: dict[str, Any] = {
        "profile": "tabular-data-resource" if form == "csv" else "data-resource",
        "name": stem,
        "path": path,
        "format": file.suffix.lstrip("."),
        "mediatype": _MEDIA[form],
        "bytes": file.stat().st_size,
        "hash": f"sha256:{file_sha256(file)}",
    }
    if form != "parquet":
        found["encoding"] = "utf-8"
    if form == "csv":
        found["dialect"] = {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"'}
    if table.columns:
        found["schema"] = {
            "fields": [
                {"name": c.name, "type": c.type, "description": c.description}
                for c in table.columns
            ],
            "missingValues": [""],
        }
    return found


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            hashed.update(part)
    return hashed.hexdigest()
