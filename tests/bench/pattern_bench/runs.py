"""Run cells on several processes, keep each row at once, and go on where it stopped."""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import probe.analysis
from pattern_bench.cells import FOUND, Cell, world_of
from pattern_bench.nulls import NULLS, OWN, SEPARATED
from pattern_bench.scoring import row_of
from pattern_bench.singles import SINGLES
from pattern_bench.summary import summary

__all__ = ["CELLS", "chosen", "digest", "figures", "run"]

CELLS: tuple[Cell, ...] = (*FOUND, *NULLS, *OWN, *SEPARATED, *SINGLES)
_BY_ID = {cell.id: cell for cell in CELLS}
_CHUNK = 10
BASELINE_RUNS = 100
"""The other methods are not tried on more: they cost more than ours."""
_DECIDES = (
    *("alignment", "candidate", "consensus", "cylinder", "degraded", "edges", "episodes"),
    *("evidence", "hmm", "joint", "judgement", "onset", "recurrence", "scope", "search", "spacing"),
    *("spans", "study", "timeline", "wallclock", "weekly", "window", "zones"),
)
_DRAWS = (
    *("baselines", "cells", "claims", "clockwork", "families", "nulls", "ours", "scoring"),
    *("singles", "worlds"),
)


def chosen(beginnings: Sequence[str]) -> tuple[Cell, ...]:
    """Return the cells whose names begin with any of these; all without any."""
    if not beginnings:
        return CELLS
    return tuple(cell for cell in CELLS if cell.id.startswith(tuple(beginnings)))


def digest() -> str:
    """Return a digest of the code that draws, decides and scores: older rows are of another."""
    analysis, bench = Path(str(probe.analysis.__file__)).parent, Path(__file__).parent
    total = hashlib.sha256()
    for folder, names in ((analysis, _DECIDES), (bench, _DRAWS)):
        for name in names:
            total.update(name.encode() + (folder / f"{name}.py").read_bytes())
    return total.hexdigest()[:12]


def run(cells: Sequence[Cell], runs: int, processes: int, kept: Path) -> None:
    """Run ``runs`` worlds of each cell; what is kept already is not run again."""
    folder = kept / digest()
    folder.mkdir(parents=True, exist_ok=True)
    with get_context("spawn").Pool(processes) as pool:
        for cell in cells:
            path = folder / f"{cell.id}.jsonl"
            there = {row["run"] for row in _rows(path)}
            wanted = [(cell.id, n) for n in range(runs) if n not in there]
            if not wanted:
                continue
            with path.open("a", encoding="utf-8") as file:
                for row in pool.imap_unordered(_one, wanted, chunksize=_CHUNK):
                    file.write(json.dumps(row, separators=(",", ":")) + "\n")
            sys.stderr.write(f"{cell.id}: {len(wanted)} runs\n")


def _one(job: tuple[str, int]) -> dict[str, Any]:
    name, number = job
    cell = _BY_ID[name]
    if number >= BASELINE_RUNS:
        cell = replace(cell, baselines=False)
    return {"run": number, **row_of(cell, world_of(cell, number))}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; one that a kill cut short is drawn again."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def figures(cells: Sequence[Cell], kept: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of each cell of which there are rows of this code."""
    folder = kept / digest()
    found = {}
    for cell in cells:
        rows = sorted(_rows(folder / f"{cell.id}.jsonl"), key=lambda row: int(row["run"]))
        if rows:
            found[cell.id] = summary(cell, rows)
    return found
