"""Stores are joined without duplicates, however often and in whatever order."""

from datetime import datetime, timedelta

from msgspec.structs import replace
from store_records import LINE, NETWORK, START, blocked, context, good

from probe.analysis.series import series_of
from probe.model.record import Note, NoteKind
from probe.model.timeline import Overlay, Sample, Series, SeriesKey
from probe.model.vantage import Vantage
from probe.store.database import MEMORY, ForeignFile, Store
from probe.store.merge import merge

HOUR = timedelta(hours=1)
NOW = START + timedelta(days=2)
SECOND = Vantage(id="77aa", label="office", country="IR", tz="Asia/Tehran")


def line(vantage: Vantage, hours: range) -> Store:
    """Return the store of one line."""
    store = Store.open(MEMORY)
    store.save_vantage(vantage)
    for hour in hours:
        look(store, vantage, START + hour * HOUR)
    return store


def look(store: Store, vantage: Vantage, at: datetime) -> None:
    """Measure one round."""
    number = store.begin_round(
        vantage=vantage.id, plan="core", started=at, catalog_digest="d" * 64, network=NETWORK
    )
    store.save(number, [blocked("news.example", at=at), good("chat.example", at=at)])
    store.end_round(number, context(at), at + timedelta(minutes=5))


def test_two_lines_in_one_store() -> None:
    """All series of both; every record as it was; the chain of the joined store holds."""
    first, second = line(LINE, range(3)), line(SECOND, range(4))
    done = merge(first, second, now=NOW)
    assert (done.rounds, done.known) == (4, 0)
    theirs = series_of(second.judged(), second.rounds())
    found = series_of(first.judged(), first.rounds())
    assert set(theirs) < set(found)
    assert {one.key.vantage for one in found} == {LINE.id, SECOND.id}
    assert first.records(4) == second.records(1)
    assert first.verify() == []
    assert first.vantage() == LINE
    assert first.sources() == {}


def test_again_and_back_and_around_adds_nothing() -> None:
    """A round is known by its link, also when it comes home through another store."""
    first, second, third = line(LINE, range(3)), line(SECOND, range(2)), Store.open(MEMORY)
    merge(first, second, now=NOW)
    assert merge(first, second, now=NOW).known == 2
    assert merge(third, first, now=NOW).rounds == 5
    assert merge(third, second, now=NOW) == merge(third, second, now=NOW)
    assert merge(third, second, now=NOW).rounds == 0
    assert merge(second, third, now=NOW).rounds == 3
    assert merge(first, third, now=NOW)._asdict()["rounds"] == 0
    assert len(list(second.rounds())) == 5


def test_what_is_new_since_then_is_taken() -> None:
    """A store that has grown gives what it has more."""
    first, second = line(LINE, range(1)), line(SECOND, range(1))
    merge(first, second, now=NOW)
    look(second, SECOND, START + 9 * HOUR)
    done = merge(first, second, now=NOW)
    assert (done.rounds, done.known) == (1, 1)


def test_open_rounds_wait_and_notes_stay_with_their_line() -> None:
    """What still runs is not finished; what another person wrote is not this line's word."""
    first, second = line(LINE, range(1)), line(SECOND, range(1))
    second.begin_round(
        vantage=SECOND.id, plan="x", started=NOW, catalog_digest="d" * 64, network=NETWORK
    )
    second.add_note(Note(time=START, kind=NoteKind.SLOW, text="slow"))
    done = merge(first, second, now=NOW)
    assert (done.rounds, done.open, done.notes, done.notes_left) == (1, 1, 0, 1)
    copy = line(LINE, range(0))
    copy.add_note(Note(time=START, kind=NoteKind.SLOW, text="slow"))
    assert merge(first, copy, now=NOW).notes == 1
    assert merge(first, copy, now=NOW).notes == 0


def test_a_round_that_a_kill_cut_off_keeps_its_opening() -> None:
    """It is judged by the line as it was at the beginning, there as here."""
    second = Store.open(MEMORY)
    second.save_vantage(SECOND)
    number = second.begin_round(
        vantage=SECOND.id,
        plan="core",
        started=START,
        catalog_digest="d" * 64,
        network=NETWORK,
        opening=context(),
    )
    second.save(number, [good()])
    second.recover()
    with Store.open(MEMORY) as first:
        merge(first, second, now=NOW)
        (row,) = first.rounds()
        assert row.context is None
        assert row.opening == context()
        assert first.verify() == []


def test_series_of_files_come_along_once() -> None:
    """A timeline and an overlay that were taken in there are here too."""
    first, second = line(LINE, range(1)), line(SECOND, range(1))
    key = SeriesKey(vantage="friend", subject="news")
    series = Series(key=key, tz="UTC", samples=(Sample(time=START, bad=True),))
    mine = replace(series, key=replace(key, vantage=LINE.id))
    overlay = Overlay(name="ioda", unit="bgp", source="x.csv", points=((START, 0.5, 1.0),))
    second.import_series(ForeignFile("1" * 64, "a.csv", "timeline"), [(series, "IR")], NOW)
    second.import_series(ForeignFile("2" * 64, "b.csv", "timeline"), [(mine, "IR")], NOW)
    second.import_overlays(ForeignFile("3" * 64, "x.csv", "overlay"), [overlay], NOW)
    assert merge(first, second, now=NOW).samples == 2
    assert merge(first, second, now=NOW).samples == 0
    assert first.imported_series() == (series,)
    assert first.overlays() == (overlay,)
