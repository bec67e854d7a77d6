"""The roll-up of looks says what the verdicts say, and is rewritten with them."""

import subprocess
import sys
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import create_engine
from store_records import BLOCKED, NETWORK, OK, START, begin, blocked, context, good, whole_round

from probe.analysis.series import looks_of, series_of
from probe.model.record import Judged
from probe.model.target import PartOf, Role
from probe.model.verdict import Confidence, State
from probe.store.browsing import Query, verdicts_query
from probe.store.database import Store
from probe.store.said import bits_of

LISTING = Role.LISTING


def some_rounds(store: Store, count: int = 8) -> None:
    """Write rounds in which the one is cut now and then, and a service has two endpoints."""
    for number in range(count):
        at = START + timedelta(hours=number)
        second = replace(good(at=at), endpoint="chat/http/other.example:443/")
        first = blocked(at=at) if number % 3 == 0 else good(at=at)
        whole_round(store, [first, second, good("mail.example", at=at)], at)


def test_looks_and_verdicts_make_the_same_series(memory: Store) -> None:
    """A timeline of looks is that of the verdicts they were made of, also over a part."""
    some_rounds(memory)
    for since in (None, START + timedelta(hours=3, minutes=30)):
        rounds = list(memory.rounds(since=since))
        looks = memory.look_table(since=since).judged()
        assert series_of(looks, rounds) == series_of(memory.judged(since=since), rounds)
    assert {look.service for look in memory.look_table(services={"mail"}).judged()} == {"mail"}


def rolled_up(store: Store) -> list[Judged]:
    """Return the looks of every closed round as its verdicts make them, by service and time."""
    rounds = groupby(store.judged(), key=lambda row: row.round)
    looks = [look for _, rows in rounds for look, _, _ in looks_of(rows)]
    bare = [replace(look, endpoint="", role=Role.OTHER) for look in looks]
    return sorted(bare, key=lambda look: (look.service, look.time, look.round))


def test_looks_as_columns_are_the_looks(memory: Store) -> None:
    """A table of looks is the verdicts rolled up, also of a part of the time or the services."""
    some_rounds(memory)
    whole = rolled_up(memory)
    since, until = START + timedelta(hours=3), START + timedelta(hours=6)
    inside = [look for look in whole if since <= look.time < until]
    mail = [look for look in whole if look.service == "mail"]
    assert len(whole) == 16
    assert len(inside) == 6
    assert list(memory.look_table().judged()) == whole
    assert list(memory.look_table(since=since, until=until).judged()) == inside
    assert list(memory.look_table(services={"mail"}).judged()) == mail
    assert list(memory.look_table(services={"nothing"}).judged()) == []


def test_a_whole_of_looks_is_that_of_verdicts(memory: Store) -> None:
    """The series of a whole is the same, also where a part's store lists an app or does not."""
    for number in range(8):
        at = START + timedelta(hours=number)
        first = blocked(at=at) if number % 3 == 0 else good(at=at)
        listed = replace(good("mail.example", at=at), role=LISTING)
        gone = replace(blocked("mail.example", at=at), endpoint="mail/http/b:443/", role=LISTING)
        whole_round(memory, [first, listed, gone] if number % 2 else [first, listed], at)
    parts = {name: PartOf(whole="all", part=name) for name in ("chat", "mail")}
    rounds = list(memory.rounds())
    found = series_of(memory.look_table().judged(), rounds, parts=parts)
    assert found == series_of(memory.judged(), rounds, parts=parts)
    assert sum(one.key.subject == "all" for one in found) == 1


def test_a_look_counts_its_endpoints(memory: Store) -> None:
    """How many were looked at, and how many of them failed."""
    some_rounds(memory, 1)
    query = "SELECT name, endpoints, failed FROM look JOIN service ON service.id = service_id"
    with memory._reading() as connection:
        found = {tuple(row) for row in connection.exec_driver_sql(query)}
    assert found == {("chat", 2, 1), ("mail", 1, 0)}


