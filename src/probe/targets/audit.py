"""Looking a folder of target files over: everything that is wrong, not only the first thing."""

from importlib.resources.abc import Traversable
from pathlib import Path

from probe.errors import CatalogError
from probe.targets.listed import read_countries, read_fingerprints
from probe.targets.load import read_catalog
from probe.targets.reader import Reader
from probe.targets.sources import COUNTRIES, FINGERPRINTS, LISTINGS, packaged_folder

__all__ = ["audit"]


def audit(path: Path | None = None) -> list[CatalogError]:
    """Return every problem in a file or folder, the packaged catalog without ``path``.

    Files of the packaged catalog are held to its rules; all others are untrusted.
    """
    folder = packaged_folder()
    if path is None:
        return [*read_catalog()[1], *_lists(folder)]
    if path.name == FINGERPRINTS:
        return read_fingerprints(path)[1]
    if path.name == COUNTRIES:
        return read_countries(path)[1]
    if path.name == LISTINGS:
        reader = Reader(None)
        reader.read_listings(path)
        return reader.problems
    problems = read_catalog(path, trusted=_belongs(path, folder))[1]
    return [*problems, *_lists(path)] if path.is_dir() else problems


def _lists(folder: Traversable) -> list[CatalogError]:
    problems: list[CatalogError] = []
    if (folder / FINGERPRINTS).is_file():
        problems += read_fingerprints(folder / FINGERPRINTS)[1]
    if (folder / COUNTRIES).is_file():
        problems += read_countries(folder / COUNTRIES)[1]
    return problems


def _belongs(path: Path, folder: Traversable) -> bool:
    return isinstance(folder, Path) and path.resolve().is_relative_to(folder.resolve())
