"""Consent: versioned text, two questions, a stored record; no packet before it.

The text is data (``consent_texts/``), a language a file. What a person agreed to is known by
the version of the policy and the SHA-256 of the very words shown, the warnings of the chosen
categories among them. The record lies beside the configuration, not in the database: it must be
readable before a store is opened, and with ``--no-store``.

In the high-risk profile the record is version, hash and day, and nothing else. The categories are
found again by hashing the text for each choice that there is: they are not written in plain
words, though whoever holds this program can do the same.
"""

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import msgspec

from probe.errors import ConsentError
from probe.model.target import Category

__all__ = [
    "COVERED",
    "Consent",
    "Policy",
    "Question",
    "check_answers",
    "give",
    "languages",
    "policy",
    "read_consent",
    "require",
    "shown_text",
    "usual_language",
    "withdraw",
]

COVERED = frozenset(
    {
        Category.MESSAGING,
        Category.APP_STORE,
        Category.DNS_RESOLVER,
        Category.CONTROL,
        Category.DOMESTIC,
    }
)
"""What any consent covers; each other category is asked for, with its own warning."""

_MAX_RECORD = 10_000
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""What names the language of messages, the strongest first (POSIX.1-2024, section 8.2)."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A given consent: the policy version, a hash of the text shown, the day, what it covers."""

    version: str
    text_sha256: str
    given: datetime
    categories: tuple[str, ...]


