"""Forgetting: what must go is gone from every byte of every file, what must stay stays."""

from datetime import timedelta
from pathlib import Path

import pytest
from store_records import LINE, NETWORK, START, begin, blocked, good, measurement, whole_round

from probe.errors import StoreError
from probe.model.record import Note, NoteKind
from probe.model.vantage import Network, Vantage
from probe.store.database import Forgotten, Store
from probe.store.wipe import family, wipe

NAMES = (b"secretchat", b"secretshop", b"Welcome to", b"Example Net", b"93.184.216", b"no ring")


def _left(folder: Path) -> set[bytes]:
    """Return the names that some file of a folder still holds, compressed ones too."""
    data = b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
    return {name for name in NAMES if name in data}


def _fill(store: Store, days: int = 3) -> None:
    for n in range(days):
        at = START + timedelta(days=n)
        records = [good("secretchat.example", at=at), blocked("secretshop.example", at=at)]
        whole_round(store, records, at)
        store.add_note(
            Note(time=at, kind=NoteKind.CALL_FAILED, service="secretchat", text="no ring")
        )


def test_purge_leaves_no_name_in_any_file(place: Path) -> None:
    """After a purge no name of a target is in a byte of our files, while they are still open."""
    with Store.open(place) as store:
        _fill(store)
        assert {b"secretchat", b"secretshop", b"Example Net", b"no ring"} <= _left(place.parent)
        done = store.purge()
        assert (done.rounds, done.measurements, done.notes) == (3, 12, 3)
        assert _left(place.parent) == set()
        assert (store.info().contents, store.info().certificates) == (0, 0)
        assert store.verify() == []
    assert _left(place.parent) == set()


def test_purge_keeps_the_line_and_the_chain(place: Path) -> None:
    """The own vantage and the digests stay, foreign vantages go, and the store goes on."""
    with Store.open(place) as store:
        _fill(store)
        store.import_round(
            vantage=Vantage(id="foreign"),
            network=Network(asn=1),
            plan="ooni",
            started=START,
            ended=START,
            records=[good("secretchat.example")],
            imported_from="ooni:x",
        )
        store.purge()
        assert store.vantage() == LINE
        assert b"foreign" not in place.read_bytes()
        assert store.info().links == 4
        assert store.bytes_used(START, START + timedelta(days=9)) == 0
        assert store.last_verdicts() == {}
        number = whole_round(store, [good()], START + timedelta(days=9))
        assert number == 5  # a number is never used again
        assert store.records(number) == (good(),)
        assert store.verify() == []


def test_purge_by_age_forgets_names_that_only_old_rounds_hold(place: Path) -> None:
    """Names that are still used stay; names of old rounds alone are gone from the file."""
    with Store.open(place) as store:
        old = good("secretshop.example", at=START)
        whole_round(store, [old, good("secretchat.example", at=START)], START)
        new = good("secretchat.example", at=START + timedelta(days=10))
        number = whole_round(store, [new], START + timedelta(days=10))
        done = store.purge(START + timedelta(days=5))
        assert done == Forgotten(rounds=1, measurements=2, notes=0)
        assert b"secretshop" not in place.read_bytes()
        assert b"secretchat" in place.read_bytes()
        assert store.records(number)[0].main.started == new.main.started
        assert set(store.last_verdicts()) == {new.endpoint}
        assert store.verify() == []


