"""Text that other programs read: CSV by RFC 4180, no formulas, JSON whole on every ending."""

import csv
import io
import json
import math
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.export.cells import csv_cell, iso_times, json_cell
from probe.export.table import Batch, Coded, Column, Plain, Table, Times, only, plain_batch
from probe.export.text import write_csv, write_json, write_jsonl
from probe.model.formula import guarded, unguarded

TABLE = Table(
    "things",
    "Things",
    (
        Column("time", "datetime", "When."),
        Column("word", "string", "A word."),
        Column("number", "number", "A number.", private=True),
    ),
)
HOSTILE = [
    '=HYPERLINK("http://evil.example","x")',
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''=1",
    "＝1",
    'say "hi", twice',
    "two\r\nlines",
    "nul\0inside",
    "\u202ertl",
    "",
    "plain",
]


def batch(words: list[str]) -> Batch:
    return plain_batch(TABLE, [(1_000_000 * i, word, i / 4) for i, word in enumerate(words)])


def as_csv(batches: list[Batch]) -> bytes:
    out = io.BytesIO()
    write_csv(TABLE, batches, out)
    return out.getvalue()


@given(st.text())
def test_a_guarded_text_comes_back_exactly(text: str) -> None:
    """Whatever a stranger wrote: the guard is put on and taken off without a loss."""
    assert unguarded(guarded(text)) == text


@given(st.text(alphabet="=+-@\t\r\n'＝x", max_size=6))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    """Neither directly nor behind a quote mark: what a spreadsheet would run is kept from it."""
    cell = csv_cell(text)
    shown = next(csv.reader(io.StringIO(cell, newline="")), [""])
    assert not shown or not shown[0].startswith(tuple("=+-@\t\r\n＝"))


def test_csv_is_read_back_by_the_rules_of_rfc_4180() -> None:
    """CRLF, quotes doubled, line ends inside quotes; a header; every hostile word whole."""
    data = as_csv([batch(HOSTILE)])
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    assert rows[0] == ["time", "word", "number"]
    assert [unguarded(row[1]) for row in rows[1:]] == [w.replace("\0", "\ufffd") for w in HOSTILE]
    assert data.count(b"\r\n") == len(HOSTILE) + 2  # a line each, the header, one inside a cell
    assert rows[1][0] == "1970-01-01T00:00:00.000000Z"


def test_numbers_are_numbers_and_nothing_is_empty() -> None:
    """A negative number is no formula; no value is an empty cell, in JSON null."""
    assert csv_cell(-12.5) == "-12.5"
    assert csv_cell(None) == ""
    assert csv_cell(value=True) == "true"
    assert json_cell(None) == "null"
    assert json_cell(math.inf) == "null"
    assert json_cell(math.nan) == "null"


def test_times_are_utc_to_the_microsecond_before_1970_too() -> None:
    """Also where one of them is not known."""
    assert iso_times([0, None, -1]) == [
        "1970-01-01T00:00:00.000000Z",
        "",
        "1969-12-31T23:59:59.999999Z",
    ]
    assert iso_times(np.array([1], dtype=np.int64)) == ["1970-01-01T00:00:00.000001Z"]


@given(st.lists(st.datetimes(), max_size=5))
def test_times_of_every_year_are_those_of_the_calendar(times: list[datetime]) -> None:
    """Four digits of a year, two of the rest, six of the second."""
    since = [time - datetime(1970, 1, 1) for time in times]
    us = np.array([time // timedelta(microseconds=1) for time in since], dtype=np.int64)
    assert iso_times(us) == [f"{time.isoformat(timespec='microseconds')}Z" for time in times]


def test_years_with_more_digits_are_written_out() -> None:
    """As numpy has them; the others in the same column stay as they are."""
    ends = np.array([253_402_300_799_999_999, 253_402_300_800_000_000], dtype=np.int64)
    assert iso_times(ends[:1]) == ["9999-12-31T23:59:59.999999Z"]
    assert iso_times(ends) == ["9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00.000000Z"]


def test_whole_numbers_are_written_alike_whether_they_repeat_or_not() -> None:
    """Few near each other, or far apart; negative ones too."""
    for values in ([5, -3, 5, 4], [2**62, -(2**62), 0], [7]):
        column = np.array(values, dtype=np.int64)
        batch_of = Batch(len(values), (Plain("number", column),))
        assert as_csv([batch_of]).split()[1:] == [str(value).encode() for value in values]
    floats = Batch(3, (Plain("number", np.array([0.5, np.inf, np.nan])),))
    assert as_csv([floats]).split()[1:] == [b"0.5", b"inf", b"nan"]
    out = io.BytesIO()
    write_jsonl([floats], out)
    assert [json.loads(line)["number"] for line in out.getvalue().splitlines()] == [0.5, None, None]


def test_json_lines_and_array_say_the_same() -> None:
    """Each row an object with every column, in order."""
    lines, array = io.BytesIO(), io.BytesIO()
    assert write_jsonl([batch(HOSTILE), batch(["more"])], lines) == len(HOSTILE) + 1
    assert write_json([batch(HOSTILE), batch(["more"])], array) == len(HOSTILE) + 1
    rows = [json.loads(line) for line in lines.getvalue().decode().split("\n")[:-1]]
    assert rows == json.loads(array.getvalue())
    assert [row["word"] for row in rows] == [*HOSTILE, "more"]
    assert list(rows[0]) == ["time", "word", "number"]


def test_an_array_of_nothing_is_an_array() -> None:
    """No rows: still valid JSON, and a CSV of its header alone."""
    out = io.BytesIO()
    assert write_json([], out) == 0
    assert json.loads(out.getvalue()) == []
    assert as_csv([]) == b"time,word,number\r\n"


def test_json_is_whole_when_the_rows_are_broken_off() -> None:
    """Ctrl-C between two batches closes the array."""

    def broken() -> Iterator[Batch]:
        yield batch(["a"])
        raise KeyboardInterrupt

    out = io.BytesIO()
    with pytest.raises(KeyboardInterrupt):
        write_json(broken(), out)
    assert [row["word"] for row in json.loads(out.getvalue())] == ["a"]


def test_coded_columns_are_written_as_plain_ones_are() -> None:
    """A tuple a key, many rows: the same text, and each tuple is asked for once."""
    asked: list[object] = []

    def values(key: int) -> tuple[str, float]:
        asked.append(key)
        return f"word, {key}", key / 4

    keys = np.array([3, 1, 3, 3, 1], dtype=np.int64)
    coded = Batch(
        5,
        (
            Times("time", np.zeros(5, dtype=np.int64)),
            Coded(("word", "number"), keys, values),
        ),
    )
    plain = plain_batch(TABLE, [(0, f"word, {key}", key / 4) for key in keys.tolist()])
    assert as_csv([coded]) == as_csv([plain])
    assert sorted(map(str, asked)) == ["1", "3"]


def test_private_columns_can_be_left_out_of_any_part() -> None:
    """The table without them and its batches agree."""
    table = TABLE.without_private()
    keys = [1, 2]
    parts = (
        Times("time", [0, 0]),
        Coded(("word", "number"), keys, lambda key: (f"w{key}", key)),
        Plain("number", [7, 8]),
    )
    out = io.BytesIO()
    write_csv(table, [only(Batch(2, parts), table)], out)
    assert out.getvalue().splitlines()[0] == b"time,word"
    assert out.getvalue().splitlines()[1].endswith(b",w1")
    assert b"7" not in out.getvalue().splitlines()[1].split(b"Z")[1]
