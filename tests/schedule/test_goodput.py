"""Transfers of a round: what is planned, in which order it is taken, and what a day may have."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from schedule_rounds import (
    PLENTY,
    SECRET,
    START,
    VANTAGE,
    FakeProbe,
    address_of,
    catalog,
    endpoint,
    environment,
    failing,
    steps_of,
    targets,
)
from test_watch import Watched

from probe.clock import VirtualClock
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.measurement import GOODPUTS, HttpStep, Outcome, Step, TransferStep, Variant
from probe.model.target import Catalog, Endpoint, Plan, Purpose
from probe.probes.options import ProbeOptions
from probe.probes.transfer import OwnServer, Transfer
from probe.schedule import goodput, transfers
from probe.schedule.choose import Wanted, plan_round
from probe.schedule.contacts import Place, may_dial
from probe.schedule.cost import transfer_bytes
from probe.schedule.dryrun import DryRun, describe
from probe.schedule.goodput import (
    FILES_A_DAY,
    TAKEN,
    TOO_MUCH,
    Timed,
    plan_goodput,
    round_bytes,
    timed_of,
)
from probe.schedule.goodput_tasks import GoodputTask, cost_of_tasks
from probe.schedule.network import NetworkLookup, Seen
from probe.schedule.reasons import DOWNLOADS, FAR, METERED, NEARBY, STOOD_STILL, UNCOUNTED
from probe.schedule.session import Session
from probe.settings import Settings
from probe.store.database import MEMORY, Store

SIZE = 65_536
FILE = endpoint("store", "files.example.com", path="/a.apk", range_bytes=SIZE)
OTHER = endpoint("shop", "get.example.org", path="/b.apk", range_bytes=SIZE)
THIRD = endpoint("third", "dl.example.net", path="/c.apk", range_bytes=SIZE)
HOME = endpoint("bank", "app.example.ir", path="/d.apk", range_bytes=SIZE, purpose=Purpose.DOMESTIC)
CHAT = endpoint("chat", "chat.example.com")
SERVER = OwnServer(
    address="192.0.2.9", port=9_443, token="t" * 43, keys=frozenset(), key_of=lambda _der: None
)
ROOM = 1_210_000
WANTED = Timed(size=SIZE, most=4, room=ROOM)


def planned(
    measured: tuple[Endpoint, ...],
    neutral: tuple[Endpoint, ...] = (),
    wanted: Timed = WANTED,
    allowed: int = 10**9,
    seed: int = 1,
) -> tuple[tuple[GoodputTask, ...], dict[str, str]]:
    tasks, left = plan_goodput(
        measured, neutral, wanted, rng=random.Random(seed), allowed_bytes=allowed
    )
    return tasks, {e.service: reason for e, reason in left}


def looks(task: GoodputTask) -> list[tuple[str, Variant]]:
    return [(look.endpoint.service, look.variant) for look in task.looks]


def test_a_file_is_timed_beside_itself_and_beside_those_of_others() -> None:
    """Its own, the same under a neutral name where it was, and two neutral ones: no page is."""
    (task,), left = planned((FILE, CHAT), (FILE, OTHER, THIRD, CHAT))
    assert sorted(looks(task)) == [
        ("shop", Variant.GOODPUT_NEUTRAL),
        ("store", Variant.GOODPUT),
        ("store", Variant.GOODPUT_SNI),
        ("third", Variant.GOODPUT_NEUTRAL),
    ]
    swapped = next(one for one in task.looks if one.variant is Variant.GOODPUT_SNI)
    assert (swapped.sni, swapped.at_target) == ("example.com", True)
    assert left == {}


def test_neither_side_always_comes_first() -> None:
    """A line that wakes for the first transfer must not colour a comparison."""
    firsts = {looks(planned((FILE,), (OTHER,), seed=n)[0][0])[0][0] for n in range(20)}
    assert firsts == {"store", "shop"}


def test_the_controls_of_a_file_are_always_the_same() -> None:
    """A pair has a baseline of its own: other controls would be another pair."""
    many = tuple(replace(OTHER, service=f"s{n}", host=f"h{n}.example.org") for n in range(6))
    found = set()
    for seed in range(10):
        shuffled = list(many)
        random.Random(seed).shuffle(shuffled)
        (task,), _ = planned((FILE,), tuple(shuffled), seed=seed)
        found.add(frozenset(looks(task)))
    assert len(found) == 1


def test_a_file_in_the_country_is_what_one_abroad_is_compared_with() -> None:
    """The border: its record holds both, and no swapped name."""
    (task,), _ = planned((HOME,), (FILE, OTHER, HOME))
    assert sorted(looks(task)) == [
        ("bank", Variant.GOODPUT),
        ("shop", Variant.GOODPUT_ABROAD),
    ]


def test_at_ones_own_server_a_service_has_its_name_and_a_neutral_one() -> None:
    """Both ways, over QUIC too; a call once a round; no task without a public name to show."""
    wanted = Timed(size=SIZE, most=4, room=ROOM, server=SERVER, quic=True)
    literal = endpoint("bare", "93.184.216.34")
    tasks, _ = planned((CHAT, replace(CHAT, path="/two"), *targets(1), literal), wanted=wanted)
    assert {task.endpoint.service for task in tasks} == {"chat", "app0"}
    ways = sorted(
        (str(look.transfer.transport), str(look.transfer.direction), look.disguised)
        for task in tasks
        for look in task.looks
    )
    assert ways.count(("udp", "download", True)) == ways.count(("udp", "download", False)) == 1
    assert ways.count(("tcp", "upload", False)) == 4
    assert ways.count(("quic", "download", False)) == 4
    for task in tasks:
        for own, neutral in zip(task.looks[::2], task.looks[1::2], strict=True):
            assert own.transfer == neutral.transfer
            assert (own.variant, neutral.variant) == (
                Variant.GOODPUT_OWN,
                Variant.GOODPUT_OWN_NEUTRAL,
            )
            assert neutral.sni == "example.com"


def test_the_day_and_the_round_have_enough_of_it() -> None:
    """Who had its share today is left with the reason; so is what no longer fits."""
    taken = Timed(size=SIZE, most=4, room=ROOM, taken={FILE.id: 4, OTHER.id: 1})
    tasks, left = planned((FILE, OTHER, THIRD), (FILE, OTHER, THIRD), taken)
    assert {task.endpoint.service for task in tasks} == {"third", "shop"}
    assert left == {"store": TAKEN}
    _, left = planned((FILE,), (OTHER,), allowed=2 * SIZE)
    assert left == {"store": TOO_MUCH}
    huge = Timed(size=524_288, most=4, room=3_000_000)
    tasks, _ = planned((FILE, OTHER, THIRD), (FILE, OTHER, THIRD), huge)
    assert 0 < sum(task.bytes for task in tasks) <= 3_000_000


def test_what_does_not_fit_is_the_same_in_every_round() -> None:
    """A pair needs many rounds: of twenty that take turns none would have them for months."""
    wanted = Timed(size=SIZE, most=4, room=ROOM, server=SERVER)
    found = set()
    for seed in range(10):
        many = list(targets(20))
        random.Random(seed).shuffle(many)
        tasks, left = planned(tuple(many), (), wanted, seed=seed)
        assert len(tasks) + len(left) == 20
        assert set(left.values()) == {TOO_MUCH}
        found.add(frozenset(task.endpoint.service for task in tasks))
    assert len(found) == 1


def test_the_names_of_the_server_are_those_that_are_timed_and_in_their_order() -> None:
    """Another name ends its handshake; what matters most comes before files, and is not cut."""
    names = ("app7.example.com", "app3.example.com", "app9.example.com", "nobody.example")
    wanted = Timed(size=SIZE, most=4, room=ROOM, server=SERVER, names=names)
    tasks, left = planned((FILE, *targets(20)), (FILE, OTHER), wanted)
    assert {task.endpoint.host for task in tasks} == set(names[:3])
    assert left == {"store": TOO_MUCH}
    short = Timed(size=SIZE, most=4, room=600_000, server=SERVER, names=names)
    tasks, left = planned(targets(20), (), short)
    assert [task.endpoint.service for task in tasks] == ["app7"]
    assert left == {"app3": TOO_MUCH, "app9": TOO_MUCH}


def test_a_server_of_ones_own_may_be_asked_each_quarter_of_an_hour_and_others_files_may_not() -> (
    None
):
    """Edges take many rounds; strangers are not asked for them."""
    often = {FILE.id: FILES_A_DAY, CHAT.id: 95}
    wanted = Timed(size=SIZE, most=96, room=ROOM, server=SERVER, taken=often)
    tasks, left = planned((FILE, CHAT), (FILE, OTHER), wanted)
    assert [task.endpoint.service for task in tasks] == ["chat"]
    assert left == {"store": TAKEN}
    wanted = Timed(size=SIZE, most=96, room=ROOM, server=SERVER, taken={**often, CHAT.id: 96})
    assert planned((CHAT,), (), wanted) == ((), {"chat": TAKEN})


def test_the_transfers_of_a_day_are_half_of_what_the_budgets_give_it() -> None:
    """Whoever allows more has more services timed; fewer rounds a day may each cost more."""
    settings = Settings(store=Path("unused.db"), day_bytes=20_000_000, month_bytes=310_000_000)
    assert round_bytes(settings) == 1_250_000
    assert round_bytes(replace(settings, month_bytes=10**12)) == 2_500_000
    assert round_bytes(replace(settings, goodput_rounds=2)) == 2_500_000


def test_a_dry_run_counts_the_transfers_of_a_server_of_ones_own() -> None:
    """In the time of a round, and in what a watch costs: else its budgets were spent too early."""
    cat, choice = catalog(*targets(3)), Wanted(country="IR")
    settings = Settings(store=Path("unused.db"), country="IR")

    def told(server: OwnServer | None) -> DryRun:
        timed = timed_of(settings, server)
        plan = plan_round(
            cat, choice, rng=random.Random(1), allowed=PLENTY, timed=timed if server else None
        )
        return describe(cat, choice, plan, settings, server=server)

    without, with_server = told(None), told(SERVER)
    assert with_server.seconds > without.seconds + 10
    assert with_server.pace.daily_bytes > without.pace.daily_bytes + 4 * 900_000


def test_an_object_that_two_ask_for_is_paid_for_once() -> None:
    """It is the file of one and the control of the other."""
    tasks, _ = planned((FILE, OTHER), (FILE, OTHER))
    each = transfer_bytes(Transfer(wanted=SIZE))
    assert sum(task.bytes for task in tasks) == 6 * each
    assert cost_of_tasks(tasks) == 4 * each


def test_what_may_be_fetched_over_quic_again_is_paid_for_before() -> None:
    """The file and its other name twice, where the server speaks QUIC; the neutral one once."""
    each = transfer_bytes(Transfer(wanted=SIZE))
    wanted = Timed(size=SIZE, most=4, room=5 * each, quic=True)
    (task,), _ = planned((FILE,), (FILE, OTHER), wanted)
    assert (task.bytes, task.most_bytes) == (3 * each, 5 * each)
    assert cost_of_tasks((task,)) == 3 * each
    assert cost_of_tasks((task,), quic=True) == 5 * each
    (task,), _ = planned((HOME,), (OTHER,), wanted)
    assert task.most_bytes == task.bytes  # over QUIC it would have nothing beside it
    short = Timed(size=SIZE, most=4, room=5 * each - 1, quic=True)
    assert planned((FILE,), (FILE, OTHER), short) == ((), {"store": TOO_MUCH})


def test_a_call_costs_both_ways() -> None:
    """What is sent comes back."""
    call = Transfer(wanted=43_000, transport=Transport.UDP)
    assert transfer_bytes(call) > 2 * 43_000


def test_the_door_lets_a_transfer_to_the_server_and_nowhere_else() -> None:
    """Neither the endpoint's own port nor a resolver is any of its business."""
    options = ProbeOptions(transfer=Transfer(wanted=SIZE, server=SERVER))
    places = (Place("192.0.2.9", 9_443), Place("192.0.2.9", 443), Place("93.184.216.34", 443))
    assert [may_dial(p, CHAT, options, ("9.9.9.9",)) for p in places] == [True, False, False]
    assert not may_dial(Place("9.9.9.9", 53), CHAT, options, ("9.9.9.9",))


