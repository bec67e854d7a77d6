"""One cell as text: for CSV as RFC 4180 has it and safe in a spreadsheet, for JSON as RFC 8259."""

import json
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from probe.export.table import Cell, IntArray
from probe.model.formula import guarded

__all__ = ["csv_cell", "iso_times", "json_cell"]

_QUOTED: Final = re.compile(r'[",\r\n]')


def csv_cell(value: Cell) -> str:
    """Return a value as a CSV cell; nothing is an empty one, and numbers are never quoted."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = guarded(value.replace("\0", "\ufffd"))
        return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
    return repr(value)


def json_cell(value: Cell) -> str:
    """Return a value as JSON; what JSON has no word for (infinite, not a number) is null."""
    if isinstance(value, float) and not np.isfinite(value):
        return "null"
    return json.dumps(value, ensure_ascii=False)


def iso_times(us: Sequence[int | None] | IntArray) -> list[str]:
    """Return microseconds since 1970 as RFC 3339 in UTC; an empty text for no time."""
    if not len(us):
        return []
    if isinstance(us, np.ndarray):
        return _iso(us)
    whole = _iso(np.array([time or 0 for time in us], dtype=np.int64))
    return ["" if time is None else text for time, text in zip(us, whole, strict=True)]


def _iso(us: IntArray) -> list[str]:
    times = us.astype("datetime64[us]")
    found: list[str] = np.datetime_as_string(times, timezone="UTC").tolist()
    return found
