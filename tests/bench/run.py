"""Run every benchmark, each in a process of its own, and write docs/benchmarks.md.

Figures are of this machine at this moment; the ratios carry over, absolute times do not.
"""

import subprocess
import sys
from pathlib import Path

from figures import machine

from probe.clock import SystemClock

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "benchmarks.md"
TITLES = {
    "bench_startup.py": "Starting",
    "bench_rate.py": "Measuring",
    "bench_round.py": "A round with many silent drops",
    "bench_store.py": "Keeping",
    "bench_export.py": "Exporting",
    "bench_desk.py": "The pages",
    "bench_lab.py": "The lab in namespaces",
    "bench_demo.py": "The demo",
    "bench_timed.py": "Timed transfers",
    "bench_throttle.py": "Slowed rather than cut",
}
HEAD = "| what | measured | aim | |\n|---|---|---|---|"
INTRODUCTION = """# Benchmarks

`make bench` measures these and writes this page; no test asserts on time. A miss is written as a
miss. The ratios carry over to other machines, the absolute figures do not.

How well windows and outages are found has [a page of its own](benchmarks-patterns.md), and so has
whether [traces name the right hop](benchmarks-trace.md).

Measured on {day}: {machine}.
"""


def main() -> int:
    """Run all benchmarks; a benchmark that breaks is shown and makes the exit code 1."""
    parts = [INTRODUCTION.format(day=SystemClock().now().date().isoformat(), machine=machine())]
    broken = 0
    for script, title in TITLES.items():
        sys.stderr.write(f"{title} ...\n")
        done = subprocess.run(
            [sys.executable, str(HERE / script)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            broken = 1
            sys.stderr.write(done.stderr)
        explained = (HERE / script).read_text(encoding="utf-8").split('"""')[1].strip()
        remark, bar, rows = done.stdout.partition("|")  # the rows, and what is said before them
        table = f"{HEAD}\n|{rows.rstrip() if bar else ' did not run | | | **missed** |'}"
        parts.append(
            "\n\n".join(filter(None, [f"## {title}", explained, remark.strip(), table])) + "\n"
        )
    page = "\n".join(parts)
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    return broken


if __name__ == "__main__":
    sys.exit(main())
