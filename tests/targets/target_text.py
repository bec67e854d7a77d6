"""Small target files for the tests, as a person would write them."""

from pathlib import Path

from probe.errors import CatalogError
from probe.model.target import Catalog
from probe.targets.load import load_catalog, read_catalog

HEAD = "category: messaging\nchecked_on: 2026-11-21\nservices:\n"


def service(endpoints: str, *, head: str = HEAD, id_: str = "chat", extra: str = "") -> str:
    """Return a file with one service; ``endpoints`` are flow mappings, one a line."""
    lines = "".join(f"      - {line}\n" for line in endpoints.strip().splitlines())
    return (
        f"{head}  - id: {id_}\n    name: Chat\n    source: a/b@c:d\n{extra}    endpoints:\n{lines}"
    )


def written(folder: Path, text: str | bytes, name: str = "own.yaml") -> Path:
    """Write a target file and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(folder: Path, text: str | bytes) -> CatalogError:
    """Return the first problem of an untrusted file; fail when there is none."""
    found = outcome(written(folder, text))
    assert isinstance(found, CatalogError), "the file was accepted"
    return found


def outcome(path: Path) -> Catalog | CatalogError:
    """Return what loading gives: a catalog or a refusal; anything else is a bug and is raised."""
    try:
        return load_catalog(path)
    except CatalogError as error:
        return error


def problems(folder: Path, text: str | bytes, *, trusted: bool = False) -> list[CatalogError]:
    """Return every problem of a file."""
    return read_catalog(written(folder, text), trusted=trusted)[1]
