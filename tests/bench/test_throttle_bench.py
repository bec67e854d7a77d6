"""The benchmark of throttling: blind to the detector, seeded, and its limits are limits."""

import ast
import json
from pathlib import Path

import bench_throttle
import numpy as np
import pytest
from throttle_bench import page
from throttle_bench.cells import BASE, CELLS, played
from throttle_bench.days import DAY_CELLS
from throttle_bench.seen import pairs_of
from throttle_bench.tcp import BBR, CUBIC, RENO, Paths, Transfers, downloads

HERE = Path(page.__file__).parent
GENERATOR = ("tcp", "lines", "cells", "days")
MANY = 60
LAST_STEP = 16_384  # bytes of a step that began before the deadline


@pytest.mark.parametrize("name", GENERATOR)
def test_the_simulator_uses_nothing_of_the_detector(name: str) -> None:
    """Of the program its modules know at most the values that a round is made of, by ``seen``."""
    tree = ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert not [one for one in names if one.split(".")[0] == "probe"]


def test_the_detector_knows_nothing_of_the_simulator() -> None:
    """No module of the program names it."""
    source = HERE.parents[2] / "src" / "probe"
    assert not [p for p in source.rglob("*.py") if "throttle_bench" in p.read_text("utf-8")]


def transfers(control: int, **more: float) -> Transfers:
    values = {
        "size": 512e3,
        "capacity": 2.5e6,
        "rtt": 0.05,
        "queued": 0.002,
        "buffer": 1e5,
        "loss": 0.0,
        "radio": 0.0,
        "control": float(control),
        "policed": np.inf,
        "police_bucket": 32e3,
        "shaped": np.inf,
        "shape_bucket": 32e3,
        "frozen": np.inf,
    } | more
    paths = Paths(**{name: np.full(MANY, value) for name, value in values.items()})
    return downloads(paths, np.random.default_rng(1))


def means(came: Transfers) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(came.received / came.time_s, dtype=np.float64)


@pytest.mark.parametrize("control", [RENO, CUBIC, BBR])
@pytest.mark.parametrize("rate", [20e3, 100e3])
def test_nothing_gets_more_than_its_bucket_and_rate(control: int, rate: float) -> None:
    """In packets: what came is at most the bucket and the rate by the time; a shaper gives all."""
    for way in ("policed", "shaped"):
        came = transfers(control, **{way: rate})
        held = (32e3 + rate * came.time_s) * 1448 / 1500
        assert (came.received <= held + LAST_STEP).all()
        least = 0.6 if way == "policed" else 0.9
        assert (came.received >= least * (held - 32e3)).all()


@pytest.mark.parametrize("control", [RENO, CUBIC, BBR])
def test_loss_queues_and_distance_slow_a_transfer(control: int) -> None:
    """Each by itself, with every way to control congestion."""
    usual = np.median(means(transfers(control)))
    for more in ({"loss": 0.02}, {"queued": 0.1}, {"rtt": 0.15}, {"capacity": 3e5}):
        assert np.median(means(transfers(control, **more))) < 0.9 * usual


def test_a_freeze_is_a_silence_and_a_slow_transfer_meets_its_deadline() -> None:
    """One stalls after its bytes, the other is cut off after twenty seconds."""
    froze = transfers(CUBIC, frozen=18_000.0)
    assert froze.stalled.all()
    assert (froze.received == 18_000).all()
    slow = transfers(CUBIC, policed=17.5e3)
    assert slow.late.all()
    assert (slow.time_s == 20).all()


@pytest.mark.parametrize("name", ["shared-50", "sni-policed-4", "all-shaped-10"])
def test_a_cell_is_drawn_from_its_seed_alone(name: str) -> None:
    """The same seed gives the same transfers, another one others."""
    cell = next(cell for cell in CELLS if cell.id == name)
    one, again, other = (
        played(cell, 2, np.random.default_rng(seed)).rounds.came.time_s for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_limit_holds_in_the_last_ten_rounds_and_on_whom_it_is_for() -> None:
    """Of one name the controls are as ever; of everything they are slowed too."""
    for name, general in (("sni-shaped-10", False), ("all-shaped-10", True)):
        cell = next(cell for cell in CELLS if cell.id == name)
        pairs = list(pairs_of(played(cell, 6, np.random.default_rng(3)).rounds))

        def rate(part: slice, place: int, rows: list = pairs) -> float:  # type: ignore[type-arg]
            speeds = [(pair.target, *pair.controls)[place] for row in rows for pair in row[part]]
            return float(np.median([speed.rate or 0.0 for speed in speeds]))

        before, after = slice(0, BASE), slice(BASE, None)
        assert rate(after, 0) < 0.35 * rate(before, 0)
        assert (rate(after, 1) < 0.5 * rate(before, 1)) is general


def test_cells_have_names_of_their_own_and_all_sizes_are_there() -> None:
    """2, 4, 10 times and 140 kbit/s, of one name and of all, policed and shaped, and the nulls."""
    names = [*(cell.id for cell in CELLS), *(cell.id for cell in DAY_CELLS)]
    assert len(set(names)) == len(names)
    wanted = {f"{w}-{h}-{s}" for w in ("sni", "all") for h in ("policed", "shaped")
              for s in ("2", "4", "10", "140k")}  # fmt: skip
    assert wanted | {"shared-25", "shared-50", "radio", "freeze"} <= {*names}


def test_a_miss_is_written_as_a_miss(tmp_path: Path) -> None:
    """And the section takes the place of the one before it, no other."""
    kept = {
        "day": "2026-01-01",
        "machine": "m",
        "cells": {
            "quiet": {"runs": 100, "any": 2, "pair": 2, "line": 0, "wehe": 30},
            "sni-policed-4": {"runs": 100, "found": 96, "levels": 96, "near": 50, "wehe": 90},
            "daily-4": {"runs": 10, "window": 10, "edges": [1.0] * 9 + [11.0], "covered": 9},
        },
    }
    rows = page.rows(kept).splitlines()
    assert ["**missed**" in row for row in rows] == [True, False, True, True]
    written = tmp_path / "benchmarks.md"
    written.write_text("# Benchmarks\n\n## Slowed\n\nSTALE\n\n## Other\n\nkept\n", "utf-8")
    page.write_section(written, "Slowed", "How.", kept)
    text = written.read_text("utf-8")
    assert "STALE" not in text
    assert text.endswith("\n## Other\n\nkept\n")
    assert text.count("## Slowed") == 1
    page.write_section(written, "New", "How.", kept)
    assert written.read_text("utf-8").count("## ") == 3


def test_the_section_is_that_of_the_results() -> None:
    """Nobody edits a figure by hand."""
    kept = json.loads(bench_throttle.RESULTS.read_text(encoding="utf-8"))
    text = page.section(bench_throttle.TITLE, str(bench_throttle.__doc__).strip(), kept)
    assert text in (bench_throttle.DOCS / "benchmarks.md").read_text(encoding="utf-8")
