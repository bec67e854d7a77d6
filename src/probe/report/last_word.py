"""What is known of each service at the end of a period: the last look that speaks for it.

It is made of the endpoints' own verdicts, so that a report of last month says what was known then
and not what is known today.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec
import numpy as np

from probe.analysis.look_table import LookTable
from probe.model.record import Judged, ruling_of
from probe.model.target import Catalog, Endpoint, Service
from probe.model.times import instant, microseconds
from probe.model.verdict import Confidence, Locus, Reason, ServiceVerdict, State, Verdict
from probe.report.data import Subject
from probe.store.database import Store

__all__ = ["Known", "LastLooks", "known_of", "last_of", "proving", "services_of"]

_STALE = timedelta(hours=24)
"""An unclear look hides a proving one only when that one is older than this before it."""

_FRESH = timedelta(days=7)
_LAST_DAY = timedelta(hours=26)
"""How far back what only ever worked is asked for: a daily plan, and more."""

_NO_LOOK = frozenset({"not_run", "not_measured", "interrupted"})
_PROVING = frozenset({State.OK, State.BLOCKED, State.DEGRADED, State.DOWN})
_ORDER = {confidence: place for place, confidence in enumerate(Confidence)}

_Reasons = Mapping[tuple[int, str], Reason | None]
LastLooks: TypeAlias = Mapping[str, Mapping[str, Judged]]
"""By service and endpoint, the look that speaks for it."""

Known: TypeAlias = Mapping[str, tuple[Endpoint, Verdict]]
"""The last verdict on each endpoint, to compare a service's own endpoints with."""


def proving(
    store: Store,
    looks: LookTable,
    since: datetime | None,
    until: datetime | None,
    line: tuple[str, str | None],
) -> list[Judged]:
    """Return the endpoints' own verdicts at the end of the period, as far back as they may speak.

    ``line`` is a vantage and one of its networks (``None``: all of them). What only ever worked in
    these days is asked for the last of them. A service that was not looked at in these last days
    speaks by its last look.
    """
    if not len(looks):
        return []
    last = instant(int(looks.time_us.max()))
    start = max(last - _FRESH - _STALE, since or last - _FRESH - _STALE)
    failed = np.array([one.state is not State.OK for one in looks.rulings], dtype=np.bool_)
    late = looks.where(looks.time_us >= microseconds(start))
    unsure = {looks.services[place] for place in np.unique(late.service[failed[late.ruling]])}
    last_day = max(last - _LAST_DAY, start)
    recent = [
        row
        for row in (
            *store.judged(since=start, until=last_day, services=unsure),
            *store.judged(since=last_day, until=until),
        )
        if row.vantage == line[0] and line[1] in (None, row.network)
    ]
    heard = {row.service for row in recent}
    ends = np.flatnonzero(np.diff(looks.service, append=-1)).tolist()
    older = [place for place in ends if looks.services[looks.service[place]] not in heard]
    return [*recent, *looks.judged(older)]


def last_of(judged: Sequence[Judged]) -> dict[str, dict[str, Judged]]:
    """Return what is known of each endpoint of each service at the end of the period.

    Follow-ups are taken when a state changes, so the looks after it are weaker than the first.
    While nothing contradicts it, the better proof of the last week keeps speaking.
    """
    last: dict[str, dict[str, Judged]] = defaultdict(dict)
    proven: dict[str, datetime] = {}
    for row in sorted(judged, key=lambda one: one.time):
        held = last[row.service].get(row.endpoint)
        if held is None or _tells_more(row, held):
            keeps = held is not None and row.time - proven[row.endpoint] <= _FRESH
            if held is not None and keeps and _weaker_alike(row, held):
                last[row.service][row.endpoint] = msgspec.structs.replace(
                    row, confidence=held.confidence, rule_id=held.rule_id, round=held.round
                )
                continue
            last[row.service][row.endpoint] = row
            proven[row.endpoint] = row.time
    return last


