"""What failed on each day, all services of a report together: by layer, and as a share."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from probe.analysis.columns import NONE, SeriesLike, columns_of
from probe.report.data import DayMix
from probe.report.hours import HourGrid
from probe.report.mechanisms import layer_of

__all__ = ["day_mixes"]


def day_mixes(series: Sequence[SeriesLike], grid: HourGrid) -> tuple[DayMix, ...]:
    """Return one entry for each local day of the grid, also for days without a look.

    A look that several series share (one for each locus) counts once for each that it was bad
    in, and once as good.
    """
    days = len(grid.days)
    layers: dict[int, Counter[str]] = defaultdict(Counter)
    proven, failed, known = (np.zeros(days, dtype=np.int64) for _ in range(3))
    controls = np.zeros(days)
    for one in map(columns_of, series):
        day = grid.days_of(one.time_us)
        kept = (one.bad != NONE) & (day != NONE)
        day, looked = day[kept], one.where(kept)
        proven += np.bincount(day, minlength=days)
        beside = ~np.isnan(looked.control_bad)
        known += np.bincount(day[beside], minlength=days)
        np.add.at(controls, day[beside], looked.control_bad[beside])  # one by one, as they come
        bad = looked.bad == 1
        failed += np.bincount(day[bad], minlength=days)
        for code, name in ((NONE, None), *enumerate(one.names)):
            counts = np.bincount(day[bad & (looked.mechanism == code)], minlength=days)
            for place in np.flatnonzero(counts).tolist():
                layers[place][layer_of(name)] += int(counts[place])
    return tuple(
        DayMix(
            date=date,
            layers=tuple(sorted(layers[day].items())),
            failed_share=int(failed[day]) / int(proven[day]) if proven[day] else None,
            control_share=float(controls[day]) / int(known[day]) if known[day] else None,
        )
        for day, date in enumerate(grid.days)
    )
