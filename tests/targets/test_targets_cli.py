"""``probe targets``: what is printed, and with which exit code."""

import csv
import io
import json
from pathlib import Path

import pytest
from target_text import service, written
from typer.testing import CliRunner

from probe.cli.targets import app
from probe.errors import CatalogError, InputError
from probe.targets.schema import schema_text

ENTRY = "{kind: http, host: a.example.com, tls: true}"


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def rows(*words: str) -> list[dict[str, object]]:
    found = json.loads(run(*words, "--output", "json"))
    assert isinstance(found, list)
    return found


def test_list_filters_by_every_option() -> None:
    """Category, service, country, plan and risk narrow the list; --all shows what is off too."""
    assert len(rows("list", "--all")) == 944
    assert all(not row["off"] for row in rows("list", "--plan", "all"))
    assert {row["category"] for row in rows("list", "--category", "vpn")} == {"vpn"}
    assert {row["service"] for row in rows("list", "--service", "signal")} == {"signal"}
    countries = {row["country"] for row in rows("list", "--country", "ir", "--plan", "all")}
    assert countries == {None, "IR"}
    assert {row["plan"] for row in rows("list", "--plan", "core")} == {"core"}
    assert {row["plan"] for row in rows("list")} == {"core", "default"}
    assert {row["risk"] for row in rows("list", "--risk", "high")} == {"high"}


def test_a_country_that_is_none_is_refused() -> None:
    """A misspelt country would leave out every domestic control in silence."""
    with pytest.raises(InputError, match="there is no country 'Iran'"):
        run("list", "--country", "Iran")


def test_list_in_other_forms() -> None:
    """CSV and JSON lines carry every field, and the table names what it counts."""
    text = run("list", "--service", "signal", "--output", "csv")
    table = list(csv.DictReader(io.StringIO(text)))
    assert {"id", "kind", "host", "source"} <= set(table[0])
    lines = run("list", "--service", "signal", "--output", "jsonl").splitlines()
    assert len(lines) == len(table)
    result = CliRunner().invoke(app, ["list", "--service", "signal"], catch_exceptions=False)
    assert "endpoints of 1 services" in result.stderr


def test_show_a_service_and_an_endpoint() -> None:
    """By id; an endpoint with all its fields."""
    assert "2025-05-05" in CliRunner().invoke(app, ["show", "skype"]).stderr
    shown = rows("show", "signal")
    one = rows("show", str(shown[0]["id"]))
    assert one == [shown[0]]
    assert "chat.signal.org" in run("show", str(shown[0]["id"]))


@pytest.mark.parametrize("command", [["show", "whatsap"], ["list", "--service", "whatsap"]])
def test_an_unknown_name_is_an_input_error(command: list[str]) -> None:
    """With what may have been meant."""
    with pytest.raises(InputError, match="whatsapp"):
        run(*command)


def test_check_of_the_packaged_catalog_is_clean() -> None:
    """All files: the catalog, the fingerprints and the countries."""
    assert run("check") == ""


def test_check_names_every_problem(tmp_path: Path) -> None:
    """file:line: field: problem (mend), one a line, exit code 2."""
    path = written(tmp_path, service(ENTRY.replace("http", "htp") + "\n" + ENTRY.replace("a.", "")))
    path.write_text(path.read_text().replace("example.com, tls: true}", "localhost, tls: true}"))
    text = run("check", str(path), code=2)
    lines = text.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}:8: services[0].endpoints[0].kind: ")
    assert lines[1].startswith(f"{path}:9: services[0].endpoints[1].host: ")
    assert all(line.endswith(")") for line in lines)
    found = json.loads(CliRunner().invoke(app, ["check", str(path), "--output", "json"]).stdout)
    assert [row["line"] for row in found] == [8, 9]


def test_check_takes_lists_folders_and_several_paths(tmp_path: Path) -> None:
    """A folder's fingerprints and countries are checked with it, or by themselves."""
    good = written(tmp_path, service(ENTRY))
    assert run("check", str(good)) == ""
    marks = written(tmp_path, "checked_on: 2026-01-01\nfingerprints: []\n", "fingerprints.yaml")
    lands = written(tmp_path, "countries: []\n", "countries.yaml")
    for words, count in [
        ([str(tmp_path)], 2),
        ([str(marks)], 1),
        ([str(lands)], 1),
        ([str(marks), str(lands), str(good)], 2),
    ]:
        assert len(run("check", *words, code=2).splitlines()) == count


def test_check_holds_the_packaged_files_to_their_own_rules(tmp_path: Path) -> None:
    """The catalog's own folder is trusted to hold anchors; a copy elsewhere is not."""
    from probe.targets.sources import packaged_folder

    own = Path(str(packaged_folder()))
    assert run("check", str(own), str(own / "control.yaml")) == ""
    copy = written(tmp_path, (own / "control.yaml").read_bytes())
    assert "packaged" in run("check", str(copy), code=2)


def test_a_hostile_file_cannot_drive_the_terminal(tmp_path: Path) -> None:
    """Escapes in names and values never reach the output."""
    path = written(tmp_path, service('{"\\e]0;x": 1}') + '"\\e[2J": 1\n')
    text = run("check", str(path), code=2)
    assert "\x1b" not in text
    with pytest.raises(CatalogError) as caught:
        run("list", "--catalog", str(path))
    assert str(caught.value).isprintable()


def test_schema_prints_the_schema() -> None:
    """The same text as targets/schema.json."""
    assert run("schema") == schema_text()
