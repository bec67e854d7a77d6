"""Pictures of the figures, as SVG whose bytes depend on the figures alone."""

from pathlib import Path
from typing import Any

__all__ = ["draw"]

Cells = dict[str, Any]
_INK, _OURS, _THEIRS = "#333333", "#0b6e99", ("#b08900", "#a0522d", "#7a7a7a")
_AIM_RECALL, _AIM_FALSE = 0.97, 0.05


def draw(cells: Cells, folder: Path) -> None:
    """Draw recall, edges, false windows and methods into ``folder``; nothing without cells."""
    if not cells:
        return
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.hashsalt": "patterns", "svg.fonttype": "none", "font.size": 9, "axes.edgecolor": _INK}
    )
    folder.mkdir(parents=True, exist_ok=True)
    _recall(cells, folder / "recall.svg")
    _false(cells, folder / "false.svg")
    _edges(cells, folder / "edges.svg")
    _methods(cells, folder / "methods.svg")


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _saved(figure: Any, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")


def _recall(cells: Cells, path: Path) -> None:
    rows = [(n, c) for n, c in cells.items() if c["score"] in ("windows", "joint", "degraded")]
    figure, axes = _figure(7, 0.28 * len(rows) + 0.8)
    for place, (_, cell) in enumerate(reversed(rows)):
        axes.plot([cell["recall_low"], cell["recall_high"]], [place, place], color=_OURS, lw=2)
        axes.plot(cell["recall"], place, "o", color=_OURS)
    axes.axvline(_AIM_RECALL, color=_THEIRS[1], ls="--", lw=1)
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    axes.set_xlabel("recall, 95 % interval; dashed: the aim of .97")
    axes.set_xlim(0.4, 1.005)
    _saved(figure, path)


def _false(cells: Cells, path: Path) -> None:
    rows = [(n, c) for n, c in cells.items() if c["score"] == "null"]
    if not rows:
        return
    figure, axes = _figure(7, 0.28 * len(rows) + 0.8)
    for place, (_, cell) in enumerate(reversed(rows)):
        low, high = cell["false_interval"]
        axes.plot([low, high], [place, place], color=_OURS, lw=2)
        axes.plot(cell["false_a_year"], place, "o", color=_OURS)
    axes.axvline(_AIM_FALSE, color=_THEIRS[1], ls="--", lw=1)
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    axes.set_xlabel("false windows a vantage-year, 95 % interval; dashed: the aim of .05")
    _saved(figure, path)


def _edges(cells: Cells, path: Path) -> None:
    figure, axes = _figure(7, 3.2)
    colours = (_OURS, *_THEIRS)
    names = [name for name in ("S1-15", "S1-30", "S1-60", "S2-sparse") if name in cells]
    for name, colour in zip(names, colours, strict=False):
        quantiles = cells[name]["start_quantiles"]
        axes.plot(quantiles, [q / 20 for q in range(21)], color=colour, label=name)
    axes.set_xlim(0, 40)
    axes.set_xlabel("start error, minutes")
    axes.set_ylabel("share of windows below it")
    axes.legend(frameon=False)
    _saved(figure, path)


def _methods(cells: Cells, path: Path) -> None:
    pairs = [(f"S1-{m}", f"null-{null}-{m}") for m in (15, 30) for null in ("quiet", "clustered")]
    pairs = [pair for pair in pairs if pair[0] in cells and pair[1] in cells]
    if not pairs:
        return
    figure, axes = _figure(7, 3.4)
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    marks = ("o", "s", "^", "D")
    for (found, null), mark in zip(pairs, marks, strict=False):
        points = {"ours": (cells[null], cells[found])} | {
            name: (cells[null]["others"][name], cells[found]["others"][name])
            for name in cells[found].get("others", {})
        }
        for (name, (none, some)), colour in zip(points.items(), (_OURS, *_THEIRS), strict=False):
            axes.plot(none["false_a_year"], some["recall"], mark, color=colour, label=name)
    seen: dict[str, Any] = {}
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        seen.setdefault(label, handle)
    axes.legend(seen.values(), seen.keys(), frameon=False)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlabel("false windows a vantage-year (quiet and clustered outages, 15 and 30 min)")
    axes.set_ylabel("recall of clean curfews")
    _saved(figure, path)
