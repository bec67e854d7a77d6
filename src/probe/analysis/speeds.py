"""From timed transfers to speeds, and from one record to the pairs that a detector compares."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from probe.model.address import family_of
from probe.model.goodput import Direction, Pair, Pairing, PairKey, Speed, Transport
from probe.model.measurement import GOODPUTS, Measurement, Outcome, TransferStep, Variant
from probe.model.record import Record

__all__ = ["keyed_pairs", "speed_of", "transfer_of"]

_LEAST_SPAN_S = 1e-4
"""Marks nearer than this came out of one buffer: they say nothing of the path."""


def speed_of(step: TransferStep) -> Speed:
    """Return what a transfer came to.

    The rate is the slope from the mark at half of what came to the last one, or from the first
    one, whichever is less: a token bucket's burst is in the first half, and what waited behind a
    lost packet comes at once in the second. A transfer that did not end by itself is counted to
    its end, silence and all, and is censored. Where all came at once, the time since the request
    bounds it.
    """
    return Speed(
        rate=_rate(step),
        censored=step.failure is not None,
        received=step.received,
        rtt_s=step.rtt_s,
        stalled_at=step.stalled_at,
        lost_share=step.lost_share,
        marks=step.marks,
    )


def _rate(step: TransferStep) -> float | None:
    """Return bytes per second, ``None`` if nothing came."""
    if not step.marks or step.received <= 0:
        return None
    last_bytes, last_s = step.marks[-1]
    if step.failure is not None:
        last_bytes, last_s = step.received, max(last_s, step.t_s - step.t0_s)
    half = next(mark for mark in (*step.marks, (last_bytes, last_s)) if mark[0] >= last_bytes / 2)
    slopes = [
        (last_bytes - from_bytes) / (last_s - from_s)
        for from_bytes, from_s in (half, step.marks[0])
        if last_bytes > from_bytes and last_s - from_s > _LEAST_SPAN_S
    ]
    return min(slopes, default=last_bytes / max(last_s, _LEAST_SPAN_S))


def transfer_of(measurement: Measurement) -> TransferStep | None:
    """Return the timed transfer of a look, ``None`` where it did not come to one."""
    found = (s for s in reversed(measurement.steps) if isinstance(s, TransferStep))
    return next(found, None)


_COMPARISONS = (
    (Pairing.SAME_SERVER, Variant.GOODPUT, Variant.GOODPUT_SNI),
    (Pairing.SAME_SERVER, Variant.GOODPUT_OWN, Variant.GOODPUT_OWN_NEUTRAL),
    (Pairing.NEUTRAL, Variant.GOODPUT, Variant.GOODPUT_NEUTRAL),
    (Pairing.BORDER, Variant.GOODPUT_ABROAD, Variant.GOODPUT),
)
"""Whose speed, and beside whose. A server of one's own is the same server, too."""


def keyed_pairs(
    records: Iterable[Record], *, vantage: str, network: str, tz: str
) -> Iterator[tuple[PairKey, Pair]]:
    """Yield what the records of one round compare, each with the key of its series.

    Transfers are compared within a record, a direction, a transport and an address family. One
    that never came to its first byte, for want of a connection, is no transfer: what failed there
    is a matter of verdicts. A target without a control gives nothing.
    """
    for record in records:
        timed = _Timed(record)
        for pairing, target, control in _COMPARISONS:
            for (direction, transport, family), speed, at in timed.of(target):
                beside = tuple(
                    other
                    for kind, other, _ in timed.of(control)
                    if kind == (direction, transport, family)
                )
                if not beside:
                    continue
                of_line = pairing is Pairing.BORDER or transport is Transport.UDP
                key = PairKey(
                    vantage=vantage,
                    network=network,
                    subject="" if of_line else record.service,
                    pairing=pairing,
                    direction=direction,
                    transport=transport,
                    family=family,
                )
                yield key, Pair(time=at, tz=tz, target=speed, controls=beside)


_Kind = tuple[Direction, Transport, int]


class _Timed:
    """The transfers of a record by their variants."""

    def __init__(self, record: Record) -> None:
        self._found: dict[Variant, list[tuple[_Kind, Speed, datetime]]] = {}
        for look in record.bundle:
            step = transfer_of(look)
            if look.variant not in GOODPUTS or look.outcome is not Outcome.MEASURED:
                continue
            if step is None:
                continue
            kind = (step.direction, step.transport, family_of(step.address) or 4)
            row = (kind, speed_of(step), look.started)
            self._found.setdefault(look.variant, []).append(row)

    def of(self, variant: Variant) -> list[tuple[_Kind, Speed, datetime]]:
        return self._found.get(variant, [])
