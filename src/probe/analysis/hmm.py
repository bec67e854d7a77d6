"""A line or a service is up or bad, in continuous time: the two-state hidden Markov model.

Between samples the state fails at rate ``a`` and recovers at rate ``b``; with S = a + b and a
distance D, P(up->bad) = a/S (1 - exp(-S D)) and P(bad->up) = b/S (1 - exp(-S D)), so uneven
sampling and gaps cost nothing. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77
(1989), for the two algorithms; both are written for the log-odds of the two states, in which
a Viterbi step is a shift and a clip.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from probe.analysis.arrays import BoolArray, FloatArray
from probe.analysis.chained import chained
from probe.analysis.evidence import Evidence

__all__ = ["HmmParameters", "false_bad", "learned_false_bad", "log_ratios", "posterior", "viterbi"]

_MIN_STEP_H = 1 / 3600
_PRIOR_SAMPLES = 20.0
_FALSE_BAD_RANGE = (0.005, 0.10)
_CONTROLS_FAILED = 0.5


class HmmParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Rates per hour, and what is seen in each state (facts: 60-day simulations)."""

    fail_per_h: float = 1 / 48
    recover_per_h: float = 1 / 8
    false_bad: float = 0.03  # P(bad sample | up), before it is learned from controls
    true_bad: float = 0.92  # P(bad sample | bad)
    learned: bool = (
        False  # ``false_bad`` is that of the whole series: a part learns none of its own
    )


def false_bad(evidence: Evidence, parameters: HmmParameters) -> float:
    """Return P(bad sample | up), learned from this vantage's controls where there are any.

    The mean share of failed controls over rounds in which most controls worked, shrunk to the
    parameter as if it had been seen in 20 samples, within 0.5 and 10 %. Of parameters that are
    learned, what they say.
    """
    if parameters.learned:
        return parameters.false_bad
    return learned_false_bad(evidence.control_bad, parameters)


def learned_false_bad(control_bad: FloatArray, parameters: HmmParameters) -> float:
    """Do what ``false_bad`` does, on shares of failed controls."""
    known = control_bad[control_bad <= _CONTROLS_FAILED]
    total = float(known.sum()) + parameters.false_bad * _PRIOR_SAMPLES
    low, high = _FALSE_BAD_RANGE
    return min(high, max(low, total / (known.size + _PRIOR_SAMPLES)))


def log_ratios(evidence: Evidence, parameters: HmmParameters) -> FloatArray:
    """Return ln P(sample | bad) / P(sample | up) of each sample, times its weight."""
    p0, p1 = false_bad(evidence, parameters), parameters.true_bad
    ratio = np.where(evidence.bad, math.log(p1 / p0), math.log((1 - p1) / (1 - p0)))
    return np.asarray(ratio * evidence.weight, dtype=np.float64)


def _steps(evidence: Evidence, parameters: HmmParameters) -> tuple[FloatArray, FloatArray]:
    """Return P(up->bad) and P(bad->up) between each sample and the next."""
    a, b = parameters.fail_per_h, parameters.recover_per_h
    hours = np.maximum(np.diff(evidence.time_s) / 3600, _MIN_STEP_H)
    changed = -np.expm1(-(a + b) * hours)
    return a / (a + b) * changed, b / (a + b) * changed


def viterbi(evidences: Sequence[Evidence], parameters: HmmParameters) -> list[BoolArray]:
    """Return the likeliest sequence of states of each series, ``True`` for bad.

    The difference of the two path scores, d, moves by d -> clip(d + c, low, high) + e.
    """

    def step(odds: FloatArray, *given: FloatArray) -> FloatArray:
        shift, low, high, ratio = given
        return np.asarray(np.minimum(np.maximum(odds + shift, low), high) + ratio)

    begin = math.log(parameters.fail_per_h / parameters.recover_per_h)
    firsts, given = [], []
    for evidence in (one for one in evidences if len(one)):
        to_bad, to_up = _steps(evidence, parameters)
        shift = np.log1p(-to_up) - np.log1p(-to_bad)
        low = np.log(to_bad) - np.log1p(-to_bad)
        high = np.log1p(-to_up) - np.log(to_up)
        ratio = log_ratios(evidence, parameters)
        firsts.append(begin + float(ratio[0]))
        given.append((shift, low, high, ratio[1:]))
    paths = zip(chained(step, firsts, given), given, strict=True)
    nothing = np.zeros(0, dtype=np.bool_)
    return [_traced(*next(paths)) if len(evidence) else nothing for evidence in evidences]


def _traced(odds: FloatArray, given: tuple[FloatArray, ...]) -> BoolArray:
    """Return the states on the way back; where neither is forced, the state is that after it."""
    shift, low, high, _ = given
    moved = odds[:-1] + shift
    bad, up = moved > high, moved < low
    known = np.concatenate((bad | up, [True]))
    value = np.concatenate((bad, [odds[-1] > 0]))
    place = np.where(known, np.arange(odds.size), odds.size)
    return np.asarray(value[np.minimum.accumulate(place[::-1])[::-1]], dtype=np.bool_)


def posterior(evidences: Sequence[Evidence], parameters: HmmParameters) -> list[FloatArray]:
    """Return P(bad | all samples) at each sample of each series: forward and backward passes."""

    def ahead(odds: FloatArray, *given: FloatArray) -> FloatArray:
        up, bad, seen = given
        return np.asarray((up + odds * (1 - bad)) / (1 - up + odds * bad) * seen)

    def back(ratio: FloatArray, *given: FloatArray) -> FloatArray:
        up, bad, seen = given
        ahead = seen * ratio
        return np.asarray((bad + (1 - bad) * ahead) / (1 - up + up * ahead))

    begin = parameters.fail_per_h / parameters.recover_per_h
    firsts, given = [], []
    for evidence in (one for one in evidences if len(one)):
        to_bad, to_up = _steps(evidence, parameters)
        seen = np.exp(log_ratios(evidence, parameters))
        firsts.append(begin * float(seen[0]))
        given.append((to_bad, to_up, seen[1:]))
    forward = chained(ahead, firsts, given)
    turned = [tuple(array[::-1] for array in arrays) for arrays in given]
    backward = chained(back, [1.0] * len(given), turned)
    passes = zip(forward, backward, strict=True)
    nothing = np.zeros(0, dtype=np.float64)
    return [_chances(*next(passes)) if len(evidence) else nothing for evidence in evidences]


def _chances(forward: FloatArray, backward: FloatArray) -> FloatArray:
    odds = forward * backward[::-1]
    return np.asarray(odds / (1 + odds), dtype=np.float64)