def _weaker_alike(new: Judged, held: Judged) -> bool:
    alike = (new.state, new.mechanism, new.locus) == (held.state, held.mechanism, held.locus)
    return alike and _ORDER[new.confidence] > _ORDER[held.confidence]


def _tells_more(new: Judged, held: Judged) -> bool:
    """Return whether the newer look replaces the held one."""
    if new.state is State.INVALID or new.mechanism in _NO_LOOK:
        return held.state is State.INVALID or held.mechanism in _NO_LOOK
    if new.state in _PROVING or held.state not in _PROVING:
        return True
    return new.time - held.time > _STALE


def known_of(catalog: Catalog, last: LastLooks) -> Known:
    """Return what is known of every endpoint of the catalog, for comparing."""
    rows = {name: row for mine in last.values() for name, row in mine.items()}
    return {
        endpoint.id: (endpoint, _as_verdict(rows[endpoint.id], {}))
        for endpoint in catalog.endpoints()
        if endpoint.id in rows
    }


def services_of(
    store: Store, catalog: Catalog, last: LastLooks, known: Known
) -> tuple[tuple[Subject, ServiceVerdict | None], ...]:
    """Return every whole and service of the catalog, then those that only the store knows."""
    ids = {service.id for service in catalog.services}
    reasons = _reasons(store, [row for rows in last.values() for row in rows.values()])
    own = [(one, _verdict(one, last.get(one.id, {}), reasons, known)) for one in catalog.services]
    found = [*_wholes(catalog, own), *((_subject(one), verdict) for one, verdict in own)]
    found += [
        (Subject(id=name, name=name), _stand_in(name, tuple(rows.values()), reasons))
        for name, rows in last.items()
        if name not in ids
    ]
    return tuple(found)


def _wholes(
    catalog: Catalog, own: Sequence[tuple[Service, ServiceVerdict | None]]
) -> list[tuple[Subject, ServiceVerdict | None]]:
    from probe.analysis.wholes import roll_up_wholes

    given = [verdict for _, verdict in own if verdict is not None]
    shelves = {
        service.part_of.whole: str(service.category)
        for service, _ in own
        if service.part_of is not None
    }
    return [
        (
            Subject(id=one.whole, name=one.name, category=shelves[one.whole], whole=True),
            one.as_service(),
        )
        for one in roll_up_wholes(catalog.wholes, catalog.services, given)
    ]


def _subject(service: Service) -> Subject:
    return Subject(
        id=service.id,
        name=service.name,
        category=service.category.value,
        retired=service.retired_on is not None,
    )


def _reasons(store: Store, rows: Sequence[Judged]) -> _Reasons:
    """Return why services refuse, as they said: the only thing that short rows do not hold."""
    wanted = {row.round for row in rows if row.locus is Locus.SERVER}
    return {
        (number, record.endpoint): record.verdict.reason
        for number in wanted
        for record in store.records(number)
    }


def _verdict(
    service: Service,
    rows: Mapping[str, Judged],
    reasons: _Reasons,
    known: Known,
) -> ServiceVerdict | None:
    from probe.analysis.rollup import rollup

    endpoints: dict[str, Endpoint] = {endpoint.id: endpoint for endpoint in service.endpoints}
    pairs = [
        (endpoints[name], _as_verdict(row, reasons))
        for name, row in rows.items()
        if name in endpoints
    ]
    if pairs:
        return rollup(service, pairs, known)
    return _stand_in(service.id, tuple(rows.values()), reasons) if rows else None


def _stand_in(name: str, rows: Sequence[Judged], reasons: _Reasons) -> ServiceVerdict:
    """Return the verdict of a service whose endpoints no catalog describes."""
    from probe.analysis.rollup import combine

    verdict = _as_verdict(combine(rows), reasons)
    return ServiceVerdict(service=name, verdict=verdict, roles=(), sentence="")


def _as_verdict(row: Judged, reasons: _Reasons) -> Verdict:
    """Return the verdict that a row is the short form of, as far as a report needs it."""
    return msgspec.structs.replace(ruling_of(row), reason=reasons.get((row.round, row.endpoint)))