def test_an_open_round_has_no_look_yet(memory: Store) -> None:
    """It is written when the round is closed, whatever closes it."""
    number = begin(memory)
    memory.save(number, [good()])
    assert len(memory.look_table()) == 0
    memory.recover()
    assert [look.service for look in memory.look_table().judged()] == ["chat"]


def test_judging_again_rewrites_looks_and_undoing_brings_them_back(memory: Store) -> None:
    """A look never says what is no longer said."""
    number = whole_round(memory, [good()])
    weaker = replace(BLOCKED, confidence=Confidence.WEAK)
    memory.revise(memory.begin_revision(START), number, {0: weaker})
    assert [look.state for look in memory.look_table().judged()] == [State.BLOCKED]
    memory.undo_revision()
    assert [look.state for look in memory.look_table().judged()] == [State.OK]
    memory.replace_verdicts(number, [BLOCKED])
    assert [look.mechanism for look in memory.look_table().judged()] == [BLOCKED.mechanism]


def test_forgetting_takes_the_looks_along(memory: Store) -> None:
    """What is pruned is gone from the roll-up, what stays is still said, and nothing dangles."""
    late = START + timedelta(days=40)
    whole_round(memory, [blocked()])
    whole_round(memory, [good("mail.example", at=late)], late)
    memory.prune(late, 30)
    assert [look.service for look in memory.look_table().judged()] == ["mail"]
    assert memory.verify() == []
    memory.purge()
    assert len(memory.look_table()) == 0


def test_a_store_opens_without_numpy() -> None:
    """Most commands read no columns, and need not wait for what columns are read with."""
    code = "import sys; import probe.store.database; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "False"


def test_the_last_look_of_each_service(memory: Store) -> None:
    """The newest by time, whoever looked."""
    some_rounds(memory)
    found = {row.service: (row.state, row.round) for row in memory.last_looks()}
    assert found == {"chat": (State.OK, 8), "mail": (State.OK, 8)}


def test_a_list_comes_newest_first_in_pages(memory: Store) -> None:
    """Pages follow each other without hole or overlap, filtered in the database."""
    some_rounds(memory)
    whole = memory.entries(Query(limit=1000))
    assert len(whole) == 24
    assert whole[0].round == 8
    seen = []
    before = None
    while page := memory.entries(Query(limit=7, before=before)):
        seen += page
        before = (page[-1].round, page[-1].no)
    assert seen == whole
    cut = memory.entries(Query(state=State.BLOCKED, services={"chat"}))
    assert [entry.round for entry in cut] == [7, 4, 1]
    assert memory.entries(Query(network="AS1/fixed")) == []
    assert len(memory.entries(Query(network=NETWORK.key, endpoint=good().endpoint))) == 8
    day = Query(since=START + timedelta(hours=2), until=START + timedelta(hours=4))
    assert {entry.round for entry in memory.entries(day)} == {3, 4}


def said_in(store: Store) -> dict[int, set[State]]:
    """Return the states that the store says were said in each round."""
    with store._reading() as connection:
        rows = connection.exec_driver_sql("SELECT id, said FROM round").all()
    return {number: {s for s in State if bits & bits_of({s})} for number, bits in rows}


def test_a_round_says_which_states_were_said_in_it(memory: Store) -> None:
    """While it is open, when verdicts change, and when that is undone; a search finds them all."""
    number = begin(memory)
    memory.save(number, [good()])
    assert said_in(memory) == {number: {State.OK}}
    memory.save(number, [blocked("mail.example")])
    assert said_in(memory) == {number: {State.OK, State.BLOCKED}}
    assert [entry.no for entry in memory.entries(Query(state=State.BLOCKED))] == [1]
    memory.end_round(number, context(), START + timedelta(minutes=5))
    down = replace(BLOCKED, state=State.DOWN)
    memory.revise(memory.begin_revision(START), number, {1: down})
    assert said_in(memory) == {number: {State.OK, State.DOWN}}
    assert [entry.no for entry in memory.entries(Query(state=State.DOWN))] == [1]
    memory.undo_revision()
    assert said_in(memory) == {number: {State.OK, State.BLOCKED}}
    memory.replace_verdicts(number, [down, down])
    assert said_in(memory) == {number: {State.DOWN}}


