"""Consent: no packet without it, and none beyond it."""

import json
import re
import shutil
import stat
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe import consent
from probe.consent import COVERED, check_answers, give, read_consent, require, withdraw
from probe.errors import ConsentError
from probe.model.target import Category
from probe.report.tongue import LANGUAGES
from probe.targets.defaults import DEFAULT_CATEGORIES

NOW = datetime(2026, 3, 1, 14, 25, 36, 999, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the record of a test lies."""
    return tmp_path / "config" / "consent.json"


def _right() -> list[str]:
    return [question.right for question in consent.policy().questions]


def _give(path: Path, *categories: Category, high_risk: bool = False) -> consent.Consent:
    return give(path, answers=_right(), categories=categories, now=NOW, high_risk=high_risk)


def test_nothing_without_consent(path: Path) -> None:
    """Before a consent, ``require`` refuses even the least."""
    assert read_consent(path) is None
    with pytest.raises(ConsentError, match="no consent was given"):
        require(path, ())


def test_a_given_consent_is_stored_privately(path: Path) -> None:
    """The record has version, hash, time and categories, and is its owner's alone."""
    given = _give(path, Category.TOR, Category.MESSAGING)
    assert json.loads(path.read_text()) == {
        "version": given.version,
        "text_sha256": given.text_sha256,
        "given": "2026-03-01T14:25:36+00:00",
        "categories": ["tor"],
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_consent(path) == given
    assert require(path, [Category.TOR, Category.APP_STORE]) == given
    assert [file.name for file in path.parent.iterdir()] == ["consent.json"]


def test_what_was_not_agreed_to_is_refused(path: Path) -> None:
    """Each category beyond the default needs its own consent."""
    _give(path, Category.TOR)
    for category in Category:
        if category in COVERED or category is Category.TOR:
            assert require(path, [category]).categories == ("tor",)
        else:
            with pytest.raises(ConsentError, match=f"does not cover {category}"):
                require(path, [category])


def test_the_default_profile_is_the_catalogs() -> None:
    """What every consent covers is what is measured without being asked for."""
    assert COVERED == DEFAULT_CATEGORIES


@pytest.mark.parametrize(
    "answers",
    [[], ["b"], ["a", "a"], ["b", "b"], ["c", "a"], ["b", "a", "a"], ["", ""], ["x", "y"]],
)
def test_wrong_answers_give_nothing(path: Path, answers: list[str]) -> None:
    """Only the right answers, all of them and no more, make a consent."""
    assert check_answers(answers)
    with pytest.raises(ConsentError, match="answer is wrong"):
        give(path, answers=answers, categories=(), now=NOW)
    assert not path.exists()


def test_right_answers_may_be_written_loosely() -> None:
    """Capitals and spaces do not make an answer wrong."""
    assert check_answers([f" {letter.upper()} " for letter in _right()]) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"version": "0"},
        {"text_sha256": "0" * 64},
        {"categories": ["tor", "vpn"]},
        {"categories": []},
        {"categories": ["anything"]},
    ],
)
def test_another_text_asks_again(path: Path, change: dict[str, object]) -> None:
    """A record of another version, of other words, or edited by hand, does not count."""
    _give(path, Category.TOR)
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | change))
    with pytest.raises(ConsentError, match="has changed"):
        require(path, ())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[]", b'{"version":1}', b"x" * 100_000])
def test_a_broken_record_is_no_consent(path: Path, data: bytes) -> None:
    """A damaged record refuses with what to do."""
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ConsentError, match="probe consent give"):
        require(path, ())


def test_high_risk_keeps_version_hash_and_day(path: Path) -> None:
    """In the high-risk profile no time and no category is written, and the consent still works."""
    given = _give(path, Category.TOR, Category.NEWS, high_risk=True)
    record = json.loads(path.read_text())
    assert set(record) == {"version", "text_sha256", "given"}
    assert record["given"] == "2026-03-01"
    assert b"tor" not in path.read_bytes()
    assert read_consent(path) == given
    assert require(path, [Category.TOR, Category.NEWS]).categories == ("news", "tor")
    with pytest.raises(ConsentError, match="does not cover vpn"):
        require(path, [Category.VPN])


def test_withdrawing_ends_it(path: Path) -> None:
    """After withdrawing nothing is allowed; withdrawing twice is no error."""
    _give(path)
    assert withdraw(path) is True
    assert not path.exists()
    assert withdraw(path) is False
    with pytest.raises(ConsentError):
        require(path, ())


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A record that cannot be written is an error of consent, not a traceback."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConsentError, match="cannot be written"):
        _give(tmp_path / "file" / "consent.json")


