"""Several vantages and networks side by side over one period: who sees what, and since when."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from probe.analysis.columns import Columns
from probe.analysis.look_series import series_of_looks
from probe.model.target import Catalog
from probe.model.timeline import Signal
from probe.model.times import instant
from probe.report.data import Lane, Looks, Mark, Pair, Period
from probe.report.findings import looks_of
from probe.report.marks import Row, bars_of, last_mark
from probe.report.text import clean
from probe.store.database import Store

__all__ = ["MOST_OF_FILES", "Column", "Comparison", "Seen", "compare"]

_BAD = frozenset({Mark.CUT, Mark.REFUSED, Mark.FAILED, Mark.DOWN})


MOST_OF_FILES = 100
"""Lanes out of files that are drawn: a file may speak of thousands, each of which takes 8 ms."""


class Column(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One vantage on one network; ``file`` where a file of somebody else's says what it saw.

    No measurement stands behind such a column, so it leads nowhere, and what failed there is drawn
    without saying by whom.
    """

    file: bool = False
    vantage: str
    network: str

    @property
    def name(self) -> str:
        """Return both in one line; an asterisk for a file is first: charts cut long names."""
        both = " · ".join(part for part in (self.vantage, self.network) if part)
        return f"* {both}" if self.file else both


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one column shows of one service."""

    column: Column
    mark: Mark
    looks: Looks


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Services by columns; ``pairs`` and ``lanes`` are for the charts.

    Of ``of_files`` lanes out of files the first ``MOST_OF_FILES`` are among the ``lanes``.
    """

    period: Period
    tz: str
    columns: tuple[Column, ...] = ()
    services: tuple[tuple[str, str, tuple[Seen, ...]], ...] = ()  # id, name, what was seen
    pairs: tuple[Pair, ...] = ()
    lanes: tuple[Lane, ...] = ()
    of_files: int = 0


def compare(
    store: Store,
    catalog: Catalog,
    since: datetime | None,
    until: datetime | None,
    *,
    tz: str | None = None,
) -> Comparison:
    """Return what every vantage that is stored says of the period; those that fail come first.

    Series that were taken in from files stand behind the measured ones.
    """
    rounds = list(store.rounds(since=since, until=until))
    found = series_of_looks(store.look_table(since=since, until=until), rounds)
    files = store.imported_columns(Signal.TARGETED, since, until)
    names = {service.id: service.name for service in catalog.services}
    grouped: dict[str, dict[Column, list[Columns]]] = defaultdict(dict)
    for one, file in [(one, False) for one in found] + [(one, True) for one in files]:
        if one.key.signal is not Signal.TARGETED:
            continue
        vantage, network = clean(one.key.vantage, 40), clean(one.key.network, 40)
        column = Column(vantage=vantage, network=network, file=file)
        grouped[one.key.subject].setdefault(column, []).append(one)
    services = sorted(
        (
            (subject, clean(names.get(subject, subject), 80), _seen(columns))
            for subject, columns in grouped.items()
        ),
        key=lambda row: (-sum(seen.mark in _BAD for seen in row[2]), row[1].casefold()),
    )
    failing = [row for row in services if any(seen.looks.bad for seen in row[2])]
    return Comparison(
        period=_period([*(row.started for row in rounds), *_ends(files)], since, until),
        tz=tz or next((one.tz for one in (*found[::-1], *files)), "UTC"),
        columns=tuple(sorted({column for columns in grouped.values() for column in columns})),
        services=tuple(services),
        pairs=tuple(
            Pair(subject=subject, name=name, network=seen.column.name, mark=seen.mark)
            for subject, name, all_seen in failing
            for seen in all_seen
        ),
        lanes=tuple(_lanes(grouped, failing)),
        of_files=sum(seen.column.file for row in failing for seen in row[2]),
    )


def _seen(columns: dict[Column, list[Columns]]) -> tuple[Seen, ...]:
    return tuple(
        Seen(column=column, mark=last_mark(own, hedged=column.file), looks=looks_of(own)[0])
        for column, own in sorted(columns.items())
    )


def _lanes(
    grouped: dict[str, dict[Column, list[Columns]]],
    failing: Sequence[tuple[str, str, tuple[Seen, ...]]],
) -> list[Lane]:
    from probe.analysis.timeline import intervals

    lanes = []
    of_files = 0
    for subject, name, _all_seen in failing:
        for column, own in sorted(grouped[subject].items()):
            of_files += column.file
            if column.file and of_files > MOST_OF_FILES:
                continue
            found = {one.key: intervals(one) for one in own}
            row = Row(own=tuple(own), line=(), intervals=found, hedged=column.file)
            shown = f"* {name}" if column.file else name
            lanes.append(Lane(subject=subject, name=shown, network=column.name, bars=bars_of(row)))
    return lanes


def _ends(series: Sequence[Columns]) -> Iterator[datetime]:
    """Yield when each series begins and ends."""
    for one in series:
        yield instant(int(one.time_us[0]))
        yield instant(int(one.time_us[-1]))


def _period(times: Sequence[datetime], since: datetime | None, until: datetime | None) -> Period:
    first = since or min(times, default=until)
    last = until or max(times, default=since)
    if first is None or last is None:
        raise ValueError("a comparison needs a period")
    return Period(start=first, end=max(first, last))
