"""Timed transfers in the store: pairs by what they compare, and how often one was looked at."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from store_records import LINE, NETWORK, START, begin, context, good, measurement, whole_round
from timed_rounds import timed_record

from probe.analysis.speeds import keyed_pairs
from probe.model.context import GateId
from probe.model.goodput import Direction, Pairing, PairKey, Transport
from probe.model.measurement import GOODPUTS, Measurement, Outcome, TransferStep, Variant
from probe.model.record import Record
from probe.model.vantage import Network
from probe.store.codes import VARIANT
from probe.store.database import Store
from probe.store.rows import TIMED

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


def test_transfers_are_found_by_their_index_alone(memory: Store) -> None:
    """However many other measurements there are; the index names the variants that are timed."""
    begun, ended = (int(word) for word in TIMED.split() if word.isdecimal())
    assert sorted(VARIANT.code[one] for one in GOODPUTS) == list(range(begun, ended + 1))
    whole_round(memory, [transfers(START)], START)
    with memory._reading() as connection:
        query = f"SELECT DISTINCT round_id FROM measurement WHERE {TIMED} ORDER BY round_id"
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    assert ["COVERING INDEX ix_measurement_timed" in row[-1] for row in plan] == [True]


def test_what_an_older_store_kept_is_found(place: Path) -> None:
    """The index is made when a store of an earlier release is opened, and pairs come from it."""
    with Store.open(place) as store:
        whole_round(store, [transfers(START)], START)
        before = store.goodput()
        with store._writing() as connection:
            connection.exec_driver_sql("DROP INDEX ix_measurement_timed")
            connection.exec_driver_sql("UPDATE probe_version SET version_num = '0004'")
    with Store.open(place) as store:
        assert store.goodput() == before
        assert before


def test_a_pair_holds_what_its_records_say(memory: Store) -> None:
    """The same pairs as from the records themselves, marks and round trips with them."""
    at = START
    record = timed_record(at, 400.0, (9_000.0, 6_000.0))
    number = whole_round(memory, [good("other.example", at=at), record], at)
    row = memory.round(number)
    assert row is not None
    kept = keyed_pairs(
        memory.records(number), vantage=row.vantage, network=row.network.key, tz="Asia/Tehran"
    )
    expected = {key: (pair,) for key, pair in kept}
    assert memory.goodput() == expected
    ((pair,),) = expected.values()
    assert len(pair.controls) == 2
    assert [size for size, _ in pair.target.marks][:3] == [1_400, 4_096, 8_192]
    assert pair.target.rate == pytest.approx(400 * 125)


def test_a_round_that_saw_no_network_belongs_to_the_one_before(memory: Store) -> None:
    """As with every other series: else a line would have two histories, each too short."""
    whole_round(memory, [transfers(START)], START)
    later = START + timedelta(hours=1)
    unseen = Network(asn=0, name="", access=NETWORK.access, gateway=NETWORK.gateway)
    number = memory.begin_round(
        vantage=LINE.id, plan="core", started=later, catalog_digest="d" * 64, network=unseen
    )
    memory.save(number, [transfers(later)])
    memory.end_round(number, replace(context(later), network=unseen), later + timedelta(minutes=5))
    ((key, pairs),) = memory.goodput().items()
    assert key.network == NETWORK.key
    assert len(pairs) == 2


def test_a_server_of_ones_own_has_a_history_of_its_own(memory: Store) -> None:
    """A service's file and its name at one's own server are not one pair, however alike."""
    record = transfers(START)
    at = START + timedelta(minutes=1)
    own = replace(
        good(at=at),
        bundle=(
            *good(at=at).bundle,
            timed(at, Variant.GOODPUT_OWN, 1.0),
            timed(at, Variant.GOODPUT_OWN_NEUTRAL, 1.0),
        ),
    )
    whole_round(memory, [record, own], START)
    assert sorted((key.own_server, len(pairs)) for key, pairs in memory.goodput().items()) == [
        (False, 1),
        (True, 1),
    ]
