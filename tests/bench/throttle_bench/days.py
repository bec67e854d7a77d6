"""Fourteen days: a limit every day from 16:00 to 23:59, and evenings that are only crowded."""

from dataclasses import dataclass

import numpy as np

from throttle_bench.cells import _PACKETS, _usual
from throttle_bench.lines import Limit, Rounds, Trouble, draw_lines, play
from throttle_bench.tcp import FloatArray

__all__ = ["DAYS", "DAY_CELLS", "END_MIN", "START_MIN", "DayCell", "fortnight"]

DAYS = 14
START_MIN, END_MIN = 960, 1440
_EDGE_SCATTER_MIN = 3.0


@dataclass(frozen=True, slots=True)
class DayCell:
    """A kind of fortnight; ``a_day`` rounds come at random times of equal parts of the day."""

    id: str
    says: str
    a_day: int
    trouble: Trouble
    limit: Limit | None = None
    first_day: int = 0  # of the limit


_CROWDED = Trouble(shared=0.25, server=0.2)
DAY_CELLS = (
    DayCell("daily-4", "one name, 4 times, every 15 min", 96, _CROWDED, Limit(times=4)),
    DayCell("daily-4-shaped", "one name, shaped, 4 times, every 15 min", 96, _CROWDED,
            Limit(times=4, policed=False)),
    DayCell("daily-140k", "one name, 140 kbit/s, every 15 min", 96, _CROWDED, Limit(kbit=140)),
    DayCell("daily-all-4", "everything, 4 times, every 15 min", 96, _CROWDED,
            Limit(times=4, general=True)),
    DayCell("daily-4-half-hours", "one name, 4 times, every 30 min", 48, _CROWDED,
            Limit(times=4)),
    DayCell("daily-4-few", "one name, 4 times, four a day", 4, _CROWDED, Limit(times=4)),
    DayCell("daily-140k-few", "one name, 140 kbit/s, four a day", 4, _CROWDED, Limit(kbit=140)),
    DayCell("days-25", "evening congestion of the line, 25 %", 96, Trouble(shared=0.25)),
    DayCell("days-50", "evening congestion of the line, 50 %", 96, Trouble(shared=0.5)),
    DayCell("days-75", "evening congestion of the line, 75 %", 96, Trouble(shared=0.75)),
    DayCell("days-path-50", "evening congestion of the way to the service, 50 %", 96,
            Trouble(path=0.5)),
    DayCell("days-path-75", "evening congestion of the way to the service, 75 %", 96,
            Trouble(path=0.75)),
    DayCell("days-radio", "a bad radio in the house", 96, Trouble(loss=0.008, radio=0.06)),
    DayCell("days-moves", "a service whose server changes", 96, Trouble(moves=0.01)),
    DayCell("days-server-75", "a server that is 75 % slower in the evening", 96,
            Trouble(server=0.75)),
    DayCell("days-few-50", "congestion of the line 50 %, four a day", 4, Trouble(shared=0.5)),
)  # fmt: skip


def fortnight(cell: DayCell, n: int, rng: np.random.Generator) -> Rounds:
    """Play ``n`` pairs for fourteen days."""
    lines = draw_lines(n, rng, cell.trouble)
    slot = 24 / cell.a_day
    count = cell.a_day * DAYS
    hour = (np.arange(count) + rng.random((n, count))) * slot
    if cell.limit is None:
        return play(lines, hour, rng)
    usual = _usual(lines, hour[:, :10], cell.limit, rng) / _PACKETS
    limited = _limited(hour, rng)
    return play(lines, hour, rng, limit=cell.limit, usual=usual, limited=limited)


def _limited(hour: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return 1 within the hours of the limit, whose edges scatter by three minutes a day."""
    day = np.floor(hour / 24).astype(np.int64)
    edges = rng.normal(0, _EDGE_SCATTER_MIN / 60, (2, hour.shape[0], DAYS + 1))
    start = np.take_along_axis(edges[0], day, axis=1) + START_MIN / 60
    end = np.take_along_axis(edges[1], day, axis=1) + END_MIN / 60
    early = np.take_along_axis(edges[1], np.maximum(day - 1, 0), axis=1) * (day > 0)
    of_day = hour - 24 * day
    inside = ((of_day >= start) & (of_day < end)) | (of_day < early)
    return inside.astype(np.float64)
