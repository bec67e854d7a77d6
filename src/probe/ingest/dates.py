"""Lists of dates from a file: exams, anniversaries, the days of a directive.

One a line: ``date[,name[,from,to]]``. A date is ISO (``2022-06-12``) or a range of them
(``2022-09-21/2022-10-03``); ``from`` and ``to`` are announced local times (``08:00``; ``24:00``
is midnight at the end; an earlier ``to`` is the next day). Lines that begin with ``#`` and a
first line that begins with ``date`` are left out. Dates of one name and hours are one list.
"""

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from probe.analysis.calendar_days import DayList
from probe.errors import InputError

__all__ = ["MAX_DATES", "read_dates"]

MAX_DATES = 5_000
_MAX_BYTES = 1_000_000
_MAX_NAME = 80
_FIELDS = 4
_EPOCH = date(1970, 1, 1)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_MEND = "write 2022-06-12, or 2022-06-12,exams,08:00,10:00"

_Hours = tuple[int, int] | None


def read_dates(path: Path) -> tuple[DayList, ...]:
    """Return the lists of a file, in the order in which their names first stand in it.

    Raises:
        InputError: naming file, line and the mend, for the first thing that is wrong.

    """
    lists: dict[tuple[str, _Hours], set[int]] = {}
    count = 0
    for line, values in _rows(path):
        name, hours = _name(values, path, line), _hours(values, path, line)
        days = _days(values[0].strip(), path, line)
        count += len(days)
        if count > MAX_DATES:
            raise _wrong(path, line, f"more than {MAX_DATES} dates", "split the list")
        lists.setdefault((name, hours), set()).update(days)
    if not lists:
        raise InputError("no date in it", file=str(path), mend=_MEND)
    return tuple(DayList(name, tuple(sorted(d)), hours) for (name, hours), d in lists.items())


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise InputError(
            exc.strerror or "cannot be read", file=str(path), mend="check the path"
        ) from exc
    except UnicodeDecodeError as exc:
        raise InputError("not UTF-8", file=str(path), mend="save the file as UTF-8") from exc
    if len(data) > _MAX_BYTES or "\0" in text:
        raise InputError("too large, or not text", file=str(path), mend="is this a list of dates?")
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#") or (number == 1 and bare.lower().startswith("date")):
            continue
        try:
            (values,) = csv.reader([bare], strict=True)
        except (csv.Error, ValueError) as exc:
            raise _wrong(path, number, "not CSV", _MEND) from exc
        if len(values) > _FIELDS:
            raise _wrong(path, number, f"{len(values)} values", _MEND)
        yield number, values


def _days(text: str, path: Path, line: int) -> list[int]:
    first, _, last = text.partition("/")
    begin = _day(first, path, line)
    end = _day(last, path, line) if last else begin
    if not begin <= end <= begin + MAX_DATES:
        raise _wrong(path, line, "the range ends before it begins, or is too long", _MEND)
    return list(range(begin, end + 1))


def _day(text: str, path: Path, line: int) -> int:
    try:
        return (date.fromisoformat(text.strip()) - _EPOCH).days
    except ValueError as exc:
        raise _wrong(path, line, f"not a date: {text[:40]!r}", _MEND) from exc


def _name(values: list[str], path: Path, line: int) -> str:
    name = values[1].strip() if len(values) > 1 else ""
    if len(name) > _MAX_NAME or not name.isprintable():
        raise _wrong(
            path, line, "name too long or not printable", f"at most {_MAX_NAME} characters"
        )
    return name or "dates"


def _hours(values: list[str], path: Path, line: int) -> _Hours:
    given = [value.strip() for value in values[2:]]
    if not any(given):
        return None
    if len(given) != 2 or not all(given):
        raise _wrong(path, line, "one of from and to is missing", _MEND)
    start, end = (_minute(value, path, line) for value in given)
    if start == 1440:
        raise _wrong(path, line, "from is the end of a day", "write 00:00")
    return start, end if end > start else end + 1440


def _minute(text: str, path: Path, line: int) -> int:
    match = _CLOCK.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else -1
    if not 0 <= minute <= 1440:
        raise _wrong(path, line, f"not a time of day: {text[:40]!r}", "write 08:00")
    return minute


def _wrong(path: Path, line: int, problem: str, mend: str) -> InputError:
    return InputError(problem, file=str(path), line=line, mend=mend)
