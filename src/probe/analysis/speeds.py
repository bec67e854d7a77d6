"""From timed transfers to speeds, and from one record to the pairs that a detector compares."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from probe.model.address import family_of
from probe.model.goodput import Direction, Pair, Pairing, PairKey, Speed, Transport
from probe.model.measurement import GOODPUTS, Measurement, Outcome, TransferStep, Variant
from probe.model.record import Record

__all__ = ["TimedLook", "compared", "keyed_pairs", "speed_of", "transfer_of"]

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

_Kind = tuple[Direction, Transport, int]


class TimedLook(NamedTuple):
    """A look that came to a transfer."""

    variant: Variant
    started: datetime
    step: TransferStep

    @property
    def kind(self) -> _Kind:
        """Return what it must share with what it is compared with."""
        return self.step.direction, self.step.transport, family_of(self.step.address) or 4


def keyed_pairs(
    records: Iterable[Record], *, vantage: str, network: str, tz: str
) -> Iterator[tuple[PairKey, Pair]]:
    """Yield what the records of one round compare, each with the key of its series."""
    for record in records:
        looks = [
            TimedLook(look.variant, look.started, step)
            for look in record.bundle
            if look.variant in GOODPUTS and look.outcome is Outcome.MEASURED
            if (step := transfer_of(look)) is not None
        ]
        yield from compared(looks, service=record.service, vantage=vantage, network=network, tz=tz)


def compared(
    looks: Sequence[TimedLook], *, service: str, vantage: str, network: str, tz: str
) -> Iterator[tuple[PairKey, Pair]]:
    """Yield the pairs among the looks of one record, each with the key of its series.

    Transfers are compared within a record, a direction, a transport and an address family. One
    that never came to its first byte, for want of a connection, is no transfer: what failed there
    is a matter of verdicts. A target without a control gives nothing.
    """
    found: dict[Variant, list[tuple[_Kind, TimedLook]]] = {}
    for look in looks:
        found.setdefault(look.variant, []).append((look.kind, look))
    for pairing, target, control in _COMPARISONS:
        for kind, look in found.get(target, ()):
            beside = [one for its, one in found.get(control, ()) if its == kind]
            if not beside:
                continue
            direction, transport, family = kind
            of_line = pairing is Pairing.BORDER or transport is Transport.UDP
            key = PairKey(
                vantage=vantage,
                network=network,
                subject="" if of_line else service,
                pairing=pairing,
                direction=direction,
                transport=transport,
                family=family,
                own_server=target is Variant.GOODPUT_OWN,
            )
            yield (
                key,
                Pair(
                    time=look.started,
                    tz=tz,
                    target=speed_of(look.step),
                    controls=tuple(speed_of(one.step) for one in beside),
                ),
            )