def test_a_reader_that_keeps_old_pages_is_told(place: Path) -> None:
    """A purge that cannot empty the WAL says so instead of promising."""
    import sqlite3

    with Store.open(place, busy_timeout_s=0.05) as store:
        _fill(store)
        other = sqlite3.connect(place, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM round").fetchone()
        with pytest.raises(StoreError, match="another program"):
            store.purge()
        other.close()
        store.purge()
        assert _left(place.parent) == set()


def test_prune_keeps_what_is_young(memory: Store) -> None:
    """Rounds and notes within the retention stay, older ones go, to the very instant."""
    _fill(memory, days=5)
    now = START + timedelta(days=4)
    done = memory.prune(now, 2)
    assert (done.rounds, done.notes) == (2, 2)
    assert [r.started for r in memory.rounds()] == [START + timedelta(days=d) for d in (2, 3, 4)]
    assert memory.prune(now, 2) == Forgotten()
    assert memory.prune(now, None) == Forgotten()


def test_prune_spares_imported_and_open_rounds(memory: Store) -> None:
    """Dates of imported rounds are not of this line; a round that is open is not old."""
    imported = memory.import_round(
        vantage=Vantage(id="foreign"),
        network=Network(asn=1),
        plan="ooni",
        started=START - timedelta(days=2000),
        ended=START - timedelta(days=2000),
        records=[good()],
        imported_from="ooni:x",
    )
    running = begin(memory)
    assert memory.prune(START + timedelta(days=100), 30) == Forgotten()
    assert [r.id for r in memory.rounds()] == [imported, running]


def test_pruning_gives_no_new_budget(memory: Store) -> None:
    """The bytes of a pruned round still count for the month."""
    whole_round(memory, [good()])
    spent = measurement().bytes_sent + measurement().bytes_received
    memory.prune(START + timedelta(days=9), 7)
    assert memory.info().rounds == 0
    month = (START - timedelta(days=1), START + timedelta(days=30))
    assert memory.bytes_used(*month) == spent
    memory.prune(START + timedelta(days=60), 7)
    assert memory.bytes_used(*month) == 0


def test_after_pruning_new_results_are_stored_rightly(memory: Store) -> None:
    """Numbers that are given again after pruning mean the new content, in every cache."""
    whole_round(memory, [good("old.example")])
    memory.prune(START + timedelta(days=30), 7)
    later = START + timedelta(days=30)
    looks = [good("new.example", at=later), blocked("other.example", at=later)]
    assert list(memory.records(whole_round(memory, looks, later))) == looks
    assert memory.verify() == []


def test_vacuum_gives_space_back(place: Path) -> None:
    """After forgetting, a vacuum makes the file smaller and keeps what is left."""
    with Store.open(place) as store:
        for n in range(40):
            whole_round(store, [good(f"host{n}.example")], START + timedelta(days=n))
        before = store.info().bytes
        store.prune(START + timedelta(days=40), 10)
        store.vacuum()
        after = store.info().bytes
        assert before is not None
        assert after is not None
        assert after < before / 2
        assert store.verify() == []


def test_wipe_removes_the_family_and_nothing_else(place: Path, tmp_path: Path) -> None:
    """The store, its WAL, lock, secret and logs go; a neighbour with a similar name stays."""
    Store.open(place).close()
    ours = ["-wal", "-shm", "-journal", ".lock", ".secret", ".log"]
    for end in ours:
        place.with_name(place.name + end).write_text("x")
    neighbour = place.with_name(place.name + "2")
    neighbour.write_text("mine")
    assert set(family(place)) == {place, *(place.with_name(place.name + end) for end in ours)}
    done = wipe(family(place))
    assert len(done.removed) == 7
    assert done.failed == ()
    assert list(place.parent.iterdir()) == [neighbour]
    assert family(tmp_path / "none" / "probe.sqlite") == ()


def test_wipe_follows_no_link(tmp_path: Path) -> None:
    """A link in our folder goes; what it points to stays as it is."""
    folder, outside = tmp_path / "probe", tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    outside.mkdir()
    kept = outside / "letter.txt"
    kept.write_text("dear")
    (folder / "file").symlink_to(kept)
    (folder / "deep" / "folder").symlink_to(outside)
    (folder / "deep" / "own.log").write_text("x" * 100)
    done = wipe([], [folder, tmp_path / "none"])
    assert done.failed == ()
    assert not folder.exists()
    assert kept.read_text() == "dear"
    link = tmp_path / "link"
    link.symlink_to(outside)
    assert wipe([], [link]).removed == ()
    assert kept.exists()


def test_wipe_overwrites_before_it_unlinks(tmp_path: Path) -> None:
    """Another name of the same file finds none of its bytes left."""
    file, other = tmp_path / "probe.sqlite", tmp_path / "other"
    file.write_bytes(b"secretchat" * 1000)
    other.hardlink_to(file)
    wipe([file])
    assert b"secretchat" not in other.read_bytes()


def test_network_of_a_purged_line_is_gone(memory: Store) -> None:
    """Not even the provider's name stays after a purge."""
    whole_round(memory, [good()])
    assert next(memory.rounds()).network == NETWORK
    memory.purge()
    rows = memory._database.outside_transaction("SELECT count(*) FROM network")
    assert rows == [(0,)]
