"""The 2-of-3 rule: whether the same thing failed again, or it was a passing fault.

The first look, its retests and looks at other authentic addresses are attempts at one question.
Random faults rarely repeat at the same layer in the same way; interference that fires in three
of four cases (the GFW's resets) does so in two of three. A trigger must not confirm itself: for
60 to 180 s after one, some censors cut everything between two hosts, so a failure at an address
within 200 s of an earlier cut there is no attempt of its own. Nor is a resolver's failure
(SERVFAIL) within five minutes of the last one that counted: it may be the same one, from memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from probe.analysis.endings import Ending, FailureClass, Layer, ending_of
from probe.model.measurement import DnsStep, Measurement, Outcome, TcpStep, UdpStep, Variant

__all__ = [
    "RESIDUE",
    "Attempts",
    "Trigger",
    "attempts_of",
    "failing_alike",
    "in_residue",
    "looks",
    "triggers_of",
]

RESIDUE = timedelta(seconds=200)
"""How long a cut may leave a trace at its address (facts: residual blocking lasts 60-180 s)."""

REMEMBERED = timedelta(seconds=300)
"""How long a resolver may answer with a failure that it has cached (RFC 9520, section 3.2)."""

_SAME_QUESTION = (Variant.MAIN, Variant.RETEST)
_AFTER_NAME = (Layer.TLS, Layer.HTTP, Layer.EXCHANGE)
_CUT = (FailureClass.RESET, FailureClass.TIMEOUT)
_PASSING = frozenset(
    {
        FailureClass.RESET,
        FailureClass.TIMEOUT,
        FailureClass.REFUSED,
        FailureClass.UNREACHABLE,
        FailureClass.SERVFAIL,
    }
)
"""How a bad line, a busy server or a restart fails; none of them forges a name or a certificate."""

_WORDS = {
    FailureClass.RESET: "cut off",
    FailureClass.TIMEOUT: "silence",
    FailureClass.REFUSED: "refused",
    FailureClass.UNREACHABLE: "unreachable",
    FailureClass.ALERT: "an alert",
    FailureClass.CERTIFICATE: "a foreign certificate",
    FailureClass.NXDOMAIN: "no such name",
    FailureClass.SERVFAIL: "a failing resolver",
    FailureClass.NO_ANSWER: "no address",
    FailureClass.BOGON: "a private address",
}


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often the question was asked, and how often it failed like the first time.

    ``reproduced`` is ``None`` without a second attempt; ``recovered`` is the share of the
    later attempts that passed, ``None`` without one. ``ways`` are the ways in which it was cut,
    in the order in which they were first seen. ``unlike`` is whether it passed once, and failed
    only as passing faults do, and never twice in the same way.
    """

    total: int
    failed: int
    alike: int
    passed: int
    ways: tuple[str, ...] = ()
    unlike: bool = False

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


@dataclass(frozen=True, slots=True)
class Trigger:
    """A look that was cut after it had shown the name: where, and when it ended."""

    address: str
    ended: datetime


def looks(bundle: Sequence[Measurement], *variants: Variant) -> tuple[tuple[int, Measurement], ...]:
    """Return the finished measurements of these variants with their place in the bundle."""
    return tuple(
        (index, m)
        for index, m in enumerate(bundle)
        if m.variant in variants and m.outcome is Outcome.MEASURED
    )


def triggers_of(bundle: Sequence[Measurement]) -> tuple[Trigger, ...]:
    """Return the looks at the endpoint's own name that were cut in a handshake or request."""
    mine = (*_SAME_QUESTION, Variant.OTHER_ADDRESS, Variant.DOH, Variant.OTHER_RESOLVER)
    found = []
    for _, m in looks(bundle, *mine):
        ending, address = ending_of(m), _last_address(m)
        named = ending.layer in _AFTER_NAME or _named_in_quic(m)
        if address is not None and named and ending.kind in _CUT:
            found.append(Trigger(address, _ended(m)))
    return tuple(found)


