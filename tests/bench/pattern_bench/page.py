"""The page docs/benchmarks-patterns.md and its pictures, made of one file of results."""

import json
from pathlib import Path
from typing import Any

from pattern_bench import plots
from pattern_bench.page_real import real_part, speed_part
from pattern_bench.words import FIGURES, aims_of, interval, number, per_cent, share, table, verdict

__all__ = ["load", "save", "text", "with_cells", "with_part", "write"]

Results = dict[str, Any]
NAME = "benchmarks-patterns"
FULL = 400
_NOTE = "<!-- Written by tests/bench/bench_patterns.py (make bench-patterns). Do not edit. -->"
_OTHERS = {
    "cusum": "two-sided CUSUM, hourly medians",
    "thresholds": "below half of the 7-day median, hourly",
    "pelt": "PELT (ruptures), penalty 3 s² ln n",
}
INTRODUCTION = """# Benchmark of windows and outages

`make bench-patterns` draws worlds whose truth is known, tries the detector and three other methods on
the same looks, judges public data where `PROBE_TEST_DATA` names them, and writes this page. Every figure
that misses its aim is marked **missed**; none is left out. Each run is seeded by the name of its cell and
its number. The generator (`tests/bench/pattern_bench`: `clockwork`, `families`, `worlds`, `cells`,
`nulls`, `singles`) uses nothing of the detector, and the detector never sees it.

Every cell has the four kinds of noise in turn, so that the detector cannot be fitted to one:

{families}

A curfew has 5-21 days, of which 15 % are skipped at random, and 2-10 hours, mostly from a full or half hour on; lines are
watched for 60 days. Found means: a claimed window that shares half of the united hours, on the ordered days. Where the edges of
a family come late by nature, the truth is the median edge. Intervals of proportions are Wilson's, of rates Garwood's (95 %). What
was tuned: how wide edge intervals are (on other seeds), and the rules on days, controls and changes between looks (after pilots of 60-240 runs of these
cells, so that these figures are a little too good for them). The curfews of few days that 15 % of skipping leaves with fewer than three
carried out cannot be found by anything that asks for three days; they count as misses.
"""


def load(path: Path) -> Results:
    """Return the results kept; none yet is an empty mapping."""
    if not path.is_file():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def save(results: Results, path: Path) -> None:
    """Write the results so that a changed figure is a changed line."""
    path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def with_cells(results: Results, cells: Results) -> Results:
    """Return the results with these cells in place of older ones."""
    return results | {"cells": results.get("cells", {}) | cells}


def with_part(results: Results, name: str, part: Any) -> Results:
    """Return the results with one part in place of the older one."""
    return results | {name: part}


def write(results: Results, folder: Path) -> None:
    """Write the page and the pictures into ``folder``."""
    plots.draw(dict(sorted(results.get("cells", {}).items())), folder / NAME)
    (folder / f"{NAME}.md").write_text(text(results), encoding="utf-8")


