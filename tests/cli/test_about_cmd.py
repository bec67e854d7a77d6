"""``probe about``: licences for people, a bill of materials for machines."""

import json
from pathlib import Path
from typing import Any

import pytest
from own_machine import Machine, machine

from probe import __version__
from probe.cli.about import installed, licence


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return the command line on a machine of its own."""
    return machine(tmp_path, monkeypatch, capsys)


def test_every_dependency_is_listed_with_a_licence(probe: Machine) -> None:
    """All that pyproject asks for, and what that needs, stands there with its licence."""
    found = installed("probe")
    names = set(found)
    assert {"sqlmodel", "sqlalchemy", "httpx", "h2", "cryptography", "cffi", "tzdata"} <= names
    assert not {"pytest", "ruff", "scapy", "hypothesis"} & names  # not what it runs on
    assert [name for name, one in found.items() if licence(one) is None] == []
    done = probe("about")
    assert done.code == 0
    assert __version__ in done.err
    assert "SQLAlchemy" in done.out


def test_the_bill_of_materials_is_whole(probe: Machine) -> None:
    """Each reference is defined once, each dependency leads to a component, and it is stable."""
    done = probe("about", "-o", "json")
    bill: dict[str, Any] = json.loads(done.out)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"], root["type"]) == ("probe", __version__, "application")
    references = [root["bom-ref"], *(one["bom-ref"] for one in bill["components"])]
    assert len(set(references)) == len(references)
    edges = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert set(edges) == set(references)
    assert {target for targets in edges.values() for target in targets} <= set(references)
    reached, waiting = set(), [root["bom-ref"]]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting.extend(edges[reference])
    assert reached == set(references)
    assert probe("about", "-o", "json").out == done.out


@pytest.mark.slow
def test_the_bill_fits_the_schema(probe: Machine) -> None:
    """It is valid against CycloneDX's own schema.

    Its validator takes seconds to import: only this test waits for it.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bill = probe("about", "-o", "json").out
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(bill) is None


def test_csv_for_a_spreadsheet(probe: Machine) -> None:
    """The list is a table for other programs too."""
    lines = probe("about", "-o", "csv").out.splitlines()
    assert lines[0] == "name,version,licence"
    assert len(lines) > 20
