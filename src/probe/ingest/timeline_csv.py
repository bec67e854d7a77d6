"""Outage timelines from a CSV file, of this tool or any other.

Columns (docs/formats.md): ``time`` (ISO 8601 with its offset), ``series`` and ``bad`` (1, 0 or
empty) are required; ``vantage``, ``network``, ``tz`` (IANA), ``signal``, ``control_bad``,
``weight``, ``reason``, ``mechanism``, ``locus``, ``retest`` and ``country`` are optional. The file
is read row by row.
"""

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import IO

from probe.analysis.zones import country_of, zone
from probe.errors import InputError
from probe.ingest.csv_lines import lines, opened
from probe.model.formula import unguarded
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

__all__ = ["COLUMNS", "MAX_ROWS", "read", "read_placed"]

REQUIRED = ("time", "series", "bad")
OPTIONAL = (
    "vantage",
    "network",
    "tz",
    "signal",
    "control_bad",
    "weight",
    "reason",
    "mechanism",
    "locus",
    "retest",
    "country",
)
COLUMNS = REQUIRED + OPTIONAL
"""All columns that are read; others are left alone."""

MAX_ROWS = 5_000_000
_MAX_TEXT = 200
_MAX_WEIGHT = 1_000.0
_YEARS = (1990, 2100)
_AHEAD = timedelta(hours=1)  # what a clock may be wrong by
_LOCI = ("network", "server", "local", "unknown")
_BAD = {"1": True, "0": False, "": None}
_RETEST = {"1": True, "0": False, "": False}


def read(path: Path, *, tz: str | None, now: datetime | None = None) -> tuple[Series, ...]:
    """Return the series of a timeline CSV, each sorted by time, in the order of their keys.

    ``tz`` is the zone of rows without one; ``-`` is standard input. Rows may come unsorted;
    repeated rows count once. With ``now``, what is more than an hour ahead of it is refused: a
    look that has not been made yet says that a clock or an offset is wrong.

    Raises:
        InputError: naming file, line, column and the mend, for the first thing that is wrong.

    """
    return _read(path, tz, now).series()


def read_placed(
    path: Path, *, tz: str | None, now: datetime | None = None
) -> tuple[tuple[Series, str], ...]:
    """Return the series as ``read`` does, each with the country that it is of (ISO 3166 alpha-2).

    Without a column ``country`` it is that of the zone; ``ZZ`` where a zone is of several.

    Raises:
        InputError: as ``read``.

    """
    reader = _read(path, tz, now)
    return tuple((one, reader.country(one)) for one in reader.series())


def _read(path: Path, tz: str | None, now: datetime | None) -> "_Reader":
    if tz is not None:
        zone(tz)
    reader = _Reader(str(path), tz, now + _AHEAD if now is not None else None)
    try:
        with opened(path) as file:
            for row in _rows(file, str(path)):
                reader.take(*row)
    except OSError as exc:
        raise InputError(
            exc.strerror or "cannot be read", file=str(path), mend="check the path"
        ) from exc
    return reader