def text(results: Results) -> str:
    """Return the page."""
    cells = dict(sorted(results.get("cells", {}).items()))
    parts = [
        _NOTE,
        INTRODUCTION.format(families="\n".join(f"- **{n}**: {a}." for n, a in _families())),
        _summary(cells),
        _recall(cells),
        _by_family(cells),
        _nulls(cells),
        _own(cells),
        _others(cells),
        _singles(cells),
        real_part(results.get("real", {})),
        speed_part(results.get("speed", {})),
        _rest(),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _families() -> list[tuple[str, str]]:
    from pattern_bench.families import FAMILIES

    return [(family.name, family.about) for family in FAMILIES]


def _picture(name: str, about: str) -> str:
    return f"![{about}]({NAME}/{name}.svg)\n"


def _summary(cells: Results) -> str:
    """Return all aims in one table, the misses first."""
    rows = []
    for name, cell in cells.items():
        for figure, aim in aims_of(cell):
            value = cell.get(figure)
            if value is None:
                continue
            met = verdict(value, aim)
            rows.append((met, name, FIGURES[figure][0], number(figure, value), _aim(figure, aim)))
    missed = [row for row in rows if not row[0]]
    head = "## What is met and what is missed\n\n"
    head += f"{len(rows) - len(missed)} of {len(rows)} aims are met. {_runs(cells)}\n\n"
    if not missed:
        return head
    misses = table(
        ("cell", "figure", "measured", "aim"),
        [(name, figure, f"{value} **missed**", aim) for _, name, figure, value, aim in missed],
    )
    return f"{head}The misses:\n\n{misses}\n"


def _runs(cells: Results) -> str:
    """Say how many runs the cells have: few runs cannot show a small rate."""
    full = [name for name, cell in cells.items() if cell["runs"] >= FULL]
    rest = [f"{name} {cell['runs']}" for name, cell in cells.items() if cell["runs"] < FULL]
    text = f"{len(full)} cells have {FULL} runs or more."
    if rest:
        text += (
            f" **These have fewer, for want of time, and their intervals say what that leaves open**: "
            f"{', '.join(rest)}. `make bench-patterns` makes them {FULL} each."
        )
    return text


def _aim(figure: str, aim: list[Any]) -> str:
    how = {"least": "at least", "most": "at most", "within": "within 2 points of"}[aim[0]]
    return f"{how} {number(figure, aim[1])}"


def _of(cells: Results, *scores: str) -> list[tuple[str, Results]]:
    return [(name, cell) for name, cell in cells.items() if cell["score"] in scores]


def _recall(cells: Results) -> str:
    rows = []
    for name, cell in _of(cells, "windows", "joint", "degraded"):
        rows.append(
            (
                name,
                cell["about"],
                f"{cell['hits']}/{cell['orders']}",
                f"{share(cell, 'recall')} ({interval(cell['recall_low'], cell['recall_high'])})",
                _edge(cell, "start"),
                _edge(cell, "end"),
                per_cent(cell.get("start_covered")),
                per_cent(cell.get("end_covered")),
                f"{cell['false']} in {cell['years']:.0f} y",
            )
        )
    head = (
        "cell",
        "what",
        "found",
        "recall (95 %)",
        "start error, median (p90), min",
        "end error",
        "start held",
        "end held",
        "false windows",
    )
    three = cells.get("short-3", {})
    beside = (
        f"\nOf the curfews of 3-5 days, one of the three lines by itself found {per_cent(three.get('any_line'))}; "
        "the joint event is one test where those are three.\n"
        if three
        else ""
    )
    leaky = cells.get("S7", {})
    if leaky:
        beside += (
            f"\nS7 counts degraded hours; in {leaky.get('solid', 0)} of {leaky['runs']} runs a solid window was "
            "claimed instead, which is wrong of a leak.\n"
        )
    beside += (
        "\nS9 is the recurrence of rounds that were flagged as throttled; flagging them from goodput is measured "
        "[by itself](benchmarks.md#slowed-rather-than-cut).\n"
    )
    return (
        "## Curfews: found, and how exactly\n\n"
        + _picture("recall", "Recall of each cell with its 95 % interval")
        + "\n"
        + table(head, rows)
        + beside
        + "\n"
        + _picture("edges", "Quantiles of the start error")
    )


def _edge(cell: Results, name: str) -> str:
    if f"{name}_median" not in cell:
        return "-"
    return f"{cell[f'{name}_median']:.1f} ({cell[f'{name}_p90']:.0f})"


def _by_family(cells: Results) -> str:
    names = [name for name, _ in _families()]
    rows = [
        (cell_name, *(share(cell["families"][name], "recall") for name in names))
        for cell_name, cell in _of(cells, "windows", "joint", "degraded")
    ]
    return "### Recall by kind of noise\n\n" + table(("cell", *names), rows)


def _nulls(cells: Results) -> str:
    rows = []
    for name, cell in _of(cells, "null"):
        low, high = cell["false_interval"]
        also = [
            f"{cell[key]} {word}"
            for key, word in (
                ("of_line", "weekly windows said to be the line's, everything failed"),
                ("degraded", "stretches of degraded hours"),
                ("joint", "joint events"),
            )
            if cell.get(key)
        ]
        met = verdict(cell["false_a_year"], cell["aims"]["false_a_year"])
        rows.append(
            (
                name,
                cell["about"],
                f"{cell['false']} in {cell['years']:.0f} y",
                f"{cell['false_a_year']:.3f} ({low:.3f}-{high:.3f})",
                _shown(met=met, high=high, most=cell["aims"]["false_a_year"][1]),
                "; ".join(also),
            )
        )
    head = (
        "cell",
        "what",
        "false windows",
        "a vantage-year (95 %)",
        "at most 0.05",
        "said otherwise",
    )
    return (
        "## Where nobody ordered anything\n\n"
        + _picture("false", "False windows a year in each null")
        + "\n"
        + table(head, rows)
        + "\nPartial blocking that follows load is a filter of that service by hours: `degraded hours` with their share "
        "is the right answer there, a window is not. With so many years, no false window at all still allows the rate "
        "that the interval ends with.\n"
    )


def _shown(*, met: bool, high: float, most: float) -> str:
    """Return whether a rate meets its aim, and whether its whole interval does."""
    if not met:
        return "**missed**"
    return "met" if high <= most else "met, the interval is wider"


def _own(cells: Results) -> str:
    rows = [
        (name, cell["about"], f"{cell['hits']} of {cell['orders']}", str(cell["beyond"]))
        for name, cell in _of(cells, "own")
    ]
    return (
        "## Clockwork of one line\n\nTheir controls stay good: no statistic of one line tells them from an order. They may be seen, "
        "and must never be said to be more than this line's: no scope beyond it, no score, no word of a curfew. A neighbour in another "
        "AS looked and saw nothing.\n\n"
        + table(("cell", "what", "a window of this line", "said to be more"), rows)
    )


def _others(cells: Results) -> str:
    rows = []
    for name, cell in cells.items():
        if "others" not in cell:
            continue
        rows.append((name, "**ours**", *_beside(cell), "-", str(cell["runs"])))
        rows += [
            (
                name,
                _OTHERS[other],
                *_beside(each),
                f"{each['alerts_a_year']:.0f}",
                str(cell["other_runs"]),
            )
            for other, each in cell["others"].items()
        ]
    head = (
        "cell",
        "method",
        "recall",
        "start error, median (p90)",
        "false windows a year",
        "raw alerts a year",
        "runs",
    )
    return (
        "## Beside other methods, on the same looks\n\nNone of them looks for windows. So that they can be compared, what they find is made a window "
        "where it comes back on three days within 28 (overlap 0.6), without a test. CUSUM: mean 0 against 0.7, found after 10 h.\n\n"
        + _picture("methods", "Recall and false windows of each method")
        + "\n"
        + table(head, rows)
    )


def _beside(cell: Results) -> tuple[str, str, str]:
    recall = share(cell, "recall") if "recall" in cell else "-"
    return recall, _edge(cell, "start"), f"{cell['false_a_year']:.2f}"


def _singles(cells: Results) -> str:
    rows = []
    for name, cell in _of(cells, "outages", "live", "method"):
        delay = (
            f"{cell['delay_median']:.0f} ({cell['delay_p90']:.0f})"
            if "delay_median" in cell
            else "-"
        )
        low = cell["families"]["independent"]["false_a_year"]
        rows.append(
            (
                name,
                cell["about"],
                share(cell, "recall") if "recall" in cell else "-",
                _edge(cell, "start"),
                delay,
                f"{cell['false_a_year']:.2f}",
                f"{low:.2f}",
                str(cell.get("false_suspected", "-")),
            )
        )
    head = (
        "cell",
        "what",
        "recall",
        "start error, median (p90), min",
        "delay, median (p90), min",
        "false a year",
        "of them with independent errors",
        "suspected ones that are false",
    )
    return (
        "## Single outages and the live alarm\n\n"
        + table(head, rows)
        + "\nThe bound on false live alarms holds for errors that come one by one. In the bursty family six of ten looks fail for half an hour at a "
        "time, twice a day: nobody ordered that, and it is counted as false, though it is trouble.\n"
    )


def _rest() -> str:
    return (
        "## What this does not show\n\nSimulated noise is simpler than a country's. Nobody has measured how often routers, quotas and bundles look "
        "like orders on real lines. The labels of real outages are people's, and the looks over them are drawn here at 30 minutes.\n"
    )
