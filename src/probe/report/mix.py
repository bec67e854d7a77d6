"""What failed on each day, all services of a report together: by layer, and as a share."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from probe.model.timeline import Series
from probe.report.data import DayMix
from probe.report.hours import HourGrid
from probe.report.mechanisms import layer_of

__all__ = ["day_mixes"]


def day_mixes(series: Sequence[Series], grid: HourGrid) -> tuple[DayMix, ...]:
    """Return one entry for each local day of the grid, also for days without a look.

    A look that several series share (one for each locus) counts once for each that it was bad
    in, and once as good.
    """
    layers: dict[str, Counter[str]] = defaultdict(Counter)
    proven: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    controls: dict[str, list[float]] = defaultdict(list)
    for one in series:
        for sample in one.samples:
            position = grid.index(sample.time) if sample.bad is not None else None
            if position is None:
                continue
            day = grid.hours[position].day
            proven[day] += 1
            if sample.control_bad is not None:
                controls[day].append(sample.control_bad)
            if sample.bad:
                failed[day] += 1
                layers[day][layer_of(sample.mechanism)] += 1
    return tuple(
        DayMix(
            date=day,
            layers=tuple(sorted(layers[day].items())),
            failed_share=failed[day] / proven[day] if proven[day] else None,
            control_share=sum(controls[day]) / len(controls[day]) if controls[day] else None,
        )
        for day in grid.days
    )
