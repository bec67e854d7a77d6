"""The figures in words, as rows of docs/benchmarks.md; a miss is written as a miss."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from figures import Figure
from pattern_bench.summary import wilson

from throttle_bench.cells import CELLS, Cell
from throttle_bench.days import DAY_CELLS, DayCell

__all__ = ["played", "rows", "section", "write_section"]

_PROMISED_NULLS = ("quiet", "shared-25", "shared-50", "radio")
_AIMS = {"4": 0.95, "10": 0.99, "140k": 0.99}
_WRONG = 0.01
_EDGE_MIN = 10.0
_LEVEL = 0.95
_FREEZE = 0.99


def rows(kept: Mapping[str, Any]) -> str:
    """Return the table's rows for all cells that were played."""
    cells = kept.get("cells", {})
    figures = [_pairs(cell, cells[cell.id]) for cell in CELLS if cell.id in cells]
    figures += [
        _level(cell, cells[cell.id]) for cell in CELLS if "levels" in cells.get(cell.id, {})
    ]
    figures += [_fortnights(cell, cells[cell.id]) for cell in DAY_CELLS if cell.id in cells]
    return "".join(f"{figure.row()}\n" for figure in figures)


def section(title: str, explained: str, kept: Mapping[str, Any]) -> str:
    """Return the section of the page."""
    head = "| what | measured | aim | |\n|---|---|---|---|"
    return f"## {title}\n\n{explained}\n\n{played(kept)}\n\n{head}\n{rows(kept)}"


def played(kept: Mapping[str, Any]) -> str:
    """Say when and where the figures are from; those of other days, by their kind."""
    words = [f"Played on {kept.get('day')}: {kept.get('machine')}."]
    others: dict[str, set[str]] = {}
    every: tuple[Cell | DayCell, ...] = (*CELLS, *DAY_CELLS)
    for one in every:
        day = kept.get("cells", {}).get(one.id, {}).get("day", kept.get("day"))
        if day != kept.get("day"):
            others.setdefault(str(day), set()).add(_kind(one))
    words += [f"Played on {day}: {', '.join(sorted(kinds))}." for day, kinds in others.items()]
    return " ".join(words)


def _kind(cell: Cell | DayCell) -> str:
    if isinstance(cell, DayCell):
        return "fortnights"
    return "what has no limit" if cell.limit is None else "limits"


def write_section(path: Path, title: str, explained: str, kept: Mapping[str, Any]) -> None:
    """Put the section into the page, in the place of an older one or at the end."""
    page = path.read_text(encoding="utf-8")
    mine = section(title, explained, kept)
    pattern = re.compile(rf"## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    new = (
        pattern.sub(lambda _: mine, page) if pattern.search(page) else f"{page.rstrip()}\n\n{mine}"
    )
    path.write_text(new, encoding="utf-8")


def _share(part: float, whole: float) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"


def _pairs(cell: Cell, counts: Mapping[str, Any]) -> Figure:
    runs = int(counts["runs"])
    if cell.limit is None:
        return _null(cell, counts, runs)
    found = int(counts.get("found", 0))
    low, high = wilson(found, runs)
    said = [f"found {_share(found, runs)} ({100 * low:.1f} to {100 * high:.1f})"]
    said.append(f"Wehe's rule {_share(counts.get('wehe', 0), runs)}")
    grades = [f"{g} {counts.get(f'grade-{g}', 0)}" for g in ("slow", "throttled", "extreme")]
    said.append(f"called {', '.join(grades)}")
    shapes = [
        f"{s} {counts[f'shape-{s}']}"
        for s in ("policed", "shaped", "frozen", "unknown")
        if counts.get(f"shape-{s}")
    ]
    said.append(", ".join(shapes))
    least = _FREEZE if cell.limit.frozen else _AIMS.get(cell.id.rsplit("-", 1)[-1])
    aimed = least if cell.id.startswith(("sni", "all", "freeze")) else None
    return Figure(
        what=f"{cell.says} ({runs})",
        value="; ".join(said),
        aim=f">= {100 * aimed:.0f} %" if aimed else "",
        met=found >= aimed * runs if aimed else None,
    )


def _level(cell: Cell, counts: Mapping[str, Any]) -> Figure:
    near, levels = int(counts["near"]), int(counts["levels"])
    value = _share(near, levels)
    if "held" in counts:
        value += f"; its interval holds the limit in {_share(counts['held'], levels)}"
        value += f"; by losses in {_share(counts['told'], levels)}"
    return Figure(
        what=f"level within 15 % of the limit: {cell.says} ({levels} found)",
        value=value,
        aim=f">= {100 * _LEVEL:.0f} %",
        met=near >= _LEVEL * levels,
    )


def _null(cell: Cell, counts: Mapping[str, Any], runs: int) -> Figure:
    wrong = int(counts["any"])
    _, high = wilson(wrong, runs)
    promised = cell.id in _PROMISED_NULLS
    return Figure(
        what=f"none: {cell.says} ({runs})",
        value=(
            f"wrong {_share(wrong, runs)} (at most {100 * high:.1f} %); of the service "
            f"{counts['pair']}, of the line {counts['line']}; Wehe's rule "
            f"{_share(counts['wehe'], runs)}"
        ),
        aim=f"<= {100 * _WRONG:.0f} %" if promised else "",
        met=wrong <= _WRONG * runs if promised else None,
    )


def _fortnights(cell: DayCell, counts: Mapping[str, Any]) -> Figure:
    runs = int(counts["runs"])
    if cell.limit is None:
        value = (
            f"a window in {counts['window']}, a period in {counts['period']} "
            f"({counts['events']} events)"
        )
        return Figure(what=f"fortnights without: {cell.says} ({runs})", value=value)
    edges = [float(edge) for edge in counts["edges"]]
    near = sum(edge <= _EDGE_MIN for edge in edges)
    value = f"a window in {counts['window']}"
    if edges:
        value += (
            f"; the worse edge off by {edges[len(edges) // 2]:.0f} min in the median, "
            f"{edges[int(0.95 * (len(edges) - 1))]:.0f} at 95 %; within 10 min in {near}; "
            f"both intervals hold the truth in {counts['covered']}"
        )
    if counts.get("period"):
        value += f"; plain periods in {counts['period']}"
    aimed = cell.a_day >= 48
    return Figure(
        what=f"fortnights, 16:00 to 23:59: {cell.says} ({runs})",
        value=value,
        aim=f"edges within {_EDGE_MIN:.0f} min" if aimed else "",
        met=near >= _LEVEL * runs if aimed else None,
    )