# --- rounds


def timed_steps(target: Endpoint, options: ProbeOptions, _before: int) -> tuple[Step, ...]:
    """Return what a look gives; a transfer where one is asked for."""
    steps = steps_of(target, engine=options.engines[0])
    transfer = options.transfer
    if transfer is None:
        return steps
    last = steps[-1]
    assert isinstance(last, HttpStep)
    done = TransferStep(
        t0_s=0.05,
        t_s=1.05,
        address=last.address,
        port=443,
        direction=transfer.direction,
        transport=transfer.transport,
        wanted=transfer.wanted,
        received=transfer.wanted,
        marks=((1_000, 0.1), (transfer.wanted, 1.0)),
    )
    return (*steps, done)


def session(cat: Catalog, store: Store | None, probe: FakeProbe, **more: Any) -> Session:
    if store is not None:
        store.save_vantage(VANTAGE)
    settings = Settings(
        store=Path("unused.db"), country="IR", day_bytes=10**9, month_bytes=10**10, **more
    )
    return Session(
        settings=settings,
        catalog=cat,
        env=environment(probe.clock),
        rng=random.Random(5),
        vantage=VANTAGE,
        secret=SECRET,
        store=store,
        measure=probe,
    )


def faked(**more: Any) -> FakeProbe:
    return FakeProbe(VirtualClock(START), default=timed_steps, **more)