class Paragraph(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One paragraph of the risk statement."""

    id: str
    text: str


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question that must be answered rightly; ``because`` is said to a wrong answer."""

    id: str
    text: str
    options: dict[str, str]
    right: str
    because: str


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All words of one language; ``translated`` says of a translation that it is one."""

    version: str
    title: str
    translated: str = ""
    paragraphs: tuple[Paragraph, ...]
    questions: tuple[Question, ...]
    categories_title: str
    categories: dict[str, str]
    agree: str
    answer: str
    wrong: str  # with {because}
    recorded: str  # with {path}


class _Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The file; ``categories`` is left out in the high-risk profile."""

    version: str
    text_sha256: str
    given: str
    categories: tuple[str, ...] | None = None


@cache
def _texts() -> dict[str, Policy]:
    """Return the words of each language; a translation of an older version is none of it."""
    import yaml

    found = {
        file.name.removesuffix(".yaml"): msgspec.convert(
            yaml.safe_load(file.read_text(encoding="utf-8")), type=Policy
        )
        for file in files("probe").joinpath("consent_texts").iterdir()
        if file.name.endswith(".yaml")
    }
    original = found["en"]
    return {name: found[name] for name in sorted(found) if found[name].version == original.version}


def languages() -> tuple[str, ...]:
    """Return the languages that the text is written in."""
    return tuple(_texts())


def usual_language(environ: Mapping[str, str]) -> str:
    """Return the language that this system speaks (POSIX locale variables), or else English."""
    spoken = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    code = spoken.partition(".")[0].partition("_")[0].lower()
    return code if code in languages() else "en"


def policy(language: str = "en") -> Policy:
    """Return the words of a language, English when there is none of it."""
    return _texts().get(language, _texts()["en"])


def shown_text(categories: Collection[Category] = (), language: str = "en") -> str:
    """Return the whole text for a choice of categories, as it is shown and hashed."""
    words = policy(language)
    extra = sorted(set(categories) - COVERED)
    parts = [words.title, words.translated, *(paragraph.text for paragraph in words.paragraphs)]
    return "\n\n".join(filter(None, parts)) + (_warnings(words, extra) if extra else "")


def _warnings(words: Policy, extra: Iterable[str]) -> str:
    """Return what the text ends with for a choice of further categories."""
    each = "".join(f"\n\n- {words.categories[category]}" for category in extra)
    return f"\n\n{words.categories_title}{each}"


def check_answers(answers: Sequence[str], language: str = "en") -> tuple[Question, ...]:
    """Return the questions that were not answered rightly; all of them must be answered."""
    questions = policy(language).questions
    given = [answer.strip().lower() for answer in answers]
    given += [""] * (len(questions) - len(given))
    extra = len(given) > len(questions)
    return tuple(
        question
        for question, answer in zip(questions, given, strict=False)
        if extra or answer != question.right
    )


def give(
    path: Path,
    *,
    answers: Sequence[str],
    categories: Collection[Category],
    now: datetime,
    high_risk: bool = False,
    language: str = "en",
) -> Consent:
    """Write the record of a consent that was given just now, and return it.

    Raises:
        ConsentError: an answer is wrong, or the record cannot be written.

    """
    wrong = check_answers(answers, language)
    if wrong:
        reasons = " ".join(f"{question.text} {question.because}" for question in wrong)
        raise ConsentError(f"consent was not given, an answer is wrong: {reasons}")
    extra = tuple(sorted(c.value for c in set(categories) - COVERED))
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    consent = Consent(
        version=policy(language).version,
        text_sha256=_hash(shown_text(categories, language)),
        given=day if high_risk else now.astimezone(UTC).replace(microsecond=0),
        categories=extra,
    )
    record = _Record(
        version=consent.version,
        text_sha256=consent.text_sha256,
        given=day.date().isoformat() if high_risk else consent.given.isoformat(),
        categories=None if high_risk else extra,
    )
    _write(path, msgspec.json.encode(record) + b"\n")
    return consent


def read_consent(path: Path) -> Consent | None:
    """Return the stored consent, ``None`` when there is none.

    Raises:
        ConsentError: there is a file, and it is not a record of consent.

    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_RECORD)
        record = msgspec.json.decode(data, type=_Record)
        given = datetime.fromisoformat(record.given)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError) as exc:
        raise ConsentError(f"{path}: is no record of consent; run `probe consent give`") from exc
    categories = record.categories
    return Consent(
        version=record.version,
        text_sha256=record.text_sha256,
        given=given if given.tzinfo is not None else given.replace(tzinfo=UTC),
        categories=_recognised(record.text_sha256) if categories is None else categories,
    )


def require(path: Path, categories: Iterable[Category]) -> Consent:
    """Return the consent that covers ``categories``: there is no other way to a packet.

    Raises:
        ConsentError: none was given, the text has changed, or it covers less.

    """
    consent = read_consent(path)
    if consent is None:
        raise ConsentError("no consent was given yet; read the risks with `probe consent give`")
    known = {
        _hash(shown_text([Category(c) for c in consent.categories if c in _OPTIONAL], language))
        for language in languages()
    }
    if consent.version != policy().version or consent.text_sha256 not in known:
        raise ConsentError(
            "the consent text has changed since you agreed; read it with `probe consent give`"
        )
    missing = sorted(set(categories) - COVERED - set(consent.categories))
    if missing:
        names = ",".join(category.value for category in missing)
        raise ConsentError(
            f"your consent does not cover {names}; run `probe consent give --include {names}`"
        )
    return consent


def withdraw(path: Path) -> bool:
    """Delete the record; return whether there was one.

    Raises:
        ConsentError: it cannot be deleted.

    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise ConsentError(f"{path}: cannot be deleted: {exc.strerror}") from exc
    return True


_OPTIONAL = tuple(sorted(c.value for c in Category if c not in COVERED))


def _recognised(text_sha256: str) -> tuple[str, ...]:
    """Return the categories whose text has this hash, none when no choice has it."""
    choices = [c for size in range(1, len(_OPTIONAL) + 1) for c in combinations(_OPTIONAL, size)]
    for language in languages():
        plain = hashlib.sha256(shown_text((), language).encode())
        if plain.hexdigest() == text_sha256:
            return ()
        for chosen in choices:
            longer = plain.copy()
            longer.update(_warnings(policy(language), chosen).encode())
            if longer.hexdigest() == text_sha256:
                return chosen
    return ()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Replace the record in one step, readable by its owner only (0600)."""
    part: str | None = None
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".consent-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except OSError as exc:
        if part is not None:
            Path(part).unlink(missing_ok=True)
        raise ConsentError(f"{path}: cannot be written: {exc.strerror}") from exc
