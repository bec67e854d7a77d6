"""Rounds with timed transfers, kept as a run keeps them: what is slow when, and how much."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from store_records import LINE, START, good, measurement, whole_round

from probe.model.goodput import Direction, Transport
from probe.model.measurement import Measurement, TransferStep, Variant
from probe.model.record import Record
from probe.store.database import Store

__all__ = [
    "FILE_KBIT",
    "LIMIT_KBIT",
    "SIZE",
    "evening",
    "keep_rounds",
    "never",
    "spread_rounds",
    "steady_rounds",
    "timed",
    "timed_record",
]

SIZE = 65_536
FILE_KBIT, LIMIT_KBIT = 8_000.0, 400.0
_MARK = 4_096
_FIRST = 1_400
_SLOT_H = 6
_STEP_H = 0.5

Slow = Callable[[datetime], bool]
"""Whether the service is limited at a time."""


def evening(at: datetime) -> bool:
    """Return whether the line's clock is between 16:00 and the end of the day."""
    return at.astimezone(ZoneInfo(LINE.tz)).hour >= 16


def never(_: datetime) -> bool:
    """Return that nothing is limited."""
    return False


def timed(
    at: datetime, variant: Variant, kbit: float, *, host: str = "chat.example", rtt_s: float = 0.04
) -> Measurement:
    """Return a look that downloads 64 KiB at so many kbit/s, with the marks that a probe takes."""
    look = measurement(host, at=at, variant=variant)
    begun, rate = look.steps[-1].t_s, kbit * 125.0
    sizes = (_FIRST, *range(_MARK, SIZE + 1, _MARK))
    marks = tuple((size, round(rtt_s + (size - _FIRST) / rate, 6)) for size in sizes)
    step = TransferStep(
        t0_s=begun,
        t_s=begun + marks[-1][1],
        address="93.184.216.12",
        port=443,
        direction=Direction.DOWNLOAD,
        transport=Transport.TCP,
        wanted=SIZE,
        received=SIZE,
        marks=marks,
        rtt_s=rtt_s,
    )
    return replace(look, steps=(*look.steps, step), bytes_received=SIZE + 4_000)


def timed_record(
    at: datetime, kbit: float, controls: Iterable[float], *, host: str = "chat.example"
) -> Record:
    """Return a service's record with its file timed, and files of neutral hosts beside it."""
    record = good(host, at=at)
    looks = [timed(at + timedelta(seconds=20), Variant.GOODPUT, kbit, host=host)]
    looks += [
        timed(at + timedelta(seconds=24 + 4 * n), Variant.GOODPUT_NEUTRAL, rate, host=host)
        for n, rate in enumerate(controls)
    ]
    return replace(record, bundle=(*record.bundle, *looks))


def spread_rounds(days: int, dice: Random) -> Iterator[datetime]:
    """Yield four times a day, each anywhere in its slot of six hours, as a watch spreads them."""
    for slot in range(days * 24 // _SLOT_H):
        yield START + timedelta(hours=slot * _SLOT_H + dice.uniform(0, _SLOT_H - 0.1))


def steady_rounds(days: int, dice: Random) -> Iterator[datetime]:
    """Yield a time in every half hour, as a server measures."""
    for step in range(round(days * 24 / _STEP_H)):
        yield START + timedelta(hours=step * _STEP_H + dice.uniform(0, _STEP_H - 0.1))


def keep_rounds(
    store: Store, times: Iterable[datetime], slow: Slow, dice: Random, *, host: str = "chat.example"
) -> None:
    """Keep a closed round at each time; rates scatter by a tenth, a limit by a twentieth."""
    for at in times:
        line = dice.lognormvariate(0, 0.1)
        usual = FILE_KBIT * line * dice.lognormvariate(0, 0.1)
        rate = LIMIT_KBIT * dice.lognormvariate(0, 0.05) if slow(at) else usual
        controls = [kbit * line * dice.lognormvariate(0, 0.1) for kbit in (9_000.0, 6_000.0)]
        whole_round(store, [timed_record(at, rate, controls, host=host)], at)
