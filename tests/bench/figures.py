"""A measured figure beside the aim that it has, as a row of docs/benchmarks.md."""

import os
import platform
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Figure", "machine", "peak_rss_mib", "table"]


@dataclass(frozen=True, slots=True)
class Figure:
    """``aim`` is in words; ``met`` is None where there is no aim."""

    what: str
    value: str
    aim: str = ""
    met: bool | None = None

    def row(self) -> str:
        """Return a Markdown table row; a miss is written as a miss."""
        word = {True: "met", False: "**missed**", None: ""}[self.met]
        return f"| {self.what} | {self.value} | {self.aim} | {word} |"


def table(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    head = "| what | measured | aim | |\n|---|---|---|---|\n"
    return head + "\n".join(f.row() for f in figures) + "\n"


def machine() -> str:
    """Return what this was measured on: processor, cores, memory, kernel, Python."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        model = next(
            (x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), model
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {sys.version.split()[0]}"
    )


def peak_rss_mib() -> float:
    """Return the most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
