"""What was expected of a scenario, what was found, and whether that is right; as data."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from stage import Played

from probe.lab.rules import Expected, Scenario
from probe.model.context import GateId
from probe.model.record import Record
from probe.model.verdict import State, Verdict

__all__ = ["Finding", "Outcome", "about_gates", "outcome_of", "said", "wrongly_blocked"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation and what came instead of it, or in it."""

    about: str  # a service, service@host, or "gates"
    expected: str
    found: str
    right: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario in one stage.

    ``innocent`` is how many endpoints were judged that nobody blocks, ``blocked`` those of them
    that were called blocked; ``rules`` are those that made a verdict.
    """

    scenario: str
    stage: str
    description: str
    right: bool
    trap: bool
    findings: tuple[Finding, ...]
    innocent: int = 0
    blocked: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def said(verdict: Verdict) -> str:
    """Return a verdict in one line."""
    reason = f" ({verdict.reason})" if verdict.reason is not None else ""
    return (
        f"{verdict.state} {verdict.mechanism} {verdict.locus} {verdict.confidence}{reason}"
        f" [{verdict.rule_id}]"
    )


def fits(verdict: Verdict, expected: Expected) -> bool:
    """Return whether a verdict says all that is expected; a mechanism may be deeper."""
    node = expected.mechanism
    return (
        expected.state in (None, verdict.state)
        and verdict.state is not expected.unlike
        and (node is None or f"{verdict.mechanism}.".startswith(f"{node}."))
        and expected.locus in (None, verdict.locus)
        and expected.confidence in (None, verdict.confidence)
        and expected.reason in (None, verdict.reason)
    )


def outcome_of(scenario: Scenario, stage: str, played: Sequence[Played]) -> Outcome:
    """Return whether all rounds of a scenario found what is expected, and nothing else blocked."""
    findings = tuple(finding for one in played for finding in _findings(one))
    blocked = tuple(sorted({name for one in played for name in wrongly_blocked(one)}))
    problems = tuple(problem for one in played for problem in one.result.problems)
    rules = {record.verdict.rule_id for one in played for record in one.result.records}
    return Outcome(
        scenario=scenario.name,
        stage=stage,
        description=" ".join(scenario.description.split()),
        right=all(f.right for f in findings) and not blocked and not problems,
        trap=scenario.name.startswith("trap-"),
        findings=findings,
        innocent=sum(len(_innocent(one)) for one in played),
        blocked=blocked,
        rules=tuple(sorted(rules)),
        problems=problems,
    )


def _findings(played: Played) -> Iterator[Finding]:
    yield about_gates(played.expected, played.gates)
    for expected in played.expected:
        if expected.gate is not None:
            continue
        about = expected.service + (f"@{expected.host}" if expected.host else "")
        for verdict in verdicts_of(played, expected):
            yield Finding(
                about=about + _hour(played, expected),
                expected=expected.verdict,
                found=said(verdict),
                right=fits(verdict, expected),
            )


def _hour(played: Played, expected: Expected) -> str:
    return f" at {played.at:%H:%M} UTC" if expected.at is not None else ""


def about_gates(expected: Iterable[Expected], closed: frozenset[GateId]) -> Finding:
    """Compare the gates that closed with those that must close and those that chance may close."""
    gates = [e for e in expected if e.gate is not None]
    sure = frozenset(e.gate for e in gates if e.gate is not None and not e.may)
    perhaps = frozenset(e.gate for e in gates if e.gate is not None and e.may)
    return Finding(
        about="gates",
        expected=_names(sure) + (f", perhaps {_names(perhaps)}" if perhaps else ""),
        found=_names(closed),
        right=sure <= closed <= sure | perhaps,
    )


def _names(gates: Iterable[str]) -> str:
    return ", ".join(sorted(gates)) or "none"


def verdicts_of(played: Played, expected: Expected) -> list[Verdict]:
    """Return what was said of the endpoints, or of the service, that ``expected`` names.

    Raises:
        LookupError: the scenario expects something of a stranger.

    """
    if expected.host is None:
        return [played.service(expected.service).verdict]
    found = [record.verdict for record in played.at_host(expected.service, expected.host)]
    if not found:
        raise LookupError(f"{expected.host} is no host of {expected.service}")
    return found


def wrongly_blocked(played: Played) -> list[str]:
    """Return the endpoints that are called blocked and that nobody blocks."""
    return [
        f"{record.endpoint}: {said(record.verdict)}"
        for record in _innocent(played)
        if record.verdict.state is State.BLOCKED
    ]


def _innocent(played: Played) -> list[Record]:
    """Return what was judged of endpoints that nobody expects to be blocked.

    Where a service as a whole is expected to be blocked, so may its endpoints be.
    """
    cut = {e.host for e in played.expected if e.state is State.BLOCKED and e.host}
    whole = {e.service for e in played.expected if e.state is State.BLOCKED and not e.host}
    return [
        record
        for endpoint, record in played.targets()
        if endpoint.host not in cut and endpoint.service not in whole
    ]
