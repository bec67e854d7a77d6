"""Exports of ten million rows: how fast, and how much memory the largest takes.

A day of 300 endpoints every 30 minutes is written as rounds are; then SQL copies it, later each
time, to 10 million verdicts (12 million measurements, two years of one line). Each export runs in
a process of its own, into a file. The hash chain ends with the first day: no export reads it.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_store
from figures import Figure, peak_rss_mib

from probe.store.database import Store

ROWS = int(os.environ.get("PROBE_BENCH_ROWS", "10_000_000"))
DAY = 48  # rounds
STEP_US = 30 * 60 * 1_000_000
MOST_MIB = 300


def make(path: Path, rows: int) -> None:
    """Write a store of about so many verdicts."""
    sites = [bench_store.Site.of(n) for n in range(bench_store.ENDPOINTS)]
    with Store.open(path) as store:
        store.save_vantage(bench_store.LINE)
        for at, records in bench_store._rounds(DAY, sites):
            number = bench_store._begin(store, at)
            store.save(number, records)
            store.end_round(number, bench_store._context(at), at)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(round)")]
    for copy in range(1, rows // (DAY * bench_store.ENDPOINTS) + 1):
        _copy(connection, columns, copy)
    connection.execute("COMMIT")
    connection.close()


def _copy(connection: sqlite3.Connection, columns: list[str], copy: int) -> None:
    shift, later = copy * DAY, copy * DAY * STEP_US
    moved = {"id": shift, "started_us": later, "ended_us": later}
    chosen = ",".join(f"{name}+{moved[name]}" if name in moved else name for name in columns)
    connection.execute(
        f"INSERT INTO round({','.join(columns)}) SELECT {chosen} FROM round WHERE id<={DAY}"
    )
    for table, rest in (
        ("verdict", "endpoint_id,no,ruling_id,offset_us"),
        ("measurement", "no,seq,endpoint_id,variant,outcome,offset_us,trace"),
    ):
        connection.execute(
            f"INSERT INTO {table}(round_id,{rest}) SELECT round_id+{shift},{rest}"
            f" FROM {table} WHERE round_id<={DAY}"
        )


def run(store: Path, what: str, form: str, folder: Path) -> None:
    """Export once, and print rows, seconds, processor seconds and the peak of memory."""
    from random import Random

    from probe.clock import SystemClock
    from probe.export.job import Job, to_folder
    from probe.export.kinds import Form, What
    from probe.model.selection import Selection

    job = Job(what=What(what), form=Form(form), chosen=Selection(), query={})
    with Store.open(store, readonly=True) as opened:
        start, used = time.perf_counter(), time.process_time()
        out = folder / f"{what}-{form}"
        rows, _ = to_folder(job, opened, out, now=SystemClock().now(), dice=Random(1))
        took, busy = time.perf_counter() - start, time.process_time() - used
    print(json.dumps([rows, took, busy, peak_rss_mib()]))


def _figures(store: Path, folder: Path, what: str, form: str, aim: int) -> list[Figure]:
    command = [sys.executable, __file__, str(store), what, form, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows, took, busy, memory = json.loads(done.stdout)
    rate = rows / took
    return [
        Figure(
            f"{rows:,} {what} to {form}",
            f"{rate:,.0f} rows/s ({rows / busy:,.0f} a processor second)",
            f">= {aim:,}/s",
            rate >= aim,
        ),
        Figure(
            f"peak memory of it, {form}",
            f"{memory:.0f} MiB",
            f"< {MOST_MIB} MiB",
            memory < MOST_MIB,
        ),
    ]


def main() -> list[Figure]:
    """Measure verdicts and measurements, as CSV and as Parquet."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "large.sqlite"
        make(store, ROWS)
        for what in ("verdicts", "measurements"):
            for form, aim in (("csv", 200_000), ("parquet", 500_000)):
                figures += _figures(store, folder, what, form, aim)
                for file in (folder / f"{what}-{form}").rglob("*"):
                    if file.is_file():
                        file.unlink()
    return figures


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        for figure in main():
            print(figure.row())
