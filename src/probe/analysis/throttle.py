"""Is a pair slower than it was: the last ten rounds against its own baseline.

Difference in differences: a round is ln(controls / target), so that what slows both is no part of
it, and rounds are compared with earlier rounds of the same pair, so that neither is what was
always so. A one-sided rank test asks for more than a factor of two; its chances are corrected for
all pairs of a vantage (Benjamini and Hochberg).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray, IntArray
from probe.analysis.limit_level import limit_level
from probe.analysis.own_past import DELTA, LEAST_BASELINE, OwnPast, own_past
from probe.analysis.ranks import Shift, larger, shift
from probe.analysis.rate_limit import Character, character
from probe.analysis.recurrence import benjamini_hochberg
from probe.analysis.slowness import Slowness, of_line, of_pairs
from probe.analysis.token_bucket import Level
from probe.analysis.zones import offsets
from probe.model.goodput import Pair, Pairing, PairKey, Speed
from probe.model.throttle import Grade, Throttle, ThrottleScope

__all__ = [
    "LEAST_ROUNDS",
    "Finding",
    "History",
    "assess",
    "finding",
    "history_of",
    "line_key",
    "throttle_of",
    "told_apart",
]

ALPHA = 0.01
FALSE_DISCOVERY = 0.05
RECENT = 10
LEAST_RECENT = 5
LEAST_ROUNDS = LEAST_BASELINE + LEAST_RECENT
"""Of a pair: with fewer, nothing is called slow."""
THROTTLED, EXTREME = math.log(4), math.log(10)
_OF_DAYS, _DAYS = 2, 3
_KBIT = 8 / 1000
_FASTER = math.log(1.5)
_PLAIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The rounds of one pair, and which of them were slow against its own past.

    Of a line by itself ``general`` is set: its controls are what is slow.
    """

    key: PairKey
    tz: str
    rounds: Slowness
    past: OwnPast
    transfers: tuple[tuple[Speed, ...], ...]  # of what may be slow, a place a round
    general: bool = False

    @property
    def scope(self) -> ThrottleScope:
        """Return what is slow in this history."""
        if self.general:
            return ThrottleScope.GENERAL
        border = self.key.pairing is Pairing.BORDER
        return ThrottleScope.BORDER if border else ThrottleScope.TARGETED


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """Some rounds of a pair against its baseline: chance, size, and what they look like.

    ``p`` is 1 where there is too little to compare. ``crowded`` is what congestion looks like.
    """

    history: History
    slow: BoolArray
    base: IntArray
    p: float
    by: Shift
    looks: Character
    grade: Grade | None
    of_line: bool = False  # all of the line was slow, and this no slower than its controls

    @property
    def crowded(self) -> bool:
        """Whether it looks like a crowded path, or like controls that are slow by themselves.

        The same server with another name shares all of its path: no crowd can tell them apart.
        """
        if self.history.general:
            return self._only_controls() or not self.looks.limit
        same = self.history.key.pairing is Pairing.SAME_SERVER
        return not same and not self.looks.limit

    @property
    def plain(self) -> bool:
        """Whether two votes more are for a limit: asked of what was chosen for being slow."""
        same = self.history.key.pairing is Pairing.SAME_SERVER and not self.history.general
        return same or self.looks.frozen_at is not None or self.looks.votes >= _PLAIN

    @property
    def overtaken(self) -> bool:
        """Whether most of the change is that what stands beside it has become faster.

        A faster line, or a control that moved nearer: it came as before, and "slower than before"
        would be wrong of it, whatever it might have come to.
        """
        rates = self.history.rounds.rate
        now = _known(rates[self.slow & np.isfinite(self.history.rounds.slow)])
        before = _known(rates[self.base])
        if not now.size or not before.size or not math.isfinite(self.by.at):
            return False
        fell = float(np.median(np.log(before)) - np.median(np.log(now)))
        return fell < self.by.at / 2

    def _only_controls(self) -> bool:
        """Whether the targets beside slow controls go on, faster than these."""
        rounds = self.history.rounds
        now, before = _known(rounds.beside[self.slow]), _known(rounds.beside[self.base])
        slow = _known(rounds.slow[self.slow])
        if not now.size or not before.size or not slow.size:
            return False
        went_on = float(np.median(now) - np.median(before)) < self.by.at / 2
        return went_on and float(np.median(slow) - np.median(now)) > _FASTER

    @property
    def found(self) -> bool:
        """Whether it is slower than before beyond chance and beyond a crowd; q is not in it."""
        known = self.grade is not None and self.p <= ALPHA
        return known and not self.crowded and not self.of_line and not self.overtaken

    @property
    def level(self) -> Level | None:
        """Return what the limit lets through; nothing where no transfer ended or was seen."""
        rounds = self.history.rounds
        moving = self.slow & np.isfinite(rounds.slow)
        places = np.flatnonzero(moving).tolist()
        transfers = [one for place in places for one in self.history.transfers[place]]
        return limit_level(_known(rounds.rate[moving]), transfers, self.looks.shape)

    @property
    def now(self) -> float:
        """Return how slow these rounds are, not compared with any past: ln(controls / target)."""
        values = _known(self.history.rounds.slow[self.slow])
        return float(np.median(values)) if values.size else -math.inf


