"""The file: private, refused when it is not ours or not whole, and never lost by a failure."""

import re
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from store_records import LINE, START, begin, good, whole_round

from probe.errors import ForbiddenNetwork, StoreError
from probe.model.record import Note, NoteKind
from probe.store import files
from probe.store.database import Store
from probe.store.rows import METADATA
from probe.store.schema import HEAD, migrations_folder, upgrade


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_file_and_folder_are_private(place: Path) -> None:
    """A new folder is 0700; the store and what SQLite puts beside it are 0600."""
    with Store.open(place) as store:
        whole_round(store, [good()])
        assert _mode(place.parent) == 0o700
        beside = [file for file in place.parent.iterdir() if file.name.startswith(place.name)]
        assert {file.suffix for file in beside} == {".sqlite", ".sqlite-wal", ".sqlite-shm"}
        assert {_mode(file) for file in beside} == {0o600}


def test_a_store_that_others_could_read_is_closed_to_them(place: Path) -> None:
    """A file with a wider mode gets 0600 when it is opened for writing."""
    Store.open(place).close()
    place.chmod(0o644)
    Store.open(place).close()
    assert _mode(place) == 0o600


def test_the_settings_that_keep_data(place: Path) -> None:
    """WAL, full synchronisation, foreign keys, secure deletion, temporary tables in memory."""
    with Store.open(place) as store:
        ask = store._database.outside_transaction
        assert ask("PRAGMA journal_mode") == [("wal",)]
        assert ask("PRAGMA synchronous") == [(2,)]
        assert ask("PRAGMA foreign_keys") == [(1,)]
        assert ask("PRAGMA secure_delete") == [(1,)]
        assert ask("PRAGMA temp_store") == [(2,)]
        assert ask("PRAGMA application_id") == [(0x50524F42,)]


def test_closing_folds_the_wal_into_the_file(place: Path) -> None:
    """After a close there is one file, which holds everything."""
    with Store.open(place) as store:
        whole_round(store, [good()])
    assert [file.name for file in place.parent.iterdir()] == [place.name]
    with Store.open(place, create=False) as store:
        assert store.info().measurements == 1


