"""The 2-of-3 rule: whether the same thing failed again, or it was a passing fault.

The first look, its retests and looks at other authentic addresses are attempts at one question.
Random faults rarely repeat at the same layer in the same way; interference that fires in three
of four cases (the GFW's resets) does so in two of three.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.analysis.endings import Ending, Layer, ending_of
from probe.model.measurement import DnsStep, Measurement, Outcome, TcpStep, Variant

__all__ = ["Attempts", "attempts_of", "failing_alike", "looks"]

_SAME_QUESTION = (Variant.MAIN, Variant.RETEST)


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often the question was asked, and how often it failed like the first time.

    ``reproduced`` is ``None`` without a second attempt; ``recovered`` is the share of the
    later attempts that passed, ``None`` without one.
    """

    total: int
    failed: int
    alike: int
    passed: int

    @property
    def reproduced(self) -> bool | None:
        """Whether at least two, and two thirds, failed alike."""
        if self.total < 2:
            return None
        return self.alike >= 2 and 3 * self.alike >= 2 * self.total

    @property
    def recovers(self) -> bool | None:
        """Whether it passed later and failed in less than two thirds of the attempts."""
        if self.total < 2:
            return None
        return self.passed > 0 and 3 * self.failed < 2 * self.total


def looks(bundle: Sequence[Measurement], *variants: Variant) -> tuple[tuple[int, Measurement], ...]:
    """Return the finished measurements of these variants with their place in the bundle."""
    return tuple(
        (index, m)
        for index, m in enumerate(bundle)
        if m.variant in variants and m.outcome is Outcome.MEASURED
    )


def attempts_of(bundle: Sequence[Measurement], first: Ending) -> Attempts:
    """Count the attempts at what ``first`` failed at.

    Another address that fails as well is an attempt; one that passes is not a recovery of the
    first address, so it is not counted here (``TcpFacts.other_address``). An encrypted
    resolver's look counts when it dialled an address that the first look dialled.
    """
    main_addresses = _dialled(m for _, m in looks(bundle, *_SAME_QUESTION))
    endings = [ending_of(m) for _, m in looks(bundle, *_SAME_QUESTION)]
    for _, other in looks(bundle, Variant.OTHER_ADDRESS):
        ending = ending_of(other)
        if not ending.passed:
            endings.append(ending)
    if first.layer is not Layer.DNS:
        for _, other in looks(bundle, Variant.DOH):
            if _dialled((other,)) & main_addresses:
                endings.append(ending_of(other))
    finished = [e for e in endings if not e.unfinished]
    return Attempts(
        total=len(finished),
        failed=sum(not e.passed for e in finished),
        alike=sum(e.alike(first) for e in finished),
        passed=sum(e.passed for e in finished),
    )


def failing_alike(bundle: Sequence[Measurement], first: Ending) -> frozenset[str]:
    """Return the addresses at which a look at the endpoint ended like the first one."""
    mine = looks(bundle, *_SAME_QUESTION, Variant.OTHER_ADDRESS)
    ends = (m.steps[-1] for _, m in mine if ending_of(m).alike(first) and m.steps)
    return frozenset(s.address for s in ends if not isinstance(s, DnsStep))


def _dialled(measurements: Iterable[Measurement]) -> frozenset[str]:
    return frozenset(s.address for m in measurements for s in m.steps if isinstance(s, TcpStep))
