"""Real data, where ``PROBE_TEST_DATA`` names them: curfews found, silence elsewhere.

Nothing of the data is in the project; each set is turned into looks here.
"""

import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from probe.analysis.patterns import find
from probe.analysis.survey import survey
from probe.model.event import Event, EventKind, Label, Scope
from probe.model.timeline import Absence, Sample, Series, SeriesKey

WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)
Looks = dict[str, list[tuple[datetime, bool | None]]]


def events(series: Iterable[Series]) -> tuple[Event, ...]:
    return find(tuple(series), rng=random.Random(1))


def series_of(looks: Looks, tz: str) -> list[Series]:
    return [
        Series(
            key=SeriesKey(subject=name),
            tz=tz,
            samples=tuple(
                Sample(time=at, bad=bad, absence=Absence.INVALID if bad is None else None)
                for at, bad in sorted(rows)
            ),
        )
        for name, rows in looks.items()
    ]


def bago(folder: Path, slot_min: int) -> Series:
    """Return the pings of Bago: a slot without a reply is bad while the rest of the day answers."""
    where = ZoneInfo("Asia/Yangon")
    with (folder / "myanmar-curfew-2021" / "bago_pings.csv").open(encoding="utf-8") as file:
        replies = [datetime.fromisoformat(row["time_local_str"]) for row in csv.DictReader(file)]
    start = min(replies).replace(minute=0, second=0)
    slot = timedelta(minutes=slot_min)
    slots = Counter((reply - start) // slot for reply in replies)
    a_day = Counter(reply.date() for reply in replies)
    looks: Looks = {"bago": []}
    for number in range(max(slots) + 1):
        middle = start + slot * number + slot / 2
        answers = a_day[middle.date()] >= 12
        bad = slots[number] == 0 if answers else None
        looks["bago"].append((middle.replace(tzinfo=where).astimezone(UTC), bad))
    return series_of(looks, "Asia/Yangon")[0]


@pytest.mark.parametrize(("slot_min", "within"), [(60, 35), (30, 16), (20, 10)])
def test_the_nights_of_myanmar(test_data: Path, slot_min: int, within: float) -> None:
    """01:00 to 09:00 every night from 15 February to 27 April 2021, and no other window."""
    (event,) = [e for e in events([bago(test_data, slot_min)]) if e.kind in WINDOWS]
    assert event.window is not None
    assert event.kind is EventKind.DAILY_WINDOW
    assert event.label is Label.ESTABLISHED
    assert event.window.first_day == "2021-02-15"
    assert event.window.last_day == "2021-04-27"
    assert abs(event.window.start_minute - 60) <= within
    assert abs(event.window.end_minute - 540) <= within
    assert event.window.start_interval[0] <= 60 <= event.window.start_interval[1]
    assert event.window.end_interval[0] <= 540 <= event.window.end_interval[1]
    assert event.window.days.supported >= 0.9 * event.window.days.observable
    assert event.p == 0.001


def local(text: str, tz: str) -> datetime:
    return datetime.strptime(text, "%d-%b-%Y %H:%M:%S").replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


@pytest.mark.parametrize("level", [50, 80])
def test_a_power_cut_is_an_outage_and_no_curfew(test_data: Path, level: int) -> None:
    """Venezuela, July 2019: most states have an outage on the 22nd, none a window."""
    looks: Looks = defaultdict(list)
    path = test_data / "noncensorship-outages" / "venezuela_powercut_2019-07_by_state.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            bad = float(row["connectivity"]) < level
            looks[row["name_1"]].append((local(row["time_e_str"], "America/Caracas"), bad))
    found = events(series_of(looks, "America/Caracas"))
    assert not [event for event in found if event.kind in WINDOWS]
    dark = {
        e.series for e in found if e.start.at.date().isoformat() in ("2019-07-22", "2019-07-23")
    }
    assert len(dark) >= 0.8 * len(looks)


@pytest.mark.slow
@pytest.mark.parametrize("level", [5, 9])
def test_a_hurricane_is_no_curfew(test_data: Path, level: int) -> None:
    """Laura, August 2020, over 200 counties: holes, and not one window."""
    looks: Looks = defaultdict(list)
    path = test_data / "noncensorship-outages" / "usa_hurricane_laura_2020-08_by_county.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromtimestamp(int(row["time_e_utc"]), UTC)
            known = row["connectivity"] not in ("", "NA", "NaN")
            bad = float(row["connectivity"]) < level if known else None
            looks[f"{row['name_1']}/{row['name_2']}"].append((at, bad))
    found = events(series_of(looks, "America/Chicago"))
    assert len(looks) >= 200
    assert not [event for event in found if event.kind in WINDOWS]


def test_latency_at_a_border_is_no_curfew(test_data: Path) -> None:
    """A quiet index every three hours, cut at 105 % of normal: no window."""
    looks: dict[str, Looks] = defaultdict(lambda: defaultdict(list))
    path = test_data / "noncensorship-outages" / "ukraine_russia_border_latency_2021-12.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            tz = row["timezone_name"].replace("Kiev", "Kyiv")
            known = row["latency_indx"] not in ("", "NA", "NaN")
            bad = float(row["latency_indx"]) > 105 if known else None
            looks[tz][row["adm1_unique_identifier"]].append((local(row["time_local"], tz), bad))
    found = events([s for tz, mine in looks.items() for s in series_of(mine, tz)])
    assert not [event for event in found if event.kind in WINDOWS]


@pytest.mark.slow
def test_iran_2019_is_a_blackout_and_no_curfew(test_data: Path) -> None:
    """Active probing per AS: one onset in the afternoon of 16 November, never a daily window."""
    values: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    path = test_data / "iran-blackout-2019" / "ioda_signals_by_asn.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["signal"].startswith("active") and row["value"] not in ("", "NA"):
                at = datetime.fromisoformat(row["time_utc"])
                values[row["asn"]].append((at, float(row["value"])))
    looks: Looks = {}
    for asn, rows in values.items():
        before = sorted(v for at, v in rows if at < datetime(2019, 11, 16, tzinfo=UTC))
        usual = before[len(before) // 2] if before else 0.0
        if usual >= 20:
            looks[asn] = [(at, v < usual / 2) for at, v in rows]
    found = events(series_of(looks, "Asia/Tehran"))
    assert len(looks) >= 5
    assert not [event for event in found if event.kind in WINDOWS]
    begun = [e.start.at for e in found if e.series == "0" and e.samples > 100]
    assert len(begun) == 1
    assert datetime(2019, 11, 16, 12, tzinfo=UTC) <= begun[0] <= datetime(2019, 11, 17, tzinfo=UTC)


@pytest.mark.slow
def test_iran_2019_is_one_national_event_of_all_its_networks(test_data: Path) -> None:
    """Each AS as a vantage: one joint outage from the evening of 16 November, seen by all."""
    values: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    path = test_data / "iran-blackout-2019" / "ioda_signals_by_asn.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = row["value"] not in ("", "NA") and row["asn"] != "0"
            if row["signal"].startswith("active") and known:
                at = datetime.fromisoformat(row["time_utc"])
                values[row["asn"]].append((at, float(row["value"])))
    lines = []
    for asn, rows in values.items():
        before = sorted(v for at, v in rows if at < datetime(2019, 11, 16, tzinfo=UTC))
        usual = before[len(before) // 2] if before else 0.0
        if usual >= 20:
            access = "mobile" if asn == "57218" else "fixed"
            key = SeriesKey(vantage=f"v{asn}", network=f"AS{asn}/{access}", subject="hosts")
            samples = tuple(Sample(time=at, bad=v < usual / 2) for at, v in sorted(rows))
            lines.append(Series(key=key, tz="Asia/Tehran", samples=samples))
    found = survey(lines, rng=random.Random(1))
    (joint,) = [event for event in found if event.agreement is not None]
    assert joint.kind is EventKind.OUTAGE
    assert joint.scope is Scope.NATIONAL
    assert joint.agreement is not None
    assert joint.agreement.vantages == (7, 7)
    assert joint.agreement.mobile == (1, 1)
    begun = datetime(2019, 11, 16, 12, tzinfo=UTC)
    assert begun <= joint.start.at <= begun + timedelta(hours=12)
    assert "within 6.8 h" in joint.sentence  # the networks went one after the other
    assert all(event.scope is Scope.THIS_LINE for event in found if event is not joint)


def country_series(rows: list[dict[str, str]], tz: str) -> Series:
    """Return looks every half hour, bad inside any of the labelled outages."""
    spans = [
        (datetime.fromisoformat(r["start_utc"]), datetime.fromisoformat(r["end_utc"])) for r in rows
    ]
    at = min(a for a, _ in spans) - timedelta(days=5)
    end = max(b for _, b in spans) + timedelta(days=5)
    rng = random.Random(3)
    looks: Looks = {"country": []}
    while at < end:
        look = at + timedelta(minutes=rng.uniform(0, 30))
        looks["country"].append((look, any(a <= look < b for a, b in spans)))
        at += timedelta(minutes=30)
    return series_of(looks, tz)[0]


@pytest.mark.slow
def test_labelled_outages_recur_where_they_were_ordered(test_data: Path) -> None:
    """Myanmar's nights and Syria's exams are found; cable cuts and power cuts make no window."""
    path = test_data / "event-labels" / "ioda_investigated_outages_tidy.csv"
    with path.open(encoding="utf-8") as file:
        rows = [
            r for r in csv.DictReader(file) if r["times_ok"] == "True" and r["scope"] == "Country"
        ]
    by_country: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_country[row["country"]].append(row)
    ordered = {"Myanmar": "Asia/Yangon", "Syria": "Asia/Damascus"}
    for name, tz in ordered.items():
        country = next(c for c in by_country if c.startswith(name))
        assert [e for e in events([country_series(by_country[country], tz)]) if e.kind in WINDOWS]
    for cause in ("Cable-Cut", "Power-Outage"):
        for country, mine in by_country.items():
            caused = [r for r in mine if r["cause"] == cause]
            if len(caused) >= 3:
                found = events([country_series(caused, "UTC")])
                assert not [e for e in found if e.kind in WINDOWS], country