def history_of(key: PairKey, pairs: Sequence[Pair], *, general: bool = False) -> History:
    """Return the rounds of one pair; ``general`` asks of its controls instead of its target.

    Raises:
        ValueError: when there are no rounds.

    """
    if not pairs:
        raise ValueError("a history needs a round")
    ordered = sorted(pairs, key=lambda pair: pair.time)
    rounds = of_line(ordered) if general else of_pairs(ordered)
    key = line_key(key) if general else key
    transfers = tuple(pair.controls if general else (pair.target,) for pair in ordered)
    return History(key, ordered[-1].tz, rounds, own_past(rounds.slow), transfers, general)


def line_key(key: PairKey) -> PairKey:
    """Return the key of the line itself, whose controls these are."""
    return PairKey(
        vantage=key.vantage,
        network=key.network,
        subject="",
        pairing=Pairing.NEUTRAL,
        direction=key.direction,
        transport=key.transport,
        family=key.family,
    )


def assess(histories: Sequence[History]) -> tuple[tuple[Finding, float], ...]:
    """Return what the last ten rounds of each history of one vantage say, with q over all."""
    findings = told_apart([finding(one, _recent(one)) for one in histories])
    q_values = benjamini_hochberg([one.p for one in findings])
    return tuple(zip(findings, q_values, strict=True))


def told_apart(findings: Sequence[Finding]) -> list[Finding]:
    """Mark what is slow with the whole line, among findings about the same time.

    One level for all hides who was faster before: a service that had been ahead of its controls
    falls back to them, and seems to be slowed alone.
    """
    lines = {one.history.key for one in findings if one.history.general and one.found}
    return [
        replace(one, of_line=True)
        if not one.history.general and one.now < DELTA and line_key(one.history.key) in lines
        else one
        for one in findings
    ]


def _recent(history: History) -> BoolArray:
    chosen = np.zeros(len(history.rounds), dtype=np.bool_)
    chosen[np.flatnonzero(~np.isnan(history.rounds.slow))[-RECENT:]] = True
    return chosen


def finding(history: History, slow: BoolArray) -> Finding:
    """Compare the rounds ``slow`` of a history with its baseline at the first of them."""
    chosen = np.flatnonzero(slow & ~np.isnan(history.rounds.slow))
    base = _base(history, chosen)
    if chosen.size < LEAST_RECENT or base.size < LEAST_BASELINE:
        unknown = Shift(0.0, -math.inf, math.inf)
        return Finding(history, slow, base, 1.0, unknown, Character(), None)
    now, before = history.rounds.slow[chosen], history.rounds.slow[base]
    by = shift(now, before)
    return Finding(
        history=history,
        slow=slow,
        base=base,
        p=larger(now - DELTA, before),
        by=by,
        looks=character(history.rounds, slow, base, history.past.bad, alone=not history.general),
        grade=_grade(history, chosen, by, float(np.median(before))),
    )


def _base(history: History, chosen: IntArray) -> IntArray:
    """Return the baseline at the first of these rounds, without them; earlier rounds if enough."""
    if not chosen.size:
        return np.zeros(0, dtype=np.int64)
    pool = np.setdiff1d(np.array(history.past.pools[int(chosen[0])], dtype=np.int64), chosen)
    earlier = pool[pool < chosen[0]]
    return earlier if earlier.size >= LEAST_BASELINE else pool


def _grade(history: History, chosen: IntArray, by: Shift, centre: float) -> Grade | None:
    """Return how much slower: ten times, four times on two of three days, or twice."""
    if by.at < DELTA:
        return None
    if by.at >= EXTREME:
        return Grade.EXTREME
    days = _daily(history, chosen, centre)[-_DAYS:]
    if sum(one >= THROTTLED for one in days) >= _OF_DAYS:
        return Grade.THROTTLED
    return Grade.SLOW


def _daily(history: History, chosen: IntArray, centre: float) -> list[float]:
    """Return the median slowness of each local day on which these rounds lie, by day."""
    times = history.rounds.time_s[chosen]
    clock = offsets(history.tz, float(times[0]), float(times[-1]))
    day = np.array([(time + clock.at(time)) // 86_400 for time in times.tolist()])
    slow = history.rounds.slow[chosen] - centre
    return [float(np.median(slow[day == one])) for one in np.unique(day)]


def throttle_of(found: Finding) -> Throttle:
    """Return the value that an event carries.

    Raises:
        ValueError: when nothing was found to be slow.

    """
    if found.grade is None:
        raise ValueError("this was not slow")
    rounds, key = found.history.rounds, found.history.key
    level = found.level
    before = _known(rounds.rate[found.base])
    return Throttle(
        grade=found.grade,
        scope=found.history.scope,
        shape=found.looks.shape,
        ratio=_times(found.by.at),
        at_least=max(1.0, _times(found.by.low) or 1.0),
        at_most=_times(found.by.high),
        level_kbps=None if level is None else _kbps(level.rate),
        level_interval=(
            None
            if level is None or math.isnan(level.low)
            else (_kbps(level.low), _kbps(level.high))
        ),
        before_kbps=_kbps(float(np.median(before))) if before.size else None,
        frozen_at=found.looks.frozen_at,
        rounds=int(np.count_nonzero(found.slow & ~np.isnan(rounds.slow))),
        baseline=int(found.base.size),
        pairing=key.pairing,
        direction=key.direction,
        transport=key.transport,
        family=key.family,
        own_server=key.own_server and not found.history.general,
    )


def _known(values: FloatArray) -> FloatArray:
    return np.asarray(values[~np.isnan(values)], dtype=np.float64)


def _kbps(rate: float) -> float:
    return round(rate * _KBIT, 1)


def _times(log: float) -> float | None:
    return round(math.exp(log), 2) if math.isfinite(log) else None
