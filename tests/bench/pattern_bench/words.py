"""How figures are written, and whether they meet their aims."""

from collections.abc import Sequence
from typing import Any

__all__ = ["FIGURES", "aims_of", "interval", "number", "per_cent", "share", "table", "verdict"]

Cell = dict[str, Any]
FIGURES = {
    "recall": ("recall", "%"),
    "recall_low": ("recall, lower end of its interval", "%"),
    "start_median": ("start error, median", "min"),
    "start_p90": ("start error, 90th percentile", "min"),
    "start_covered": ("start intervals that hold the truth", "%"),
    "end_covered": ("end intervals that hold the truth", "%"),
    "false_a_year": ("false windows or alarms a vantage-year", ""),
    "delay_median": ("delay, median", "min"),
    "beyond": ("said to be more than this line's", ""),
}
_SPREAD = 0.02


def number(figure: str, value: float) -> str:
    """Return a figure with its unit."""
    unit = FIGURES[figure][1]
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value:.1f} min" if unit else f"{value:.3g}"


def per_cent(value: float | None) -> str:
    """Return a share in per cent, "-" for none."""
    return "-" if value is None else f"{100 * value:.1f} %"


def share(cell: Cell, figure: str) -> str:
    """Return a share of a cell as .97, "-" where it has none."""
    return "-" if figure not in cell else f"{cell[figure]:.3f}".removeprefix("0")


def interval(low: float, high: float) -> str:
    """Return an interval of shares."""
    return f"{low:.3f}-{high:.3f}".replace("0.", ".")


def aims_of(cell: Cell) -> list[tuple[str, list[Any]]]:
    """Return the figures of a cell that have an aim."""
    return [(figure, aim) for figure, aim in cell["aims"].items() if figure in FIGURES]


def verdict(value: float, aim: list[Any]) -> bool:
    """Return whether a figure meets its aim."""
    kind, bound = aim
    if kind == "within":
        return bool(abs(value - bound) <= _SPREAD + 1e-9)
    return bool(value >= bound if kind == "least" else value <= bound)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
