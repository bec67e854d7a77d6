"""Timed transfers beside everything else: what they add to ``probe patterns`` and to a report.

A line measures 20 services for 90 days, each half hour; four rounds a day time a file of every
service beside those of two neutral hosts (7,200 pairs). One service is limited in the evening.
Each figure is the median of three, in seconds of one processor: what else runs is not in it.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "store")]

# ruff: noqa: E402 - the records of the store's tests lie beside
from figures import Figure, peak_rss_mib
from store_records import LINE, START, context, good
from timed_rounds import FILE_KBIT, LIMIT_KBIT, evening, steady_rounds, timed_record

from probe.analysis.series import series_of
from probe.analysis.survey import SEED, survey
from probe.model.goodput import Pair, PairKey
from probe.model.target import Catalog
from probe.report.html import render
from probe.report.stored import report_of
from probe.store.database import Store

DAYS, SERVICES = 90, 20
_SLOT = 12  # half hours between two rounds that time transfers


def build(place: Path) -> None:
    """Make the store."""
    dice = Random(3)
    with Store.open(place) as store:
        store.save_vantage(LINE)
        timed = 0
        for number, at in enumerate(steady_rounds(DAYS, dice)):
            if number % _SLOT == 0:
                timed = number + dice.randrange(_SLOT)
            records = [
                _record(f"s{n}.example", at + timedelta(seconds=n), dice, timed=number == timed)
                for n in range(SERVICES)
            ]
            opened = store.begin_round(
                vantage=LINE.id,
                plan="core",
                started=at,
                catalog_digest="d" * 64,
                network=context(at).network,
            )
            store.save(opened, records)
            store.end_round(opened, context(at), at + timedelta(minutes=5))


def _record(host: str, at: Any, dice: Random, *, timed: bool) -> Any:
    if not timed:
        return good(host, at=at)
    line = dice.lognormvariate(0, 0.1)
    limited = host.startswith("s1.") and evening(at)
    rate = (LIMIT_KBIT if limited else FILE_KBIT * line) * dice.lognormvariate(0, 0.1)
    return timed_record(at, rate, [FILE_KBIT * line * dice.lognormvariate(0, 0.1)] * 2, host=host)


def _took(work: Callable[[], Any]) -> float:
    spent = []
    for _ in range(3):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return median(spent)


def main() -> list[Figure]:
    """Measure the reading and the judging of transfers, and what is done without them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "timed.sqlite"
        build(place)
        with Store.open(place, readonly=True) as store:
            return [*_patterns(store), *_report(store)]


def _patterns(store: Store) -> list[Figure]:
    def read() -> Any:
        return series_of(store.judged(), store.rounds())

    series, pairs = read(), store.goodput()
    many = sum(map(len, pairs.values()))

    def judge(some: Mapping[PairKey, tuple[Pair, ...]]) -> Any:
        return survey(series, pairs=some, rng=Random(SEED))

    alone = _took(read) + _took(lambda: judge({}))
    got = _took(store.goodput)
    judged = _took(lambda: judge(pairs)) - _took(lambda: judge({}))
    found = sum(event.throttle is not None for event in judge(pairs))
    return [
        Figure("patterns without transfers: reading and searching", f"{alone:.2f} s"),
        Figure(f"reading {many:,} pairs", f"{got:.2f} s"),
        Figure(f"judging them ({found} throttling found)", f"{judged:.2f} s"),
        Figure("what transfers add", f"{got + judged:.1f} s", "< 5 s", got + judged < 5),
    ]


def _report(store: Store) -> list[Figure]:
    end, nobody = START + timedelta(days=DAYS), Catalog(services=(), digest="")

    def page() -> str:
        return render(report_of(store, nobody, now=end))

    took = _took(page)
    return [
        Figure(f"report of {DAYS} days, {SERVICES} services", f"{took:.1f} s", "< 15 s", took < 15),
        Figure("memory at its highest", f"{peak_rss_mib():.0f} MiB"),
    ]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{figure.row()}\n" for figure in main()))
