"""One export, from the question to the files: which table, which rows, which form, where to."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

from msgspec.structs import replace

from probe.errors import InputError, StoreError
from probe.export import events, measurements, ooni, package, timelines, verdicts
from probe.export.kinds import Form, What
from probe.export.publish import DEFAULT_K, HOLD, HOUR_S, Publisher, Removed, published_query
from probe.export.stored import View
from probe.export.table import Batch, Table, only
from probe.export.text import write_csv, write_json, write_jsonl
from probe.model.selection import Selection
from probe.model.timeline import Series
from probe.store.database import Store
from probe.store.scanning import collector_paused
from probe.targets.private import PRIVATE_SERVICE

__all__ = ["Job", "to_folder", "to_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What was asked for; ``query`` is the same in words, for the data dictionary."""

    what: What
    form: Form
    chosen: Selection
    query: Mapping[str, Any]
    categories: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    catalog_digest: str = ""
    by_endpoint: bool = False
    step: timedelta = timedelta(hours=1)
    publish: bool = False
    k: int = DEFAULT_K

    def check(self) -> None:
        """See that the parts fit each other.

        Raises:
            InputError: they do not.

        """
        if self.form is Form.OONI and self.what is not What.MEASUREMENTS:
            raise InputError(
                "OONI's format holds measurements",
                field="--format",
                mend="probe export measurements --format ooni",
            )
        if self.chosen.states is not None and self.what not in (
            What.MEASUREMENTS,
            What.VERDICTS,
        ):
            raise InputError(
                "a state is of a verdict, not of a series",
                field="--state",
                mend="export verdicts or measurements, or choose among the rows afterwards",
            )
        if self.publish and self.what is What.SAMPLES:
            raise InputError(
                "samples are single looks, which are not published",
                field="--publish",
                mend="export grid, with steps of an hour or more",
            )
        if self.publish and self.what is What.GRID and self.step < timedelta(hours=1):
            raise InputError(
                "published steps are an hour or more", field="--step", mend="--step 1h"
            )


def to_stream(
    job: Job, store: Store, out: BinaryIO, *, now: datetime, dice: Random
) -> tuple[int, tuple[Removed, ...]]:
    """Write the rows to ``out``; return how many, and what was taken out for publishing.

    Raises:
        InputError: the parts of the job do not fit each other, or Parquet was asked for.
        StoreError: the store cannot be read.

    """
    if job.form is Form.PARQUET:
        raise InputError(
            "Parquet is many files", field="--format", mend="name a new folder with --out"
        )
    job.check()
    run = _Run(job, store, now, dice)
    with collector_paused():
        rows = run.text(out)
    return rows, run.removed()


def to_folder(
    job: Job, store: Store, folder: Path, *, now: datetime, dice: Random
) -> tuple[int, tuple[Removed, ...]]:
    """Write the rows and ``datapackage.json`` into a new folder: all of it, or nothing.

    Returns how many rows, and what was taken out for publishing.

    Raises:
        InputError: the folder is there already, or the parts of the job do not fit each other.
        StoreError: the store cannot be read, or the folder not be written.

    """
    job.check()
    if folder.exists():
        raise InputError(
            "it is there already, and nothing is written over",
            file=str(folder),
            field="--out",
            mend="name a new folder",
        )
    run = _Run(job, store, now, dice)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            with collector_paused():
                rows, files = run.files(part)
            package.describe(part, run.table, job.form.value, files, rows, run.making())
            part.chmod(0o755 if job.publish else 0o700)  # exact times are for the owner's eyes
            os.replace(part, folder)  # noqa: PTH105 - Path.replace says the same with less
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as exc:
        raise StoreError(f"{folder}: cannot be written: {exc.strerror or exc}") from exc
    return rows, run.removed()


