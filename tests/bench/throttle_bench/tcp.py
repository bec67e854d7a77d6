"""Many TCP downloads at once, one round trip a step: windows, queues, buckets, losses, timeouts.

A step sends a window. Of it the bottleneck takes what its rate and buffer hold, a policer what is
in its bucket, a shaper queues; radio loses some. Reno halves, CUBIC keeps 0.7, both time out when
most of a window was lost, with the wait doubled each time (RFC 6298); BBR keeps to the rate that it
saw arrive (Cardwell et al., CACM 60, 2017). What arrives behind a hole waits for it. That is all
known of a transfer's speed here: no rate is drawn from a distribution.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

__all__ = ["BBR", "CUBIC", "RENO", "STEP_BYTES", "Paths", "Transfers", "downloads"]

FloatArray = NDArray[np.float64]

RENO, CUBIC, BBR = 0, 1, 2
STEP_BYTES = 4096
_MSS = 1448.0
_WIRE = 1500 / 1448
_FIRST_WINDOW = 10.0
_MOST = 700.0
_RTO_S = 0.2
_DOUBLED = 5.0
_MOSTLY_LOST = 0.5
_STALL_S = 5.0
_DEADLINE_S = 20.0
_BAD_RADIO = 0.15  # of the rate
_LEAVES_BAD = 0.35  # chance a step
_STEPS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """One entry a transfer: bytes, bytes/s and seconds; an infinite limit is none."""

    size: FloatArray
    capacity: FloatArray
    rtt: FloatArray
    queued: FloatArray  # round trip that others' packets add
    buffer: FloatArray  # bytes of queue that are left to us
    loss: FloatArray  # chance of each packet
    radio: FloatArray  # chance a step that the radio turns bad
    control: FloatArray  # RENO, CUBIC, BBR
    policed: FloatArray
    police_bucket: FloatArray
    shaped: FloatArray
    shape_bucket: FloatArray
    frozen: FloatArray  # bytes after which nothing passes

    def __len__(self) -> int:
        """Return the number of transfers."""
        return int(self.size.size)

    def of(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Paths":
        """Return some of them."""
        return Paths(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Transfers:
    """What came: seconds and bytes in all, when each 4 KiB had come (NaN: never), how it ended."""

    time_s: FloatArray
    received: FloatArray
    marks: FloatArray
    stalled: NDArray[np.bool_]
    late: NDArray[np.bool_]


class _State:
    """The transfers under way."""

    def __init__(self, paths: Paths, rng: np.random.Generator) -> None:
        n = len(paths)
        self.place = np.arange(n)
        self.paths = paths
        self.window = np.full(n, _FIRST_WINDOW)
        self.threshold = np.full(n, np.inf)
        self.time = np.zeros(n)
        self.moved = np.zeros(n)  # when something last came
        self.got = np.zeros(n)
        self.waiting = np.zeros(n)  # behind a hole
        self.timeouts = np.zeros(n)
        self.seen_rate = np.zeros(n)
        self.bad_radio = np.zeros(n, dtype=np.bool_)
        self.police = paths.police_bucket * rng.uniform(0.3, 1.0, n)
        self.shape = paths.shape_bucket * rng.uniform(0.3, 1.0, n)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Go on with these only."""
        self.paths = self.paths.of(which)
        for name, value in vars(self).items():
            if name != "paths":
                setattr(self, name, value[which])


@dataclass(frozen=True, slots=True, eq=False)
class _Sent:
    """One window: what was offered, what came through, what was lost, and how long it took."""

    offered: FloatArray
    passed: FloatArray
    lost: FloatArray
    took: FloatArray
    rtt: FloatArray
    holed: NDArray[np.bool_]  # lost by chance, anywhere in the window


def downloads(paths: Paths, rng: np.random.Generator) -> Transfers:
    """Play all transfers to their end, their deadline of 20 s, or a silence of 5 s."""
    n = len(paths)
    columns = int(np.ceil(float(paths.size.max()) / STEP_BYTES))
    done = Transfers(
        time_s=np.zeros(n),
        received=np.zeros(n),
        marks=np.full((n, columns), np.nan),
        stalled=np.zeros(n, dtype=np.bool_),
        late=np.zeros(n, dtype=np.bool_),
    )
    state = _State(paths, rng)
    for _ in range(_STEPS):
        sent = _send(state, rng)
        before, start = state.got.copy(), state.time.copy()
        _arrive(state, sent, rng)
        _react(state, sent)
        _mark(done, state, before, start, sent.took)
        over = _over(done, state)
        if over.any():
            state.keep(~over)
        if not state.place.size:
            return done
    raise RuntimeError("transfers that never end")


def _send(state: _State, rng: np.random.Generator) -> _Sent:
    p, n = state.paths, state.place.size
    turn = rng.random(n)
    state.bad_radio = np.where(state.bad_radio, turn > _LEAVES_BAD, turn < p.radio)
    rate = p.capacity * np.where(state.bad_radio, _BAD_RADIO, 1.0) * rng.lognormal(0, 0.08, n)
    rtt = p.rtt * rng.lognormal(0, 0.04, n) + p.queued * rng.lognormal(0, 0.3, n)
    left = p.size - state.got - state.waiting
    offered = np.minimum(state.window * _MSS, np.maximum(left, 1.0))
    took = np.maximum(rtt, offered / rate)
    overflow = np.clip(offered - rate * rtt - p.buffer, 0, None)
    through = offered - overflow
    through, took, shed = _shape(state, through, took, rtt)
    through, dropped = _police(state, through, took)
    chance = rng.poisson(offered / _MSS * p.loss) * _MSS
    chance = np.minimum(chance, through)
    return _Sent(
        offered=offered,
        passed=through - chance,
        lost=overflow + shed + dropped + chance,
        took=took,
        rtt=rtt,
        holed=chance > 0,
    )


