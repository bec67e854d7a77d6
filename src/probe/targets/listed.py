"""Files that are one list of values: the fingerprints and the countries."""

from collections.abc import Callable, Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from probe.errors import CatalogError
from probe.model.fingerprint import Fingerprint
from probe.targets.convert import convert, split
from probe.targets.countries import CountriesHead, CountryRules, country_problems
from probe.targets.document import parse_document
from probe.targets.marks import FingerprintsHead, mark_problems
from probe.targets.reader import located
from probe.targets.rules import Problem
from probe.targets.sources import read_bounded

__all__ = ["Listed", "read_countries", "read_fingerprints"]

T = TypeVar("T")
Listed = tuple[tuple[T, ...], list[CatalogError]]
"""The values that are right, and everything that is wrong with the others."""


def read_fingerprints(source: Traversable) -> Listed[Fingerprint]:
    """Return the fingerprints of a file, and its problems; never raises for its content."""
    return _read(source, "fingerprints", FingerprintsHead, Fingerprint, "id", mark_problems)


def read_countries(source: Traversable) -> Listed[CountryRules]:
    """Return the country rules of a file, and its problems; never raises for its content."""
    return _read(source, "countries", CountriesHead, CountryRules, "country", country_problems)


def _read(
    source: Traversable,
    field: str,
    head: type[Any],
    kind: type[T],
    key: str,
    check: Callable[[T, Mapping[str, T]], Iterable[Problem]],
) -> Listed[T]:
    file = str(source)
    problems: list[CatalogError] = []
    found: dict[str, T] = {}
    try:
        nodes, rest = split(parse_document(read_bounded(source), file), field, file)
        convert(rest, head, file)
    except CatalogError as error:
        return (), [error]
    for index, node in enumerate(nodes):
        path = (field, index)
        try:
            value = convert(node, kind, file, path)
        except CatalogError as error:
            problems.append(error)
            continue
        wrong = [located(problem, node, file, path) for problem in check(value, found)]
        problems += wrong
        if not wrong:
            found[getattr(value, key)] = value
    return tuple(found.values()), problems
