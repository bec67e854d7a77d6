"""Lists of dates from a file."""

from pathlib import Path

import pytest

from probe.errors import InputError
from probe.ingest.dates import MAX_DATES, read_dates


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_dates_of_one_name_and_hours_are_one_list(tmp_path: Path) -> None:
    """With a header, a comment, a range, announced hours and a repeated day."""
    path = written(
        tmp_path / "d.csv",
        "date,name,from,to\n# papers\n2022-06-12,exams,08:00,10:00\n2022-06-13,exams,08:00,10:00\n"
        "2022-06-12,exams,08:00,10:00\n\n2022-09-21/2022-10-03,order,22:00,06:00\n1970-01-02\n",
    )
    exams, order, rest = read_dates(path)
    assert (exams.name, len(exams.days), exams.hours) == ("exams", 2, (480, 600))
    assert (order.name, len(order.days), order.hours) == ("order", 13, (1320, 1800))
    assert (rest.name, rest.days, rest.hours) == ("dates", (1,), None)


def test_midnight_at_the_end_is_1440(tmp_path: Path) -> None:
    """16:00 to 24:00."""
    (one,) = read_dates(written(tmp_path / "d", "2022-06-12,x,16:00,24:00"))
    assert one.hours == (960, 1440)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no date in it"),
        ("date,name\n", "no date in it"),
        ("12.06.2022", "not a date: '12.06.2022'"),
        ("2022-02-30", "not a date"),
        ("2022-06-12/2022-06-01", "ends before it begins"),
        ("0001-01-01/9999-12-31", "too long"),
        ("2022-06-12,exams,08:00", "from and to"),
        ("2022-06-12,exams,8,10", "not a time of day"),
        ("2022-06-12,exams,08:00,25:00", "not a time of day"),
        ("2022-06-12,exams,24:00,06:00", "end of a day"),
        ("2022-06-12,a,08:00,10:00,x", "5 values"),
        ("2022-06-12," + "n" * 81, "too long"),
        ("2022-06-12,a\x1b[31m", "not printable"),
        ('2022-06-12,"a', "not CSV"),
        (b"\xff\xfe", "not UTF-8"),
        (b"2022-06-12\0", "not text"),
        ("2022-01-01/2034-01-01\n2022-01-01/2034-01-01", "more than"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str | bytes, said: str, tmp_path: Path) -> None:
    """One plain sentence; nothing is guessed."""
    with pytest.raises(InputError) as caught:
        read_dates(written(tmp_path / "d.csv", text))
    assert said in str(caught.value)
    assert "d.csv" in str(caught.value)


def test_a_file_that_is_not_there_or_too_large_is_said(tmp_path: Path) -> None:
    """Bounded, and no traceback."""
    with pytest.raises(InputError, match="No such file"):
        read_dates(tmp_path / "none")
    with pytest.raises(InputError, match="too large"):
        read_dates(written(tmp_path / "big", "2022-06-12\n" * 100_000))
    assert MAX_DATES == 5_000
