"""Write the catalogues of languages again: new texts in, those that went out, and compiled.

``make locales`` runs it. Translations stand in ``src/probe/report/locale/*.po`` and are edited
there; what is compiled beside them is what runs.
"""

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "probe"
LOCALE = SOURCE / "report" / "locale"
CODES = ("fa", "ar", "es", "ru", "fr")
KEYWORDS = {"_": None, "N_": None, "h_": None, "n_": (1, 2), "NN_": (1, 2)}
_UNSTEADY = tuple(
    f'"{name}'.encode()
    for name in (
        *("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Report-Msgid-Bugs-To"),
        *("Last-Translator", "Language-Team"),
    )
)
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
"""A date of the header, so that what is compiled is the same each time."""

METHODS = [
    ("report/**.py", "python"),
    ("web/**.py", "python"),
    ("report/templates/**.j2", "jinja2.ext:babel_extract"),
    ("web/templates/**.j2", "jinja2.ext:babel_extract"),
]


def template() -> Catalog:
    """Return every text of the code and of the templates, without the lines they stand in."""
    found = Catalog(project="probe", charset="utf-8", fuzzy=False)
    texts = extract_from_dir(
        SOURCE, METHODS, options_map={"**.j2": {"trimmed": "true"}}, keywords=KEYWORDS
    )
    for name, _line, message, _comments, _context in sorted(texts, key=lambda one: one[:2]):
        found.add(message, locations=[(name, 0)])
    return found


def updated(code: str, texts: Catalog) -> Catalog:
    """Return the catalogue of a language with these texts, translated as far as it was."""
    path = LOCALE / code / "LC_MESSAGES" / "probe.po"
    held = read_po(BytesIO(path.read_bytes()), locale=code) if path.exists() else Catalog(code)
    held.update(texts, no_fuzzy_matching=True)
    held.project, held.version = "probe", ""
    held.obsolete.clear()
    return held


def written(catalog: Catalog) -> tuple[bytes, bytes]:
    """Return a catalogue as text and as compiled; the same bytes each time."""
    catalog.fuzzy = False
    catalog.creation_date = catalog.revision_date = _ALWAYS
    catalog.header_comment = "# Translations of probe. MIT licence."
    po, mo = BytesIO(), BytesIO()
    write_po(po, catalog, width=100, no_location=True, sort_output=True, omit_header=False)
    write_mo(mo, catalog)
    text = b"\n".join(line for line in po.getvalue().split(b"\n") if not line.startswith(_UNSTEADY))
    return text, mo.getvalue()


def main() -> int:
    """Write all of them; return 1 when a text has no translation."""
    texts = template()
    missing = 0
    for code in CODES:
        catalog = updated(code, texts)
        folder = LOCALE / code / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        text = written(catalog)[0]
        (folder / "probe.po").write_bytes(text)
        # compiled from the text, so that dates of a header never differ
        (folder / "probe.mo").write_bytes(written(read_po(BytesIO(text), locale=code))[1])
        untold = [m.id for m in catalog if m.id and (m.fuzzy or not all(_strings(m.string)))]
        missing += len(untold)
        sys.stdout.write(f"{code}: {len(catalog)} texts, {len(untold)} not translated\n")
    return 1 if missing else 0


def _strings(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


if __name__ == "__main__":
    sys.exit(main())
