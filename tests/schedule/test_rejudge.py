"""Stored records judged again: nothing changes by itself, and what changes is shown and kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from schedule_rounds import (
    ANCHORS,
    START,
    FakeProbe,
    catalog,
    deps,
    failing,
    steps_of,
    targets,
)

from probe.analysis.verdict import JudgeFacts
from probe.clock import VirtualClock
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import Step
from probe.model.record import Record
from probe.model.target import Catalog, Endpoint
from probe.model.verdict import State, Verdict
from probe.probes.options import ProbeOptions
from probe.schedule.rejudge import Change, Rejudging
from probe.schedule.runner import RoundResult, run_round
from probe.store.database import Store

CATALOG = catalog(*targets(4))
ENDPOINTS = {e.host: e for e in targets(4)}
FACTS = JudgeFacts()


def live(endpoint: Endpoint, at: int = 0, failure: str | None = None) -> ControlObservation:
    """Return a live control of some minutes after the start."""
    return ControlObservation(
        endpoint=endpoint.id,
        source="live",
        kind=ControlKind.LIVE,
        observed=START + timedelta(minutes=at),
        failure=failure,
        failed_operation=None if failure is None else "tls",
        addresses=("93.184.0.1",),
        status=None if failure else 200,
    )


async def a_round(
    store: Store, probe: FakeProbe, controls: Sequence[ControlObservation] = ()
) -> RoundResult:
    """Run one round into the store."""
    wanted = deps(CATALOG, probe, store=store, controls=controls, facts=FACTS)
    if store.vantage() is None:
        store.save_vantage(wanted.vantage)
    return await run_round(wanted)


async def history(store: Store) -> None:
    """Fill a store: all well; cut with a control; cut by the past alone; a line that goes away."""
    probe = FakeProbe(VirtualClock(START))
    await a_round(store, probe)
    await probe.clock.sleep(1_800)
    probe.behaviours = {
        "app0.example.com": failing("tls"),
        "app1.example.com": failing("dns", "dns_nxdomain_error"),
        "app2.example.com": failing("tcp", "generic_timeout_error", times=1),
    }
    minutes = round(probe.clock.monotonic_s() / 60)
    await a_round(store, probe, [live(ENDPOINTS["app0.example.com"], minutes)])
    await probe.clock.sleep(1_800)
    await a_round(store, probe)
    await probe.clock.sleep(1_800)
    await a_round(store, goes_away(probe.clock))


def goes_away(clock: object) -> FakeProbe:
    """Return a line whose way abroad is cut after the opening look, and one more failure."""
    probe = FakeProbe(clock)  # type: ignore[arg-type]
    abroad = {a.host for a in ANCHORS[:4]}

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        cut = target.host == "app3.example.com" or (target.host in abroad and before > 0)
        return steps_of(target, fails="tcp" if cut else None, engine=options.engines[0])

    probe.default = behave
    return probe


def again(store: Store, known: Catalog = CATALOG, *, keep: bool = False) -> list[Change]:
    """Judge all of a store again."""
    revision = store.begin_revision(START) if keep else None
    passing = Rejudging(store=store, catalog=known, facts=FACTS, revision=revision)
    return list(passing.changes())


def forget_verdicts(store: Store) -> None:
    """Delete every verdict, as if nothing had ever been judged."""
    store._database.outside_transaction("DELETE FROM verdict")


def said(store: Store) -> list[tuple[int, list[Verdict | None]]]:
    """Return every verdict of a store."""
    return [(row.id, [e.verdict for e in store.evidence(row.id)]) for row in store.rounds()]


async def test_nothing_changes_when_the_rules_did_not() -> None:
    """Each verdict is a function of what is stored: measurements, line at both ends, controls."""
    with Store.open(":memory:") as store:
        await history(store)
        states = {e.state for _, verdicts in said(store) for e in verdicts if e is not None}
        assert {State.OK, State.BLOCKED, State.INVALID} <= states, "there is something to lose"
        assert again(store) == []


async def test_all_verdicts_are_made_again_from_the_store_alone() -> None:
    """Deleted, judged again, kept: every one is what it was, and the chain never noticed."""
    with Store.open(":memory:") as store:
        await history(store)
        before, head = said(store), store.info().chain_head
        forget_verdicts(store)
        assert all(verdict is None for _, verdicts in said(store) for verdict in verdicts)
        changes = again(store, keep=True)
        assert len(changes) == sum(len(verdicts) for _, verdicts in before)
        assert all(change.before is None and change.says_otherwise for change in changes)
        assert said(store) == before
        assert store.info().chain_head == head
        assert store.verify() == []


async def test_what_the_line_was_at_the_opening_is_kept_when_it_changed() -> None:
    """What passed before the cut stays ``ok``, what failed is ``invalid``; again and again."""
    with Store.open(":memory:") as store:
        probe = goes_away(VirtualClock(START))
        result = await a_round(store, probe)
        assert result.context.invalid is not None
        assert result.context.opened is not None
        assert result.context.opened.gates == ()
        states = {r.endpoint: r.verdict.state for r in result.records if "app" in r.endpoint}
        assert sorted(states.values()) == [State.INVALID, State.OK, State.OK, State.OK]
        assert again(store) == []


async def test_other_rules_show_what_they_would_say() -> None:
    """Only shown at first; kept on demand; taken back whole."""
    with Store.open(":memory:") as store:
        await history(store)
        before = said(store)
        row = next(iter(store.rounds()))
        number = next(no for no, e in enumerate(store.evidence(row.id)) if "app0" in e.endpoint)
        wrong = msgspec.structs.replace(
            _good(before, row.id), state=State.DOWN, rule_id="old.rule", mechanism="down"
        )
        store.revise(store.begin_revision(START), row.id, {number: wrong})
        changes = again(store)
        assert [(c.endpoint, c.before, c.after.state) for c in changes] == [
            (ENDPOINTS["app0.example.com"].id, wrong, State.OK)
        ]
        assert said(store) != before, "nothing was written"
        again(store, keep=True)
        assert said(store) == before
        store.undo_revision()
        store.undo_revision()
        assert said(store) == before


def _good(before: list[tuple[int, list[Verdict | None]]], number: int) -> Verdict:
    verdicts = dict(before)[number]
    return next(v for v in verdicts if v is not None and v.state is State.OK)


async def test_an_endpoint_that_left_the_catalog_keeps_its_verdict() -> None:
    """What it was is not known any more; it is counted, and said."""
    smaller = catalog(*targets(4)[1:])
    with Store.open(":memory:") as store:
        await history(store)
        before = said(store)
        passing = Rejudging(
            store=store,
            catalog=msgspec.structs.replace(smaller, digest="newer"),
            facts=FACTS,
            revision=store.begin_revision(START),
        )
        assert list(passing.changes()) == []
        assert passing.kept == {"not_in_catalog": 4}
        assert passing.other_catalog == passing.rounds == 4
        assert said(store) == before


async def test_what_a_lab_measured_is_said_to_be_of_its_scenario() -> None:
    """Its endpoints have not left the catalog: they were never in it."""
    with Store.open(":memory:") as store:
        wanted = deps(
            msgspec.structs.replace(CATALOG, digest="scenario tcp-drop"),
            FakeProbe(VirtualClock(START)),
            store=store,
        )
        store.save_vantage(wanted.vantage)
        await run_round(wanted)
        newer = msgspec.structs.replace(catalog(), digest="newer")
        passing = Rejudging(store=store, catalog=newer, facts=FACTS)
        assert list(passing.changes()) == []
        assert passing.kept == {"measured_in_a_lab": 4}
        assert passing.scenarios == {"tcp-drop"}


async def test_a_round_that_was_killed_is_judged_by_its_beginning() -> None:
    """What was committed of it had been judged by that; the chain binds it."""
    with Store.open(":memory:") as store:
        probe = FakeProbe(VirtualClock(START), {"app0.example.com": failing("tls")})
        wanted = deps(CATALOG, probe, store=store)
        store.save_vantage(wanted.vantage)
        result = await run_round(wanted)
        number = store.begin_round(
            vantage=wanted.vantage.id,
            plan="core",
            started=START,
            catalog_digest="digest",
            network=result.context.network,
            opening=result.context,
        )
        store.save(number, result.records)
        (cut,) = store.recover()
        assert (cut.context, cut.opening) == (None, result.context)
        passing = Rejudging(store=store, catalog=CATALOG, facts=FACTS)
        assert list(passing.changes()) == []
        assert (passing.judged, passing.kept) == (2 * len(result.records), {})
        assert store.verify() == []
        store._database.outside_transaction("UPDATE round SET opening=NULL")
        assert [p.round for p in store.verify()] == [number]
        (whole, _) = store.rounds()
        assert whole.opening is None


async def test_an_old_round_that_was_killed_and_an_import_keep_their_verdicts() -> None:
    """One has no context, the other's line is somebody else's."""
    with Store.open(":memory:") as store:
        wanted = deps(CATALOG, store=store)
        store.save_vantage(wanted.vantage)
        result = await run_round(wanted)
        records: tuple[Record, ...] = result.records
        number = store.begin_round(
            vantage=wanted.vantage.id,
            plan="core",
            started=START,
            catalog_digest="digest",
            network=result.context.network,
        )
        store.save(number, records[:3])
        store.recover()
        store.import_round(
            vantage=wanted.vantage,
            network=result.context.network,
            plan="ooni",
            started=START,
            ended=START,
            records=records[:2],
            imported_from="a file",
        )
        passing = Rejudging(store=store, catalog=CATALOG, facts=FACTS)
        assert list(passing.changes()) == []
        assert passing.kept == {"cut_off": 3, "imported": 2}
        assert passing.judged == len(records)


async def test_an_own_past_that_is_not_good_any_more_is_not_expected() -> None:
    """What a liar answered, once it is known as a lie, is no longer what is compared with."""
    with Store.open(":memory:") as store:
        probe = FakeProbe(VirtualClock(START))
        first = await a_round(store, probe)
        await probe.clock.sleep(1_800)
        probe.behaviours = {"app0.example.com": failing("tls")}
        second = await a_round(store, probe)
        (cut,) = [r for r in second.records if "app0" in r.endpoint]
        assert [c.kind for c in cut.controls] == [ControlKind.OWN_PAST]
        number = next(
            no for no, e in enumerate(store.evidence(first.round_id or 0)) if "app0" in e.endpoint
        )
        bad = msgspec.structs.replace(first.records[0].verdict, state=State.BLOCKED)
        store.revise(store.begin_revision(START), first.round_id or 0, {number: bad})
        only_later = Rejudging(
            store=store, catalog=CATALOG, facts=FACTS, since=START + timedelta(minutes=10)
        )
        changes = list(only_later.changes())
        assert [c.endpoint for c in changes] == [cut.endpoint]
        assert "control:past" not in changes[0].after.evidence
        assert again(store, keep=True)[0].after.state is State.OK
        assert again(store) == [], "mended from the oldest on, it is expected again"


async def test_records_from_before_controls_were_stored() -> None:
    """One that rests on a control nobody stored keeps its verdict; the past is read anew."""
    with Store.open(":memory:") as store:
        await history(store)
        store._database.outside_transaction(
            "DELETE FROM record_control", "INSERT INTO fact VALUES ('controls_from', '1000')"
        )
        before = said(store)
        passing = Rejudging(store=store, catalog=CATALOG, facts=FACTS)
        assert list(passing.changes()) == []
        assert set(passing.kept) <= {"controls_not_stored"}
        assert passing.judged
        assert said(store) == before


@pytest.mark.parametrize(("service", "count"), [("app0", 4), ("nobody", 0)])
async def test_one_service_or_span_alone(service: str, count: int) -> None:
    """The rest is not even looked at."""
    with Store.open(":memory:") as store:
        await history(store)
        passing = Rejudging(store=store, catalog=CATALOG, facts=FACTS, service=service)
        assert list(passing.changes()) == []
        assert passing.judged == count
        later = replace(passing, since=START + timedelta(hours=1, minutes=20), judged=0, rounds=0)
        list(later.changes())
        assert later.rounds < passing.rounds
