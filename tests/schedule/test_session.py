"""Rounds that share a store: recovery, resumption, budgets over days, and the vantage."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from schedule_rounds import (
    PLENTY,
    SECRET,
    START,
    VANTAGE,
    FakeProbe,
    catalog,
    environment,
    failing,
    plan_of,
    targets,
)

from probe.clock import VirtualClock
from probe.errors import StoreError
from probe.model.measurement import Outcome
from probe.model.target import Catalog, Plan
from probe.model.vantage import Access, Network
from probe.schedule.choose import Wanted
from probe.schedule.reasons import DAY_BYTES
from probe.schedule.runner import RunDeps, run_round
from probe.schedule.session import (
    Session,
    last_network,
    measured_since,
    unfinished,
    vantage_of,
)
from probe.settings import Settings
from probe.store.database import MEMORY, Store

WANTED = Wanted(plan=Plan.DEFAULT, country="IR")


def session(cat: Catalog, store: Store | None, probe: FakeProbe, **settings: Any) -> Session:
    """Return a session over ``cat`` on the probe's clock."""
    if store is not None:
        store.save_vantage(VANTAGE)
    return Session(
        settings=Settings(store=Path("unused.db"), country="IR", **settings),
        catalog=cat,
        env=environment(probe.clock),
        rng=random.Random(5),
        vantage=VANTAGE,
        secret=SECRET,
        store=store,
        measure=probe,
    )


async def test_a_round_is_stored_with_all_it_measured_and_its_bytes_are_booked() -> None:
    """What the store gives back is what the round gave."""
    clock = VirtualClock(START)
    with Store.open(MEMORY) as store:
        one = session(catalog(*targets(4)), store, FakeProbe(clock))
        result = await one.round(WANTED)
        assert result.round_id is not None
        stored = store.records(result.round_id)
        assert {r.endpoint: r.verdict for r in stored} == {
            r.endpoint: r.verdict for r in result.records
        }
        assert store.bytes_used(START, START + timedelta(hours=1)) > 0
        (row,) = store.rounds()
        assert row.plan == "default"
        assert row.context == result.context
        assert store.verify() == []


async def test_a_day_s_budget_ends_the_day_s_rounds_and_a_new_day_begins_anew() -> None:
    """Enforced over rounds, by what really crossed the wire; nothing is dropped in silence."""
    clock = VirtualClock(START)
    with Store.open(MEMORY) as store:
        probe = FakeProbe(clock, payload=65_000)
        one = session(catalog(*targets(4)), store, probe, day_bytes=1_500_000)
        first = await one.round(WANTED)
        assert all(r.main.outcome is Outcome.MEASURED for r in first.records)
        second = await one.round(WANTED)
        reasons = {r.main.reason for r in second.records if r.endpoint.startswith("app")}
        assert reasons == {DAY_BYTES}
        clock.advance(24 * 3_600)
        third = await one.round(WANTED)
        assert all(r.main.outcome is Outcome.MEASURED for r in third.records)


async def test_an_interrupted_round_is_continued_with_what_was_not_run() -> None:
    """``--resume``: measured endpoints are not measured again, the rest are."""
    clock = VirtualClock(START)
    cat = catalog(*targets(6))
    with Store.open(MEMORY) as store:
        probe = FakeProbe(clock, payload=60_000)
        one = session(cat, store, probe, run_bytes=900_000)
        await one.round(WANTED)
        done = unfinished(store, WANTED.name, clock.now())
        assert done is not None
        apps = {e.id for s in cat.services[2:] for e in s.endpoints}
        assert 0 < len(done & apps) < 6
        rest = session(cat, store, FakeProbe(clock))
        result = await rest.round(WANTED, done=done)
        again = {r.endpoint for r in result.records} & apps
        assert again == apps - done
        assert unfinished(store, WANTED.name, clock.now()) is None
        assert unfinished(store, "core", clock.now()) is None
        assert unfinished(store, WANTED.name, clock.now() + timedelta(days=1)) is None


