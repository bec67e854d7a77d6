"""Printing results: data on stdout, words and progress on stderr."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from probe.cli.options import Output
from probe.model.codec import to_builtins
from probe.model.formula import guarded

__all__ = ["emit", "say"]

_PIPED_COLUMNS = 1_000
"""Into a file or a pager no cell is cut: rich takes what the rows need, up to this."""


def say(text: str) -> None:
    """Print words for a person on stderr."""
    sys.stderr.write(text + "\n")


def emit(rows: Iterable[Any], output: Output, columns: Sequence[str] = (), title: str = "") -> None:
    """Print ``rows`` (values or mappings) on stdout in the chosen form.

    ``columns`` picks and orders the fields of a table or CSV; JSON carries every field.
    JSON is one array, valid also when the rows stop coming by an interruption.
    """
    built = (to_builtins(row) for row in rows)
    if output is Output.JSON:
        _json_array(built)
    elif output is Output.JSONL:
        for row in built:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    elif output is Output.CSV:
        _csv(built, columns)
    else:
        _table(list(built), columns, title)


def _json_array(rows: Iterable[Any]) -> None:
    first = True
    sys.stdout.write("[")
    try:
        for row in rows:
            sys.stdout.write(("\n" if first else ",\n") + json.dumps(row, ensure_ascii=False))
            first = False
    finally:
        sys.stdout.write("]\n" if first else "\n]\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _csv_cell(value: Any) -> str:
    """Return a cell that no spreadsheet runs; a number is one, also below zero."""
    text = _cell(value)
    return text if isinstance(value, int | float) else guarded(text)


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    writer: Any = None
    names = list(columns)
    for row in rows:
        if writer is None:
            names = names or list(row)
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(names)
        writer.writerow([_csv_cell(row.get(name)) for name in names])
    if writer is None and names:
        csv.writer(sys.stdout, lineterminator="\n").writerow(names)


def _table(rows: list[Mapping[str, Any]], columns: Sequence[str], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return  # the words on stderr say that there is nothing
    names = list(columns) or list(rows[0])
    table = Table(title=title or None)
    for name in names:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(Text(_printable(_cell(row.get(name)))) for name in names))
    width = None if sys.stdout.isatty() else _PIPED_COLUMNS
    Console(file=sys.stdout, width=width).print(table)


def _printable(text: str) -> str:
    """Drop control characters: what a censor sends must not drive the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
