"""Series of others: kept apart, named by their file, replaced and forgotten as a whole."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from store_records import LINE, START, good, whole_round

from probe.errors import InputError, StoreError
from probe.model.timeline import Absence, Overlay, Sample, Series, SeriesKey, Signal
from probe.store.database import ForeignFile, Store
from probe.store.foreign import digest_in, source_of

NOW = START + timedelta(days=1)
FIRST = ForeignFile("1" * 64, "first.csv", "timeline")
SECOND = ForeignFile("2" * 64, "second.csv", "timeline")
KEY = SeriesKey(vantage="friend", network="AS64511/mobile", subject="news")
SERIES = Series(
    key=KEY,
    tz="Asia/Tehran",
    samples=(
        Sample(time=START, bad=True, weight=0.5, control_bad=0.25, mechanism="dns.nxdomain"),
        Sample(time=START + timedelta(hours=1), bad=None, absence=Absence.HOST_OFF),
        Sample(time=START + timedelta(hours=2), bad=False, burst=True),
    ),
)


def test_series_come_back_exactly(memory: Store) -> None:
    """Each field of each sample, and whose word they are."""
    assert memory.import_series(FIRST, [(SERIES, "IR")], NOW) == 3
    assert memory.imported_series() == (SERIES,)
    assert memory.imported_services() == {SERIES.key.subject.partition("/")[0]}
    assert memory.has_file(FIRST.digest)
    assert not memory.has_file(SECOND.digest)
    assert memory.sources() == {"friend": "file:" + "1" * 16}
    assert memory.countries() == {"friend": "IR"}


def test_series_come_back_as_arrays_as_well(memory: Store) -> None:
    """The same samples, those of a time, and of one signal only."""
    line = replace(SERIES, key=replace(KEY, signal=Signal.UPSTREAM))
    memory.import_series(FIRST, [(SERIES, "IR"), (line, "IR")], NOW)
    (found,) = memory.imported_columns(Signal.TARGETED)
    assert (found.key, found.tz, found.samples()) == (KEY, SERIES.tz, SERIES.samples)
    hour = timedelta(hours=1)
    (found,) = memory.imported_columns(Signal.UPSTREAM, START + hour, START + 2 * hour)
    assert (found.key, found.samples()) == (line.key, SERIES.samples[1:2])
    assert memory.imported_columns(Signal.TARGETED, START + 3 * hour) == ()


def test_a_later_file_takes_the_place_of_what_it_says_again(memory: Store) -> None:
    """Only what differs is counted; what the later file does not speak of stays."""
    memory.import_series(FIRST, [(SERIES, "IR")], NOW)
    changed = replace(SERIES.samples[2], bad=True)
    later = replace(SERIES, samples=(SERIES.samples[0], changed))
    assert memory.import_series(SECOND, [(later, "IR")], NOW) == 1
    assert memory.imported_series() == (replace(SERIES, samples=(*SERIES.samples[:2], changed)),)


def test_two_zones_of_one_series_are_refused_whole(memory: Store) -> None:
    """Nothing of the second file is kept."""
    memory.import_series(FIRST, [(SERIES, "IR")], NOW)
    other = replace(SERIES, key=replace(KEY, subject="chat"))
    with pytest.raises(StoreError, match="Asia/Tehran"):
        memory.import_series(SECOND, [(other, "IR"), (replace(SERIES, tz="UTC"), "IR")], NOW)
    assert memory.imported_series() == (SERIES,)
    assert memory.imported_services() == {SERIES.key.subject.partition("/")[0]}
    assert not memory.has_file(SECOND.digest)


def test_nobody_speaks_for_a_line_that_measures_here(memory: Store) -> None:
    """A file about the own vantage, or one with rounds in the store, is refused."""
    whole_round(memory, [good()])
    with pytest.raises(InputError, match=r"first\.csv.*rounds of vantage 5f1c"):
        memory.import_series(
            FIRST, [(replace(SERIES, key=replace(KEY, vantage=LINE.id)), "IR")], NOW
        )
    assert memory.imported_series() == ()


def test_an_overlay_is_no_series(memory: Store) -> None:
    """It is drawn, and never judged by."""
    overlay = Overlay(
        name="bgp",
        unit="prefixes",
        source="ioda.csv",
        country="IR",
        points=((START, 12.5, 1.0), (START + timedelta(hours=1), 0.0, 3.0)),
    )
    assert memory.import_overlays(FIRST, [overlay], NOW) == 2
    assert memory.overlays() == (overlay,)
    late = START + timedelta(minutes=30)
    assert [one.points for one in memory.overlays(since=late)] == [overlay.points[1:]]
    assert [one.points for one in memory.overlays(until=late)] == [overlay.points[:1]]
    assert memory.overlays(since=NOW) == ()
    assert memory.overlays(countries={"ZZ", "IR"}) == (overlay,)
    assert memory.overlays(countries={"ZZ"}) == ()
    assert memory.imported_series() == ()
    assert memory.sources() == {}


def test_purge_forgets_them_and_prune_does_not(place: Path) -> None:
    """Their dates are not of this line; what is purged is in no byte of the file."""
    secret = replace(SERIES, key=replace(KEY, subject="secretchat"))
    with Store.open(place) as store:
        whole_round(store, [good()])
        store.import_series(FIRST, [(secret, "IR")], NOW)
        store.prune(NOW + timedelta(days=400), 1)
        assert store.imported_series() == (secret,)
        store.purge(START + timedelta(hours=2))
        assert [len(one.samples) for one in store.imported_series()] == [1]
        store.purge()
        assert store.imported_series() == ()
        assert not store.has_file(FIRST.digest)
        assert b"secretchat" not in place.read_bytes()


@pytest.mark.parametrize(
    ("origin", "source", "digest"),
    [
        (None, None, None),
        ("", None, None),
        ("bundle:0123:abcd", "bundle:0123", "abcd"),
        ("store:5f1c:abcd", None, "abcd"),
        ("ooni:telegram:abcd", "ooni", None),
        ("file:abcd", "file:abcd", None),
        ("anything:else", None, None),
    ],
)
def test_whose_word_a_provenance_is(
    origin: str | None, source: str | None, digest: str | None
) -> None:
    """A key, OONI, a file; stores that the owner merged speak for themselves."""
    assert source_of(origin) == source
    assert digest_in(origin or "") == digest
