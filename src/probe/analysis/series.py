"""Verdicts to series: what can be compared in time, and what is only missing.

A series is one (vantage, network, subject, signal, locus). Rules, with their reasons, are in
docs/design/005-timelines-and-windows.md:

- every ``ok`` row of a subject belongs to each of its locus series;
- a refusal by the service itself (``blocked``, locus ``server``) came over a working path, so
  it is good for the network's series and bad for the server's;
- a failure with another known locus hides what the series asks for: no evidence there;
- a failure whose locus is unknown joins the ``network`` series of a subject that has one, at
  half weight, so that a change of method stays one event; else it makes a series of its own;
- a failure where only a snapshot or the own past says that it should work is no verdict (it may
  be down for everybody), but it failed here, and that is what a timeline is about: it counts as
  bad, with the locus that it has (unknown, or the service itself for a refusal);
- a retired service has no series at all;
- what a round of retests saw is marked as one: however many, they count as two samples.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

import numpy as np
from msgspec import structs

from probe.analysis.arrays import FloatArray
from probe.analysis.grounds import Ground, ground_of
from probe.analysis.line_series import line_series, networks_of
from probe.analysis.looked import NOT_MEASURED
from probe.analysis.rollup import combine
from probe.analysis.spacing import silence_s, spacing_s
from probe.analysis.wholes import Membership, combine_whole
from probe.model.context import GateId
from probe.model.record import Judged, RoundRow
from probe.model.timeline import Absence, Sample, Series, SeriesKey
from probe.model.verdict import Confidence, Locus, State

__all__ = [
    "BAD",
    "RETIRED",
    "Subject",
    "combined",
    "felt",
    "invalid_as",
    "loci_of",
    "looks_of",
    "sample_of",
    "series_of",
    "silences",
    "times_heard",
]

RETIRED = "service.retired"
"""The mechanism of a service that is no more: it has no series."""

BAD = frozenset({State.BLOCKED, State.DEGRADED, State.DOWN})
_UNKNOWN_WEIGHT = 0.5

Subject = tuple[str, str, str]
"""Vantage, network key, and service or endpoint."""


def series_of(
    rows: Iterable[Judged],
    rounds: Iterable[RoundRow],
    *,
    by: Literal["service", "endpoint"] = "service",
    parts: Membership | None = None,
    seen: dict[Subject, frozenset[Locus]] | None = None,
) -> tuple[Series, ...]:
    """Return every series of these verdicts, then ``upstream`` and ``intl`` of each line.

    ``by`` says what a subject is: a service (its endpoints of one round combined into one
    verdict) or an endpoint. With ``parts``, the wholes that services are parts of are subjects
    as well. The zone of a series is that of its newest row. Who reads a store piece by piece
    hands in ``seen``, at first empty: it holds the loci of what was bad up to now, so that a
    failure of unknown locus joins the series that it would join in the whole.
    """
    seen = {} if seen is None else seen
    kept = tuple(rounds)
    networks = networks_of(kept)
    again = frozenset(row.id for row in kept if row.retests)
    heard = times_heard(kept)
    found: list[Series] = []
    for about, judged in sorted(_subjects(rows, networks, by, parts or {}).items()):
        vantage, network, subject = about
        judged.sort(key=lambda row: row.time)
        marks = silences([row.time.timestamp() for row in judged], heard[vantage])
        bad = {row.locus for row in judged if row.state in BAD}
        seen[about] = seen.get(about, frozenset()) | bad
        for locus in loci_of(seen[about]):
            samples = [sample_of(row, locus, row.round in again) for row in judged]
            samples = sorted([*samples, *marks], key=lambda s: s.time) if marks else samples
            key = SeriesKey(vantage=vantage, network=network, subject=subject, locus=str(locus))
            found.append(Series(key=key, tz=judged[-1].tz, samples=tuple(samples)))
    return (*found, *line_series(kept, networks))


def times_heard(rounds: Iterable[RoundRow]) -> dict[str, list[float]]:
    """Return when each vantage began its rounds, seconds since 1970, sorted."""
    heard: dict[str, list[float]] = defaultdict(list)
    for row in rounds:
        heard[row.vantage].append(row.started.timestamp())
    for times in heard.values():
        times.sort()
    return heard


def _subjects(
    rows: Iterable[Judged],
    networks: dict[int, str],
    by: Literal["service", "endpoint"],
    parts: Membership,
) -> dict[Subject, list[Judged]]:
    """Group by vantage, network and subject; retired services are left out."""
    alive = (felt(row) for row in rows if row.mechanism != RETIRED)
    subjects: dict[Subject, list[Judged]] = defaultdict(list)
    if by == "endpoint":
        for row in alive:
            network = networks.get(row.round, row.network)
            subjects[row.vantage, network, row.endpoint].append(row)
        return subjects
    looks: dict[tuple[str, str, str, int], list[Judged]] = defaultdict(list)
    for row in alive:
        network = networks.get(row.round, row.network)
        looks[row.vantage, network, row.service, row.round].append(row)
    wholes: dict[tuple[str, str, str, int], list[Judged]] = defaultdict(list)
    for (vantage, network, service, number), group in looks.items():
        one = combined(group)
        subjects[vantage, network, service].append(one)
        if service in parts:
            wholes[vantage, network, parts[service].whole, number].append(one)
    for (vantage, network, whole, _), group in wholes.items():
        subjects[vantage, network, whole].append(combine_whole(whole, parts, group))
    return subjects


def looks_of(rows: Iterable[Judged]) -> Iterator[tuple[Judged, int, int]]:
    """Yield what the rows of one round say of each service, with endpoints looked at and failed.

    ``series_of`` makes the same series from these as from the rows themselves.
    """
    services: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        if row.mechanism != RETIRED:
            services[row.service].append(felt(row))
    for group in services.values():
        looked = sum(row.mechanism not in NOT_MEASURED for row in group)
        yield combined(group), looked, sum(row.state in BAD for row in group)


def felt(row: Judged) -> Judged:
    """Return ``row`` as a timeline reads it: what failed here though it worked before is bad."""
    if row.state is not State.INCONCLUSIVE or ground_of(row.rule_id) is not Ground.EXPECTED:
        return row
    return structs.replace(row, state=State.BLOCKED, confidence=Confidence.WEAK)


def combined(group: Sequence[Judged]) -> Judged:
    """Return one row of a service's round; what is unanimous needs no roll-up."""
    first = group[0]
    if len(group) == 1 or all(row.state is State.OK for row in group):
        return first
    return combine(group)


