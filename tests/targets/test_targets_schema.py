"""The JSON Schema for editors: in step with the model, and true of every packaged file."""

import json
from pathlib import Path

import jsonschema
import pytest

from probe.targets.document import parse_document, plain
from probe.targets.schema import catalog_schema, schema_text
from probe.targets.sources import catalog_files, packaged_folder

FOLDER = Path(str(packaged_folder()))
FILES = [Path(str(source)) for source in catalog_files(packaged_folder())]


def test_the_packaged_schema_is_up_to_date() -> None:
    """Run ``probe targets schema > targets/schema.json`` after changing the format."""
    assert (FOLDER / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema() -> None:
    """Valid JSON Schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(catalog_schema())
    assert json.loads(schema_text()) == catalog_schema()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_packaged_file_fits(path: Path) -> None:
    """What an editor says and what the loader says agree on our own files."""
    value = plain(parse_document(path.read_bytes(), str(path)))
    assert list(jsonschema.Draft202012Validator(catalog_schema()).iter_errors(value)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_names_its_schema_and_its_category(path: Path) -> None:
    """Editors find the schema by the first line; the file's name is the category."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=schema.json"
    assert f"category: {path.stem}" in lines


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    """An unknown field and an unknown kind."""
    validator = jsonschema.Draft202012Validator(catalog_schema())
    entry = {"kind": "http", "host": "a.example.com", "tls": True}
    file = {
        "category": "messaging",
        "checked_on": "2026-11-21",
        "services": [{"id": "a", "name": "A", "endpoints": [entry]}],
    }
    assert validator.is_valid(file)
    for wrong in ({**entry, "hots": "x"}, {**entry, "kind": "htp"}, {"kind": "http"}):
        file["services"] = [{"id": "a", "name": "A", "endpoints": [wrong]}]
        assert not validator.is_valid(file)
