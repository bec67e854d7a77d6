"""Daily windows: recall, edges and false alarms on worlds with known truth; writes its own page.

``make bench-patterns`` runs 400 worlds a cell on two processes (RUNS=40 for a look, CELLS="S1 null"
for some). What was drawn is kept by the digest of the code, so that it goes on where it stopped.
Real data are judged where PROBE_TEST_DATA names them.
"""

import argparse
import sys
from pathlib import Path

from pattern_bench import page, real, runs, speed

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEPT = ROOT / "results" / "bench-patterns"
RESULTS = ROOT / "docs" / "benchmarks-patterns.json"


def main() -> int:
    """Run what was asked for, and write the page and its pictures from all that there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cells", nargs="*", default=[], help="only cells that begin like this")
    parser.add_argument("--parts", nargs="*", default=["cells", "real", "speed"])
    given = parser.parse_args()
    results = page.load(RESULTS)
    if "cells" in given.parts:
        chosen = runs.chosen(given.cells)
        runs.run(chosen, given.runs, given.processes, KEPT)
        results = page.with_cells(results, runs.figures(chosen, KEPT))
        page.save(results, RESULTS)
    if "real" in given.parts:
        found = real.figures()
        if found:
            results = page.with_part(results, "real", found)
            page.save(results, RESULTS)
    if "speed" in given.parts:
        results = page.with_part(results, "speed", speed.figures())
        page.save(results, RESULTS)
    page.write(results, RESULTS.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