def test_migrations_and_tables_are_equal(tmp_path: Path) -> None:
    """The migrations lead to exactly the tables of a new store, and the code names their head."""
    place = tmp_path / "probe.sqlite"
    engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        migration = MigrationContext.configure(
            connection,
            opts={
                "version_table": "probe_version",
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert migration.get_current_revision() == HEAD
        assert compare_metadata(migration, METADATA) == []
    engine.dispose()
    assert ScriptDirectory(str(migrations_folder())).get_heads() == [HEAD]
    new = tmp_path / "new.sqlite"
    Store.open(new).close()
    assert _schema(place) == _schema(new)


def test_a_new_store_needs_no_migration(place: Path) -> None:
    """Its tables are made without Alembic, which no first round has to load."""
    code = (
        "import sys; from probe.store.database import Store; Store.open(sys.argv[1]).close();"
        " sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(place)], check=True)


def test_a_store_that_two_make_at_once(place: Path) -> None:
    """Who comes second finds the tables of who was first."""
    failures: list[BaseException] = []
    together = threading.Barrier(4)

    def make() -> None:
        together.wait()
        try:
            Store.open(place).close()
        except BaseException as failure:  # noqa: BLE001 - told by the test itself
            failures.append(failure)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store.open(place, create=False) as store:
        whole_round(store, [good()])


_EVERY = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"


def _words(rows: list[tuple[str]]) -> set[tuple[str, ...]]:
    """Return each statement's words: constraints may stand in another order, nothing else."""
    words = {tuple(sorted(re.findall(r"\w+", sql))) for (sql,) in rows}
    return {one for one in words if "probe_version" not in one}


def _schema(place: Path) -> set[tuple[str, ...]]:
    with sqlite3.connect(place) as connection:
        rows = connection.execute(_EVERY).fetchall()
    connection.close()
    return _words(rows)


def test_the_tables_are_not_only_sqlites() -> None:
    """Every table can be written for PostgreSQL."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nonsense://host/db", "not understood"),
        ("postgresql://host/db", "needs the Python package psycopg"),
    ],
)
def test_urls_that_cannot_be_used(target: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL of no known database, or without its driver, is refused plainly."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=said):
        Store.open(target)


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://me:secret@db.example/db",
        "postgresql://me:secret@127.0.0.1,db.example/db",
        "postgresql://me:secret@192.0.2.1/db",
        "postgresql://me:secret@localhost/db?hostaddr=192.0.2.1",
        "postgresql://me:secret@/db?host=db.example",
        "postgresql://me:secret@/db?service=far",
        "postgresql://me@/db?conninfo=host%3D192.0.2.1%20password%3Dsecret",
    ],
)
def test_a_server_elsewhere_is_refused_before_it_is_dialled(target: str) -> None:
    """Its driver's sockets are below the guard; what is said does not repeat the password."""
    with pytest.raises(ForbiddenNetwork, match="this machine") as caught:
        Store.open(target)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE"])
def test_a_server_that_the_environment_names_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL without a host leaves it to the driver's variables."""
    monkeypatch.setenv(name, "db.example")
    with pytest.raises(ForbiddenNetwork, match=name):
        Store.open("postgresql:///db")


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGSERVICE"])
def test_a_variable_that_goes_before_the_url_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver dials the address of these, also where the URL names a host of this machine."""
    monkeypatch.setenv(name, "192.0.2.1")
    with pytest.raises(ForbiddenNetwork, match=name):
        Store.open("postgresql://localhost/db")


def test_a_port_that_is_no_number_is_an_error_of_the_url() -> None:
    """What is not understood is said without a traceback."""
    with pytest.raises(StoreError, match="URL is not understood"):
        Store.open("postgresql://localhost:abc/db")


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    """Loopback is dialled; nobody listens."""
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


def test_a_sqlite_url_is_a_file(place: Path) -> None:
    """A SQLite URL opens the file that it names."""
    Store.open(f"sqlite:///{place}").close()
    assert place.exists()


def _refused(place: Path, said: str, **options: bool) -> None:
    before = place.read_bytes()
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(place, **options)
    assert str(place) in str(caught.value)
    assert place.read_bytes() == before
    assert [file.name for file in place.parent.iterdir()] == [place.name]


def test_garbage_is_left_as_it_is(tmp_path: Path) -> None:
    """A file that is no database is refused and not touched."""
    place = tmp_path / "probe.sqlite"
    place.write_bytes(b"this is a letter, not a database\n" * 100)
    _refused(place, "not a probe database")
    place.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    _refused(place, "damaged|not a probe database")


def test_a_file_cut_short_is_left_as_it_is(place: Path) -> None:
    """A file that lost its tail, or all but its head, is refused and not touched."""
    with Store.open(place) as store:
        whole_round(store, [good(f"h{n}.example") for n in range(50)])
    data = place.read_bytes()
    for size in (len(data) - 4096, 5000, 60):
        place.write_bytes(data[:size])
        _refused(place, "cut short")


def test_a_file_that_another_process_is_making_is_whole(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head is written before the rest, under a journal; the rest is there when that is gone."""
    Store.open(place).close()
    data = place.read_bytes()
    place.write_bytes(data[:4096])
    journal = place.with_name(place.name + "-journal")
    journal.write_bytes(b"x")
    files.check_file(place)
    journal.unlink()

    def finished(path: Path) -> bool:
        place.write_bytes(data)
        return path.exists()

    monkeypatch.setattr(files, "_holds_bytes", finished)
    files.check_file(place)


def test_damage_inside_is_told(place: Path) -> None:
    """Overwritten pages give an error or a problem found by ``verify``, never a traceback."""
    with Store.open(place) as store:
        whole_round(store, [good(f"h{n}.example") for n in range(50)])
    data = bytearray(place.read_bytes())
    for start in range(2 * 4096, len(data), 4096):
        data[start : start + 200] = b"\xa5" * 200
    place.write_bytes(data)
    try:
        with Store.open(place, readonly=True) as store:
            said = [str(problem) for problem in store.verify()]
    except StoreError as exc:
        said = [str(exc)]
    assert said != []


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A SQLite database that is not ours is not even switched to WAL."""
    place = tmp_path / "photos.sqlite"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE photo (id INTEGER)")
    connection.close()
    _refused(place, "another program")


def test_a_newer_database_is_left_as_it_is(place: Path) -> None:
    """A database of a newer probe is refused with what to do."""
    Store.open(place).close()
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("UPDATE probe_version SET version_num = '9999'")
    connection.close()
    _refused(place, "newer probe .*update probe")
    _refused(place, "newer probe", readonly=True)


def test_a_missing_store_is_not_made_by_reading(place: Path) -> None:
    """Reading makes no file."""
    for options in ({"readonly": True}, {"create": False}):
        with pytest.raises(StoreError, match="no store yet"):
            Store.open(place, **options)
    assert not place.parent.exists()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """A folder in the place of the file is refused."""
    with pytest.raises(StoreError, match="not a file"):
        Store.open(tmp_path)


def test_readonly_refuses_to_write(place: Path) -> None:
    """A store opened for reading can be read and not written."""
    with Store.open(place) as store:
        whole_round(store, [good()])
    with Store.open(place, readonly=True) as store:
        assert len(list(store.judged())) == 1
        with pytest.raises(StoreError, match="for reading only"):
            store.add_note(Note(time=START, kind=NoteKind.SLOW))


_WITHOUT_RIGHTS = """
import os, sys
sys.path[:0] = {path!r}
from probe.errors import StoreError
from probe.store.database import Store
if os.getuid() == 0:  # root would be let through: be nobody
    os.setgid(65534); os.setuid(65534)
place = {place!r}
with Store.open(place, readonly=True) as store:
    print(store.info().measurements, len(list(store.judged())), len(store.records(1)))
try:
    with Store.open(place) as store:
        store.recover()
except StoreError as exc:
    print(exc)
"""


@pytest.mark.slow
def test_a_readonly_folder_can_be_read() -> None:
    """Where nothing may be written the store is read as it lies, and writing is refused."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "probe.sqlite"
        with Store.open(place) as store:
            whole_round(store, [good()])
        place.chmod(0o444)
        Path(folder).chmod(0o555)
        script = _WITHOUT_RIGHTS.format(path=sys.path, place=str(place))
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        Path(folder).chmod(0o700)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == "1 1 1"
    assert "read-only" in second or "cannot be opened" in second


def test_a_full_disk_loses_nothing_stored(place: Path) -> None:
    """When the disk is full the batch is refused, and all batches before it stay."""
    with Store.open(place) as store:
        kept = whole_round(store, [good()])
        number = begin(store, START + timedelta(hours=1))
        (pages,) = store._database.outside_transaction("PRAGMA page_count")[0]
        store._database.outside_transaction(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(StoreError, match="full; nothing that was stored is lost"):
            store.save(number, [good(f"host{n}.example") for n in range(200)])
        assert store.records(number) == ()
        assert len(store.records(kept)) == 1
        store._database.outside_transaction("PRAGMA max_page_count=1000000")
        store.save(number, [good(f"host{n}.example") for n in range(200)])
        store.recover()
        assert store.verify() == []
    with Store.open(place) as store:
        assert store.info().measurements == 201


_LIMITED = """
import resource, sys
from pathlib import Path
sys.path[:0] = {path!r}
from store_records import good, begin
from probe.errors import StoreError
from probe.store.database import Store
place = Path({place!r})
store = Store.open(place)
number = begin(store)
store.save(number, [good("first.example")])
limit = place.stat().st_size + 100_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for n in range(200):
        store.save(number, [good(f"b{{n}}h{{m}}.example") for m in range(20)])
except StoreError as exc:
    print(n, exc)
store.close()
"""


@pytest.mark.slow
def test_a_file_that_may_not_grow_loses_nothing_stored(place: Path) -> None:
    """The same for a limit of the system on the file's size (a quota behaves alike)."""
    script = _LIMITED.format(path=[str(Path(__file__).parent), *sys.path], place=str(place))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    number, _, said = done.stdout.partition(" ")
    assert "full" in said or "disk failed" in said
    with Store.open(place) as store:
        assert store.info().measurements == 1 + 20 * int(number)
        store.recover()
        assert store.verify() == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_store_in_use_says_so(place: Path) -> None:
    """A writer that holds the lock makes another one fail plainly, and readers go on."""
    Store.open(place).close()
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with Store.open(place, busy_timeout_s=0.05) as store:
            assert store.info().rounds == 0
            with pytest.raises(StoreError, match="another program is using it"):
                store.save_vantage(LINE)
    finally:
        other.close()


def test_two_processes_see_each_other(place: Path) -> None:
    """Numbers given by one process are known to another one before it gives its own."""
    with Store.open(place) as one, Store.open(place) as two:
        whole_round(one, [good("a.example")])
        whole_round(two, [good("b.example")])
        number = whole_round(one, [good("b.example"), good("c.example")])
        assert [r.endpoint for r in two.records(number)] == [
            good(h).endpoint for h in ("b.example", "c.example")
        ]
        one.purge()
        whole_round(two, [good("d.example")])
        whole_round(one, [good("d.example")])
        assert {j.service for j in one.judged()} == {"d"}
        assert two.verify() == []


def test_threads_share_one_store(place: Path) -> None:
    """Saving in a thread while another one reads loses nothing."""
    with Store.open(place) as store:
        number = begin(store)

        def write() -> None:
            for n in range(30):
                store.save(number, [good(f"h{n}.example")])

        writer = threading.Thread(target=write)
        writer.start()
        while writer.is_alive():
            store.last_verdicts()
        writer.join()
        assert store.info().measurements == 30
        assert len(store.last_verdicts()) == 30


def test_a_copy_of_the_file_is_a_store(place: Path, tmp_path: Path) -> None:
    """A closed store is one file, whatever its folder is called."""
    with Store.open(place) as store:
        whole_round(store, [good()])
    odd = tmp_path / "a b?c#d%20é"
    odd.mkdir()
    shutil.copy(place, odd / "x.sqlite")
    with Store.open(odd / "x.sqlite") as store:
        assert store.verify() == []
        assert store.info().measurements == 1
