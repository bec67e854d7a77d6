"""The language of a page: catalogues of gettext, direction, digits.

English is the text in the code. ``with speaking("fa"):`` holds for the thread or task that it is
in, so that the functions which word something need no parameter for it. Catalogues are compiled
files beside this one (``locale/``), read by the standard library; ``make locales`` writes them.
"""

import gettext as gnu
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple, TypeVar

from probe.errors import InputError

__all__ = [
    "LANGUAGES",
    "NN_",
    "N_",
    "Language",
    "Said",
    "_",
    "digits",
    "language",
    "n_",
    "num",
    "speaking",
]

DOMAIN = "probe"
K = TypeVar("K")


class Language(NamedTuple):
    """One language that pages are written in; ``digits`` are the ten that it counts with."""

    code: str
    name: str  # in itself
    direction: str = "ltr"
    digits: str = "0123456789"
    comma: str = ", "


LANGUAGES: dict[str, Language] = {
    one.code: one
    for one in (
        Language("en", "English"),
        Language("fa", "فارسی", "rtl", "۰۱۲۳۴۵۶۷۸۹", "، "),
        Language("ar", "العربية", "rtl", "٠١٢٣٤٥٦٧٨٩", "، "),
        Language("es", "Español"),
        Language("ru", "Русский"),
        Language("fr", "Français"),
    )
}

_language: ContextVar[Language] = ContextVar("language", default=LANGUAGES["en"])


def language() -> Language:
    """Return the language that is spoken now."""
    return _language.get()


@contextmanager
def speaking(code: str) -> Iterator[Language]:
    """Speak this language inside the block.

    Raises:
        InputError: there is no catalogue of it.

    """
    if code not in LANGUAGES:
        raise InputError(
            f"no such language: {code[:20]!r}",
            field="--lang",
            mend=f"choose one of {', '.join(LANGUAGES)}",
        )
    token = _language.set(LANGUAGES[code])
    try:
        yield LANGUAGES[code]
    finally:
        _language.reset(token)


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(code: str) -> gnu.NullTranslations:
    if code == "en":
        return gnu.NullTranslations()
    with as_file(files("probe.report") / "locale") as folder:
        return gnu.translation(DOMAIN, folder, [code])


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a text for the catalogues, to be translated where it is shown."""
    return text


def NN_(one: str, many: str) -> tuple[str, str]:  # noqa: N802
    """Mark the two forms of a text for the catalogues."""
    return one, many


def _(text: str, /, **values: object) -> str:
    """Return the text in the language that is spoken, with its ``{names}`` filled in."""
    said = _catalogue(language().code).gettext(text) if text else ""
    return said.format(**values) if values else said


def n_(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for ``count``, which the text may call ``{count}``."""
    said = _catalogue(language().code).ngettext(one, many, count)
    return said.format(**{"count": num(count), **values})


def digits(text: str) -> str:
    """Return the text with the language's own digits; for prose and axes, never for hosts."""
    ours = language().digits
    return text if ours[0] == "0" else text.translate(str.maketrans("0123456789", ours))


def num(value: float | str, spec: str = "") -> str:
    """Return a number as it is written here; ``spec`` is a format such as ``.1f``."""
    return digits(format(value, spec))


class Said(dict[K, str]):
    """A table of texts that says each in the language that is spoken."""

    def __getitem__(self, key: K) -> str:
        """Return the text of a key."""
        return _(super().__getitem__(key))

    def get(self, key: K, default: Any = None) -> Any:
        """Return the text of a key, or what is given in its place."""
        return self[key] if key in self else default  # noqa: SIM401 - that would not translate

    def english(self) -> Mapping[K, str]:
        """Return the table as it is written in the code."""
        return dict(super().items())
