"""The store on a real PostgreSQL: the same answers as on SQLite, and the same tables."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from postgresql_server import Server, programs, running
from sqlalchemy import create_engine, inspect
from store_records import LINE, START, begin, blocked, context, good, whole_round
from timed_rounds import evening, keep_rounds, spread_rounds

from probe.errors import StoreError
from probe.export.job import Job, to_folder
from probe.export.kinds import Form, What
from probe.model.record import Note, NoteKind
from probe.model.selection import Selection
from probe.model.timeline import Overlay, Sample, Series, SeriesKey, Signal
from probe.model.verdict import State
from probe.store.database import MEMORY, ForeignFile, Query, Store
from probe.store.merge import merge
from probe.store.rows import METADATA
from probe.store.schema import upgrade

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="no PostgreSQL here (Debian's postgresql)"),
]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = START + 2 * DAY
FRIEND = Series(
    key=SeriesKey(vantage="friend", network="AS64511/mobile", subject="news"),
    tz="Asia/Tehran",
    samples=(Sample(time=START, bad=True), Sample(time=START + HOUR, bad=False)),
)
FILE = ForeignFile("1" * 64, "friend.csv", "timeline")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = programs()
    assert folder is not None
    with running(folder) as found:
        yield found


@pytest.fixture
def both(server: Server) -> Iterator[tuple[Store, Store]]:
    """Return the same store twice: on PostgreSQL and on SQLite."""
    with Store.open(server.url()) as one, Store.open(MEMORY) as other:
        for store in (one, other):
            fill(store)
        yield one, other


def fill(store: Store) -> None:
    """Keep a day of rounds, an open one, timed transfers, notes, and what others measured."""
    for hour in range(24):
        at = START + hour * HOUR
        whole_round(store, [blocked("news.example", at=at), good("chat.example", at=at)], at)
    dice = Random(2)
    keep_rounds(store, spread_rounds(3, dice), evening, dice)
    store.save(begin(store, NOW), [good("late.example", at=NOW)])
    store.add_note(Note(time=START, kind=NoteKind.NO_INTERNET, text="the line was dead"))
    store.count_traffic(START, 10, 20)
    store.import_series(FILE, [(FRIEND, "IR")], NOW)
    store.import_overlays(
        ForeignFile("2" * 64, "ioda.csv", "overlay"),
        [
            Overlay(
                name="BGP",
                unit="prefixes",
                source="ioda.csv",
                points=((START, 1.0, 1.0), (START + HOUR, 0.5, 1.0)),
            )
        ],
        NOW,
    )


def answers(store: Store, folder: Path) -> dict[str, Any]:
    """Return what a store says when it is asked for everything."""
    info = store.info()
    found: dict[str, Any] = {
        "rounds": list(store.rounds()),
        "records": [store.records(row.id) for row in store.rounds()],
        "judged": list(store.judged()),
        "last": dict(store.last_verdicts()),
        "looks": store.last_looks(),
        "entries": store.entries(Query()),
        "rare": store.entries(Query(state=State.BLOCKED, limit=5)),
        "bytes": store.bytes_used(START, NOW),
        "notes": list(store.notes()),
        "series": store.imported_series(),
        "columns": [one.samples() for one in store.imported_columns(Signal.TARGETED)],
        "overlays": list(store.overlays()),
        "files": list(store.imported_files()),
        "goodput": store.goodput(),
        "countries": store.countries(),
        "links": list(store.scan.links()),
        "wrong": store.verify(),
        "counts": (info.rounds, info.open_rounds, info.measurements, info.certificates),
    }
    for what in (What.MEASUREMENTS, What.VERDICTS, What.INTERVALS, What.EVENTS):
        job = Job(what=what, form=Form.CSV, chosen=Selection(), query={})
        to_folder(job, store, folder / what.value, now=NOW, dice=Random(1))
        found[what.value] = next((folder / what.value).glob("*.csv")).read_bytes()
    return found


def test_it_answers_as_sqlite_does(both: tuple[Store, Store], tmp_path: Path) -> None:
    """Rounds, records, verdicts, series, searches, budgets, exports, and the chain."""
    one, other = both
    said, expected = answers(one, tmp_path / "one"), answers(other, tmp_path / "other")
    assert [key for key in expected if said[key] != expected[key]] == []
    assert said["wrong"] == []
    assert one.info().kind == "postgresql"


def test_what_is_changed_is_changed_alike(both: tuple[Store, Store], tmp_path: Path) -> None:
    """Judged anew and undone, recovered, thinned by age, and purged."""
    found: list[list[Any]] = []
    for number, store in enumerate(both):
        first = next(iter(store.rounds())).id
        verdicts = enumerate(record.verdict for record in store.records(first))
        changed = {no: replace(verdict, sentence="anew") for no, verdict in verdicts}
        revision = store.begin_revision(NOW)
        store.revise(revision, first, changed)
        anew = store.records(first)
        undone = store.undo_revision()
        recovered = [row.id for row in store.recover()]
        pruned = store.prune(NOW + 400 * DAY, 399)
        after = answers(store, tmp_path / f"pruned{number}")
        store.purge()
        left = answers(store, tmp_path / f"purged{number}")
        found.append([anew, undone, recovered, pruned, after, left])
        assert after["wrong"] == left["wrong"] == []
        assert left["records"] == []
    assert found[0] == found[1]


def test_stores_of_both_kinds_are_merged(server: Server) -> None:
    """From a file into the server and back: nothing twice, and the chain of each holds."""
    with Store.open(server.url()) as one, Store.open(MEMORY) as other:
        whole_round(other, [blocked("news.example"), good()])
        assert merge(one, other, now=NOW).rounds == 1
        assert merge(one, other, now=NOW).known == 1
        assert merge(other, one, now=NOW).rounds == 0
        assert one.records(1) == other.records(1)
        assert one.verify() == other.verify() == []


def test_several_write_at_once(server: Server) -> None:
    """Writers queue: every round of each is kept, and the chain holds."""
    url = server.url()
    with Store.open(url) as store:
        store.save_vantage(LINE)
    failed: list[BaseException] = []

    def write(offset: int) -> None:
        try:
            with Store.open(url) as store:
                for hour in range(5):
                    at = START + (5 * offset + hour) * HOUR
                    whole_round(store, [blocked(at=at), good(at=at)], at)
        except BaseException as exc:  # noqa: BLE001 - told below, in the test's own thread
            failed.append(exc)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with Store.open(url, readonly=True) as store:
        assert len(list(store.rounds())) == 20
        assert store.verify() == []


def test_a_text_that_it_cannot_hold_loses_nothing(server: Server) -> None:
    """PostgreSQL has no NUL in texts: the round is refused whole, and the next one is kept."""
    with Store.open(server.url()) as store:
        record = blocked()
        number = begin(store)
        with pytest.raises(StoreError, match="NUL"):
            store.save(number, [replace(record, verdict=replace(record.verdict, sentence="\0"))])
        store.save(number, [record])
        store.end_round(number, context(), START)
        assert store.records(number) == (record,)
        assert store.verify() == []


def test_the_migrations_lead_to_the_same_tables(server: Server) -> None:
    """Columns, keys and indexes, whether made at once or brought up to date step by step."""
    at_once, by_steps = server.url(), server.url()
    Store.open(at_once).close()
    engine = create_engine(by_steps)
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    assert schema(by_steps) == schema(at_once)
    with Store.open(by_steps) as store:
        whole_round(store, [good()])
        assert store.verify() == []


def schema(url: str) -> dict[str, Any]:
    """Return what there is in a database, as PostgreSQL says it."""
    engine = create_engine(url)
    seen = inspect(engine)
    found = {}
    for table in sorted(seen.get_table_names()):
        columns = {
            one["name"]: (str(one["type"]), one["nullable"]) for one in seen.get_columns(table)
        }
        indexes = {
            one["name"]: (one["column_names"], one["unique"], one.get("dialect_options"))
            for one in seen.get_indexes(table)
        }
        keys = (
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (k["constrained_columns"], k["referred_table"])
                for k in seen.get_foreign_keys(table)
            ),
        )
        found[table] = (columns, indexes, keys)
    engine.dispose()
    assert set(METADATA.tables) <= set(found)
    return found
