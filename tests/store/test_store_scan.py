"""Walking the store in columns: the same rows as row by row, chosen alike, found by their key."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Integer, LargeBinary, Select, column, func
from sqlalchemy.dialects import postgresql
from store_records import (
    BLOCKED,
    LINE,
    NETWORK,
    START,
    blocked,
    context,
    cut,
    good,
    measurement,
    whole_round,
)

from probe.analysis.arrays import IntArray
from probe.errors import StoreError
from probe.model.selection import Selection
from probe.model.times import microseconds
from probe.model.vantage import Access, Network, Vantage
from probe.model.verdict import State
from probe.store import scan
from probe.store.columns import as_bytes, as_texts, packed
from probe.store.database import Store
from probe.store.dictionary import Dictionary
from probe.store.evidence import read_trace, skim_trace, split, write_trace
from probe.store.scan_measurements import UNSAID, measurement_queries
from probe.store.traces import NO_STEP, skim_traces

HOUR = timedelta(hours=1)
AWAY = Network(asn=64511, name="Other Net", access=Access.MOBILE)
OTHER = Vantage(id="other", country="TM", tz="Asia/Ashgabat", access=Access.MOBILE)


@pytest.fixture
def store(memory: Store) -> Store:
    """Return five own rounds an hour apart and one of another vantage in between."""
    for hour in range(5):
        at = START + hour * HOUR
        records = [blocked("news.example", at=at), good("chat.example", at=at)]
        whole_round(memory, records, at)
        if hour == 2:
            memory.import_round(
                vantage=OTHER,
                network=AWAY,
                plan="core",
                started=at,
                ended=at,
                records=[good("mail.example", at=at)],
                imported_from="ooni:x:1",
            )
    return memory


def rows(store: Store, chosen: Selection) -> list[tuple[object, ...]]:
    """Return chosen verdicts as tuples of what they say."""
    return [
        (
            batch.rounds[r].vantage,
            batch.endpoints[e].service,
            batch.rulings[v].rule_id,
            int(t),
            int(r),
        )
        for batch in store.scan.verdicts(chosen)
        for r, e, v, t in zip(
            batch.round.tolist(),
            batch.endpoint.tolist(),
            batch.ruling.tolist(),
            batch.time_us.tolist(),
            strict=True,
        )
    ]


def test_columns_hold_what_rows_hold(store: Store) -> None:
    """Every verdict that ``judged`` yields, with its time to the microsecond, and no other."""
    expected = sorted(
        (j.vantage, j.service, j.rule_id, microseconds(j.time), j.round) for j in store.judged()
    )
    assert len(expected) == 11
    assert sorted(rows(store, Selection())) == expected


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (Selection(since=START + HOUR), 9),
        (Selection(until=START + HOUR), 2),
        (Selection(since=START + HOUR, until=START + HOUR), 0),
        (Selection(services=frozenset({"chat"})), 5),
        (Selection(services=frozenset()), 0),
        (Selection(networks=frozenset({"AS64511"})), 1),
        (Selection(networks=frozenset({"AS64511/fixed"})), 0),
        (Selection(vantages=frozenset({LINE.id})), 10),
        (Selection(states=frozenset({State.BLOCKED})), 5),
        (Selection(states=frozenset({State.BLOCKED}), services=frozenset({"chat"})), 0),
    ],
)
def test_what_is_chosen(store: Store, chosen: Selection, count: int) -> None:
    """Time, service, network, vantage and state choose verdicts and their measurements alike."""
    assert len(rows(store, chosen)) == count
    looks = [
        (r, no)
        for batch in store.scan.measurements(chosen)
        for r, no in zip(batch.round, batch.no, strict=True)
    ]
    assert len(set(looks)) >= count
    assert bool(looks) == bool(count)


def test_measurements_with_what_was_said_of_their_record(store: Store) -> None:
    """Each look of each bundle in its place, follow-ups too, beside the record's ruling."""
    batches = list(store.scan.measurements(Selection()))
    found = [
        (r, no, seq, batch.rulings[v].rule_id if v != UNSAID else None)
        for batch in batches
        for r, no, seq, v in zip(batch.round, batch.no, batch.seq, batch.ruling, strict=True)
    ]
    assert found == sorted(found, key=lambda row: row[:3])
    assert len(found) == 5 * 4 + 1
    assert sum(rule == BLOCKED.rule_id for *_, rule in found) == 15


