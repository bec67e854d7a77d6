"""The benchmark itself: seeded, blind to the detector, and its figures are what they say."""

import ast
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pattern_bench import baselines, clockwork, page, runs
from pattern_bench.cells import world_of
from pattern_bench.claims import Claim, matches, overlap
from pattern_bench.families import FAMILIES
from pattern_bench.ours import series_of
from pattern_bench.scoring import row_of
from pattern_bench.summary import rate, summary, wilson
from pattern_bench.words import verdict
from pattern_bench.worlds import Looks

BENCH = Path(runs.__file__).parent
FIRST, LAST = date(2022, 10, 29), date(2022, 10, 31)
GENERATOR = ("clockwork", "families", "worlds", "cells", "nulls", "singles")
BY_ID = {cell.id: cell for cell in runs.CELLS}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {
        n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module is not None
    }


@pytest.mark.parametrize("name", GENERATOR)
def test_the_generator_uses_nothing_of_the_detector(name: str) -> None:
    """Its modules import numpy, the standard library and each other, nothing of the program."""
    mine = {one.split(".")[1] for one in imported(BENCH / f"{name}.py") if "pattern_bench." in one}
    assert not {one for one in imported(BENCH / f"{name}.py") if one.split(".")[0] == "probe"}
    assert mine <= set(GENERATOR)


def test_the_detector_knows_nothing_of_the_generator() -> None:
    """No module of the program names the benchmark."""
    source = BENCH.parents[2] / "src" / "probe"
    assert not [p for p in source.rglob("*.py") if "pattern_bench" in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", ["S1-30", "S5-friday", "null-load-30", "own-commuter", "once-30"])
def test_a_run_is_drawn_from_its_number_alone(name: str) -> None:
    """The same run twice gives the same looks; the next one others."""
    one, again, other = (world_of(BY_ID[name], n).lines[0] for n in (3, 3, 4))
    assert np.array_equal(one.time_s, again.time_s)
    assert np.array_equal(one.value, again.value)
    assert not np.array_equal(one.time_s, other.time_s)


def test_all_suites_are_there_and_each_null_of_the_method() -> None:
    """S1 to S12 (S11 among the single outages), four families, unique names."""
    suites = {cell.suite for cell in runs.CELLS}
    assert {f"S{n}" for n in range(1, 13)} <= suites
    assert len(BY_ID) == len(runs.CELLS)
    assert len(FAMILIES) >= 3
    words = " ".join(BY_ID)
    for null in (
        "congestion",
        "reboot",
        "sunday",
        "laptop",
        "resolver",
        "cdn",
        "load",
        "retired",
        "moved",
        "router",
        "office",
        "vpn",
        "commuter",
        "quota",
        "bundle",
    ):
        assert null in words


def test_local_minutes_follow_the_clocks() -> None:
    """A quarter of an hour off UTC, and across the end of summer time."""
    kathmandu = np.array([clockwork.at_local(FIRST, 1440 - 15, "Asia/Kathmandu")])
    assert clockwork.local_minutes(kathmandu, "Asia/Kathmandu")[0] == 1425
    kyiv = np.array([clockwork.at_local(day, 960, "Europe/Kyiv") for day in (FIRST, LAST)])
    assert clockwork.local_minutes(kyiv, "Europe/Kyiv").tolist() == [960, 960]
    assert np.diff(kyiv)[0] % 86_400 == 3600


def test_overlap_goes_round_the_clock() -> None:
    """Windows over midnight meet those written on the next day."""
    assert overlap((1320, 1800), (1320 - 1440, 360)) == pytest.approx(1.0)
    assert overlap((0, 60), (60, 120)) == 0.0
    assert overlap((1380, 1500), (0, 60)) == pytest.approx(0.5)


def test_a_claim_of_other_days_is_no_hit() -> None:
    """The same hours a month later are another thing."""
    order = world_of(BY_ID["S1-30"], 0).truth.orders[0]
    there = Claim(order.start, order.end, min(order.dates), max(order.dates))
    later = date(2030, 1, 1)
    assert matches(there, order)
    assert not matches(Claim(order.start, order.end, later, later), order)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (8, 10, 0.4902, 0.9433)]
)
def test_wilson_against_known_values(hits: int, total: int, low: float, high: float) -> None:
    """The interval of the paper, to four digits."""
    assert wilson(hits, total) == pytest.approx((low, high), abs=1e-4)


def test_no_event_in_ten_years_still_allows_some() -> None:
    """Garwood: 3.69 events are the upper end of none."""
    pytest.importorskip("scipy")
    assert rate(0, 10.0) == pytest.approx((0.0, 0.3689), abs=1e-3)


def a_day_cut(hours: range) -> Looks:
    time_s = np.arange(0, 20 * 86_400, 900.0)
    hour = time_s % 86_400 // 3600
    value = np.isin(hour, list(hours)).astype(np.float64)
    return Looks(time_s=time_s, value=value, control=np.full(time_s.size, np.nan))


def test_the_other_methods_do_what_they_are_known_for() -> None:
    """Change points miss a cut of four hours; thresholds see it, and it becomes a window."""
    looks = a_day_cut(range(16, 20))
    assert baselines.cusum(looks).size == 0
    (claim,) = baselines.windows(baselines.thresholds(looks), "UTC")
    assert (claim.start, claim.end) == (960, 1200)
    assert baselines.cusum(a_day_cut(range(8, 20))).shape[0] >= 15


def test_rows_become_figures_and_misses_are_named() -> None:
    """A cell below its aim is on the page as missed; one that meets it is not."""
    pytest.importorskip("scipy")
    cell = BY_ID["S1-30-bare"]
    rows = [
        {
            "run": n,
            "years": 0.16,
            "false": 0,
            "days": 5,
            "hits": [int(n < 8)],
            "start_error": [3.0],
            "start_covered": [1],
            "start_width": [10.0],
            "end_error": [-2.0],
            "end_covered": [1],
            "end_width": [9.0],
        }
        for n in range(10)
    ]
    figures = summary(cell, rows)
    assert figures["recall"] == 0.8
    assert figures["start_median"] == 3.0
    text = page.text({"cells": {cell.id: figures}})
    assert "| S1-30-bare | recall | 80.0 % **missed** | at least 97.0 % |" in text
    assert verdict(0.96, ["within", 0.95])
    assert not verdict(0.98, ["within", 0.95])


def test_one_run_of_a_null_is_a_row() -> None:
    """Drawn, searched and scored, with the time that it stands for."""
    cell = BY_ID["null-quiet-30"]
    row = row_of(replace(cell, baselines=False), world_of(cell, 1))
    assert row["false"] == 0
    assert row["years"] == pytest.approx(60 / 365.25, abs=1e-4)
    assert len(series_of(world_of(cell, 1).lines[0]).samples) > 1000


def test_the_page_is_that_of_the_results() -> None:
    """Nobody edits a figure by hand: the page is made of the file beside it, with its pictures."""
    docs = BENCH.parents[2] / "docs"
    results = page.load(docs / "benchmarks-patterns.json")
    assert (docs / "benchmarks-patterns.md").read_text(encoding="utf-8") == page.text(results)
    for name in ("recall", "false", "edges", "methods"):
        picture = docs / "benchmarks-patterns" / f"{name}.svg"
        assert picture.read_text(encoding="utf-8").startswith("<?xml")
