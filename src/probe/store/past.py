"""What a run asks of the past: last verdicts, the own good results, the bytes spent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import Connection, and_, select

from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import DnsStep, HttpStep, Measurement, TlsStep
from probe.model.times import HOUR_US, microseconds
from probe.model.verdict import State, Verdict
from probe.store.codes import STATE
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import records_of
from probe.store.rows import (
    StoredEndpoint,
    StoredRound,
    StoredRuling,
    StoredTraffic,
    StoredVerdict,
)

__all__ = ["bytes_used", "last_verdicts", "own_past"]

_ROUND = table_of(StoredRound)
_VERDICT = table_of(StoredVerdict)
_ENDPOINT = table_of(StoredEndpoint)
_RULING = table_of(StoredRuling)
_TRAFFIC = table_of(StoredTraffic)
_PAST_LOOKS = 16  # good results whose addresses make up the own past
_PAST_AGE = timedelta(days=30)  # older than this says little of where a service is now


def last_verdicts(connection: Connection, dictionary: Dictionary) -> dict[str, Verdict]:
    """Return what was said last of each endpoint by this vantage's own rounds."""
    rows = connection.execute(
        select(_ENDPOINT.c.name, _VERDICT.c.ruling_id)
        .join(
            _VERDICT,
            and_(
                _VERDICT.c.round_id == _ENDPOINT.c.last_round,
                _VERDICT.c.endpoint_id == _ENDPOINT.c.id,
            ),
        )
        .order_by(_VERDICT.c.round_id, _VERDICT.c.no)
    ).all()
    dictionary.rulings.load(connection, {row.ruling_id for row in rows})
    return {row.name: dictionary.rulings.key_of(row.ruling_id) for row in rows}


def own_past(
    connection: Connection, dictionary: Dictionary, endpoint: str, before: datetime
) -> ControlObservation | None:
    """Return the newest own good result of the 30 days before a time, as a control.

    Its addresses are those of the last 16 good results together, since content networks answer
    with a few of many. A first look that failed is none of them, whatever came of its
    follow-ups: what a liar answered must not become what is expected.
    """
    numbers = dictionary.endpoints.matching(connection, lambda key: key.name == endpoint)
    if not numbers:
        return None
    looks = connection.execute(
        select(_VERDICT.c.round_id, _VERDICT.c.no)
        .select_from(_ROUND)
        .join(_VERDICT, _VERDICT.c.round_id == _ROUND.c.id)
        .join(_RULING, _RULING.c.id == _VERDICT.c.ruling_id)
        .where(
            _VERDICT.c.endpoint_id.in_(numbers),
            _RULING.c.state == STATE.code[State.OK],
            _ROUND.c.imported_from.is_(None),
            _ROUND.c.started_us >= microseconds(before - _PAST_AGE),
            _ROUND.c.started_us + _VERDICT.c.offset_us < microseconds(before),
        )
        .order_by(_ROUND.c.id.desc())
        .limit(_PAST_LOOKS)
    ).all()
    mains = [
        record.main
        for row in looks
        for record in records_of(connection, dictionary, row.round_id, [row.no])
    ]
    good = [main for main in mains if not any(step.failure for step in main.steps)]
    return _as_control(endpoint, good) if good else None


def _as_control(endpoint: str, mains: Sequence[Measurement]) -> ControlObservation:
    newest = mains[0]
    answers = dict.fromkeys(
        answer
        for main in mains
        for step in main.steps
        if isinstance(step, DnsStep)
        for answer in step.answers
    )
    seen = ControlObservation(
        endpoint=endpoint,
        source="past",
        kind=ControlKind.OWN_PAST,
        observed=newest.started,
        addresses=tuple(dict.fromkeys(answer.address for answer in answers)),
        asns=tuple(dict.fromkeys(a.asn for a in answers if a.asn is not None)),
    )
    for step in newest.steps:
        if isinstance(step, TlsStep) and step.certificate is not None:
            seen = replace(
                seen, issuer=step.certificate.issuer, leaf_sha256=step.certificate.leaf_sha256
            )
        elif isinstance(step, HttpStep):
            seen = replace(
                seen,
                status=step.status,
                title=step.title,
                body_length=step.body_length,
                body_sha256=step.body_sha256,
                expected=step.expected,
                absent=step.absent,
            )
    return seen


def bytes_used(connection: Connection, since: datetime, until: datetime) -> int:
    """Return the bytes on the wire in the hours that touch the span (never too few)."""
    hours = connection.execute(
        select(_TRAFFIC.c.sent, _TRAFFIC.c.received).where(
            _TRAFFIC.c.hour >= microseconds(since) // HOUR_US,
            _TRAFFIC.c.hour < -(-microseconds(until) // HOUR_US),
        )
    )
    return sum(hour.sent + hour.received for hour in hours)