def _named_in_quic(measurement: Measurement) -> bool:
    """Return whether a handshake of QUIC, with the name in it, was what failed last."""
    last = measurement.steps[-1] if measurement.steps else None
    return isinstance(last, UdpStep) and last.protocol in ("quic", "quic-ping")


def attempts_of(bundle: Sequence[Measurement], first: Ending) -> Attempts:
    """Count the attempts at what ``first`` failed at.

    Another address that fails as well is an attempt; one that passes is not a recovery of the
    first address, so it is not counted here (``TcpFacts.other_address``). An encrypted
    resolver's look counts when it dialled an address that the first look dialled.
    """
    tried = [m for _, m in looks(bundle, *_SAME_QUESTION)]
    main_addresses = _dialled(tried)
    tried += [m for _, m in looks(bundle, Variant.OTHER_ADDRESS) if not ending_of(m).passed]
    if first.layer is not Layer.DNS:
        tried += [m for _, m in looks(bundle, Variant.DOH) if _dialled((m,)) & main_addresses]
    triggers = triggers_of(bundle)
    finished = [
        ending
        for m in _without_echoes(tried)
        if not (ending := ending_of(m)).unfinished
        and (ending.passed or not in_residue(m, triggers))
    ]
    alike = [e for e in finished if e.akin(first)]
    failed = [e for e in finished if not e.passed]
    return Attempts(
        total=len(finished),
        failed=len(failed),
        alike=len(alike),
        passed=sum(e.passed for e in finished),
        ways=tuple(dict.fromkeys(_way(e) for e in alike)),
        unlike=len(failed) < len(finished) and _unlike(failed),
    )


def _unlike(failed: Sequence[Ending]) -> bool:
    """Return whether no two failed in the same way, and each as a passing fault does."""
    pairs = combinations(failed, 2)
    return all(e.kind in _PASSING for e in failed) and not any(a.akin(b) for a, b in pairs)


def _without_echoes(tried: Iterable[Measurement]) -> Iterator[Measurement]:
    """Leave out failures of a resolver that may be an earlier one, told again from its cache."""
    failed: datetime | None = None
    for m in tried:
        if ending_of(m).kind is FailureClass.SERVFAIL:
            if failed is not None and m.started < failed + REMEMBERED:
                continue
            failed = _ended(m)
        yield m


def in_residue(measurement: Measurement, triggers: Iterable[Trigger]) -> bool:
    """Return whether an earlier cut at the same address may explain what was seen."""
    address = _last_address(measurement)
    return any(
        t.address == address and t.ended < measurement.started < t.ended + RESIDUE for t in triggers
    )


def failing_alike(bundle: Sequence[Measurement], first: Ending) -> frozenset[str]:
    """Return the addresses at which a look at the endpoint ended like the first one."""
    mine = looks(bundle, *_SAME_QUESTION, Variant.OTHER_ADDRESS)
    ends = (m.steps[-1] for _, m in mine if ending_of(m).akin(first) and m.steps)
    return frozenset(s.address for s in ends if not isinstance(s, DnsStep))


def _way(ending: Ending) -> str:
    said = _WORDS.get(ending.kind, "a failure") if ending.kind is not None else "a failure"
    return "no connection" if ending.layer is Layer.TCP and said == "silence" else said


def _ended(measurement: Measurement) -> datetime:
    return measurement.started + timedelta(seconds=measurement.duration_s)


def _last_address(measurement: Measurement) -> str | None:
    last = measurement.steps[-1] if measurement.steps else None
    return None if last is None or isinstance(last, DnsStep) else last.address


def _dialled(measurements: Iterable[Measurement]) -> frozenset[str]:
    dials = (s for m in measurements for s in m.steps if isinstance(s, TcpStep | UdpStep))
    return frozenset(s.address for s in dials)
