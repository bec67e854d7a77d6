"""Slowed transfers: how often a limit is found, and how often what is none is taken for one.

Downloads of 128 to 512 KiB from a service and two neutral hosts are simulated round trip by round
trip (windows, queues, token buckets, losses, timeouts; Reno, CUBIC and BBR), over lines of four
kinds, with servers that vary. A pair has 40 rounds to be compared with and then 10, every 15
minutes; a limit is a share of the pair's usual goodput, or 140 kbit/s, and holds in the last ten.
Innocent pairs end at 22:00, when it is most crowded, and count as wrong if anything is found, of
the service or of the line. 25 % of evening congestion lies under every limit. Beside it stands
Wehe's rule (throughput of the ten rounds differs by half, Kolmogorov-Smirnov p < 0.01), which was
made for two replays from one server and has no past to compare with. Levels are compared with what
the limit lets through, which TCP does not reach behind a policer: *by losses* is how often the
pauses of the transfers told the rate of the bucket to a factor of two; else the level is what came,
or the end of a wider interval that is nearest to it.

Fortnights have a limit every day from 16:00 to 23:59 (edges scatter by 3 min a day), or none.
"""

import argparse
import json
import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from figures import machine
from throttle_bench import page
from throttle_bench.cells import CELLS, Cell
from throttle_bench.days import DAY_CELLS, DayCell

from probe.clock import SystemClock

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs"
RESULTS = DOCS / "benchmarks-throttle.json"
TITLE = "Slowed rather than cut"


def main() -> int:
    """Without ``--play``, print the rows of what was played before."""
    parser = argparse.ArgumentParser(description="Throttling against known truth.")
    parser.add_argument("--play", action="store_true")
    parser.add_argument("--nulls", type=int, default=1000, help="pairs of each innocent kind")
    parser.add_argument("--limits", type=int, default=400, help="pairs of each limit")
    parser.add_argument("--fortnights", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cells", nargs="*", default=[""], help="only cells that begin like this")
    given = parser.parse_args()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {"cells": {}}
    if given.play:
        jobs = _jobs(given)
        with ProcessPoolExecutor(given.processes) as pool:
            for name, counts in pool.map(_judged, jobs):
                sys.stderr.write(f"{name} {counts}\n")
                day = SystemClock().now().date().isoformat()
                kept["cells"][name] = counts | {"day": day}
                kept |= {"day": day, "machine": machine()}
                RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        page.write_section(DOCS / "benchmarks.md", TITLE, str(__doc__).strip(), kept)
    sys.stdout.write(f"{page.played(kept)}\n\n{page.rows(kept)}")
    return 0


def _jobs(given: argparse.Namespace) -> list[tuple[Cell | DayCell, int]]:
    def chosen(name: str) -> bool:
        return any(name.startswith(start) for start in given.cells)

    pairs = [(c, given.limits if c.limit else given.nulls) for c in CELLS if chosen(c.id)]
    return [*pairs, *((c, given.fortnights) for c in DAY_CELLS if chosen(c.id))]


def _judged(job: tuple[Cell | DayCell, int]) -> tuple[str, dict[str, object]]:
    from throttle_bench.scored import judged_cell, judged_fortnights

    warnings.simplefilter("ignore")  # arithmetic on transfers of which nothing came
    cell, runs = job
    if isinstance(cell, Cell):
        return cell.id, dict(judged_cell(cell, runs))
    return cell.id, dict(judged_fortnights(cell, runs))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
