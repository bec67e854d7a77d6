"""A line or a service is up or bad, in continuous time: the two-state hidden Markov model.

Between samples the state fails at rate ``a`` and recovers at rate ``b``; with S = a + b and a
distance D, P(up->bad) = a/S (1 - exp(-S D)) and P(bad->up) = b/S (1 - exp(-S D)), so uneven
sampling and gaps cost nothing. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77
(1989), for the two algorithms; both are written for the log-odds of the two states, in which
a Viterbi step is a shift and a clip.
"""

import math

import msgspec
import numpy as np

from probe.analysis.evidence import BoolArray, Evidence, FloatArray

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


def viterbi(evidence: Evidence, parameters: HmmParameters) -> BoolArray:
    """Return the likeliest sequence of states, ``True`` for bad.

    The difference of the two path scores, d, moves by d -> clip(d + c, low, high) + e.
    """
    size = len(evidence)
    if size == 0:
        return np.zeros(0, dtype=np.bool_)
    to_bad, to_up = _steps(evidence, parameters)
    shift = (np.log1p(-to_up) - np.log1p(-to_bad)).tolist()
    low = (np.log(to_bad) - np.log1p(-to_bad)).tolist()
    high = (np.log1p(-to_up) - np.log(to_up)).tolist()
    ratio = log_ratios(evidence, parameters).tolist()

    odds = math.log(parameters.fail_per_h / parameters.recover_per_h) + ratio[0]
    moved: list[float] = []
    for i in range(size - 1):
        value = odds + shift[i]
        moved.append(value)
        odds = min(max(value, low[i]), high[i]) + ratio[i + 1]

    states = [False] * size
    states[-1] = bad = odds > 0
    for i in range(size - 2, -1, -1):
        bad = moved[i] >= low[i] if bad else moved[i] > high[i]
        states[i] = bad
    return np.array(states, dtype=np.bool_)


def posterior(evidence: Evidence, parameters: HmmParameters) -> FloatArray:
    """Return P(bad | all samples) at each sample, by forward and backward passes."""
    size = len(evidence)
    if size == 0:
        return np.zeros(0, dtype=np.float64)
    steps = _steps(evidence, parameters)
    to_bad, to_up = steps[0].tolist(), steps[1].tolist()
    seen = np.exp(log_ratios(evidence, parameters)).tolist()

    odds = parameters.fail_per_h / parameters.recover_per_h * seen[0]
    forward = [odds]
    for i in range(size - 1):
        up, bad = to_bad[i], to_up[i]
        odds = (up + odds * (1 - bad)) / (1 - up + odds * bad) * seen[i + 1]
        forward.append(odds)

    ratio = 1.0
    odds_all = [0.0] * size
    odds_all[-1] = forward[-1]
    for i in range(size - 2, -1, -1):
        up, bad, ahead = to_bad[i], to_up[i], seen[i + 1] * ratio
        ratio = (bad + (1 - bad) * ahead) / (1 - up + up * ahead)
        odds_all[i] = forward[i] * ratio
    odds_array = np.array(odds_all, dtype=np.float64)
    return np.asarray(odds_array / (1 + odds_array), dtype=np.float64)
