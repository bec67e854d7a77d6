"""Timed transfers in the store: pairs by what they compare, and how often one was looked at."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from store_records import START, begin, context, good, measurement, whole_round

from probe.model.context import GateId
from probe.model.goodput import Direction, Pairing, PairKey, Transport
from probe.model.measurement import Measurement, Outcome, TransferStep, Variant
from probe.model.record import Record
from probe.store.database import Store

SIZE = 65_536


def timed(at: datetime, variant: Variant, seconds: float) -> Measurement:
    """Return a look that came to 64 KiB in so many seconds."""
    look = measurement(at=at, variant=variant)
    begun = look.steps[-1].t_s
    step = TransferStep(
        t0_s=begun,
        t_s=begun + seconds,
        address="93.184.216.12",
        port=443,
        direction=Direction.DOWNLOAD,
        transport=Transport.TCP,
        wanted=SIZE,
        received=SIZE,
        marks=((1_000, 0.01), (SIZE, seconds)),
        rtt_s=0.04,
    )
    return replace(look, steps=(*look.steps, step))


def transfers(at: datetime) -> Record:
    """Return a record with its first look, a slow transfer and a fast control."""
    record = good(at=at)
    more = (timed(at, Variant.GOODPUT, 4.0), timed(at, Variant.GOODPUT_SNI, 0.5))
    return replace(record, bundle=(*record.bundle, *more))


def test_pairs_come_back_in_the_order_of_their_rounds(memory: Store) -> None:
    """With the vantage, the network and the zone of each round; from and to a time."""
    times = [START + timedelta(hours=n) for n in range(4)]
    for at in times:
        whole_round(memory, [transfers(at), good("other.example", at=at)], at)
    pairs = memory.goodput()
    ((key, found),) = pairs.items()
    assert key == PairKey(
        vantage="5f1c",
        network=next(iter(memory.rounds())).network.key,
        subject="chat",
        pairing=Pairing.SAME_SERVER,
    )
    assert [pair.time for pair in found] == times
    assert {pair.tz for pair in found} == {"Asia/Tehran"}
    assert found[0].target.rate == pytest.approx((SIZE - 1_000) / 3.99)
    assert found[0].controls[0].rtt_s == 0.04
    (some,) = memory.goodput(since=times[1], until=times[3]).values()
    assert [pair.time for pair in some] == times[1:3]
    assert memory.goodput(since=times[3] + timedelta(hours=1)) == {}
    assert memory.verify() == []


@pytest.mark.parametrize("gate", [GateId.VPN_ON, GateId.PATH_CHANGED])
def test_a_round_of_another_line_says_nothing(memory: Store, gate: GateId) -> None:
    """A tunnel's speed, or that of two networks, is not this line's."""
    number = begin(memory)
    memory.save(number, [transfers(START)])
    memory.end_round(number, context(gate=gate), START + timedelta(minutes=5))
    assert memory.goodput() == {}


def test_looks_are_counted_by_rounds(memory: Store) -> None:
    """Of own rounds since a time; what was cut off is no look, and two in one round are one."""
    for hour in range(3):
        at = START + timedelta(hours=hour)
        whole_round(memory, [transfers(at)], at)
    cut = transfers(START + timedelta(hours=4))
    looks = [replace(m, outcome=Outcome.INTERRUPTED) for m in cut.bundle]
    whole_round(memory, [replace(cut, bundle=tuple(looks))], START + timedelta(hours=4))
    kinds = (Variant.GOODPUT, Variant.GOODPUT_SNI)
    name = good().endpoint
    assert memory.times_looked(kinds, START) == {name: 3}
    assert memory.times_looked(kinds, START + timedelta(minutes=90)) == {name: 1}
    assert memory.times_looked((Variant.GOODPUT_OWN,), START) == {}
    assert memory.times_looked(kinds, START + timedelta(days=1)) == {}
