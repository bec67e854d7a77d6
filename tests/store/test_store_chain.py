"""The hash chain: what was changed afterwards is found, what was forgotten is not missed."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from store_records import NETWORK, START, begin, blocked, context, good, whole_round

from probe.model.context import RoundContext
from probe.model.vantage import Network, Vantage
from probe.store.context import canonical_context, pack
from probe.store.database import Store


def _three_rounds(place: Path) -> None:
    with Store.open(place) as store:
        for n in range(3):
            at = START + timedelta(hours=n)
            whole_round(store, [good(at=at), blocked("shop.example", at=at)], at)
        assert store.verify() == []


def _tamper(place: Path, *statements: str) -> list[str]:
    """Change the file behind the store's back; return what ``verify`` then says."""
    with sqlite3.connect(place) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    with Store.open(place, readonly=True) as store:
        return [str(problem) for problem in store.verify()]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE round SET started_us = started_us + 1 WHERE id = 2", "round 2: its evidence was"),
        ("UPDATE round SET plan = 'all' WHERE id = 2", "round 2: its evidence was changed"),
        ("UPDATE round SET tz = 'UTC' WHERE id = 3", "round 3: its evidence was changed"),
        ("UPDATE measurement SET outcome = 3 WHERE round_id = 1 AND no = 0", "round 1: its evid"),
        ("UPDATE measurement SET offset_us = 5 WHERE round_id = 2", "round 2: its evidence was"),
        ("DELETE FROM measurement WHERE round_id = 3 AND no = 1", "round 3: its evidence was"),
        ("UPDATE endpoint SET name = 'another' WHERE id = 1", "round 1: its evidence was changed"),
        ("UPDATE link SET digest = zeroblob(32) WHERE seq = 2", "round 2: does not follow"),
        ("UPDATE link SET content = zeroblob(32) WHERE seq = 2", "round 2: does not follow"),
        ("DELETE FROM link WHERE seq = 2", "links 2 to 2 of the chain are missing"),
        ("DELETE FROM evidence WHERE id = 1", "row 1 of evidence is missing"),
        ("UPDATE evidence SET body = x'00' WHERE id = 1", "evidence is"),
        ("UPDATE measurement SET trace = x'93' WHERE round_id = 1", "round 1: a trace is damaged"),
        ("UPDATE certificate SET der = x'00'", "is not what it was"),
        ("UPDATE round SET context = x'00' WHERE id = 1", "round 1: a round's context is"),
        ("UPDATE link SET pruned = 1 WHERE seq = 1", "round 1: is marked as pruned and is still"),
    ],
)
def test_tampering_is_found(place: Path, statement: str, said: str) -> None:
    """Each change of what was stored is named, with its round."""
    _three_rounds(place)
    found = _tamper(place, statement)
    assert any(line.startswith(said) or said in line for line in found), found


def test_a_round_that_vanished_is_missed(place: Path) -> None:
    """A round deleted with all its rows is missing from the chain."""
    _three_rounds(place)
    found = _tamper(
        place,
        "DELETE FROM look WHERE round_id = 2",
        "DELETE FROM verdict WHERE round_id = 2",
        "DELETE FROM measurement WHERE round_id = 2",
        "DELETE FROM round WHERE id = 2",
    )
    assert found == ["round 2: is missing"]


def test_a_round_slipped_in_is_found(place: Path) -> None:
    """A closed round that the chain does not know is named."""
    _three_rounds(place)
    found = _tamper(
        place,
        "INSERT INTO round SELECT 9, vantage_id, network_id, plan, catalog_digest, started_us,"
        " ended_us, tz, utc_offset_s, control_bad, gates, context, imported_from,"
        " opening, said FROM round WHERE id = 1",
    )
    assert found == ["round 9: is closed and not in the chain"]


def test_new_verdicts_break_nothing(place: Path) -> None:
    """Verdicts are derived: the chain does not bind them."""
    _three_rounds(place)
    assert _tamper(place, "UPDATE verdict SET ruling_id = 1") == []


def test_the_chain_goes_on_after_an_interruption(memory: Store) -> None:
    """An interrupted round is a link as good as any other, without a context."""
    whole_round(memory, [good()])
    number = begin(memory, START + timedelta(hours=1))
    memory.save(number, [good(at=START + timedelta(hours=1, minutes=3))])
    (closed,) = memory.recover()
    assert (closed.id, closed.context) == (number, None)
    assert closed.ended == START + timedelta(hours=1, minutes=3)
    assert memory.recover() == ()
    whole_round(memory, [good()], START + timedelta(hours=2))
    assert memory.info().links == 3
    assert memory.verify() == []


def test_an_empty_round_can_be_recovered(memory: Store) -> None:
    """A round killed before its first batch ends where it started."""
    begin(memory)
    (closed,) = memory.recover()
    assert closed.ended == closed.started == START
    assert memory.verify() == []


def test_pruned_rounds_leave_a_whole_chain(memory: Store) -> None:
    """After pruning the chain verifies from its start, and a new round continues it."""
    for n in range(4):
        at = START + timedelta(days=n)
        whole_round(memory, [good(at=at)], at)
    head = memory.info().chain_head
    assert memory.prune(START + timedelta(days=3, hours=1), 2).rounds == 2
    assert memory.info().chain_head == head
    assert memory.verify() == []
    whole_round(memory, [good()], START + timedelta(days=5))
    assert memory.info().links == 5
    assert memory.verify() == []


def _digest_with(change: Callable[[RoundContext], RoundContext], line: Vantage) -> str:
    with Store.open(":memory:") as store:
        store.save_vantage(line)
        number = store.begin_round(
            vantage=line.id, plan="core", started=START, catalog_digest="d", network=NETWORK
        )
        store.save(number, [good()])
        store.end_round(number, change(context()), START)
        return store.info().chain_head


def test_nothing_in_the_chain_identifies() -> None:
    """Another vantage, label, network or AS gives the same digest; another measurement does not."""
    line = Vantage(id="one", label="home", tz="Asia/Tehran")
    plain = _digest_with(lambda c: c, line)
    elsewhere = Network(asn=64999, name="Other", gateway="cd" * 16)

    def moved(c: RoundContext) -> RoundContext:
        inputs = replace(c.inputs, seen_asn=64999, captive_redirect="portal.example")
        return replace(c, network=elsewhere, inputs=inputs)

    assert _digest_with(moved, Vantage(id="two", label="work", tz="Asia/Tehran")) == plain
    changed = _digest_with(lambda c: replace(c, inputs=replace(c.inputs, ipv4_ok=False)), line)
    assert changed != plain


def test_a_later_field_changes_no_old_hash() -> None:
    """The hash is made from the stored JSON: what today's structs add to it does not count."""
    import zlib

    old = zlib.compress(b'{"tz":"UTC","network":{"asn":1},"inputs":{"seen_asn":2,"b":1,"a":2}}')
    assert canonical_context(old) == b'{"inputs":{"a":2,"b":1},"tz":"UTC"}'
    assert canonical_context(None) == b""
    stored = msgspec.json.decode(canonical_context(pack(context())))
    assert "network" not in stored
    assert "seen_asn" not in stored["inputs"]
