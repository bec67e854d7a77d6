"""Whether a line is slow or silent: pure readings of the looks that a round begins with."""

import math
from collections.abc import Iterable

from probe.analysis.endings import FailureClass, class_of
from probe.model.measurement import DnsEngine, DnsStep, Measurement, Outcome, Step, TcpStep

__all__ = ["connect_s", "silent"]

_QUANTILE = 0.95


def connect_s(looks: Iterable[Measurement]) -> float | None:
    """Return the 95th percentile (nearest rank) of all connects that succeeded, in seconds.

    A resolver's answers are left out: the one at home answers at once what it knows, however
    slow the line behind it is. ``None``: nothing was connected to.
    """
    took = sorted(
        step.t_s - step.t0_s
        for look in looks
        for step in look.steps
        if isinstance(step, TcpStep) and step.failure is None
    )
    return took[math.ceil(_QUANTILE * len(took)) - 1] if took else None


def silent(look: Measurement) -> bool:
    """Return whether a look ended in silence, and met nothing else: no refusal, no reset."""
    failures = [step for step in look.steps if step.failure is not None]
    ended = bool(look.steps) and look.steps[-1].failure is not None
    return look.outcome is Outcome.MEASURED and ended and all(map(_unanswered, failures))


def _unanswered(step: Step) -> bool:
    """Return whether nobody answered; the system's resolver does not say why it gave up."""
    kind = class_of(step.failure)
    if isinstance(step, DnsStep) and step.engine is DnsEngine.SYSTEM:
        return kind in (FailureClass.TIMEOUT, FailureClass.SERVFAIL)
    return kind is FailureClass.TIMEOUT