async def test_a_killed_round_is_closed_at_the_next_start_and_can_be_continued() -> None:
    """A kill loses the batch in flight; what was committed is kept and found again."""
    clock = VirtualClock(START)
    cat = catalog(*targets(3))
    with Store.open(MEMORY) as store:
        one = session(cat, store, FakeProbe(clock))
        whole = await one.round(WANTED)
        killed = store.begin_round(
            vantage=VANTAGE.id,
            plan="default",
            started=clock.now(),
            catalog_digest="d",
            network=Network(),
        )
        store.save(killed, [r for r in whole.records if "app0" in r.endpoint])
        assert [row.id for row in store.recover()] == [killed]
        done = unfinished(store, "default", clock.now())
        assert done is not None
        assert {e.split("/")[0] for e in done} == {"app0"}
        assert store.verify() == []


async def test_a_store_knows_what_was_measured_today_and_on_which_network() -> None:
    """What ``watch`` asks after a restart."""
    clock = VirtualClock(START)
    with Store.open(MEMORY) as store:
        one = session(catalog(*targets(2)), store, FakeProbe(clock))
        assert last_network(store, clock.now()) is None
        result = await one.round(WANTED)
        assert last_network(store, clock.now()) == result.context.network
        today = measured_since(store, START - timedelta(hours=1))
        assert {e.split("/")[0] for e in today} >= {"app0", "app1"}
        assert measured_since(store, START + timedelta(hours=1)) == frozenset()


async def test_the_own_past_serves_as_a_control_in_later_rounds() -> None:
    """A host that worked an hour ago and is reset now is news, and not known to be a block."""
    clock = VirtualClock(START)
    cat = catalog(*targets(1))
    with Store.open(MEMORY) as store:
        await session(cat, store, FakeProbe(clock)).round(WANTED)
        clock.advance(3_600)
        probe = FakeProbe(clock, {"app0.example.com": failing("tls")})
        result = await session(cat, store, probe).round(WANTED)
        (record,) = [r for r in result.records if r.endpoint.startswith("app0")]
        assert record.verdict.rule_id.endswith(".expected")
        assert "control:past" in record.verdict.evidence
        assert record.endpoint in result.changed


def test_a_vantage_is_random_made_once_and_follows_the_settings(tmp_path: Path) -> None:
    """Its id says nothing; what the settings say now wins, what they do not say stays."""
    with Store.open(tmp_path / "probe.db") as store:
        origins = {"country": "flag --country", "tz": "system", "access": "default"}
        first = Settings(
            store=tmp_path / "probe.db", country="IR", tz="Asia/Tehran", origins=origins
        )
        made = vantage_of(first, store, random.Random(1))
        assert (made.country, made.tz, len(made.id)) == ("IR", "Asia/Tehran", 16)
        later = Settings(
            store=tmp_path / "probe.db",
            country="ZZ",
            tz="UTC",
            access=Access.MOBILE,
            origins={"country": "default", "tz": "system", "access": "flag --access"},
        )
        seen = vantage_of(later, store, random.Random(2))
        assert (seen.id, seen.country, seen.tz, seen.access) == (
            made.id,
            "IR",
            "Asia/Tehran",
            Access.MOBILE,
        )
        assert store.vantage() == seen


async def test_a_full_disk_in_the_middle_keeps_what_was_committed(tmp_path: Path) -> None:
    """Storage error, not a traceback; the committed batch is there, the chain holds."""
    clock = VirtualClock(START)
    cat = catalog(*targets(120))
    with Store.open(tmp_path / "probe.db") as store:
        store.save_vantage(VANTAGE)

        class Filling:
            """The store, on a disk that fills after the first batch."""

            def __init__(self) -> None:
                self.batches = 0

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

            def save(self, round_id: int, records: Any) -> None:
                self.batches += 1
                if self.batches > 1:
                    raise StoreError("the disk is full")
                store.save(round_id, records)

        with pytest.raises(StoreError, match="full"):
            await run_round(
                RunDeps(
                    env=environment(clock),
                    catalog=cat,
                    plan=plan_of(cat),
                    vantage=VANTAGE,
                    allowed=PLENTY,
                    secret=SECRET,
                    rng=random.Random(1),
                    store=Filling(),
                    measure=FakeProbe(clock),
                    concurrency=2,
                )
            )
        (row,) = store.recover()
        assert store.records(row.id)
        assert store.verify() == []
