"""How long the command line takes to say something: whole processes, the median of several."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from figures import Figure

RUNS = 7


def _median_s(*args: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PROBE_NET": "loopback", "PROBE_STORE": f"{folder}/x.sqlite"}
        times = []
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "probe", *args],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> list[Figure]:
    """Time ``--help`` and a dry run over the whole catalog."""
    help_s = _median_s("--help")
    dry_s = _median_s("run", "--all", "--dry-run")
    return [
        Figure("probe --help", f"{help_s:.2f} s", "< 0.25 s", help_s < 0.25),
        Figure("probe run --all --dry-run", f"{dry_s:.2f} s", "< 1 s", dry_s < 1),
    ]


if __name__ == "__main__":
    for figure in main():
        print(figure.row())
