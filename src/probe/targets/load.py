"""Target files to values: the catalog, the fingerprints, the country rules."""

import hashlib
from functools import cache
from pathlib import Path
from typing import TypeVar

from probe.errors import CatalogError
from probe.model.codec import encode
from probe.model.fingerprint import Fingerprint
from probe.model.target import Catalog
from probe.targets.countries import CountryRules
from probe.targets.listed import Listed, read_countries, read_fingerprints
from probe.targets.reader import Reader
from probe.targets.sources import (
    COUNTRIES,
    FINGERPRINTS,
    LISTINGS,
    catalog_files,
    packaged_folder,
)
from probe.targets.untrusted import KnownHosts

__all__ = [
    "load_catalog",
    "load_countries",
    "load_country_rules",
    "load_fingerprints",
    "read_catalog",
]


T = TypeVar("T")


def load_catalog(path: Path | None = None) -> Catalog:
    """Return the packaged catalog, or the file or folder at ``path`` as an untrusted one.

    An untrusted catalog is also given the packaged anchors and the captive-portal check, by which
    the line is judged.

    Raises:
        CatalogError: the first thing that is wrong, with file, line, field and mend.

    """
    if path is None:
        return _packaged()
    catalog, problems = read_catalog(path)
    if catalog is None:
        raise problems[0]
    return catalog


def read_catalog(
    path: Path | None = None, *, trusted: bool = False
) -> tuple[Catalog | None, list[CatalogError]]:
    """Return the catalog and everything that is wrong with it (``None`` when anything is).

    Without ``path`` the packaged one is read. ``trusted`` reads a working copy of the packaged
    catalog as such: only for checking it, never for measuring. Never raises for what is in a file.
    """
    trusted = trusted or path is None
    known = None if trusted else _known()
    reader = Reader(known)
    try:
        found = catalog_files(packaged_folder() if path is None else path)
    except CatalogError as error:
        return None, [error]
    for source in found:
        reader.read(source)
    _read_listings(reader, path, trusted=trusted)
    reader.cross_check()
    if reader.problems:
        return None, reader.problems
    services = tuple(reader.services) + (() if known is None else known.controls)
    digest = hashlib.sha256(encode(services)).hexdigest()
    wholes = tuple(reader.wholes)
    return Catalog(services=services, digest=digest, untrusted=not trusted, wholes=wholes), []


def _read_listings(reader: Reader, path: Path | None, *, trusted: bool) -> None:
    """Read the apps beside the packaged catalog, or in a working copy of it."""
    folder = packaged_folder() if path is None else path
    if trusted and folder.is_dir() and (folder / LISTINGS).is_file():
        reader.read_listings(folder / LISTINGS)


def load_fingerprints(path: Path | None = None) -> tuple[Fingerprint, ...]:
    """Return the packaged fingerprints, or those of the file (or in the folder) at ``path``.

    Raises:
        CatalogError: the file is missing or wrong.

    """
    if path is None:
        return _packaged_fingerprints()
    return _whole(read_fingerprints(path / FINGERPRINTS if path.is_dir() else path))


def load_country_rules(country: str) -> CountryRules | None:
    """Return what is known of a country (ISO 3166 alpha-2), ``None`` when nothing is.

    Raises:
        CatalogError: the packaged file is wrong.

    """
    return next((rules for rules in load_countries() if rules.country == country.upper()), None)


def load_countries(path: Path | None = None) -> tuple[CountryRules, ...]:
    """Return the rules of every country in the packaged file, or in the one at ``path``.

    Raises:
        CatalogError: the file is missing or wrong.

    """
    return _packaged_countries() if path is None else _whole(read_countries(path))


@cache
def _packaged() -> Catalog:
    catalog, problems = read_catalog()
    if catalog is None:
        raise problems[0]
    return catalog


@cache
def _known() -> KnownHosts:
    return KnownHosts(_packaged())


@cache
def _packaged_fingerprints() -> tuple[Fingerprint, ...]:
    return _whole(read_fingerprints(packaged_folder() / FINGERPRINTS))


@cache
def _packaged_countries() -> tuple[CountryRules, ...]:
    return _whole(read_countries(packaged_folder() / COUNTRIES))


def _whole(listed: Listed[T]) -> tuple[T, ...]:
    values, problems = listed
    if problems:
        raise problems[0]
    return values