def loci_of(seen: frozenset[Locus]) -> tuple[Locus, ...]:
    """Return whose series there are, the network's first; ``network`` if nothing was bad."""
    kept = seen - {Locus.UNKNOWN} if Locus.NETWORK in seen else seen
    return tuple(locus for locus in Locus if locus in kept) or (Locus.NETWORK,)


def sample_of(row: Judged, locus: Locus, again: bool) -> Sample:
    """Return what ``row`` says to the series of ``locus``; ``again`` is a retest of a change."""
    good = Sample(time=row.time, bad=False, control_bad=row.control_bad, burst=again)
    if row.state is State.OK:
        return good
    if row.state is State.INVALID:
        return Sample(time=row.time, bad=None, absence=invalid_as(row.gates))
    if row.mechanism in NOT_MEASURED:
        return Sample(time=row.time, bad=None, absence=Absence.NOT_SCHEDULED)
    if row.state not in BAD:
        return Sample(time=row.time, bad=None, absence=Absence.INCONCLUSIVE)
    if row.locus is locus or (row.locus is Locus.UNKNOWN and locus is Locus.NETWORK):
        return Sample(
            time=row.time,
            bad=True,
            weight=1.0 if row.locus is locus else _UNKNOWN_WEIGHT,
            control_bad=row.control_bad,
            mechanism=row.mechanism,
            burst=again,
        )
    if row.locus is Locus.SERVER and row.state is State.BLOCKED and locus is Locus.NETWORK:
        return good
    return Sample(time=row.time, bad=None, absence=Absence.INCONCLUSIVE)


def invalid_as(gates: Sequence[str]) -> Absence:
    """Return why there is no evidence in a round in which these gates closed."""
    return Absence.OFFLINE_LOCAL if GateId.OFFLINE_LOCAL in gates else Absence.INVALID


def silences(times: Sequence[float] | FloatArray, heard: Sequence[float]) -> list[Sample]:
    """Mark each silence: rounds went on without this subject, or the host itself was off.

    ``times`` are those of its looks, ``heard`` those of the vantage's rounds, on whatever
    network: seconds since 1970, sorted.
    """
    looked = np.asarray(times, dtype=np.float64)
    longest = silence_s(spacing_s(looked))
    return [
        Sample(time=datetime.fromtimestamp(at_s, UTC), bad=None, absence=absence)
        for place in np.flatnonzero(np.diff(looked) > longest).tolist()
        for at_s, absence in _marks(float(looked[place]), float(looked[place + 1]), heard, longest)
    ]


def _marks(
    before: float, after: float, heard: Sequence[float], longest: float
) -> Iterator[tuple[float, Absence]]:
    """Say what each stretch between two rows was, by the rounds in between."""
    inside = heard[bisect_right(heard, before + 1) : bisect_right(heard, after - 1)]
    stops = [before, *inside, after]
    last: Absence | None = None
    for left, right in pairwise(stops):
        absence = Absence.HOST_OFF if right - left > longest else Absence.NOT_SCHEDULED
        if absence is not last:
            yield left + min(60.0, (right - left) / 2), absence
        last = absence
