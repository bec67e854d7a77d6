"""The series of a table of looks: what ``series.series_of`` makes of its rows, as columns."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from probe.analysis.arrays import BoolArray, IntArray
from probe.analysis.columns import NONE, Columns, absence_code, columns_of, of_samples
from probe.analysis.line_series import line_series, networks_of
from probe.analysis.look_table import LookTable
from probe.analysis.series import (
    BAD,
    RETIRED,
    felt,
    invalid_as,
    loci_of,
    sample_of,
    silences,
    times_heard,
)
from probe.model.record import Judged, RoundRow, SeriesRound, judged_row
from probe.model.timeline import Sample, SeriesKey
from probe.model.verdict import Locus, State, Verdict

__all__ = ["series_of_looks"]

_NOWHEN = datetime(1970, 1, 1, tzinfo=UTC)
_ANY = SeriesRound(0, 0, "", "", "UTC", 0, 0.0, ())


def series_of_looks(
    table: LookTable, rounds: Sequence[RoundRow], *, line: bool = True
) -> tuple[Columns, ...]:
    """Return the series of services, then ``upstream`` and ``intl`` of each ``line``.

    They are those that ``series_of`` makes of ``table.judged()`` and ``rounds``.
    """
    networks = networks_of(rounds)
    maker = _Maker(table, rounds, networks)
    heard = times_heard(rounds)
    found: list[Columns] = []
    for (vantage, network, service), mine in sorted(maker.subjects().items()):
        found += maker.series(vantage, network, service, mine, heard.get(vantage, []))
    lines = line_series(rounds, networks) if line else ()
    return (*found, *map(columns_of, lines))


class _Maker:
    """A table of looks with what each ruling and each round says to a series."""

    def __init__(
        self, table: LookTable, rounds: Sequence[RoundRow], networks: Mapping[int, str]
    ) -> None:
        self._rulings = [_felt(one) for one in table.rulings]
        self._table = table.without(RETIRED)
        again = {row.id for row in rounds if row.retests}
        known = table.rounds
        self._again = np.array([one.id in again for one in known], dtype=np.bool_)
        self._control = np.array([one.control_bad for one in known], dtype=np.float64)
        invalid = [absence_code(invalid_as(one.gates)) for one in known]
        self._invalid = np.array(invalid, dtype=np.int8)
        self._of_locus: dict[Locus, _Said] = {}
        self._lines = [(one.vantage, networks.get(one.id, one.network)) for one in known]

    def subjects(self) -> dict[tuple[str, str, str], IntArray]:
        """Return the places of the looks at each service from each line, by time."""
        table = self._table
        numbers: dict[tuple[str, str], int] = {}
        of_round = [numbers.setdefault(line, len(numbers)) for line in self._lines]
        line = np.array(of_round, dtype=np.int64)[table.round]
        edges = np.searchsorted(table.service, np.arange(len(table.services) + 1))
        found: dict[tuple[str, str, str], IntArray] = defaultdict(lambda: np.zeros(0, np.int64))
        for service, first, last in zip(table.services, edges[:-1], edges[1:], strict=True):
            mine = line[first:last]
            for (vantage, network), number in numbers.items():
                places = np.flatnonzero(mine == number) + first
                if places.size:
                    found[vantage, network, service] = places
        return found

    def series(
        self, vantage: str, network: str, service: str, mine: IntArray, heard: Sequence[float]
    ) -> Iterator[Columns]:
        """Yield the series of one subject, one for each locus."""
        table = self._table
        time_us, round_, ruling = table.time_us[mine], table.round[mine], table.ruling[mine]
        spoke = [self._rulings[place] for place in np.unique(ruling).tolist()]
        seen = frozenset(one.locus for one in spoke if one.state in BAD)
        marks = silences(time_us / 1e6, heard)
        tz = table.rounds[round_[-1]].tz
        for locus in loci_of(seen):
            key = SeriesKey(vantage=vantage, network=network, subject=service, locus=str(locus))
            made = self._made(key, tz, time_us, round_, ruling, locus)
            yield _with(made, marks) if marks else made

    def _said(self, locus: Locus) -> "_Said":
        if locus not in self._of_locus:
            self._of_locus[locus] = _Said(self._rulings, locus)
        return self._of_locus[locus]

    def _made(
        self,
        key: SeriesKey,
        tz: str,
        time_us: IntArray,
        round_: IntArray,
        ruling: IntArray,
        locus: Locus,
    ) -> Columns:
        said = self._said(locus)
        looked = said.looked[ruling]
        absence = np.where(said.invalid[ruling], self._invalid[round_], said.absence[ruling])
        return Columns(
            key=key,
            tz=tz,
            time_us=time_us,
            bad=said.bad[ruling],
            weight=said.weight[ruling],
            absence=absence,
            control_bad=np.where(looked, self._control[round_], np.nan),
            mechanism=said.mechanism[ruling],
            names=said.names,
            burst=looked & self._again[round_],
        )


class _Said:
    """What each ruling says to the series of a locus: a sample's fields, one array each."""

    def __init__(self, rulings: Sequence[Judged], locus: Locus) -> None:
        samples = [sample_of(one, locus, again=True) for one in rulings]
        columns = of_samples(SeriesKey(subject=""), "UTC", samples)
        self.bad, self.weight, self.absence = columns.bad, columns.weight, columns.absence
        self.mechanism, self.names = columns.mechanism, columns.names
        self.looked: BoolArray = columns.burst
        invalid = [one.state is State.INVALID for one in rulings]
        self.invalid = np.array(invalid, dtype=np.bool_)


def _felt(ruling: Verdict) -> Judged:
    """Return a ruling as a row of no round, as a timeline reads it."""
    return felt(judged_row(_ANY, _NOWHEN, "", ruling))


def _with(series: Columns, marks: Sequence[Sample]) -> Columns:
    """Return a series with the marks of its silences, by time."""
    more = of_samples(series.key, series.tz, marks)
    joined = Columns(
        key=series.key,
        tz=series.tz,
        time_us=np.concatenate((series.time_us, more.time_us)),
        bad=np.concatenate((series.bad, more.bad)),
        weight=np.concatenate((series.weight, more.weight)),
        absence=np.concatenate((series.absence, more.absence)),
        control_bad=np.concatenate((series.control_bad, more.control_bad)),
        mechanism=np.concatenate((series.mechanism, np.full(len(more), NONE, dtype=np.int16))),
        names=series.names,
        burst=np.concatenate((series.burst, more.burst)),
    )
    return joined.where(np.argsort(joined.time_us, kind="stable"))
