"""The JSON Schema for editors: in step with the model, and true of every packaged file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from probe.targets.document import parse_document, plain
from probe.targets.schema import catalog_schema, schema_text
from probe.targets.sources import catalog_files, packaged_folder

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

FOLDER = Path(str(packaged_folder()))
FILES = [Path(str(source)) for source in catalog_files(packaged_folder())]


def test_the_packaged_schema_is_up_to_date() -> None:
    """Run ``probe targets schema > targets/schema.json`` after changing the format."""
    assert (FOLDER / "schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_names_its_schema_and_its_category(path: Path) -> None:
    """Editors find the schema by the first line; the file's name is the category."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=schema.json"
    assert f"category: {path.stem}" in lines


def checked_schema() -> "Validator":
    """Return the schema, checked to be JSON Schema 2020-12.

    ``jsonschema`` takes seconds to import: the one test that uses it is among the slow ones.
    """
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(catalog_schema())
    return Draft202012Validator(catalog_schema())


@pytest.mark.slow
def test_the_schema_takes_what_the_loader_takes_and_refuses_what_it_refuses() -> None:
    """All packaged files fit; an unknown field and an unknown kind do not."""
    validator = checked_schema()
    assert json.loads(schema_text()) == catalog_schema()
    for path in FILES:
        value = plain(parse_document(path.read_bytes(), str(path)))
        assert list(validator.iter_errors(value)) == [], path.name
    entry = {"kind": "http", "host": "a.example.com", "tls": True}
    file: dict[str, Any] = {
        "category": "messaging",
        "checked_on": "2026-11-21",
        "services": [{"id": "a", "name": "A", "endpoints": [entry]}],
    }
    assert validator.is_valid(file)
    for wrong in ({**entry, "hots": "x"}, {**entry, "kind": "htp"}, {"kind": "http"}):
        file["services"] = [{"id": "a", "name": "A", "endpoints": [wrong]}]
        assert not validator.is_valid(file)