def test_a_state_chooses_looks_by_their_record(store: Store) -> None:
    """The retest of a blocked record is chosen with it, the neighbour record is not."""
    chosen = Selection(states=frozenset({State.BLOCKED}))
    looks = sum(len(batch.round) for batch in store.scan.measurements(chosen))
    assert looks == 15


def test_batches_grow_and_lose_nothing_at_their_edges(
    memory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a few rounds a batch, each round comes once."""
    monkeypatch.setattr("probe.store.scanning._FEWEST", 2)
    monkeypatch.setattr("probe.store.scanning.ROWS_AT_ONCE", 5)
    for hour in range(9):
        whole_round(memory, [good(at=START + hour * HOUR)], START + hour * HOUR)
    batches = list(memory.scan.verdicts(Selection()))
    numbers = [r for batch in batches for r in batch.round.tolist()]
    assert numbers == list(range(1, 10))
    assert len(batches) > 1
    assert all(a < b for a, b in pairwise(numbers))


def looks(store: Store) -> list[tuple[object, ...]]:
    """Return each measurement with the steps of its trace."""
    found: list[tuple[object, ...]] = []
    for batch in store.scan.measurements(Selection()):
        skimmed = skim_traces(batch.traces, batch.trace_start, batch.trace_length)
        columns = [column.tolist() for column in (*batch[:8], *skimmed.steps)]
        found += zip(*columns, strict=True)
    return found


def test_traces_of_a_database_that_ends_bytes_at_a_zero(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old SQLite joins bytes as text that ends at the first zero: then they are read singly."""
    expected = looks(store)

    def ended(connection: Connection, column: ColumnElement[bytes]) -> ColumnElement[bytes]:
        return func.substr(as_bytes(connection, column), 1, 3)

    monkeypatch.setattr("probe.store.scan_measurements.as_bytes", ended)
    assert looks(store) == expected


def test_another_database_joins_bytes_and_numbers_in_its_own_words() -> None:
    """PostgreSQL has no group_concat; bytes are joined with no bytes between."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    there = cast("Connection", SimpleNamespace(dialect=dialect))
    joined = str(as_bytes(there, column("trace", LargeBinary)).compile(dialect=dialect))
    assert joined.startswith("string_agg(trace, %(")
    (text,) = as_texts(there, [column("no", Integer)])
    assert "string_agg(CAST(no AS VARCHAR), " in str(text.compile(dialect=dialect))


def test_rows_that_come_in_another_order_are_put_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database may join a group's numbers as it likes, the same in each of its columns."""
    expected = looks(store)

    def shuffled(
        connection: Connection, queries: Iterable[Select[object]], numbers: int
    ) -> tuple[IntArray, list[IntArray], bytes]:
        rounds, columns, traces = packed(connection, queries, numbers)
        if not traces:
            return rounds, columns, traces
        length = columns[-1]
        start = np.cumsum(length) - length
        order = np.arange(len(rounds))[::-1]
        joined = b"".join(traces[start[n] : start[n] + length[n]] for n in order.tolist())
        return rounds[order], [column[order] for column in columns], joined

    monkeypatch.setattr("probe.store.scan_measurements.packed", shuffled)
    assert looks(store) == expected


def test_a_record_of_which_nothing_was_said(store: Store) -> None:
    """Its looks come without a ruling, and a verdict without looks is nobody's."""
    with store._database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM verdict WHERE round_id=1 AND no=0")
        connection.exec_driver_sql("UPDATE verdict SET no=9 WHERE round_id=2 AND no=1")
    unsaid = {
        (r, no) for r, no, *_, ruling in (row[:8] for row in looks(store)) if ruling == UNSAID
    }
    assert unsaid == {(1, 0), (2, 1)}


def test_records_with_numbers_that_no_round_has(store: Store) -> None:
    """Damage is told; it does not fill the memory."""
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE measurement SET no=1<<40 WHERE round_id=3 AND no=1")
    with pytest.raises(StoreError, match="numbered"):
        looks(store)


def test_a_round_has_its_link_in_the_chain(store: Store) -> None:
    """The digest beside a round is the one that ``info`` ends with."""
    facts = list(store.scan.rounds(Selection()))
    assert facts[-1].digest == store.info().chain_head
    assert [digest.hex() for _, digest in store.scan.links()] == [f.digest for f in facts]


def test_a_skimmed_trace_says_what_a_read_one_says() -> None:
    """Ids, length, bytes and reason, of full, thinned and raw traces."""
    whole = measurement()
    odd = replace(whole, duration_s=float("inf"), reason="budget")
    for one, thin in ((whole, False), (whole, True), (cut(whole), False), (odd, False)):
        ids = [7, 900, 3, 4][: len(one.steps)]
        data = write_trace(one, split(one, thin=thin), ids)
        read = read_trace(data)
        numbers, duration, sent, received, reason = skim_trace(data)
        assert list(numbers) == [number for number, _ in read.steps] == ids
        assert duration == pytest.approx(read.duration_s)
        assert (sent, received, reason) == (read.bytes_sent, read.bytes_received, read.reason)


def test_a_damaged_trace_is_an_error_of_the_store() -> None:
    """Bytes that are no trace never become rows."""
    for data in (b"", b"\xc1", b"\x93\x01\x02\x03", b"\x97\x09\x00\x00\xc0\x00\x00\x91\x01"):
        with pytest.raises(StoreError, match="trace is damaged"):
            skim_trace(data)


def test_steps_come_with_their_certificates(store: Store) -> None:
    """A chain is DER again, for only then can it be looked into."""
    batch = next(store.scan.measurements(Selection()))
    looks = skim_traces(batch.traces, batch.trace_start, batch.trace_length)
    numbers = set(looks.steps.flatten().tolist()) - {NO_STEP}
    chains = [getattr(step, "chain", ()) for step in store.scan.steps(numbers).values()]
    assert any(der.startswith(b"chat.example") for chain in chains for der in chain)


def plans(store: Store, chosen: Selection) -> Iterator[str]:
    """Yield SQLite's plan of each query of a batch."""
    dictionary = Dictionary()
    with store._database.reading() as connection:
        rounds = scan.next_rounds(connection, dictionary, chosen, 0, 100)
        for queries in (scan.verdict_queries, measurement_queries):
            for query in queries(connection, dictionary, chosen, rounds):
                yield from _plan(connection, query)


def _plan(connection: Connection, query: object) -> Iterator[str]:
    compiled = query.compile(connection, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}"):
        yield str(row[3])


@pytest.mark.parametrize(
    "chosen",
    [
        Selection(),
        Selection(services=frozenset({"chat"})),
        Selection(vantages=frozenset({OTHER.id})),
        Selection(since=START + HOUR),
    ],
)
def test_rows_are_found_by_their_key_and_never_sorted(store: Store, chosen: Selection) -> None:
    """EXPLAIN QUERY PLAN: a search of the primary key by round; no scan, no temporary tree."""
    told = list(plans(store, chosen))
    for table in ("verdict", "measurement"):
        found = f"SEARCH {table} USING PRIMARY KEY (round_id"
        assert any(found in line for line in told), told
        assert not any(f"SCAN {table}" in line or "TEMP B-TREE" in line for line in told), told


def test_rounds_of_a_span_are_found_without_reading_all(store: Store) -> None:
    """Names beside rounds are looked up by key, once a round."""
    dictionary = Dictionary()
    with store._database.reading() as connection:
        query = scan.round_query(connection, dictionary, Selection(), 0, 10)
        told = list(_plan(connection, query))
    assert any("SEARCH round USING INTEGER PRIMARY KEY" in line for line in told), told
    assert any("SEARCH link USING INDEX" in line for line in told), told
    assert not any("TEMP B-TREE" in line for line in told), told


def test_context_is_not_read(store: Store) -> None:
    """The facts of a round come from narrow columns; they are those of its context."""
    first = next(store.scan.rounds(Selection()))
    assert first.control_bad == pytest.approx(0.1)
    assert (first.tz, first.utc_offset_s) == (context().tz, context().utc_offset_s)
    assert first.network == NETWORK
