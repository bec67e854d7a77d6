"""Strings of strangers made fit for a page: no control, no hidden direction, no endless marks.

Names, notes and titles come from files and networks that may be hostile. Escaping for HTML is the
template's work; this module removes what escaping leaves in.
"""

import unicodedata

__all__ = ["clean", "isolate", "visible"]

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_JOINERS = frozenset({"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"})
"""Format characters that Persian, Indic scripts and emoji need."""

_ISOLATES = frozenset({"\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"})

_MAX_MARKS = 4
"""Combining marks in a row; more than that is a drawing, not a word (Vietnamese needs two)."""


def clean(text: str, limit: int = 200) -> str:
    """Return ``text`` on one line, at most ``limit`` characters, with nothing invisible acting.

    Control characters, overrides and isolates of writing direction (Unicode category Cf but for
    the joiners), lone surrogates, private and unassigned characters become U+FFFD; long runs of
    combining marks are cut.
    """
    kept: list[str] = []
    marks = 0
    for character in " ".join(text[: limit * 8].split()):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MAX_MARKS:
            continue
        hidden = category[0] == "C" and character not in _JOINERS
        kept.append(_REPLACEMENT if hidden else character)
        if len(kept) > limit:
            return "".join(kept[: limit - 1]) + "…"
    return "".join(kept)


def isolate(text: str) -> str:
    """Return ``text`` inside a direction isolate, so that it turns nothing around it."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def visible(text: str) -> str:
    """Return ``text`` with what ``clean`` replaces replaced, but for line ends and our isolates.

    The last gate before a page: it catches what no builder has cleaned.
    """
    if text.isprintable():  # nothing of a category C at all, as nearly always
        return text
    kept = _JOINERS | _ISOLATES | {"\n"}
    return "".join(
        character
        if character in kept or unicodedata.category(character)[0] != "C"
        else _REPLACEMENT
        for character in text
    )
