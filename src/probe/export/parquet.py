"""Batches as Parquet, in folders by country and month, as Hive, DuckDB and Spark read them.

``verdicts/country=IR/month=2026-03/part-0.parquet``: a folder that holds nothing else, since pandas
and pyarrow take every file below the one that they are given for Parquet, ``datapackage.json`` as
well. The country is also a column of each file; the month is that of the first time, in UTC.
Needs the extra ``parquet`` (pyarrow).
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from probe.analysis.arrays import IntArray
from probe.errors import InputError
from probe.export.parquet_columns import ArrowTables
from probe.export.table import Batch, Cell, Coded, Part, Plain, Table, Times, distinct

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_parquet"]

_MOST_OPEN = 12
"""Files open at a time; the one that was not written to for longest is closed, and a new part
is begun when its month comes again."""


def write_parquet(table: Table, batches: Iterable[Batch], folder: Path) -> tuple[int, list[Path]]:
    """Write every row below ``folder`` / table's name; return how many, and the files.

    Raises:
        InputError: pyarrow is not installed.

    """
    try:
        import pyarrow  # noqa: F401 - asked for here, so that it is said before anything is read
    except ImportError as exc:
        raise InputError(
            "Parquet needs the package pyarrow",
            field="--format",
            mend="install probe with its extra: pip install 'probe[parquet]'",
        ) from exc
    count = 0
    tables = ArrowTables(table)
    with _Files(tables, folder / table.name) as files, ThreadPoolExecutor(max_workers=1) as beside:
        written = beside.submit(lambda: None)
        for batch in batches:
            whole, places = tables.of(batch), list(_places(batch))
            written.result()  # one batch is written while the next is read, and no more wait
            written = beside.submit(files.write_all, whole, places)
            count += batch.size
        written.result()
        if not files.paths:
            files.write(("ZZ", "none"), tables.schema.empty_table())
    return count, files.paths


class _Files:
    """The files that are being written, by country and month."""

    def __init__(self, tables: ArrowTables, folder: Path) -> None:
        self._schema = tables.schema
        self._words = tables.words
        self._folder = folder
        self._open: dict[tuple[str, str], Any] = {}
        self.paths: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._open.values():
            writer.close()

    def write_all(self, whole: "pa.Table", places: Iterable[tuple[tuple[str, str], Any]]) -> None:
        """Write the rows of each place; ``None`` is all of them."""
        for place, rows in places:
            self.write(place, whole if rows is None else whole.take(rows))

    def write(self, place: tuple[str, str], rows: "pa.Table") -> None:
        writer = self._open.pop(place, None) or self._new(place)
        self._open[place] = writer  # now the one that was written to last
        writer.write_table(rows)

    def _new(self, place: tuple[str, str]) -> Any:
        import pyarrow.parquet as pq

        if len(self._open) >= _MOST_OPEN:
            self._open.pop(next(iter(self._open))).close()
        folder = self._folder / f"country={place[0]}" / f"month={place[1]}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-{sum(p.parent == folder for p in self.paths)}.parquet"
        self.paths.append(path)
        return pq.ParquetWriter(
            path,
            self._schema,
            compression="snappy",
            use_dictionary=list(self._words),
            write_statistics=[n for n in self._schema.names if n not in self._words],
        )


def _places(batch: Batch) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield each (country, month) of a batch and the rows that belong there; ``None`` is all."""
    times = next(part for part in batch.parts if isinstance(part, Times)).us
    if not isinstance(times, np.ndarray):
        times = np.array([0 if time is None else time for time in times], dtype=np.int64)
    months = times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    codes, countries = _countries(batch)
    places = months * len(countries) + codes
    for place in np.unique(places).tolist():
        month = str(np.datetime64(place // len(countries), "M"))
        rows = np.flatnonzero(places == place)
        yield (
            (countries[place % len(countries)], month),
            None if len(rows) == batch.size else rows,
        )


def _countries(batch: Batch) -> tuple[IntArray, list[str]]:
    """Return, a row, the number of its country, and the countries."""
    part = next(part for part in batch.parts if _has_country(part))
    if isinstance(part, Coded):
        codes, keys = distinct(part)
        place = part.columns.index("country")
        words = [_safe(part.values(key)[place]) for key in keys]
    else:
        words = [_safe(value) for value in part.values] if isinstance(part, Plain) else []
        codes = np.arange(len(words))
    countries = list(dict.fromkeys(words))
    return np.array([countries.index(word) for word in words], dtype=np.int64)[codes], countries


def _safe(value: Cell) -> str:
    """Return what may be the name of a folder."""
    text = str(value or "ZZ")
    return text if len(text) == 2 and text.isalpha() and text.isascii() else "ZZ"


def _has_country(part: Part) -> bool:
    return "country" in part.columns if isinstance(part, Coded) else part.column == "country"
