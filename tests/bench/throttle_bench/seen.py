"""The simulated rounds as the program sees them: pairs of transfers with their marks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from probe.model.goodput import Pair, Pairing, PairKey, Speed
from throttle_bench.lines import CONTROLS, Rounds
from throttle_bench.tcp import STEP_BYTES, FloatArray

__all__ = ["EPOCH", "KEY", "TZ", "goodputs", "pairs_of", "speeds_of"]

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
TZ = "UTC"
KEY = PairKey(vantage="v", network="AS1/fixed", subject="service", pairing=Pairing.NEUTRAL)


def speeds_of(rounds: Rounds) -> Iterator[Speed]:
    """Return each transfer, in the order in which they were played."""
    came = rounds.came
    rows = zip(
        came.time_s.tolist(),
        came.received.tolist(),
        came.marks,
        came.stalled.tolist(),
        came.late.tolist(),
        rounds.rtt.tolist(),
        strict=True,
    )
    for time_s, received, marks, stalled, late, rtt in rows:
        whole = int(received) // STEP_BYTES
        first = float(marks[0]) if whole else 0.0
        times = (marks[:whole] - first).tolist()
        sizes = range(STEP_BYTES, (whole + 1) * STEP_BYTES, STEP_BYTES)
        spent = time_s - first
        moved = received - STEP_BYTES
        yield Speed(
            rate=moved / spent if moved > 0 and spent > 0 else None,
            censored=stalled or late,
            received=int(received),
            rtt_s=rtt,
            stalled_at=int(received) if stalled else None,
            marks=tuple(zip(sizes, times, strict=True)),
        )


def pairs_of(rounds: Rounds) -> Iterator[tuple[Pair, ...]]:
    """Return the rounds of each pair."""
    speeds = speeds_of(rounds)
    for hours in rounds.hour.tolist():
        row = []
        for hour in hours:
            target = next(speeds)
            controls = tuple(next(speeds) for _ in range(CONTROLS))
            time = EPOCH + timedelta(hours=hour)
            row.append(Pair(time=time, tz=TZ, target=target, controls=controls))
        yield tuple(row)


def goodputs(rounds: Rounds) -> FloatArray:
    """Return bytes/s of each transfer from its first mark on: (pairs, rounds, servers)."""
    came = rounds.came
    spent = came.time_s - came.marks[:, 0]
    rate = (came.received - STEP_BYTES) / np.where(spent > 0, spent, np.nan)
    return np.asarray(rate.reshape(*rounds.hour.shape, 1 + CONTROLS), dtype=np.float64)
