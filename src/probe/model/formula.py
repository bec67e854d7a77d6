"""Texts of strangers in spreadsheets: a cell that would be run as a formula is kept from it.

A host name, a page title or a certificate was written by strangers. A spreadsheet runs a cell
that begins with ``=``, ``+``, ``-`` or ``@`` (also after a tab or a line end, and in full
width), so such a text gets an apostrophe in front. ``unguarded`` takes it off again, exactly.
"""

import re
from typing import Final

__all__ = ["guarded", "unguarded"]

_RUNS: Final = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_RISKY: Final = re.compile(f"'*[{_RUNS}]")
_GUARDED: Final = re.compile(f"'+[{_RUNS}]")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return "'" + text if _RISKY.match(text) else text


def unguarded(text: str) -> str:
    """Return what ``guarded`` was given."""
    return text[1:] if _GUARDED.match(text) else text
