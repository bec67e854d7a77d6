"""A store of years for the desk's benchmarks: 300 endpoints of 100 services every half hour.

One day is written through the store as it would be; the other days are copies of its rows under
later round numbers, made inside the database. Of 100 services five are cut every evening from
16:00 to 24:00, five all the time, two refuse. The chain has links of the first day only.
"""

import random
import sqlite3
from datetime import timedelta
from pathlib import Path

from bench_store import (
    BLOCKED,
    LINE,
    OK,
    START,
    Site,
    _begin,
    _context,
    _record,
)
from msgspec.structs import replace

from probe.model.record import Record
from probe.model.verdict import Locus
from probe.store.context import control_bad, gates_of, pack
from probe.store.database import Store

PER_DAY = 48
ENDPOINTS = 300
_ACROSS = 3
_FIRST = START - timedelta(hours=3, minutes=30)  # local midnight of the line
_EVENING = 16
REFUSED = replace(BLOCKED, mechanism="server.geoblock", locus=Locus.SERVER, rule_id="server.gone")


def build(place: Path, days: int) -> int:
    """Write the store; return how many measurements were judged in it."""
    sites = [
        replace_service(Site.of(number), f"service{number // _ACROSS}")
        for number in range(ENDPOINTS)
    ]
    dice = random.Random(11)
    with Store.open(place) as store:
        store.save_vantage(LINE)
        for slot in range(PER_DAY):
            at = _FIRST + timedelta(minutes=30 * slot)
            number = _begin(store, at)
            store.save(number, [_look(site, slot, at, dice) for site in sites])
            store.end_round(number, _context(at), at + timedelta(minutes=9))
    _copy_days(place, days)
    return days * PER_DAY * ENDPOINTS


def replace_service(site: Site, service: str) -> Site:
    """Return the site under another service."""
    return Site(site.number, site.host, service, site.addresses, site.chain, site.leaf)


def _look(site: Site, slot: int, at: object, dice: random.Random) -> Record:
    group = site.number // _ACROSS
    cut = (group < 5 and slot >= 2 * _EVENING) or 5 <= group < 10
    record = _record(site, at, dice, blocked=cut)  # type: ignore[arg-type]
    if group in (10, 11):
        return replace(record, verdict=REFUSED)
    return replace(record, verdict=BLOCKED if cut else OK)


def _copy_days(place: Path, days: int) -> None:
    connection = sqlite3.connect(place, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("BEGIN")
    for day in range(1, days):
        shift, later = PER_DAY * day, 86_400_000_000 * day
        for slot in range(PER_DAY):
            at = _FIRST + timedelta(days=day, minutes=30 * slot)
            context = _context(at)
            connection.execute(
                "INSERT INTO round (id, vantage_id, network_id, plan, catalog_digest, started_us,"
                " ended_us, tz, utc_offset_s, control_bad, gates, context, imported_from, opening,"
                " said)"
                " SELECT id + ?, vantage_id, network_id, plan, catalog_digest, started_us + ?,"
                " ended_us + ?, tz, utc_offset_s, ?, ?, ?, NULL, NULL, said FROM round"
                " WHERE id = ?",
                (
                    *(shift, later, later, control_bad(context), gates_of(context)),
                    *(pack(context), slot + 1),
                ),
            )
        for table, columns in (
            ("measurement", "no, seq, endpoint_id, variant, outcome, offset_us, trace"),
            ("verdict", "endpoint_id, no, ruling_id, offset_us"),
        ):
            connection.execute(
                f"INSERT INTO {table} (round_id, {columns}) SELECT round_id + ?, {columns}"
                f" FROM {table} WHERE round_id BETWEEN 1 AND ?",
                (shift, PER_DAY),
            )
        if day % 30 == 0:
            connection.execute("COMMIT")
            connection.execute("BEGIN")
    connection.execute(
        "INSERT INTO look SELECT service_id, time_us + 86400000000 * d.value,"
        " round_id + ? * d.value, ruling_id, endpoints, failed FROM look,"
        " (WITH RECURSIVE day(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM day"
        " WHERE value < ?) SELECT value FROM day) AS d ORDER BY 1, 2, 3",
        (PER_DAY, days - 1),
    )
    connection.execute(
        "UPDATE endpoint SET last_round = (SELECT max(id) FROM round)",
    )
    connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    import sys

    print(build(Path(sys.argv[1]), int(sys.argv[2])))