class _Run:
    """The rows of one job."""

    def __init__(self, job: Job, store: Store, now: datetime, dice: Random) -> None:
        self._job = job
        self._store = store
        self._now = now
        self._dice = dice
        chosen = job.chosen
        if job.publish:
            newest = now - HOLD
            until = newest if chosen.until is None else min(chosen.until, newest)
            chosen = replace(chosen, until=until)
        if job.publish or job.form is Form.OONI:
            chosen = _without_own(chosen, store)
        self._chosen = chosen
        self._publisher = (
            Publisher(store.scan.rounds(chosen), dice=dice, k=job.k) if job.publish else None
        )
        whole = _TABLES[job.what]
        self.table: Table = whole.without_private() if job.publish else whole
        if job.form is Form.OONI:
            self.table = Table("measurements", "Measurements in OONI's format", ())

    def text(self, out: BinaryIO) -> int:
        form = self._job.form
        if form is Form.OONI:
            lines = ooni.lines(
                self._store, self._chosen, publisher=self._publisher, dice=self._dice
            )
            return ooni.write(lines, out)
        rows = self._batches()
        if form is Form.CSV:
            return write_csv(self.table, rows, out)
        return write_json(rows, out) if form is Form.JSON else write_jsonl(rows, out)

    def files(self, folder: Path) -> tuple[int, list[Path]]:
        job = self._job
        if job.form is Form.PARQUET:
            from probe.export.parquet import write_parquet

            return write_parquet(self.table, self._batches(), folder)
        suffix = "jsonl" if job.form is Form.OONI else job.form.value
        path = folder / f"{job.what.value}.{suffix}"
        with path.open("wb") as out:
            rows = self.text(out)
        return rows, [path]

    def removed(self) -> tuple[Removed, ...]:
        return () if self._publisher is None else self._publisher.removed()

    def making(self) -> package.Making:
        from probe.analysis.rules import RULES

        info = self._store.info()
        job = self._job
        today = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        return package.Making(
            created=today if job.publish else self._now,
            query=published_query(job.query) if job.publish else dict(job.query),
            chain_head=None if job.publish else info.chain_head,
            schema=info.schema,
            catalog_digest=job.catalog_digest,
            rules={rule.id: rule.version for rule in RULES},
            removed=self.removed(),
        )

    def _batches(self) -> Iterator[Batch]:
        return (only(batch, self.table) for batch in self._whole())

    def _whole(self) -> Iterator[Batch]:
        job, store = self._job, self._store
        if job.what in (What.VERDICTS, What.MEASUREMENTS):
            publisher = self._publisher
            view = View(
                categories=job.categories,
                shown=None if publisher is None else publisher.round,
                grain_s=HOUR_S if job.publish else 0,
            )
            made: Callable[..., Iterator[Batch]] = (
                verdicts.batches if job.what is What.VERDICTS else measurements.batches
            )
            return made(store.scan, self._chosen, view)
        if job.what is What.EVENTS:
            return self._events()
        countries, series = self._countries(), self._told()
        if job.what is What.SAMPLES:
            return timelines.sample_rows(series, countries)
        if job.what is What.GRID:
            return timelines.grid(series, job.step, countries)
        coarse = None if self._publisher is None else self._publisher.interval
        return timelines.interval_rows(series, countries, coarse)

    def _series(self) -> Iterator[Series]:
        by: timelines.By = "endpoint" if self._job.by_endpoint else "service"
        return timelines.series_in(self._store, self._chosen, by=by)

    def _told(self) -> Iterable[Series]:
        from probe.analysis.throttle_series import goodput_series

        publisher = self._publisher
        timed = goodput_series(timelines.pairs_in(self._store, self._chosen))
        series = chain(self._series(), timed)
        return series if publisher is None else (publisher.series(one) for one in series)

    def _countries(self) -> Mapping[str, str]:
        known = self._store.countries()
        if self._publisher is None:
            return known
        return {self._publisher.line(name): country for name, country in known.items()}

    def _events(self) -> Iterator[Batch]:
        from probe.analysis.survey import SEED, survey
        from probe.export.known import known_of

        known = known_of(self._job.names, self._job.categories, self._store.sources())
        pairs = timelines.pairs_in(self._store, self._chosen)
        rng = Random(SEED)  # noqa: S311
        found = survey(tuple(self._series()), pairs=pairs, rng=rng, known=known)
        publisher = self._publisher
        told = found if publisher is None else tuple(publisher.event(one) for one in found)
        return events.batches(told, self._countries())


def _without_own(chosen: Selection, store: Store) -> Selection:
    """Leave out what was measured of a person's own bridges: that there are any tells too much."""
    there = store.scan.services()
    if PRIVATE_SERVICE not in there:
        return chosen
    wanted = {*there, *store.imported_services()} if chosen.services is None else chosen.services
    return replace(chosen, services=frozenset(wanted) - {PRIVATE_SERVICE})


_TABLES: dict[What, Table] = {
    What.MEASUREMENTS: measurements.TABLE,
    What.VERDICTS: verdicts.TABLE,
    What.INTERVALS: timelines.INTERVALS,
    What.GRID: timelines.GRID,
    What.SAMPLES: timelines.SAMPLES,
    What.EVENTS: events.TABLE,
}