def _rows(file: IO[bytes], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, values by column) of each row that is not empty."""
    reader = csv.reader(lines(file, name), strict=True)
    try:
        columns = _header(next(reader, None), name)
        for count, values in enumerate((row for row in reader if row), start=1):
            if count > MAX_ROWS:
                raise InputError(
                    f"more than {MAX_ROWS} rows", file=name, mend="split the file by series"
                )
            if len(values) != columns.size:
                raise InputError(
                    f"{len(values)} values where the header has {columns.size}",
                    file=name,
                    line=reader.line_num,
                    mend="quote values that contain commas",
                )
            yield reader.line_num, {key: values[place] for key, place in columns.places.items()}
    except csv.Error as exc:
        raise InputError(f"not CSV: {exc}", file=name, line=reader.line_num) from exc


class _Columns:
    """Where each known column stands."""

    def __init__(self, names: list[str]) -> None:
        self.size = len(names)
        self.places = {name: names.index(name) for name in COLUMNS if name in names}


def _header(row: list[str] | None, name: str) -> _Columns:
    if not row:
        raise InputError("empty file", file=name, mend=f"the header is {','.join(REQUIRED)}")
    names = [cell.strip().lower() for cell in row]
    repeated = sorted({column for column in names if names.count(column) > 1 and column})
    if repeated:
        raise InputError(
            "column given twice", file=name, line=1, field=repeated[0][:40], mend="remove one"
        )
    for column in REQUIRED:
        if column not in names:
            hint = "separate columns by commas" if ";" in row[0] or "\t" in row[0] else "add it"
            raise InputError("column missing", file=name, line=1, field=column, mend=hint)
    for column in names:
        near = get_close_matches(column, OPTIONAL, n=1, cutoff=0.8)
        if column not in COLUMNS and near:
            raise InputError(
                "unknown column",
                file=name,
                line=1,
                field=column[:40],
                mend=f"did you mean {near[0]}?",
            )
    return _Columns(names)


class _Reader:
    """Checks rows and gathers them by series."""

    def __init__(self, file: str, tz: str | None, latest: datetime | None) -> None:
        self._file = file
        self._latest = latest
        self._tz = tz
        self._samples: dict[SeriesKey, list[Sample]] = {}
        self._zones: dict[SeriesKey, str] = {}
        self._countries: dict[SeriesKey, str] = {}
        self._keys: dict[tuple[str, ...], SeriesKey] = {}
        self._lines: dict[SeriesKey, list[int]] = {}

    def take(self, line: int, row: dict[str, str]) -> None:
        """Check one row and keep it."""
        key = self._key(line, row)
        sample = Sample(
            time=self._time(line, row["time"]),
            bad=self._bad(line, row["bad"]),
            weight=self._number(line, row, "weight", low=0.0, high=_MAX_WEIGHT, default=1.0) or 0.0,
            absence=self._absence(line, row),
            control_bad=self._number(line, row, "control_bad", low=0.0, high=1.0),
            mechanism=self._mechanism(line, row),
            burst=self._retest(line, row.get("retest", "")),
        )
        self._place(line, key, row.get("country", "").strip())
        self._samples[key].append(sample)
        self._lines[key].append(line)

    def series(self) -> tuple[Series, ...]:
        """Return what was gathered.

        Raises:
            InputError: when two rows of one series and time contradict each other.

        """
        return tuple(
            Series(key=key, tz=self._zones[key], samples=self._sorted(key))
            for key in sorted(self._samples)
        )

    def country(self, series: Series) -> str:
        """Return the country of a series: as it was said, else that of its zone."""
        return self._countries.get(series.key) or country_of(series.tz) or "ZZ"

    def _place(self, line: int, key: SeriesKey, given: str) -> None:
        if not given:
            return
        if not (len(given) == 2 and given.isascii() and given.isalpha()):
            raise self._wrong(line, "country", f"not a country: {given[:20]!r}", "write IR")
        country = given.upper()
        known = self._countries.setdefault(key, country)
        if known != country:
            raise self._wrong(
                line, "country", f"two countries in one series: {known} and {country}", "keep one"
            )

    def _sorted(self, key: SeriesKey) -> tuple[Sample, ...]:
        samples, lines = self._samples[key], self._lines[key]
        order = sorted(range(len(samples)), key=lambda i: samples[i].time)
        kept: list[Sample] = []
        for i in order:
            sample = samples[i]
            if kept and kept[-1].time == sample.time:
                if kept[-1] == sample:
                    continue
                raise InputError(
                    "another row of this series and time says something else",
                    file=self._file,
                    line=lines[i],
                    field="time",
                    mend="keep one, or tell them apart in the column vantage",
                )
            kept.append(sample)
        return tuple(kept)

    def _key(self, line: int, row: dict[str, str]) -> SeriesKey:
        parts = tuple(
            row.get(name, "") for name in ("vantage", "network", "series", "signal", "locus", "tz")
        )
        known = self._keys.get(parts)
        if known is not None:
            return known
        signal = self._choice(line, "signal", parts[3] or Signal.TARGETED, list(Signal))
        key = SeriesKey(
            vantage=self._text(line, "vantage", parts[0]),
            network=self._text(line, "network", parts[1]),
            subject=self._text(line, "series", parts[2], needed=True),
            signal=Signal(signal),
            locus=self._choice(line, "locus", parts[4] or "network", _LOCI),
        )
        name = self._zone(line, parts[5].strip())
        if self._zones.setdefault(key, name) != name:
            raise self._wrong(
                line, "tz", f"two zones in one series: {self._zones[key]} and {name}", "keep one"
            )
        self._samples.setdefault(key, [])
        self._lines.setdefault(key, [])
        self._keys[parts] = key
        return key

    def _zone(self, line: int, given: str) -> str:
        name = given or self._tz
        if not name:
            raise self._wrong(line, "tz", "no time zone", "give --tz, for example --tz Asia/Tehran")
        try:
            return zone(name).key
        except InputError as exc:
            raise self._wrong(line, "tz", exc.problem, exc.mend or "") from exc

    def _time(self, line: int, given: str) -> datetime:
        try:
            time = datetime.fromisoformat(given.strip())
        except ValueError as exc:
            raise self._wrong(
                line, "time", f"not a time: {given[:40]!r}", "write 2022-09-21T16:00:00Z"
            ) from exc
        if time.tzinfo is None:
            raise self._wrong(
                line, "time", f"{given[:40]!r} has no offset", "add Z for UTC, or one like +03:30"
            )
        if not _YEARS[0] <= time.year < _YEARS[1]:
            raise self._wrong(line, "time", f"year {time.year} is out of range", "mend the year")
        if self._latest is not None and time > self._latest:
            raise self._wrong(
                line, "time", f"{given[:40]!r} lies in the future", "mend the clock or the offset"
            )
        return time.astimezone(UTC)

    def _bad(self, line: int, given: str) -> bool | None:
        text = given.strip()
        if text not in _BAD:
            raise self._wrong(line, "bad", f"not 1, 0 or empty: {given[:40]!r}", "write 1 or 0")
        return _BAD[text]

    def _retest(self, line: int, given: str) -> bool:
        text = given.strip()
        if text not in _RETEST:
            raise self._wrong(line, "retest", f"not 1, 0 or empty: {given[:40]!r}", "write 1 or 0")
        return _RETEST[text]

    def _number(
        self,
        line: int,
        row: dict[str, str],
        field: str,
        *,
        low: float,
        high: float,
        default: float | None = None,
    ) -> float | None:
        text = row.get(field, "").strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise self._wrong(
                line, field, f"not a number: {text[:40]!r}", f"write one from {low:g} to {high:g}"
            )
        return value

    def _absence(self, line: int, row: dict[str, str]) -> Absence | None:
        if row["bad"].strip():
            return None
        given = row.get("reason", "").strip() or Absence.INCONCLUSIVE
        return Absence(self._choice(line, "reason", given, list(Absence)))

    def _mechanism(self, line: int, row: dict[str, str]) -> str | None:
        """Return the mechanism; a reason beside a value is taken as one."""
        if not row["bad"].strip():
            return None
        if row.get("mechanism"):
            return self._text(line, "mechanism", row["mechanism"]) or None
        return self._text(line, "reason", row.get("reason", "")) or None

    def _choice(
        self, line: int, field: str, given: str, allowed: tuple[str, ...] | list[str]
    ) -> str:
        text = given.strip().lower()
        if text not in allowed:
            raise self._wrong(
                line,
                field,
                f"unknown: {given[:40]!r}",
                f"use one of {', '.join(map(str, allowed))}",
            )
        return text

    def _text(self, line: int, field: str, given: str, *, needed: bool = False) -> str:
        text = given.strip()
        text = unguarded(text)  # a cell that was kept from being a formula
        if needed and not text:
            raise self._wrong(line, field, "empty", "name what the row is about")
        if len(text) > _MAX_TEXT or not text.isprintable():
            raise self._wrong(
                line, field, "too long or not printable", f"at most {_MAX_TEXT} plain characters"
            )
        return text

    def _wrong(self, line: int, field: str, problem: str, mend: str) -> InputError:
        return InputError(problem, file=self._file, line=line, field=field, mend=mend)
