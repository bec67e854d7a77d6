"""The demo as a user starts it: fourteen days in the lab, the tables and the report."""

import os
import resource
import subprocess
import sys
import tempfile
import time

from figures import Figure

LIMIT_S = 60.0


def main() -> list[Figure]:
    """Run ``probe demo`` once, as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "probe", "demo", "--out", folder],
            env=os.environ | {"PROBE_NET": "loopback"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        took = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = next((x for x in done.stderr.splitlines() if "rounds," in x), "")
    return [
        Figure(
            "probe demo, from start to report",
            f"{took:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor time",
            f"<= {LIMIT_S:.0f} s",
            took <= LIMIT_S,
        ),
        Figure("what it did", summary.partition(";")[0]),
    ]


if __name__ == "__main__":
    for figure in main():
        print(figure.row())
