"""Controls are kept with what they judged: whole, compact, bound by the chain, and forgotten."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from store_records import BLOCKED, OK, START, age, blocked, context, good, whole_round

from probe.errors import StoreError
from probe.model.context import Opening
from probe.model.control import ControlKind, ControlObservation
from probe.store.database import Store
from probe.store.schema import HEAD

SEEN = ControlObservation(
    endpoint="chat/http/chat.example:443/",
    source="live 0123456789abcdef",
    kind=ControlKind.LIVE,
    observed=START + timedelta(seconds=3, microseconds=17),
    country="NL",
    addresses=("93.184.216.12", "2001:4860::1"),
    asns=(64501,),
    issuer="CN=Example CA",
    leaf_sha256="ab" * 32,
    status=200,
    title="Welcome \x1b[31m",
    body_length=14_000,
    body_sha256="1" * 64,
)
PAST = replace(SEEN, kind=ControlKind.OWN_PAST, source="past", observed=START - timedelta(days=9))
FAILED = replace(
    SEEN,
    source="live ffff",
    failure="connection_reset",
    failed_operation="tls",
    issuer=None,
    leaf_sha256=None,
    status=None,
    title=None,
    body_length=None,
    body_sha256=None,
)


def test_controls_come_back_with_their_record_in_order(memory: Store) -> None:
    """Live, failed and past ones, each with its own time, before and after the round as well."""
    records = (
        replace(blocked("news.example"), controls=(SEEN, FAILED, PAST)),
        good("chat.example"),
        replace(good("mail.example"), controls=(PAST,)),
    )
    found = memory.records(whole_round(memory, records))
    assert [r.controls for r in found] == [(SEEN, FAILED, PAST), (), (PAST,)]
    assert memory.verify() == []


@given(
    st.lists(
        st.builds(
            ControlObservation,
            endpoint=st.text(max_size=40),
            source=st.text(max_size=20),
            kind=st.sampled_from(ControlKind),
            observed=st.datetimes(
                min_value=START.replace(tzinfo=None) - timedelta(days=400),
                max_value=START.replace(tzinfo=None) + timedelta(days=400),
            ).map(lambda time: time.replace(tzinfo=START.tzinfo)),
            country=st.none() | st.just("NL"),
            addresses=st.lists(st.text(max_size=20), max_size=4).map(tuple),
            status=st.none() | st.integers(100, 599),
            title=st.none() | st.text(max_size=50),
            body_length=st.none() | st.integers(0, 2**40),
        ),
        max_size=4,
    )
)
@settings(max_examples=30)
def test_any_control_is_stored_exactly(controls: list[ControlObservation]) -> None:
    """Property: whatever a control says comes back as it was."""
    with Store.open(":memory:") as store:
        record = replace(good(), controls=tuple(controls))
        (found,) = store.records(whole_round(store, [record]))
        assert found.controls == tuple(controls)


def test_a_thinned_record_keeps_its_controls_whole(memory: Store) -> None:
    """They are inputs of rules: thinning a repeated good result takes nothing from them."""
    first = replace(good(), controls=(SEEN,))
    whole_round(memory, [first])
    later = replace(good(at=START + timedelta(hours=1)), controls=(SEEN,))
    (found,) = memory.records(whole_round(memory, [later], START + timedelta(hours=1)))
    assert found.main != later.main, "it was thinned"
    assert found.controls == (SEEN,)


def test_the_same_answer_is_stored_once(place: Path) -> None:
    """A snapshot that serves a hundred rounds costs one content, and a few bytes a record."""
    with Store.open(place) as store:
        for hour in range(20):
            at = START + timedelta(hours=hour)
            whole_round(store, [replace(good(at=at), controls=(replace(SEEN, observed=at),))], at)
    database = sqlite3.connect(place)
    assert database.execute("SELECT count(*) FROM control").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM record_control").fetchone() == (20,)
    database.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM record_control WHERE seq=1",
        "UPDATE record_control SET offset_us=offset_us+1 WHERE seq=0",
        "UPDATE record_control SET control_id=1",
    ],
)
def test_the_chain_binds_the_controls(place: Path, change: str) -> None:
    """A control that was taken away, moved in time or exchanged shows in ``store verify``."""
    with Store.open(place) as store:
        whole_round(store, [replace(blocked(), controls=(SEEN, FAILED))])
        assert store.verify() == []
    database = sqlite3.connect(place)
    database.execute(change)
    database.commit()
    database.close()
    with Store.open(place) as store:
        assert [p.what for p in store.verify()] == ["its evidence was changed after it was closed"]


def test_forgetting_a_round_forgets_its_controls(place: Path) -> None:
    """Purge leaves no observation, no revision and no name of it in a byte of the file."""
    secret = "unlikely-title-of-a-page"
    with Store.open(place) as store:
        number = whole_round(store, [replace(good(), controls=(replace(SEEN, title=secret),))])
        revision = store.begin_revision(START)
        store.revise(revision, number, {0: BLOCKED})
        store.purge()
        assert store.verify() == []
        assert store.last_revision() is None
    database = sqlite3.connect(place)
    for table in ("control", "record_control", "revision", "earlier_verdict", "ruling"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    database.close()
    assert secret.encode() not in place.read_bytes()


def test_pruning_keeps_the_controls_of_what_stays(memory: Store) -> None:
    """Only what no round refers to any more is swept."""
    late = START + timedelta(days=40)
    whole_round(memory, [replace(good(), controls=(SEEN, FAILED))])
    kept = whole_round(memory, [replace(good(at=late), controls=(FAILED,))], late)
    memory.prune(late, 30)
    assert [r.controls for r in memory.records(kept)] == [(FAILED,)]
    assert memory.verify() == []


def old_store(place: Path) -> int:
    """Write a store as the first release left it: no table of controls; return its round."""
    with Store.open(place) as store:
        number = whole_round(store, [blocked(), good("mail.example")])
    age(place)
    return number


def test_a_store_of_the_first_release_is_brought_up_to_date(place: Path) -> None:
    """Opening it for writing adds the tables, loses nothing, and its chain still holds."""
    number = old_store(place)
    with pytest.raises(StoreError, match="probe store upgrade"):
        Store.open(place, readonly=True)
    with Store.open(place) as store:
        assert store.info().schema == HEAD
        assert store.verify() == []
        assert [r.controls for r in store.records(number)] == [(), ()]
        assert [e.complete for e in store.evidence(number)] == [False, False]
        assert sorted(look.service for look in store.look_table().judged()) == ["chat", "mail"]
        newer = whole_round(store, [replace(good(), controls=(SEEN,))], START + timedelta(days=1))
        assert [e.complete for e in store.evidence(newer)] == [True]
        assert store.verify() == []


def test_another_line_at_the_opening_is_bound_without_what_identifies(memory: Store) -> None:
    """The context at both ends comes back; its AS and portal are no part of the hash."""
    from probe.store.context import canonical_context, pack

    line = context()
    opened = Opening(inputs=replace(line.inputs, seen_asn=65_001, captive_redirect="portal.test"))
    both = replace(line, opened=opened)
    bound = canonical_context(pack(both))
    assert b"portal.test" not in bound
    assert b"65001" not in bound
    assert b'"opened":{' in bound


# --- judging again


def test_a_record_without_a_verdict_can_still_be_read(place: Path) -> None:
    """Its endpoint, bundle and controls are evidence; only what was said is gone."""
    with Store.open(place) as store:
        number = whole_round(store, [replace(blocked(), controls=(SEEN,)), good("mail.example")])
        before = store.evidence(number)
    database = sqlite3.connect(place)
    database.execute("DELETE FROM verdict")
    database.commit()
    database.close()
    with Store.open(place) as store:
        found = store.evidence(number)
        assert [e.verdict for e in found] == [None, None]
        assert [e._replace(verdict=None) for e in before] == list(found)
        assert store.records(number) == ()
        store.replace_verdicts(number, [BLOCKED, OK])
        assert [e.verdict for e in store.evidence(number)] == [BLOCKED, OK]
        assert list(store.evidence(number)) == list(before)


def test_a_revision_is_undone_to_the_last_verdict(place: Path) -> None:
    """Changed ones come back, one that was not there goes again; the chain never notices."""
    with Store.open(place) as store:
        number = whole_round(store, [blocked(), good("mail.example"), good("news.example")])
        head = store.info().chain_head
    database = sqlite3.connect(place)
    database.execute("DELETE FROM verdict WHERE no=2")
    database.commit()
    database.close()
    with Store.open(place) as store:
        before = store.evidence(number)
        revision = store.begin_revision(START + timedelta(days=3))
        store.revise(revision, number, {0: OK, 2: OK})
        assert [e.verdict for e in store.evidence(number)] == [OK, OK, OK]
        assert store.last_revision() == START + timedelta(days=3)
        assert store.undo_revision() == 2
        assert store.evidence(number) == before
        assert store.verify() == []
        assert store.info().chain_head == head
        with pytest.raises(StoreError, match="nothing to undo"):
            store.undo_revision()


def test_a_revision_without_changes_is_none_to_undo(memory: Store) -> None:
    """Judged again twice, the second time for nothing: undo takes back what was changed."""
    number = whole_round(memory, [blocked()])
    before = memory.evidence(number)
    memory.revise(memory.begin_revision(START), number, {0: OK})
    memory.begin_revision(START + timedelta(days=1))
    assert memory.last_revision() == START
    assert memory.undo_revision() == 1
    assert memory.evidence(number) == before
    assert memory.last_revision() is None
    with pytest.raises(StoreError, match="nothing to undo"):
        memory.undo_revision()


def test_a_verdict_for_a_record_that_is_not_there_is_a_wrong_call(memory: Store) -> None:
    """Nothing is written then."""
    number = whole_round(memory, [good()])
    with pytest.raises(ValueError, match="no record 7"):
        memory.revise(memory.begin_revision(START), number, {7: OK})
    assert [e.verdict for e in memory.evidence(number)] == [OK]


def test_what_is_said_of_a_look_is_found_by_its_time(memory: Store) -> None:
    """To the microsecond, of the own rounds only."""
    at = START + timedelta(minutes=2, microseconds=3)
    whole_round(memory, [good(at=at)])
    name = good().endpoint
    assert memory.verdict_at(name, at) == OK
    assert memory.verdict_at(name, at + timedelta(microseconds=1)) is None
    assert memory.verdict_at("other", at) is None


def test_bytes_beside_the_measurements_count_in_the_budget(memory: Store) -> None:
    """What asking a control costs is spent."""
    before = memory.bytes_used(START, START + timedelta(hours=1))
    memory.count_traffic(START, 1_000, 30_000)
    memory.count_traffic(START + timedelta(minutes=5), 1, 2)
    assert memory.bytes_used(START, START + timedelta(hours=1)) == before + 31_003
