"""When it began, said while it happens: a CUSUM of log-likelihoods with a bound on false alarms.

S <- max(0, S + w ln P(sample | bad) / P(sample | up)), alarm at S > h. While nothing is wrong the
mean time to an alarm is at least e^h samples (Lorden, "Procedures for reacting to a change in
distribution", Ann. Math. Statist. 42, 1971), for P(bad | up) not above the one assumed. A weight
w <= 1 keeps the bound, since E[L^w] <= E[L]^w = 1. Retests of one change are no independent
samples: a burst, of eleven minutes at most, counts as two. The end of trouble is watched for in
the same way, with the hypotheses exchanged.
"""

import math
from collections.abc import Iterable
from datetime import datetime

import msgspec

from probe.analysis.spacing import (
    BURST_EFFECTIVE,
    BURST_LASTS_S,
    BURST_SHARE,
    BURST_WITHIN_S,
)
from probe.model.timeline import Sample

__all__ = ["Live", "LiveParameters", "Turn", "replay", "step", "threshold"]

YEAR_S = 365.25 * 86_400.0
CONTROLS_FAILED = 0.5
"""With more of its controls failing a sample says something of the line, not of the target."""


class LiveParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed of the samples, and how rare a false alarm has to be.

    ``years`` and ``years_of_trouble`` are vantage-years without, and with, trouble for each false
    alarm; ``series`` is how many series share that promise (Bonferroni: each gets its share).
    """

    false_bad: float = 0.03
    true_bad: float = 0.92
    years: float = 10.0
    years_of_trouble: float = 1.0
    series: int = 1


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one series up to now; the start says that nothing is wrong."""

    bad: bool = False
    score: float = 0.0
    rising: datetime | None = None  # the first sample since the score last was zero
    agreed: datetime | None = None  # the last sample that agreed before ``rising``
    last: datetime | None = None
    burst: float = 0.0  # weight that the present burst has had
    began: datetime | None = None  # when the present burst began
    samples: int = 0  # since ``rising``


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm: trouble began (``bad``) or ended.

    The change lies in (``after``, ``since``]: the last sample that agreed with the old state and
    the first of those that speak against it. ``at`` is when it was known.
    """

    bad: bool
    at: datetime
    since: datetime
    after: datetime | None
    samples: int
    score: float
    threshold: float


def threshold(spacing_s: float, *, years: float, series: int = 1) -> float:
    """Return h such that ``series`` series sampled every ``spacing_s`` alarm once in ``years``.

    Raises:
        ValueError: for a spacing, a time or a number that is not above zero.

    """
    if not (spacing_s > 0 and years > 0 and series > 0):
        raise ValueError("spacing, years and series are above zero")
    return math.log(max(1.0, series * years * YEAR_S / spacing_s))


def step(
    live: Live, sample: Sample, *, spacing_s: float, parameters: LiveParameters | None = None
) -> tuple[Live, Turn | None]:
    """Take one more sample, in time order; return what is known now, and an alarm if there is one.

    A sample without a value, without weight, older than the last, or whose controls failed as
    well, changes nothing.
    """
    known = parameters or LiveParameters()
    if sample.bad is None or sample.weight <= 0 or _of_the_line(sample):
        return live, None
    if live.last is not None and sample.time < live.last:
        return live, None
    weight, burst, began = _effective(live, sample, spacing_s)
    score = max(0.0, live.score + weight * _ratio(sample.bad, live.bad, known))
    rising = (live.rising or sample.time) if score > 0 else None
    counted = (live.samples + 1) if score > 0 else 0
    limit = _limit(live.bad, spacing_s, known)
    agreed = live.agreed if score > 0 else sample.time
    if score > limit:
        turn = Turn(
            bad=not live.bad,
            at=sample.time,
            since=rising or sample.time,
            after=live.agreed,
            samples=counted,
            score=score,
            threshold=limit,
        )
        turned = Live(bad=turn.bad, agreed=sample.time, last=sample.time, burst=burst, began=began)
        return turned, turn
    return (
        Live(
            bad=live.bad,
            score=score,
            rising=rising,
            agreed=agreed,
            last=sample.time,
            burst=burst,
            began=began,
            samples=counted,
        ),
        None,
    )


def replay(
    samples: Iterable[Sample],
    *,
    spacing_s: float,
    parameters: LiveParameters | None = None,
    live: Live | None = None,
) -> tuple[Live, tuple[Turn, ...]]:
    """Take many samples, as after a restart; return where that leads, and the alarms on the way."""
    state, turns = live or Live(), []
    for sample in sorted(samples, key=lambda s: s.time):
        state, turn = step(state, sample, spacing_s=spacing_s, parameters=parameters)
        if turn is not None:
            turns.append(turn)
    return state, tuple(turns)


def _of_the_line(sample: Sample) -> bool:
    return sample.control_bad is not None and sample.control_bad > CONTROLS_FAILED


def _ratio(bad: bool, now_bad: bool, known: LiveParameters) -> float:
    """Return the log-likelihood ratio of a sample for the other state against the present one."""
    for_bad = (
        math.log(known.true_bad / known.false_bad)
        if bad
        else math.log((1 - known.true_bad) / (1 - known.false_bad))
    )
    return -for_bad if now_bad else for_bad


def _limit(now_bad: bool, spacing_s: float, known: LiveParameters) -> float:
    years = known.years_of_trouble if now_bad else known.years
    return threshold(spacing_s, years=years, series=known.series)


def _effective(live: Live, sample: Sample, spacing_s: float) -> tuple[float, float, datetime]:
    """Return what a sample counts, what its burst has had with it, and when that began."""
    weight = min(1.0, sample.weight)
    if live.last is None or live.began is None:
        return weight, weight, sample.time
    gap_s = (sample.time - live.last).total_seconds()
    near = gap_s < min(BURST_WITHIN_S, BURST_SHARE * spacing_s)
    again = near or (sample.burst and gap_s <= BURST_WITHIN_S)
    if not again or (sample.time - live.began).total_seconds() >= BURST_LASTS_S:
        return weight, weight, sample.time
    counts = max(0.0, min(weight, BURST_EFFECTIVE - live.burst))
    return counts, live.burst + counts, live.began
