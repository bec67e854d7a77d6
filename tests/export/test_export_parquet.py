"""Parquet and CSV in the hands of other programs: pandas, DuckDB, pyarrow."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from store_records import START, blocked, good, whole_round

from probe.export.job import Job, to_folder, to_stream
from probe.export.kinds import Form, What
from probe.export.parquet import write_parquet
from probe.export.table import Batch, Column, Table, plain_batch
from probe.model.selection import Selection
from probe.model.vantage import Network, Vantage
from probe.store.database import MEMORY, Store

pytestmark = pytest.mark.slow
NOW = START + timedelta(days=90)


def two_countries() -> Store:
    """Return a store of two months and two countries."""
    store = Store.open(MEMORY)
    for day in (0, 29, 31, 40):
        at = START + timedelta(days=day)
        whole_round(store, [blocked("news.example", at=at), good("chat.example", at=at)], at)
    at = START + timedelta(days=3)
    store.import_round(
        vantage=Vantage(id="other", country="TM", tz="Asia/Ashgabat"),
        network=Network(asn=64511),
        plan="core",
        started=at,
        ended=at,
        records=[good("mail.example", at=at)],
        imported_from="ooni:x:1",
    )
    return store


def job(what: What, form: Form) -> Job:
    return Job(what=what, form=form, chosen=Selection(), query={})


def csv_rows(store: Store, what: What) -> list[dict[str, str]]:
    out = io.BytesIO()
    to_stream(job(what, Form.CSV), store, out, now=NOW, dice=Random(1))
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


@pytest.mark.parametrize("what", [What.VERDICTS, What.MEASUREMENTS, What.INTERVALS, What.SAMPLES])
def test_parquet_holds_what_csv_holds(tmp_path: Path, what: What) -> None:
    """The same rows, typed: times are instants, numbers are numbers, nothing is null."""
    import pyarrow.dataset as ds

    store = two_countries()
    folder = tmp_path / "p"
    to_folder(job(what, Form.PARQUET), store, folder, now=NOW, dice=Random(1))
    table = ds.dataset(folder / what.value, format="parquet").to_table()
    expected = csv_rows(store, what)
    names = list(expected[0])
    assert table.column_names[: len(names)] == names
    found = [[_text(value) for value in row.values()] for row in table.select(names).to_pylist()]
    assert sorted(found) == sorted(list(row.values()) for row in expected)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_files_lie_by_country_and_month(tmp_path: Path) -> None:
    """As Hive names folders; each row in the month of its time."""
    store = two_countries()
    to_folder(job(What.VERDICTS, Form.PARQUET), store, tmp_path / "p", now=NOW, dice=Random(1))
    whole = tmp_path / "p" / "verdicts"
    assert sorted(p.name for p in whole.parent.iterdir()) == ["datapackage.json", "verdicts"]
    places = sorted(str(p.parent.relative_to(whole)) for p in tmp_path.rglob("*.parquet"))
    assert places == [
        "country=IR/month=2026-03",
        "country=IR/month=2026-04",
        "country=TM/month=2026-03",
    ]


def test_a_country_that_is_none_makes_no_folder_elsewhere(tmp_path: Path) -> None:
    """A vantage may call its country anything; a path is made of two letters or of ZZ."""
    table = Table(
        "x",
        "X",
        (Column("time", "datetime", "When."), Column("country", "string", "Where.")),
    )
    rows = [(0, name) for name in ("../../etc", "IR", "I", None, "ZZ")]
    _, files = write_parquet(table, [plain_batch(table, rows)], tmp_path / "p")
    assert {path.parent.parent.name for path in files} == {"country=IR", "country=ZZ"}


def test_without_rows_there_is_still_a_schema(tmp_path: Path) -> None:
    """An empty store gives one empty file with every column."""
    import pyarrow.parquet as pq

    with Store.open(MEMORY) as store:
        to_folder(job(What.VERDICTS, Form.PARQUET), store, tmp_path / "p", now=NOW, dice=Random(1))
    (file,) = tmp_path.rglob("*.parquet")
    assert pq.read_table(file).num_rows == 0
    assert b"description" in pq.read_schema(file).field("state").metadata


def test_duckdb_reads_both(tmp_path: Path) -> None:
    """One query over the folders, with the partitions as columns; one over the CSV."""
    import duckdb

    store = two_countries()
    to_folder(job(What.VERDICTS, Form.PARQUET), store, tmp_path / "p", now=NOW, dice=Random(1))
    to_folder(job(What.VERDICTS, Form.CSV), store, tmp_path / "c", now=NOW, dice=Random(1))
    everything = f"read_parquet('{tmp_path}/p/**/*.parquet', hive_partitioning=true)"
    query = f"SELECT month, count(*) FROM {everything} WHERE state='blocked' GROUP BY 1 ORDER BY 1"
    assert [(str(month)[:7], count) for month, count in duckdb.execute(query).fetchall()] == [
        ("2026-03", 2),
        ("2026-04", 2),
    ]
    text = duckdb.execute(
        f"SELECT typeof(time), count(*) FROM '{tmp_path}/c/verdicts.csv' GROUP BY 1"
    )
    ((kind, count),) = text.fetchall()
    assert kind.startswith("TIMESTAMP")
    assert count == 9


def test_pandas_reads_both(tmp_path: Path) -> None:
    """The types of the data dictionary are the types of the frame."""
    import pandas as pd

    store = two_countries()
    to_folder(job(What.VERDICTS, Form.PARQUET), store, tmp_path / "p", now=NOW, dice=Random(1))
    to_folder(job(What.VERDICTS, Form.CSV), store, tmp_path / "c", now=NOW, dice=Random(1))
    typed = pd.read_parquet(tmp_path / "p" / "verdicts")  # the folder, as anybody would
    assert len(typed) == 9
    assert set(typed["country"]) == {"IR", "TM"}
    assert str(typed["time"].dtype) == "datetime64[us, UTC]"
    text = pd.read_csv(tmp_path / "c" / "verdicts.csv", parse_dates=["time"])
    assert len(text) == 9
    assert str(text["time"].dt.tz) == "UTC"
    assert set(text["state"]) == {"ok", "blocked"}
    assert text["asn"].dtype.kind == "i"


def test_what_fails_while_writing_ends_the_export(tmp_path: Path) -> None:
    """Rows are written beside the reading of the next: a fault there is not passed over."""
    table = Table(
        "t",
        "A table.",
        (Column("time", "datetime", "When."), Column("country", "string", "Where.")),
    )
    read = []

    def batches() -> Iterator[Batch]:
        for number in range(50):
            read.append(number)
            yield plain_batch(table, [[0, "IR"]])

    (tmp_path / "p").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="p"):
        write_parquet(table, batches(), tmp_path / "p")
    assert len(read) < 50, "nothing more is read for a file that cannot be written"
