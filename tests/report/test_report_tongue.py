"""Languages: every text is translated, keeps its places, and is written as people there write."""

import importlib.util
import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from babel.messages.pofile import read_po
from languages import one_fast

from probe.errors import InputError
from probe.report import mechanisms, phrases, words
from probe.report.data import LINE_SUBJECT, FindingKind, Mark, ReportData
from probe.report.html import render
from probe.report.summary import headlines
from probe.report.tongue import LANGUAGES, _, digits, language, n_, num, speaking

OTHERS = [code for code in LANGUAGES if code != "en"]
PLACE = re.compile(r"{(\w+)}")
TAG = re.compile(r"</?\w+[^>]*>")


def _locales() -> ModuleType:
    path = Path(__file__).parents[2] / "docs" / "locales.py"
    spec = importlib.util.spec_from_file_location("locales_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def locales() -> Any:
    """Return the script that writes the catalogues."""
    return _locales()


@pytest.fixture(scope="module")
def texts(locales: Any) -> Any:
    """Return the texts that are in the code now."""
    return locales.template()


def _catalogue(locales: Any, code: str) -> Any:
    path = locales.LOCALE / code / "LC_MESSAGES" / "probe.po"
    return read_po(BytesIO(path.read_bytes()), locale=code)


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated(locales: Any, texts: Any, code: str) -> None:
    """No text of the code is missing, empty or doubtful, in any of its plural forms."""
    held = _catalogue(locales, code)
    for message in texts:
        if message.id:
            found = held.get(message.id)
            assert found is not None, message.id
            assert not found.fuzzy, message.id
            assert all(locales._strings(found.string)), message.id
    assert len(held) == len(texts), "run: make locales"


@pytest.mark.parametrize("code", OTHERS)
def test_translations_keep_their_places_and_marks(locales: Any, code: str) -> None:
    """The same ``{names}`` stand in them, no others, and the same tags."""
    for message in _catalogue(locales, code):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        wanted = set(PLACE.findall("".join(ids)))
        for said in locales._strings(message.string):
            places = set(PLACE.findall(said))
            assert places <= wanted, message.id
            assert wanted - places <= {"count"}, message.id
            assert sorted(TAG.findall(said)) == sorted(TAG.findall(ids[-1])), message.id


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_compiled_is_what_is_written(locales: Any, code: str) -> None:
    """The compiled catalogue, which runs, was made of the one that people edit."""
    import gettext

    compiled = gettext.translation("probe", locales.LOCALE, [code])
    for message in _catalogue(locales, code):
        if isinstance(message.id, str) and message.id:
            assert compiled.gettext(message.id) == message.string, "run: make locales"
        elif message.id:
            said = {compiled.ngettext(message.id[0], message.id[1], count) for count in range(130)}
            assert said == set(message.string), "run: make locales"


@pytest.mark.parametrize("code", one_fast())
def test_the_report_speaks_it(fortnight: ReportData, code: str) -> None:
    """Language and direction are said; no English sentence of ours is left; hosts do not turn."""
    page = render(fortnight, code)
    assert f'<html lang="{code}" dir="{LANGUAGES[code].direction}">' in page
    if code == "en":
        return
    for text in ("What was found", "Looked, and", "cut by the network", "The line first."):
        assert text not in page
    for box in re.findall(r'<div class="chart-box[^>]*>', page):
        assert 'dir="ltr"' in box


@pytest.mark.parametrize("code", OTHERS)
def test_headlines_are_whole_sentences_of_the_language(fortnight: ReportData, code: str) -> None:
    """Nothing of the English ones is left in them but names."""
    english = {line.text for line in headlines(fortnight)}
    with speaking(code):
        said = headlines(fortnight)
    assert len(said) == len(english)
    assert english.isdisjoint(line.text for line in said)
    for line in said:
        for word in (" was ", " were ", " from ", " the ", " on "):
            assert word not in line.text, line.text


def test_digits_are_the_languages_own_in_prose_only() -> None:
    """Persian and Arabic have their own; what is compared by machines keeps ours."""
    with speaking("fa"):
        assert digits("2026, 16:00") == "۲۰۲۶, ۱۶:۰۰"
        assert num(3.14159, ".2f") == "۳.۱۴"
        assert (
            phrases.moment(datetime(2026, 5, 5, 16, 0, tzinfo=UTC), "UTC") == "سه‌شنبه ۵ مه، ۱۶:۰۰"
        )
        assert phrases.offset(datetime(2026, 5, 5, tzinfo=UTC), "Asia/Tehran") == "UTC+03:30"
    with speaking("ar"):
        assert digits("09") == "٠٩"
    assert digits("09") == "09"


@pytest.mark.parametrize(
    ("code", "count", "said"),
    [
        *(("ru", 1, "1 день"), ("ru", 3, "3 дня"), ("ru", 11, "11 дней"), ("ru", 21, "21 день")),
        *(("ar", 2, "يومين"), ("ar", 3, "٣ أيام"), ("ar", 14, "١٤ يومًا"), ("ar", 100, "١٠٠ يوم")),
        *(("fr", 0, "0 jour"), ("fr", 2, "2 jours"), ("es", 1, "1 día"), ("fa", 5, "۵ روز")),
    ],
)
def test_plurals_follow_the_language(code: str, count: int, said: str) -> None:
    """Two forms do not do for Russian and Arabic."""
    with speaking(code):
        assert n_("{count} day", "{count} days", count) == said


def test_the_language_holds_inside_its_block_only() -> None:
    """Blocks nest, and an unknown one is refused by name."""
    with speaking("ru"):
        with speaking("es"):
            assert language().code == "es"
        assert _("Works") == "Работает"
        with pytest.raises(InputError, match="--lang"), speaking("tlh"):
            pass
    assert _("Works") == "Works"
    assert _("") == ""


def test_tables_of_words_speak_too() -> None:
    """Marks, findings and mechanisms follow the language; their keys and letters do not."""
    with speaking("fr"):
        assert words.FINDING[FindingKind.BLOCKED] == "Bloqué"
        assert words.MARKS[Mark.CUT][:2] == ("C", "coupé par le réseau")
        assert mechanisms.how("tls.reset.sni").startswith("les connexions")
        assert words.CATEGORIES.get("nobody", "nobody") == "nobody"
        assert phrases.subject_name(LINE_SUBJECT) == "cette ligne"
        assert phrases.network_name("a fixed line (B)") == "une ligne fixe (B)"
        assert phrases.network_name("AS64500/mobile") == "AS64500/mobile"
    assert words.FINDING.english()[FindingKind.BLOCKED] == "Blocked"