def test_the_text_says_what_it_must() -> None:
    """The risks that peers tell their volunteers are all in the text."""
    text = consent.shown_text().lower()
    for words in (
        "internet provider",
        "against the law",
        "searched",
        "can be noticed in itself",
        "nothing is uploaded",
        "not a privacy tool",
        "lawyer",
        "30 days",
        "300 mb a month",
        "--dry-run",
        "withdraw",
    ):
        assert words in text, words


def test_each_opt_in_has_its_warning() -> None:
    """A category that is asked for adds its own words, and so another hash."""
    plain = consent.shown_text()
    for category in set(Category) - COVERED:
        text = consent.shown_text([category])
        assert text.startswith(plain)
        assert len(text) > len(plain) + 50
    assert consent.shown_text(COVERED) == plain
    both = [Category.TOR, Category.VPN]
    assert consent.shown_text(both) == consent.shown_text(both[::-1])


def test_every_language_has_everything() -> None:
    """A translation has the same parts, questions, letters and right answers as the English."""
    english = consent.policy("en")
    assert set(consent.languages()) == set(LANGUAGES), "as many as reports are written in"
    for language in consent.languages():
        words = consent.policy(language)
        assert [p.id for p in words.paragraphs] == [p.id for p in english.paragraphs]
        assert set(words.categories) == {c.value for c in set(Category) - COVERED}
        for question, original in zip(words.questions, english.questions, strict=True):
            assert (question.id, question.right) == (original.id, original.right)
            assert list(question.options) == list(original.options)
            assert question.right in question.options
        assert "yes" in words.wrong.format(because="yes")
        assert "yes" in words.recorded.format(path="yes")
        assert bool(words.translated) is (language != "en")
    assert consent.policy("none") == consent.policy("en")


def _facts(text: str) -> set[str]:
    """Return the numbers of a text, whatever its digits, and the commands that it names."""
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text)
    named = re.findall(r'"(probe [a-z -]+)"', plain)
    return {*re.findall(r"[0-9]+", plain), *(name.partition("--no-store")[0] for name in named)}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_a_translation_says_the_same_numbers_and_commands(language: str) -> None:
    """Volumes, days and the commands that delete and stop are the same in every language."""
    english, words = consent.policy("en"), consent.policy(language)
    for original, translated in zip(english.paragraphs, words.paragraphs, strict=True):
        assert _facts(original.text) <= _facts(translated.text), original.id
        assert ("--no-store" in original.text) is ("--no-store" in translated.text)
        assert len(translated.text) > 0.6 * len(original.text), "a sentence was left out"


@pytest.mark.parametrize("high_risk", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_consent_in_any_language_holds(path: Path, language: str, *, high_risk: bool) -> None:
    """What was read in one language is known again, also without the categories in plain words."""
    chosen = [Category.TOR, Category.NEWS]
    text = {"language": language, "high_risk": high_risk}
    give(path, answers=_right(), categories=chosen, now=NOW, **text)  # type: ignore[arg-type]
    assert require(path, chosen).categories == ("news", "tor")


def test_a_translation_of_an_older_text_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change of meaning nobody agrees to the old one in another language."""
    whole = Path(consent.__file__).with_name("consent_texts")
    shutil.copytree(whole, tmp_path / "consent_texts")
    old = tmp_path / "consent_texts" / "fa.yaml"
    old.write_text(old.read_text(encoding="utf-8").replace('"1"', '"0"', 1), encoding="utf-8")
    monkeypatch.setattr(consent, "files", lambda _package: tmp_path)
    consent._texts.cache_clear()
    try:
        assert set(consent.languages()) == set(LANGUAGES) - {"fa"}
        assert consent.policy("fa") == consent.policy("en")
    finally:
        consent._texts.cache_clear()


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "fa_IR.UTF-8"}, "fa"),
        ({"LANG": "ru"}, "ru"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "my_MM.UTF-8"}, "en"),  # no text in it
        ({"LANG": "fa_IR", "LC_MESSAGES": "ar_EG"}, "ar"),
        ({"LANG": "fa_IR", "LC_MESSAGES": "ar_EG", "LC_ALL": "es_CU"}, "es"),
        ({"LANG": "fa_IR", "LC_ALL": ""}, "fa"),
    ],
)
def test_the_systems_language_is_spoken(environ: dict[str, str], language: str) -> None:
    """Whoever uses a Persian system reads the risks in Persian without asking for it."""
    assert consent.usual_language(environ) == language


def test_questions_are_not_answered_by_one_letter() -> None:
    """The same letter twice is never right: the answers cannot be given without reading."""
    assert len(set(_right())) > 1
