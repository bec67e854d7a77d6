"""What others do, on the same looks: change points, thresholds, segments, and a recurrence step.

None of these methods looks for windows; so that they can be compared, stretches that come back on
three days (intersection over union of 0.6 within 28 days) are made windows, as for ours, but
without a test.
"""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from pattern_bench.claims import Claim, overlap
from pattern_bench.clockwork import Flags, Floats, Spans, local_minutes
from pattern_bench.worlds import ABSENT, Looks

__all__ = ["METHODS", "alerts", "windows"]

MU_0, MU_1, DELAY_H = 0.0, 0.7, 10.0
_HOUR = 3600.0
_PASSES = 3


def _hourly(looks: Looks, how: Callable[[Floats], float]) -> tuple[Floats, Floats]:
    """Return the hours with evidence (their begin) and one value each."""
    keep = looks.value != ABSENT
    hour = (looks.time_s[keep] // _HOUR).astype(np.int64)
    order = np.argsort(hour, kind="stable")
    values, hours = looks.value[keep][order], hour[order]
    first = np.flatnonzero(np.concatenate(([True], hours[1:] != hours[:-1])))
    parts = np.split(values, first[1:])
    return hours[first] * _HOUR, np.array([how(part) for part in parts])


def cusum(looks: Looks) -> Spans:
    """Return a two-sided CUSUM on hourly medians: mean 0 against 0.7, found after 10 h."""
    time_s, value = _hourly(looks, lambda part: float(np.median(part)))
    middle = (MU_0 + MU_1) / 2
    limit = DELAY_H * (MU_1 - middle)
    up = down = 0.0
    began: float | None = None
    spans: list[tuple[float, float]] = []
    for at, x in zip(time_s.tolist(), value.tolist(), strict=True):
        up, down = max(0.0, up + x - middle), max(0.0, down - x + middle)
        if began is None and up > limit:
            began, up, down = at, 0.0, 0.0
        elif began is not None and down > limit:
            spans.append((began, at))
            began, up, down = None, 0.0, 0.0
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def thresholds(looks: Looks) -> Spans:
    """Return hours whose share of good looks is below half of its median over seven days."""
    time_s, value = _hourly(looks, lambda part: float(1 - part.mean()))
    first = np.searchsorted(time_s, time_s - 7 * 24 * _HOUR)
    usual = np.array([np.median(value[a : i + 1]) for i, a in enumerate(first.tolist())])
    low = value < 0.5 * usual
    return _runs(time_s, low, _HOUR)


def pelt(looks: Looks) -> Spans:
    """Return segments (ruptures, least squares, penalty 3 s^2 ln n) of which most failed."""
    from ruptures import KernelCPD

    keep = looks.value != ABSENT
    time_s, value = looks.time_s[keep], looks.value[keep]
    if value.size < 10:
        return np.zeros((0, 2))
    spread = max(float(value.mean() * (1 - value.mean())), 0.03)
    found = KernelCPD(kernel="linear", min_size=2).fit(value.reshape(-1, 1))
    ends = found.predict(pen=3 * spread * np.log(value.size))
    bounds = [0, *ends]
    spans = [
        (time_s[a], time_s[min(b, value.size - 1)])
        for a, b in pairwise(bounds)
        if b > a and value[a:b].mean() >= 0.5
    ]
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _runs(time_s: Floats, low: Flags, length: float) -> Spans:
    rows: list[list[float]] = []
    for at, is_low in zip(time_s.tolist(), low.tolist(), strict=True):
        if not is_low:
            continue
        if rows and at - rows[-1][1] < 1:
            rows[-1][1] = at + length
        else:
            rows.append([at, at + length])
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


METHODS: dict[str, Callable[[Looks], Spans]] = {
    "cusum": cusum,
    "thresholds": thresholds,
    "pelt": pelt,
}


def alerts(spans: Spans) -> int:
    """Return how many alerts a person would get."""
    return int(spans.shape[0])


def windows(spans: Spans, tz: str) -> list[Claim]:
    """Return what comes back on three days within 28, three windows at most."""
    length = (spans[:, 1] - spans[:, 0]) / 60
    keep = (length >= 45) & (length <= 1200)
    start, length = spans[keep, 0], length[keep]
    minute = local_minutes(start, tz)
    day = ((start / 60 - minute) / 1440).round().astype(np.int64)  # local midnight, about
    claims: list[Claim] = []
    left = np.ones(start.size, dtype=np.bool_)
    for _ in range(_PASSES):
        best = _strongest(minute, length, day, left)
        if best is None:
            break
        rows = best
        begin = float(
            minute[rows[0]] + np.median((minute[rows] - minute[rows[0]] + 720) % 1440 - 720)
        )
        claims.append(
            Claim(
                start=begin,
                end=begin + float(np.median(length[rows])),
                first=date(1970, 1, 1) + timedelta(days=int(day[rows].min())),
                last=date(1970, 1, 1) + timedelta(days=int(day[rows].max())),
            )
        )
        left[rows] = False
    return claims


def _strongest(minute: Floats, length: Floats, day: Floats, left: Floats) -> Floats | None:
    """Return the places of the largest group of distinct days that resemble one of them."""
    best: list[int] = []
    places = np.flatnonzero(left).tolist()
    for i in places:
        mine = (float(minute[i]), float(minute[i] + length[i]))
        rows: dict[int, int] = {}
        for j in places:
            if abs(int(day[j]) - int(day[i])) < 28 and int(day[j]) not in rows:
                other = (float(minute[j]), float(minute[j] + length[j]))
                if overlap(mine, other) >= 0.6:
                    rows[int(day[j])] = j
        if len(rows) > len(best):
            best = list(rows.values())
    return np.array(best) if len(best) >= 3 else None
