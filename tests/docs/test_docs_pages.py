"""The documents cannot rot: what exists is described, and what is described exists."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(TOP / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
        TOP / "deploy" / "README.md",
        TOP / "results" / "README.md",
        TOP / "targets" / "README.md",
    ]
)


def generator() -> ModuleType:
    """Return docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "rules.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    """``make docs`` was run after the last change of commands, options, rules or failures."""
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == generator().pages()[name], "run: make docs"


def test_every_command_and_option_is_described() -> None:
    """Each command has a sentence, and each of its options has one too."""
    from probe.cli.main import COMMANDS

    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"## probe {name}\n" in text
    sections = re.split(r"^#{2,3} ", text, flags=re.MULTILINE)[1:]
    for section in sections:
        title, _, rest = section.partition("\n")
        assert rest.strip().split("\n", 1)[0].strip("`"), f"{title} says nothing of itself"
        for row in re.findall(r"^\| (`.*)$", rest, re.MULTILINE):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
            assert cells[1], f"{title}: {cells[0]} is not described"


def test_every_rule_and_failure_is_described() -> None:
    """Each rule has its own heading, its sentence and what could fool it; each failure is named."""
    from probe.analysis.rules import RULES
    from probe.model.failure import FAILURES

    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    for rule in RULES:
        part = text.split(f"## {rule.id}\n", 1)[1].split("\n## ", 1)[0]
        assert "*What could fool it:* " in part
    for failure in FAILURES:
        assert f"`{failure}`" in text


def dependencies() -> set[str]:
    """Return the names of all dependencies in pyproject.toml, lower case."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    lists = [
        project["project"]["dependencies"],
        *project["project"].get("optional-dependencies", {}).values(),
        *project.get("dependency-groups", {}).values(),
    ]
    names = (re.match(r"[A-Za-z0-9_.-]+", line) for one in lists for line in one)
    return {name.group(0).lower() for name in names if name}


def test_every_dependency_has_its_sentence() -> None:
    """Neither a dependency without a reason, nor a reason without a dependency."""
    text = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- (\*\*.+?)(?:: | \(extra)", text, re.MULTILINE)
    told = {name.lower() for entry in entries for name in re.findall(r"\*\*(.+?)\*\*", entry)}
    assert told == dependencies()


def test_the_formats_page_names_every_table_and_column() -> None:
    """Each table of the store, each column of a timeline CSV, each field of events and settings."""
    import msgspec

    from probe.ingest.timeline_csv import COLUMNS
    from probe.model.event import Event, Window
    from probe.settings import Settings
    from probe.store.rows import METADATA

    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    names = [*METADATA.tables, *COLUMNS]
    names += [
        field.name for kind in (Event, Window, Settings) for field in msgspec.structs.fields(kind)
    ]
    hidden = {
        "origins",
        "bad_share",
        "shoulder_share",
        "control_share",
        "start_censored",
        "end_censored",
    }
    missing = [name for name in names if f"`{name}`" not in text and name not in hidden]
    assert missing == []


def test_the_glossary_has_every_state_locus_and_signal() -> None:
    """The closed lists are closed in the glossary too."""
    from probe.model.target import Plan
    from probe.model.timeline import Signal
    from probe.model.verdict import Confidence, Locus, State

    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for kind in (State, Locus, Confidence, Signal, Plan):
        for member in kind:
            assert f"`{member.value}`" in text, member


def test_the_methodology_names_every_gate() -> None:
    """A gate that nobody can read about is a gap without a reason."""
    from probe.model.context import GateId

    text = (DOCS / "methodology.md").read_text(encoding="utf-8")
    for gate in GateId:
        assert f"`{gate.value}`" in text


def test_the_readme_opens_with_the_two_commands() -> None:
    """``make demo`` and ``make test`` stand before everything else, and the risks before use."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    first = text.split("```")[1]
    assert [line.split("#")[0].strip() for line in first.splitlines()[1:] if line] == [
        "make demo",
        "make test",
    ]
    assert text.index("can see that you do this") < text.index("probe run")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of this repository leads to one."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", link):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_commands_in_documents_exist(page: Path) -> None:
    """A ``probe`` or ``make`` command in a code block names what exists."""
    from probe.cli.main import COMMANDS

    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE))
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        for command in re.findall(r"^\s*(?:as_)?probe ([a-z-]+)", block, re.MULTILINE):
            assert command in COMMANDS, command
        for line in re.findall(r"^make ([^#\n]+)", block, re.MULTILINE):
            assert set(line.split()) <= targets, line
