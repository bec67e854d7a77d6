"""Numbers of others to be drawn beside a timeline: any two columns, and OONI's aggregation CSV.

An overlay is never judged by and never decides anything: OONI's anomaly is no verdict, and what
IODA or a traffic graph counts is something else than what one line could reach.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final

from probe.errors import InputError
from probe.ingest.csv_lines import lines, opened
from probe.model.formula import unguarded
from probe.model.timeline import Overlay

__all__ = ["read_aggregation", "read_two_columns"]

MAX_ROWS: Final = 5_000_000
_YEARS = (1990, 2100)
_MILLISECONDS = 100_000_000_000  # a number of seconds above this is the year 5138
_COUNTS: Final = ("anomaly_count", "confirmed_count", "measurement_count")
_TIMES: Final = ("measurement_start_day", "measurement_start_time")
_SUBJECTS: Final = ("domain", "input", "category_code", "test_name")
_Row = tuple[int, list[str]]


def read_two_columns(
    path: Path, *, name: str, unit: str, zone: tzinfo, country: str = "ZZ"
) -> Overlay:
    """Return the series of a CSV whose first two columns are a time and a number.

    Times are ISO 8601 (without an offset: of ``zone``) or seconds or milliseconds since 1970. A
    first line whose second cell is no number is a header; empty numbers are left out.

    Raises:
        InputError: naming file, line and column of the first thing that is wrong.

    """
    points: dict[datetime, float] = {}
    for number, row in _rows(path):
        if len(row) < 2:
            raise InputError("one column where two are needed", file=str(path), line=number)
        if number == 1 and _header(row):
            continue
        time = _time(row[0], zone, str(path), number)
        if row[1].strip():
            value = _number(row[1], str(path), number, "value")
            if points.setdefault(time, value) != value:
                raise _twice(str(path), number, "time")
    return Overlay(
        name=name,
        unit=unit,
        source=path.name,
        country=country,
        points=tuple((time, points[time], 1.0) for time in sorted(points)),
    )


def read_aggregation(path: Path) -> tuple[Overlay, ...]:
    """Return the shares of anomalies of an aggregation CSV of OONI's, one series a subject.

    Each row is a day (or hour) of a country, a network, a domain or a test, as the file has
    them; the share is anomalies and confirmed blocks among the measurements, weighted by their
    number.

    Raises:
        InputError: naming file, line and column of the first thing that is wrong.

    """
    rows = _rows(path)
    first = next(rows, None)
    if first is None:
        raise InputError("empty file", file=str(path))
    columns = [cell.strip().lower() for cell in first[1]]
    when = next((name for name in _TIMES if name in columns), None)
    missing = [name for name in _COUNTS if name not in columns]
    if when is None or missing:
        raise InputError(
            "column missing",
            file=str(path),
            line=1,
            field=missing[0] if missing else _TIMES[0],
            mend="ask OONI's aggregation API for CSV with an axis of time",
        )
    points: dict[tuple[str, str, str], dict[datetime, tuple[float, float]]] = defaultdict(dict)
    for number, row in rows:
        if len(row) != len(columns):
            problem = f"{len(row)} values where the header has {len(columns)}"
            raise InputError(problem, file=str(path), line=number)
        cells = dict(zip(columns, row, strict=True))
        time = _time(cells[when], UTC, str(path), number)
        counted = _share(cells, str(path), number)
        if counted[1] and points[_subject(cells)].setdefault(time, counted) != counted:
            raise _twice(str(path), number, when)
    return tuple(
        Overlay(
            name=subject,
            unit="anomaly share",
            source="OONI aggregation",
            country=country,
            network=network,
            points=tuple((time, *found[time]) for time in sorted(found)),
        )
        for (country, network, subject), found in sorted(points.items())
    )


def _twice(file: str, line: int, field: str) -> InputError:
    return InputError(
        "another row of this time says something else",
        file=file,
        line=line,
        field=field,
        mend="keep one; where clocks were set back, write times with their offset",
    )


def _share(cells: Mapping[str, str], file: str, line: int) -> tuple[float, float]:
    anomalies, confirmed, count = (_count(cells[name], file, line, name) for name in _COUNTS)
    if anomalies + confirmed > count:
        raise InputError(
            "more anomalies than measurements", file=file, line=line, field="measurement_count"
        )
    return ((anomalies + confirmed) / count if count else 0.0), count


def _count(text: str, file: str, line: int, field: str) -> float:
    value = _number(text, file, line, field)
    if value < 0 or value != int(value):
        raise InputError(f"not a count: {text[:20]!r}", file=file, line=line, field=field)
    return value


def _subject(cells: Mapping[str, str]) -> tuple[str, str, str]:
    country = cells.get("probe_cc", "").strip().upper()
    network = cells.get("probe_asn", "").strip().upper().removeprefix("AS")
    words = [unguarded(cells.get(name, "").strip()) for name in _SUBJECTS]
    named = " ".join(_plain(word) for word in words if word)
    return (
        country if len(country) == 2 and country.isalpha() else "ZZ",
        f"AS{int(network)}" if network.isdecimal() and len(network) <= 10 else "",
        named or "all",
    )


def _plain(text: str) -> str:
    return "".join(c for c in text[:200] if c.isprintable())


def _rows(path: Path) -> Iterator[_Row]:
    """Yield (line number, cells) of each row that is not empty."""
    name = str(path)
    try:
        with opened(path) as file:
            reader = csv.reader(lines(file, name), strict=True)
            try:
                for count, row in enumerate(row for row in reader if row):
                    if count > MAX_ROWS:
                        raise InputError(f"more than {MAX_ROWS} rows", file=name)
                    yield reader.line_num, row
            except csv.Error as exc:
                raise InputError(f"not CSV: {exc}", file=name, line=reader.line_num) from exc
    except OSError as exc:
        raise InputError(
            exc.strerror or "cannot be read", file=name, mend="check the path"
        ) from exc


def _header(row: Sequence[str]) -> bool:
    try:
        float(row[1])
    except ValueError:
        return bool(row[1].strip())
    return False


def _number(text: str, file: str, line: int, field: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"not a number: {text[:40]!r}", file=file, line=line, field=field)
    return value


def _time(text: str, zone: tzinfo, file: str, line: int) -> datetime:
    given = text.strip()
    try:
        if given.isdecimal():
            seconds = int(given) / (1_000 if int(given) > _MILLISECONDS else 1)
            time = datetime.fromtimestamp(seconds, UTC)
        else:
            time = datetime.fromisoformat(given)
            time = (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise InputError(
            f"not a time: {given[:40]!r}",
            file=file,
            line=line,
            field="time",
            mend="write 2022-09-21T16:00:00Z, or seconds since 1970",
        ) from exc
    if not _YEARS[0] <= time.year < _YEARS[1]:
        raise InputError(f"year {time.year} is out of range", file=file, line=line, field="time")
    return time