def test_what_was_said_in_an_older_store_is_found(place: Path) -> None:
    """The states of its rounds are read from its verdicts when it is brought up to date."""
    with Store.open(place) as store:
        some_rounds(store)
        before = said_in(store), store.entries(Query(state=State.BLOCKED))
        with store._writing() as connection:
            connection.exec_driver_sql("ALTER TABLE round DROP COLUMN said")
            connection.exec_driver_sql("UPDATE probe_version SET version_num = '0005'")
    with Store.open(place) as store:
        assert (said_in(store), store.entries(Query(state=State.BLOCKED))) == before
        assert {State.OK, State.BLOCKED} in before[0].values()


def test_a_search_reads_many_rounds_by_their_verdicts_keys(memory: Store) -> None:
    """Over more rounds than are read at a time nothing is lost, and no table is read whole."""
    some_rounds(memory, 40)
    rare = memory.entries(Query(state=State.BLOCKED, services={"chat"}, limit=1000))
    assert [entry.round for entry in rare] == list(range(40, 0, -3))
    assert memory.entries(Query(state=State.DEGRADED)) == []
    assert memory.entries(Query(endpoint="none")) == []
    asked = Query(state=State.BLOCKED, since=START)
    query = verdicts_query(asked, [1, 2], [1], 10).compile(compile_kwargs={"literal_binds": True})
    with memory._reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    steps = [row[-1] for row in plan]
    assert any(
        "SEARCH verdict USING PRIMARY KEY (round_id=? AND endpoint_id=?)" in s for s in steps
    )
    assert not any(s.startswith(("SCAN verdict", "SCAN round")) for s in steps)


def test_the_version_changes_with_what_is_shown(memory: Store) -> None:
    """A round begun or closed, a verdict changed, names forgotten: each is another version."""
    versions = [memory.state().version]
    number = begin(memory)
    versions.append(memory.state().version)
    assert memory.state().open_since == START
    memory.save(number, [good()])
    memory.end_round(number, context(), START)
    versions.append(memory.state().version)
    assert memory.state().open_since is None
    memory.revise(memory.begin_revision(START), number, {0: OK})
    versions.append(memory.state().version)
    memory.purge()
    versions.append(memory.state().version)
    assert len(set(versions)) == len(versions)


def test_one_record_and_one_round_are_found_by_number(memory: Store) -> None:
    """And none for a number that is not there."""
    number = whole_round(memory, [good(), blocked("mail.example")])
    record = memory.record(number, 1)
    assert record is not None
    assert record.service == "mail"
    assert memory.record(number, 7) is None
    assert memory.record(99, 0) is None
    found = memory.round(number)
    assert found is not None
    assert found.id == number
    assert memory.round(99) is None
    assert list(memory.vantages()) == ["5f1c"]


def test_pages_read_by_index(place: Path) -> None:
    """Looks of a service, the last look, a record and the state never read a whole table."""
    with Store.open(place) as store:
        some_rounds(store)
    engine = create_engine(f"sqlite:///{place}")
    with engine.connect() as connection:
        for query in (
            (
                "SELECT * FROM look WHERE service_id IN (1) AND time_us >= 5 AND time_us < 9"
                " ORDER BY service_id, time_us, round_id"
            ),
            "SELECT max(time_us) FROM look WHERE service_id = 1",
            "SELECT * FROM measurement WHERE round_id = 3 AND no IN (1)",
            "SELECT max(id) FROM round",
            "SELECT max(seq) FROM link",
        ):
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
            for step in plan:
                assert step[3].startswith("SEARCH"), (query, step)
    engine.dispose()
