"""Where target files are found, and reading them without trusting their size or kind."""

import stat
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import probe
from probe.errors import CatalogError
from probe.targets.document import MAX_BYTES

__all__ = [
    "COUNTRIES",
    "FINGERPRINTS",
    "LISTINGS",
    "catalog_files",
    "packaged_folder",
    "read_bounded",
]

FINGERPRINTS = "fingerprints.yaml"
COUNTRIES = "countries.yaml"
LISTINGS = "listings.yaml"
OTHERS = (FINGERPRINTS, COUNTRIES, LISTINGS)
"""Files of a folder that are no target files."""

MAX_FILES = 200


def packaged_folder() -> Traversable:
    """Return the catalog that comes with probe: a checkout's own, else the wheel's copy."""
    source = Path(probe.__file__).resolve().parents[1]
    folder = source.parent / "targets"
    if source.name == "src" and folder.is_dir() and (source.parent / "pyproject.toml").is_file():
        return folder
    return files("probe") / "_catalog"


def catalog_files(source: Traversable) -> list[Traversable]:
    """Return the target files in a folder (or the one file given), by name.

    Raises:
        CatalogError: nothing is there, or far too much.

    """
    if not source.is_dir():
        return [source]
    found = sorted(_target_files(source), key=lambda entry: entry.name)
    if not found:
        raise CatalogError(
            "no target files", file=str(source), mend="name a folder with .yaml files"
        )
    if len(found) > MAX_FILES:
        raise CatalogError(
            f"more than {MAX_FILES} target files", file=str(source), mend="name a smaller folder"
        )
    return found


def _target_files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        name = entry.name
        if name.endswith((".yaml", ".yml")) and name not in OTHERS:
            yield entry


def read_bounded(source: Traversable) -> bytes:
    """Return a file's bytes, one more than the limit at most.

    Raises:
        CatalogError: no such file, not a regular file, or not readable.

    """
    try:
        if isinstance(source, Path) and not stat.S_ISREG(source.stat().st_mode):
            raise CatalogError("not a regular file", file=str(source), mend="name a file")
        with source.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "cannot be read"
        raise CatalogError(reason.lower(), file=str(source), mend="check the path") from exc
