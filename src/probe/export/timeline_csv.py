"""Series as a timeline CSV: what ``probe.ingest.timeline_csv`` reads back to the same values."""

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from probe.model.formula import guarded
from probe.model.timeline import Sample, Series

__all__ = ["COLUMNS", "write"]

COLUMNS = (
    "time",
    "series",
    "bad",
    "vantage",
    "network",
    "tz",
    "signal",
    "locus",
    "control_bad",
    "weight",
    "reason",
    "mechanism",
    "retest",
)


def write(series: Iterable[Series], out: TextIO) -> int:
    """Write every sample of ``series`` to ``out``; return the number of rows.

    Times are UTC. A cell that a spreadsheet would run as a formula gets an apostrophe.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = 0
    for one in series:
        for sample in one.samples:
            writer.writerow(_row(one, sample))
            rows += 1
    return rows


def _row(series: Series, sample: Sample) -> tuple[str, ...]:
    key = series.key
    return (
        _time(sample.time),
        guarded(key.subject),
        "" if sample.bad is None else str(int(sample.bad)),
        guarded(key.vantage),
        guarded(key.network),
        series.tz,
        str(key.signal),
        key.locus,
        "" if sample.control_bad is None else repr(sample.control_bad),
        "" if sample.weight == 1 else repr(sample.weight),
        str(sample.absence) if sample.bad is None and sample.absence else "",
        guarded(sample.mechanism or ""),
        "1" if sample.burst else "",
    )


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
