"""The languages of reports, for tests that take long: one is fast, the rest are slow."""

import pytest
from _pytest.mark import ParameterSet

from probe.report.tongue import LANGUAGES

__all__ = ["one_fast"]


def one_fast(fast: str = "fa") -> list[ParameterSet]:
    """Return all languages; Persian is from right to left and has digits of its own."""
    marks = {code: () if code == fast else (pytest.mark.slow,) for code in LANGUAGES}
    return [pytest.param(code, marks=marks[code]) for code in LANGUAGES]