EVERYTHING = Wanted(everything=True, country="IR")


async def test_transfers_come_after_all_else_and_join_the_record_that_they_are_about() -> None:
    """One after the other, with the line to themselves; the verdict is that of the first look."""
    probe = faked()
    result = await session(catalog(FILE, OTHER, CHAT), None, probe).round(EVERYTHING, goodput=True)
    order = [variant for _, variant, _ in probe.asked]
    first = next(n for n, variant in enumerate(order) if variant in GOODPUTS)
    closing = sum(host.startswith(("anchor", "bank")) for host, _, _ in probe.asked[first:])
    assert len(order) - first - closing == 4  # six looks, two of them of the same objects
    records = {r.service: r for r in result.records}
    assert [m.variant for m in records["chat"].bundle] == [Variant.MAIN]
    bundle = records["store"].bundle
    assert bundle[0].variant is Variant.MAIN
    assert sorted(m.variant for m in bundle[1:]) == [
        Variant.GOODPUT,
        Variant.GOODPUT_NEUTRAL,
        Variant.GOODPUT_SNI,
    ]
    assert all(ref.startswith("m0") for ref in records["store"].verdict.evidence)


@pytest.mark.parametrize(
    ("said", "again"), [('h3=":443"; ma=86400', 2), ('h3=":8443"', 0), ('h2=":443"', 0), (None, 0)]
)
async def test_a_server_that_says_that_it_speaks_quic_is_asked_over_it_too(
    monkeypatch: pytest.MonkeyPatch, said: str | None, again: int
) -> None:
    """The file and its other name, where they were had; nobody else is asked that says no such."""
    monkeypatch.setattr(goodput, "quic_is_here", lambda: True)
    over: list[tuple[str, Variant, tuple[str, ...]]] = []

    def speaking(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        steps = timed_steps(target, options, before)
        if options.transfer is not None and options.transfer.transport is Transport.QUIC:
            over.append((target.service, options.variant, options.addresses))
        if said is None or target != FILE:
            return steps
        return tuple(
            replace(step, headers=(("alt-svc", said),)) if isinstance(step, HttpStep) else step
            for step in steps
        )

    probe = FakeProbe(VirtualClock(START), default=speaking)
    one = session(catalog(FILE, OTHER), None, probe)
    await one.round(EVERYTHING, goodput=True)
    place = (address_of(FILE.host),)
    both = [("store", Variant.GOODPUT, place), ("store", Variant.GOODPUT_SNI, place)]
    assert sorted(over) == both[:again]


async def test_without_being_asked_for_nothing_is_timed() -> None:
    """A plain round is as it was."""
    probe = faked()
    await session(catalog(FILE, OTHER), None, probe).round(EVERYTHING)
    assert not {variant for _, variant, _ in probe.asked} & GOODPUTS


async def test_what_is_stored_comes_back_as_pairs() -> None:
    """By what is compared, with the vantage, the network and the zone of the round."""
    probe = faked()
    with Store.open(MEMORY) as store:
        one = session(catalog(FILE, OTHER), store, probe)
        for _ in range(2):
            await one.round(EVERYTHING, goodput=True)
            await probe.clock.sleep(3_600)
        pairs = store.goodput()
        later = store.goodput(since=START + timedelta(minutes=30))
        assert store.verify() == []
    assert {(k.subject, k.pairing) for k in pairs} == {
        (name, pairing)
        for name in ("store", "shop")
        for pairing in (Pairing.SAME_SERVER, Pairing.NEUTRAL)
    }
    key, found = next(iter(pairs.items()))
    assert (key.vantage, key.direction, key.family) == ("v1", Direction.DOWNLOAD, 4)
    assert [pair.tz for pair in found] == ["Asia/Tehran"] * 2
    assert found[0].time < found[1].time
    assert found[0].target.rate == pytest.approx((SIZE - 1_000) / 0.9)
    assert all(len(some) == 1 for some in later.values())


class Within(NetworkLookup):
    """Says of one address that it is in a country."""

    def __init__(self, address: str, country: str) -> None:
        super().__init__(None, None)
        self._known = {address: Seen(country=country)}

    def seen(self, address: str) -> Seen:
        return self._known.get(address, Seen())


async def test_a_site_of_the_country_that_is_abroad_is_no_other_side_of_the_border() -> None:
    """A domestic name at a foreign host: its file is kept as not measured, with the reason."""
    probe = faked()
    with Store.open(MEMORY) as store:
        one = session(catalog(OTHER, HOME), store, probe)
        one.lookup = Within(address_of(HOME.host), "DE")
        result = await one.round(EVERYTHING, goodput=True)
        assert not [key for key in store.goodput() if key.pairing is Pairing.BORDER]
    (record,) = (r for r in result.records if r.endpoint == HOME.id)
    (own,) = (m for m in record.bundle if m.variant is Variant.GOODPUT)
    assert (own.outcome, own.reason) == (Outcome.NOT_RUN, FAR)


@pytest.mark.parametrize(("inside", "pairs"), [("IR", 0), ("DE", 1), (None, 1)])
async def test_a_cache_in_the_country_is_nothing_from_abroad(
    inside: str | None, pairs: int
) -> None:
    """The border is what lies between: by the database, or by nothing where there is none."""
    probe = faked()
    with Store.open(MEMORY) as store:
        one = session(catalog(FILE, OTHER, HOME), store, probe)
        one.lookup = None if inside is None else Within(address_of(OTHER.host), inside)
        result = await one.round(EVERYTHING, goodput=True)
        found = [key for key in store.goodput() if key.pairing is Pairing.BORDER]
    assert [key.subject for key in found] == [""] * pairs
    (record,) = (r for r in result.records if r.endpoint == HOME.id)
    (abroad,) = (m for m in record.bundle if m.variant is Variant.GOODPUT_ABROAD)
    assert (abroad.reason == NEARBY) is not bool(pairs)
    own = next(r for r in result.records if r.endpoint == OTHER.id)
    timed = [m for m in own.bundle if m.variant is Variant.GOODPUT]
    assert [m.outcome for m in timed] == [Outcome.MEASURED]


@pytest.mark.parametrize(("lost", "kept"), [(0.01, True), (0.5, False)])
async def test_a_transfer_in_which_the_machine_stood_still_has_no_speed(
    monkeypatch: pytest.MonkeyPatch, lost: float, kept: bool
) -> None:
    """The kernel went on receiving: twice as fast as it was, or a control twice its target."""
    stood_s = 0.0
    monkeypatch.setattr(transfers, "lost_s", lambda: stood_s)
    probe = faked(takes_s=1.0)

    def stop(target: Endpoint) -> None:
        nonlocal stood_s
        stood_s += lost

    probe.on_measure = stop
    with Store.open(MEMORY) as store:
        result = await session(catalog(FILE, OTHER), store, probe).round(EVERYTHING, goodput=True)
        assert bool(store.goodput()) is kept
    (record,) = (r for r in result.records if r.endpoint == FILE.id)
    timed = [m for m in record.bundle if m.variant is Variant.GOODPUT]
    assert [m.reason for m in timed] == [None if kept else STOOD_STILL]


async def test_four_a_day_and_then_no_more() -> None:
    """Of transfers as of files; the next day begins anew, also after a restart."""
    probe = faked()
    with Store.open(MEMORY) as store:
        counts, reasons = [], set()
        for number in range(6):
            if number == 5:
                await probe.clock.sleep(86_400)
            before = len(probe.asked)
            result = await session(catalog(FILE, OTHER), store, probe).round(
                EVERYTHING, goodput=True
            )
            counts.append(sum(variant in GOODPUTS for _, variant, _ in probe.asked[before:]))
            reasons |= {r.main.reason for r in result.records if r.service == "store"}
            await probe.clock.sleep(600)
    assert counts == [4, 4, 4, 4, 0, 4]
    assert reasons == {None, DOWNLOADS}


@pytest.mark.parametrize(("many", "metered", "rounds"), [(2, False, 2), (4, True, 0)])
async def test_a_watch_times_transfers_once_in_each_part_of_the_day(
    many: int, metered: bool, rounds: int
) -> None:
    """At an instant that is drawn anew, so that no hour stays unseen; never on a metered line."""
    probe = faked()
    await probe.clock.sleep(43_200)  # to midnight in UTC
    begun = probe.clock.monotonic_s()
    with Store.open(MEMORY) as store:
        watched = Watched(
            catalog(*(replace(e, plan=Plan.DEFAULT) for e in (FILE, OTHER))),
            probe,
            store=store,
            every_s=7_200.0,
            goodput_rounds=many,
            metered=metered,
        )
        await watched.watch.run(12)
    slot_s = 86_400 / many
    times = [at - begun for _, variant, at in probe.asked if variant is Variant.GOODPUT_SNI]
    slots = [int(at // slot_s) for at in times]
    assert sorted(set(slots)) == list(range(rounds))
    assert all(slots.count(slot) == 2 for slot in set(slots))  # two files, once


async def test_on_a_metered_line_there_are_neither_transfers_nor_files() -> None:
    """It is said of each file."""
    probe = faked()
    one = session(catalog(FILE, OTHER, CHAT), None, probe, metered=True)
    result = await one.round(EVERYTHING, goodput=True)
    said = {r.service: r.main.reason for r in result.records if r.main.outcome is Outcome.NOT_RUN}
    assert said == {"store": METERED, "shop": METERED}
    assert not {"files.example.com", "get.example.org"} & set(probe.hosts())


async def test_files_that_nobody_counts_are_not_downloaded() -> None:
    """A real line without a store; the same session with a store, or in the lab, has them."""
    probe = faked()
    one = session(catalog(FILE, OTHER, CHAT), None, probe)
    one.uncounted = True
    result = await one.round(EVERYTHING)
    said = {r.service: r.main.reason for r in result.records if r.main.outcome is Outcome.NOT_RUN}
    assert said == {"store": UNCOUNTED, "shop": UNCOUNTED}
    assert not {"files.example.com", "get.example.org"} & set(probe.hosts())
    one.uncounted = False
    again = await one.round(EVERYTHING)
    assert all(r.main.outcome is Outcome.MEASURED for r in again.records)


@pytest.mark.parametrize("where", ["dns", "tcp", "tls", "http"])
async def test_what_is_cut_has_no_speed(where: str) -> None:
    """Its failure is a verdict's matter; nothing is spent on timing it."""
    probe = faked(behaviours={"files.example.com": failing(where)})
    await session(catalog(FILE), None, probe, run_seconds=600).round(EVERYTHING, goodput=True)
    assert Variant.GOODPUT not in {variant for _, variant, _ in probe.asked}


async def test_a_budget_of_bytes_holds_for_transfers() -> None:
    """They are promised at their price, and what does not fit is not started."""
    probe = faked()
    probe.payload = 60_000
    one = session(catalog(FILE, OTHER), None, probe, run_bytes=400_000)
    result = await one.round(EVERYTHING, goodput=True)
    assert result.bytes <= 1.3 * 400_000


async def test_a_round_that_is_stopped_keeps_what_was_held_for_its_transfers() -> None:
    """The first looks are there, and the transfers that had ended."""
    probe = faked()
    stop = asyncio.Event()

    def stopping(target: Endpoint) -> None:
        if probe.asked[-1][1] is Variant.GOODPUT_SNI:
            stop.set()

    probe.on_measure = stopping
    probe.takes_s = 0.001
    with Store.open(MEMORY) as store:
        one = session(catalog(FILE, OTHER), store, probe)
        one.stop = stop
        result = await one.round(EVERYTHING, goodput=True)
        assert result.interrupted
        assert result.round_id is not None
        kept = {r.service: r for r in store.records(result.round_id)}
    assert kept["store"].main.outcome is Outcome.MEASURED
    assert kept["shop"].main.outcome is Outcome.MEASURED
    timed = [m for r in kept.values() for m in r.bundle if m.variant in GOODPUTS]
    assert any(m.outcome is Outcome.MEASURED for m in timed)
