"""Public data as looks; nothing of them is kept in the project. The folder is PROBE_TEST_DATA."""

import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from probe.model.timeline import Absence, Sample, Series, SeriesKey

__all__ = [
    "Outage",
    "bago",
    "border",
    "by_as",
    "entities",
    "hurricane",
    "labelled",
    "monitors",
    "power_cut",
    "series_from",
    "tor_users",
    "transitions",
]

Looks = dict[str, list[tuple[datetime, bool | None]]]
_MISSING = ("", "NA", "NaN")


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV, gzipped or not; lines that begin with # are left out."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    yield from csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def series_from(looks: Looks, tz: str) -> list[Series]:
    """Return one series for each name."""
    return [
        Series(
            key=SeriesKey(subject=name),
            tz=tz,
            samples=tuple(
                Sample(time=at, bad=bad, absence=Absence.INVALID if bad is None else None)
                for at, bad in sorted(rows, key=lambda row: row[0])
            ),
        )
        for name, rows in looks.items()
    ]


def _local(text: str, tz: str) -> datetime:
    return datetime.strptime(text, "%d-%b-%Y %H:%M:%S").replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


def bago(folder: Path, slot_min: int) -> Series:
    """Return the pings of Bago: a slot without a reply is bad while the rest of the day answers."""
    where = ZoneInfo("Asia/Yangon")
    path = folder / "myanmar-curfew-2021" / "bago_pings.csv"
    replies = [datetime.fromisoformat(row["time_local_str"]) for row in rows_of(path)]
    start = min(replies).replace(minute=0, second=0)
    slot = timedelta(minutes=slot_min)
    slots = Counter((reply - start) // slot for reply in replies)
    a_day = Counter(reply.date() for reply in replies)
    looks: Looks = {"bago": []}
    for number in range(max(slots) + 1):
        middle = start + slot * number + slot / 2
        bad = slots[number] == 0 if a_day[middle.date()] >= 12 else None
        looks["bago"].append((middle.replace(tzinfo=where).astimezone(UTC), bad))
    return series_from(looks, "Asia/Yangon")[0]


def power_cut(folder: Path, level: int) -> list[Series]:
    """Return the states of Venezuela in July 2019, bad below a share of usual connectivity."""
    looks: Looks = defaultdict(list)
    path = folder / "noncensorship-outages" / "venezuela_powercut_2019-07_by_state.csv"
    for row in rows_of(path):
        bad = float(row["connectivity"]) < level
        looks[row["name_1"]].append((_local(row["time_e_str"], "America/Caracas"), bad))
    return series_from(looks, "America/Caracas")


def hurricane(folder: Path, level: int) -> list[Series]:
    """Return the counties under hurricane Laura, August 2020."""
    looks: Looks = defaultdict(list)
    path = folder / "noncensorship-outages" / "usa_hurricane_laura_2020-08_by_county.csv.gz"
    for row in rows_of(path):
        at = datetime.fromtimestamp(int(row["time_e_utc"]), UTC)
        known = row["connectivity"] not in _MISSING
        bad = float(row["connectivity"]) < level if known else None
        looks[f"{row['name_1']}/{row['name_2']}"].append((at, bad))
    return series_from(looks, "America/Chicago")


def border(folder: Path) -> list[Series]:
    """Return a quiet index of latency every three hours, bad above 105 % of normal."""
    looks: dict[str, Looks] = defaultdict(lambda: defaultdict(list))
    path = folder / "noncensorship-outages" / "ukraine_russia_border_latency_2021-12.csv"
    for row in rows_of(path):
        tz = row["timezone_name"].replace("Kiev", "Kyiv")
        known = row["latency_indx"] not in _MISSING
        bad = float(row["latency_indx"]) > 105 if known else None
        looks[tz][row["adm1_unique_identifier"]].append((_local(row["time_local"], tz), bad))
    return [series for tz, mine in looks.items() for series in series_from(mine, tz)]


def by_as(folder: Path, signal: str) -> dict[str, list[tuple[datetime, bool]]]:
    """Return Iran's networks in November 2019: bad below half of what was usual before."""
    values: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for row in rows_of(folder / "iran-blackout-2019" / "ioda_signals_by_asn.csv.gz"):
        if row["signal"].startswith(signal) and row["value"] not in _MISSING:
            values[row["asn"]].append(
                (datetime.fromisoformat(row["time_utc"]), float(row["value"]))
            )
    looks = {}
    for asn, rows in values.items():
        before = sorted(v for at, v in rows if at < datetime(2019, 11, 16, tzinfo=UTC))
        usual = before[len(before) // 2] if before else 0.0
        if usual >= 20:
            looks[asn] = [(at, v < usual / 2) for at, v in sorted(rows)]
    return looks


def tor_users(folder: Path, least: float) -> list[Series]:
    """Return a look a day for each country: bad below a third of the median of 28 days before."""
    users: dict[str, list[tuple[date, float]]] = defaultdict(list)
    path = folder / "tor-bridge-users" / "userstats-bridge-country_2018-2020.csv.gz"
    for row in rows_of(path):
        if row["country"] not in ("", "??"):
            users[row["country"]].append((date.fromisoformat(row["date"]), float(row["users"])))
    looks: Looks = {}
    for country, rows in users.items():
        rows.sort()
        mine: list[tuple[datetime, bool | None]] = []
        for i, (day, count) in enumerate(rows):
            before = sorted(value for _, value in rows[max(0, i - 28) : i])
            usual = before[len(before) // 2] if len(before) >= 14 else 0.0
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            mine.append((at, count < usual / 3 if usual >= least else None))
        if any(bad is not None for _, bad in mine):
            looks[country] = mine
    return series_from(looks, "UTC")


def monitors(folder: Path) -> list[Series]:
    """Return an uptime monitor's checks of Iran in February 2026, one series a monitor."""
    looks: Looks = defaultdict(list)
    for row in rows_of(folder / "uptime-controls" / "iran_internet_monitor_2026-02.csv.gz"):
        looks[row["monitor"]].append((datetime.fromisoformat(row["time"]), row["status"] != "up"))
    return [_once(series) for series in series_from(looks, "Asia/Tehran")]


def transitions(folder: Path) -> list[Series]:
    """Return a public status page's log of nineteen months, one series a site."""
    looks: Looks = defaultdict(list)
    for row in rows_of(folder / "uptime-controls" / "upptime_seklfreak_transitions.csv"):
        looks[row["site"]].append((datetime.fromisoformat(row["time"]), row["status"] != "up"))
    return [_once(series) for series in series_from(looks, "UTC")]


def _once(series: Series) -> Series:
    """Leave out what repeats a time."""
    kept = {sample.time: sample for sample in series.samples}
    return Series(key=series.key, tz=series.tz, samples=tuple(kept.values()))


class Outage:
    """A labelled outage: when, of what, and what caused it."""

    def __init__(self, row: dict[str, str]) -> None:
        self.start = datetime.fromisoformat(row["start_utc"])
        self.end = datetime.fromisoformat(row["end_utc"])
        self.cause = row["cause"]
        self.entity = "/".join(
            part for part in (row["country"], row["region"], row["asn"]) if part.strip()
        )

    @property
    def ordered(self) -> bool:
        """Whether somebody ordered it: a government, or for exams."""
        return self.cause in ("Government-Ordered", "Exams")


def labelled(folder: Path) -> list[Outage]:
    """Return the investigated outages whose times are usable."""
    path = folder / "event-labels" / "ioda_investigated_outages_tidy.csv"
    return [Outage(row) for row in rows_of(path) if row["times_ok"] == "True"]


ZONES = {
    "Myanmar": "Asia/Yangon",
    "Syria": "Asia/Damascus",
    "Iraq": "Asia/Baghdad",
    "Algeria": "Africa/Algiers",
    "Iran": "Asia/Tehran",
    "India": "Asia/Kolkata",
    "Sudan": "Africa/Khartoum",
    "Ethiopia": "Africa/Addis_Ababa",
}


def zone_for(entity: str) -> str:
    """Return the zone of a country whose windows matter here; UTC for the others."""
    return next((tz for name, tz in ZONES.items() if entity.startswith(name)), "UTC")


def entities(outages: Iterable[Outage], least: int) -> dict[str, list[Outage]]:
    """Return the outages of each country, region or network that has at least so many."""
    found: dict[str, list[Outage]] = defaultdict(list)
    for outage in outages:
        found[outage.entity].append(outage)
    return {name: rows for name, rows in sorted(found.items()) if len(rows) >= least}


def looked_at(name: str, outages: list[Outage], every_min: int = 30) -> Series:
    """Return jittered looks over the outages of one entity and five days around them."""
    spans = [(one.start, one.end) for one in outages]
    first = min(start for start, _ in spans) - timedelta(days=5)
    last = max(end for _, end in spans) + timedelta(days=5)
    rng = random.Random(3)
    near = [(a - timedelta(days=10), b + timedelta(days=10)) for a, b in spans]
    looks: Looks = {name: []}
    at = first
    while at < last:
        if any(a <= at <= b for a, b in near):
            look = at + timedelta(minutes=rng.uniform(0, every_min))
            looks[name].append((look, any(a <= look < b for a, b in spans)))
        at += timedelta(minutes=every_min)
    return series_from(looks, zone_for(name))[0]