def _police(state: _State, through: FloatArray, took: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Drop what the bucket does not hold; it is filled while packets come."""
    p = state.paths
    limited = np.isfinite(p.policed)
    held = np.where(limited, state.police + np.where(limited, p.policed, 0.0) * took, np.inf)
    passed = np.minimum(through, held / _WIRE)
    state.police = np.where(limited, np.minimum(p.police_bucket, held - passed * _WIRE), 0.0)
    return passed, through - passed


def _shape(
    state: _State, through: FloatArray, took: FloatArray, rtt: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Queue what the bucket does not hold, up to a second and a half of it; drop the rest."""
    p = state.paths
    limited = np.isfinite(p.shaped)
    rate = np.where(limited, p.shaped, 1.0)
    most = state.shape + rate * (rtt + 1.5)
    passed = np.where(limited, np.minimum(through, most / _WIRE), through)
    waits = np.where(limited, np.clip(passed * _WIRE - state.shape, 0, None) / rate, 0.0)
    took = np.maximum(took, waits)
    full = state.shape + rate * took - passed * _WIRE
    state.shape = np.where(limited, np.clip(full, 0, p.shape_bucket), 0.0)
    return passed, took, through - passed


def _arrive(state: _State, sent: _Sent, rng: np.random.Generator) -> None:
    """Hand over what has no hole before it; what waited comes with the next window."""
    ahead = np.where(sent.holed, rng.random(sent.passed.size), 1.0) * sent.passed
    released = np.where(sent.passed > 0, state.waiting, 0.0)
    allowed = np.maximum(state.paths.frozen - state.got, 0.0)
    arrived = np.minimum(ahead + released, allowed)
    state.waiting = state.waiting - released + (sent.passed - ahead)
    state.got = state.got + arrived
    state.time = state.time + sent.took
    state.moved = np.where(arrived > 0, state.time, state.moved)


def _react(state: _State, sent: _Sent) -> None:
    """Open or close the window, and wait where a timeout is needed."""
    p = state.paths
    share = sent.lost / sent.offered
    bbr = p.control == BBR
    lost = sent.lost > 0
    timeout = np.where(bbr, share > 0.95, share > _MOSTLY_LOST) | (lost & (state.window < 4) & ~bbr)
    timeout |= p.frozen <= state.got
    state.timeouts = np.where(timeout, np.minimum(state.timeouts + 1, _DOUBLED), 0.0)
    wait = np.maximum(_RTO_S, 2 * sent.rtt) * 2 ** (state.timeouts - 1)
    wait = np.where(timeout, wait, np.where(lost, sent.rtt, 0.0))
    refill = np.where(np.isfinite(p.policed), p.policed, 0.0) * wait
    state.police = np.minimum(p.police_bucket, state.police + refill)
    refill = np.where(np.isfinite(p.shaped), p.shaped, 0.0) * wait
    state.shape = np.minimum(p.shape_bucket, state.shape + refill)
    state.time = state.time + wait

    keeps = np.where(p.control == CUBIC, 0.7, 0.5)
    halved = np.maximum(state.window * keeps, 2.0)
    state.threshold = np.where(lost, halved, state.threshold)
    slow_start = state.window < state.threshold
    step = np.where(p.control == CUBIC, np.maximum(1.0, 0.08 * state.window), 1.0)
    grown = np.where(slow_start, 2 * state.window, state.window + step)
    loss_based = np.where(timeout, 1.0, np.where(lost, halved, grown))
    arrived = sent.passed / np.maximum(sent.took + wait, 1e-6)
    fading = np.maximum(0.9 * state.seen_rate, arrived)
    state.seen_rate = np.where(lost, 0.7 * state.seen_rate + 0.3 * arrived, fading)
    paced = np.maximum(4.0, 1.2 * state.seen_rate * sent.rtt / _MSS)
    young = ~lost & (state.threshold == np.inf)
    by_rate = np.where(young, 2 * state.window, paced)
    state.window = np.clip(np.where(bbr, by_rate, loss_based), 1.0, _MOST)


def _mark(
    done: Transfers, state: _State, before: FloatArray, start: FloatArray, took: FloatArray
) -> None:
    """Note when each further 4 KiB had come, evenly between the beginning and end of a step."""
    first = np.floor(before / STEP_BYTES)
    passed = np.floor(np.minimum(state.got, state.paths.size) / STEP_BYTES) - first
    for k in range(1, int(passed.max(initial=0)) + 1):
        rows = np.flatnonzero(passed >= k)
        bytes_then = (first[rows] + k) * STEP_BYTES
        share = (bytes_then - before[rows]) / (state.got[rows] - before[rows])
        column = (first[rows] + k - 1).astype(np.int64)
        done.marks[state.place[rows], column] = start[rows] + share * took[rows]


def _over(done: Transfers, state: _State) -> NDArray[np.bool_]:
    """Note, and return, the transfers that ended in this step."""
    whole = state.got >= state.paths.size - 1
    stalled = ~whole & (state.time - state.moved >= _STALL_S)
    late = ~whole & ~stalled & (state.time >= _DEADLINE_S)
    over = whole | stalled | late
    place = state.place[over]
    ended = np.where(late, _DEADLINE_S, state.moved)[over]
    done.time_s[place] = ended
    done.received[place] = np.minimum(state.got, state.paths.size)[over]
    done.stalled[place] = stalled[over]
    done.late[place] = late[over]
    return over
