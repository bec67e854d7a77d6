"""Timelines out of the store: nothing lost by going service by service, no gap told as fine."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from random import Random

from store_records import LINE, START, good, whole_round

from probe.analysis.series import series_of
from probe.export.job import Job, to_stream
from probe.export.kinds import Form, What
from probe.export.timelines import series_in
from probe.ingest.timeline_csv import read
from probe.model.selection import Selection
from probe.model.timeline import Absence, Sample, Series, SeriesKey
from probe.store.database import MEMORY, ForeignFile, Store

HOUR = timedelta(hours=1)
NOW = START + timedelta(days=9)


def rows(store: Store, what: What, **rest: object) -> list[dict[str, str]]:
    out = io.BytesIO()
    wanted = Job(what=what, form=Form.CSV, chosen=Selection(), query={}, **rest)  # type: ignore[arg-type]
    to_stream(wanted, store, out, now=NOW, dice=Random(1))
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


def test_service_by_service_gives_the_same_series(store: Store) -> None:
    """What is held at once is one service; what comes out is what all together give."""
    expected = series_of(store.judged(), store.rounds())
    assert sorted(series_in(store, Selection()), key=lambda one: one.key) == sorted(
        expected, key=lambda one: one.key
    )
    assert len(expected) == 4


def test_what_is_chosen_of_series(store: Store) -> None:
    """A service leaves out other services and keeps the line; an absent network leaves out all."""
    news = list(series_in(store, Selection(services=frozenset({"news"}))))
    assert {one.key.subject for one in news} == {"news", "line"}
    assert list(series_in(store, Selection(networks=frozenset({"AS1"})))) == []
    assert list(series_in(store, Selection(vantages=frozenset({"other"})))) == []
    late = list(series_in(store, Selection(since=START + 3 * HOUR)))
    assert all(sample.time >= START + 3 * HOUR for one in late for sample in one.samples)


def test_samples_come_back_as_the_same_series(store: Store, tmp_path: Path) -> None:
    """An export that is read in again gives the same timeline."""
    out = io.BytesIO()
    wanted = Job(what=What.SAMPLES, form=Form.CSV, chosen=Selection(), query={})
    to_stream(wanted, store, out, now=NOW, dice=Random(1))
    path = tmp_path / "t.csv"
    path.write_bytes(out.getvalue())
    expected = sorted(series_in(store, Selection()), key=lambda one: one.key)
    assert list(read(path, tz=None)) == expected


def test_a_grid_has_every_step_and_says_why_one_is_empty() -> None:
    """Twelve hours without a round are twelve gaps, never "ok"."""
    with Store.open(MEMORY) as store:
        for hour in (0, 1, 2, 3, 16, 17):
            whole_round(store, [good(at=START + hour * HOUR)], START + hour * HOUR)
        found = [row for row in rows(store, What.GRID) if row["series"] == "chat"]
    assert [row["time"][11:13] for row in found] == [f"{hour:02}" for hour in range(18)]
    states = [row["state"] for row in found]
    assert states == ["ok"] * 4 + ["gap"] * 12 + ["ok"] * 2
    assert {row["absence"] for row in found[4:16]} == {"host_off"}
    assert {row["step_s"] for row in found} == {"3600"}


def test_a_step_of_good_and_bad_looks_is_mixed(store: Store) -> None:
    """Neither is hidden by the other."""
    found = rows(store, What.GRID, step=timedelta(days=1))
    by_series = {row["series"]: row for row in found}
    assert by_series["news"]["state"] == "bad"
    assert by_series["news"]["mechanisms"] == "tls.reset.sni (5)"
    whole_round(store, [good("news.example", at=START + 6 * HOUR)], START + 6 * HOUR)
    again = {row["series"]: row for row in rows(store, What.GRID, step=timedelta(days=1))}
    assert again["news"]["state"] == "mixed"
    assert (again["news"]["samples"], again["news"]["bad_samples"]) == ("6", "5")


def test_intervals_tell_what_is_not_known(store: Store) -> None:
    """An edge has its bracket, and an end that still lasts is censored."""
    (bad,) = [row for row in rows(store, What.INTERVALS) if row["series"] == "news"]
    assert (bad["state"], bad["samples"], bad["bad_samples"]) == ("bad", "5", "5")
    assert bad["start_censored"] == bad["end_censored"] == "true"
    assert (bad["vantage"], bad["country"], bad["tz"]) == (LINE.id, "IR", "Asia/Tehran")


def test_series_of_others_stand_beside_the_own(store: Store) -> None:
    """What was taken in from a file is exported with the rest."""
    key = SeriesKey(vantage="friend", network="AS64511/mobile", subject="news")
    samples = (
        Sample(time=START, bad=True),
        Sample(time=START + HOUR, bad=None, absence=Absence.HOST_OFF),
    )
    series = Series(key=key, tz="Asia/Tehran", samples=samples)
    store.import_series(ForeignFile("0" * 64, "f.csv", "timeline"), [(series, "IR")], NOW)
    assert series in list(series_in(store, Selection()))
    assert series not in list(series_in(store, Selection(services=frozenset({"chat"}))))
    found = [row for row in rows(store, What.SAMPLES) if row["vantage"] == "friend"]
    assert [(row["bad"], row["reason"], row["country"]) for row in found] == [
        ("1", "", "IR"),
        ("", "host_off", "IR"),
    ]
