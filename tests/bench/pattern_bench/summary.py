"""Rows made figures: proportions with Wilson's interval, rates with Garwood's, quantiles."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pattern_bench.cells import Cell
from pattern_bench.families import FAMILIES

__all__ = ["rate", "summary", "wilson"]

_Z = 1.959964
_COUNTED = ("of_line", "degraded", "joint", "solid", "beyond", "false_lines", "false_suspected")
Row = dict[str, Any]


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson, J. Am. Statist. Assoc. 22, 1927)."""
    if not total:
        return 0.0, 1.0
    share, weight = hits / total, _Z**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(count: int, years: float) -> tuple[float, float]:
    """Return the 95 % interval of a yearly rate (Garwood, Biometrika 28, 1936)."""
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low / years, float(chi2.ppf(0.975, 2 * count + 2)) / 2 / years


def summary(cell: Cell, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures of one cell."""
    years = sum(row["years"] for row in rows)
    found = _figures(rows, years)
    found |= {
        "suite": cell.suite,
        "about": cell.about,
        "score": cell.score,
        "aims": {name: list(aim) for name, aim in sorted(cell.aims.items())},
        "runs": len(rows),
        "years": round(years, 2),
    }
    for name in _COUNTED:
        if any(name in row for row in rows):
            found[name] = sum(row.get(name, 0) for row in rows)
    if any("any_line" in row for row in rows):
        lines = [hit for row in rows for hit in row["any_line"]]
        found["any_line"] = round(sum(lines) / len(lines), 4)
    found["families"] = {
        family.name: _family([row for row in rows if row["run"] % len(FAMILIES) == place])
        for place, family in enumerate(FAMILIES)
    }
    if cell.baselines:
        beside = [row for row in rows if "others" in row]
        found["other_runs"] = len(beside)
        found["others"] = {name: _other(name, beside) for name in beside[0]["others"]}
    return found


def _other(name: str, rows: Sequence[Row]) -> Row:
    years = sum(row["years"] for row in rows)
    alerts = sum(row["others"][name]["alerts"] for row in rows)
    figures = _figures([row["others"][name] for row in rows], years)
    return figures | {"alerts_a_year": round(alerts / years, 1)}


def _family(rows: Sequence[Row]) -> Row:
    years = sum(row["years"] for row in rows) or 1.0
    return {
        name: value
        for name, value in _figures(rows, years).items()
        if name in ("recall", "false_a_year", "start_median", "delay_median")
    }


def _figures(rows: Sequence[Row], years: float) -> Row:
    hits = [hit for row in rows for hit in row.get("hits", [])]
    false = sum(row["false"] for row in rows)
    found: Row = {
        "false": false,
        "false_a_year": round(false / years, 4),
        "false_interval": [round(one, 4) for one in rate(false, years)],
    }
    if hits:
        low, high = wilson(sum(hits), len(hits))
        found |= {
            "hits": sum(hits),
            "orders": len(hits),
            "recall": round(sum(hits) / len(hits), 4),
            "recall_low": round(low, 4),
            "recall_high": round(high, 4),
        }
    three = [h for row in rows if row.get("days", 0) >= 3 for h in row.get("hits", [])]
    if three and len(three) < len(hits):
        found["recall_three_days"] = round(sum(three) / len(three), 4)
    for name in ("start", "end", "snapped"):
        found |= _errors(name, [e for row in rows for e in row.get(f"{name}_error", [])])
        held = [c for row in rows for c in row.get(f"{name}_covered", [])]
        if held:
            low, high = wilson(sum(held), len(held))
            width = [w for row in rows for w in row.get(f"{name}_width", [])]
            found |= {
                f"{name}_covered": round(sum(held) / len(held), 4),
                f"{name}_covered_interval": [round(low, 4), round(high, 4)],
                f"{name}_width": round(float(np.median(width)), 1),
            }
    delay = [d for row in rows for d in row.get("delay", [])]
    if delay:
        found["delay_median"] = round(float(np.median(delay)), 1)
        found["delay_p90"] = round(float(np.quantile(delay, 0.9)), 1)
    for name in ("first", "last"):
        away = [d for row in rows for d in row.get(name, [])]
        if away:
            found[f"{name}_day_exact"] = round(float(np.mean(np.array(away) == 0)), 4)
    return found


def _errors(name: str, errors: Sequence[float]) -> Row:
    if not errors:
        return {}
    away = np.abs(np.array(errors))
    found: Row = {
        f"{name}_median": round(float(np.median(away)), 2),
        f"{name}_p90": round(float(np.quantile(away, 0.9)), 2),
    }
    if name == "start":
        found["start_quantiles"] = [round(float(np.quantile(away, q / 20)), 2) for q in range(21)]
    return found
