"""What strangers write can neither hide nor turn anything around it."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from probe.report.text import clean, isolate


def test_a_direction_override_becomes_visible() -> None:
    """RIGHT-TO-LEFT OVERRIDE would make "exe.gpj" read "jpg.exe": it is replaced."""
    assert clean("photo\u202egpj.exe") == "photo\ufffdgpj.exe"


def test_persian_keeps_its_joiners() -> None:
    """ZERO WIDTH NON-JOINER is part of Persian spelling and stays."""
    assert clean("می\u200cخواهم") == "می\u200cخواهم"


def test_lines_are_joined_and_endless_marks_cut() -> None:
    """A name is one line, and a tower of combining marks is not drawn over the page."""
    assert clean("a\n\tb") == "a b"
    assert len(clean("a" + "\u0301" * 500)) <= 5


def test_long_text_is_cut_and_says_so() -> None:
    """At most ``limit`` characters, the last of them an ellipsis."""
    assert clean("x" * 300, 10) == "x" * 9 + "…"


@given(st.text(st.characters(), max_size=300), st.integers(2, 50))
def test_nothing_invisible_is_left(text: str, limit: int) -> None:
    """No control, surrogate or unassigned character, and no format character but the joiners."""
    said = clean(text, limit)
    assert len(said) <= limit
    for character in said:
        assert unicodedata.category(character)[0] != "C" or character in "\u200c\u200d"


def test_a_name_in_a_sentence_is_isolated() -> None:
    """The isolate opens and closes around the name."""
    assert isolate("سروش") == "\u2068سروش\u2069"
