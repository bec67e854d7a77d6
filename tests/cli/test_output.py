"""What is printed: valid on every ending, and nothing that a censor wrote runs anywhere."""

import csv
import io
import json
from collections.abc import Iterator

import pytest

from probe.cli.options import Output
from probe.cli.output import emit
from probe.model.record import Note, NoteKind


def rows() -> list[dict[str, object]]:
    """Return two rows, one of them hostile."""
    return [{"name": "a", "n": 1, "gone": None}, {"name": "=cmd()|\x1b[2J", "n": 2, "gone": [1]}]


def printed(capsys: pytest.CaptureFixture[str], output: Output, *columns: str) -> str:
    """Return what ``emit`` writes on stdout."""
    emit(rows(), output, columns)
    return capsys.readouterr().out


def test_json_is_one_array(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON carries every field of every row."""
    assert json.loads(printed(capsys, Output.JSON, "name")) == rows()


def test_json_of_nothing_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    """No rows are still valid JSON."""
    emit([], Output.JSON)
    assert json.loads(capsys.readouterr().out) == []


def test_json_stays_valid_when_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C in the middle of the rows closes the array."""

    def broken() -> Iterator[dict[str, int]]:
        yield {"n": 1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emit(broken(), Output.JSON)
    assert json.loads(capsys.readouterr().out) == [{"n": 1}]


def test_jsonl_is_a_row_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines carry every field, one row a line."""
    lines = printed(capsys, Output.JSONL).splitlines()
    assert [json.loads(line) for line in lines] == rows()


def test_csv_has_the_chosen_columns_and_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """A cell that a spreadsheet would run is made text; None is empty."""
    table = list(csv.reader(io.StringIO(printed(capsys, Output.CSV, "name", "gone"))))
    assert table[0] == ["name", "gone"]
    assert table[1] == ["a", ""]
    assert table[2][0].startswith("'=")


def test_a_number_below_zero_stays_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Only texts are kept from being run: a program reads the column as numbers."""
    emit([{"score": -2.5, "shift": -3, "text": "-2+3"}], Output.CSV, ["score", "shift", "text"])
    assert capsys.readouterr().out == "score,shift,text\n-2.5,-3,'-2+3\n"


def test_csv_of_nothing_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    """A script that reads the columns finds them also when there are no rows."""
    emit([], Output.CSV, ["a", "b"])
    assert capsys.readouterr().out == "a,b\n"


def test_a_table_drops_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """No escape sequence of a hostile page reaches the terminal."""
    assert "\x1b" not in printed(capsys, Output.TABLE)


def test_values_of_the_model_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Structs print as their JSON form."""
    from datetime import UTC, datetime

    note = Note(time=datetime(2026, 1, 1, tzinfo=UTC), kind=NoteKind.CALL_FAILED)
    emit([note], Output.JSONL)
    assert json.loads(capsys.readouterr().out)["kind"] == "call_failed"


def test_a_piped_table_cuts_no_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """What goes into a file or a pager is whole, however long a cell is."""
    emit([{"a": "x" * 300, "b": "y" * 300}], Output.TABLE)
    text = capsys.readouterr().out
    assert "x" * 300 in text
    assert "y" * 300 in text


def test_a_table_of_nothing_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty frame tells nobody anything; the words beside it do."""
    emit([], Output.TABLE, ("a", "b"))
    assert capsys.readouterr().out == ""


def test_true_and_false_are_words_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A column of a CSV says what the JSON says."""
    emit([{"a": True, "b": False}], Output.CSV, ("a", "b"))
    assert capsys.readouterr().out == "a,b\ntrue,false\n"
